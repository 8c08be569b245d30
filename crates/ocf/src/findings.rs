//! What validate-all found.
//!
//! pcs shows an agent's stderr to the person who creates a resource, and crmsh takes the words `ERROR: ` and
//! `WARNING: ` at the beginning of a line for its own. So each finding is such a line, and the exit reason is the
//! last. Nothing ever goes to stdout: if it could be read as XML, `crm_resource` would hide stderr.

use crate::{ErrorCode, ParameterError, exit_reason};

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// `None`: a warning.
    code: Option<ErrorCode>,
    about: String,
    text: String,
}

/// All that validate-all found, in the order in which it was found. The default is: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Something that must be put right. `about` is a parameter or another name that the person knows.
    pub fn error(&mut self, code: ErrorCode, about: impl Into<String>, text: impl Into<String>) {
        self.0.push(Finding { code: Some(code), about: about.into(), text: text.into() });
    }

    /// Something to look at. With warnings alone the answer is still success.
    pub fn warning(&mut self, about: impl Into<String>, text: impl Into<String>) {
        self.0.push(Finding { code: None, about: about.into(), text: text.into() });
    }

    /// Parameters that can't be used: wrong on every node.
    pub fn add_parameter_errors(&mut self, errors: impl IntoIterator<Item = ParameterError>) {
        for error in errors {
            self.error(ErrorCode::NotConfigured, error.name(), error.problem());
        }
    }

    /// Was nothing found at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines for stderr, without the exit reason.
    #[must_use]
    pub fn lines(&self, prefix: &str) -> String {
        let mut lines = String::new();
        for finding in &self.0 {
            lines += if finding.code.is_some() { "ERROR: " } else { "WARNING: " };
            lines += &exit_reason::sanitise(&finding.describe(), prefix);
            lines.push('\n');
        }
        lines
    }

    /// What decides the answer, and why. What is wrong everywhere outweighs what is wrong here; else the first counts.
    /// `None`: no error.
    #[must_use]
    pub fn deciding_error(&self) -> Option<(ErrorCode, String)> {
        let errors = || self.0.iter().filter_map(|finding| Some((finding.code?, finding)));
        let (class, finding) =
            errors().find(|(class, _)| *class == ErrorCode::NotConfigured).or_else(|| errors().next())?;
        let reason = match errors().count() - 1 {
            0 => finding.describe(),
            // First, so that it survives when the reason is cut.
            more => format!("{} errors, first: {}", more + 1, finding.describe()),
        };
        Some((class, reason))
    }
}

impl Finding {
    fn describe(&self) -> String {
        format!("{}: {}", self.about, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_succeed_with_warnings_only_and_not_configured_wins() {
        let mut findings = Findings::default();
        assert!(findings.is_empty());
        findings.warning("wait", "longer than\nthe interval");
        assert_eq!(findings.deciding_error(), None);
        findings.error(ErrorCode::NotInstalled, "java_home", "no bin/java");
        assert_eq!(
            findings.deciding_error(),
            Some((ErrorCode::NotInstalled, "java_home: no bin/java".to_owned()))
        );
        findings.error(ErrorCode::NotConfigured, "name", "ocf-exit-reason:x");
        let (class, reason) = findings.deciding_error().unwrap();
        assert_eq!(
            (class, reason.as_str()),
            (ErrorCode::NotConfigured, "2 errors, first: name: ocf-exit-reason:x")
        );
        assert_eq!(
            findings.lines(exit_reason::PREFIX),
            "WARNING: wait: longer than the interval\nERROR: java_home: no bin/java\nERROR: name: ocf-exit-reason.x\n"
        );
    }
}
