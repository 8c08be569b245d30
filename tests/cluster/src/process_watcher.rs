//! The watcher of a lab's picos. It records the live processes, their start and the time of their
//! death.
//!
//! A thread scans the machine's /proc, which has the processes of all nodes, twenty times a second.
//! It opens a pidfd of each new pico. A second thread polls all pidfds. One thread does not
//! suffice. The command line of a process in a page fault on hung storage can't be read until the
//! fault ends. One thread for both once recorded five deaths 18 s late. So a death is known to the
//! millisecond, even if the pico was frozen or died with its node. A dying pico counts as alive.
//! The start time is the kernel's (field 22 of `/proc/PID/stat`), however late the process was
//! found. The watcher misses a process that lives and dies between two scans; the history has its
//! start.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix::time::{ClockId, clock_gettime};

const SCAN_INTERVAL: Duration = Duration::from_millis(50);

/// The lifetime of one pico process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedProcess {
    pub pico: String,
    pub node: String,
    /// The pid on that node.
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat`.
    pub start_time: u64,
    /// The start, in milliseconds since 1970.
    pub began: u64,
    /// The death, in milliseconds since 1970; `None` while the process lives.
    pub ended: Option<u64>,
}

/// The watcher. A drop ends it.
#[derive(Debug)]
pub struct ProcessWatcher {
    state: Arc<Mutex<WatcherState>>,
    stop: Arc<AtomicBool>,
    deaths: Option<JoinHandle<()>>,
}

impl ProcessWatcher {
    /// A watcher of the lab in this directory, which may start later.
    #[must_use]
    pub fn for_lab(lab: &Path) -> Self {
        let (known, over) =
            (Arc::new(Mutex::new(WatcherState::default())), Arc::new(AtomicBool::new(false)));
        let eyes = ProcScanner { lab: lab.to_owned(), state: Arc::clone(&known) };
        let stop = Arc::clone(&over);
        // No thread waits for the end of this one, because hung storage of a process may delay it.
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                eyes.scan();
                thread::sleep(SCAN_INTERVAL);
            }
        });
        let (stop, shared) = (Arc::clone(&over), Arc::clone(&known));
        let deaths = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                wait_for_deaths(&shared);
            }
        });
        Self { state: known, stop: over, deaths: Some(deaths) }
    }

    /// All picos so far, including dead ones.
    #[must_use]
    pub fn processes(&self) -> Vec<WatchedProcess> {
        lock(&self.state).processes.clone()
    }

    /// The live processes of a pico.
    #[must_use]
    pub fn alive(&self, pico: &str) -> Vec<WatchedProcess> {
        let mut alive = self.processes();
        alive.retain(|seen| seen.pico == pico && seen.ended.is_none());
        alive
    }

    /// Sends SIGKILL to this process from outside; returns the time just before, in milliseconds
    /// since 1970. A duration from that time is never too short. A duration from the recorded death
    /// may be, because a thread must be scheduled to record it.
    ///
    /// # Errors
    /// The process is dead.
    pub fn kill(&self, process: &WatchedProcess) -> io::Result<u64> {
        let known = lock(&self.state);
        let fd = known
            .pidfds
            .values()
            .find(|(_, place)| known.processes[*place] == *process)
            .map(|(fd, _)| Arc::clone(fd));
        drop(known);
        let before = now_ms();
        pidfd_send_signal(fd.ok_or(io::ErrorKind::NotFound)?, Signal::KILL)?;
        Ok(before)
    }
}

impl Drop for ProcessWatcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.deaths.take() {
            // A thread that panicked has printed the reason.
            let _ = thread.join();
        }
    }
}

#[derive(Debug, Default)]
struct WatcherState {
    /// All picos so far.
    processes: Vec<WatchedProcess>,
    /// The live ones by their pid as seen from outside: a pidfd, and the index in `processes`.
    pidfds: HashMap<u32, (Arc<OwnedFd>, usize)>,
}

/// Waits for at most a scan interval; a death ends the wait.
fn wait_for_deaths(known: &Mutex<WatcherState>) {
    let watched: Vec<(u32, Arc<OwnedFd>)> =
        lock(known).pidfds.iter().map(|(pid, (fd, _))| (*pid, Arc::clone(fd))).collect();
    let mut fds: Vec<PollFd<'_>> =
        watched.iter().map(|(_, fd)| PollFd::new(fd, PollFlags::IN)).collect();
    let pause = Timespec::try_from(SCAN_INTERVAL).ok();
    // After an error (a signal) the next scan comes earlier.
    let _ = poll(&mut fds, pause.as_ref());
    let now = now_ms();
    let mut known = lock(known);
    for ((pid, _), fd) in watched.iter().zip(&fds) {
        if !fd.revents().is_empty()
            && let Some((_, place)) = known.pidfds.remove(pid)
        {
            known.processes[place].ended = Some(now);
        }
    }
}

struct ProcScanner {
    lab: PathBuf,
    state: Arc<Mutex<WatcherState>>,
}

impl ProcScanner {
    fn scan(&self) {
        let Ok(entries) = fs::read_dir("/proc") else { return };
        let numbers =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        for pid in numbers {
            let is_known = lock(&self.state).pidfds.contains_key(&pid);
            if !is_known && let Some((fd, seen)) = self.identify_pico(pid) {
                let mut known = lock(&self.state);
                let place = known.processes.len();
                known.pidfds.insert(pid, (Arc::new(fd), place));
                known.processes.push(seen);
            }
        }
    }

    /// The process, if it is a pico of our lab; `None` if it ends meanwhile.
    fn identify_pico(&self, pid: u32) -> Option<(OwnedFd, WatchedProcess)> {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        // This comes first, so that foreign processes can't block the scan.
        let lab = fs::read_to_string(proc.join("root/etc/lab")).ok()?;
        if Path::new(lab.trim_end()) != self.lab {
            return None;
        }
        let words = fs::read(proc.join("cmdline")).ok()?;
        let pico = pico_from_command_line(&words)?;
        // The pidfd is opened before the rest is read. So the rest belongs to the process of this
        // pidfd, or to none.
        let fd = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
        let node = fs::read_to_string(proc.join("root/etc/hostname")).ok()?.trim_end().to_owned();
        let status = fs::read_to_string(proc.join("status")).ok()?;
        let inside = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        let stat = fs::read_to_string(proc.join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let (parent, start_time) = (*fields.get(1)?, fields.get(19)?.parse().ok()?);
        // A child of a JVM has the command line of its parent until it executes its program.
        let of_parent = fs::read(format!("/proc/{parent}/cmdline")).unwrap_or_default();
        if pico_from_command_line(&of_parent).as_ref() == Some(&pico) {
            return None;
        }
        Some((
            fd,
            WatchedProcess {
                pico,
                node,
                pid: inside.split_ascii_whitespace().last()?.parse().ok()?,
                start_time,
                began: ticks_to_ms(start_time),
                ended: None,
            },
        ))
    }
}

/// The pico of this command line. Its name is the last argument of one of the product's main
/// classes.
fn pico_from_command_line(words: &[u8]) -> Option<String> {
    let words: Vec<&[u8]> = words.strip_suffix(b"\0")?.split(|byte| *byte == 0).collect();
    let [.., class, name] = words.as_slice() else { return None };
    let main_class = class.ends_with(b".PicoStart") || class.ends_with(b".CodeServerMain");
    let of_home = words.iter().any(|word| word.starts_with(b"-Dmz.home="));
    (main_class && of_home).then(|| String::from_utf8_lossy(name).into_owned())
}

/// Converts clock ticks since boot to milliseconds since 1970.
fn ticks_to_ms(ticks: u64) -> u64 {
    let up = clock_gettime(ClockId::Boottime);
    let up = u64::try_from(up.tv_sec).unwrap_or(0) * 1000
        + u64::try_from(up.tv_nsec).unwrap_or(0) / 1_000_000;
    let age = up.saturating_sub(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1));
    now_ms().saturating_sub(age)
}

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn lock(known: &Mutex<WatcherState>) -> MutexGuard<'_, WatcherState> {
    // Each entry is complete at any time.
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pico_is_identified_by_main_class_home_and_last_argument() {
        let line = |words: &[&str]| {
            words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect::<Vec<u8>>()
        };
        let pico = ["java", "-Dmz.home=/opt/mz", "com.digitalroute.picostart.PicoStart", "ec1"];
        assert_eq!(pico_from_command_line(&line(&pico)).as_deref(), Some("ec1"));
        let mzsh =
            ["java", "-Dmz.home=/opt/mz", "com.digitalroute.picostart.cmdline.CommandLine", "ec1"];
        assert_eq!(pico_from_command_line(&line(&mzsh)), None);
        assert_eq!(pico_from_command_line(b""), None);
        assert_eq!(pico_from_command_line(&line(&["sleep", "1"])), None);
    }
}
