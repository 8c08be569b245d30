//! The failures that Pacemaker has counted, from `attrd_updater`.

use host::ExitStatus;
use host::command::{Exec, FinishedCommand, LeaderOf, launch};
use pico::LastFailure;
use pico::actions::Cluster;
use std::time::{Duration, Instant, SystemTime};

const ATTRD_UPDATER: &str = "/usr/sbin/attrd_updater";

/// The cluster that made a call.
#[derive(Debug)]
pub(crate) struct Pacemaker<'a> {
    pub(crate) resource: &'a str,
    /// The node that the call is for.
    pub(crate) node: &'a str,
}

impl Cluster for Pacemaker<'_> {
    fn last_failure(&self, every: Duration, until: Instant) -> LastFailure {
        let exec = self.exec(every);
        let finished = launch(LeaderOf::ProcessGroup, || Ok(exec))
            .and_then(|running| running.run_until(until));
        match finished {
            Ok(finished) => read(&finished),
            Err(e) => {
                tracing::warn!("{ATTRD_UPDATER}: {e}");
                LastFailure::Unknown
            }
        }
    }
}

impl Pacemaker<'_> {
    fn exec(&self, every: Duration) -> Exec {
        let attribute = format!("last-failure-{}#monitor_{}", self.resource, every.as_millis());
        Exec {
            program: ATTRD_UPDATER.into(),
            arguments: ["--query", "--name", &attribute, "--node", self.node]
                .map(Into::into)
                .into(),
            environment: [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C.UTF-8")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            directory: "/".into(),
        }
    }
}

/// Parses `name="last-failure-ec1#monitor_1000" host="n1" value="1796039910"`, in seconds since 1970.
fn read(finished: &FinishedCommand) -> LastFailure {
    let stdout = String::from_utf8_lossy(&finished.stdout);
    let value = stdout
        .split_once(" value=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(value, _)| value);
    let seconds = value.and_then(|value| value.parse().ok());
    match (finished.exit_status, value, seconds) {
        // A failure of this monitor was counted on another node, or was forgotten here.
        (ExitStatus::Exited(0), Some(""), _) => LastFailure::Never,
        (ExitStatus::Exited(0), _, Some(seconds)) => {
            LastFailure::At(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        }
        (ExitStatus::Exited(_), None, _) if says_never(finished) => LastFailure::Never,
        _ => {
            let stderr = String::from_utf8_lossy(&finished.stderr);
            let line = stderr.lines().chain(stdout.lines()).next().unwrap_or("it said nothing");
            tracing::warn!("{ATTRD_UPDATER}: {}: {line}", finished.outcome());
            LastFailure::Unknown
        }
    }
}

/// Its error text; which stream that comes on is a matter of the version.
fn says_never(finished: &FinishedCommand) -> bool {
    String::from_utf8_lossy(&finished.output()).contains("attribute does not exist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_tool_does_is_a_time_or_never_or_unknown() {
        let said =
            |end, output: &str| read(&FinishedCommand::new(end, output, Duration::from_millis(9)));
        // Pacemaker 2.1.5 and 3.0.0.
        let counted =
            "name=\"last-failure-mz-ec1#monitor_1000\" host=\"n2\" value=\"1796039910\"\n";
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_039_910);
        assert_eq!(said(ExitStatus::Exited(0), counted), LastFailure::At(time));
        let never = "attrd_updater: Could not query value of last-failure-mz-ec1#monitor_1000: attribute does not exist\n";
        assert_eq!(said(ExitStatus::Exited(78), never), LastFailure::Never);
        let without_value = "name=\"last-failure-mz-ec1#monitor_1000\" host=\"n2\" value=\"\"\n";
        assert_eq!(said(ExitStatus::Exited(0), without_value), LastFailure::Never);
        for (end, output) in [
            (
                ExitStatus::Exited(102),
                "attrd_updater: Could not connect to attrd: Transport endpoint is not connected\n",
            ),
            (ExitStatus::Exited(0), ""),
            (ExitStatus::Exited(0), "name=\"x\" host=\"n2\" value=\"soon\"\n"),
            (ExitStatus::Exited(1), counted),
            (ExitStatus::TimedOut, counted),
            (ExitStatus::TimedOut, never),
            (ExitStatus::Signalled(11), ""),
        ] {
            assert_eq!(said(end, output), LastFailure::Unknown, "{end}: {output}");
        }
        let beside = |end, stdout: &str, stderr: &str| {
            let finished = FinishedCommand::new(end, stdout, Duration::from_millis(9));
            read(&FinishedCommand { stderr: stderr.into(), ..finished })
        };
        let noise = "warning: option value=\"1\" and value=\"\" are deprecated\n";
        assert_eq!(beside(ExitStatus::Exited(0), counted, noise), LastFailure::At(time));
        assert_eq!(beside(ExitStatus::Exited(0), "", noise), LastFailure::Unknown);
        assert_eq!(beside(ExitStatus::Exited(78), "", never), LastFailure::Never);
    }
}
