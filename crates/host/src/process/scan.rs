//! All processes at once.

use super::{Pid, Stat};
use std::collections::HashMap;
use std::io;

/// All processes that /proc showed in one pass. One that came or went during the pass may be missing.
#[derive(Debug, Default)]
pub struct Snapshot {
    processes: HashMap<Pid, Stat>,
}

/// Reads `/proc/PID/stat` of every process.
///
/// # Errors
/// /proc can't be listed, or a line of it can't be read for another reason than that the process is gone: then
/// nothing may be concluded from what is missing.
pub fn all() -> io::Result<Snapshot> {
    let mut processes = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse().ok()).and_then(Pid::new) else { continue };
        if let Some(stat) = Stat::read(pid)? {
            processes.insert(pid, stat);
        }
    }
    Ok(Snapshot { processes })
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
        let snapshot = all().unwrap();
        let own = Pid::own();
        let parent = snapshot.get(own).unwrap().parent.unwrap();
        assert_eq!(snapshot.ancestors(own).next(), Some(parent));
        assert!(snapshot.descendants(parent).iter().any(|p| p.pid == own));
        assert!(!snapshot.descendants(own).iter().any(|p| p.pid == own));
    }
}
