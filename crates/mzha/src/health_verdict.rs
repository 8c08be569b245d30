//! How a pico is, in the three answers that there are for one who is not Pacemaker.

use pico::{ActionResult, ActionStatus, FailureCause};

/// What a monitor at depth 10 comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthVerdict {
    /// It runs, and is well; with what is to be warned of, if anything is.
    Healthy(Option<String>),
    /// It is dead, hangs, or has failed; why.
    Unhealthy(String),
    /// It is neither known to be well nor known not to be; why. Nobody may act on this.
    Unknown(String),
}

impl HealthVerdict {
    /// From what the library says.
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

    /// Why, or what is warned of.
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
