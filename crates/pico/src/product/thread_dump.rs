//! What the threads of a JVM were at, kept before it is killed: the one thing that tells afterwards why it hung.
//!
//! `HotSpot` is asked as its own tools (jcmd, jstack) ask it: a file `.attach_pid<pid>` in the JVM's /tmp and a SIGQUIT have it
//! listen on the socket `.java_pid<pid>` beside it, which then answers `threaddump`. So the dump comes to us, and neither
//! storage nor the JVM's own log, which may be on it, has a part in that. All of it is done by a helper that has become
//! the JVM's user: what lies in /tmp is that user's, and root need not believe it.

use crate::record;
use host::credentials::Credentials;
use host::{ProcessHandle, ProcessId, Signal, files, helper, pause};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where dumps are kept: on this node, and for root alone.
pub(crate) const DIRECTORY: &str = "/var/log/mediationzone-ra";

/// How many are kept of one resource.
pub(crate) const KEPT: usize = 10;

/// Most of a dump that is kept, in bytes: some thousand threads.
pub(crate) const LONGEST: usize = 1 << 20;

/// Between two looks for the JVM's socket.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Takes a dump and keeps it; where.
///
/// # Errors
/// The JVM does not answer so, or there is no room; why.
pub(crate) fn take(jvm: &ProcessHandle, name: &str, until: Instant) -> Result<PathBuf, String> {
    let user = Credentials::of_process(jvm.id().pid).map_err(|e| format!("its user can't be told: {e}"))?;
    let said = helper::ask(until, || {
        let dump = user.become_them().and_then(|()| ask(jvm, until));
        // A first byte tells a dump from an excuse.
        dump.map_or_else(|e| format!("-{e}").into_bytes(), |dump| [b"+", dump.as_slice()].concat())
    });
    match said.map_err(|e| e.to_string())?.split_first() {
        Some((b'+', dump)) => keep(name, jvm.id(), dump).map_err(|e| format!("{DIRECTORY}: {e}")),
        Some((_, excuse)) => Err(String::from_utf8_lossy(excuse).into_owned()),
        None => Err("nothing came".to_owned()),
    }
}

/// For the helper: the dump, as far as it came in time.
fn ask(jvm: &ProcessHandle, until: Instant) -> io::Result<Vec<u8>> {
    let pid = jvm.id().pid;
    // Only `HotSpot` takes SIGQUIT for a question. Its memory map may hang as its command line may.
    let maps = files::read_capped(format!("/proc/{pid}/maps"), 16 << 20)?;
    if !maps.windows(10).any(|name| name == b"/libjvm.so") {
        return Err(io::Error::other("it is no HotSpot JVM"));
    }
    let tmp = PathBuf::from(format!("/proc/{pid}/root/tmp"));
    let socket = tmp.join(format!(".java_pid{pid}"));
    let listened = socket.exists();
    if !listened {
        let request = tmp.join(format!(".attach_pid{pid}"));
        std::fs::OpenOptions::new().write(true).create_new(true).open(&request)?;
        let listens = wake(jvm, &socket, until);
        std::fs::remove_file(&request)?;
        listens?;
    }
    let stream = UnixStream::connect(&socket);
    if !listened {
        // A JVM that is killed would leave it behind. One that is asked again makes another.
        let _ = std::fs::remove_file(&socket);
    }
    talk(&stream?, until)
}

fn wake(jvm: &ProcessHandle, socket: &Path, until: Instant) -> io::Result<()> {
    jvm.signal(Signal::QUIT)?;
    while !socket.exists() {
        if Instant::now() >= until || jvm.pidfd().has_ended()? {
            return Err(io::Error::other("it does not listen to tools"));
        }
        pause(LOOK_EVERY, until);
    }
    Ok(())
}

/// Version, command and three arguments, each ended by a NUL; back come a number (0: well), a line feed, and the dump.
fn talk(mut stream: &UnixStream, until: Instant) -> io::Result<Vec<u8>> {
    let limit = || Some(host::remaining(until).max(Duration::from_millis(1)));
    stream.set_write_timeout(limit())?;
    stream.write_all(b"1\0threaddump\0\0\0\0")?;
    let mut dump = Vec::new();
    let mut buffer = [0_u8; 8192];
    while dump.len() < LONGEST {
        stream.set_read_timeout(limit())?;
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => dump.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // Its end, or the end of our time: what has come is kept.
            _ => break,
        }
    }
    dump.truncate(LONGEST);
    match dump.strip_prefix(b"0\n") {
        Some(dump) if !dump.is_empty() => Ok(dump.to_vec()),
        _ => Err(io::Error::other("it did not answer its tools in time")),
    }
}

fn keep(name: &str, jvm: ProcessId, dump: &[u8]) -> io::Result<PathBuf> {
    files::own_directory(Path::new(DIRECTORY), 0o700)?;
    let prefix = format!("{}.", record::file_name(name));
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let path = Path::new(DIRECTORY).join(format!("{prefix}{seconds:010}.{}.threads", jvm.pid));
    files::replace(&path, dump)?;
    let mut all: Vec<PathBuf> = std::fs::read_dir(DIRECTORY)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "threads"))
        .filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&prefix)))
        .collect();
    // By name is by time: the seconds have ten digits until the year 2286.
    all.sort();
    for old in all.iter().rev().skip(KEPT) {
        std::fs::remove_file(old)?;
    }
    Ok(path)
}
