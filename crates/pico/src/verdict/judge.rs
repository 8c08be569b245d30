//! From the evidence to the verdict. Pure: no clock, no file, no process.

use super::{Liveness, Observation, PicoPresence};
use crate::product::{HaAnswer, StatusAnswer};
use crate::settings::{OnHaFailed, PicoType};
use crate::time_of_day::time_of_day;
use host::ProcessId;
use ocf::{Failure, State};
use std::time::{Duration, SystemTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonitorKind {
    /// A probe. An error would have the healthy instance elsewhere restarted.
    Probe,
    /// Any other monitor.
    Recurring,
}

/// What the parameters make of the evidence.
#[derive(Clone, Debug)]
pub struct Policy {
    pub monitor_kind: MonitorKind,
    pub pico_type: PicoType,
    pub pico_name: String,
    /// What a FAILED means.
    pub on_ha_failed: OnHaFailed,
    /// Age up to which a FAILED does not count.
    pub ha_grace: Duration,
    /// A deep check that could not be made gives [`VerdictKind::Unknown`], not a warning.
    pub must_ask: bool,
    /// The time, where the reason is read later: Pacemaker shows it until a cleanup, when the process may run again or its pid belong to
    /// another. `None`: a person reads the reason at once, so it may have a command for a transient state.
    pub kept: Option<SystemTime>,
}

/// The kind of a verdict; the reason is in [`Verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictKind {
    /// Running.
    Running,
    /// Running; a deep check could not be made, which is no evidence about the pico.
    Unchecked,
    /// Running, with a warning; answered with "degraded" if `degraded=yes`.
    Warning,
    /// Running; `on_ha_failed=degrade` asks for "degraded".
    Degraded,
    /// Not running: every process of the node was examined.
    NotRunning,
    /// A process of the pico exists and has failed.
    Failed,
    /// The state could not be determined.
    Unknown,
    /// A deep check failed; `failures_tolerated` applies.
    CheckFailed,
}

/// Result of a deep check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Not due: /proc alone has decided, or this is a probe.
    NotDue,
    /// Every check that was due was made.
    Made,
    /// A check could not be made; what, and why.
    NotMade(String),
}

/// The verdict and its reason: as [`judge`] finds it, or as a monitor answers it after the parameters and the counts of earlier runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub kind: VerdictKind,
    /// One line for the person on call; empty for [`VerdictKind::Running`] without a remark.
    pub reason: String,
    pub check: Check,
}

impl Verdict {
    pub(crate) fn new(kind: VerdictKind, reason: String) -> Self {
        Self { kind, reason, check: Check::NotDue }
    }

    fn unchecked(policy: &Policy, why: String) -> Self {
        let finding = if policy.must_ask { VerdictKind::Unknown } else { VerdictKind::Unchecked };
        Self {
            kind: finding,
            reason: format!("{}: {why}", policy.pico_name),
            check: Check::NotMade(why),
        }
    }

    /// Whether the process runs, with or without a warning.
    #[must_use]
    pub fn is_running(&self) -> bool {
        match self.kind {
            VerdictKind::Running
            | VerdictKind::Unchecked
            | VerdictKind::Warning
            | VerdictKind::Degraded => true,
            VerdictKind::NotRunning
            | VerdictKind::Failed
            | VerdictKind::Unknown
            | VerdictKind::CheckFailed => false,
        }
    }

    /// The warning beside a success.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        let is_success = self.is_running() && self.kind != VerdictKind::Degraded;
        Some(self.reason.as_str()).filter(|reason| is_success && !reason.is_empty())
    }

    /// The answer of a monitor. A warning goes to the log.
    ///
    /// # Errors
    /// The pico has failed, or its state is unknown. Either may pass.
    pub fn into_result(self) -> Result<State, Failure> {
        if let Some(warning) = self.warning() {
            tracing::warn!("{warning}");
        }
        match self.kind {
            VerdictKind::Running | VerdictKind::Unchecked | VerdictKind::Warning => {
                Ok(State::Running)
            }
            VerdictKind::Degraded => Ok(State::Degraded(self.reason)),
            VerdictKind::NotRunning => Ok(State::NotRunning(Some(self.reason))),
            VerdictKind::Failed | VerdictKind::Unknown | VerdictKind::CheckFailed => {
                Err(Failure::generic(self.reason))
            }
        }
    }
}

