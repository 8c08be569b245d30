//! Health of a pico as other managers than Pacemaker need it.

use pico::verdict::{Verdict, VerdictKind};

/// Result of a monitor at depth 10.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthVerdict {
    /// With a warning, if there is one.
    Healthy(Option<String>),
    /// Not running, hung or failed; with the reason.
    Unhealthy(String),
    /// With the reason. No manager may act on it.
    Unknown(String),
}

impl From<Verdict> for HealthVerdict {
    fn from(Verdict { kind, reason, .. }: Verdict) -> Self {
        match kind {
            VerdictKind::Running
            | VerdictKind::Unchecked
            | VerdictKind::Warning
            | VerdictKind::Degraded => {
                Self::Healthy(Some(reason).filter(|reason| !reason.is_empty()))
            }
            VerdictKind::NotRunning | VerdictKind::Failed | VerdictKind::CheckFailed => {
                Self::Unhealthy(reason)
            }
            VerdictKind::Unknown => Self::Unknown(reason),
        }
    }
}

impl HealthVerdict {
    /// The reason or the warning.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Healthy(warning) => warning.as_deref(),
            Self::Unhealthy(why) | Self::Unknown(why) => Some(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pico::verdict::Check;

    #[test]
    fn undecided_verdict_is_unknown_and_degraded_is_healthy() {
        let of = |kind, reason: &str| {
            HealthVerdict::from(Verdict { kind, reason: reason.to_owned(), check: Check::NotDue })
        };
        for kind in [
            VerdictKind::Running,
            VerdictKind::Unchecked,
            VerdictKind::Warning,
            VerdictKind::Degraded,
        ] {
            assert_eq!(of(kind, "why"), HealthVerdict::Healthy(Some("why".into())));
        }
        for kind in [VerdictKind::NotRunning, VerdictKind::Failed, VerdictKind::CheckFailed] {
            assert_eq!(of(kind, "why"), HealthVerdict::Unhealthy("why".into()));
        }
        assert_eq!(of(VerdictKind::Unknown, "why"), HealthVerdict::Unknown("why".into()));
        assert_eq!(of(VerdictKind::Running, ""), HealthVerdict::Healthy(None));
    }
}
