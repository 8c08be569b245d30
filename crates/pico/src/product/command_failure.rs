//! Failures of a command that are no evidence about the pico: the command itself could not run.

use super::command_output::{last_text_line, product_words};
use host::ExitStatus;
use host::command::FinishedCommand;

/// Messages of a JVM that could not start, or got no memory or thread.
const JVM_START_ERRORS: [&str; 8] = [
    "main class",
    "initialization of VM",
    "create the Java Virtual Machine",
    "Could not reserve",
    "memory for the Java Runtime",
    "Cannot create VM thread",
    "unable to create native thread",
    "java.lang.OutOfMemoryError",
];

/// Exit codes of a shell whose command was ended by a signal: 128 + signal, of 64 signals.
const SIGNAL_EXIT_CODES: std::ops::RangeInclusive<i32> = 129..=192;

/// Why this exit is no verdict on the pico, as a predicate; `None`: it may be one.
pub(super) fn command_failure(finished: &FinishedCommand) -> Option<String> {
    let words = product_words(finished);
    let said = || last_text_line(&words).map_or_else(String::new, |line| format!(": {line}"));
    match finished.exit_status {
        ExitStatus::Signalled(_) => Some(format!("ended by {}", finished.exit_status)),
        ExitStatus::Exited(code) if SIGNAL_EXIT_CODES.contains(&code) => {
            Some(format!("ended by {} (exit code {code})", ExitStatus::Signalled(code - 128)))
        }
        // POSIX: the command of a shell was not executable, or not found.
        ExitStatus::Exited(code @ (126 | 127)) => {
            Some(format!("was not executed, exit code {code}{}", said()))
        }
        // A FAILED with such a message is about the pico.
        ExitStatus::Exited(1)
            if !words.contains("FAILED") && JVM_START_ERRORS.iter().any(|w| words.contains(w)) =>
        {
            Some(format!("did not start{}", said()))
        }
        ExitStatus::Exited(_) | ExitStatus::TimedOut => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn failure_of(end: ExitStatus, output: &str) -> Option<String> {
        command_failure(&FinishedCommand::new(end, output, Duration::from_millis(300)))
    }

    #[test]
    fn command_killed_or_not_started_is_a_command_failure() {
        for (end, output) in [
            (ExitStatus::Signalled(9), ""),
            (ExitStatus::Signalled(11), "OK"),
            (ExitStatus::Exited(137), "Killed"),
            (ExitStatus::Exited(139), "Segmentation fault (core dumped)"),
            (ExitStatus::Exited(126), "mzsh: /opt/jdk/bin/java: Permission denied"),
            (ExitStatus::Exited(127), "mzsh: 12: /opt/jdk/bin/java: not found"),
            (
                ExitStatus::Exited(1),
                "Error: Could not find or load main class com.digitalroute.ha.HAClient",
            ),
            (
                ExitStatus::Exited(1),
                "Error occurred during initialization of VM\nCould not reserve enough space for object heap",
            ),
            (
                ExitStatus::Exited(1),
                "There is insufficient memory for the Java Runtime Environment to continue.",
            ),
            (
                ExitStatus::Exited(1),
                "Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space",
            ),
            (
                ExitStatus::Exited(1),
                "Error occurred during initialization of VM\nCannot create VM thread. Out of system resources.",
            ),
        ] {
            assert!(failure_of(end, output).is_some(), "{end:?} {output}");
        }
    }

    #[test]
    fn exit_with_an_answer_is_no_command_failure() {
        for (end, output) in [
            (ExitStatus::Exited(0), "java.lang.OutOfMemoryError"),
            (ExitStatus::Exited(1), "FAILED: too many aborts"),
            (ExitStatus::Exited(1), "FAILED: java.lang.OutOfMemoryError in workflow a.b"),
            (ExitStatus::Exited(1), "platform is not responding"),
            (ExitStatus::Exited(2), ""),
            (ExitStatus::Exited(124), ""),
            (ExitStatus::Exited(255), ""),
            (ExitStatus::TimedOut, "initialization of VM"),
        ] {
            assert_eq!(failure_of(end, output), None, "{end:?} {output}");
        }
    }
}