/// The verdict on `observation`.
#[must_use]
pub fn judge(observation: &Observation, policy: &Policy) -> Verdict {
    let pico = &policy.pico_name;
    let failed = |reason| Verdict::new(VerdictKind::Failed, reason);
    let probe = policy.monitor_kind == MonitorKind::Probe;
    match &observation.presence {
        PicoPresence::None { ended: Some(id) } => {
            let death = observation.death.map(|death| format!(" {death}")).unwrap_or_default();
            Verdict::new(
                VerdictKind::NotRunning,
                format!("{pico} is not running: {id} exited{death}, no matching process"),
            )
        }
        PicoPresence::None { ended: None } => Verdict::new(
            VerdictKind::NotRunning,
            format!("{pico} is not running: no matching process on this node"),
        ),
        PicoPresence::Starting { mzsh } => {
            failed(format!("{pico}: start in progress (mzsh {mzsh})"))
        }
        PicoPresence::Several(pids) => {
            let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
            failed(format!("{pico} runs more than once: pids {}", pids.join(", ")))
        }
        PicoPresence::Unknown(why) => {
            Verdict::new(VerdictKind::Unknown, format!("{pico}: state unknown: {why}"))
        }
        PicoPresence::One { id, liveness: Liveness::ZombieLeader { threads } } => failed(format!(
            "{pico}: hung: {id} is a zombie thread-group leader (Z): main thread exited, {threads} threads live"
        )),
        PicoPresence::One { id, liveness: Liveness::Stopped } if !probe => {
            failed(match policy.kept {
                Some(time) => {
                    format!("{pico}: hung: {id} was stopped (T) at {}", time_of_day(time))
                }
                None => {
                    format!(
                        "{pico}: hung: {id} is stopped (T); run `kill -CONT {}` to resume it",
                        id.pid
                    )
                }
            })
        }
        PicoPresence::One { id, liveness: Liveness::Traced } => {
            Verdict::new(VerdictKind::Warning, format!("{pico}: {id} is traced by a debugger (t)"))
        }
        PicoPresence::One { .. } if probe => Verdict::new(VerdictKind::Running, String::new()),
        PicoPresence::One { id, .. } => judge_checks(*id, observation, policy),
    }
}

/// One process, healthy by /proc: the deep checks decide.
fn judge_checks(id: ProcessId, observation: &Observation, policy: &Policy) -> Verdict {
    let ha = judge_ha(id, observation, policy);
    let status = judge_status(id, observation, policy);
    // The worse of the two. On a tie the HA Monitor Server wins: it is part of the pico.
    let weight = |v: &Verdict| match v.kind {
        VerdictKind::Running => 0,
        VerdictKind::Unchecked => 1,
        VerdictKind::Warning => 2,
        VerdictKind::Degraded => 3,
        _ => 4,
    };
    let not_made =
        [&ha, &status].into_iter().flatten().find(|verdict| verdict.check != Check::NotDue);
    let check = not_made.map_or(Check::Made, |verdict| verdict.check.clone());
    let worst = match (ha, status) {
        (Some(ha), Some(status)) if weight(&status) > weight(&ha) => status,
        (Some(verdict), _) | (None, Some(verdict)) => verdict,
        (None, None) => Verdict::new(VerdictKind::Running, String::new()),
    };
    Verdict { check, ..worst }
}

