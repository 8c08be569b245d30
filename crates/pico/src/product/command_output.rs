//! What mzsh and the HA client say.
//!
//! Which of their words come on stdout and which on stderr is not documented, so both are read for words. A value is read from stdout
//! alone.

use host::command::FinishedCommand;

/// The text of stdout, and then of stderr, without the notices of a JVM: those repeat the environment, which may hold any word.
pub(super) fn product_words(finished: &FinishedCommand) -> String {
    without_jvm_notices(&String::from_utf8_lossy(&finished.output()))
}

pub(super) fn without_jvm_notices(words: &str) -> String {
    words.split_inclusive('\n').filter(|line| !is_jvm_notice(line)).collect()
}

/// What a JVM writes to stderr, whatever program it runs.
fn is_jvm_notice(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("Picked up ")
        || line.starts_with("NOTE: Picked up ")
        || line.contains(" VM warning: ")
}

/// The last line that says something: the last of stderr, unless that has none.
pub(super) fn last_text_line(words: &str) -> Option<&str> {
    words.lines().rev().map(str::trim).find(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::ExitStatus;
    use std::time::Duration;

    #[test]
    fn jvm_notices_are_no_words_of_the_product() {
        let stderr = "Picked up JAVA_TOOL_OPTIONS: -Dmode=FAILED\n\
            NOTE: Picked up JDK_JAVA_OPTIONS: -Xshare:auto\n\
            OpenJDK 64-Bit Server VM warning: Option UseConcMarkSweepGC was deprecated\n";
        let finished =
            FinishedCommand::new(ExitStatus::Exited(1), "ui is not running", Duration::ZERO);
        let finished = FinishedCommand { stderr: stderr.into(), ..finished };
        assert_eq!(product_words(&finished), "ui is not running\n");
        let said = FinishedCommand { stderr: format!("{stderr}no contact\n").into(), ..finished };
        assert_eq!(last_text_line(&product_words(&said)), Some("no contact"));
    }
}
