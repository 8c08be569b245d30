//! The exit reason, and text that must not be taken for one.
//!
//! Pacemaker searches an agent's stderr for the last occurrence of [`PREFIX`], anywhere in a line, and shows what
//! follows it up to the end of the line, in versions before 3.0.2 at most 128 bytes of it. So a reason is one line of
//! at most [`LIMIT`] bytes, and everything else that goes to stderr (a child's output, a value that somebody set)
//! passes [`sanitise`] first.

use crate::visible::visible;
use std::borrow::Cow;

/// What introduces the exit reason; `OCF_EXIT_REASON_PREFIX` says the same.
pub const PREFIX: &str = "ocf-exit-reason:";

/// Bytes of a reason that every Pacemaker shows.
pub const LIMIT: usize = 128;

/// `text` as it may go to stderr or into a log: [`visible`], in ASCII (a letter beyond it becomes `?`), and without `prefix`,
/// which gets its last character replaced where it occurs.
#[must_use]
pub fn sanitise(text: &str, prefix: &str) -> String {
    let line = ascii(text.trim_ascii());
    match prefix.char_indices().last() {
        // A character that the prefix does not contain: so no replacement can make up a new occurrence.
        Some((at, _)) if line.contains(prefix) => {
            let other = ['.', '_', '#', '~'].into_iter().find(|&c| !prefix.contains(c)).unwrap_or('?');
            line.replace(prefix, &format!("{}{other}", &prefix[..at]))
        }
        _ => line,
    }
}

/// The reason's text: sanitised, and shortened to [`LIMIT`] bytes: first its long words, which are names and paths, in their
/// middle, for what became of them stands behind them; then the whole, at the end of a word where there is one near.
#[must_use]
pub fn clip(text: &str, prefix: &str) -> String {
    shorten(&narrow(sanitise(text, prefix), LIMIT), LIMIT).into_owned()
}

/// The line that goes to stderr, the last one.
#[must_use]
pub fn line(text: &str, prefix: &str) -> String {
    format!("{prefix}{}\n", clip(text, prefix))
}

/// A value that somebody set, as it is shown in a message: quoted, printable ASCII, at most `limit` characters of it.
#[must_use]
pub(crate) fn quoted(value: &str, limit: usize) -> String {
    format!("\"{}\"", shorten(&ascii(value), limit))
}

fn ascii(text: &str) -> String {
    visible(text).chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

/// What stands for what was cut out.
const CUT: &str = "...";

/// Bytes of a word that is not cut in its middle; a longer one keeps that many.
const WORD: usize = 40;

/// `text`, which is ASCII, with as much cut out of its longest words as it is too long.
fn narrow(mut text: String, limit: usize) -> String {
    while text.len() > limit {
        let mut at = 0;
        let words = text.split(' ').map(|word| {
            let begin = at;
            at += word.len() + 1;
            (word.len(), begin)
        });
        let Some((length, begin)) = words.max().filter(|(length, _)| *length > WORD) else { break };
        let kept = length.saturating_sub(text.len() - limit).max(WORD) - CUT.len();
        let (head, tail) = (kept / 2, kept - kept / 2);
        text.replace_range(begin + head..begin + length - tail, CUT);
    }
    text
}

/// `text` is ASCII.
fn shorten(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let kept = &text[..limit - CUT.len()];
    let kept = match kept.rfind(' ') {
        Some(blank) if blank > kept.len() * 3 / 4 => &kept[..blank],
        _ => kept,
    };
    Cow::Owned(format!("{kept}{CUT}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reason_is_cut_so_that_it_can_still_be_read() {
        let long = "mzsh: startup did not end within 90s, ".repeat(9);
        let clipped = clip(&long, PREFIX);
        assert!(clipped.len() <= LIMIT && clipped.ends_with(" within 90s, mzsh:..."), "{clipped}");
        assert_eq!(clip(&"x".repeat(128), PREFIX), "x".repeat(128));
        assert_eq!(line("dead\nsince noon\n", PREFIX), "ocf-exit-reason:dead since noon\n");
    }

    #[test]
    fn a_long_name_is_cut_in_its_middle_and_what_became_of_it_is_not() {
        assert_eq!(clip(&"x".repeat(129), PREFIX), format!("{0}...{0}x", "x".repeat(62)));
        let name = "EC_".to_owned() + &"long_".repeat(45) + "1";
        let clipped = clip(&format!("{name} is not running: pid 4711 has ended (signal 9 (KILL))"), PREFIX);
        assert!(clipped.len() == LIMIT && clipped.starts_with("EC_long_long_"), "{clipped}");
        assert!(clipped.ends_with("ng_1 is not running: pid 4711 has ended (signal 9 (KILL))"), "{clipped}");
        let (path, tail) = (format!("/opt/{name}"), "a state that is told in many words".repeat(2));
        let clipped = clip(&format!("{name}: {path}: {tail}"), PREFIX);
        assert!(clipped.contains("ong_1: /opt/EC_long") && clipped.contains("_1: a state that"), "{clipped}");
    }

    #[test]
    fn a_prefix_inside_is_disarmed() {
        assert_eq!(sanitise("got ocf-exit-reason:liar", PREFIX), "got ocf-exit-reason.liar");
        assert_eq!(sanitise("ocf-exit-ocf-exit-reason:reason:", PREFIX), "ocf-exit-ocf-exit-reason.reason:");
        assert_eq!(sanitise("why.why.", "why."), "why_why_");
        assert_eq!(sanitise("anything", ""), "anything");
    }

    proptest! {
        #[test]
        fn whatever_the_text_the_line_is_one_and_short(text in any::<String>(), nest in 0usize..4) {
            let text = (0..nest).fold(text, |t, _| format!("ocf-exit-{t}{PREFIX}reason:"));
            let line = line(&text, PREFIX);
            let reason = line.strip_prefix(PREFIX).unwrap().strip_suffix('\n').unwrap();
            prop_assert!(reason.len() <= LIMIT);
            prop_assert!(reason.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert!(!reason.contains(PREFIX));
        }
    }
}
