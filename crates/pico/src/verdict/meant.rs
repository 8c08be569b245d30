//! Which live pico could be meant, where a parameter that says which one can't be read.

use super::node::Node;
use crate::identity::{Home, Possible, possible, stranger};
use crate::owner::Anyones;
use crate::record;
use crate::settings::{PicoName, Settings, Target, UnreadableTarget};
use host::process::ownership;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::Instant;

/// Most characters of an odd name that are shown.
const SHOWN: usize = 30;

/// The first one, in words, and why it is not known whether it is meant. Not one that another resource has started, nor one of a user
/// whose processes don't count.
///
/// # Errors
/// Why it can't be told.
pub(crate) fn could_be_meant(
    settings: &Settings,
    unreadable: &UnreadableTarget,
    until: Instant,
) -> Result<Option<String>, String> {
    match seen(settings, unreadable, until) {
        Ok(seen) => {
            Ok(seen.map(|one| format!("{}: {unreadable}; correct it, or end the process", words(&one))))
        }
        Err(e) => Err(format!("what runs can't be told: {e}; {unreadable}")),
    }
}

fn seen(settings: &Settings, unreadable: &UnreadableTarget, until: Instant) -> io::Result<Option<Possible>> {
    let is_meant = |name: &OsStr| match &unreadable.name {
        Ok(meant) => name == meant.as_str(),
        // One that is called as it is set is meant, whatever its name says of its type.
        Err(set) => set.as_deref() == Some(name) || settings.kind.can_be_called(name),
    };
    // Only the home matters of these.
    let name = unreadable.name.clone().ok().or_else(|| settings.kind.agent().parse().ok());
    let of_home = |home: &Home| Some(Target { name: name.clone()?, home: home.clone(), process_match: None });
    let target = unreadable.home.as_ref().and_then(of_home);
    let node = target.as_ref().map(|target| Node::new(settings, target, None, until));
    let others = record::named_by_others(settings.resource.as_deref());
    let anyones = Anyones::new(settings, until);
    // What is no pico by its markers can be one by the pattern, but then something else has to say of which installation it is.
    for one in possible(is_meant, unreadable.by_pattern && node.is_some(), until)? {
        let counts = if let Some(node) = &node {
            one.is_of(node.target, node)?
        } else {
            let claimed = one.home.as_deref().filter(|home| home.is_absolute()).map(Home::new);
            let claimed = claimed.as_ref().and_then(of_home);
            ownership(one.id.pid)?
                .is_some_and(|of| stranger(of, |user| anyones.include(user, claimed.as_ref())).is_none())
        };
        if counts && !others.contains(&one.id) && one.id.live()?.is_some() {
            return Ok(Some(one));
        }
    }
    Ok(None)
}

fn words(one: &Possible) -> String {
    let home =
        one.home.as_deref().map_or_else(String::new, |home| format!(" of {}", shown(home.as_os_str())));
    let name = one.name.as_deref().map_or_else(|| "a java".to_owned(), shown);
    format!("{} (user {}) is {name}{home}, which may be meant", one.id, one.user)
}

/// A name or a path of a process as it may be shown; in quotes where it is an odd one.
fn shown(name: &OsStr) -> String {
    let text = name.to_string_lossy();
    if text.parse::<PicoName>().is_ok() || Path::new(name).is_absolute() {
        return text.chars().flat_map(char::escape_debug).collect();
    }
    let mut beginning: String = text.chars().take(SHOWN).collect();
    if beginning.len() < text.len() {
        beginning.push_str("...");
    }
    format!("{beginning:?}")
}
