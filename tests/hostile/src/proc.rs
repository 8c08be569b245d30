//! /proc: content that any process of the node can control.

use crate::split_input;
use host::Pid;
use host::process::{Stat, split_nul};
use pico::PicoInstance;
use pico::identity::{
    HomeClaim, MzHome, ProcessArguments, Role, home_claim, is_any_pico_or_mzsh, role,
};
use regex_lite::Regex;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `bytes` are a line of `/proc/PID/stat`, and also the name that a process gave itself (prctl(2)) in an
/// otherwise valid line.
///
/// - Nothing panics.
/// - The name of a process never shifts the fields that follow.
pub fn stat(bytes: &[u8]) {
    if let Ok(stat) = Stat::parse(bytes) {
        assert!(stat.pid.as_raw() > 0 && stat.parent.is_none_or(|parent| parent.as_raw() > 0));
        assert!(bytes.len() >= stat.comm.len() + 2);
    }
    let tail = b") S 1 4711 4712 0 -1 4194304 1 0 0 0 5 3 0 0 20 0 37 0 123456 99 1 18446744073709551615\n";
    let line = [b"4711 (", bytes, tail.as_slice()].concat();
    let stat = Stat::parse(&line).expect("the name does not matter");
    assert_eq!(stat.comm, bytes);
    assert_eq!((stat.pid.as_raw(), stat.parent), (4711, Pid::new(1)));
    assert_eq!(
        (stat.process_group, stat.session, stat.threads, stat.start),
        (4711, 4712, 37, 123_456)
    );
}

/// `bytes` are, with [`SEPARATOR`](crate::SEPARATOR) between them: the name of the pico; `/proc/PID/cmdline`;
/// `/proc/PID/environ`; the last part of the target of `/proc/PID/exe`; a pattern for `process_match`, if
/// any.
///
/// - Nothing panics.
/// - A process is the pico only by a marker that is exactly its name; so it is the pico of one name alone.
/// - mzsh is never the pico; a startup has that word and exactly the name among its arguments.
/// - It claims no other home than one in its arguments or environment.
pub fn command_line(bytes: &[u8]) {
    let [name, cmdline, environ, program, pattern] = split_input(bytes);
    let Some(name) = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok()) else {
        return;
    };
    let argv = split_nul(cmdline);
    let environ = split_nul(environ);
    let process = ProcessArguments {
        argv: &argv,
        program: Some(OsStr::from_bytes(program)).filter(|p| !p.is_empty()),
    };
    let mut target =
        PicoInstance { name, home: MzHome::new(Path::new("/opt/mz")), process_match: None };

    match role(&target, process) {
        Some(Role::Pico) => {
            assert_exact_marker(&argv, target.name.as_str());
            assert!(!is_mzsh(&argv), "{argv:?}");
            assert!(is_any_pico_or_mzsh(process));
            assert_matches_one_name(&target, process);
        }
        Some(Role::Startup) => {
            for word in [&["startup", "restart"][..], &[target.name.as_str()]] {
                assert!(argv.iter().any(|a| word.iter().any(|w| a == w)), "{argv:?}");
            }
            assert!(is_any_pico_or_mzsh(process));
        }
        Some(Role::PicoByMatch) => panic!("there is no pattern"),
        None => {}
    }
    assert_other_programs_are_no_pico(&target, process);
    assert_home_claim_is_in_arguments(process, &environ);

    // A pattern with a repetition is large and slow to compile; the environment's target tests that.
    let pattern = std::str::from_utf8(pattern).ok().filter(|p| !p.is_empty() && !p.contains('{'));
    if let Some(pattern) = pattern.and_then(|pattern| Regex::new(pattern).ok()) {
        target.process_match = Some(pattern);
        // The pattern replaces the markers.
        assert_ne!(role(&target, process), Some(Role::Pico));
    }
}

