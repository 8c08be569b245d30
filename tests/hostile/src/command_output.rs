//! The output of mzsh and of the HA client: a script and a JVM that any user may have changed, killed, or
//! starved.

use crate::assertions::{assert_printable, assert_valid_reason};
use crate::split_input;
use host::ExitStatus;
use host::command::FinishedCommand;
use ocf::exit_reason;
use pico::product::{HaAnswer, StartupResult, StatusAnswer};
use std::time::Duration;

/// `bytes` are how it ended (`exit 0`, `signal 9`, `timeout`, `refused`), [`SEPARATOR`](crate::SEPARATOR),
/// and its output; for `refused` the reason why it was never executed.
///
/// - Nothing panics; every reason is, or becomes, one readable line.
/// - A startup has succeeded only with exit code 0, and only without text that revokes it.
/// - A status is "running" only with exit code 0 or with text that says so, "not running" only with 2, and
///   unknown if it did not end in time.
pub fn mzsh(bytes: &[u8]) {
    let [end, output] = split_input(bytes);
    let Some(finished) = parse_finished(end, output, Duration::from_secs(1)) else { return };
    let words = words_without_notices(&finished);
    let lower = words.to_lowercase();
    let ended = finished.launch_error.is_none().then_some(finished.exit_status);
    let zero = ended == Some(ExitStatus::Exited(0));
    let taken_back =
        ["started with errors", "no such server process"].iter().any(|w| lower.contains(w));
    match StartupResult::from_finished(&finished) {
        StartupResult::Up => assert!(zero && !taken_back, "{finished:?}"),
        StartupResult::Critical(why) => {
            assert_eq!(ended, Some(ExitStatus::Exited(104)));
            assert_readable_reason(&why);
        }
        StartupResult::Failed(why) => {
            assert!(!zero || taken_back, "{finished:?}");
            assert_readable_reason(&why);
        }
    }

    let answer = StatusAnswer::from_finished(&finished);
    let without_platform = words.contains("without contact with the platform");
    match &answer {
        StatusAnswer::Running => assert!(zero && !without_platform),
        StatusAnswer::WithoutPlatform => {
            assert!(without_platform && ended.is_some_and(|e| e != ExitStatus::TimedOut));
        }
        StatusAnswer::NotResponding => assert_eq!(ended, Some(ExitStatus::Exited(1))),
        StatusAnswer::NotRunning => assert_eq!(ended, Some(ExitStatus::Exited(2))),
        StatusAnswer::NoAnswer => assert_eq!(ended, Some(ExitStatus::TimedOut)),
        StatusAnswer::NotAsked(_) => assert!(is_inconclusive(ended), "{finished:?}"),
        StatusAnswer::Unexpected(_) => assert!(!zero && ended.is_some()),
    }
    assert_valid_reason(&answer.to_string(), exit_reason::PREFIX);
}

/// `bytes` are how it ended and its output, as for [`mzsh`], and its duration in milliseconds, each after a
/// [`SEPARATOR`](crate::SEPARATOR). Its timeout was ten seconds.
///
/// - Nothing panics; every reason is, or becomes, one readable line.
/// - Healthy is exit code 0 and nothing else, and not with the word FAILED.
/// - FAILED is another exit code, that word, and time left: never a signal, a timeout, or a client that was
///   not executed.
pub fn ha(bytes: &[u8]) {
    let [end, output, took] = split_input(bytes);
    let took =
        std::str::from_utf8(took).ok().and_then(|took| took.parse::<u32>().ok()).unwrap_or(300);
    let Some(finished) = parse_finished(end, output, Duration::from_millis(took.into())) else {
        return;
    };
    let ended = finished.launch_error.is_none().then_some(finished.exit_status);
    let ok = ended == Some(ExitStatus::Exited(0));
    let failed = words_without_notices(&finished).contains("FAILED");
    match HaAnswer::from_finished(&finished, 10) {
        HaAnswer::Ok => {
            assert!(ok && !failed, "{finished:?}");
        }
        HaAnswer::Failed(why) => {
            assert!(!ok && matches!(ended, Some(ExitStatus::Exited(_))), "{finished:?}");
            assert!(failed && took < 10_000, "{finished:?}");
            assert_readable_reason(&why);
        }
        HaAnswer::NoAnswer(why) => {
            assert!(!ok && ended.is_some(), "{finished:?}");
            assert_readable_reason(&why);
        }
        HaAnswer::Unreadable(why) => {
            assert!(ended.is_some_and(|end| end != ExitStatus::TimedOut), "{finished:?}");
            assert_readable_reason(&why);
        }
        HaAnswer::ClientTimedOut(why) | HaAnswer::NeverListened(why) => {
            panic!("only who has watched the client, or the JVM, can say so: {why}")
        }
        HaAnswer::NotAsked(why) => {
            assert!(is_inconclusive(ended), "{finished:?}");
            assert!(!(failed && ended == Some(ExitStatus::Exited(1))), "{finished:?}");
            assert_valid_reason(&why, exit_reason::PREFIX);
        }
    }
}

/// Not executed, ended by a signal, or a JVM that may have said that it could not start.
fn is_inconclusive(ended: Option<ExitStatus>) -> bool {
    matches!(
        ended,
        None | Some(ExitStatus::Signalled(_) | ExitStatus::Exited(1 | 126 | 127 | 129..=192))
    )
}

/// A reason with some text.
fn assert_readable_reason(why: &str) {
    assert!(!why.trim().is_empty());
    assert_valid_reason(why, exit_reason::PREFIX);
    assert_printable(&exit_reason::truncate(why, exit_reason::PREFIX));
}

/// A JVM repeats its environment, which may hold any word.
fn words_without_notices(finished: &FinishedCommand) -> String {
    let output = String::from_utf8_lossy(&finished.stdout).into_owned();
    let is_notice = |line: &&str| {
        let begin = line.trim_start();
        ["Picked up ", "NOTE: Picked up "].iter().any(|known| begin.starts_with(known))
            || line.contains(" VM warning: ")
    };
    output
        .lines()
        .filter(|line| !is_notice(line))
        .fold(String::new(), |words, line| words + line + "\n")
}

fn parse_finished(end: &[u8], output: &[u8], took: Duration) -> Option<FinishedCommand> {
    let end = std::str::from_utf8(end).ok()?;
    let number = |text: &str| text.parse::<u8>().ok().map(i32::from);
    // A refusal always has a reason.
    let refused =
        || Some(String::from_utf8_lossy(output).into_owned()).filter(|why| !why.trim().is_empty());
    let (end, refused) = match end.split_once(' ').unwrap_or((end, "")) {
        ("exit", code) => (ExitStatus::Exited(number(code)?), None),
        ("signal", signal) => (ExitStatus::Signalled(number(signal)?), None),
        ("timeout", _) => (ExitStatus::TimedOut, None),
        ("refused", _) => (ExitStatus::Exited(127), Some(refused()?)),
        _ => return None,
    };
    Some(FinishedCommand {
        launch_error: refused.map(Into::into),
        ..FinishedCommand::new(end, output, took)
    })
}
