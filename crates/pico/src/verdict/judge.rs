//! From the evidence to the verdict. Pure: no clock, no file, no process.

use super::{Life, Observation, Processes};
use crate::product::{HaAnswer, StatusAnswer};
use crate::settings::{OnHaFailed, PicoType};
use crate::time_of_day::time_of_day;
use host::ProcessId;
use std::time::{Duration, SystemTime};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A probe: does it run here at all? An error would have the healthy instance elsewhere restarted.
    Probe,
    /// A recurring monitor: is it well?
    Recurring,
}

/// What the administrator wants made of the evidence.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Who asks.
    pub occasion: Occasion,
    /// Which kind of pico.
    pub kind: PicoType,
    /// Its name, for the reason.
    pub pico: String,
    /// What a FAILED means.
    pub on_ha_failed: OnHaFailed,
    /// Age up to which a FAILED does not count.
    pub ha_grace: Duration,
    /// A deep check that could not be made leaves the verdict undecided; else it is a warning.
    pub must_ask: bool,
    /// The time, where the reason is kept and read later: Pacemaker shows it until a cleanup, when the process may long have gone on, or
    /// its number be another's. `None`: a person reads it at once, and it may say what to do about a state that passes.
    pub kept: Option<SystemTime>,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It runs.
    Running,
    /// It runs; a deep check could not be made, which says nothing of the pico.
    Unchecked,
    /// It runs, with a warning that is answered with "degraded" if the administrator wants that.
    Warning,
    /// It runs, and the administrator wants this answered with "degraded".
    Degraded,
    /// It does not run, surely.
    NotRunning,
    /// A process is there, and something is wrong.
    Failed,
    /// A process may be there; it can't be told.
    Undecided,
    /// A deep check failed; some of these in a row may be tolerated.
    CheckFailed,
}

/// What became of a deep check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// It was not due: what /proc shows has decided, or a probe asks.
    NotDue,
    /// All that was to be asked was asked.
    Made,
    /// Something could not be asked; what, and why.
    NotMade(String),
}

/// The verdict: what it comes to and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it comes to.
    pub finding: Finding,
    /// Why: one line for the person on call. Empty where all is well and nothing need be said.
    pub reason: String,
    /// Was it checked?
    pub check: Check,
}

impl Verdict {
    fn new(finding: Finding, reason: String) -> Self {
        Self { finding, reason, check: Check::NotDue }
    }

    /// Something could not be asked.
    fn unchecked(policy: &Policy, why: String) -> Self {
        let finding = if policy.must_ask { Finding::Undecided } else { Finding::Unchecked };
        Self { finding, reason: format!("{}: {why}", policy.pico), check: Check::NotMade(why) }
    }
}

/// Judges.
#[must_use]
pub fn judge(observation: &Observation, policy: &Policy) -> Verdict {
    let pico = &policy.pico;
    let failed = |reason| Verdict::new(Finding::Failed, reason);
    let probe = policy.occasion == Occasion::Probe;
    match &observation.processes {
        Processes::None { ended: Some(id) } => {
            let death = observation.death.map(|death| format!(" {death}")).unwrap_or_default();
            Verdict::new(
                Finding::NotRunning,
                format!("{pico} is not running: {id} has ended{death}, no other process is it"),
            )
        }
        Processes::None { ended: None } => {
            Verdict::new(Finding::NotRunning, format!("{pico} is not running: no process of this node is it"))
        }
        Processes::Starting { mzsh } => failed(format!("{pico}: a start is under way, mzsh {mzsh}")),
        Processes::Several(pids) => {
            let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
            failed(format!("{pico} runs more than once: pids {}", pids.join(", ")))
        }
        Processes::Unknown(why) => {
            Verdict::new(Finding::Undecided, format!("{pico}: can't tell whether it runs: {why}"))
        }
        Processes::One { id, life: Life::LeaderGone { threads } } => failed(format!(
            "{pico}: {id} can't be used or killed: its main thread has ended, {threads} live on (Z)"
        )),
        Processes::One { id, life: Life::Stopped } if !probe => failed(match policy.kept {
            Some(time) => format!("{pico} hung: {id} was stopped (T) at {}", time_of_day(time)),
            None => {
                format!("{pico} hangs: {id} is stopped (T); run `kill -CONT {}` to resume it", id.pid)
            }
        }),
        Processes::One { id, life: Life::Traced } => {
            Verdict::new(Finding::Warning, format!("{pico}: {id} is held by a debugger (t)"))
        }
        Processes::One { .. } if probe => Verdict::new(Finding::Running, String::new()),
        Processes::One { id, .. } => judge_checks(*id, observation, policy),
    }
}

