//! The HA Monitor Server of a pico: whether it can be asked, and what it says.
//!
//! Three things are kept apart from here to the exit reason, for each means another thing to the person on call: it could
//! not be asked (that tells nothing of the pico), it did not answer (the pico hangs, or something else sits on its port), it
//! answered FAILED (the pico is alive, and its own counters say that it does not do its work). A fourth is what can't be read: the
//! client came back, and said neither. By the manual that is a failure like FAILED, so it is treated like it; but it is asked again.
//!
//! A JVM reads `mz.ha.*` when it starts, and the registry may say something else since. So an address where this JVM was never seen to
//! listen is not its HA Monitor Server's: whatever comes from there, the pico could not be asked.
//!
//! The protocol is not public. So the one way to ask is the product's own client, [`HaClient`]; [`HaMonitor`] is the place
//! where another would be put.

mod client;
mod listening;

pub use client::HaClient;
pub use listening::listens;

use super::mzsh::last_line;
use super::no_verdict::no_verdict;
use host::End;
use host::command::Finished;
use std::time::{Duration, Instant};

/// Most bytes of an answer. The client's own words are a line; with more it is not the client that speaks.
const LONGEST: usize = 4096;

/// The HA Monitor Server of one pico, as it can be asked.
pub trait HaMonitor {
    /// Asks, and waits for the answer for at most `limit`, and not past `until`.
    fn ask(&self, limit: Duration, until: Instant) -> HaAnswer;
}

/// What the HA Monitor Server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HaAnswer {
    /// The pico is well.
    Ok,
    /// FAILED; with the reason, if it gave one.
    Failed(String),
    /// It did not answer: refused, or out of time.
    NoAnswer(String),
    /// The client came back with something that is neither.
    Unreadable(String),
    /// It could not be asked: the client can't be run.
    NotAsked(String),
    /// The client ran out of time before it came to ask.
    NotReached(String),
    /// No answer, and the JVM that runs was never seen to listen there: it can have been started before its HA Monitor Server was switched
    /// on, or given this address.
    NeverListened(String),
}

impl HaAnswer {
    /// From what the product's client did, which was told to wait for `seconds`.
    ///
    /// By the product's manual exit code 0 is well, and nothing else is; whether the client prints anything then is not said, so
    /// silence with a 0 is well. What the other codes mean is not said either: the words and the time tell FAILED from no answer.
    #[must_use]
    pub fn of(finished: &Finished, seconds: u64) -> Self {
        if let Some(why) = &finished.refused {
            return Self::NotAsked(why.clone());
        }
        if let Some(why) = no_verdict(finished) {
            return Self::NotAsked(format!("the HA client {why}"));
        }
        let late = finished.took >= Duration::from_secs(seconds).mul_f32(0.9);
        let code = match finished.end {
            // One that ended by a signal was told above.
            End::TimedOut | End::Signalled(_) => return Self::NoAnswer(format!("no answer in {seconds} s")),
            // The client has its own limit, and may say FAILED when it is reached.
            End::Exited(code) if code != 0 && late => {
                return Self::NoAnswer(format!("no answer in {seconds} s"));
            }
            End::Exited(code) => code,
        };
        let Some(words) = in_words(&finished.output) else {
            return Self::Unreadable(format!("{}, and what it printed is no text", finished.end));
        };
        let said = last_line(words);
        match (code, words.lines().find_map(|line| line.split_once("FAILED"))) {
            (0, None) => Self::Ok,
            (0, Some(_)) => Self::Unreadable("exit code 0, and the word FAILED".to_owned()),
            (_, Some((_, why))) => {
                let why = why.trim_matches(|c: char| c.is_whitespace() || c == ':');
                Self::Failed(if why.is_empty() { finished.end.to_string() } else { why.to_owned() })
            }
            (_, None) => match said {
                None => Self::Unreadable(format!("{}, and not a word", finished.end)),
                Some(said) if says_one_of(&words.to_lowercase(), &NOT_CONNECTED) => {
                    Self::NoAnswer(format!("{}: {said}", finished.end))
                }
                Some(said) => Self::Unreadable(format!("{}: {said}", finished.end)),
            },
        }
    }
}

