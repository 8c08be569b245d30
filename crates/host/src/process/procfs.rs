//! Other files of /proc about a process. Each function returns `None` for a process that is gone.

use super::{Pid, ProcessState, Stat, stat::is_no_such_process};
use crate::files::{read_capped, read_small, unreadable};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// Longest `/proc/PID/status` that is read, in bytes. A process can have 65,536 groups of up to 11 characters each, and the line of its
/// namespaces comes after them.
const MAX_STATUS_BYTES: usize = 1 << 20;

/// Of so many open files it is read where they are.
const MAX_OPEN_FILES_READ: usize = 512;

/// The directory of /proc that is asked about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcDir {
    /// The process.
    pub pid: Pid,
    /// A thread of it that is to be asked: the main thread, once it has ended, has none to give.
    pub thread: Option<Pid>,
}

impl From<Pid> for ProcDir {
    fn from(pid: Pid) -> Self {
        Self { pid, thread: None }
    }
}

impl ProcDir {
    /// A file of /proc about it.
    pub(crate) fn path_of(self, name: &str) -> String {
        let pid = self.pid;
        self.thread.map_or_else(
            || format!("/proc/{pid}/{name}"),
            |tid| format!("/proc/{pid}/task/{tid}/{name}"),
        )
    }
}

/// What `read` makes of a file about a process.
pub(crate) fn none_if_gone<T>(
    file: &str,
    read: impl FnOnce(&str) -> io::Result<T>,
) -> io::Result<Option<T>> {
    match read(file) {
        Ok(value) => Ok(Some(value)),
        Err(e) if is_no_such_process(&e) => Ok(None),
        Err(e) => Err(unreadable(file)(e)),
    }
}

/// The arguments in the content of `/proc/PID/cmdline`, or the variables in that of `/proc/PID/environ`.
#[must_use]
pub fn split_nul(bytes: &[u8]) -> Vec<OsString> {
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
pub fn describe_process(pid: Pid) -> String {
    match Stat::read(pid) {
        Ok(Some(stat)) => format!("pid {pid} ({})", String::from_utf8_lossy(&stat.comm)),
        _ => format!("pid {pid}"),
    }
}

/// The command line of one process as the kernel gives it, each argument ended by a NUL: at most so many bytes. It may hang, see
/// [`command_lines`](crate::command_lines).
pub(crate) fn command_line_bytes(source: ProcDir, longest: usize) -> io::Result<Option<Vec<u8>>> {
    none_if_gone(&source.path_of("cmdline"), |file| read_capped(file, longest))
}

/// The users of a process, and the number of its pid namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Real user.
    pub real_uid: u32,
    /// Effective user.
    pub effective_uid: u32,
    /// 1 for a process of the pid namespace that /proc is of, more for one of a namespace below it.
    pub pid_namespaces: usize,
}

/// Reads that from `/proc/PID/status`, for which no right over the process is needed.
///
/// # Errors
/// /proc can't be read or understood.
pub fn ownership(pid: Pid) -> io::Result<Option<Ownership>> {
    let Some(status) = read_status(pid)?.filter(|status| !status.is_empty()) else {
        return Ok(None);
    };
    let understood = parse_ownership(&status, || {
        read_status(Pid::own())?
            .ok_or_else(|| io::Error::other("/proc does not show the agent itself"))
    })?;
    understood
        .map(Some)
        .ok_or_else(|| io::Error::other(format!("/proc/{pid}/status not understood")))
}

fn parse_ownership(
    status: &str,
    own: impl FnOnce() -> io::Result<String>,
) -> io::Result<Option<Ownership>> {
    let namespaces = match status_numbers(status, "NSpid") {
        Some(pids) => pids.len(),
        // A kernel without the line (before 4.1) has no way to tell, and does not tell it of this process either.
        None if status_numbers(&own()?, "NSpid").is_none() => 1,
        None => return Ok(None),
    };
    Ok(match status_numbers(status, "Uid").as_deref() {
        Some(&[real, effective, ..]) => {
            Some(Ownership { real_uid: real, effective_uid: effective, pid_namespaces: namespaces })
        }
        _ => None,
    })
}