/// One process, and well by /proc: the deeper checks decide.
fn judge_checks(id: ProcessId, observation: &Observation, policy: &Policy) -> Verdict {
    let ha = judge_ha(id, observation, policy);
    let status = judge_status(id, observation, policy);
    // The worse of the two; of two alike, the HA Monitor Server's word, which is the nearer to the pico.
    let weight = |v: &Verdict| match v.finding {
        Finding::Running => 0,
        Finding::Unchecked => 1,
        Finding::Warning => 2,
        Finding::Degraded => 3,
        _ => 4,
    };
    let not_made = [&ha, &status].into_iter().flatten().find(|verdict| verdict.check != Check::NotDue);
    let check = not_made.map_or(Check::Made, |verdict| verdict.check.clone());
    let worst = match (ha, status) {
        (Some(ha), Some(status)) if weight(&status) > weight(&ha) => status,
        (Some(verdict), _) | (None, Some(verdict)) => verdict,
        (None, None) => Verdict::new(Finding::Running, String::new()),
    };
    Verdict { check, ..worst }
}

fn judge_ha(id: ProcessId, observation: &Observation, policy: &Policy) -> Option<Verdict> {
    let pico = &policy.pico;
    Some(match observation.ha.as_ref()? {
        HaAnswer::Ok => Verdict::new(Finding::Running, String::new()),
        HaAnswer::NotAsked(why) | HaAnswer::NotReached(why) | HaAnswer::NeverListened(why) => {
            Verdict::unchecked(policy, format!("its HA Monitor Server could not be asked: {why}"))
        }
        HaAnswer::NoAnswer(why) => Verdict::new(
            Finding::CheckFailed,
            format!("{pico} hangs: {id} is alive, its HA Monitor Server does not answer: {why}"),
        ),
        HaAnswer::Unreadable(why) => Verdict::new(
            failed_by_itself(observation, policy),
            format!("{pico}: the answer of its HA Monitor Server can't be read: {why}"),
        ),
        HaAnswer::Failed(why) => Verdict::new(
            failed_by_itself(observation, policy),
            format!("{pico}: its HA Monitor Server says FAILED: {why}"),
        ),
    })
}

/// The pico is alive, and its HA Monitor Server does not say that it is well.
fn failed_by_itself(observation: &Observation, policy: &Policy) -> Finding {
    match policy.on_ha_failed {
        _ if observation.age < policy.ha_grace => Finding::Running,
        OnHaFailed::Ignore => Finding::Running,
        OnHaFailed::Degrade => Finding::Degraded,
        OnHaFailed::Fail => Finding::CheckFailed,
    }
}

