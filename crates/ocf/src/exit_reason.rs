//! The exit reason, and the escaping of text that Pacemaker must not mistake for one.
//!
//! Pacemaker searches an agent's stderr for the last [`PREFIX`], anywhere in a line. It shows the
//! rest of that line; versions before 3.0.2 show at most 128 bytes. So a reason is one line of at
//! most [`MAX_BYTES`] bytes. Everything else on stderr, such as a child's output or a configured
//! value, passes [`sanitise`] first.

use crate::escape::escape_unprintable;
use std::borrow::Cow;

/// The prefix of an exit reason; `OCF_EXIT_REASON_PREFIX` can set another.
pub const PREFIX: &str = "ocf-exit-reason:";

/// Every Pacemaker shows this many bytes of a reason.
pub const MAX_BYTES: usize = 128;

/// Escapes `text` for stderr or a log. It applies [`escape_unprintable`] and replaces a non-ASCII
/// character with `?`. It alters the last character of each `prefix` inside the text.
#[must_use]
pub fn sanitise(text: &str, prefix: &str) -> String {
    let line = to_ascii(text.trim_ascii());
    match prefix.char_indices().last() {
        // The prefix does not contain the replacement, so no replacement can create another prefix.
        Some((at, _)) if line.contains(prefix) => {
            let other =
                ['.', '_', '#', '~'].into_iter().find(|&c| !prefix.contains(c)).unwrap_or('?');
            line.replace(prefix, &format!("{}{other}", &prefix[..at]))
        }
        _ => line,
    }
}

/// Sanitises a reason and shortens it to [`MAX_BYTES`] bytes. It first cuts long words in the
/// middle: these are names and paths, and the state follows them. It then cuts the end, at a word
/// boundary if one is near.
#[must_use]
pub fn truncate(text: &str, prefix: &str) -> String {
    truncate_at_word(&truncate_long_words(sanitise(text, prefix), MAX_BYTES), MAX_BYTES)
        .into_owned()
}

/// The line for stderr; it must be the last line there.
#[must_use]
pub fn stderr_line(text: &str, prefix: &str) -> String {
    format!("{prefix}{}\n", truncate(text, prefix))
}

/// Quotes a configured value for a message: printable ASCII, at most `limit` characters.
#[must_use]
pub(crate) fn quoted(value: &str, limit: usize) -> String {
    format!("\"{}\"", truncate_at_word(&to_ascii(value), limit))
}

fn to_ascii(text: &str) -> String {
    escape_unprintable(text).chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

const ELLIPSIS: &str = "...";

/// A word up to this many bytes is never cut; a longer one keeps at least this many.
const MIN_KEPT_WORD_BYTES: usize = 40;

/// Cuts the excess out of the longest words. `text` must be ASCII, because the cuts are byte
/// offsets.
fn truncate_long_words(mut text: String, limit: usize) -> String {
    while text.len() > limit {
        let mut at = 0;
        let words = text.split(' ').map(|word| {
            let begin = at;
            at += word.len() + 1;
            (word.len(), begin)
        });
        let Some((length, begin)) = words.max().filter(|(length, _)| *length > MIN_KEPT_WORD_BYTES)
        else {
            break;
        };
        let kept =
            length.saturating_sub(text.len() - limit).max(MIN_KEPT_WORD_BYTES) - ELLIPSIS.len();
        let (head, tail) = (kept / 2, kept - kept / 2);
        text.replace_range(begin + head..begin + length - tail, ELLIPSIS);
    }
    text
}

/// `text` must be ASCII, because the cut is a byte offset.
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
        assert!(
            clipped.len() <= MAX_BYTES && clipped.ends_with(" within 90s, mzsh:..."),
            "{clipped}"
        );
        assert_eq!(truncate(&"x".repeat(128), PREFIX), "x".repeat(128));
        assert_eq!(stderr_line("dead\nsince noon\n", PREFIX), "ocf-exit-reason:dead since noon\n");
    }

    #[test]
    fn long_name_is_truncated_in_its_middle_and_its_state_is_kept() {
        assert_eq!(truncate(&"x".repeat(129), PREFIX), format!("{0}...{0}x", "x".repeat(62)));
        let name = "EC_".to_owned() + &"long_".repeat(45) + "1";
        let clipped =
            truncate(&format!("{name} is not running: pid 4711 exited (SIGKILL)"), PREFIX);
        assert!(clipped.len() == MAX_BYTES && clipped.starts_with("EC_long_long_"), "{clipped}");
        assert!(clipped.ends_with("ng_1 is not running: pid 4711 exited (SIGKILL)"), "{clipped}");
        let (path, tail) = (format!("/opt/{name}"), "a state that is told in many words".repeat(2));
        let clipped = truncate(&format!("{name}: {path}: {tail}"), PREFIX);
        assert!(
            clipped.contains("ong_1: /opt/EC_long") && clipped.contains("_1: a state that"),
            "{clipped}"
        );
    }

    #[test]
    fn exit_reason_prefix_inside_text_is_altered() {
        assert_eq!(sanitise("got ocf-exit-reason:liar", PREFIX), "got ocf-exit-reason.liar");
        assert_eq!(
            sanitise("ocf-exit-ocf-exit-reason:reason:", PREFIX),
            "ocf-exit-ocf-exit-reason.reason:"
        );
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