fn judge_ha(id: ProcessId, observation: &Observation, policy: &Policy) -> Option<Verdict> {
    let pico = &policy.pico_name;
    Some(match observation.ha.as_ref()? {
        HaAnswer::Ok => Verdict::new(VerdictKind::Running, String::new()),
        HaAnswer::NotAsked(why) | HaAnswer::ClientTimedOut(why) | HaAnswer::NeverListened(why) => {
            Verdict::unchecked(policy, format!("its HA Monitor Server could not be asked: {why}"))
        }
        HaAnswer::NoAnswer(why) => Verdict::new(
            VerdictKind::CheckFailed,
            format!("{pico}: hung: {id} is alive, its HA Monitor Server does not answer: {why}"),
        ),
        HaAnswer::Unreadable(why) => Verdict::new(
            kind_for_ha_failed(observation, policy),
            format!("{pico}: invalid answer from its HA Monitor Server: {why}"),
        ),
        HaAnswer::Failed(why) => Verdict::new(
            kind_for_ha_failed(observation, policy),
            format!("{pico}: its HA Monitor Server says FAILED: {why}"),
        ),
    })
}

/// For a live pico whose HA Monitor Server does not answer OK.
fn kind_for_ha_failed(observation: &Observation, policy: &Policy) -> VerdictKind {
    match policy.on_ha_failed {
        _ if observation.age < policy.ha_grace => VerdictKind::Running,
        OnHaFailed::Ignore => VerdictKind::Running,
        OnHaFailed::Degrade => VerdictKind::Degraded,
        OnHaFailed::Fail => VerdictKind::CheckFailed,
    }
}

