//! What the threads of a JVM were at, kept before it is killed: the one thing that tells afterwards why it hung.
//!
//! `HotSpot` is asked as its own tools (jcmd, jstack) ask it: a file `.attach_pid<pid>` in the JVM's /tmp and a SIGQUIT have it
//! listen on the socket `.java_pid<pid>` beside it, which then answers `threaddump`. So the dump comes to us, and neither
//! storage nor the JVM's own log, which may be on it, has a part in that. All of it is done by a helper that has become
//! the JVM's user: what lies in /tmp is that user's, and root need not believe it. Anybody can lay something in /tmp first: what is not that
//! user's is not waited for, and nothing is said to a socket at which another process listens.

use crate::record;
use host::credentials::Credentials;
use host::{ProcessHandle, ProcessId, Signal, files, private_files, sleep_capped, worker};
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where dumps are kept: on this node, and for root alone.
pub(crate) const DUMP_DIRECTORY: &str = "/var/log/mediationzone-ra";

/// How many are kept of one resource.
pub(crate) const MAX_KEPT_DUMPS: usize = 10;

/// Most of a dump that is kept, in bytes: some thousand threads.
pub(crate) const MAX_DUMP_BYTES: usize = 1 << 20;

/// What the last part of the time is for.
const HANDOVER_RESERVE: Duration = Duration::from_millis(300);

/// Between two looks for the JVM's socket.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Takes a dump and keeps it; where.
///
/// # Errors
/// The JVM does not answer so, or there is no room; why.
pub(crate) fn take(jvm: &ProcessHandle, name: &str, until: Instant) -> Result<PathBuf, String> {
    let user =
        Credentials::from_process(jvm.id().pid).map_err(|e| format!("its user is unknown: {e}"))?;
    // The helper ends first, so that what has come by then is handed over.
    let last = until.checked_sub(HANDOVER_RESERVE).unwrap_or(until);
    let said = worker::run_in_child(until, || {
        let dump = user.switch_user().and_then(|()| request_dump(jvm, user.uid, last));
        // A first byte tells a dump from an excuse.
        dump.map_or_else(|e| format!("-{e}").into_bytes(), |dump| [b"+", dump.as_slice()].concat())
    });
    match said.map_err(|e| e.to_string())?.split_first() {
        Some((b'+', dump)) => store_in_child(name, jvm.id(), dump, until),
        Some((_, excuse)) => Err(String::from_utf8_lossy(excuse).into_owned()),
        None => Err("nothing came".to_owned()),
    }
}

/// The disk of the logs may hang as any other: this is for a helper, too, but for root's.
fn store_in_child(
    name: &str,
    jvm: ProcessId,
    dump: &[u8],
    until: Instant,
) -> Result<PathBuf, String> {
    let until = until.max(Instant::now() + HANDOVER_RESERVE);
    let said = worker::run_in_child(until, || match store_dump(name, jvm, dump) {
        Ok(path) => [b"+", path.as_os_str().as_bytes()].concat(),
        Err(e) => format!("-{e}").into_bytes(),
    });
    match said.map_err(|e| format!("{DUMP_DIRECTORY}: {e}"))?.split_first() {
        Some((b'+', path)) => Ok(PathBuf::from(OsStr::from_bytes(path))),
        Some((_, why)) => Err(format!("{DUMP_DIRECTORY}: {}", String::from_utf8_lossy(why))),
        None => Err(format!("{DUMP_DIRECTORY}: nothing came")),
    }
}

/// Does the process catch SIGQUIT? One that does not (a JVM with -Xrs, or one that has just begun) would die of it.
pub(crate) fn catches_sigquit(jvm: ProcessId) -> bool {
    let Ok(status) = files::read_small(format!("/proc/{}/status", jvm.pid)) else { return false };
    let status = String::from_utf8_lossy(&status);
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    // Signal 3 is bit 2.
    caught
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << 2) != 0)
}

