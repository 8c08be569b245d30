//! The committed inputs of the fuzzer, and its seeds, are checked in every test run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, panic, thread};
use tempfile::TempDir;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn sorted_names(directory: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Stack of the parsing thread, because the registry's parser recurses as deep as a file nests. In an agent
/// it runs in a worker process with 8 MiB. A development build needs more for the same, and a test's own
/// thread has 2.
const STACK_BYTES: usize = 64 << 20;

#[test]
fn kept_corpus_and_seeds_hold_every_property() {
    let reader = thread::Builder::new().stack_size(STACK_BYTES).spawn(check_all).unwrap();
    if let Err(broken) = reader.join() {
        panic::resume_unwind(broken);
    }
}

fn check_all() {
    for (target, check) in hostile::TARGETS {
        let unpacked = unpack(&fuzz_folder().join("corpus").join(format!("{target}.tar.gz")));
        for directory in [&fuzz_folder().join("seeds").join(target), unpacked.path()] {
            let inputs = sorted_names(directory);
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
    let tar = tar
        .arg("--extract")
        .arg("--file")
        .arg(archive)
        .arg("--directory")
        .arg(into.path())
        .output();
    let tar = tar.unwrap();
    assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
    into
}

#[test]
fn each_target_has_one_fuzz_target_file_that_calls_it() {
    let doorways: Vec<String> =
        hostile::TARGETS.iter().map(|(name, _)| format!("{name}.rs")).collect();
    assert_eq!(sorted_names(&fuzz_folder().join("fuzz_targets")), doorways);
    for (name, _) in hostile::TARGETS {
        let text =
            fs::read_to_string(fuzz_folder().join("fuzz_targets").join(format!("{name}.rs")))
                .unwrap();
        assert!(text.contains(&format!("hostile::{name}(")), "{name}.rs leads elsewhere");
    }
}

#[test]
fn dictionary_lists_every_parameter() {
    let dictionary =
        fs::read_to_string(fuzz_folder().join("dictionaries/environment.dict")).unwrap();
    for parameter in pico::parameters::for_type(pico::PicoType::Platform) {
        assert!(
            dictionary.contains(&format!("\"OCF_RESKEY_{}=\"", parameter.name)),
            "{}",
            parameter.name
        );
    }
}
