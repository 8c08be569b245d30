//! Decisions of Pacemaker on which the agents rely.

use lab::simulation::{EXIT_CODES, SimulatedOperation, SimulatedResource};
use testkit::Generation;

use crate::outcome_of;

/// A difference between the generations: Pacemaker 3.0 treats 190 as a success of every action.
fn is_stop_failure(code: u8) -> bool {
    code != 0 && !(code == 190 && Generation::from_environment() == Generation::Debian13)
}

/// Only 7 of a probe leaves both the healthy pico and the passive node as they are. Therefore a probe answers
/// 7 wherever the pico surely does not run, whatever is missing there.
#[test]
fn probe_answer_7_is_the_only_harmless_one() {
    for subject in SimulatedResource::ALL {
        for code in EXIT_CODES {
            let seen = outcome_of(subject, SimulatedOperation::Probe, code);
            let harmless = !seen.affects_resource() && seen.banned.is_empty() && !seen.listed;
            assert_eq!(harmless, code == 7, "{}: {}", seen.answer, seen.describe());
        }
    }
}

/// A probe that answers 1, 3 or 4 on the passive node has the healthy pico stopped and started. Therefore a
/// probe answers 1 only with evidence of a live process.
#[test]
fn probe_error_restarts_healthy_pico() {
    for subject in SimulatedResource::ALL {
        for code in [1, 3, 4] {
            let seen = outcome_of(subject, SimulatedOperation::Probe, code);
            assert!(
                seen.stopped.iter().any(|node| node == subject.active_node()),
                "{}: {}",
                seen.answer,
                seen.describe()
            );
        }
    }
}

/// A probe that answers 2 or 5 bans the passive node, so that no node can take over. Therefore a probe never
/// answers either, not even where mzsh is missing.
#[test]
fn probe_answer_2_or_5_bans_node() {
    for subject in SimulatedResource::ALL {
        for code in [2, 5] {
            let seen = outcome_of(subject, SimulatedOperation::Probe, code);
            assert!(!seen.affects_resource(), "{}: {}", seen.answer, seen.describe());
            assert_eq!(seen.banned, [subject.passive_node()], "{}", seen.answer);
        }
    }
}

/// A probe, a monitor or a start that answers 6 stops the resource on every node until a person intervenes.
/// (With `on-fail=fence` of the monitor the node is fenced, and the resource is started on the other one.)
/// Therefore only a start answers 6, and only if the parameters alone prove the error.
#[test]
fn answer_6_stops_resource_everywhere() {
    for subject in SimulatedResource::ALL {
        for occasion in [
            SimulatedOperation::FirstProbe,
            SimulatedOperation::Probe,
            SimulatedOperation::Monitor,
            SimulatedOperation::Start,
        ] {
            let seen = outcome_of(subject, occasion, 6);
            assert!(seen.runs_on.is_empty(), "{}: {}", seen.answer, seen.describe());
            assert_eq!(seen.banned.len(), 2, "{}: {}", seen.answer, seen.describe());
        }
        let seen = outcome_of(subject, SimulatedOperation::MonitorFence, 6);
        assert_eq!(seen.fenced_nodes(), [subject.active_node()], "{}", seen.answer);
        assert_eq!(seen.runs_on, [subject.passive_node()], "{}: {}", seen.answer, seen.describe());
    }
}

/// A probe that answers 0 for a second live process has both stopped and one started. A probe that sees a
/// live JVM must say so.
#[test]
fn second_live_process_found_by_probe_restarts_one() {
    for subject in SimulatedResource::ALL {
        let seen = outcome_of(subject, SimulatedOperation::Probe, 0);
        assert_eq!(seen.stopped.len(), 2, "{}: {}", seen.answer, seen.describe());
        assert_eq!(
            (seen.started.len(), seen.runs_on.len()),
            (1, 1),
            "{}: {}",
            seen.answer,
            seen.describe()
        );
    }
}

/// An EC that was started by hand before the cluster came counts as started where it runs, and nothing is
/// restarted.
#[test]
fn running_ec_found_by_probe_is_left_alone() {
    let seen = outcome_of(SimulatedResource::Ec, SimulatedOperation::FirstProbe, 0);
    assert!(!seen.affects_resource(), "{}: {}", seen.answer, seen.describe());
    assert_eq!(seen.runs_on, [SimulatedResource::Ec.passive_node()]);
}

/// A monitor that answers 1 or 7 has the pico stopped and started in place. Hung and dead are treated alike:
/// a dead one is stopped, too, before it is started.
#[test]
fn monitor_answer_1_or_7_restarts_in_place() {
    for subject in SimulatedResource::ALL {
        let here = [subject.active_node().to_owned()];
        for code in [1, 7] {
            let seen = outcome_of(subject, SimulatedOperation::Monitor, code);
            assert_eq!(
                (&seen.stopped[..], &seen.started[..]),
                (&here[..], &here[..]),
                "{}",
                seen.answer
            );
            assert_eq!((&seen.runs_on[..], seen.banned.len()), (&here[..], 0), "{}", seen.answer);
        }
    }
}

/// A monitor that answers 2, 4 or 5 moves the pico away from its node and bans that. If storage were missing
/// on both nodes in turn, the pico would run nowhere. Therefore a monitor never answers these for the state
/// of its node.
#[test]
fn monitor_hard_error_bans_node() {
    for subject in SimulatedResource::ALL {
        for code in [2, 4, 5] {
            let seen = outcome_of(subject, SimulatedOperation::Monitor, code);
            assert_eq!(
                seen.runs_on,
                [subject.passive_node()],
                "{}: {}",
                seen.answer,
                seen.describe()
            );
            assert_eq!(
                seen.banned,
                [subject.active_node()],
                "{}: {}",
                seen.answer,
                seen.describe()
            );
        }
    }
}

