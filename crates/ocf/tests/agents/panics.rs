//! A panic becomes an exit reason and exit code 1, whether panics unwind or abort.

use crate::{behave_command, run_and_capture};

#[test]
fn panic_exits_1_with_an_exit_reason() {
    for action in ["start", "stop", "monitor", "status", "reload-agent"] {
        let (code, _, stderr) = run_and_capture(&mut behave_command("panic", action));
        assert_eq!(code, Some(1), "{stderr}");
        let last =
            stderr.strip_prefix("ocf-exit-reason:internal error at behave.rs:").unwrap_or_default();
        assert!(last.ends_with(", please report: told to, in two lines\n"), "{stderr}");
    }
}

#[test]
fn panic_in_a_thread_exits_1_with_an_exit_reason() {
    let (code, _, stderr) = run_and_capture(
        behave_command("panic in a thread", "stop").env("OCF_EXIT_REASON_PREFIX", "why:"),
    );
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.starts_with("why:internal error at behave.rs:"), "{stderr}");
}
