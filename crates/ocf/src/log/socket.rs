//! The local sockets of the journal and of syslog. Both take datagrams without blocking: a journal
//! that does not read loses a line but does not block the action.

use crate::Invocation;
use std::fmt::Write as _;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// The journal takes datagrams in its own format here.
pub(super) const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

pub(super) const SYSLOG_SOCKET: &str = "/dev/log";

/// Maximum bytes of a message: enough for a line, and below the limit of every syslog.
const MAX_MESSAGE_BYTES: usize = 4000;

/// The numbers of syslog(3). An unknown name maps to `daemon`, Pacemaker's default.
pub(super) fn facility_number(name: &str) -> u8 {
    const NAMES: [&str; 12] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp",
    ];
    let local =
        || name.strip_prefix("local")?.parse::<u8>().ok().filter(|n| *n < 8).map(|n| 16 + n);
    let known = NAMES.iter().zip(0..).find(|(known, _)| **known == name);
    known.map(|(_, number)| number).or_else(local).unwrap_or(3)
}

/// The journal, with fields such that `journalctl OCF_RESOURCE_INSTANCE=...` finds a resource's
/// lines.
pub(super) struct Journal {
    socket: Socket,
    /// The fields that every message shares.
    fields: String,
}

impl Journal {
    pub(super) fn new(path: &str, facility: u8, name: &str, call: &Invocation) -> Self {
        let mut fields = String::new();
        let mut field = |name: &str, value: &str| {
            // `Invocation` removes line ends from these values.
            let _ = writeln!(fields, "{name}={value}");
        };
        field("SYSLOG_FACILITY", &facility.to_string());
        field("SYSLOG_IDENTIFIER", name);
        field("SYSLOG_PID", &std::process::id().to_string());
        field("OCF_RESOURCE_INSTANCE", call.instance());
        field("OCF_RESOURCE_TYPE", call.resource_type());
        field("OCF_RESOURCE_PROVIDER", call.provider().unwrap_or_default());
        field("OCF_ACTION", call.action().name());
        Self { socket: Socket::new(path), fields }
    }

    /// `text` is one line of ASCII.
    pub(super) fn send(&self, severity: u8, text: &str) -> io::Result<()> {
        let text = &text[..text.len().min(MAX_MESSAGE_BYTES)];
        self.socket.send(&format!("MESSAGE={text}\nPRIORITY={severity}\n{}", self.fields))
    }
}

/// Syslog. It stamps the message itself, because it runs on the same machine.
pub(super) struct Syslog {
    socket: Socket,
    facility: u8,
    tag: String,
}

impl Syslog {
    pub(super) fn new(path: &str, facility: u8, tag: &str) -> Self {
        Self { socket: Socket::new(path), facility, tag: tag.to_owned() }
    }

    /// `text` is one line of ASCII.
    pub(super) fn send(&self, severity: u8, text: &str) -> io::Result<()> {
        let text = &text[..text.len().min(MAX_MESSAGE_BYTES)];
        self.socket.send(&format!("<{}>{}: {text}", self.facility * 8 + severity, self.tag))
    }
}

/// A destination of datagrams. The socket is open only for one datagram, like a log file for one
/// line.
struct Socket {
    path: PathBuf,
    /// A send failed; no further attempt follows.
    failed: AtomicBool,
}

impl Socket {
    fn new(path: &str) -> Self {
        Self { path: path.into(), failed: AtomicBool::new(false) }
    }

    fn send(&self, message: &str) -> io::Result<()> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        if let Err(e) = socket.connect(&self.path) {
            self.failed.store(true, Ordering::Relaxed);
            return Err(e);
        }
        socket.send(message.as_bytes()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::facility_number;

    #[test]
    fn facility_number_is_that_of_syslog() {
        let known = [("daemon", 3), ("user", 1), ("authpriv", 10), ("local0", 16), ("local7", 23)];
        for (name, number) in known.into_iter().chain([("local8", 3), ("whatever", 3)]) {
            assert_eq!(facility_number(name), number, "{name}");
        }
    }
}
