//! A panic is an exit reason and exit code 1, whether panics unwind or abort.

use crate::{behave, seen};

#[test]
fn a_panic_is_a_reason_and_1() {
    for action in ["start", "stop", "monitor", "status", "reload-agent"] {
        let (code, _, stderr) = seen(&mut behave("panic", action));
        assert_eq!(code, Some(1), "{stderr}");
        let last = stderr.strip_prefix("ocf-exit-reason:internal error at behave.rs:").unwrap_or_default();
        assert!(last.ends_with(", please report: told to, in two lines\n"), "{stderr}");
    }
}

#[test]
fn a_panic_in_a_thread_too() {
    let (code, _, stderr) = seen(behave("panic in a thread", "stop").env("OCF_EXIT_REASON_PREFIX", "why:"));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.starts_with("why:internal error at behave.rs:"), "{stderr}");
}
