//! The HA Monitor Server of a pico: the check and its answers.
//!
//! Four results stay distinct up to the exit reason, because each means something else to the
//! person on call:
//!
//! - The check could not run, which proves nothing about the pico.
//! - The server did not answer: the pico hangs, or another process has its port.
//! - The server answered FAILED: the pico lives, but its own counters show that it does not do its
//!   work.
//! - The answer is unreadable: the client exited with neither of these. By the manual that is a
//!   failure like FAILED, so it is treated like FAILED; but it is checked again.
//!
//! A JVM reads `mz.ha.*` when it starts, and the registry may have changed since. So an address on
//! which this JVM was never seen to listen does not belong to its HA Monitor Server. Any answer
//! from there means that the check could not run.
//!
//! The protocol is not public. So the only way to check is the product's own client, [`HaClient`].
//! [`HaMonitor`] is the interface for another one.

mod client;
mod listening;

pub use client::HaClient;
pub use listening::listens;

use super::command_failure::command_failure;
use super::command_output::{last_text_line, without_jvm_notices};
use host::ExitStatus;
use host::command::FinishedCommand;
use std::time::{Duration, Instant};

/// Maximum bytes of an answer. The client prints one line; longer output is not the client's.
const MAX_ANSWER_BYTES: usize = 4096;

