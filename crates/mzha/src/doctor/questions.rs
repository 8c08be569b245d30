//! How things are asked here: each question has a time of its own, and one that gets no answer is a row, not a hang.

use host::command::{Company, Exec, launch};
use host::{End, files, helper};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest answer of a command, in bytes. The metadata of an agent have some 20 KiB.
const LONGEST: usize = 1 << 20;

/// How long one question may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// At most.
    pub(super) limit: Duration,
}

impl Question {
    /// When one that is asked now must have been answered.
    pub(super) fn until(self) -> Instant {
        Instant::now() + self.limit
    }

    /// The answer of a helper, or why there is none.
    pub(super) fn ask<T: Serialize + DeserializeOwned>(
        self,
        question: impl FnOnce() -> T,
    ) -> Result<T, String> {
        let said = helper::ask(self.until(), || serde_json::to_vec(&question()).unwrap_or_default());
        serde_json::from_slice(&said.map_err(|e| e.to_string())?).map_err(|e| e.to_string())
    }
}

/// What a program prints that exits with 0.
pub(super) fn run(program: &Path, arguments: &[&str], question: Question) -> Result<String, String> {
    let exec = || {
        Ok(Exec {
            program: program.to_owned(),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: vec![("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())],
            directory: "/".into(),
        })
    };
    let running = launch(Company::Group, exec).map_err(|e| e.to_string())?.keeping(LONGEST);
    let finished = running.run(question.until()).map_err(|e| e.to_string())?;
    match (finished.refused, finished.end) {
        (Some(why), _) => Err(why),
        (None, End::Exited(0)) => Ok(String::from_utf8_lossy(&finished.output).into_owned()),
        (None, End::TimedOut) => Err(format!("no answer in {} s", finished.took.as_secs())),
        (None, end) => Err(end.to_string()),
    }
}

/// The name of this node.
pub(super) fn node() -> String {
    let name = files::read_small("/proc/sys/kernel/hostname").unwrap_or_default();
    String::from_utf8_lossy(&name).trim().to_owned()
}