fn judge_status(id: ProcessId, observation: &Observation, policy: &Policy) -> Option<Verdict> {
    let pico = &policy.pico;
    let status = observation.status.as_ref()?;
    match status {
        StatusAnswer::Running => return Some(Verdict::new(Finding::Running, String::new())),
        StatusAnswer::WithoutPlatform if policy.kind != PicoType::Platform => {
            return Some(Verdict::new(Finding::Running, String::new()));
        }
        StatusAnswer::NotAsked(_) => {
            return Some(Verdict::unchecked(policy, format!("mzsh status {status}")));
        }
        _ => {}
    }
    let excused = observation.ha == Some(HaAnswer::Ok)
        || (policy.kind != PicoType::Platform && observation.platform_answers == Some(false));
    let finding = if excused { Finding::Warning } else { Finding::CheckFailed };
    Some(Verdict::new(finding, format!("{pico}: {id} is alive; mzsh status: {status}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Death;
    use Finding::{CheckFailed, Degraded, Failed, NotRunning, Running, Unchecked, Undecided, Warning};
    use host::{End, Pid};
    use proptest::prelude::*;

    fn id() -> ProcessId {
        ProcessId { pid: Pid::new(4711).unwrap(), start: 5 }
    }

    fn one(life: Life) -> Processes {
        Processes::One { id: id(), life }
    }

    fn policy(occasion: Occasion, kind: PicoType) -> Policy {
        Policy {
            occasion,
            kind,
            pico: "p".into(),
            on_ha_failed: OnHaFailed::Fail,
            ha_grace: Duration::from_secs(60),
            must_ask: false,
            kept: None,
        }
    }

    /// A command belongs to a state that holds; what is kept tells of one that may be over.
    #[test]
    fn stopped_process_has_a_command_only_where_it_is_read_at_once() {
        let seen = SystemTime::UNIX_EPOCH + Duration::from_secs(1_785_575_107);
        let reason = |kept| {
            let policy = Policy { kept, ..policy(Occasion::Recurring, PicoType::Platform) };
            judge(&Observation::of(one(Life::Stopped)), &policy).reason
        };
        assert_eq!(reason(None), "p hangs: pid 4711 is stopped (T); run `kill -CONT 4711` to resume it");
        assert_eq!(reason(Some(seen)), "p hung: pid 4711 was stopped (T) at 09:05:07 UTC");
    }

    #[test]
    fn check_that_cannot_be_made_is_undecided_where_it_must_be() {
        let why = || "why".to_owned();
        let not_asked =
            [HaAnswer::NotAsked(why()), HaAnswer::NotReached(why()), HaAnswer::NeverListened(why())];
        for ha in not_asked {
            let observation = Observation { ha: Some(ha), ..Observation::of(one(Life::Well)) };
            let finding = |must_ask| {
                let policy = Policy { must_ask, ..policy(Occasion::Recurring, PicoType::Platform) };
                judge(&observation, &policy).finding
            };
            assert_eq!((finding(false), finding(true)), (Unchecked, Undecided));
        }
    }

    #[test]
    fn a_death_that_was_seen_is_told_with_its_time_and_how_it_came_where_that_is_known() {
        let seen = std::time::UNIX_EPOCH + Duration::from_secs(1_785_575_107);
        for (end, how) in [
            (None, ""),
            (Some(End::Exited(3)), " (exit code 3)"),
            (Some(End::Signalled(9)), " (signal 9 (KILL))"),
        ] {
            let ended = Processes::None { ended: Some(id()) };
            let observation = Observation { death: Some(Death { seen, end }), ..Observation::of(ended) };
            let verdict = judge(&observation, &policy(Occasion::Recurring, PicoType::Platform));
            let said =
                format!("p is not running: {} has ended at 09:05:07 UTC{how}, no other process is it", id());
            assert_eq!((verdict.finding, verdict.reason), (NotRunning, said));
        }
    }

    /// The first half of the contract's verdict table: what /proc shows, the recurring monitor's answer, the probe's.
    #[test]
    fn processes_alone() {
        let table = [
            (Processes::None { ended: None }, NotRunning, NotRunning),
            (Processes::None { ended: Some(id()) }, NotRunning, NotRunning),
            (Processes::Starting { mzsh: id() }, Failed, Failed),
            (one(Life::Well), Running, Running),
            (one(Life::Stopped), Failed, Running),
            (one(Life::Traced), Warning, Warning),
            (one(Life::LeaderGone { threads: 2 }), Failed, Failed),
            (Processes::Several(vec![id().pid, Pid::own()]), Failed, Failed),
            (Processes::Unknown("why".into()), Undecided, Undecided),
        ];
        for (processes, recurring, probe) in table {
            for kind in PicoType::ALL {
                for (occasion, expected) in [(Occasion::Recurring, recurring), (Occasion::Probe, probe)] {
                    let verdict = judge(&Observation::of(processes.clone()), &policy(occasion, kind));
                    assert_eq!(verdict.finding, expected, "{processes:?} {occasion:?}");
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
            Some(HaAnswer::NotReached(why())),
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
            Some(S::Unclear("why".into())),
        ]
    }

    /// The second half, in words of its own: every combination of answers against the contract's sentences.
    #[test]
    fn checks_of_one_well_process() {
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
                                    ..Observation::of(one(Life::Well))
                                };
                                let policy = Policy { on_ha_failed, ..policy(Occasion::Recurring, kind) };
                                let by_ha = match &ha {
                                    None | Some(HaAnswer::Ok) => Running,
                                    Some(
                                        HaAnswer::NotAsked(_)
                                        | HaAnswer::NotReached(_)
                                        | HaAnswer::NeverListened(_),
                                    ) => Unchecked,
                                    Some(HaAnswer::NoAnswer(_)) => CheckFailed,
                                    Some(HaAnswer::Failed(_) | HaAnswer::Unreadable(_)) if !old => Running,
                                    Some(HaAnswer::Failed(_) | HaAnswer::Unreadable(_)) => match on_ha_failed
                                    {
                                        OnHaFailed::Fail => CheckFailed,
                                        OnHaFailed::Degrade => Degraded,
                                        OnHaFailed::Ignore => Running,
                                    },
                                };
                                let away = platform_answers == Some(false) && kind != PicoType::Platform;
                                let by_status = match &status {
                                    None | Some(StatusAnswer::Running) => Running,
                                    Some(StatusAnswer::WithoutPlatform) if kind != PicoType::Platform => {
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
                                let expected = if rank(by_status) > rank(by_ha) { by_status } else { by_ha };
                                let verdict = judge(&observation, &policy);
                                assert_eq!(verdict.finding, expected, "{observation:?} {policy:?}");
                                // Whatever the other question has shown.
                                let not_made = [by_ha, by_status].contains(&Unchecked);
                                assert_eq!(matches!(verdict.check, Check::NotMade(_)), not_made);
                                assert_eq!(verdict.check == Check::Made, !not_made);
                                // A probe of the same is always 0: it is alive.
                                let probe = Policy { occasion: Occasion::Probe, ..policy };
                                let probe = judge(&observation, &probe);
                                assert_eq!((probe.finding, probe.check), (Running, Check::NotDue));
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn only_no_process_at_all_is_not_running() {
        for life in [Life::Well, Life::Traced, Life::Stopped, Life::LeaderGone { threads: 3 }] {
            for ha in ha_answers() {
                for status in status_answers() {
                    for occasion in [Occasion::Probe, Occasion::Recurring] {
                        let observation = Observation {
                            ha: ha.clone(),
                            status: status.clone(),
                            ..Observation::of(one(life))
                        };
                        let verdict = judge(&observation, &policy(occasion, PicoType::Platform));
                        assert_ne!(verdict.finding, NotRunning, "{observation:?}");
                    }
                }
            }
        }
    }

    fn observations() -> impl Strategy<Value = Observation> {
        let life = prop_oneof![
            Just(Life::Well),
            Just(Life::Traced),
            Just(Life::Stopped),
            (2_u32..9).prop_map(|threads| Life::LeaderGone { threads }),
        ];
        let processes = prop_oneof![
            proptest::option::of(Just(id())).prop_map(|ended| Processes::None { ended }),
            Just(Processes::Starting { mzsh: id() }),
            life.prop_map(one),
            Just(Processes::Several(vec![id().pid, Pid::own()])),
            "[a-z ]{0,300}".prop_map(Processes::Unknown),
        ];
        let answers = (proptest::sample::select(ha_answers()), proptest::sample::select(status_answers()));
        (processes, 0_u64..200, answers, any::<Option<bool>>()).prop_map(
            |(processes, age, (ha, status), platform_answers)| Observation {
                processes,
                death: None,
                age: Duration::from_secs(age),
                ha,
                status,
                platform_answers,
            },
        )
    }

    fn policies() -> impl Strategy<Value = Policy> {
        let occasions = proptest::sample::select(vec![Occasion::Probe, Occasion::Recurring]);
        let meanings =
            proptest::sample::select(vec![OnHaFailed::Fail, OnHaFailed::Degrade, OnHaFailed::Ignore]);
        (occasions, proptest::sample::select(PicoType::ALL.to_vec()), meanings)
            .prop_map(|(occasion, kind, on_ha_failed)| Policy { on_ha_failed, ..policy(occasion, kind) })
    }

    proptest! {
        /// On a passive node an error would have the healthy instance elsewhere restarted, or ban this node.
        #[test]
        fn without_evidence_of_a_process_nothing_but_not_running_is_said(
            observation in observations(), policy in policies(),
        ) {
            let finding = judge(&observation, &policy).finding;
            let evidence = !matches!(observation.processes, Processes::None { .. });
            prop_assert_eq!(finding == NotRunning, !evidence);
            if policy.occasion == Occasion::Probe {
                prop_assert!(!matches!(finding, CheckFailed | Degraded));
            }
        }

        /// What mzsh and the HA Monitor Server say is evidence of health, never of a process.
        #[test]
        fn no_answer_makes_a_process_or_unmakes_one(
            observation in observations(), other in observations(), policy in policies(),
        ) {
            let same = Observation { processes: observation.processes.clone(), ..other };
            let there = |o: &Observation| judge(o, &policy).finding != NotRunning;
            prop_assert_eq!(there(&observation), there(&same));
        }

        /// All but "well" has a reason, and that begins with the pico's name.
        #[test]
        fn what_is_not_well_has_a_reason(observation in observations(), policy in policies()) {
            let verdict = judge(&observation, &policy);
            prop_assert!(verdict.finding == Running || verdict.reason.starts_with('p'), "{:?}", verdict);
        }
    }
}
