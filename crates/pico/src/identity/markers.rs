//! Identifies a process by its command line. Pure.

use super::cluster_programs::{is_cluster_daemon, is_cluster_tool};
use super::java_command_line::JavaCommandLine;
use crate::settings::{PicoInstance, PicoName};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The shells that may execute the script `mzsh`.
const SHELLS: [&str; 14] = [
    "sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "lksh", "pdksh", "zsh", "yash", "posh",
    "rbash", "busybox",
];

/// The main classes of a pico.
const PICO_CLASSES: [&str; 2] = ["PicoStart", "CodeServerMain"];
/// The main class of mzsh.
const MZSH_CLASS: &str = "CommandLine";
/// Verbs of mzsh that start a pico.
const STARTUP_VERBS: [&str; 2] = ["startup", "restart"];
/// The main class of the HA client.
const HA_CLIENT_CLASS: &str = "HAClient";

/// Arguments of a process, and the file name of its program.
#[derive(Clone, Copy, Debug)]
pub struct ProcessArguments<'a> {
    /// `/proc/PID/cmdline`.
    pub argv: &'a [OsString],
    /// The file name of `/proc/PID/exe`. `None`: it could not be read; then that of `argv[0]` counts.
    pub program: Option<&'a OsStr>,
}

impl ProcessArguments<'_> {
    fn program_name(&self) -> Option<&OsStr> {
        self.program.or_else(|| Path::new(self.argv.first()?).file_name())
    }

    /// Is the executable a java launcher, whatever its `argv[0]`?
    fn is_java(&self) -> bool {
        self.program_name().is_some_and(|name| name == "java")
    }
}

/// May a process be a pico or an mzsh, by the file name of its program alone? Only then is its command line read.
#[must_use]
pub fn may_be_product_program(program: &OsStr) -> bool {
    program == "java" || program == "mzsh" || SHELLS.iter().any(|shell| program == *shell)
}

/// Role of a process, by the name of the pico alone.
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
    Path(PathBuf),
    /// Nothing that can be read.
    Unknown,
}

/// Is this process, by name, the pico `target` or a startup of it?
#[must_use]
pub fn role(target: &PicoInstance, process: ProcessArguments<'_>) -> Option<Role> {
    let name = target.name.as_str();
    if let Some(rest) = mzsh_arguments(process) {
        let has = |word: &str| rest.iter().any(|a| a == word);
        return (STARTUP_VERBS.iter().any(|verb| has(verb)) && has(name)).then_some(Role::Startup);
    }
    if let Some(pattern) = &target.process_match {
        // The command line of a tool may contain the pattern, and a daemon is never a pico.
        if is_cluster_daemon(process.argv) || is_cluster_tool(process.argv) {
            return None;
        }
        let line: Vec<_> = process.argv.iter().map(|a| a.to_string_lossy()).collect();
        return pattern.is_match(&line.join(" ")).then_some(Role::PicoByMatch);
    }
    (pico_name(process)? == name).then_some(Role::Pico)
}

/// The arguments of mzsh, where the process is mzsh: its JVM, or the script before it executes that.
fn mzsh_arguments(process: ProcessArguments<'_>) -> Option<&[OsString]> {
    if process.is_java() {
        let line = JavaCommandLine::parse(process.argv);
        return line.main_class_is(&[MZSH_CLASS]).then_some(line.arguments());
    }
    mzsh_script_index(process).and_then(|at| process.argv.get(at + 1..))
}

/// Where a script `mzsh`, called by whichever path, stands in the command line: first, or after its shell and that one's options.
fn mzsh_script_index(process: ProcessArguments<'_>) -> Option<usize> {
    let argv = process.argv;
    let is_shell =
        process.program_name().is_some_and(|program| SHELLS.iter().any(|shell| program == *shell));
    let is_mzsh = |at: &usize| {
        argv.get(*at).is_some_and(|a| Path::new(a).file_name() == Some("mzsh".as_ref()))
    };
    let after_shell =
        argv.iter().skip(1).position(|a| !is_option(a)).map(|at| at + 1).filter(|_| is_shell);
    [Some(0), after_shell].into_iter().flatten().find(is_mzsh)
}