/// All of `/proc/PID/status`; empty for a process that ends while it is read.
pub(crate) fn read_status(pid: Pid) -> io::Result<Option<String>> {
    let bytes =
        none_if_gone(&format!("/proc/{pid}/status"), |file| read_capped(file, MAX_STATUS_BYTES))?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// One line of a status.
pub(crate) fn status_field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

fn status_numbers(status: &str, name: &str) -> Option<Vec<u32>> {
    Some(status_field(status, name)?.split_whitespace().filter_map(|n| n.parse().ok()).collect())
}

/// Its effective user: the owner of `/proc/PID` (for the directory itself the kernel never answers root instead,
/// as it does for the files in it of a process that is not dumpable).
///
/// # Errors
/// /proc can't be read.
pub fn effective_uid(pid: Pid) -> io::Result<Option<u32>> {
    Ok(none_if_gone(&format!("/proc/{pid}"), |file| fs::metadata(file))?.map(|m| m.uid()))
}

/// Its threads that have not ended; none where they can't be listed.
#[must_use]
pub fn live_threads(pid: Pid) -> Vec<Pid> {
    let threads =
        fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let live = threads.filter_map(|thread| {
        let stat =
            read_small(thread.path().join("stat")).ok().and_then(|line| Stat::parse(&line).ok())?;
        (stat.state != ProcessState::Zombie).then_some(stat.pid)
    });
    live.collect()
}

/// Whether any of its threads is in this state; false if unknown.
#[must_use]
pub fn any_thread_in_state(pid: Pid, state: ProcessState) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.filter_map(Result::ok).any(|thread| {
        let stat =
            read_small(thread.path().join("stat")).ok().and_then(|line| Stat::parse(&line).ok());
        stat.is_some_and(|stat| stat.state == state)
    })
}

/// Where `/proc/PID/exe` points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExeLink(pub PathBuf);

impl ExeLink {
    /// From the text of the link.
    #[must_use]
    pub fn from_link(link: &Path) -> Self {
        let bytes = link.as_os_str().as_bytes();
        Self(OsStr::from_bytes(bytes.strip_suffix(b" (deleted)").unwrap_or(bytes)).into())
    }

    /// Is that the file name of the program?
    #[must_use]
    pub fn has_file_name(&self, name: &str) -> bool {
        self.0.file_name().is_some_and(|file| file == name)
    }
}

/// What a link of /proc says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcLink {
    /// This.
    To(PathBuf),
    /// The process is gone, or has given up what the link stands for: one that ends has no program any more.
    Gone,
    /// No right over the process (`CAP_SYS_PTRACE`); or it is the program, at a path that is too long to be told.
    Denied,
}

/// Reads a link of the process: `exe`, `cwd`, `root`, `ns/mnt`. It is read, not followed: no file system is touched.
///
/// # Errors
/// /proc can't be read.
pub fn read_link(source: ProcDir, name: &str) -> io::Result<ProcLink> {
    let file = source.path_of(name);
    match fs::read_link(&file) {
        Ok(path) => Ok(ProcLink::To(path)),
        Err(e) if is_no_such_process(&e) => Ok(ProcLink::Gone),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(ProcLink::Denied),
        // The kernel tells no path of more than a page. That anybody can run such a program must cost no look at the others; of a
        // directory it stays an error, for who may not read that takes it for ours.
        Err(e) if name == "exe" && Errno::from_io_error(&e) == Some(Errno::NAMETOOLONG) => {
            Ok(ProcLink::Denied)
        }
        Err(e) => Err(unreadable(file)(e)),
    }
}

/// Where its program, its working directory and its open files are, as the kernel knows them: without links, and
/// without touching any file system. What can't be read is left out, and of many open files only some are read.
#[must_use]
pub fn paths_in_use(source: ProcDir) -> Vec<PathBuf> {
    let links = ["exe", "cwd"].map(|name| source.path_of(name));
    let files = fs::read_dir(source.path_of("fd")).into_iter().flatten();
    let files = files.take(MAX_OPEN_FILES_READ).filter_map(|entry| Some(entry.ok()?.path()));
    let paths = links
        .into_iter()
        .map(PathBuf::from)
        .chain(files)
        .filter_map(|link| fs::read_link(link).ok());
    paths.filter(|path| path.is_absolute()).collect()
}

