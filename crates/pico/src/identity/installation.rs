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
use host::process::{self, Link, Source};
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
    let root = match root(process) {
        Ok(root) => root,
        Err(e) => return unknown(&format!("its root can't be read: {e}")),
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
        Err(e) => return unknown(&format!("its mounts can't be read: {e}")),
    };
    let ours = target.home.resolved().map(Path::to_owned);
    let ours = ours.or_else(|| surroundings.resolve(target.home.path()));
    let literal = target.home.path();
    let Some(ours) = ours.or_else(|| own_table.is_mount_point(literal).then(|| literal.to_owned())) else {
        return unknown("storage does not answer");
    };
    let our_place = own_table.place(&ours);
    if our_place.is_some() && our_place == their_table.place(&theirs) {
        return Ok(true);
    }
    // No part of a path is a link that is a mount point, or that the kernel itself calls a file of the process by.
    let shown = root.as_ref().map_or_else(|| theirs.clone(), |root| below(root, &theirs));
    if their_table.is_mount_point(&theirs) || process::places(process).iter().any(|at| at.starts_with(&shown))
    {
        return Ok(false);
    }
    let same = if root.is_some() {
        let theirs = below(Path::new(&format!("/proc/{}/root", process.pid)), &theirs);
        surroundings.are_one_directory(&ours, &theirs)
    } else {
        surroundings.resolve(&theirs).map(|theirs| own_table.place(&theirs) == our_place)
    };
    same.map_or_else(|| unknown("storage does not answer"), Ok)
}

/// The path from the process's root, without `.`, and without `..` where that is sure to lead to the parent: the working
/// directory is a path without links.
fn absolute(claimed: &Path, process: Source) -> Result<PathBuf, String> {
    if claimed.is_absolute() {
        return Ok(claimed.to_owned());
    }
    match process::link(process, "cwd") {
        Ok(Link::To(cwd)) => {
            let mut path = cwd;
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
        Err(e) => Err(format!("its working directory can't be read: {e}")),
    }
}

/// Where the root of the process is, if it sees the file systems otherwise than this process does. What may not be read
/// is taken to be as here.
fn root(process: Source) -> io::Result<Option<PathBuf>> {
    let own = Source::from(Pid::own());
    let mut root = None;
    for name in ["ns/mnt", "root"] {
        if let (Link::To(theirs), Link::To(ours)) = (process::link(process, name)?, process::link(own, name)?)
            && theirs != ours
        {
            root = Some(());
        }
    }
    Ok(match (root, process::link(process, "root")?) {
        (Some(()), Link::To(root)) => Some(root),
        _ => None,
    })
}

/// `path`, which is absolute, below `root`.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}
