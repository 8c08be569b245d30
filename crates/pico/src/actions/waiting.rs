//! Waiting beside a process that is well: for its death, and for files that a pico leaves behind which will not be well for long.
//!
//! Those are the error file that the product writes when it is out of memory (`<pico>_criticalerror.log`, in the logs of the installation), and
//! the JVM's own of its crash (`hs_err_pid*.log`, there or in its working directory), which it writes before a core dump that may take
//! minutes. They are no verdict: they end the wait, and none waits until a deeper monitor has looked. Only what costs nothing is heard:
//! see [`Arrivals`]. Of a process that is stopped (T) the kernel tells nobody but its parent; the look that follows each wait sees it.

use crate::settings::{Settings, Target};
use crate::verdict::Death;
use host::{Arrivals, ProcessHandle, ProcessId, process};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// It died.
    Died(Death),
    /// It lives, and has left something behind.
    Trouble,
    /// It lives.
    Nothing,
}

/// Waits beside the process of a pico for this long.
pub(super) fn wait(id: ProcessId, settings: &Settings, target: &Target, time: Duration) -> Waited {
    let until = Instant::now() + time;
    let handle = match id.open() {
        Ok(Some(handle)) => handle,
        Ok(None) => return Waited::Died(Death { seen: SystemTime::now(), end: None }),
        // No descriptor left: then it is not waited for.
        Err(e) => {
            tracing::debug!("not waiting: {e}");
            return Waited::Nothing;
        }
    };
    let error_file = format!("{}_criticalerror.log", target.name);
    let tells = |name: &OsStr| {
        let name = name.to_string_lossy();
        name == error_file.as_str() || name.starts_with("hs_err_pid") && name.ends_with(".log")
    };
    let mut arrivals = directories(id, target);
    loop {
        let ready = match &arrivals {
            Some(arrivals) => handle.ended_or_arrived_by(arrivals, until),
            None => handle.ended_by(until),
        };
        match ready {
            Ok(false) => return Waited::Nothing,
            Ok(true) if has_ended(&handle) => {
                return Waited::Died(Death { seen: SystemTime::now(), end: handle.end() });
            }
            Ok(true) => {}
            Err(e) => {
                tracing::debug!("not waiting: {e}");
                return Waited::Nothing;
            }
        }
        let names = arrivals.as_ref().map(Arrivals::names).unwrap_or_default();
        if let Some(name) = names.iter().find(|name| tells(name)) {
            tracing::warn!(
                "{}: {} has appeared; {id} lives, and the next deeper monitor will tell how it is",
                settings.pico(),
                name.display()
            );
            return Waited::Trouble;
        }
        if names.is_empty() {
            // It was ready, and had nothing to tell: so it would be for ever.
            arrivals = None;
        }
    }
}

fn has_ended(handle: &ProcessHandle) -> bool {
    handle.pidfd().has_ended().unwrap_or(false)
}

fn directories(id: ProcessId, target: &Target) -> Option<Arrivals> {
    let home = target.home.resolved().unwrap_or(target.home.path());
    let working = process::working_directory(id.pid).ok().flatten();
    let all: Vec<PathBuf> = [Some(home.join("log")), working].into_iter().flatten().collect();
    Arrivals::in_any_of(&all.iter().map(PathBuf::as_path).collect::<Vec<_>>())
}