/// The link to its program, without the " (deleted)" that the kernel adds when the file was replaced under the process, as an
/// update of the JDK does. It is read, not followed: no file system is touched.
///
/// # Errors
/// No permission.
pub fn read_exe_link(pid: Pid) -> io::Result<Option<ExeLink>> {
    Ok(none_if_gone(&format!("/proc/{pid}/exe"), |file| fs::read_link(file))?
        .map(|link| ExeLink::from_link(&link)))
}

/// The kernel's random name for this boot.
///
/// # Errors
/// /proc can't be read.
pub fn boot_id() -> io::Result<String> {
    const FILE: &str = "/proc/sys/kernel/random/boot_id";
    let bytes = read_small(FILE).map_err(unreadable(FILE))?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// The kernel's boot clock, which nobody sets, and which goes on while the machine is suspended.
#[must_use]
pub fn time_since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// How long the process has lived, by the kernel's boot clock.
#[must_use]
pub fn process_age(id: super::ProcessId) -> Duration {
    let start = Duration::from_millis(id.start.saturating_mul(1000) / ticks_per_second());
    time_since_boot().saturating_sub(start)
}

/// A time since boot in the unit of a start time, rounded down.
#[must_use]
pub fn to_clock_ticks(since_boot: Duration) -> u64 {
    let milliseconds = u64::try_from(since_boot.as_millis()).unwrap_or(u64::MAX);
    milliseconds.saturating_mul(ticks_per_second()) / 1000
}

fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    #[test]
    fn child_arguments_and_age_are_read() {
        let mut child = Command::new("cat")
            .args(["-", "a b"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pid = Pid::new(i32::try_from(child.id()).unwrap()).unwrap();
        let line = ["cat", "-", "a b"].map(OsString::from);
        let read = || command_line_bytes(pid.into(), 4096).unwrap();
        // In the middle of its exec, which spawn does not wait for the end of, it has none.
        let until = Instant::now() + Duration::from_secs(20);
        while read().is_some_and(|read| read.is_empty()) && Instant::now() < until {}
        assert_eq!(split_nul(&read().unwrap()), line);
        let own = rustix::process::geteuid().as_raw();
        assert_eq!(effective_uid(pid).unwrap(), Some(own));
        assert_eq!(
            ownership(pid).unwrap(),
            Some(Ownership { real_uid: own, effective_uid: own, pid_namespaces: 1 })
        );
        assert!(paths_in_use(pid.into()).contains(&std::env::current_dir().unwrap()));
        assert_eq!(live_threads(pid), [pid]);
        let id = Stat::read(pid).unwrap().unwrap().id();
        assert!(process_age(id) < Duration::from_secs(600), "{:?}", process_age(id));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(read(), None);
        assert_eq!(effective_uid(pid).unwrap(), None);
        assert_eq!(ownership(pid).unwrap(), None);
        assert_eq!(read_link(pid.into(), "exe").unwrap(), ProcLink::Gone);
    }

    #[test]
    fn status_without_nspid_is_accepted_only_if_the_kernel_has_none() {
        let (without, with) = ("Uid:\t1\t2\t2\t2\n", "Uid:\t1\t2\t2\t2\nNSpid:\t7\t1\n");
        let understood =
            |status, own: &str| parse_ownership(status, || Ok(own.to_owned())).unwrap();
        let is = |namespaces| {
            Some(Ownership { real_uid: 1, effective_uid: 2, pid_namespaces: namespaces })
        };
        assert_eq!((understood(with, with), understood(without, without)), (is(2), is(1)));
        assert_eq!((understood(without, with), understood("NSpid:\t7\n", with)), (None, None));
    }

    #[test]
    fn boot_id_is_one_word() {
        let id = boot_id().unwrap();
        assert_eq!(id.len(), 36, "{id:?}");
    }
}
