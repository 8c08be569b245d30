//! `monitor`: the verdict of depth 10, in the product's words.

use super::arguments::Installation;
use super::subject::{self, Subject};
use super::{UNKNOWN, complain, line, log, online_here, other_managers, say};
use crate::resource::Resource;
use crate::verdict::Verdict;
use ocf::Action;
use pico::actions::{self, Point, Request};
use pico::verdict::Occasion;
use pico::{Answer, Budget, Outcome, PicoName};
use std::fmt::Write as _;
use std::process::ExitCode;

/// Healthy.
const OK: u8 = 110;
/// Not healthy: dead; or hung, or failed by its own word, where it was online.
const FAILED: u8 = 100;

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) installation: Installation,
    pub(super) port: u16,
    pub(super) host: Option<String>,
    pub(super) seconds: Option<u32>,
    pub(super) debug: bool,
}

/// Asks, and answers on stdout by one word, with `debug` followed by the evidence; the reason is on stderr.
pub(super) fn run(question: &Question, is_root: bool, budget: Budget) -> ExitCode {
    let (verdict, points) = if is_root {
        answer(question, budget)
    } else {
        (
            Verdict::CantTell("monitor must be run by root: others don't see all of /proc".to_owned()),
            Vec::new(),
        )
    };
    let (word, code) = match &verdict {
        Verdict::Well(_) => ("OK", OK),
        Verdict::NotWell(_) => ("FAILED", FAILED),
        Verdict::CantTell(_) => ("UNKNOWN", UNKNOWN),
    };
    if let Some(reason) = verdict.reason() {
        complain(&format!("{}\n", line(reason)));
    }
    let mut text = format!("{word}\n");
    if question.debug {
        for (what, seen) in points {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{what}: {}", line(&seen));
        }
        if let Some(reason) = verdict.reason() {
            let _ = writeln!(text, "reason: {}", line(reason));
        }
    }
    say(&text, code)
}

fn answer(question: &Question, budget: Budget) -> (Verdict, Vec<Point>) {
    match subject::find(&question.installation, question.port, budget) {
        Subject::Pico(pico) => of_pico(question, &pico, budget),
        Subject::OfNothing(why) => (Verdict::NotWell(why), Vec::new()),
        Subject::Unclear(why) => (Verdict::CantTell(why), Vec::new()),
    }
}

fn of_pico(question: &Question, pico: &PicoName, budget: Budget) -> (Verdict, Vec<Point>) {
    // Who names a port wants it asked. How many failures in a row are tolerated, the manager counts (ToleranceLimit of Veritas).
    let mut given = vec![
        ("ha_check", "yes".to_owned()),
        ("ha_port", question.port.to_string()),
        ("failures_tolerated", "0".to_owned()),
    ];
    given.extend(question.host.clone().map(|host| ("ha_host", host)));
    given.extend(question.seconds.map(|seconds| ("ha_timeout", format!("{seconds}s"))));
    let resource = question.installation.resource(pico, &given);
    log(&resource, Action::Monitor);
    let (settings, errors) = resource.settings();
    for error in errors {
        tracing::warn!("{error}; the default is taken");
    }
    if !question.debug {
        let request = Request { occasion: Occasion::Recurring, depth: 10, by_cluster: false };
        return (verdict(&resource, actions::monitor(&settings, request, budget)), Vec::new());
    }
    let (mut points, outcome) = actions::explain(&settings, budget);
    points.extend(other_managers(&settings).map(|others| ("other managers", others)));
    (verdict(&resource, outcome), points)
}

/// Of one that is there and not well it is told only where it was online that it has failed.
fn verdict(resource: &Resource, outcome: Outcome) -> Verdict {
    let name = resource.name.as_deref().unwrap_or_default();
    let is_there = matches!(outcome.answer, Answer::Failed(_));
    match Verdict::of(outcome) {
        Verdict::NotWell(why) if is_there && !online_here::is_noted(name) => {
            Verdict::CantTell(format!("{why}; it was not online here, and is not offline"))
        }
        verdict => {
            if let Verdict::Well(_) = verdict {
                online_here::note(name);
            }
            verdict
        }
    }
}
