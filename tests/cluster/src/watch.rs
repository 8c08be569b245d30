//! The watch over the picos of a lab: which processes live, since when, and the moment of their death.
//!
//! A thread looks through the machine's /proc, in which the processes of all nodes are, twenty times a second, and keeps a
//! pidfd of each pico that it finds. So a death is known to the millisecond, also of one that was frozen, or that died with its node;
//! and a pico counts as alive while it is dying. The start is the kernel's (field 22 of `/proc/PID/stat`), however late it was
//! found. What lived and died between two looks is not seen here: the history has its start.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{ClockId, clock_gettime};

/// Milliseconds between two looks.
const LOOK: u64 = 50;

/// The time of one pico process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its pico.
    pub pico: String,
    /// Its node.
    pub node: String,
    /// Its number there.
    pub pid: u32,
    /// Field 22 of its `/proc/PID/stat`.
    pub start_time: u64,
    /// When it began, in milliseconds since 1970.
    pub began: u64,
    /// When it was dead, the same; none while it lives.
    pub ended: Option<u64>,
}

/// The watch; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    seen: Arc<Mutex<Vec<Seen>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Over the lab of this directory, which need not be up yet.
    #[must_use]
    pub fn over(lab: &Path) -> Self {
        let (seen, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let mut eyes = Eyes { lab: lab.to_owned(), seen: Arc::clone(&seen), open: HashMap::new() };
        let stop = Arc::clone(&over);
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                eyes.wait_for_deaths();
                eyes.look();
            }
        });
        Self { seen, over, thread: Some(thread) }
    }

    /// All picos so far, the dead ones too.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.seen).clone()
    }

    /// Those of a pico that live.
    #[must_use]
    pub fn alive(&self, pico: &str) -> Vec<Seen> {
        let mut alive = self.seen();
        alive.retain(|seen| seen.pico == pico && seen.ended.is_none());
        alive
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told why.
            let _ = thread.join();
        }
    }
}

/// The thread's own.
struct Eyes {
    lab: PathBuf,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// By number out here: a pidfd, and the place in `seen`.
    open: HashMap<u32, (OwnedFd, usize)>,
}

impl Eyes {
    /// Waits for at most a look's time, shorter if one dies.
    fn wait_for_deaths(&mut self) {
        let pids: Vec<u32> = self.open.keys().copied().collect();
        let mut fds: Vec<PollFd<'_>> =
            pids.iter().map(|pid| PollFd::new(&self.open[pid].0, PollFlags::IN)).collect();
        let pause = Timespec { tv_sec: 0, tv_nsec: i64::try_from(LOOK * 1_000_000).unwrap_or(0) };
        // An error here (a signal) is a look that comes sooner.
        let _ = poll(&mut fds, Some(&pause));
        let ended: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let now = now();
        for (pid, ended) in pids.into_iter().zip(ended) {
            if ended && let Some((_, place)) = self.open.remove(&pid) {
                locked(&self.seen)[place].ended = Some(now);
            }
        }
    }

    fn look(&mut self) {
        let Ok(entries) = fs::read_dir("/proc") else { return };
        let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        for pid in numbers {
            if !self.open.contains_key(&pid)
                && let Some((fd, seen)) = self.pico(pid)
            {
                let mut all = locked(&self.seen);
                self.open.insert(pid, (fd, all.len()));
                all.push(seen);
            }
        }
    }

    /// The process, if it is a pico of our lab. One that goes away meanwhile is none.
    fn pico(&self, pid: u32) -> Option<(OwnedFd, Seen)> {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        let words = fs::read(proc.join("cmdline")).ok()?;
        let pico = pico_of(&words)?;
        // Opened before the rest is read: what is read is of the process that it stands for, or of none.
        let fd = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
        let lab = fs::read_to_string(proc.join("root/etc/lab")).ok()?;
        if Path::new(lab.trim_end()) != self.lab {
            return None;
        }
        let node = fs::read_to_string(proc.join("root/etc/hostname")).ok()?.trim_end().to_owned();
        let status = fs::read_to_string(proc.join("status")).ok()?;
        let inside = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        let stat = fs::read_to_string(proc.join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let (parent, start_time) = (*fields.get(1)?, fields.get(19)?.parse().ok()?);
        // A child of a JVM has the words of its parent until it has executed its program.
        let of_parent = fs::read(format!("/proc/{parent}/cmdline")).unwrap_or_default();
        if pico_of(&of_parent).as_ref() == Some(&pico) {
            return None;
        }
        Some((
            fd,
            Seen {
                pico,
                node,
                pid: inside.split_ascii_whitespace().last()?.parse().ok()?,
                start_time,
                began: at(start_time),
                ended: None,
            },
        ))
    }
}

/// The pico whose command line this is: its name is the last argument of one of the product's main classes.
fn pico_of(words: &[u8]) -> Option<String> {
    let words: Vec<&[u8]> = words.strip_suffix(b"\0")?.split(|byte| *byte == 0).collect();
    let [.., class, name] = words.as_slice() else { return None };
    let main_class = class.ends_with(b".PicoStart") || class.ends_with(b".CodeServerMain");
    let of_home = words.iter().any(|word| word.starts_with(b"-Dmz.home="));
    (main_class && of_home).then(|| String::from_utf8_lossy(name).into_owned())
}

/// Clock ticks since boot, as milliseconds since 1970.
fn at(ticks: u64) -> u64 {
    let up = clock_gettime(ClockId::Boottime);
    let up =
        u64::try_from(up.tv_sec).unwrap_or(0) * 1000 + u64::try_from(up.tv_nsec).unwrap_or(0) / 1_000_000;
    let age = up.saturating_sub(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1));
    now().saturating_sub(age)
}

/// Milliseconds since 1970.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn locked(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    // Each entry is whole at any time.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pico_is_told_by_main_class_home_and_last_argument() {
        let line = |words: &[&str]| {
            words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect::<Vec<u8>>()
        };
        let pico = ["java", "-Dmz.home=/opt/mz", "com.digitalroute.picostart.PicoStart", "ec1"];
        assert_eq!(pico_of(&line(&pico)).as_deref(), Some("ec1"));
        let mzsh = ["java", "-Dmz.home=/opt/mz", "com.digitalroute.picostart.cmdline.CommandLine", "ec1"];
        assert_eq!(pico_of(&line(&mzsh)), None);
        assert_eq!(pico_of(b""), None);
        assert_eq!(pico_of(&line(&["sleep", "1"])), None);
    }
}
