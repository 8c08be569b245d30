//! What the agents rely on.

use lab::simulation::{CODES, Occasion, Subject};
use testkit::Generation;

use crate::outcome;

/// What differs between the generations: Pacemaker 3.0 takes 190 for a success of every action.
fn fails_a_stop(code: u8) -> bool {
    code != 0 && !(code == 190 && Generation::under_test() == Generation::Debian13)
}

/// Only 7 of a probe leaves both the healthy pico and the passive node as they are: that is why a probe answers 7 wherever it surely does
/// not run, whatever is missing there.
#[test]
fn only_7_of_a_probe_is_harmless() {
    for subject in Subject::ALL {
        for code in CODES {
            let seen = outcome(subject, Occasion::Probe, code);
            let harmless = !seen.touches() && seen.banned.is_empty() && !seen.listed;
            assert_eq!(harmless, code == 7, "{}: {}", seen.answer, seen.in_words());
        }
    }
}

/// A probe that answers 1, 3 or 4 on the passive node has the healthy pico stopped and started: that is why a probe answers 1 only with
/// evidence of a live process.
#[test]
fn an_error_of_a_probe_restarts_the_healthy_pico() {
    for subject in Subject::ALL {
        for code in [1, 3, 4] {
            let seen = outcome(subject, Occasion::Probe, code);
            assert!(
                seen.stopped.iter().any(|node| node == subject.active()),
                "{}: {}",
                seen.answer,
                seen.in_words()
            );
        }
    }
}

/// A probe that answers 2 or 5 bans the passive node, so that nothing can take over: that is why a probe never answers either, not
/// even where mzsh is missing.
#[test]
fn a_probe_that_finds_nothing_installed_bans_the_node() {
    for subject in Subject::ALL {
        for code in [2, 5] {
            let seen = outcome(subject, Occasion::Probe, code);
            assert!(!seen.touches(), "{}: {}", seen.answer, seen.in_words());
            assert_eq!(seen.banned, [subject.passive()], "{}", seen.answer);
        }
    }
}

/// A probe, a monitor or a start that answers 6 ends it everywhere, until somebody comes (but with `on-fail=fence` of the monitor the node is
/// fenced, and it is started on the other one): that is why 6 is only for what the parameters alone prove, and only of a start.
#[test]
fn configured_wrongly_ends_it_everywhere() {
    for subject in Subject::ALL {
        for occasion in [Occasion::FirstProbe, Occasion::Probe, Occasion::Monitor, Occasion::Start] {
            let seen = outcome(subject, occasion, 6);
            assert!(seen.runs_on.is_empty(), "{}: {}", seen.answer, seen.in_words());
            assert_eq!(seen.banned.len(), 2, "{}: {}", seen.answer, seen.in_words());
        }
        let seen = outcome(subject, Occasion::MonitorFence, 6);
        assert_eq!(seen.fenced(), [subject.active()], "{}", seen.answer);
        assert_eq!(seen.runs_on, [subject.passive()], "{}: {}", seen.answer, seen.in_words());
    }
}

/// A second live process, told by a probe that answers 0, has both stopped and one started: a probe that sees a live JVM must say so.
#[test]
fn two_live_processes_become_one() {
    for subject in Subject::ALL {
        let seen = outcome(subject, Occasion::Probe, 0);
        assert_eq!(seen.stopped.len(), 2, "{}: {}", seen.answer, seen.in_words());
        assert_eq!((seen.started.len(), seen.runs_on.len()), (1, 1), "{}: {}", seen.answer, seen.in_words());
    }
}

/// An EC that was started by hand before the cluster came is taken as started where it runs, and nothing is restarted.
#[test]
fn a_running_ec_is_taken_as_it_is() {
    let seen = outcome(Subject::Ec, Occasion::FirstProbe, 0);
    assert!(!seen.touches(), "{}: {}", seen.answer, seen.in_words());
    assert_eq!(seen.runs_on, [Subject::Ec.passive()]);
}

/// A monitor that answers 1 or 7 has the pico stopped and started in place: hung and dead come to the same, and a dead one
/// is stopped, too, before it is started.
#[test]
fn hung_or_dead_is_recovered_in_place() {
    for subject in Subject::ALL {
        let here = [subject.active().to_owned()];
        for code in [1, 7] {
            let seen = outcome(subject, Occasion::Monitor, code);
            assert_eq!((&seen.stopped[..], &seen.started[..]), (&here[..], &here[..]), "{}", seen.answer);
            assert_eq!((&seen.runs_on[..], seen.banned.len()), (&here[..], 0), "{}", seen.answer);
        }
    }
}

/// A monitor that answers 2, 4 or 5 drives the pico from its node and bans that: where storage is missing on both nodes in turn, it would end
/// nowhere. That is why a monitor never answers these for the state of its node.
#[test]
fn a_hard_error_of_a_monitor_bans_its_node() {
    for subject in Subject::ALL {
        for code in [2, 4, 5] {
            let seen = outcome(subject, Occasion::Monitor, code);
            assert_eq!(seen.runs_on, [subject.passive()], "{}: {}", seen.answer, seen.in_words());
            assert_eq!(seen.banned, [subject.active()], "{}: {}", seen.answer, seen.in_words());
        }
    }
}

