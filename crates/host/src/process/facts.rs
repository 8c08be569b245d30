//! What else /proc tells of a process. Each of these answers `None` for a process that is gone.

use super::{Pid, Stat, State, stat::is_gone};
use crate::files::{read_capped, read_small};
use crate::helper;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, io};

/// Longest command line or environment that is read, in bytes. The kernel's own limit for both together is a
/// quarter of the stack limit (2 MiB by default).
const LONGEST: usize = (2 << 20) - 1;

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if is_gone(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The arguments in the content of `/proc/PID/cmdline`, or the variables in that of `/proc/PID/environ`.
#[must_use]
pub fn arguments(bytes: &[u8]) -> Vec<OsString> {
    let mut parts: Vec<OsString> =
        bytes.split(|&b| b == 0).map(|part| OsString::from_vec(part.to_vec())).collect();
    // The last one is ended by a NUL, too.
    if parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    parts
}

/// The process for people: `pid 4711 (java)`.
#[must_use]
pub fn in_words(pid: Pid) -> String {
    match Stat::read(pid) {
        Ok(Some(stat)) => format!("pid {pid} ({})", String::from_utf8_lossy(&stat.comm)),
        _ => format!("pid {pid}"),
    }
}

/// Its arguments. Empty for kernel threads, zombies, and a process whose main thread has ended. May hang: see
/// [`command_lines`](super::command_lines()).
///
/// # Errors
/// No permission (a foreign user namespace).
pub fn command_line(pid: Pid) -> io::Result<Option<Vec<OsString>>> {
    Ok(command_line_bytes(pid)?.map(|bytes| arguments(&bytes)))
}

/// The same as the kernel gives it, each argument ended by a NUL.
pub(super) fn command_line_bytes(pid: Pid) -> io::Result<Option<Vec<u8>>> {
    unless_gone(read_capped(format!("/proc/{pid}/cmdline"), LONGEST))
}

/// Its environment as it was at exec, `NAME=value` each; read by a helper, for it can hang as the command line can.
///
/// # Errors
/// No permission: it is another user's, or not dumpable. Or it hangs.
pub fn environment(pid: Pid, until: Instant) -> io::Result<Option<Vec<OsString>>> {
    // A first byte tells whether there was one.
    let said =
        helper::ask(until, || match unless_gone(read_capped(format!("/proc/{pid}/environ"), LONGEST)) {
            Ok(Some(bytes)) => [b"+".as_slice(), &bytes].concat(),
            Ok(None) => b"-".to_vec(),
            Err(e) => e.to_string().into_bytes(),
        });
    match said.map_err(io::Error::other)?.split_first() {
        Some((b'+', bytes)) => Ok(Some(arguments(bytes))),
        Some((b'-', [])) => Ok(None),
        other => Err(io::Error::other(format!("/proc/{pid}/environ: {other:?}"))),
    }
}

/// Its effective user: the owner of `/proc/PID` (for the directory itself the kernel never answers root instead,
/// as it does for the files in it of a process that is not dumpable).
///
/// # Errors
/// /proc can't be read.
pub fn owner(pid: Pid) -> io::Result<Option<u32>> {
    Ok(unless_gone(fs::metadata(format!("/proc/{pid}")))?.map(|m| m.uid()))
}

/// Is any of its threads in this state? False where that can't be told.
#[must_use]
pub fn any_thread_is(pid: Pid, state: State) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.filter_map(Result::ok).any(|thread| {
        let stat = read_small(thread.path().join("stat")).ok().and_then(|line| Stat::parse(&line).ok());
        stat.is_some_and(|stat| stat.state == state)
    })
}

/// Where `/proc/PID/exe` points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExeLink(pub PathBuf);

impl ExeLink {
    /// Is that the file name of the program?
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.0.file_name().is_some_and(|file| file == name)
    }
}

/// The link to its program, without the " (deleted)" that the kernel adds when the file was replaced under the process, as an
/// update of the JDK does. It is read, not followed: no file system is touched.
///
/// # Errors
/// No permission.
pub fn executable(pid: Pid) -> io::Result<Option<ExeLink>> {
    let link = unless_gone(fs::read_link(format!("/proc/{pid}/exe")))?;
    Ok(link.map(|link| {
        let bytes = link.as_os_str().as_bytes();
        ExeLink(OsStr::from_bytes(bytes.strip_suffix(b" (deleted)").unwrap_or(bytes)).into())
    }))
}

/// Its pid namespace, in the kernel's words (`pid:[4026531836]`).
///
/// # Errors
/// No permission.
pub fn pid_namespace(pid: Pid) -> io::Result<Option<PathBuf>> {
    unless_gone(fs::read_link(format!("/proc/{pid}/ns/pid")))
}

/// The kernel's random name for this boot.
///
/// # Errors
/// /proc can't be read.
pub fn boot_id() -> io::Result<String> {
    let bytes = read_small("/proc/sys/kernel/random/boot_id")?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// The kernel's boot clock, which nobody sets, and which goes on while the machine is suspended.
#[must_use]
pub fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// How long the process has lived, by the kernel's boot clock.
#[must_use]
pub fn uptime(id: super::ProcessId) -> Duration {
    let now = since_boot();
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let start = Duration::from_millis(id.start.saturating_mul(1000) / ticks);
    now.saturating_sub(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn arguments_environment_and_age_of_a_child_are_what_it_was_given() {
        let mut child = Command::new("cat")
            .args(["-", "a b"])
            .env_clear()
            .env("MZ_HOME", "/opt/mz")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pid = Pid::new(i32::try_from(child.id()).unwrap()).unwrap();
        assert_eq!(command_line(pid).unwrap().unwrap(), ["cat", "-", "a b"]);
        assert_eq!(
            environment(pid, Instant::now() + Duration::from_secs(20)).unwrap().unwrap(),
            ["MZ_HOME=/opt/mz"]
        );
        assert_eq!(pid_namespace(pid).unwrap(), pid_namespace(Pid::own()).unwrap());
        assert_eq!(owner(pid).unwrap(), Some(rustix::process::geteuid().as_raw()));
        let id = Stat::read(pid).unwrap().unwrap().id();
        assert!(uptime(id) < Duration::from_secs(600), "{:?}", uptime(id));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(command_line(pid).unwrap(), None);
        assert_eq!(owner(pid).unwrap(), None);
    }

    #[test]
    fn boot_id_is_one_word() {
        let id = boot_id().unwrap();
        assert_eq!(id.len(), 36, "{id:?}");
    }
}
