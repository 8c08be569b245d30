//! Queries with a timeout each; a hung query becomes a row.

use host::command::{Exec, LeaderOf, launch};
use host::{ExitStatus, files, worker};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::{Duration, Instant};

/// The metadata of an agent have some 20 KiB.
const MAX_OUTPUT_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, Debug)]
pub(super) struct QueryTimeout {
    pub(super) timeout: Duration,
}

impl QueryTimeout {
    /// Deadline of a query that begins now.
    pub(super) fn deadline(self) -> Instant {
        Instant::now() + self.timeout
    }

    pub(super) fn run_in_child<T: Serialize + DeserializeOwned>(
        self,
        question: impl FnOnce() -> T,
    ) -> Result<T, String> {
        let said = worker::run_in_child(self.deadline(), || {
            serde_json::to_vec(&question()).unwrap_or_default()
        });
        serde_json::from_slice(&said.map_err(|e| e.to_string())?).map_err(|e| e.to_string())
    }
}

/// stdout of a program that exits with 0.
pub(super) fn run_program(
    program: &Path,
    arguments: &[&str],
    timeout: QueryTimeout,
) -> Result<String, String> {
    let exec = || {
        Ok(Exec {
            program: program.to_owned(),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: vec![("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())],
            directory: "/".into(),
        })
    };
    let running = launch(LeaderOf::ProcessGroup, exec)
        .map_err(|e| e.to_string())?
        .with_output_limit(MAX_OUTPUT_BYTES);
    let finished = running.run_until(timeout.deadline()).map_err(|e| e.to_string())?;
    match (finished.launch_error, finished.exit_status) {
        (Some(error), _) => Err(error.to_string()),
        (None, ExitStatus::Exited(0)) => Ok(String::from_utf8_lossy(&finished.stdout).into_owned()),
        (None, ExitStatus::TimedOut) => {
            Err(format!("no answer in {} s", finished.elapsed.as_secs()))
        }
        (None, end) => Err(end.to_string()),
    }
}

pub(super) fn node_name() -> String {
    let name = files::read_small("/proc/sys/kernel/hostname").unwrap_or_default();
    String::from_utf8_lossy(&name).trim().to_owned()
}
