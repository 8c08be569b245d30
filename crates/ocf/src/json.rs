//! The little JSON that is written here; none is ever read.

use std::fmt::Write as _;

/// Appends `value` as a JSON string.
pub(crate) fn string(value: &str, text: &mut String) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                // Writing to a string can't fail.
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            _ => text.push(c),
        }
    }
    text.push('"');
}
