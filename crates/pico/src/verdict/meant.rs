//! Which live pico could be meant, where a parameter that says which one can't be read.

use super::node::Node;
use crate::identity::{Home, Search, possible, stranger};
use crate::owner::Anyones;
use crate::record;
use crate::settings::{Settings, Target, UnreadableTarget};
use host::ProcessId;
use host::process::ownership;
use std::io;
use std::time::Instant;

/// The first one, in words. Not one that another resource has started, nor one of a user whose processes don't count.
///
/// # Errors
/// Why it can't be told.
pub(crate) fn could_be_meant(
    settings: &Settings,
    unreadable: &UnreadableTarget,
    until: Instant,
) -> Result<Option<String>, String> {
    seen(settings, unreadable, until).map_err(|e| format!("what runs can't be told: {e}"))
}

fn seen(settings: &Settings, unreadable: &UnreadableTarget, until: Instant) -> io::Result<Option<String>> {
    let is_meant = |name: &_| match &unreadable.name {
        Some(meant) => meant == name,
        None => settings.kind.can_be_called(name),
    };
    let others = record::named_by_others(settings.resource.as_deref());
    let anyones = Anyones::new(settings, until);
    for one in possible(is_meant, until)? {
        let claimed = one.home.as_deref().filter(|home| home.is_absolute()).map(Home::new);
        let target = unreadable.home.clone().or(claimed).map(|home| Target {
            name: one.name.clone(),
            home,
            process_match: None,
        });
        let counts = match (&unreadable.home, &target) {
            (Some(_), Some(target)) => is_of(settings, target, one.id, until)?,
            (_, claimed) => ownership(one.id.pid)?
                .is_some_and(|of| stranger(of, |user| anyones.include(user, claimed.as_ref())).is_none()),
        };
        if counts && !others.contains(&one.id) && one.id.live()?.is_some() {
            let home = one.home.map_or_else(String::new, |home| format!(" of {}", home.display()));
            return Ok(Some(format!("{} is {}{home}, which may be meant", one.id, one.name)));
        }
    }
    Ok(None)
}

/// Is it the target, or a startup of it, or may it be?
fn is_of(settings: &Settings, target: &Target, id: ProcessId, until: Instant) -> io::Result<bool> {
    let node = Node::new(settings, target, None, until);
    let targets = std::slice::from_ref(target);
    let found = Search { targets, known: None, launched: None, sessions: &[] }.look(&node, until)?;
    let mut all = found.picos.iter().map(|pico| pico.id).chain(found.startups.iter().copied());
    Ok(all.any(|found| found == id) || found.suspects.iter().any(|suspect| suspect.id == id))
}