/// A monitor that answers 190 leaves the pico alone, and leaves a failed action listed: that is why 190 has to be asked for
/// (`degraded`, `on_ha_failed`).
#[test]
fn degraded_is_listed_and_nothing_is_done() {
    for subject in Subject::ALL {
        for occasion in [Occasion::Monitor, Occasion::MonitorFence] {
            let seen = outcome(subject, occasion, 190);
            assert!(seen.listed && !seen.touches(), "{}: {}", seen.answer, seen.in_words());
            let well = outcome(subject, occasion, 0);
            assert!(!well.listed && !well.touches(), "{}: {}", well.answer, well.in_words());
        }
    }
}

/// 190 of a start costs the node, and of a stop it is a failure with Pacemaker 2.1 and a success with 3.0: it is an answer of monitors
/// alone.
#[test]
fn degraded_is_an_answer_of_monitors_alone() {
    for subject in Subject::ALL {
        let seen = outcome(subject, Occasion::Start, 190);
        assert_eq!(seen.runs_on, [subject.passive()], "{}: {}", seen.answer, seen.in_words());
        let seen = outcome(subject, Occasion::Stop, 190);
        assert_eq!(seen.fenced().is_empty(), !fails_a_stop(190), "{}: {}", seen.answer, seen.in_words());
    }
}

/// With `on-fail=fence` of the monitor, a death (7) and a hang (1) have the node fenced, and the pico runs on the other one.
#[test]
fn a_monitor_that_shall_fence_fences() {
    for subject in Subject::ALL {
        for code in [1, 7] {
            let seen = outcome(subject, Occasion::MonitorFence, code);
            assert_eq!(seen.fenced(), [subject.active()], "{}", seen.answer);
            assert_eq!(seen.runs_on, [subject.passive()], "{}: {}", seen.answer, seen.in_words());
        }
    }
}

/// A start that answers anything but 0 is stopped, then tried on the other node, and its node is banned; so a start that only needs a little
/// longer must not fail.
#[test]
fn a_failed_start_costs_the_node() {
    for subject in Subject::ALL {
        for code in CODES.into_iter().filter(|code| ![0, 6].contains(code)) {
            let seen = outcome(subject, Occasion::Start, code);
            assert_eq!(seen.stopped, [subject.active()], "{}: {}", seen.answer, seen.in_words());
            assert_eq!(seen.runs_on, [subject.passive()], "{}: {}", seen.answer, seen.in_words());
            assert_eq!(seen.banned, [subject.active()], "{}: {}", seen.answer, seen.in_words());
        }
    }
}

/// A stop that answers an error, and be it 7, has its node fenced, and the pico runs on the other one: that is why a stop says 0 when
/// nothing runs, never 7, and 0 only when /proc says so.
#[test]
fn a_failed_stop_fences() {
    for subject in Subject::ALL {
        for code in CODES {
            let seen = outcome(subject, Occasion::Stop, code);
            let fenced: &[&str] = if fails_a_stop(code) { &[subject.active()] } else { &[] };
            assert_eq!(seen.fenced(), fenced, "{}: {}", seen.answer, seen.in_words());
            let on = if code == 0 { subject.active() } else { subject.passive() };
            assert_eq!(seen.runs_on, [on], "{}: {}", seen.answer, seen.in_words());
        }
    }
}

/// Without fencing nothing takes over from a stop that failed: it is called again without end, or nothing at all is done, and the pico is started
/// nowhere until somebody comes.
#[test]
fn without_fencing_nobody_takes_over() {
    for subject in Subject::ALL {
        for code in CODES.into_iter().filter(|code| fails_a_stop(*code)) {
            let seen = outcome(subject, Occasion::StopUnfenced, code);
            assert!(seen.started.is_empty() && seen.fenced().is_empty(), "{}", seen.answer);
            assert!(
                !seen.runs_on.iter().any(|node| node == subject.passive()),
                "{}: {}",
                seen.answer,
                seen.in_words()
            );
            assert!(seen.repeated || seen.blocked, "{}: {}", seen.answer, seen.in_words());
        }
    }
}

/// Whatever the Platform answers, no EC or SC is stopped, unless its own node is fenced; and whatever an EC answers, the Platform is
/// not touched.
#[test]
fn the_platform_and_the_ecs_leave_each_other_alone() {
    for seen in crate::all() {
        let others = if seen.answer.subject == Subject::Ec { "mz-platform" } else { "mz-ec" };
        let touched = seen.steps.iter().find(|step| {
            (step.of.starts_with(others) || step.of == "mz-sc1")
                && step.of != seen.answer.subject.resource()
                && !seen.fenced().contains(&step.nodes.0.as_str())
        });
        assert_eq!(touched, None, "{}", seen.answer);
    }
}
