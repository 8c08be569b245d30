//! Ends of a command that say nothing of the pico: the command itself could not do its work.

use super::mzsh::last_line;
use host::End;
use host::command::Finished;

/// What a JVM that could not start, or found no memory or thread for itself, says.
const JVM_DID_NOT_START: [&str; 8] = [
    "main class",
    "initialization of VM",
    "create the Java Virtual Machine",
    "Could not reserve",
    "memory for the Java Runtime",
    "Cannot create VM thread",
    "unable to create native thread",
    "java.lang.OutOfMemoryError",
];

/// A shell says by 128 and more that a signal has ended what it ran; there are 64 signals.
const BY_SIGNAL: std::ops::RangeInclusive<i32> = 129..=192;

/// Why this end of what was executed is no verdict on the pico, as the rest of a sentence about it; `None`: it may be one.
pub(super) fn no_verdict(finished: &Finished) -> Option<String> {
    let words = String::from_utf8_lossy(&finished.output);
    let said = || last_line(&words).map_or_else(String::new, |line| format!(": {line}"));
    match finished.end {
        End::Signalled(_) => Some(format!("ended by {}", finished.end)),
        End::Exited(code) if BY_SIGNAL.contains(&code) => {
            Some(format!("ended by {} (exit code {code})", End::Signalled(code - 128)))
        }
        // POSIX: what a shell was to execute was not executable, or not found.
        End::Exited(code @ (126 | 127)) => Some(format!("was not executed, exit code {code}{}", said())),
        // A FAILED with such words is about the pico.
        End::Exited(1)
            if !words.contains("FAILED") && JVM_DID_NOT_START.iter().any(|w| words.contains(w)) =>
        {
            Some(format!("did not start{}", said()))
        }
        End::Exited(_) | End::TimedOut => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn of(end: End, output: &str) -> Option<String> {
        no_verdict(&Finished::new(end, output, Duration::from_millis(300)))
    }

    #[test]
    fn command_that_could_not_do_its_work_says_nothing_of_the_pico() {
        for (end, output) in [
            (End::Signalled(9), ""),
            (End::Signalled(11), "OK"),
            (End::Exited(137), "Killed"),
            (End::Exited(139), "Segmentation fault (core dumped)"),
            (End::Exited(126), "mzsh: /opt/jdk/bin/java: Permission denied"),
            (End::Exited(127), "mzsh: 12: /opt/jdk/bin/java: not found"),
            (End::Exited(1), "Error: Could not find or load main class com.digitalroute.ha.HAClient"),
            (
                End::Exited(1),
                "Error occurred during initialization of VM\nCould not reserve enough space for object heap",
            ),
            (End::Exited(1), "There is insufficient memory for the Java Runtime Environment to continue."),
            (End::Exited(1), "Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space"),
            (
                End::Exited(1),
                "Error occurred during initialization of VM\nCannot create VM thread. Out of system resources.",
            ),
        ] {
            assert!(of(end, output).is_some(), "{end:?} {output}");
        }
    }

    #[test]
    fn answer_is_left_to_the_one_who_asked() {
        for (end, output) in [
            (End::Exited(0), "java.lang.OutOfMemoryError"),
            (End::Exited(1), "FAILED: too many aborts"),
            (End::Exited(1), "FAILED: java.lang.OutOfMemoryError in workflow a.b"),
            (End::Exited(1), "platform is not responding"),
            (End::Exited(2), ""),
            (End::Exited(124), ""),
            (End::Exited(255), ""),
            (End::TimedOut, "initialization of VM"),
        ] {
            assert_eq!(of(end, output), None, "{end:?} {output}");
        }
    }
}