/// The path of the script `mzsh`, as it was called, where the process is that.
pub(super) fn mzsh_script_path(process: ProcessArguments<'_>) -> Option<&Path> {
    let at = mzsh_script_index(process).filter(|_| !process.is_java())?;
    process.argv.get(at).map(Path::new)
}

/// The pico's name, by the first marker of three that is there. Markers count in the JVM's own part of the command line alone,
/// and not where the main class says that it is something else.
fn pico_name(process: ProcessArguments<'_>) -> Option<&str> {
    raw_pico_name(process)?.to_str()
}

/// The same, also for invalid names.
pub(super) fn raw_pico_name(process: ProcessArguments<'_>) -> Option<&OsStr> {
    if !may_be_pico(process) {
        return None;
    }
    let line = JavaCommandLine::parse(process.argv);
    if let Some(name) = line.option("-Dpico.configname=") {
        return Some(OsStr::from_bytes(name));
    }
    // One argument with spaces in it: "oom <pico> <log> <critical log>".
    if let Some(call) = line.option("-XX:OnOutOfMemoryError=oom ") {
        let mut words = call.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        return words.next().map(OsStr::from_bytes);
    }
    line.main_class_is(&PICO_CLASSES).then(|| line.arguments().last())?.map(OsString::as_os_str)
}

/// Is it a java whose main class is no other known program?
pub(super) fn may_be_pico(process: ProcessArguments<'_>) -> bool {
    let line = JavaCommandLine::parse(process.argv);
    process.is_java() && !line.main_class_is(&[MZSH_CLASS, HA_CLIENT_CLASS]) && !line.is_jdk_tool()
}

/// The name of the pico that this process is by its command line, of whichever installation.
#[must_use]
pub fn parse_pico_name(process: ProcessArguments<'_>) -> Option<PicoName> {
    pico_name(process)?.parse().ok()
}

/// The names among the arguments of an mzsh that starts picos.
pub(super) fn pico_names_to_start(process: ProcessArguments<'_>) -> impl Iterator<Item = &OsStr> {
    let words = mzsh_arguments(process).unwrap_or_default();
    let is_verb = |word: &OsString| STARTUP_VERBS.iter().any(|verb| word == verb);
    let words = if words.iter().any(is_verb) { words } else { &[] };
    words.iter().filter(move |word| !is_verb(word) && !is_option(word)).map(OsString::as_os_str)
}

/// Is this a pico of any name, or an mzsh?
#[must_use]
pub fn is_any_pico_or_mzsh(process: ProcessArguments<'_>) -> bool {
    mzsh_arguments(process).is_some() || pico_name(process).is_some()
}

/// May a truncated command line be that of a pico?
pub(super) fn may_be_truncated_pico(process: ProcessArguments<'_>) -> bool {
    process.is_java() && !JavaCommandLine::parse(process.argv).has_main_class()
}

fn is_option(argument: &OsStr) -> bool {
    argument.as_bytes().starts_with(b"-")
}

/// The installation that the command line names; `None`: the environment decides.
pub(super) fn home_from_command_line(process: ProcessArguments<'_>) -> Option<PathBuf> {
    let value = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    if process.is_java() {
        return JavaCommandLine::parse(process.argv).option("-Dmz.home=").map(value);
    }
    if mzsh_script_index(process).is_some() {
        // mzsh takes MZ_HOME first, else its own location.
        return None;
    }
    process.argv.iter().rev().find_map(|a| a.as_bytes().strip_prefix(b"-Dmz.home=")).map(value)
}

/// The directory above the one that the script is in, as it was called.
pub(super) fn home_from_script_path(script: &Path) -> PathBuf {
    let directory = script.parent().unwrap_or(script);
    match directory.components().next_back() {
        Some(Component::Normal(_)) => match directory.parent() {
            Some(home) if home != Path::new("") => home.to_owned(),
            _ => ".".into(),
        },
        Some(Component::RootDir) => "/".into(),
        _ => directory.join(".."),
    }
}

