//! Which pico has this HA port? The product's `monitor` is told no more than that.
//!
//! First the records: a live JVM that was started or adopted with this port is it, and no storage is touched to know it. Then
//! the registry. Where that can't be read (a standby without the storage, or storage that hangs), it can still be known that
//! no pico of the installation runs on this node, so that the one that is meant does not either: without that answer a
//! manager that probes all its nodes could never fail over to the standby.
//!
//! A port of an HA Monitor Server that is off (`mz.ha.enabled`) is nobody's as long as another pico has it that is on.

use super::arguments::Installation;
use pico::actions::{self, Request};
use pico::identity::{self, Home};
use pico::product::{Survey, survey};
use pico::record::{self, HaFacts, Record};
use pico::verdict::Occasion;
use pico::{Answer, Budget, Owners, PicoName};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

/// The pico that each installation may have.
const PLATFORM: &str = "platform";

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// This pico.
    Pico {
        /// Its name.
        name: PicoName,
        /// Its HA Monitor Server is off, so that its silence says nothing.
        is_off: bool,
    },
    /// One that can't be named, and nothing of its installation runs here; why it can't be named.
    OfNothing(String),
    /// It can't be told; why.
    Unclear(String),
}

/// Finds out.
pub(super) fn find(installation: &Installation, port: u16, budget: Budget) -> Subject {
    let home = Home::new(Path::new(&installation.mz_home));
    let recorded = record::at_ha_port(&home, port);
    let names = |wanted: fn(&Record) -> bool| {
        let wanted = recorded.iter().filter(|record| wanted(record));
        wanted.filter_map(|record| record.pico.parse().ok()).collect::<BTreeSet<PicoName>>()
    };
    // What the registry says now, a JVM does not know that was started before it said so.
    let begun_off = names(|record| is_off(record) && lives(record));
    let pico =
        |name: PicoName, is_off: bool| Subject::Pico { is_off: is_off || begun_off.contains(&name), name };
    if let Some(name) = only(names(|record| !is_off(record) && lives(record))) {
        return pico(name, false);
    }
    match survey(&home, Some(&installation.user), budget.begun + budget.length() / 4) {
        Ok(survey) => match in_registry(&survey, installation, port) {
            Subject::Pico { name, is_off } => pico(name, is_off),
            other => other,
        },
        Err(why) => match only(names(|_| true)) {
            // The last that was known: it has died, or is just being started.
            Some(name) => pico(name, false),
            None => by_what_runs(installation, &why.to_string(), budget),
        },
    }
}

fn is_off(record: &Record) -> bool {
    record.ha.as_ref().is_some_and(HaFacts::is_off)
}

fn lives(record: &Record) -> bool {
    record.jvm().is_some_and(|jvm| matches!(jvm.live(), Ok(Some(_))))
}

fn only(mut names: BTreeSet<PicoName>) -> Option<PicoName> {
    let first = names.pop_first();
    first.filter(|_| names.is_empty())
}

/// By the registry. Those of other containers run on other nodes, and may have the same port there.
fn in_registry(survey: &Survey, installation: &Installation, port: u16) -> Subject {
    let container = installation.parameters.get("container").or(survey.script.container.as_ref());
    let (mut on, mut off) = (BTreeSet::new(), BTreeSet::new());
    let mut unread = Vec::new();
    for pico in
        survey.picos.iter().filter(|pico| container.is_none_or(|container| *container == pico.container))
    {
        match (&pico.facts, pico.name.parse::<PicoName>()) {
            (Ok(facts), Ok(name)) => {
                if facts.active && facts.ha.endpoint.as_ref().is_some_and(|endpoint| endpoint.port == port) {
                    if facts.ha.is_off() { &mut off } else { &mut on }.insert(name);
                }
            }
            (Err(why), _) => unread.push(format!("; {} can't be read: {why}", pico.name)),
            (Ok(_), Err(_)) => {}
        }
    }
    let is_off = on.is_empty();
    let mut names = if is_off { off } else { on };
    let list = || names.iter().map(PicoName::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => {
            let place = container.map_or_else(String::new, |container| format!(" in container {container}"));
            let home = &installation.mz_home;
            Subject::Unclear(format!("no pico of {home} has mz.ha.port {port}{place}{}", unread.concat()))
        }
        1 => names
            .pop_first()
            .map_or_else(|| Subject::Unclear(String::new()), |name| Subject::Pico { name, is_off }),
        _ => Subject::Unclear(format!(
            "{} have mz.ha.port {port}: give each a port of its own, or set OCF_RESKEY_container",
            list()
        )),
    }
}

/// Is any pico of the installation on this node?
fn by_what_runs(installation: &Installation, why: &str, budget: Budget) -> Subject {
    let until = budget.begun + budget.length() / 2;
    let platform: PicoName = match PLATFORM.parse() {
        Ok(name) => name,
        Err(e) => return Subject::Unclear(format!("{why}; {PLATFORM}: {e}")),
    };
    // Whoever counts for one of its picos does for all.
    let (settings, _) = installation.nameless(&platform, &[]).settings();
    let owners = Owners::new(&settings, until);
    let mut names = match identity::of_all(|user| owners.include(user), until) {
        Ok(names) => names,
        Err(e) => return Subject::Unclear(format!("{why}; /proc can't be read: {e}")),
    };
    // Also where no process has a name: one that does not show its own may be there.
    names.insert(platform);
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
    let request = Request::once(Occasion::Recurring, 0);
    let outcome = actions::monitor(&settings, request, Budget { begun: Instant::now(), end: until });
    (outcome.answer != Answer::NotRunning).then(|| outcome.reason.unwrap_or_else(|| format!("{name} runs")))
}
