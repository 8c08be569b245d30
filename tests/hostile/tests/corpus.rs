//! What the fuzzer found worth keeping, and the seeds that it began with, keep their promises in every run of the tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, panic, thread};
use tempfile::TempDir;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Of the thread that reads: the registry's reader goes as deep as a file nests. The helper that reads it in an agent has 8 MiB; a
/// build for development needs more for the same, and a test's own thread has 2.
const STACK: usize = 64 << 20;

#[test]
fn every_input_that_is_kept_keeps_the_promises() {
    let reader = thread::Builder::new().stack_size(STACK).spawn(read_all).unwrap();
    if let Err(broken) = reader.join() {
        panic::resume_unwind(broken);
    }
}

fn read_all() {
    for (target, check) in hostile::TARGETS {
        let unpacked = unpack(&fuzz().join("corpus").join(format!("{target}.tar.gz")));
        for directory in [&fuzz().join("seeds").join(target), unpacked.path()] {
            let inputs = names(directory);
            assert!(!inputs.is_empty(), "{} is empty", directory.display());
            for input in inputs {
                let bytes = fs::read(directory.join(&input)).unwrap();
                let outcome = panic::catch_unwind(|| check(&bytes));
                assert!(outcome.is_ok(), "{target}: {input}");
            }
        }
    }
}

fn unpack(archive: &Path) -> TempDir {
    let into = TempDir::new().unwrap();
    let mut tar = Command::new("tar");
    let tar = tar.arg("--extract").arg("--file").arg(archive).arg("--directory").arg(into.path()).output();
    let tar = tar.unwrap();
    assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
    into
}

#[test]
fn every_target_has_a_doorway_and_no_doorway_leads_nowhere() {
    let doorways: Vec<String> = hostile::TARGETS.iter().map(|(name, _)| format!("{name}.rs")).collect();
    assert_eq!(names(&fuzz().join("fuzz_targets")), doorways);
    for (name, _) in hostile::TARGETS {
        let text = fs::read_to_string(fuzz().join("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(text.contains(&format!("hostile::{name}(")), "{name}.rs leads elsewhere");
    }
}

#[test]
fn the_dictionary_knows_every_parameter() {
    let dictionary = fs::read_to_string(fuzz().join("dictionaries/environment.dict")).unwrap();
    for parameter in agents::parameters::of(pico::PicoType::Platform) {
        assert!(dictionary.contains(&format!("\"OCF_RESKEY_{}=\"", parameter.name)), "{}", parameter.name);
    }
}
