//! How a pico is, in the three answers that there are for one who is not Pacemaker.

use pico::{Answer, Class, Outcome};

/// What a monitor at depth 10 comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs, and is well; with what is to be warned of, if anything is.
    Well(Option<String>),
    /// It is dead, hangs, or has failed; why.
    NotWell(String),
    /// It is neither known to be well nor known not to be; why. Nobody may act on this.
    CantTell(String),
}

impl Verdict {
    /// From what the library says.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        let reason = outcome.reason.unwrap_or_default();
        match outcome.answer {
            Answer::Success | Answer::Degraded => Self::Well(Some(reason).filter(|r| !r.is_empty())),
            Answer::Failed(Class::Undecided) => Self::CantTell(reason),
            Answer::NotRunning | Answer::Failed(_) => Self::NotWell(reason),
        }
    }

    /// Why, or what is warned of.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Well(warning) => warning.as_deref(),
            Self::NotWell(why) | Self::CantTell(why) => Some(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cant_be_told_is_not_taken_for_a_failure_and_degraded_is_well() {
        let of = |answer| Verdict::of(Outcome { answer, reason: Some("why".into()) });
        assert_eq!(of(Answer::Success), Verdict::Well(Some("why".into())));
        assert_eq!(of(Answer::Degraded), Verdict::Well(Some("why".into())));
        assert_eq!(of(Answer::NotRunning), Verdict::NotWell("why".into()));
        assert_eq!(of(Answer::Failed(Class::Generic)), Verdict::NotWell("why".into()));
        assert_eq!(of(Answer::Failed(Class::Undecided)), Verdict::CantTell("why".into()));
        assert_eq!(Verdict::of(Outcome::success()), Verdict::Well(None));
    }
}