fn assert_exact_marker(argv: &[OsString], name: &str) {
    let property = format!("-Dpico.configname={name}");
    let on_error = format!("-XX:OnOutOfMemoryError=oom {name}");
    let by_property = argv.iter().any(|a| *a == *property);
    let by_error = argv.iter().any(|a| {
        // The words count, not the number of blanks between them.
        let words: Vec<&[u8]> =
            a.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        let expected: Vec<&[u8]> = on_error.as_bytes().split(|&b| b == b' ').collect();
        words.starts_with(&expected)
    });
    let by_last = argv.last().is_some_and(|last| last == name)
        && argv.iter().any(|a| {
            a.as_bytes().ends_with(b"PicoStart") || a.as_bytes().ends_with(b"CodeServerMain")
        });
    assert!(by_property || by_error || by_last, "{argv:?} is not marked {name}");
}

/// Whether the main class is mzsh's, whose arguments follow it. A word after an option other than `-D` and
/// `-X` may be its value: then this is not known here.
fn is_mzsh(argv: &[OsString]) -> bool {
    let starts_with = |word: &OsString, beginnings: &[&[u8]]| {
        beginnings.iter().any(|beginning| word.as_bytes().starts_with(beginning))
    };
    let is_word = |word: &OsString| !starts_with(word, &[b"-", b"@"]);
    let Some(at) = argv.iter().skip(1).position(is_word).map(|at| at + 1) else { return false };
    let (before, main) = (&argv[at - 1], &argv[at]);
    let may_be_a_value =
        at > 1 && starts_with(before, &[b"-"]) && !starts_with(before, &[b"-D", b"-X"]);
    !may_be_a_value && main.as_bytes().ends_with(b".CommandLine")
}

fn assert_matches_one_name(target: &PicoInstance, process: ProcessArguments<'_>) {
    let name = target.name.as_str();
    let others = [
        format!("{name}0"),
        format!("x{name}"),
        name[..name.len() - 1].to_owned(),
        name.to_uppercase(),
    ];
    for other in others.iter().filter(|other| *other != name).filter_map(|other| other.parse().ok())
    {
        assert_ne!(
            role(&PicoInstance { name: other, ..target.clone() }, process),
            Some(Role::Pico)
        );
    }
}

/// Arguments of a java that runs another class, a jar or nothing at all; and all arguments of other programs.
fn assert_other_programs_are_no_pico(target: &PicoInstance, process: ProcessArguments<'_>) {
    let words = process.argv.iter().skip(1).cloned();
    for (program, first) in [
        ("java", vec!["java", "org.example.Tool"]),
        ("java", vec!["java", "-jar", "a.jar"]),
        ("perl", vec!["java"]),
    ] {
        let argv: Vec<OsString> = first.iter().map(OsString::from).chain(words.clone()).collect();
        let process = ProcessArguments { argv: &argv, program: Some(OsStr::new(program)) };
        assert_ne!(role(target, process), Some(Role::Pico), "{argv:?}");
    }
}

fn assert_home_claim_is_in_arguments(process: ProcessArguments<'_>, environ: &[OsString]) {
    let argv = process.argv;
    if let HomeClaim::Path(home) = home_claim(process, || Some(environ.to_vec())) {
        let home = home.as_os_str().as_bytes();
        let after = |prefix: &[u8], words: &[OsString]| {
            words.iter().any(|w| w.as_bytes().strip_prefix(prefix) == Some(home))
        };
        let above_script = argv.iter().any(|a| {
            let relative = home == b".".as_slice() || home.ends_with(b"..");
            (relative || a.as_bytes().starts_with(home))
                && Path::new(a).file_name() == Some("mzsh".as_ref())
        });
        assert!(
            after(b"-Dmz.home=", argv) || above_script || after(b"MZ_HOME=", environ),
            "{argv:?}"
        );
    }
    if let HomeClaim::Path(_) = home_claim(process, || None) {
        assert!(!argv.is_empty());
    }
}