fn judge_status(id: ProcessId, observation: &Observation, policy: &Policy) -> Option<Verdict> {
    let pico = &policy.pico_name;
    let status = observation.status.as_ref()?;
    match status {
        StatusAnswer::Running => return Some(Verdict::new(VerdictKind::Running, String::new())),
        StatusAnswer::WithoutPlatform if policy.pico_type != PicoType::Platform => {
            return Some(Verdict::new(VerdictKind::Running, String::new()));
        }
        StatusAnswer::NotAsked(_) => {
            return Some(Verdict::unchecked(policy, format!("mzsh status {status}")));
        }
        _ => {}
    }
    let excused = observation.ha == Some(HaAnswer::Ok)
        || (policy.pico_type != PicoType::Platform && observation.platform_answers == Some(false));
    let finding = if excused { VerdictKind::Warning } else { VerdictKind::CheckFailed };
    Some(Verdict::new(finding, format!("{pico}: {id} is alive; mzsh status: {status}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Death;
    use VerdictKind::{
        CheckFailed, Degraded, Failed, NotRunning, Running, Unchecked, Unknown, Warning,
    };
    use host::{ExitStatus, Pid};
    use ocf::ErrorCode;
    use proptest::prelude::*;

    #[test]
    fn answer_of_verdict_is_a_state_or_a_soft_error() {
        let verdict = |kind| Verdict::new(kind, "why".to_owned());
        for kind in [Running, Unchecked, Warning] {
            assert_eq!(verdict(kind).warning(), Some("why"));
            assert_eq!(verdict(kind).into_result(), Ok(State::Running));
        }
        assert_eq!(verdict(Degraded).warning(), None);
        assert_eq!(verdict(Degraded).into_result(), Ok(State::Degraded("why".to_owned())));
        assert_eq!(
            verdict(NotRunning).into_result(),
            Ok(State::NotRunning(Some("why".to_owned())))
        );
        for kind in [Failed, Unknown, CheckFailed] {
            assert_eq!(verdict(kind).warning(), None);
            assert_eq!(verdict(kind).into_result(), Err(Failure::new(ErrorCode::Generic, "why")));
        }
        assert_eq!(Verdict::new(Running, String::new()).warning(), None);
    }

    fn id() -> ProcessId {
        ProcessId { pid: Pid::new(4711).unwrap(), start: 5 }
    }

    fn one(life: Liveness) -> PicoPresence {
        PicoPresence::One { id: id(), liveness: life }
    }

    fn policy(occasion: MonitorKind, kind: PicoType) -> Policy {
        Policy {
            monitor_kind: occasion,
            pico_type: kind,
            pico_name: "p".into(),
            on_ha_failed: OnHaFailed::Fail,
            ha_grace: Duration::from_secs(60),
            must_ask: false,
            kept: None,
        }
    }

    /// A reason that is read later must not have a command for a state that may be over.
    #[test]
    fn stopped_process_has_a_command_only_where_it_is_read_at_once() {
        let seen = SystemTime::UNIX_EPOCH + Duration::from_secs(1_785_575_107);
        let reason = |kept| {
            let policy = Policy { kept, ..policy(MonitorKind::Recurring, PicoType::Platform) };
            judge(&Observation::from_processes(one(Liveness::Stopped)), &policy).reason
        };
        assert_eq!(
            reason(None),
            "p: hung: pid 4711 is stopped (T); run `kill -CONT 4711` to resume it"
        );
        assert_eq!(reason(Some(seen)), "p: hung: pid 4711 was stopped (T) at 09:05:07 UTC");
    }

    #[test]
    fn check_that_cannot_be_made_is_undecided_where_it_must_be() {
        let why = || "why".to_owned();
        let not_asked = [
            HaAnswer::NotAsked(why()),
            HaAnswer::ClientTimedOut(why()),
            HaAnswer::NeverListened(why()),
        ];
        for ha in not_asked {
            let observation =
                Observation { ha: Some(ha), ..Observation::from_processes(one(Liveness::Alive)) };
            let finding = |must_ask| {
                let policy =
                    Policy { must_ask, ..policy(MonitorKind::Recurring, PicoType::Platform) };
                judge(&observation, &policy).kind
            };
            assert_eq!((finding(false), finding(true)), (Unchecked, Unknown));
        }
    }

    #[test]
    fn not_running_reason_has_time_and_signal_of_an_observed_death() {
        let seen = std::time::UNIX_EPOCH + Duration::from_secs(1_785_575_107);
        for (end, how) in [
            (None, ""),
            (Some(ExitStatus::Exited(3)), " (exit code 3)"),
            (Some(ExitStatus::Signalled(9)), " (SIGKILL)"),
        ] {
            let ended = PicoPresence::None { ended: Some(id()) };
            let observation = Observation {
                death: Some(Death { observed_at: seen, end }),
                ..Observation::from_processes(ended)
            };
            let verdict = judge(&observation, &policy(MonitorKind::Recurring, PicoType::Platform));
            let said = format!(
                "p is not running: {} exited at 09:05:07 UTC{how}, no matching process",
                id()
            );
            assert_eq!((verdict.kind, verdict.reason), (NotRunning, said));
        }
    }

    /// The first half of the contract's verdict table: what /proc shows, the recurring monitor's answer, the probe's.
    #[test]
    fn verdict_by_processes_alone() {
        let table = [
            (PicoPresence::None { ended: None }, NotRunning, NotRunning),
            (PicoPresence::None { ended: Some(id()) }, NotRunning, NotRunning),
            (PicoPresence::Starting { mzsh: id() }, Failed, Failed),
            (one(Liveness::Alive), Running, Running),
            (one(Liveness::Stopped), Failed, Running),
            (one(Liveness::Traced), Warning, Warning),
            (one(Liveness::ZombieLeader { threads: 2 }), Failed, Failed),
            (PicoPresence::Several(vec![id().pid, Pid::own()]), Failed, Failed),
            (PicoPresence::Unknown("why".into()), Unknown, Unknown),
        ];
        for (processes, recurring, probe) in table {
            for kind in PicoType::ALL {
                for (occasion, expected) in
                    [(MonitorKind::Recurring, recurring), (MonitorKind::Probe, probe)]
                {
                    let verdict = judge(
                        &Observation::from_processes(processes.clone()),
                        &policy(occasion, kind),
                    );
                    assert_eq!(verdict.kind, expected, "{processes:?} {occasion:?}");
                    assert_eq!(verdict.reason.is_empty(), expected == Running, "{verdict:?}");
                }
            }
        }
    }

    fn ha_answers() -> Vec<Option<HaAnswer>> {
        let why = || "why".to_owned();
        vec![
            None,
            Some(HaAnswer::Ok),
            Some(HaAnswer::Failed(why())),
            Some(HaAnswer::NoAnswer(why())),
            Some(HaAnswer::Unreadable(why())),
            Some(HaAnswer::NotAsked(why())),
            Some(HaAnswer::ClientTimedOut(why())),
            Some(HaAnswer::NeverListened(why())),
        ]
    }

    fn status_answers() -> Vec<Option<StatusAnswer>> {
        use StatusAnswer as S;
        vec![
            None,
            Some(S::Running),
            Some(S::WithoutPlatform),
            Some(S::NotResponding),
            Some(S::NotRunning),
            Some(S::NoAnswer),
            Some(S::NotAsked("why".into())),
            Some(S::Unexpected("why".into())),
        ]
    }

    /// The second half: every combination of answers against the contract's sentences.
    #[test]
    fn verdict_by_deep_checks_of_one_live_process() {
        for kind in PicoType::ALL {
            for on_ha_failed in [OnHaFailed::Fail, OnHaFailed::Degrade, OnHaFailed::Ignore] {
                for old in [false, true] {
                    for ha in ha_answers() {
                        for status in status_answers() {
                            for platform_answers in [None, Some(true), Some(false)] {
                                let observation = Observation {
                                    age: Duration::from_secs(if old { 60 } else { 59 }),
                                    ha: ha.clone(),
                                    status: status.clone(),
                                    platform_answers,
                                    ..Observation::from_processes(one(Liveness::Alive))
                                };
                                let policy =
                                    Policy { on_ha_failed, ..policy(MonitorKind::Recurring, kind) };
                                let by_ha = match &ha {
                                    None | Some(HaAnswer::Ok) => Running,
                                    Some(
                                        HaAnswer::NotAsked(_)
                                        | HaAnswer::ClientTimedOut(_)
                                        | HaAnswer::NeverListened(_),
                                    ) => Unchecked,
                                    Some(HaAnswer::NoAnswer(_)) => CheckFailed,
                                    Some(HaAnswer::Failed(_) | HaAnswer::Unreadable(_)) if !old => {
                                        Running
                                    }
                                    Some(HaAnswer::Failed(_) | HaAnswer::Unreadable(_)) => {
                                        match on_ha_failed {
                                            OnHaFailed::Fail => CheckFailed,
                                            OnHaFailed::Degrade => Degraded,
                                            OnHaFailed::Ignore => Running,
                                        }
                                    }
                                };
                                let away =
                                    platform_answers == Some(false) && kind != PicoType::Platform;
                                let by_status = match &status {
                                    None | Some(StatusAnswer::Running) => Running,
                                    Some(StatusAnswer::WithoutPlatform)
                                        if kind != PicoType::Platform =>
                                    {
                                        Running
                                    }
                                    Some(StatusAnswer::NotAsked(_)) => Unchecked,
                                    Some(_) if ha == Some(HaAnswer::Ok) || away => Warning,
                                    Some(_) => CheckFailed,
                                };
                                let rank = |f| {
                                    [Running, Unchecked, Warning, Degraded, CheckFailed]
                                        .iter()
                                        .position(|&x| x == f)
                                };
                                let expected =
                                    if rank(by_status) > rank(by_ha) { by_status } else { by_ha };
                                let verdict = judge(&observation, &policy);
                                assert_eq!(verdict.kind, expected, "{observation:?} {policy:?}");
                                // Whatever the other question has shown.
                                let not_made = [by_ha, by_status].contains(&Unchecked);
                                assert_eq!(matches!(verdict.check, Check::NotMade(_)), not_made);
                                assert_eq!(verdict.check == Check::Made, !not_made);
                                // A probe of the same is always 0: it is alive.
                                let probe = Policy { monitor_kind: MonitorKind::Probe, ..policy };
                                let probe = judge(&observation, &probe);
                                assert_eq!((probe.kind, probe.check), (Running, Check::NotDue));
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn live_process_is_never_judged_not_running() {
        for life in [
            Liveness::Alive,
            Liveness::Traced,
            Liveness::Stopped,
            Liveness::ZombieLeader { threads: 3 },
        ] {
            for ha in ha_answers() {
                for status in status_answers() {
                    for occasion in [MonitorKind::Probe, MonitorKind::Recurring] {
                        let observation = Observation {
                            ha: ha.clone(),
                            status: status.clone(),
                            ..Observation::from_processes(one(life))
                        };
                        let verdict = judge(&observation, &policy(occasion, PicoType::Platform));
                        assert_ne!(verdict.kind, NotRunning, "{observation:?}");
                    }
                }
            }
        }
    }

    fn observations() -> impl Strategy<Value = Observation> {
        let life = prop_oneof![
            Just(Liveness::Alive),
            Just(Liveness::Traced),
            Just(Liveness::Stopped),
            (2_u32..9).prop_map(|threads| Liveness::ZombieLeader { threads }),
        ];
        let processes = prop_oneof![
            proptest::option::of(Just(id())).prop_map(|ended| PicoPresence::None { ended }),
            Just(PicoPresence::Starting { mzsh: id() }),
            life.prop_map(one),
            Just(PicoPresence::Several(vec![id().pid, Pid::own()])),
            "[a-z ]{0,300}".prop_map(PicoPresence::Unknown),
        ];
        let answers =
            (proptest::sample::select(ha_answers()), proptest::sample::select(status_answers()));
        (processes, 0_u64..200, answers, any::<Option<bool>>()).prop_map(
            |(processes, age, (ha, status), platform_answers)| Observation {
                presence: processes,
                death: None,
                age: Duration::from_secs(age),
                ha,
                status,
                platform_answers,
            },
        )
    }

    fn policies() -> impl Strategy<Value = Policy> {
        let occasions = proptest::sample::select(vec![MonitorKind::Probe, MonitorKind::Recurring]);
        let meanings = proptest::sample::select(vec![
            OnHaFailed::Fail,
            OnHaFailed::Degrade,
            OnHaFailed::Ignore,
        ]);
        (occasions, proptest::sample::select(PicoType::ALL.to_vec()), meanings).prop_map(
            |(occasion, kind, on_ha_failed)| Policy { on_ha_failed, ..policy(occasion, kind) },
        )
    }

    proptest! {
        /// On a passive node an error would have the healthy instance elsewhere restarted, or ban this node.
        #[test]
        fn absent_process_is_judged_not_running_and_nothing_else(
            observation in observations(), policy in policies(),
        ) {
            let finding = judge(&observation, &policy).kind;
            let evidence = !matches!(observation.presence, PicoPresence::None { .. });
            prop_assert_eq!(finding == NotRunning, !evidence);
            if policy.monitor_kind == MonitorKind::Probe {
                prop_assert!(!matches!(finding, CheckFailed | Degraded));
            }
        }

        /// What mzsh and the HA Monitor Server say is evidence of health, never of a process.
        #[test]
        fn check_answers_never_decide_whether_a_process_exists(
            observation in observations(), other in observations(), policy in policies(),
        ) {
            let same = Observation { presence: observation.presence.clone(), ..other };
            let there = |o: &Observation| judge(o, &policy).kind != NotRunning;
            prop_assert_eq!(there(&observation), there(&same));
        }

        /// All but "well" has a reason, and that begins with the pico's name.
        #[test]
        fn verdict_other_than_running_has_a_reason(observation in observations(), policy in policies()) {
            let verdict = judge(&observation, &policy);
            prop_assert!(verdict.kind == Running || verdict.reason.starts_with('p'), "{:?}", verdict);
        }
    }
}
