//! Text on stderr: lines that people and Pacemaker can read.

use ocf::exit_reason;

/// `text` becomes a reason of one short line of printable ASCII, and does not become a second reason.
pub(crate) fn assert_valid_reason(text: &str, prefix: &str) {
    let line = exit_reason::stderr_line(text, prefix);
    let reason = line.strip_prefix(prefix).and_then(|l| l.strip_suffix('\n'));
    let reason = reason.unwrap_or_else(|| panic!("not between prefix and line end: {line:?}"));
    assert!(reason.len() <= exit_reason::MAX_BYTES, "{} bytes: {reason:?}", reason.len());
    assert_printable(reason);
    // Pacemaker's own prefix ends so. Truncation could produce a prefix that ends in dots.
    if prefix.ends_with(':') {
        assert!(!reason.contains(prefix), "{reason:?} holds {prefix:?}");
    }
}

/// One line of printable ASCII.
pub(crate) fn assert_printable(text: &str) {
    assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text:?}");
}
