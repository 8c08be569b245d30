//! The little JSON that is written here; none is ever read.

use crate::escape::escape_unprintable_json;

/// Appends `value` as a JSON string.
pub(crate) fn push_string(value: &str, text: &mut String) {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    text.push('"');
    text.push_str(&escape_unprintable_json(&escaped));
    text.push('"');
}
