//! What a command line says about a process. Pure.

use crate::settings::{PicoName, Target};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is looked at of a process: its arguments, `argv[0]` first, and the file name of its program.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    /// `/proc/PID/cmdline`.
    pub argv: &'a [OsString],
    /// The last part of where `/proc/PID/exe` points, where it could be read.
    pub program: Option<&'a OsStr>,
}

/// What a process is to a pico, by name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The pico instance itself, if the installation is the right one.
    Pico,
    /// The pico instance itself, whatever the installation: `process_match` says so.
    PicoByMatch,
    /// An mzsh that is starting it, if the installation is the right one.
    Startup,
}

/// What a process says about its installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HomeClaim {
    /// This one.
    Is(PathBuf),
    /// Nothing that can be read.
    Unknown,
}

/// Is this process, by name, the pico `target` or a startup of it?
#[must_use]
pub fn role(target: &Target, process: Arguments<'_>) -> Option<Role> {
    let name = target.name.as_str();
    if let Some(rest) = after_mzsh(process) {
        let has = |word: &str| rest.iter().any(|a| a == word);
        return ((has("startup") || has("restart")) && has(name)).then_some(Role::Startup);
    }
    if let Some(pattern) = &target.process_match {
        let line: Vec<_> = process.argv.iter().map(|a| a.to_string_lossy()).collect();
        return pattern.is_match(&line.join(" ")).then_some(Role::PicoByMatch);
    }
    if !is_java(process) {
        return None;
    }
    (pico_name(process.argv)? == name).then_some(Role::Pico)
}

/// The program is a Java launcher, by its path or by what it was called as.
fn is_java(process: Arguments<'_>) -> bool {
    let called = process.argv.first().and_then(|a| Path::new(a).file_name());
    [called, process.program].into_iter().flatten().any(|name| name == "java")
}

/// The arguments of mzsh, where the process is mzsh: its JVM, or the script `bin/mzsh` before it executes that.
fn after_mzsh(process: Arguments<'_>) -> Option<&[OsString]> {
    let argv = process.argv;
    if is_java(process) {
        let class = argv.iter().position(|a| !is_option(a) && a.as_bytes().ends_with(b".CommandLine"))?;
        return argv.get(class + 1..);
    }
    script(argv).and_then(|at| argv.get(at + 1..))
}

/// Where `.../bin/mzsh` stands in the command line of a script: first, or after its shell and that one's options.
fn script(argv: &[OsString]) -> Option<usize> {
    let is_mzsh = |at: &usize| argv.get(*at).is_some_and(|a| Path::new(a).ends_with("bin/mzsh"));
    let after_shell = argv.iter().skip(1).position(|a| !is_option(a)).map(|at| at + 1);
    [Some(0), after_shell].into_iter().flatten().find(is_mzsh)
}

/// The pico's name, by the first marker of three that is there.
fn pico_name(argv: &[OsString]) -> Option<&str> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let marked =
        |prefix: &'static [u8]| argv.iter().rev().find_map(move |a| a.as_bytes().strip_prefix(prefix));
    if let Some(name) = marked(b"-Dpico.configname=") {
        return text(name);
    }
    // One argument with spaces in it: "oom <pico> <log> <critical log>".
    if let Some(call) = marked(b"-XX:OnOutOfMemoryError=oom ") {
        return text(call)?.split_ascii_whitespace().next();
    }
    // Wherever it stands: an option such as -classpath takes the argument after it.
    let is_main_class = |argument: &OsString| {
        let name = argument.as_bytes().rsplit(|&b| b == b'.').next();
        matches!(name, Some(b"PicoStart" | b"CodeServerMain"))
    };
    let main_class = argv.iter().skip(1).position(|a| !is_option(a) && is_main_class(a))? + 1;
    argv.get(main_class + 1..)?.last().and_then(|name| text(name.as_bytes()))
}

/// The name of the pico that this process is by its command line, of whichever installation.
#[must_use]
pub fn name_of_pico(process: Arguments<'_>) -> Option<PicoName> {
    if after_mzsh(process).is_some() || !is_java(process) {
        return None;
    }
    pico_name(process.argv)?.parse().ok()
}

