//! `monitor`: the verdict of depth 10, in the product's words.

use super::arguments::Installation;
use super::subject::{self, Subject};
use super::{UNKNOWN, complain, line, log, online_here, other_managers, say};
use crate::resource::Resource;
use crate::verdict::Verdict;
use ocf::Action;
use pico::actions::{self, Point, Request};
use pico::record::RecordFile;
use pico::verdict::Occasion;
use pico::{Answer, Budget, Endpoint, Outcome, PicoName};
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
        Subject::Pico { name, is_off } => of_pico(question, &name, is_off, budget),
        Subject::OfNothing(why) => (Verdict::NotWell(why), Vec::new()),
        Subject::Unclear(why) => (Verdict::CantTell(why), Vec::new()),
    }
}

/// `is_off`: the registry says that nobody answers at its port.
fn of_pico(question: &Question, pico: &PicoName, is_off: bool, budget: Budget) -> (Verdict, Vec<Point>) {
    let is_mute = is_off && !listens(&question.installation.resource(pico, &[]), question.port);
    // Who names a port wants it asked. How many failures in a row are tolerated, the manager counts (ToleranceLimit of Veritas).
    let mut given = vec![
        ("ha_check", if is_mute { "no" } else { "yes" }.to_owned()),
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
    let (points, outcome) = if question.debug {
        let (mut points, outcome) = actions::explain(&settings, budget);
        points.extend(other_managers(&settings).map(|others| ("other managers", others)));
        (points, outcome)
    } else {
        let request = Request::once(Occasion::Recurring, 10);
        (Vec::new(), actions::monitor(&settings, request, budget))
    };
    let mute = if is_mute {
        Some(format!("mz.ha.enabled of {pico} is not true"))
    } else {
        never_listened(&resource, question).then(|| {
            let at = question.host.as_ref().map_or_else(String::new, |host| format!("{host}, "));
            let port = question.port;
            format!("it was never seen to listen on {at}port {port}: unless it is coming up, restart it")
        })
    };
    (verdict(&resource, outcome, mute), points)
}

/// Was the JVM that is known by now never seen to listen where it was asked?
fn never_listened(resource: &Resource, question: &Question) -> bool {
    let is_asked = |endpoint: &Endpoint| match &question.host {
        Some(host) => *endpoint == Endpoint::on_this_node(host, question.port),
        None => endpoint.port == question.port,
    };
    let record = RecordFile::of(resource.name.as_deref()).read();
    record.is_some_and(|record| !record.listened.iter().any(is_asked))
}

/// Does the pico, as it is known by now, listen at this port itself?
fn listens(resource: &Resource, port: u16) -> bool {
    let record = RecordFile::of(resource.name.as_deref()).read();
    let Some(jvm) = record.and_then(|record| record.jvm()) else { return false };
    let all = host::listeners::all().unwrap_or_default();
    all.iter().any(|listener| listener.port == port && listener.is_held_by(jvm.pid).unwrap_or(false))
}

/// Of one that is there and not well it is told only where it was online that it has failed; and of one that nobody can ask
/// (`mute`: why) not that it is well.
fn verdict(resource: &Resource, outcome: Outcome, mute: Option<String>) -> Verdict {
    let name = resource.name.as_deref().unwrap_or_default();
    let is_there = matches!(outcome.answer, Answer::Failed(_));
    match (Verdict::of(outcome), mute) {
        (Verdict::NotWell(why), _) if is_there && !online_here::is_noted(name) => {
            Verdict::CantTell(format!("{why}; it was not online here, and is not offline"))
        }
        (Verdict::Well(_), Some(why)) => {
            let pico = resource.parameters.get("pico_name").map_or("the pico", String::as_str);
            Verdict::CantTell(format!("{pico} runs, and whether it hangs can't be told: {why}"))
        }
        (verdict, _) => {
            if let Verdict::Well(_) = verdict {
                online_here::note(name);
            }
            verdict
        }
    }
}