/// What Java and the system say, in small letters, where nobody answers.
const NOT_CONNECTED: [&str; 7] =
    ["refused", "timed out", "timeout", "reset by peer", "unreachable", "no route to host", "broken pipe"];

fn says_one_of(words: &str, complaints: &[&str]) -> bool {
    complaints.iter().any(|complaint| words.contains(complaint))
}

/// The output, if it is text of a length that a person could have meant.
fn in_words(output: &[u8]) -> Option<&str> {
    let words = std::str::from_utf8(output).ok().filter(|words| words.len() <= LONGEST)?;
    let is_text = |c: char| !c.is_control() || c.is_whitespace();
    words.chars().all(is_text).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use HaAnswer::{Failed, NoAnswer, NotAsked, Unreadable};

    fn judged(end: End, output: &[u8], took: Duration) -> HaAnswer {
        let finished = Finished::new(end, output, took);
        HaAnswer::of(&finished, 10)
    }

    const QUICK: Duration = Duration::from_millis(300);
    const LATE: Duration = Duration::from_secs(10);

    #[test]
    fn failed_and_silent_are_two_things() {
        let failed = |output: &[u8]| judged(End::Exited(1), output, QUICK);
        assert_eq!(failed(b"FAILED: too many aborts\n"), Failed("too many aborts".into()));
        assert_eq!(failed(b"FAILED\n"), Failed("exit code 1".into()));
        assert!(matches!(judged(End::Exited(1), b"FAILED\n", LATE), NoAnswer(_)));
        assert!(matches!(failed(b"Connection refused\n"), NoAnswer(_)));
        assert!(matches!(judged(End::TimedOut, b"", LATE), NoAnswer(_)));
    }

    #[test]
    fn a_client_that_did_not_start_tells_nothing() {
        let missing = b"Error: Could not find or load main class com.digitalroute.ha.HAClient";
        assert!(matches!(judged(End::Exited(1), missing, QUICK), NotAsked(_)));
        let starved = b"Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n";
        assert!(matches!(judged(End::Exited(1), starved, QUICK), NotAsked(_)));
        assert!(matches!(judged(End::Signalled(11), b"OK\n", QUICK), NotAsked(_)));
        assert!(matches!(judged(End::Signalled(9), b"", LATE), NotAsked(_)));
    }

    #[test]
    fn well_is_exit_code_0_with_words_that_fit_or_none() {
        for words in ["", "OK\n", "asking 127.0.0.1:26000\nOK\n", "\u{44f}\n"] {
            assert_eq!(judged(End::Exited(0), words.as_bytes(), QUICK), HaAnswer::Ok, "{words:?}");
            // Late or not: it said so.
            assert_eq!(judged(End::Exited(0), words.as_bytes(), LATE), HaAnswer::Ok, "{words:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_never_ok_and_never_failed() {
        let long = vec![b'x'; LONGEST + 1];
        let failed = [b"FAILED ".as_slice(), &long].concat();
        let table: [(End, &[u8]); 8] = [
            (End::Exited(0), b"FAILED\n"),
            (End::Exited(0), b"OK\0\0"),
            (End::Exited(0), b"\xff\xfe\x00"),
            (End::Exited(0), &long),
            (End::Exited(1), &failed),
            (End::Exited(1), b"\x1b[31mFAILED"),
            (End::Exited(7), b""),
            (End::Exited(1), b"ping failed\n"),
        ];
        for (end, output) in table {
            let answer = judged(end, output, QUICK);
            assert!(matches!(answer, Unreadable(_)), "{end:?} {}: {answer:?}", output.escape_ascii());
        }
    }
}
