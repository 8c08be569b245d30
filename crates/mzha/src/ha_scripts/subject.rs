//! Which pico has this HA port? The product's `monitor` is told no more than that.
//!
//! First the records: a live JVM that was started or adopted with this port is it, and no storage is touched to know it. Then
//! the registry. Where that can't be read (a standby without the storage, or storage that hangs), it can still be known that
//! no pico of the installation runs on this node, so that the one that is meant does not either: without that answer a
//! manager that probes all its nodes could never fail over to the standby.

use super::arguments::Installation;
use pico::actions::{self, Request};
use pico::identity::{self, Home};
use pico::product::{Survey, survey};
use pico::record;
use pico::verdict::Occasion;
use pico::{Answer, Budget, PicoName};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// This pico.
    Pico(PicoName),
    /// One that can't be named, and nothing of its installation runs here; why it can't be named.
    OfNothing(String),
    /// It can't be told; why.
    Unclear(String),
}

/// Finds out.
pub(super) fn find(installation: &Installation, port: u16, budget: Budget) -> Subject {
    let home = Home::new(Path::new(&installation.mz_home));
    let recorded = record::at_ha_port(&home, port);
    let names = |alive: bool| {
        let wanted = recorded.iter().filter(|record| !alive || lives(record));
        wanted.filter_map(|record| record.pico.parse().ok()).collect::<BTreeSet<PicoName>>()
    };
    if let Some(pico) = only(names(true)) {
        return Subject::Pico(pico);
    }
    match survey(&home, budget.begun + budget.length() / 4) {
        Ok(survey) => in_registry(&survey, installation, port),
        Err(why) => match only(names(false)) {
            // The last that was known: it has died, or is just being started.
            Some(pico) => Subject::Pico(pico),
            None => by_what_runs(installation, &why.to_string(), budget),
        },
    }
}

fn lives(record: &record::Record) -> bool {
    record.jvm().is_some_and(|jvm| matches!(jvm.live(), Ok(Some(_))))
}

fn only(mut names: BTreeSet<PicoName>) -> Option<PicoName> {
    let first = names.pop_first();
    first.filter(|_| names.is_empty())
}

/// By the registry. Those of other containers run on other nodes, and may have the same port there.
fn in_registry(survey: &Survey, installation: &Installation, port: u16) -> Subject {
    let container = installation.parameters.get("container").or(survey.script.container.as_ref());
    let mut names = BTreeSet::new();
    let mut unread = Vec::new();
    for pico in
        survey.picos.iter().filter(|pico| container.is_none_or(|container| *container == pico.container))
    {
        match (&pico.facts, pico.name.parse::<PicoName>()) {
            (Ok(facts), Ok(name)) => {
                if facts.active && facts.ha.endpoint.as_ref().is_some_and(|endpoint| endpoint.port == port) {
                    names.insert(name);
                }
            }
            (Err(why), _) => unread.push(format!("; {} can't be read: {why}", pico.name)),
            (Ok(_), Err(_)) => {}
        }
    }
    let list = || names.iter().map(PicoName::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => {
            let place = container.map_or_else(String::new, |container| format!(" in container {container}"));
            let home = &installation.mz_home;
            Subject::Unclear(format!("no pico of {home} has mz.ha.port {port}{place}{}", unread.concat()))
        }
        1 => names.pop_first().map_or_else(|| Subject::Unclear(String::new()), Subject::Pico),
        _ => Subject::Unclear(format!(
            "{} have mz.ha.port {port}: give each a port of its own, or set OCF_RESKEY_container",
            list()
        )),
    }
}

/// Is any pico of the installation on this node?
fn by_what_runs(installation: &Installation, why: &str, budget: Budget) -> Subject {
    let until = budget.begun + budget.length() / 2;
    let mut names = match identity::of_all(until) {
        Ok(names) => names,
        Err(e) => return Subject::Unclear(format!("{why}; /proc can't be read: {e}")),
    };
    // Also where no process has a name: one that does not show its own may be there.
    names.extend("platform".parse());
    for name in names {
        match runs(installation, &name, until) {
            None => {}
            Some(what) => return Subject::Unclear(format!("{why}; {what}")),
        }
    }
    Subject::OfNothing(format!("nothing of {} runs on this node ({why})", installation.mz_home))
}

/// What of it runs; `None`: surely nothing.
fn runs(installation: &Installation, name: &PicoName, until: Instant) -> Option<String> {
    let (settings, _) = installation.nameless(name, &[]).settings();
    let request = Request { occasion: Occasion::Recurring, depth: 0, by_cluster: false };
    let outcome = actions::monitor(&settings, request, Budget { begun: Instant::now(), end: until });
    (outcome.answer != Answer::NotRunning).then(|| outcome.reason.unwrap_or_else(|| format!("{name} runs")))
}
