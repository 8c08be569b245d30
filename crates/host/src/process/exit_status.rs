//! How a process ended.

use super::Signal;
use std::fmt;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It was still running at the deadline.
    TimedOut,
}

impl ExitStatus {
    /// From a wait status, as wait(2) gives it.
    pub(crate) fn from_wait_status(status: i32) -> Self {
        match status & 0x7f {
            0 => Self::Exited(status >> 8 & 0xff),
            signal => Self::Signalled(signal),
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Signalled(signal) => match Signal::from_named_raw(*signal) {
                // It names itself "Signal::KILL", in quotes.
                Some(named) => {
                    let name = format!("{named:?}");
                    let name = name.trim_matches('"');
                    write!(f, "SIG{}", name.strip_prefix("Signal::").unwrap_or(name))
                }
                None => write!(f, "signal {signal}"),
            },
            Self::TimedOut => f.write_str("timed out"),
        }
    }
}
