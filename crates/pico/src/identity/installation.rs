//! Is the installation that a process claims to be of the one that is meant?
//!
//! A path means something only to the process that uses it: it may be relative to its working directory, and in another mount
//! namespace, or below another root, it leads elsewhere. What it leads to is decided by the table of mounts as far as that
//! goes, for the storage of another installation may hang; only then is that storage asked.

use super::look::Surroundings;
use super::markers::HomeClaim;
use crate::settings::Target;
use host::Pid;
use host::mounts::Table;
use host::process::{self, ExeLink, Link, Source};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Whether it is. Err: it can't be decided, and why.
pub(super) fn is_ours(
    target: &Target,
    claim: &HomeClaim,
    process: Source,
    surroundings: &dyn Surroundings,
) -> Result<bool, String> {
    let HomeClaim::Is(claimed) = claim else {
        return Err(format!("is named {}, its installation is unknown: no mz.home, no MZ_HOME", target.name));
    };
    let unknown = |why: &str| {
        let ours = target.home.path().display();
        Err(format!("is {} of {}, which may be {ours}: {why}", target.name, claimed.display()))
    };
    let theirs = match absolute(claimed, process) {
        Ok(theirs) => theirs,
        Err(why) => return unknown(&why),
    };
    let (root, theirs) = match view(process) {
        Ok(View::Own) => (None, theirs),
        // In a chroot: the same file systems, by another path.
        Ok(View::Below(root)) => (None, below(&root, &theirs)),
        Ok(View::Other(root)) => (Some(root), theirs),
        Err(e) => return unknown(&e.to_string()),
    };
    if root.is_none() && target.home.is_named(&theirs) {
        return Ok(true);
    }
    let tables = match root {
        None => Table::own().map(|own| (own.clone(), own)),
        Some(_) => Table::own().and_then(|own| Ok((own, Table::of(process.pid)?))),
    };
    let (own_table, their_table) = match tables {
        Ok(tables) => tables,
        // It is gone, or nothing of it can be read.
        Err(e) => return unknown(&e.to_string()),
    };
    let literal = target.home.path();
    let compare = |ours: &Path| {
        is_at(ours, &theirs, root.as_deref(), process, (&own_table, &their_table), surroundings)
    };
    let same = if let Some(known) = target.home.resolved() {
        let same = compare(known);
        // The link may lead elsewhere since that was known.
        match same {
            Some(false) => match surroundings.resolve(literal).filter(|now| now != known) {
                Some(now) => compare(&now),
                None => same,
            },
            _ => same,
        }
    } else {
        let now = surroundings.resolve(literal);
        now.or_else(|| own_table.is_mount_point(literal).then(|| literal.to_owned()))
            .and_then(|ours| compare(&ours))
    };
    // The same path in a mount namespace of its own, and here nothing is mounted: it may have what is to be mounted here.
    let is_away =
        || surroundings.are_one_directory(&target.home.join("bin"), &target.home.join("bin")) != Some(true);
    match same {
        Some(false) if root.is_some() && target.home.is_named(&theirs) && is_away() => {
            unknown("it has a mount namespace of its own, and nothing is mounted here")
        }
        Some(same) => Ok(same),
        None => unknown("storage does not answer"),
    }
}

/// Is that directory of the process this one of ours? `None`: storage does not answer.
fn is_at(
    ours: &Path,
    theirs: &Path,
    root: Option<&Path>,
    process: Source,
    (own_table, their_table): (&Table, &Table),
    surroundings: &dyn Surroundings,
) -> Option<bool> {
    let our_place = own_table.place(ours);
    if our_place.is_some() && our_place == their_table.place(theirs) {
        return Some(true);
    }
    // No part of a path is a link that is a mount point, or that the kernel itself calls a file of the process by.
    let shown = root.map_or_else(|| theirs.to_owned(), |root| below(root, theirs));
    if their_table.is_mount_point(theirs) || process::places(process).iter().any(|at| at.starts_with(&shown))
    {
        return Some(false);
    }
    if root.is_some() {
        let theirs = below(Path::new(&format!("/proc/{}/root", process.pid)), theirs);
        surroundings.are_one_directory(ours, &theirs)
    } else {
        surroundings.resolve(theirs).map(|theirs| own_table.place(&theirs) == our_place)
    }
}

/// The path from the process's root, without `.`, and without `..` where that is sure to lead to the parent: the working
/// directory is a path without links.
fn absolute(claimed: &Path, process: Source) -> Result<PathBuf, String> {
    if claimed.is_absolute() {
        return Ok(claimed.to_owned());
    }
    match process::link(process, "cwd") {
        Ok(Link::To(cwd)) => {
            // One that was removed, and perhaps replaced, has the name that it had.
            let mut path = ExeLink::of(&cwd).0;
            for part in claimed.components() {
                match part {
                    Component::ParentDir => drop(path.pop()),
                    Component::Normal(name) => path.push(name),
                    _ => {}
                }
            }
            Ok(path)
        }
        Ok(Link::Gone) => Err("its working directory is gone".to_owned()),
        Ok(Link::Denied) => Err("its working directory can't be read: no CAP_SYS_PTRACE".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

/// How a process sees the file systems.
enum View {
    /// As this one does. What may not be read is taken to be so.
    Own,
    /// From this directory of ours, which is its root.
    Below(PathBuf),
    /// In a mount namespace of its own, from this root.
    Other(PathBuf),
}

fn view(process: Source) -> io::Result<View> {
    let own = Source::from(Pid::own());
    let differs = |name| {
        Ok::<_, io::Error>(match (process::link(process, name)?, process::link(own, name)?) {
            (Link::To(theirs), Link::To(ours)) => theirs != ours,
            _ => false,
        })
    };
    let (namespace, root) = (differs("ns/mnt")?, differs("root")?);
    Ok(match process::link(process, "root")? {
        Link::To(path) if namespace => View::Other(path),
        Link::To(path) if root => View::Below(path),
        _ => View::Own,
    })
}

/// `path`, which is absolute, below `root`.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}
