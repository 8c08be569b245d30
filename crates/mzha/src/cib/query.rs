//! Queries by Pacemaker's own tools.

use super::{Cib, CibError};
use host::ExitStatus;
use host::command::{Exec, FinishedCommand, LaunchError, LeaderOf, launch};
use std::ffi::OsString;
use std::time::Instant;

const DIRECTORY: &str = "/usr/sbin";

/// Passed on from the caller: an operator may check a file or a shadow configuration.
const PASSED_VARIABLES: [&str; 4] = ["CIB_file", "CIB_shadow", "CIB_shadow_dir", "HOME"];

/// The longest section, in bytes. Of a cluster of hundreds of resources the configuration has a few hundred thousand, the state a few
/// million.
const MAX_SECTION_BYTES: usize = 32 << 20;

/// Exit code of Pacemaker's tools without a running cluster.
const EXIT_DISCONNECTED: i32 = 102;

impl Cib {
    ///
    /// # Errors
    /// [`CibError`].
    pub fn query(until: Instant) -> Result<Self, CibError> {
        Self::parse(&query_section("configuration", until)?)
    }
}

/// A section of this node's copy.
pub(super) fn query_section(name: &str, until: Instant) -> Result<String, CibError> {
    let finished = run("cibadmin", &["--query", "--local", "--scope", name], until)?;
    parse_output("cibadmin", &finished).map_err(|e| {
        match (&finished.launch_error, finished.exit_status, instead()) {
            (None, ExitStatus::Exited(_), Some(instead)) => named(instead, &e),
            _ => e,
        }
    })
}

/// stdout of a tool.
pub(super) fn ask(
    tool: &'static str,
    arguments: &[&str],
    until: Instant,
) -> Result<String, CibError> {
    parse_output(tool, &run(tool, arguments, until)?)
}

fn run(
    tool: &'static str,
    arguments: &[&str],
    until: Instant,
) -> Result<FinishedCommand, CibError> {
    let failed = |e: std::io::Error| CibError::Failed { tool, why: e.to_string() };
    let running =
        launch(LeaderOf::ProcessGroup, || Ok(cibadmin_command(tool, arguments))).map_err(failed)?;
    running.with_output_limit(MAX_SECTION_BYTES).run_until(until).map_err(failed)
}

fn cibadmin_command(tool: &str, arguments: &[&str]) -> Exec {
    let meant =
        PASSED_VARIABLES.iter().filter_map(|&name| Some((OsString::from(name), meant(name)?)));
    let fixed = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C.UTF-8")];
    let fixed = fixed.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Exec {
        program: format!("{DIRECTORY}/{tool}").into(),
        arguments: arguments.iter().map(OsString::from).collect(),
        environment: fixed.into_iter().chain(meant).collect(),
        directory: "/".into(),
    }
}

/// The tool runs in `/`, but relative paths are relative to the caller's directory.
fn meant(name: &str) -> Option<OsString> {
    let value = std::env::var_os(name)?;
    let is_path = name == "CIB_file" || name == "CIB_shadow_dir";
    Some(if is_path { std::path::absolute(&value).map_or(value, Into::into) } else { value })
}

/// The configuration that the caller names; Pacemaker prefers a shadow configuration to a file.
fn instead() -> Option<(&'static str, OsString)> {
    ["CIB_shadow", "CIB_file"].into_iter().find_map(|name| Some((name, meant(name)?)))
}

