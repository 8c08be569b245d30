//! All processes at once.

use super::{Pid, Stat, procfs};
use crate::files::unreadable;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// All processes that /proc showed in one pass. One that came or went during the pass may be missing.
#[derive(Debug, Default)]
pub struct Snapshot {
    processes: HashMap<Pid, Stat>,
}

/// Reads `/proc/PID/stat` of every process.
///
/// # Errors
/// /proc can't be listed, or a line of it can't be read for another reason than that the process is gone; or it does not show
/// this very process: then nothing may be concluded from what is missing.
pub fn snapshot() -> io::Result<Snapshot> {
    let mut processes = HashMap::new();
    // Not while the directory is open: there may be few descriptors left.
    let names = std::fs::read_dir("/proc")
        .and_then(|all| all.map(|entry| Ok(entry?.file_name())).collect());
    let names: Vec<_> = names.map_err(unreadable("/proc"))?;
    for name in names {
        let Some(pid) = name.to_str().and_then(|n| n.parse().ok()).and_then(Pid::new) else {
            continue;
        };
        if let Some(stat) = Stat::read(pid)? {
            processes.insert(pid, stat);
        }
    }
    verify_own_pid_namespace()?;
    if processes.contains_key(&Pid::own()) {
        Ok(Snapshot { processes })
    } else {
        Err(own_pid_not_shown())
    }
}

/// Is /proc of this process's own pid namespace? One of another has this process under another number, or not at all; whatever it says
/// of a number, a signal to that number would go to another process.
pub(super) fn check_own_pid_namespace() -> io::Result<()> {
    static IS_SEEN: AtomicBool = AtomicBool::new(false);
    if IS_SEEN.load(Relaxed) {
        return Ok(());
    }
    let own = Pid::own().to_string();
    if !std::fs::read_link("/proc/self").is_ok_and(|link| link == Path::new(&own)) {
        return Err(own_pid_not_shown());
    }
    IS_SEEN.store(true, Relaxed);
    Ok(())
}

/// The same beyond doubt: by chance this process can have the same number in two namespaces.
pub(crate) fn verify_own_pid_namespace() -> io::Result<()> {
    static IS_SEEN: AtomicBool = AtomicBool::new(false);
    if IS_SEEN.load(Relaxed) {
        return Ok(());
    }
    check_own_pid_namespace()?;
    if procfs::ownership(Pid::own())?.is_none_or(|own| own.pid_namespaces != 1) {
        return Err(own_pid_not_shown());
    }
    IS_SEEN.store(true, Relaxed);
    Ok(())
}

fn own_pid_not_shown() -> io::Error {
    io::Error::other(format!(
        "/proc does not show the agent's own pid {}: mount proc for this pid namespace",
        Pid::own()
    ))
}

impl Snapshot {
    /// Every process, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Stat> {
        self.processes.values()
    }

    /// One process.
    #[must_use]
    pub fn get(&self, pid: Pid) -> Option<&Stat> {
        self.processes.get(&pid)
    }

    /// The parents of `pid`, nearest first.
    pub fn ancestors(&self, pid: Pid) -> impl Iterator<Item = Pid> {
        let mut at = self.processes.get(&pid);
        // A chain can't be longer than there are processes; a torn snapshot could hold a ring.
        let mut left = self.processes.len();
        std::iter::from_fn(move || {
            let parent = at?.parent?;
            left = left.checked_sub(1)?;
            at = self.processes.get(&parent);
            Some(parent)
        })
    }

    /// All that descend from `root`, itself left out.
    #[must_use]
    pub fn descendants(&self, root: Pid) -> Vec<&Stat> {
        self.processes
            .values()
            .filter(|p| p.pid != root && self.ancestors(p.pid).any(|a| a == root))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_descends_from_its_parent() {
        let snapshot = snapshot().unwrap();
        let own = Pid::own();
        let parent = snapshot.get(own).unwrap().parent.unwrap();
        assert_eq!(snapshot.ancestors(own).next(), Some(parent));
        assert!(snapshot.descendants(parent).iter().any(|p| p.pid == own));
        assert!(!snapshot.descendants(own).iter().any(|p| p.pid == own));
    }
}
