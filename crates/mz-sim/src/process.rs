//! Other processes, read from /proc.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// The poll interval for a process without a pidfd.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Field 22 of `/proc/PID/stat`; `None` if the process is gone or a zombie.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses that may itself contain spaces and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

pub(crate) fn node_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim_end().to_owned()
}

/// True if the process is any pico of the installation at `home`.
pub(crate) fn is_pico_of(pid: u32, home: &Path) -> bool {
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let marker = format!("-Dmz.home={}", home.display());
    let mut of_home = false;
    let mut is_pico = false;
    for arg in line.split(|byte| *byte == 0) {
        of_home |= arg == marker.as_bytes();
        is_pico |= arg.ends_with(b"PicoStart") || arg.ends_with(b"CodeServerMain");
    }
    of_home && is_pico
}

/// Waits for the end of the process; false if it still lives after `limit`.
pub(crate) fn wait_for_end(pid: u32, limit: Duration) -> bool {
    let Some(handle) = open_pidfd(pid) else {
        let (begun, deadline) = (start_time(pid), Instant::now() + limit);
        while begun.is_some() && start_time(pid) == begun {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(POLL_INTERVAL);
        }
        return true;
    };
    let mut fds = [PollFd::new(&handle, PollFlags::IN)];
    let limit = Timespec::try_from(limit).ok();
    poll(&mut fds, limit.as_ref()).is_ok_and(|ready| ready > 0)
}

/// Sends SIGKILL to a pico of the installation at `home`. It never signals another process.
pub(crate) fn kill_pico(pid: u32, home: &Path) -> Result<(), Errno> {
    let handle = open_pidfd(pid);
    if !is_pico_of(pid, home) {
        return Err(Errno::SRCH);
    }
    match handle {
        Some(handle) => pidfd_send_signal(&handle, Signal::KILL),
        None => kill_process(to_pid(pid).ok_or(Errno::SRCH)?, Signal::KILL),
    }
}

fn to_pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// A pidfd, which can be polled for the end of the process. `None` also on a kernel without
/// `pidfd_open`.
pub(crate) fn open_pidfd(pid: u32) -> Option<rustix::fd::OwnedFd> {
    pidfd_open(to_pid(pid)?, PidfdFlags::empty()).ok()
}
