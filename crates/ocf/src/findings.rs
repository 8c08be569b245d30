//! The findings of validate-all.
//!
//! pcs shows an agent's stderr to the person who creates a resource. crmsh recognises `ERROR: ` and
//! `WARNING: ` at the start of a line. So each finding is such a line, and the exit reason is the
//! last line. Findings never go to stdout: `crm_resource` hides stderr when stdout is XML.

use crate::{ErrorCode, ParameterError, exit_reason};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// `None` is a warning.
    code: Option<ErrorCode>,
    about: String,
    text: String,
}

/// The findings of a validate-all, in the order of their addition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds an error. `about` is a parameter or another name that the person knows.
    pub fn error(&mut self, code: ErrorCode, about: impl Into<String>, text: impl Into<String>) {
        self.0.push(Finding { code: Some(code), about: about.into(), text: text.into() });
    }

    /// Adds a warning. Warnings alone leave the exit code a success.
    pub fn warning(&mut self, about: impl Into<String>, text: impl Into<String>) {
        self.0.push(Finding { code: None, about: about.into(), text: text.into() });
    }

    /// Adds invalid parameters, as errors of the configuration on every node.
    pub fn add_parameter_errors(&mut self, errors: impl IntoIterator<Item = ParameterError>) {
        for error in errors {
            self.error(ErrorCode::NotConfigured, error.name(), error.problem());
        }
    }

    /// True if there is neither an error nor a warning.
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

    /// The code and the reason of the error that decides the exit code; `None` if there is no
    /// error. An error on every node outweighs an error on this node; otherwise the first error
    /// decides.
    #[must_use]
    pub fn deciding_error(&self) -> Option<(ErrorCode, String)> {
        let errors = || self.0.iter().filter_map(|finding| Some((finding.code?, finding)));
        let (class, finding) = errors()
            .find(|(class, _)| *class == ErrorCode::NotConfigured)
            .or_else(|| errors().next())?;
        let reason = match errors().count() - 1 {
            0 => finding.describe(),
            // The count comes first, so that a shortened reason keeps it.
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