/// A monitor that answers 190 leaves the pico alone, and a failed action stays listed. Therefore 190 has to
/// be configured (`degraded`, `on_ha_failed`).
#[test]
fn monitor_answer_190_is_listed_without_recovery() {
    for subject in SimulatedResource::ALL {
        for occasion in [SimulatedOperation::Monitor, SimulatedOperation::MonitorFence] {
            let seen = outcome_of(subject, occasion, 190);
            assert!(
                seen.listed && !seen.affects_resource(),
                "{}: {}",
                seen.answer,
                seen.describe()
            );
            let well = outcome_of(subject, occasion, 0);
            assert!(
                !well.listed && !well.affects_resource(),
                "{}: {}",
                well.answer,
                well.describe()
            );
        }
    }
}

/// 190 of a start bans the node; of a stop it is a failure with Pacemaker 2.1 and a success with 3.0. Only
/// monitors answer it.
#[test]
fn answer_190_is_valid_only_for_monitors() {
    for subject in SimulatedResource::ALL {
        let seen = outcome_of(subject, SimulatedOperation::Start, 190);
        assert_eq!(seen.runs_on, [subject.passive_node()], "{}: {}", seen.answer, seen.describe());
        let seen = outcome_of(subject, SimulatedOperation::Stop, 190);
        assert_eq!(
            seen.fenced_nodes().is_empty(),
            !is_stop_failure(190),
            "{}: {}",
            seen.answer,
            seen.describe()
        );
    }
}

/// With `on-fail=fence` of the monitor, a death (7) and a hang (1) have the node fenced, and the pico runs on
/// the other one.
#[test]
fn monitor_with_on_fail_fence_fences_node() {
    for subject in SimulatedResource::ALL {
        for code in [1, 7] {
            let seen = outcome_of(subject, SimulatedOperation::MonitorFence, code);
            assert_eq!(seen.fenced_nodes(), [subject.active_node()], "{}", seen.answer);
            assert_eq!(
                seen.runs_on,
                [subject.passive_node()],
                "{}: {}",
                seen.answer,
                seen.describe()
            );
        }
    }
}

/// A start that answers anything but 0 is stopped, then tried on the other node, and its node is banned.
/// Therefore a start that only needs a little longer must not fail.
#[test]
fn failed_start_bans_node() {
    for subject in SimulatedResource::ALL {
        for code in EXIT_CODES.into_iter().filter(|code| ![0, 6].contains(code)) {
            let seen = outcome_of(subject, SimulatedOperation::Start, code);
            assert_eq!(
                seen.stopped,
                [subject.active_node()],
                "{}: {}",
                seen.answer,
                seen.describe()
            );
            assert_eq!(
                seen.runs_on,
                [subject.passive_node()],
                "{}: {}",
                seen.answer,
                seen.describe()
            );
            assert_eq!(
                seen.banned,
                [subject.active_node()],
                "{}: {}",
                seen.answer,
                seen.describe()
            );
        }
    }
}

/// A stop that answers an error, even 7, has its node fenced, and the pico runs on the other one. Therefore a
/// stop answers 0, never 7, when nothing runs, and 0 only when /proc says so.
#[test]
fn failed_stop_fences_node() {
    for subject in SimulatedResource::ALL {
        for code in EXIT_CODES {
            let seen = outcome_of(subject, SimulatedOperation::Stop, code);
            let fenced: &[&str] =
                if is_stop_failure(code) { &[subject.active_node()] } else { &[] };
            assert_eq!(seen.fenced_nodes(), fenced, "{}: {}", seen.answer, seen.describe());
            let on = if code == 0 { subject.active_node() } else { subject.passive_node() };
            assert_eq!(seen.runs_on, [on], "{}: {}", seen.answer, seen.describe());
        }
    }
}

/// Without fencing no node takes over after a failed stop. The stop is called again without end, or nothing
/// at all is done, and the pico is not started until a person intervenes.
#[test]
fn failed_stop_without_fencing_is_never_taken_over() {
    for subject in SimulatedResource::ALL {
        for code in EXIT_CODES.into_iter().filter(|code| is_stop_failure(*code)) {
            let seen = outcome_of(subject, SimulatedOperation::StopUnfenced, code);
            assert!(seen.started.is_empty() && seen.fenced_nodes().is_empty(), "{}", seen.answer);
            assert!(
                !seen.runs_on.iter().any(|node| node == subject.passive_node()),
                "{}: {}",
                seen.answer,
                seen.describe()
            );
            assert!(seen.repeated || seen.blocked, "{}: {}", seen.answer, seen.describe());
        }
    }
}

/// Whatever the Platform answers, no EC or SC is stopped, unless its own node is fenced. Whatever an EC
/// answers, the Platform is not touched.
#[test]
fn platform_and_ecs_do_not_affect_each_other() {
    for seen in crate::all_outcomes() {
        let others =
            if seen.answer.subject == SimulatedResource::Ec { "mz-platform" } else { "mz-ec" };
        let touched = seen.steps.iter().find(|step| {
            (step.target.starts_with(others) || step.target == "mz-sc1")
                && step.target != seen.answer.subject.resource()
                && !seen.fenced_nodes().contains(&step.nodes.0.as_str())
        });
        assert_eq!(touched, None, "{}", seen.answer);
    }
}