/// For the helper: the dump, as far as it came in time.
fn request_dump(jvm: &ProcessHandle, uid: u32, until: Instant) -> io::Result<Vec<u8>> {
    let pid = jvm.id().pid;
    // Only `HotSpot` takes SIGQUIT for a question. Its memory map may hang as its command line may.
    let maps = format!("/proc/{pid}/maps");
    let maps = files::read_capped(&maps, 16 << 20).map_err(files::unreadable(&maps))?;
    if !maps.windows(10).any(|name| name == b"/libjvm.so") {
        return Err(io::Error::other("it is no HotSpot JVM"));
    }
    let tmp = PathBuf::from(format!("/proc/{pid}/root/tmp"));
    let socket = tmp.join(format!(".java_pid{pid}"));
    let listened = exists_with_owner(&socket, uid)?;
    if !listened && !catches_sigquit(jvm.id()) {
        return Err(io::Error::other("it does not take SIGQUIT"));
    }
    if !listened {
        let request = tmp.join(format!(".attach_pid{pid}"));
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&request) {
            // Of somebody who asked before and was killed. A JVM passes over a stranger's.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                exists_with_owner(&request, uid)?;
            }
            other => drop(other?),
        }
        let listens = open_attach_socket(jvm, &socket, uid, until);
        std::fs::remove_file(&request)?;
        listens?;
    }
    let stream = host::unix_socket::connect_to_process(&socket, pid, uid);
    if !listened {
        // A JVM that is killed would leave it behind. One that is asked again makes another.
        let _ = std::fs::remove_file(&socket);
    }
    read_dump(&stream?, until)
}

/// Is it there, and of the JVM's user? In /tmp nobody can replace what another has laid there first.
fn exists_with_owner(path: &Path, uid: u32) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(there) if there.uid() == uid => Ok(true),
        Ok(there) => {
            let name = path.file_name().unwrap_or_default().display();
            Err(io::Error::other(format!("user {} has laid /tmp/{name}: remove it", there.uid())))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

fn open_attach_socket(
    jvm: &ProcessHandle,
    socket: &Path,
    uid: u32,
    until: Instant,
) -> io::Result<()> {
    jvm.signal(Signal::QUIT)?;
    while !exists_with_owner(socket, uid)? {
        if Instant::now() >= until || jvm.pidfd().has_ended()? {
            return Err(io::Error::other("it does not listen to tools"));
        }
        sleep_capped(POLL_INTERVAL, until);
    }
    Ok(())
}

/// Version, command and three arguments, each ended by a NUL; back come a number (0: well), a line feed, and the dump.
fn read_dump(mut stream: &UnixStream, until: Instant) -> io::Result<Vec<u8>> {
    let limit = || Some(host::remaining(until).max(Duration::from_millis(1)));
    stream.set_write_timeout(limit())?;
    stream.write_all(b"1\0threaddump\0\0\0\0")?;
    let mut dump = Vec::new();
    let mut buffer = [0_u8; 8192];
    while dump.len() < MAX_DUMP_BYTES {
        stream.set_read_timeout(limit())?;
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => dump.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // Its end, or the end of our time: what has come is kept.
            _ => break,
        }
    }
    dump.truncate(MAX_DUMP_BYTES);
    match dump.strip_prefix(b"0\n") {
        Some(dump) if !dump.is_empty() => Ok(dump.to_vec()),
        _ => Err(io::Error::other("it did not answer its tools in time")),
    }
}

fn store_dump(name: &str, jvm: ProcessId, dump: &[u8]) -> io::Result<PathBuf> {
    private_files::create_private_directory(Path::new(DUMP_DIRECTORY), 0o700)?;
    let prefix = format!("{}.", record::file_stem(name, ".0123456789.4194304.threads".len()));
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let path = Path::new(DUMP_DIRECTORY).join(format!("{prefix}{seconds:010}.{}.threads", jvm.pid));
    private_files::remove_stale_temporaries(Path::new(DUMP_DIRECTORY));
    private_files::replace_atomically(&path, dump)?;
    let mut all: Vec<PathBuf> = std::fs::read_dir(DUMP_DIRECTORY)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|other| *other != path && is_dump_of(&prefix, other))
        .collect();
    // By name is by time: the seconds have ten digits until the year 2286.
    all.sort();
    for old in all.iter().rev().skip(MAX_KEPT_DUMPS - 1) {
        std::fs::remove_file(old)?;
    }
    Ok(path)
}

/// `PREFIX<seconds>.<pid>.threads`. The name of another resource may begin with the prefix, too.
fn is_dump_of(prefix: &str, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parts: Vec<&str> =
        name.strip_prefix(prefix).map(|rest| rest.split('.').collect()).unwrap_or_default();
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), [seconds, pid, "threads"] if number(seconds) && number(pid))
}
