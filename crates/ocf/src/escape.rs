//! Escapes foreign text for a terminal, a log or a JSON document.
//!
//! Users of the node write crontabs, scripts, logs and command lines. A terminal obeys control
//! characters in them. ESC changes its title. A carriage return or a backspace overwrites earlier
//! text. A bidirectional override shows `a` for `b`. Code that prints such text therefore escapes
//! it here, once, where it prints.

use std::fmt::Write as _;

/// Returns `text` as one line that a terminal shows unchanged. An unprintable character becomes an
/// escape (`\r`, `\u{1b}`, `\u{202e}`); a tab or a line feed becomes a blank.
///
/// ```
/// let line = ocf::escape_unprintable("\u{1b}]0;owned\u{7} Jos\u{e9}\r\n");
/// assert_eq!(line, "\\u{1b}]0;owned\\u{7} Jos\u{e9}\\r ");
/// ```
#[must_use]
pub fn escape_unprintable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => line.push(' '),
            _ if is_printable(c) => line.push(c),
            _ => line.extend(c.escape_debug()),
        }
    }
    line
}

/// Escapes each unprintable character of a JSON document as `\uXXXX`, which a parser decodes. Line
/// feeds stay, because they can only stand between values.
#[must_use]
pub fn escape_unprintable_json(document: &str) -> String {
    let mut text = String::with_capacity(document.len());
    for c in document.chars() {
        if c == '\n' || is_printable(c) {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String can't fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// True for a character without an escape in `Debug`: no control or format character, no blank
/// except U+0020.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~') || c.escape_debug().eq([c])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn terminal_control_characters_are_escaped() {
        assert_eq!(escape_unprintable("\u{1b}]0;title\u{7}"), "\\u{1b}]0;title\\u{7}");
        assert_eq!(
            escape_unprintable("good\rbad\u{8}\u{9b}31m\u{7f}"),
            "good\\rbad\\u{8}\\u{9b}31m\\u{7f}"
        );
        assert_eq!(
            escape_unprintable("\u{202e}abc\u{200b}\u{2028}\u{feff}"),
            "\\u{202e}abc\\u{200b}\\u{2028}\\u{feff}"
        );
        assert_eq!(
            escape_unprintable("a\tb\nc \"d\" 'e' \\ \u{e9}\u{4e2d}"),
            "a b c \"d\" 'e' \\ \u{e9}\u{4e2d}"
        );
    }

    proptest! {
        #[test]
        fn escaped_json_is_printable_and_parses_to_the_same_text(text in any::<String>()) {
            let document = serde_json::to_string(&text).unwrap();
            let shown = escape_unprintable_json(&document);
            prop_assert!(shown.chars().all(is_printable));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }

        #[test]
        fn escaped_line_of_any_text_is_printable(text in any::<String>()) {
            prop_assert!(escape_unprintable(&text).chars().all(is_printable));
        }
    }
}