/// The HA Monitor Server of one pico.
pub trait HaMonitor {
    /// Checks the server. Waits for its answer for at most `limit`, and at most until `until`.
    fn ask(&self, limit: Duration, until: Instant) -> HaAnswer;
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HaAnswer {
    /// The pico is healthy.
    Ok,
    /// The server answered FAILED, with the reason if it gave one.
    Failed(String),
    /// The server refused the connection or did not answer in time.
    NoAnswer(String),
    /// The client exited with neither answer.
    Unreadable(String),
    /// The client could not run.
    NotAsked(String),
    /// The client ran out of time before it connected.
    ClientTimedOut(String),
    /// There was no answer, and the running JVM was never seen to listen on the address. It may
    /// have started before its HA Monitor Server was enabled or got this address.
    NeverListened(String),
}

impl HaAnswer {
    /// Interprets the result of the product's client, which had a timeout of `seconds`.
    ///
    /// By the product's manual only exit code 0 is healthy. The manual does not document the
    /// output, so exit code 0 without output is healthy. It does not document the other codes
    /// either. The text and the time distinguish FAILED from no answer.
    #[must_use]
    pub fn from_finished(finished: &FinishedCommand, seconds: u64) -> Self {
        if let Some(why) = &finished.launch_error {
            return Self::NotAsked(why.to_string());
        }
        if let Some(why) = command_failure(finished) {
            return Self::NotAsked(format!("the HA client {why}"));
        }
        let late = finished.elapsed >= Duration::from_secs(seconds).mul_f32(0.9);
        let code = match finished.exit_status {
            // A signal was handled above.
            ExitStatus::TimedOut | ExitStatus::Signalled(_) => {
                return Self::NoAnswer(format!("no answer in {seconds} s"));
            }
            // The client has a timeout of its own, and may print FAILED when it expires.
            ExitStatus::Exited(code) if code != 0 && late => {
                return Self::NoAnswer(format!("no answer in {seconds} s"));
            }
            ExitStatus::Exited(code) => code,
        };
        let output = finished.output();
        let Some(words) = printable_text(&output).map(without_jvm_notices) else {
            return Self::Unreadable(format!("{}, output is not text", finished.exit_status));
        };
        let said = last_text_line(&words);
        match (code, words.lines().find_map(|line| line.split_once("FAILED"))) {
            (0, None) => Self::Ok,
            (0, Some(_)) => Self::Unreadable("exit code 0 with the word FAILED".to_owned()),
            (_, Some((_, why))) => {
                let why = why.trim_matches(|c: char| c.is_whitespace() || c == ':');
                Self::Failed(if why.is_empty() {
                    finished.exit_status.to_string()
                } else {
                    why.to_owned()
                })
            }
            (_, None) => match said {
                None => Self::Unreadable(format!("{}, no output", finished.exit_status)),
                Some(said) if contains_any(&words.to_lowercase(), &CONNECTION_ERRORS) => {
                    Self::NoAnswer(format!("{}: {said}", finished.exit_status))
                }
                Some(said) => Self::Unreadable(format!("{}: {said}", finished.exit_status)),
            },
        }
    }
}

/// Lower-case messages of Java and the system when nothing answers.
const CONNECTION_ERRORS: [&str; 7] = [
    "refused",
    "timed out",
    "timeout",
    "reset by peer",
    "unreachable",
    "no route to host",
    "broken pipe",
];

fn contains_any(words: &str, complaints: &[&str]) -> bool {
    complaints.iter().any(|complaint| words.contains(complaint))
}

/// The output, if it is text of a plausible length.
fn printable_text(output: &[u8]) -> Option<&str> {
    let words = std::str::from_utf8(output).ok().filter(|words| words.len() <= MAX_ANSWER_BYTES)?;
    let is_text = |c: char| !c.is_control() || c.is_whitespace();
    words.chars().all(is_text).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use HaAnswer::{Failed, NoAnswer, NotAsked, Unreadable};

    fn answer_from(end: ExitStatus, output: &[u8], took: Duration) -> HaAnswer {
        let finished = FinishedCommand::new(end, output, took);
        HaAnswer::from_finished(&finished, 10)
    }

    const QUICK: Duration = Duration::from_millis(300);
    const LATE: Duration = Duration::from_secs(10);

    #[test]
    fn ha_answer_tells_failed_from_no_answer() {
        let failed = |output: &[u8]| answer_from(ExitStatus::Exited(1), output, QUICK);
        assert_eq!(failed(b"FAILED: too many aborts\n"), Failed("too many aborts".into()));
        assert_eq!(failed(b"FAILED\n"), Failed("exit code 1".into()));
        assert!(matches!(answer_from(ExitStatus::Exited(1), b"FAILED\n", LATE), NoAnswer(_)));
        assert!(matches!(failed(b"Connection refused\n"), NoAnswer(_)));
        assert!(matches!(answer_from(ExitStatus::TimedOut, b"", LATE), NoAnswer(_)));
    }

    #[test]
    fn ha_client_that_did_not_start_is_not_asked() {
        let missing = b"Error: Could not find or load main class com.digitalroute.ha.HAClient";
        assert!(matches!(answer_from(ExitStatus::Exited(1), missing, QUICK), NotAsked(_)));
        let starved = b"Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n";
        assert!(matches!(answer_from(ExitStatus::Exited(1), starved, QUICK), NotAsked(_)));
        assert!(matches!(answer_from(ExitStatus::Signalled(11), b"OK\n", QUICK), NotAsked(_)));
        assert!(matches!(answer_from(ExitStatus::Signalled(9), b"", LATE), NotAsked(_)));
    }

    #[test]
    fn ha_answer_is_ok_only_for_exit_code_0_without_failed() {
        for words in ["", "OK\n", "asking 127.0.0.1:26000\nOK\n", "\u{44f}\n"] {
            assert_eq!(
                answer_from(ExitStatus::Exited(0), words.as_bytes(), QUICK),
                HaAnswer::Ok,
                "{words:?}"
            );
            // The time does not matter, because the answer is explicit.
            assert_eq!(
                answer_from(ExitStatus::Exited(0), words.as_bytes(), LATE),
                HaAnswer::Ok,
                "{words:?}"
            );
        }
    }

    #[test]
    fn jvm_notice_on_stderr_is_no_ha_answer() {
        let notice = "Picked up JAVA_TOOL_OPTIONS: -Dsun.net.client.defaultReadTimeout=5000 -Dlabel=FAILED\n";
        let answer = |code, stdout: &str| {
            let finished = FinishedCommand::new(ExitStatus::Exited(code), stdout, QUICK);
            HaAnswer::from_finished(&FinishedCommand { stderr: notice.into(), ..finished }, 10)
        };
        assert_eq!(answer(0, "OK\n"), HaAnswer::Ok);
        assert_eq!(answer(1, "FAILED: too many aborts\n"), Failed("too many aborts".into()));
        assert_eq!(answer(1, "ping failed\n"), Unreadable("exit code 1: ping failed".into()));
        assert_eq!(answer(1, ""), Unreadable("exit code 1, no output".into()));
    }

    #[test]
    fn unreadable_ha_output_is_neither_ok_nor_failed() {
        let long = vec![b'x'; MAX_ANSWER_BYTES + 1];
        let failed = [b"FAILED ".as_slice(), &long].concat();
        let table: [(ExitStatus, &[u8]); 8] = [
            (ExitStatus::Exited(0), b"FAILED\n"),
            (ExitStatus::Exited(0), b"OK\0\0"),
            (ExitStatus::Exited(0), b"\xff\xfe\x00"),
            (ExitStatus::Exited(0), &long),
            (ExitStatus::Exited(1), &failed),
            (ExitStatus::Exited(1), b"\x1b[31mFAILED"),
            (ExitStatus::Exited(7), b""),
            (ExitStatus::Exited(1), b"ping failed\n"),
        ];
        for (end, output) in table {
            let answer = answer_from(end, output, QUICK);
            assert!(
                matches!(answer, Unreadable(_)),
                "{end:?} {}: {answer:?}",
                output.escape_ascii()
            );
        }
    }
}
