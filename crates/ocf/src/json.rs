//! JSON output. This crate never parses JSON.

use crate::escape::escape_unprintable_json;

pub(crate) fn push_string(value: &str, text: &mut String) {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    text.push('"');
    text.push_str(&escape_unprintable_json(&escaped));
    text.push('"');
}