/// Is this a pico of any name, or an mzsh?
#[must_use]
pub fn pico_of_anyone(process: Arguments<'_>) -> bool {
    after_mzsh(process).is_some() || (is_java(process) && pico_name(process.argv).is_some())
}

fn is_option(argument: &OsStr) -> bool {
    argument.as_bytes().starts_with(b"-")
}

/// Which installation the process says it belongs to. `environment` is read only if the command line is silent.
pub fn home_claim(argv: &[OsString], environment: impl FnOnce() -> Option<Vec<OsString>>) -> HomeClaim {
    let value = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    // Java takes the last one.
    if let Some(home) = argv.iter().rev().find_map(|a| a.as_bytes().strip_prefix(b"-Dmz.home=")) {
        return HomeClaim::Is(value(home));
    }
    if !argv.first().is_some_and(|a| Path::new(a).ends_with("java"))
        && let Some(home) = script(argv).and_then(|at| Path::new(&argv[at]).ancestors().nth(2))
        && home.is_absolute()
    {
        return HomeClaim::Is(home.to_owned());
    }
    let environment = environment().unwrap_or_default();
    let variable = environment.iter().find_map(|e| e.as_bytes().strip_prefix(b"MZ_HOME="));
    variable.filter(|v| !v.is_empty()).map_or(HomeClaim::Unknown, |home| HomeClaim::Is(value(home)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Home;
    use proptest::prelude::*;

    fn target(name: &str) -> Target {
        Target { name: name.parse().unwrap(), home: Home::new(Path::new("/opt/mz")), process_match: None }
    }

    fn argv(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    fn role_of(name: &str, words: &[&str]) -> Option<Role> {
        role(&target(name), Arguments { argv: &argv(words), program: None })
    }

    const CLASS: &str = "com.digitalroute.picostart.PicoStart";
    const MZSH: &str = "com.digitalroute.picostart.cmdline.CommandLine";

    #[test]
    fn each_marker_alone_identifies_and_exactly() {
        let lines: [&[&str]; 3] = [
            &["/jdk/bin/java", "-Dpico.configname=ec1", CLASS],
            &["java", "-XX:OnOutOfMemoryError=oom ec1 /l/ec1.log /l/crit.log", CLASS],
            &["java", "-Xmx1g", "-classpath", "/opt/mz/lib/picostart.jar", CLASS, "ec1"],
        ];
        for line in lines {
            assert_eq!(role_of("ec1", line), Some(Role::Pico), "{line:?}");
            for other in ["ec10", "ec", "c1", "EC1", "1"] {
                assert_eq!(role_of(other, line), None, "{other} {line:?}");
            }
        }
    }

    #[test]
    fn the_name_of_the_configuration_goes_before_the_other_markers() {
        let line = ["java", "-Dpico.configname=ec1", "-XX:OnOutOfMemoryError=oom ec2 a b", CLASS, "ec3"];
        assert_eq!(role_of("ec1", &line), Some(Role::Pico));
        assert_eq!(role_of("ec2", &line), None);
        assert_eq!(role_of("ec3", &line), None);
    }

    #[test]
    fn what_only_mentions_the_pico_is_not_it() {
        let lines: [&[&str]; 5] = [
            &["grep", "-Dpico.configname=ec1"],
            &["pgrep", "-f", "java -Dpico.configname=ec1 com.digitalroute.picostart.PicoStart"],
            &["sh", "-c", "java -Dpico.configname=ec1"],
            &["java", "-jar", "other.jar", "ec1"],
            &["runuser", "-u", "mz", "java", "-Dpico.configname=ec1", CLASS],
        ];
        for line in lines {
            assert_eq!(role_of("ec1", line), None, "{line:?}");
        }
    }

    #[test]
    fn mzsh_is_never_the_pico_and_only_some_verbs_are_a_startup() {
        for (line, expected) in [
            (vec!["java", "-Dmz.home=/opt/mz", MZSH, "startup", "-f", "ec1"], Some(Role::Startup)),
            (vec!["java", MZSH, "restart", "ec2", "ec1"], Some(Role::Startup)),
            (vec!["java", MZSH, "status", "ec1"], None),
            (vec!["java", MZSH, "shutdown", "ec1"], None),
            (vec!["java", MZSH, "startup", "ec10"], None),
            (vec!["java", "-Dpico.configname=ec1", MZSH, "status", "ec1"], None),
            (vec!["/bin/sh", "/opt/mz/bin/mzsh", "startup", "-f", "ec1"], Some(Role::Startup)),
            (vec!["/opt/mz/bin/mzsh", "startup", "ec1"], Some(Role::Startup)),
            (vec!["/bin/sh", "-e", "/opt/mz/bin/mzsh", "startup", "ec1"], Some(Role::Startup)),
            (vec!["vi", "/opt/mz/bin/mzsh.old", "startup", "ec1"], None),
        ] {
            assert_eq!(role_of("ec1", &line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_launcher_that_is_called_otherwise_is_still_java() {
        let line = argv(&["mediationzone", "-Dpico.configname=ec1", CLASS]);
        for (program, expected) in [("java", Some(Role::Pico)), ("javac", None), ("perl", None)] {
            let process = Arguments { argv: &line, program: Some(OsStr::new(program)) };
            assert_eq!(role(&target("ec1"), process), expected, "{program}");
        }
    }

    #[test]
    fn the_pattern_replaces_the_markers_but_mzsh_stays_mzsh() {
        let mut own = target("ec1");
        own.process_match = Some(regex_lite::Regex::new("wrapped-ec1( |$)").unwrap());
        let role = |words: &[&str]| role(&own, Arguments { argv: &argv(words), program: None });
        assert_eq!(role(&["launcher", "wrapped-ec1"]), Some(Role::PicoByMatch));
        assert_eq!(role(&["launcher", "wrapped-ec10"]), None);
        assert_eq!(role(&["java", "-Dpico.configname=ec1", CLASS]), None);
        assert_eq!(role(&["java", MZSH, "startup", "ec1", "wrapped-ec1"]), Some(Role::Startup));
    }

    #[test]
    fn the_home_is_the_last_on_the_command_line_then_the_scripts_then_the_environments() {
        let environment = argv(&["A=b", "MZ_HOME=/opt/env"]);
        let claim = |words: &[&str]| home_claim(&argv(words), || Some(environment.clone()));
        let is = |path: &str| HomeClaim::Is(path.into());
        assert_eq!(claim(&["java", "-Dmz.home=/opt/a", "-Dmz.home=/opt/b"]), is("/opt/b"));
        assert_eq!(claim(&["/bin/sh", "/opt/mz/bin/mzsh", "startup"]), is("/opt/mz"));
        assert_eq!(claim(&["sh", "bin/mzsh", "startup"]), is("/opt/env"));
        assert_eq!(claim(&["java", CLASS]), is("/opt/env"));
        assert_eq!(home_claim(&argv(&["java"]), || None), HomeClaim::Unknown);
        assert_eq!(home_claim(&argv(&["java"]), || Some(Vec::new())), HomeClaim::Unknown);
    }

    proptest! {
        #[test]
        fn no_command_line_makes_it_panic_or_confuse_names(
            words in proptest::collection::vec(proptest::collection::vec(1_u8.., 0..40), 0..8),
            own in "[a-z]{1,4}[0-9]{0,2}", tail in "[a-z0-9_.-]{1,3}",
        ) {
            let mut line: Vec<OsString> = vec!["java".into()];
            line.extend(words.iter().map(|w| OsStr::from_bytes(w).to_owned()));
            let process = Arguments { argv: &line, program: None };
            let _ = role(&target(&own), process);
            // A marker that names a longer name is never this one.
            line.push(format!("-Dpico.configname={own}{tail}").into());
            let process = Arguments { argv: &line, program: None };
            prop_assert_ne!(role(&target(&own), process), Some(Role::Pico));
        }
    }
}
