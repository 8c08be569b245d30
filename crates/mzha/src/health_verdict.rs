//! Health of a pico as other managers than Pacemaker need it.

use pico::{ActionResult, ActionStatus, FailureCause};

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

impl HealthVerdict {
    #[must_use]
    pub fn from_outcome(outcome: ActionResult) -> Self {
        let reason = outcome.reason.unwrap_or_default();
        match outcome.status {
            ActionStatus::Success | ActionStatus::Degraded => {
                Self::Healthy(Some(reason).filter(|r| !r.is_empty()))
            }
            ActionStatus::Failed(FailureCause::StateUnknown) => Self::Unknown(reason),
            ActionStatus::NotRunning | ActionStatus::Failed(_) => Self::Unhealthy(reason),
        }
    }

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

    #[test]
    fn undecided_outcome_is_unknown_and_degraded_is_healthy() {
        let of =
            |answer| HealthVerdict::from_outcome(ActionResult { status: answer, reason: Some("why".into()) });
        assert_eq!(of(ActionStatus::Success), HealthVerdict::Healthy(Some("why".into())));
        assert_eq!(of(ActionStatus::Degraded), HealthVerdict::Healthy(Some("why".into())));
        assert_eq!(of(ActionStatus::NotRunning), HealthVerdict::Unhealthy("why".into()));
        assert_eq!(of(ActionStatus::Failed(FailureCause::Generic)), HealthVerdict::Unhealthy("why".into()));
        assert_eq!(
            of(ActionStatus::Failed(FailureCause::StateUnknown)),
            HealthVerdict::Unknown("why".into())
        );
        assert_eq!(HealthVerdict::from_outcome(ActionResult::success()), HealthVerdict::Healthy(None));
    }
}
