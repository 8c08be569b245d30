//! Assertions on an agent's answer. Each failure shows the whole call.
#![expect(clippy::return_self_not_must_use, reason = "an assertion may be the last in its chain")]

use crate::NodeCommandOutput;

/// Pacemaker 2.1 shows at most this many bytes of an exit reason.
const MAX_REASON_BYTES: usize = 128;

/// OCF exit code: success.
pub const OCF_SUCCESS: i32 = 0;
/// OCF exit code: generic error.
pub const OCF_ERR_GENERIC: i32 = 1;
/// OCF exit code: a parameter is wrong on this node.
pub const OCF_ERR_ARGS: i32 = 2;
/// OCF exit code: permissions are missing.
pub const OCF_ERR_PERM: i32 = 4;
/// OCF exit code: software is missing.
pub const OCF_ERR_INSTALLED: i32 = 5;
/// OCF exit code: the parameters are wrong on every node.
pub const OCF_ERR_CONFIGURED: i32 = 6;
/// OCF exit code: not running.
pub const OCF_NOT_RUNNING: i32 = 7;
/// OCF exit code: running, degraded.
pub const OCF_DEGRADED: i32 = 190;

/// Assertions on a call that has run.
pub trait AgentAssertions {
    /// The agent exited with this code and wrote nothing on stdout. If it failed, its last line is
    /// one reason that Pacemaker shows without truncation.
    fn assert_exit_code(self, code: i32) -> Self;
    /// The exit reason contains all of these.
    fn assert_reason(self, words: &[&str]) -> Self;
    /// The agent wrote nothing on stderr either.
    fn assert_no_output(self) -> Self;
}

impl AgentAssertions for NodeCommandOutput {
    #[track_caller]
    fn assert_exit_code(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        assert_eq!(self.stdout, "", "{self}");
        if code == OCF_SUCCESS {
            return self;
        }
        let reasons: Vec<&str> =
            self.stderr.lines().filter_map(|line| line.strip_prefix("ocf-exit-reason:")).collect();
        let [reason] = reasons.as_slice() else { panic!("not one exit reason: {self}") };
        assert!(
            self.stderr.trim_end().ends_with(reason),
            "the reason is not the last line: {self}"
        );
        assert!(!reason.trim().is_empty(), "{self}");
        assert!(
            reason.len() <= MAX_REASON_BYTES && reason.is_ascii(),
            "{} bytes, or not ASCII: {self}",
            reason.len()
        );
        self
    }

    #[track_caller]
    fn assert_reason(self, words: &[&str]) -> Self {
        let reason = self.reason().unwrap_or_default();
        for word in words {
            assert!(reason.contains(word), "{word:?} is not in the reason: {self}");
        }
        self
    }

    #[track_caller]
    fn assert_no_output(self) -> Self {
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""), "{self}");
        self
    }
}
