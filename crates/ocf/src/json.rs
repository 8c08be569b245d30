//! The little JSON that is written here; none is ever read.

use crate::visible::visible_json;

/// Appends `value` as a JSON string.
pub(crate) fn string(value: &str, text: &mut String) {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    text.push('"');
    text.push_str(&visible_json(&escaped));
    text.push('"');
}
