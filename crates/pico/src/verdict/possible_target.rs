//! Which live pico could be meant, where a parameter that identifies it can't be read.

use super::node_context::NodeContext;
use crate::identity::{MzHome, PossiblePico, find_possible_picos, foreign_user};
use crate::pico_users::AnyInstallationUsers;
use crate::record;
use crate::settings::{PicoInstance, PicoName, Settings, UnreadableTarget};
use host::process::ownership;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::Instant;

/// Longest part of an invalid name that is shown, in characters.
const MAX_SHOWN_CHARS: usize = 30;

/// Describes the first one, and why it is unknown whether it is meant. Skips picos that another resource has started, and those of a user
/// whose processes don't count.
///
/// # Errors
/// /proc could not be read; why.
pub(crate) fn find_possible_target(
    settings: &Settings,
    unreadable: &UnreadableTarget,
    until: Instant,
) -> Result<Option<String>, String> {
    match find_possible_pico(settings, unreadable, until) {
        Ok(seen) => Ok(seen.map(|one| {
            format!(
                "{}: {unreadable}; correct it, or end the process",
                describe_possible_pico(&one)
            )
        })),
        Err(e) => Err(format!("running processes unknown: {e}; {unreadable}")),
    }
}

fn find_possible_pico(
    settings: &Settings,
    unreadable: &UnreadableTarget,
    until: Instant,
) -> io::Result<Option<PossiblePico>> {
    let is_meant = |name: &OsStr| match &unreadable.name {
        Ok(meant) => name == meant.as_str(),
        // A process of exactly the configured name is meant, whatever type the name suggests.
        Err(set) => set.as_deref() == Some(name) || settings.pico_type.may_be_named(name),
    };
    // Only the home matters of these.
    let name =
        unreadable.name.clone().ok().or_else(|| settings.pico_type.agent_name().parse().ok());
    let of_home = |home: &MzHome| {
        Some(PicoInstance { name: name.clone()?, home: home.clone(), process_match: None })
    };
    let target = unreadable.home.as_ref().and_then(of_home);
    let node = target.as_ref().map(|target| NodeContext::new(settings, target, None, until));
    let others = record::processes_of_other_resources(settings.resource.as_deref());
    let anyones = AnyInstallationUsers::new(settings, until);
    // A process without markers may match the unreadable pattern, but then only its open files show its installation.
    for one in
        find_possible_picos(is_meant, unreadable.process_match_unreadable && node.is_some(), until)?
    {
        let counts = if let Some(node) = &node {
            one.may_belong_to(node.target, node)?
        } else {
            let claimed = one.home.as_deref().filter(|home| home.is_absolute()).map(MzHome::new);
            let claimed = claimed.as_ref().and_then(of_home);
            ownership(one.id.pid)?.is_some_and(|of| {
                foreign_user(of, |user| anyones.contains(user, claimed.as_ref())).is_none()
            })
        };
        if counts && !others.contains(&one.id) && one.id.live_stat()?.is_some() {
            return Ok(Some(one));
        }
    }
    Ok(None)
}

fn describe_possible_pico(one: &PossiblePico) -> String {
    let home = one
        .home
        .as_deref()
        .map_or_else(String::new, |home| format!(" of {}", printable_name(home.as_os_str())));
    let name = one.name.as_deref().map_or_else(|| "a java".to_owned(), printable_name);
    format!("{} (user {}) is {name}{home}, which may be meant", one.id, one.user)
}

/// A name or path of a process, escaped; quoted where it is no valid name.
fn printable_name(name: &OsStr) -> String {
    let text = name.to_string_lossy();
    if text.parse::<PicoName>().is_ok() || Path::new(name).is_absolute() {
        return text.chars().flat_map(char::escape_debug).collect();
    }
    let mut beginning: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    if beginning.len() < text.len() {
        beginning.push_str("...");
    }
    format!("{beginning:?}")
}
