//! What the agents rely on.

use lab::simulation::{EXIT_CODES, SimulatedOperation, SimulatedResource};
use testkit::Generation;

use crate::outcome_of;

/// What differs between the generations: Pacemaker 3.0 takes 190 for a success of every action.
fn is_stop_failure(code: u8) -> bool {
    code != 0 && !(code == 190 && Generation::from_environment() == Generation::Debian13)
}

/// Only 7 of a probe leaves both the healthy pico and the passive node as they are: that is why a probe answers 7 wherever it surely does
/// not run, whatever is missing there.
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

/// A probe that answers 1, 3 or 4 on the passive node has the healthy pico stopped and started: that is why a probe answers 1 only with
/// evidence of a live process.
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

/// A probe that answers 2 or 5 bans the passive node, so that nothing can take over: that is why a probe never answers either, not
/// even where mzsh is missing.
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

/// A probe, a monitor or a start that answers 6 ends it everywhere, until somebody comes (but with `on-fail=fence` of the monitor the node is
/// fenced, and it is started on the other one): that is why 6 is only for what the parameters alone prove, and only of a start.
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

/// A second live process, told by a probe that answers 0, has both stopped and one started: a probe that sees a live JVM must say so.
#[test]
fn second_live_process_found_by_probe_restarts_one() {
    for subject in SimulatedResource::ALL {
        let seen = outcome_of(subject, SimulatedOperation::Probe, 0);
        assert_eq!(seen.stopped.len(), 2, "{}: {}", seen.answer, seen.describe());
        assert_eq!((seen.started.len(), seen.runs_on.len()), (1, 1), "{}: {}", seen.answer, seen.describe());
    }
}

/// An EC that was started by hand before the cluster came is taken as started where it runs, and nothing is restarted.
#[test]
fn running_ec_found_by_probe_is_left_alone() {
    let seen = outcome_of(SimulatedResource::Ec, SimulatedOperation::FirstProbe, 0);
    assert!(!seen.affects_resource(), "{}: {}", seen.answer, seen.describe());
    assert_eq!(seen.runs_on, [SimulatedResource::Ec.passive_node()]);
}

/// A monitor that answers 1 or 7 has the pico stopped and started in place: hung and dead come to the same, and a dead one
/// is stopped, too, before it is started.
#[test]
fn monitor_answer_1_or_7_restarts_in_place() {
    for subject in SimulatedResource::ALL {
        let here = [subject.active_node().to_owned()];
        for code in [1, 7] {
            let seen = outcome_of(subject, SimulatedOperation::Monitor, code);
            assert_eq!((&seen.stopped[..], &seen.started[..]), (&here[..], &here[..]), "{}", seen.answer);
            assert_eq!((&seen.runs_on[..], seen.banned.len()), (&here[..], 0), "{}", seen.answer);
        }
    }
}

/// A monitor that answers 2, 4 or 5 drives the pico from its node and bans that: where storage is missing on both nodes in turn, it would end
/// nowhere. That is why a monitor never answers these for the state of its node.
#[test]
fn monitor_hard_error_bans_node() {
    for subject in SimulatedResource::ALL {
        for code in [2, 4, 5] {
            let seen = outcome_of(subject, SimulatedOperation::Monitor, code);
            assert_eq!(seen.runs_on, [subject.passive_node()], "{}: {}", seen.answer, seen.describe());
            assert_eq!(seen.banned, [subject.active_node()], "{}: {}", seen.answer, seen.describe());
        }
    }
}

/// A monitor that answers 190 leaves the pico alone, and leaves a failed action listed: that is why 190 has to be asked for
/// (`degraded`, `on_ha_failed`).
#[test]
fn monitor_answer_190_is_listed_without_recovery() {
    for subject in SimulatedResource::ALL {
        for occasion in [SimulatedOperation::Monitor, SimulatedOperation::MonitorFence] {
            let seen = outcome_of(subject, occasion, 190);
            assert!(seen.listed && !seen.affects_resource(), "{}: {}", seen.answer, seen.describe());
            let well = outcome_of(subject, occasion, 0);
            assert!(!well.listed && !well.affects_resource(), "{}: {}", well.answer, well.describe());
        }
    }
}

/// 190 of a start costs the node, and of a stop it is a failure with Pacemaker 2.1 and a success with 3.0: it is an answer of monitors
/// alone.
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

/// With `on-fail=fence` of the monitor, a death (7) and a hang (1) have the node fenced, and the pico runs on the other one.
#[test]
fn monitor_with_on_fail_fence_fences_node() {
    for subject in SimulatedResource::ALL {
        for code in [1, 7] {
            let seen = outcome_of(subject, SimulatedOperation::MonitorFence, code);
            assert_eq!(seen.fenced_nodes(), [subject.active_node()], "{}", seen.answer);
            assert_eq!(seen.runs_on, [subject.passive_node()], "{}: {}", seen.answer, seen.describe());
        }
    }
}

/// A start that answers anything but 0 is stopped, then tried on the other node, and its node is banned; so a start that only needs a little
/// longer must not fail.
#[test]
fn failed_start_bans_node() {
    for subject in SimulatedResource::ALL {
        for code in EXIT_CODES.into_iter().filter(|code| ![0, 6].contains(code)) {
            let seen = outcome_of(subject, SimulatedOperation::Start, code);
            assert_eq!(seen.stopped, [subject.active_node()], "{}: {}", seen.answer, seen.describe());
            assert_eq!(seen.runs_on, [subject.passive_node()], "{}: {}", seen.answer, seen.describe());
            assert_eq!(seen.banned, [subject.active_node()], "{}: {}", seen.answer, seen.describe());
        }
    }
}

/// A stop that answers an error, and be it 7, has its node fenced, and the pico runs on the other one: that is why a stop says 0 when
/// nothing runs, never 7, and 0 only when /proc says so.
#[test]
fn failed_stop_fences_node() {
    for subject in SimulatedResource::ALL {
        for code in EXIT_CODES {
            let seen = outcome_of(subject, SimulatedOperation::Stop, code);
            let fenced: &[&str] = if is_stop_failure(code) { &[subject.active_node()] } else { &[] };
            assert_eq!(seen.fenced_nodes(), fenced, "{}: {}", seen.answer, seen.describe());
            let on = if code == 0 { subject.active_node() } else { subject.passive_node() };
            assert_eq!(seen.runs_on, [on], "{}: {}", seen.answer, seen.describe());
        }
    }
}

/// Without fencing nothing takes over from a stop that failed: it is called again without end, or nothing at all is done, and the pico is started
/// nowhere until somebody comes.
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

/// Whatever the Platform answers, no EC or SC is stopped, unless its own node is fenced; and whatever an EC answers, the Platform is
/// not touched.
#[test]
fn platform_and_ecs_do_not_affect_each_other() {
    for seen in crate::all_outcomes() {
        let others = if seen.answer.subject == SimulatedResource::Ec { "mz-platform" } else { "mz-ec" };
        let touched = seen.steps.iter().find(|step| {
            (step.target.starts_with(others) || step.target == "mz-sc1")
                && step.target != seen.answer.subject.resource()
                && !seen.fenced_nodes().contains(&step.nodes.0.as_str())
        });
        assert_eq!(touched, None, "{}", seen.answer);
    }
}
