//! What an agent answered, held against what it had to answer. Each failure tells the whole call.

use testkit::Ran;

/// What Pacemaker shows of an exit reason; the rest is lost to the person on call.
const LONGEST_REASON: usize = 128;

/// Exit codes of OCF.
pub(crate) const OK: i32 = 0;
pub(crate) const GENERIC: i32 = 1;
pub(crate) const ARGS: i32 = 2;
pub(crate) const PERM: i32 = 4;
pub(crate) const INSTALLED: i32 = 5;
pub(crate) const CONFIGURED: i32 = 6;
pub(crate) const NOT_RUNNING: i32 = 7;
pub(crate) const DEGRADED: i32 = 190;

/// Assertions on a call that has run.
pub(crate) trait Answer {
    /// It ended by itself with this code, and wrote nothing on stdout. If it failed, its last line is one reason that
    /// Pacemaker can show whole.
    fn answers(self, code: i32) -> Self;
    /// The exit reason holds all of these.
    fn because(self, words: &[&str]) -> Self;
    /// Nothing on stderr either.
    fn silently(self) -> Self;
}

impl Answer for Ran {
    #[track_caller]
    fn answers(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        assert_eq!(self.stdout, "", "{self}");
        if code == OK {
            return self;
        }
        let reasons: Vec<&str> =
            self.stderr.lines().filter_map(|line| line.strip_prefix("ocf-exit-reason:")).collect();
        let [reason] = reasons.as_slice() else { panic!("not one exit reason: {self}") };
        assert!(self.stderr.trim_end().ends_with(reason), "the reason is not the last line: {self}");
        assert!(!reason.trim().is_empty(), "{self}");
        assert!(
            reason.len() <= LONGEST_REASON && reason.is_ascii(),
            "{} bytes, or not ASCII: {self}",
            reason.len()
        );
        self
    }

    #[track_caller]
    fn because(self, words: &[&str]) -> Self {
        let reason = self.reason().unwrap_or_default();
        for word in words {
            assert!(reason.contains(word), "{word:?} is not in the reason: {self}");
        }
        self
    }

    #[track_caller]
    fn silently(self) -> Self {
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""), "{self}");
        self
    }
}
