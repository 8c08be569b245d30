//! The report of `kill-at` (src/bin/kill-at.rs) about its program: one line, written and parsed
//! here.

use std::fmt;
use std::str::FromStr;

/// How far the program ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KillAtResult {
    /// The program was killed as it entered this call.
    KilledAt {
        /// The ordinal of the call.
        number: u64,
        call: String,
    },
    /// The program had ended by itself before.
    Ended {
        /// Its end as text.
        end: String,
        /// The number of its calls.
        calls: u64,
    },
}

impl fmt::Display for KillAtResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KilledAt { number, call } => write!(f, "killed at call {number}: {call}"),
            Self::Ended { end, calls } => write!(f, "ended after {calls} calls: {end}"),
        }
    }
}

impl FromStr for KillAtResult {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let parse = || {
            if let Some((number, call)) = line.strip_prefix("killed at call ")?.split_once(": ") {
                return Some(Self::KilledAt {
                    number: number.parse().ok()?,
                    call: call.to_owned(),
                });
            }
            None
        };
        let ended = || {
            let (calls, end) = line.strip_prefix("ended after ")?.split_once(" calls: ")?;
            Some(Self::Ended { end: end.to_owned(), calls: calls.parse().ok()? })
        };
        parse().or_else(ended).ok_or_else(|| format!("not a line of kill-at: {line:?}"))
    }
}
