//! Does a process belong to the installation of the target?
//!
//! A path depends on the process that uses it: on its working directory, mount namespace and root. The mount table decides first, since
//! the storage of another installation may hang; only then is that storage accessed.

use super::markers::HomeClaim;
use super::process_search::ScanContext;
use crate::settings::PicoInstance;
use host::Pid;
use host::mounts::MountTable;
use host::process::{self, ExeLink, ProcDir, ProcLink};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Err: could not be determined; why.
pub(super) fn home_claim_matches(
    target: &PicoInstance,
    claim: &HomeClaim,
    process: ProcDir,
    context: &dyn ScanContext,
) -> Result<bool, String> {
    let HomeClaim::Path(claimed) = claim else {
        return Err(format!(
            "is named {}, its installation is unknown: no mz.home, no MZ_HOME",
            target.name
        ));
    };
    let unknown = |why: &str| {
        let ours = target.home.path().display();
        Err(format!("is {} of {}, which may be {ours}: {why}", target.name, claimed.display()))
    };
    let theirs = match absolute_path(claimed, process) {
        Ok(theirs) => theirs,
        Err(why) => return unknown(&why),
    };
    let (root, theirs) = match mount_view(process) {
        Ok(MountView::Same) => (None, theirs),
        // In a chroot: the same file systems, by another path.
        Ok(MountView::Chroot(root)) => (None, join_below(&root, &theirs)),
        Ok(MountView::OtherNamespace(root)) => (Some(root), theirs),
        Err(e) => return unknown(&e.to_string()),
    };
    if root.is_none() && target.home.matches(&theirs) {
        return Ok(true);
    }
    let tables = match root {
        None => MountTable::own().map(|own| (own.clone(), own)),
        Some(_) => {
            MountTable::own().and_then(|own| Ok((own, MountTable::for_process(process.pid)?)))
        }
    };
    let (own_table, their_table) = match tables {
        Ok(tables) => tables,
        // It has exited, or access is denied.
        Err(e) => return unknown(&e.to_string()),
    };
    let literal = target.home.path();
    let compare = |ours: &Path| {
        is_same_directory(
            ours,
            &theirs,
            root.as_deref(),
            process,
            (&own_table, &their_table),
            context,
        )
    };
    let same = if let Some(known) = target.home.resolved() {
        let same = compare(known);
        // The link may have changed since it was resolved.
        match same {
            Some(false) => match context.resolve_path(literal).filter(|now| now != known) {
                Some(now) => compare(&now),
                None => same,
            },
            _ => same,
        }
    } else {
        let now = context.resolve_path(literal);
        now.or_else(|| own_table.is_mount_point(literal).then(|| literal.to_owned()))
            .and_then(|ours| compare(&ours))
    };
    // The same path in its own mount namespace, and nothing mounted here: it may use what is to be mounted here.
    let is_away = || {
        context.is_same_directory(&target.home.join("bin"), &target.home.join("bin")) != Some(true)
    };
    match same {
        Some(false) if root.is_some() && target.home.matches(&theirs) && is_away() => {
            unknown("it has a mount namespace of its own, and nothing is mounted here")
        }
        Some(same) => Ok(same),
        None => unknown("storage does not answer"),
    }
}

/// Is `theirs`, as the process sees it, our directory? `None`: storage does not answer.
fn is_same_directory(
    ours: &Path,
    theirs: &Path,
    root: Option<&Path>,
    process: ProcDir,
    (own_table, their_table): (&MountTable, &MountTable),
    context: &dyn ScanContext,
) -> Option<bool> {
    let our_place = own_table.device_path(ours);
    if our_place.is_some() && our_place == their_table.device_path(theirs) {
        return Some(true);
    }
    // A mount point, or a path that the kernel itself shows, has no links.
    let shown = root.map_or_else(|| theirs.to_owned(), |root| join_below(root, theirs));
    if their_table.is_mount_point(theirs)
        || process::paths_in_use(process).iter().any(|at| at.starts_with(&shown))
    {
        return Some(false);
    }
    if root.is_some() {
        let theirs = join_below(Path::new(&format!("/proc/{}/root", process.pid)), theirs);
        context.is_same_directory(ours, &theirs)
    } else {
        context.resolve_path(theirs).map(|theirs| own_table.device_path(&theirs) == our_place)
    }
}

/// The path from the process's root, without `.`, and without `..` where the parent is certain: the working directory has no links.
fn absolute_path(claimed: &Path, process: ProcDir) -> Result<PathBuf, String> {
    if claimed.is_absolute() {
        return Ok(claimed.to_owned());
    }
    match process::read_link(process, "cwd") {
        Ok(ProcLink::To(cwd)) => {
            // A removed directory keeps its name here.
            let mut path = ExeLink::from_link(&cwd).0;
            for part in claimed.components() {
                match part {
                    Component::ParentDir => drop(path.pop()),
                    Component::Normal(name) => path.push(name),
                    _ => {}
                }
            }
            Ok(path)
        }
        Ok(ProcLink::Gone) => Err("its working directory is gone".to_owned()),
        Ok(ProcLink::Denied) => {
            Err("its working directory can't be read: no CAP_SYS_PTRACE".to_owned())
        }
        Err(e) => Err(e.to_string()),
    }
}

/// How a process sees the file systems.
enum MountView {
    /// As this process does; also where access is denied.
    Same,
    /// In a chroot at this directory of ours.
    Chroot(PathBuf),
    /// In another mount namespace, from this root.
    OtherNamespace(PathBuf),
}

fn mount_view(process: ProcDir) -> io::Result<MountView> {
    let own = ProcDir::from(Pid::own());
    let differs = |name| {
        Ok::<_, io::Error>(
            match (process::read_link(process, name)?, process::read_link(own, name)?) {
                (ProcLink::To(theirs), ProcLink::To(ours)) => theirs != ours,
                _ => false,
            },
        )
    };
    let (namespace, root) = (differs("ns/mnt")?, differs("root")?);
    Ok(match process::read_link(process, "root")? {
        ProcLink::To(path) if namespace => MountView::OtherNamespace(path),
        ProcLink::To(path) if root => MountView::Chroot(path),
        _ => MountView::Same,
    })
}

/// `path`, which is absolute, below `root`.
fn join_below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}
