//! The output of mzsh and of the HA client: a script and a JVM that anybody may have changed, killed, or starved.

use crate::line::{can_be_a_reason, is_printable};
use crate::parts;
use host::End;
use host::command::Finished;
use ocf::reason;
use pico::product::{HaAnswer, StartupEnd, StatusAnswer};
use std::time::Duration;

/// `bytes` are how it ended (`exit 0`, `signal 9`, `timeout`, `refused`), [`SEPARATOR`](crate::SEPARATOR), and what it wrote;
/// for `refused`: why it was never executed.
///
/// - Nothing panics; every reason is, or becomes, one readable line.
/// - A startup is up with exit code 0 alone, and then only without the words that take it back.
/// - A status is "running" with exit code 0 alone or by the words that say so, "not running" with 2 alone, and nothing at
///   all if it did not end in time.
pub fn mzsh(bytes: &[u8]) {
    let [end, output] = parts(bytes);
    let Some(finished) = finished(end, output, Duration::from_secs(1)) else { return };
    let words = String::from_utf8_lossy(&finished.output);
    let lower = words.to_lowercase();
    let ended = finished.refused.is_none().then_some(finished.end);
    let zero = ended == Some(End::Exited(0));
    let taken_back = ["started with errors", "no such server process"].iter().any(|w| lower.contains(w));
    match StartupEnd::of(&finished) {
        StartupEnd::Up => assert!(zero && !taken_back, "{finished:?}"),
        StartupEnd::Critical(why) => {
            assert_eq!(ended, Some(End::Exited(104)));
            says(&why);
        }
        StartupEnd::Failed(why) => {
            assert!(!zero || taken_back, "{finished:?}");
            says(&why);
        }
    }

    let answer = StatusAnswer::of(&finished);
    let without_platform = words.contains("without contact with the platform");
    match &answer {
        StatusAnswer::Running => assert!(zero && !without_platform),
        StatusAnswer::WithoutPlatform => {
            assert!(without_platform && ended.is_some_and(|e| e != End::TimedOut));
        }
        StatusAnswer::NotResponding => assert_eq!(ended, Some(End::Exited(1))),
        StatusAnswer::NotRunning => assert_eq!(ended, Some(End::Exited(2))),
        StatusAnswer::NoAnswer => assert_eq!(ended, Some(End::TimedOut)),
        StatusAnswer::NotAsked(_) => assert!(is_no_verdict(ended), "{finished:?}"),
        StatusAnswer::Unclear(_) => assert!(!zero && ended.is_some()),
    }
    can_be_a_reason(&answer.to_string(), reason::PREFIX);
}

/// `bytes` are how it ended and what it wrote, as for [`mzsh`], and for how many milliseconds it ran, each after a
/// [`SEPARATOR`](crate::SEPARATOR). It was given ten seconds.
///
/// - Nothing panics; every reason is, or becomes, one readable line.
/// - Well is exit code 0 and nothing else, and not with the word FAILED.
/// - FAILED is another exit code, that word, and time left: never a signal, a time-out, or a client that was not executed.
pub fn ha(bytes: &[u8]) {
    let [end, output, took] = parts(bytes);
    let took = std::str::from_utf8(took).ok().and_then(|took| took.parse::<u32>().ok()).unwrap_or(300);
    let Some(finished) = finished(end, output, Duration::from_millis(took.into())) else { return };
    let ended = finished.refused.is_none().then_some(finished.end);
    let ok = ended == Some(End::Exited(0));
    match HaAnswer::of(&finished, 10) {
        HaAnswer::Ok => {
            assert!(ok && !finished.output.windows(6).any(|w| w == b"FAILED"), "{finished:?}");
        }
        HaAnswer::Failed(why) => {
            assert!(!ok && matches!(ended, Some(End::Exited(_))), "{finished:?}");
            assert!(finished.output.windows(6).any(|w| w == b"FAILED") && took < 10_000, "{finished:?}");
            says(&why);
        }
        HaAnswer::NoAnswer(why) => {
            assert!(!ok && ended.is_some(), "{finished:?}");
            says(&why);
        }
        HaAnswer::Unreadable(why) => {
            assert!(ended.is_some_and(|end| end != End::TimedOut), "{finished:?}");
            says(&why);
        }
        HaAnswer::NotReached(why) | HaAnswer::NeverListened(why) => {
            panic!("only who has watched the client, or the JVM, can say so: {why}")
        }
        HaAnswer::NotAsked(why) => {
            assert!(is_no_verdict(ended), "{finished:?}");
            let failed = finished.output.windows(6).any(|w| w == b"FAILED");
            assert!(!(failed && ended == Some(End::Exited(1))), "{finished:?}");
            can_be_a_reason(&why, reason::PREFIX);
        }
    }
}

/// Not executed, ended by a signal, or a JVM that may have said that it could not start.
fn is_no_verdict(ended: Option<End>) -> bool {
    matches!(ended, None | Some(End::Signalled(_) | End::Exited(1 | 126 | 127 | 129..=192)))
}

/// A reason that says something.
fn says(why: &str) {
    assert!(!why.trim().is_empty());
    can_be_a_reason(why, reason::PREFIX);
    is_printable(&reason::clip(why, reason::PREFIX));
}

fn finished(end: &[u8], output: &[u8], took: Duration) -> Option<Finished> {
    let end = std::str::from_utf8(end).ok()?;
    let number = |text: &str| text.parse::<u8>().ok().map(i32::from);
    // Whoever refuses says why.
    let refused = || Some(String::from_utf8_lossy(output).into_owned()).filter(|why| !why.trim().is_empty());
    let (end, refused) = match end.split_once(' ').unwrap_or((end, "")) {
        ("exit", code) => (End::Exited(number(code)?), None),
        ("signal", signal) => (End::Signalled(number(signal)?), None),
        ("timeout", _) => (End::TimedOut, None),
        ("refused", _) => (End::Exited(127), Some(refused()?)),
        _ => return None,
    };
    Some(Finished { refused, ..Finished::new(end, output, took) })
}
