//! The exit reason, and text that must not be taken for one.
//!
//! Pacemaker searches an agent's stderr for the last occurrence of [`PREFIX`], anywhere in a line, and shows what
//! follows it up to the end of the line, in versions before 3.0.2 at most 128 bytes of it. So a reason is one line of
//! at most [`MAX_BYTES`] bytes, and everything else that goes to stderr (a child's output, a value that somebody set)
//! passes [`sanitise`] first.

use crate::escape::escape_unprintable;
use std::borrow::Cow;

/// What introduces the exit reason; `OCF_EXIT_REASON_PREFIX` says the same.
pub const PREFIX: &str = "ocf-exit-reason:";

/// Bytes of a reason that every Pacemaker shows.
pub const MAX_BYTES: usize = 128;

/// `text` as it may go to stderr or into a log: [`escape_unprintable`], in ASCII (a letter beyond it becomes `?`), and without `prefix`,
/// which gets its last character replaced where it occurs.
#[must_use]
pub fn sanitise(text: &str, prefix: &str) -> String {
    let line = to_ascii(text.trim_ascii());
    match prefix.char_indices().last() {
        // A character that the prefix does not contain: so no replacement can make up a new occurrence.
        Some((at, _)) if line.contains(prefix) => {
            let other = ['.', '_', '#', '~'].into_iter().find(|&c| !prefix.contains(c)).unwrap_or('?');
            line.replace(prefix, &format!("{}{other}", &prefix[..at]))
        }
        _ => line,
    }
}

/// The reason's text: sanitised, and shortened to [`MAX_BYTES`] bytes: first its long words, which are names and paths, in their
/// middle, for what became of them stands behind them; then the whole, at the end of a word where there is one near.
#[must_use]
pub fn truncate(text: &str, prefix: &str) -> String {
    truncate_at_word(&truncate_long_words(sanitise(text, prefix), MAX_BYTES), MAX_BYTES).into_owned()
}

/// The line that goes to stderr, the last one.
#[must_use]
pub fn stderr_line(text: &str, prefix: &str) -> String {
    format!("{prefix}{}\n", truncate(text, prefix))
}

/// A value that somebody set, as it is shown in a message: quoted, printable ASCII, at most `limit` characters of it.
#[must_use]
pub(crate) fn quoted(value: &str, limit: usize) -> String {
    format!("\"{}\"", truncate_at_word(&to_ascii(value), limit))
}

fn to_ascii(text: &str) -> String {
    escape_unprintable(text).chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

/// What stands for what was cut out.
const ELLIPSIS: &str = "...";

/// Bytes of a word that is not cut in its middle; a longer one keeps that many.
const MIN_KEPT_WORD_BYTES: usize = 40;

/// `text`, which is ASCII, with as much cut out of its longest words as it is too long.
fn truncate_long_words(mut text: String, limit: usize) -> String {
    while text.len() > limit {
        let mut at = 0;
        let words = text.split(' ').map(|word| {
            let begin = at;
            at += word.len() + 1;
            (word.len(), begin)
        });
        let Some((length, begin)) = words.max().filter(|(length, _)| *length > MIN_KEPT_WORD_BYTES) else {
            break;
        };
        let kept = length.saturating_sub(text.len() - limit).max(MIN_KEPT_WORD_BYTES) - ELLIPSIS.len();
        let (head, tail) = (kept / 2, kept - kept / 2);
        text.replace_range(begin + head..begin + length - tail, ELLIPSIS);
    }
    text
}

/// `text` is ASCII.
fn truncate_at_word(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let kept = &text[..limit - ELLIPSIS.len()];
    let kept = match kept.rfind(' ') {
        Some(blank) if blank > kept.len() * 3 / 4 => &kept[..blank],
        _ => kept,
    };
    Cow::Owned(format!("{kept}{ELLIPSIS}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_exit_reason_is_truncated_at_a_word() {
        let long = "mzsh: startup did not end within 90s, ".repeat(9);
        let clipped = truncate(&long, PREFIX);
        assert!(clipped.len() <= MAX_BYTES && clipped.ends_with(" within 90s, mzsh:..."), "{clipped}");
        assert_eq!(truncate(&"x".repeat(128), PREFIX), "x".repeat(128));
        assert_eq!(stderr_line("dead\nsince noon\n", PREFIX), "ocf-exit-reason:dead since noon\n");
    }

    #[test]
    fn long_name_is_truncated_in_its_middle_and_its_state_is_kept() {
        assert_eq!(truncate(&"x".repeat(129), PREFIX), format!("{0}...{0}x", "x".repeat(62)));
        let name = "EC_".to_owned() + &"long_".repeat(45) + "1";
        let clipped = truncate(&format!("{name} is not running: pid 4711 exited (SIGKILL)"), PREFIX);
        assert!(clipped.len() == MAX_BYTES && clipped.starts_with("EC_long_long_"), "{clipped}");
        assert!(clipped.ends_with("ng_1 is not running: pid 4711 exited (SIGKILL)"), "{clipped}");
        let (path, tail) = (format!("/opt/{name}"), "a state that is told in many words".repeat(2));
        let clipped = truncate(&format!("{name}: {path}: {tail}"), PREFIX);
        assert!(clipped.contains("ong_1: /opt/EC_long") && clipped.contains("_1: a state that"), "{clipped}");
    }

    #[test]
    fn exit_reason_prefix_inside_text_is_altered() {
        assert_eq!(sanitise("got ocf-exit-reason:liar", PREFIX), "got ocf-exit-reason.liar");
        assert_eq!(sanitise("ocf-exit-ocf-exit-reason:reason:", PREFIX), "ocf-exit-ocf-exit-reason.reason:");
        assert_eq!(sanitise("why.why.", "why."), "why_why_");
        assert_eq!(sanitise("anything", ""), "anything");
    }

    proptest! {
        #[test]
        fn exit_reason_of_any_text_is_one_short_line(text in any::<String>(), nest in 0usize..4) {
            let text = (0..nest).fold(text, |t, _| format!("ocf-exit-{t}{PREFIX}reason:"));
            let line = stderr_line(&text, PREFIX);
            let reason = line.strip_prefix(PREFIX).unwrap().strip_suffix('\n').unwrap();
            prop_assert!(reason.len() <= MAX_BYTES);
            prop_assert!(reason.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert!(!reason.contains(PREFIX));
        }
    }
}