/// The installation that an environment names.
pub(super) fn home_from_environment(environment: &[OsString]) -> Option<PathBuf> {
    let home = environment.iter().find_map(|e| e.as_bytes().strip_prefix(b"MZ_HOME="))?;
    (!home.is_empty()).then(|| OsStr::from_bytes(home).into())
}

/// The installation that the process claims; a relative path is relative to its working directory. `environment` is read only if the command
/// line names none.
pub fn home_claim(
    process: ProcessArguments<'_>,
    environment: impl FnOnce() -> Option<Vec<OsString>>,
) -> HomeClaim {
    let home = home_from_command_line(process)
        .or_else(|| environment().and_then(|environment| home_from_environment(&environment)))
        .or_else(|| mzsh_script_path(process).map(home_from_script_path));
    home.map_or(HomeClaim::Unknown, HomeClaim::Path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::MzHome;
    use proptest::prelude::*;

    fn target(name: &str) -> PicoInstance {
        PicoInstance {
            name: name.parse().unwrap(),
            home: MzHome::new(Path::new("/opt/mz")),
            process_match: None,
        }
    }

    fn argv(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    fn role_of(name: &str, words: &[&str]) -> Option<Role> {
        role(&target(name), ProcessArguments { argv: &argv(words), program: None })
    }

    const CLASS: &str = "com.digitalroute.picostart.PicoStart";
    const MZSH: &str = "com.digitalroute.picostart.cmdline.CommandLine";

    #[test]
    fn each_marker_alone_identifies_the_exact_pico_name() {
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
    fn configname_takes_precedence_over_other_markers() {
        let line =
            ["java", "-Dpico.configname=ec1", "-XX:OnOutOfMemoryError=oom ec2 a b", CLASS, "ec3"];
        assert_eq!(role_of("ec1", &line), Some(Role::Pico));
        assert_eq!(role_of("ec2", &line), None);
        assert_eq!(role_of("ec3", &line), None);
    }

    #[test]
    fn process_that_only_mentions_the_pico_has_no_role() {
        let lines: [&[&str]; 11] = [
            &["grep", "-Dpico.configname=ec1"],
            &["pgrep", "-f", "java -Dpico.configname=ec1 com.digitalroute.picostart.PicoStart"],
            &["sh", "-c", "java -Dpico.configname=ec1"],
            &["java", "-jar", "other.jar", "ec1"],
            &["runuser", "-u", "mz", "java", "-Dpico.configname=ec1", CLASS],
            &["java", "-jar", "jmxterm.jar", "-Dpico.configname=ec1"],
            &[
                "java",
                "org.example.Tool",
                "-Dpico.configname=ec1",
                "-XX:OnOutOfMemoryError=oom ec1 a b",
            ],
            &["java", "org.example.Tool", CLASS, "ec1"],
            &["java", "-Dpico.configname=ec1", "com.sun.tools.jconsole.JConsole"],
            &["java", "-Dpico.configname=ec1", "com.digitalroute.ha.HAClient", "26000"],
            &["java", "-cp", "-Dpico.configname=ec1", "org.example.Tool"],
        ];
        for line in lines {
            assert_eq!(role_of("ec1", line), None, "{line:?}");
        }
    }

    #[test]
    fn mzsh_is_never_the_pico_and_a_startup_only_by_its_verb() {
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
            (vec!["sh", "./mzsh", "startup", "ec1"], Some(Role::Startup)),
            (vec!["sh", "mzsh", "startup", "ec1"], Some(Role::Startup)),
            (vec!["vi", "/opt/mz/bin/mzsh.old", "startup", "ec1"], None),
            (vec!["sh", "/opt/mz/bin/mzsh.old", "startup", "ec1"], None),
            (vec!["vi", "/opt/mz/bin/mzsh", "startup", "ec1"], None),
        ] {
            assert_eq!(role_of("ec1", &line), expected, "{line:?}");
        }
    }

    #[test]
    fn executable_and_not_argv0_decides_whether_a_process_is_java() {
        for called in ["mediationzone", "java"] {
            let line = argv(&[called, "-Dpico.configname=ec1", CLASS]);
            for (program, expected) in
                [("java", Some(Role::Pico)), ("javac", None), ("passwd", None)]
            {
                let process = ProcessArguments { argv: &line, program: Some(OsStr::new(program)) };
                assert_eq!(role(&target("ec1"), process), expected, "{called} {program}");
            }
        }
    }

    #[test]
    fn truncated_command_line_decides_if_it_reaches_the_main_class() {
        let may = |words: &[&str]| {
            may_be_truncated_pico(ProcessArguments { argv: &argv(words), program: None })
        };
        assert!(may(&["java", "-Xmx1g"]) && may(&["java", "-cp", "a.jar"]));
        assert!(!may(&["java", "-Xmx1g", "org.example.Main", "x"]) && !may(&["sort", "-x"]));
    }

    #[test]
    fn process_match_replaces_markers_except_for_mzsh() {
        let mut own = target("ec1");
        own.process_match = Some(regex_lite::Regex::new("wrapped-ec1( |$)").unwrap());
        let role =
            |words: &[&str]| role(&own, ProcessArguments { argv: &argv(words), program: None });
        assert_eq!(role(&["launcher", "wrapped-ec1"]), Some(Role::PicoByMatch));
        assert_eq!(role(&["launcher", "wrapped-ec10"]), None);
        assert_eq!(role(&["java", "-Dpico.configname=ec1", CLASS]), None);
        assert_eq!(role(&["java", MZSH, "startup", "ec1", "wrapped-ec1"]), Some(Role::Startup));
    }

    #[test]
    fn home_claim_prefers_command_line_then_environment_then_script() {
        let environment = argv(&["A=b", "MZ_HOME=/opt/env"]);
        let in_environment = |words: &[&str], environment: Option<Vec<OsString>>| {
            home_claim(ProcessArguments { argv: &argv(words), program: None }, || environment)
        };
        let claim = |words: &[&str]| in_environment(words, Some(environment.clone()));
        let is = |path: &str| HomeClaim::Path(path.into());
        assert_eq!(claim(&["java", "-Dmz.home=/opt/a", "-Dmz.home=/opt/b"]), is("/opt/b"));
        assert_eq!(claim(&["/bin/sh", "/opt/mz/bin/mzsh", "startup"]), is("/opt/env"));
        assert_eq!(claim(&["sh", "bin/mzsh", "startup"]), is("/opt/env"));
        assert_eq!(claim(&["java", CLASS]), is("/opt/env"));
        assert_eq!(claim(&["java", CLASS, "-Dmz.home=/opt/b"]), is("/opt/env"));
        assert_eq!(in_environment(&["java"], None), HomeClaim::Unknown);
        assert_eq!(in_environment(&["java"], Some(Vec::new())), HomeClaim::Unknown);
        for (script, home) in [
            ("/opt/mz/bin/mzsh", "/opt/mz"),
            ("/mzsh", "/"),
            ("bin/mzsh", "."),
            ("./bin/mzsh", "."),
            ("../mz/bin/mzsh", "../mz"),
            ("../bin/mzsh", ".."),
            ("mzsh", ".."),
            ("./mzsh", "./.."),
            ("../mzsh", "../.."),
        ] {
            assert_eq!(in_environment(&["sh", script, "startup"], None), is(home), "{script}");
        }
    }

    proptest! {
        #[test]
        fn role_never_panics_nor_confuses_names(
            words in proptest::collection::vec(proptest::collection::vec(1_u8.., 0..40), 0..8),
            own in "[a-z]{1,4}[0-9]{0,2}", tail in "[a-z0-9_.-]{1,3}",
        ) {
            let mut line: Vec<OsString> = vec!["java".into()];
            line.extend(words.iter().map(|w| OsStr::from_bytes(w).to_owned()));
            let process = ProcessArguments { argv: &line, program: None };
            let _ = role(&target(&own), process);
            // A marker that names a longer name is never this one.
            line.insert(1, format!("-Dpico.configname={own}{tail}").into());
            let process = ProcessArguments { argv: &line, program: None };
            prop_assert_ne!(role(&target(&own), process), Some(Role::Pico));
        }
    }
}
