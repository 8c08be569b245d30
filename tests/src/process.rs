//! A process of the node, read from the node's /proc. Tests compare an agent's answer with it.

use std::fs;
use std::path::Path;

use crate::TestkitError;

/// A process, with its ids inside the node.
#[derive(Debug, Clone)]
pub struct NodeProcess {
    pub pid: u32,
    /// Its parent; 0 for a process that entered from outside.
    pub ppid: u32,
    /// Its process group; 0 for a group from outside.
    pub group: u32,
    /// Its session; 0 for a session from outside.
    pub session: u32,
    /// One letter: R, S, D, T, t, Z, X, I.
    pub state: char,
    pub threads: u32,
    /// Its start time, in clock ticks since boot: together with the pid it identifies the process.
    pub start_time: u64,
    /// The real user, as seen from the test. In the sandbox of a normal user every process has that
    /// user's uid.
    pub uid: u32,
    /// Its arguments; empty for a zombie.
    pub argv: Vec<String>,
    /// The kernel's name of its program, at most 15 bytes. An exiting process has no other name.
    pub comm: String,
    /// SIGKILL is pending: it exits as soon as it runs, which can take a while on a loaded machine.
    pub is_killed: bool,
}

impl NodeProcess {
    /// The command line as one line.
    #[must_use]
    pub fn command_line(&self) -> String {
        self.argv.join(" ")
    }

    /// True for an unreaped zombie without other threads. A zombie leader with live threads is
    /// alive.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }

    pub(crate) fn all(proc: &Path) -> Result<Vec<Self>, TestkitError> {
        Self::collect(proc, |pid| {
            let found = Self::without_args(proc, pid)?;
            let cmdline = fs::read(proc.join(pid.to_string()).join("cmdline")).unwrap_or_default();
            Some(Self { argv: arguments(&cmdline), ..found })
        })
    }

    /// Skips the arguments, because the kernel may have to wait for them.
    pub(crate) fn all_without_args(proc: &Path) -> Result<Vec<Self>, TestkitError> {
        Self::collect(proc, |pid| Self::without_args(proc, pid))
    }

    fn collect(proc: &Path, read: impl Fn(u32) -> Option<Self>) -> Result<Vec<Self>, TestkitError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(proc).map_err(TestkitError::io("list", proc))? {
            let entry = entry.map_err(TestkitError::io("list", proc))?;
            if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                // Skip a process that ended since the directory was listed.
                found.extend(read(pid));
            }
        }
        found.sort_by_key(|process| process.pid);
        Ok(found)
    }

    /// A process without its arguments.
    pub(crate) fn without_args(proc: &Path, pid: u32) -> Option<Self> {
        let dir = proc.join(pid.to_string());
        let stat = fs::read_to_string(dir.join("stat")).ok()?;
        // The name may contain spaces and parentheses; the third field follows its last
        // parenthesis.
        let (before, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse().ok();
        let status = fs::read_to_string(dir.join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let uid = field("Uid:")?;
        // Signal 9 is bit 8.
        let has_sigkill = |mask: &str| {
            u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & (1 << 8) != 0)
        };
        Some(Self {
            pid,
            ppid: number(4)?,
            group: number(5)?,
            session: number(6)?,
            state: fields.first()?.chars().next()?,
            threads: number(20)?,
            start_time: fields.get(22 - 3)?.parse().ok()?,
            uid: uid.split_ascii_whitespace().next()?.parse().ok()?,
            comm: before.split_once('(')?.1.to_owned(),
            is_killed: ["SigPnd:", "ShdPnd:"].into_iter().filter_map(field).any(has_sigkill),
            argv: Vec::new(),
        })
    }
}

/// The arguments in the content of `/proc/PID/cmdline`.
fn arguments(cmdline: &[u8]) -> Vec<String> {
    if cmdline.is_empty() {
        return Vec::new();
    }
    let argv = cmdline.strip_suffix(b"\0").unwrap_or(cmdline).split(|byte| *byte == 0);
    argv.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