/// Pacemaker reports a missing file as a device or address.
fn named((variable, value): (&'static str, OsString), said: &CibError) -> CibError {
    // The tool has just answered, so that its storage does, too.
    let why = match std::fs::File::open(&value) {
        Err(e) if variable == "CIB_file" => ocf::escape_unprintable(&e.to_string()),
        _ => said.to_string(),
    };
    CibError::Named { variable, value: ocf::escape_unprintable(&value.to_string_lossy()), why }
}

fn parse_output(tool: &'static str, finished: &FinishedCommand) -> Result<String, CibError> {
    match (&finished.launch_error, finished.exit_status) {
        (_, ExitStatus::TimedOut) => {
            let seconds = finished.elapsed.as_secs();
            Err(CibError::NoAnswer { tool, seconds, storage: finished.waited_for_storage })
        }
        (Some(LaunchError::NotFound { .. }), _) => Err(CibError::NoTool(tool)),
        (Some(error), _) => Err(CibError::Failed { tool, why: error.to_string() }),
        (None, ExitStatus::Exited(0)) => Ok(String::from_utf8_lossy(&finished.stdout).into_owned()),
        (None, ExitStatus::Exited(EXIT_DISCONNECTED)) => {
            Err(CibError::NoCluster { tool, said: first_line(finished) })
        }
        (None, end) => {
            Err(CibError::Failed { tool, why: format!("{end}: {}", first_line(finished)) })
        }
    }
}

/// The first line says what is wrong, the others what follows from that.
fn first_line(finished: &FinishedCommand) -> String {
    let text = |stream: &Vec<u8>| String::from_utf8_lossy(stream).into_owned();
    let (stderr, stdout) = (text(&finished.stderr), text(&finished.stdout));
    let mut lines = stderr.lines().chain(stdout.lines()).map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn describe_result(end: ExitStatus, output: &str) -> String {
        let finished = FinishedCommand::new(end, output, Duration::from_secs(3));
        let cib = parse_output("cibadmin", &finished).and_then(|words| Cib::parse(&words));
        cib.map_or_else(|e| e.to_string(), |cib| format!("{} resources", cib.resources.len()))
    }

    #[test]
    fn cibadmin_result_is_a_configuration_or_a_described_error() {
        let empty = "<configuration><resources/></configuration>";
        assert_eq!(describe_result(ExitStatus::Exited(0), empty), "0 resources");
        // Whatever surrounds it.
        assert_eq!(
            describe_result(ExitStatus::Exited(0), &format!("it is odd\n{empty}\nvery odd")),
            "0 resources"
        );
        let no_cluster =
            "Could not connect to the CIB: Transport endpoint is not connected\nInit failed\n";
        let words = describe_result(ExitStatus::Exited(102), no_cluster);
        assert!(
            words.starts_with("no cluster runs on this node") && words.ends_with("not connected")
        );
        assert_eq!(
            describe_result(ExitStatus::Exited(105), ""),
            "cibadmin: exit code 105: it said nothing"
        );
        assert_eq!(
            describe_result(ExitStatus::TimedOut, empty),
            "cibadmin has not answered for 3 s"
        );
        for broken in [
            "",
            "<cib/>",
            "<configuration>",
            "</configuration><configuration",
            "<configuration><a></configuration>",
        ] {
            let words = describe_result(ExitStatus::Exited(0), broken);
            assert!(words.starts_with("the configuration is malformed: "), "{words}");
        }
        assert!(describe_result(ExitStatus::Signalled(11), "").contains("SIGSEGV"));
    }

    #[test]
    fn cibadmin_stderr_is_no_configuration_and_names_the_error_first() {
        let answer = |end, stdout: &str, stderr: &str| {
            let finished = FinishedCommand::new(end, stdout, Duration::ZERO);
            parse_output("cibadmin", &FinishedCommand { stderr: stderr.into(), ..finished })
        };
        let warning = "warning: <configuration> uses a deprecated </configuration>\n";
        let section = "<configuration/>";
        assert_eq!(answer(ExitStatus::Exited(0), section, warning).unwrap(), section);
        let failed =
            answer(ExitStatus::Exited(105), "<none/>\n", "\nNo such device\nInit failed\n");
        assert_eq!(failed.unwrap_err().to_string(), "cibadmin: exit code 105: No such device");
    }

    #[test]
    fn cibadmin_not_installed_is_told_from_one_that_could_not_be_run() {
        let describe = |error| {
            let finished = FinishedCommand::new(ExitStatus::Exited(127), "", Duration::ZERO);
            let finished = FinishedCommand { launch_error: Some(error), ..finished };
            parse_output("cibadmin", &finished).unwrap_err().to_string()
        };
        let missing = describe(LaunchError::NotFound { program: "/usr/sbin/cibadmin".into() });
        assert!(
            missing.starts_with("/usr/sbin/cibadmin: not found (install package "),
            "{missing}"
        );
        let refused = describe(LaunchError::NotPrepared("its directory does not exist".to_owned()));
        assert_eq!(refused, "cibadmin: its directory does not exist");
    }
}
