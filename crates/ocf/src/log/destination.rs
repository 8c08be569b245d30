//! The destinations of log lines.

use super::event::LogLine;
use super::files::{Append, LogFileState, LogFiles};
use super::socket::{self, Journal, Syslog};
use super::{may_log_to_stderr, timestamp};
use crate::Invocation;
use crate::stderr::write_stderr;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// From `open(2)`; x86-64, Arm and RISC-V share the number.
pub(super) const O_NONBLOCK: i32 = 0o4000;

/// The process has no free descriptor. From `errno(3)`; every Linux architecture shares the number.
const EMFILE: i32 = 24;

pub(super) struct Destinations {
    debug: bool,
    stderr: bool,
    tag: String,
    system: Option<SystemLog>,
    file: Option<Place>,
    debug_file: Option<Place>,
}

/// The journal, with syslog as the fallback.
struct SystemLog {
    journal: Journal,
    syslog: Syslog,
}

impl Destinations {
    pub(super) fn from_invocation(call: &Invocation, files: &'static dyn LogFiles) -> Self {
        Self::with_sockets(
            call,
            files,
            io::stderr().is_terminal(),
            socket::JOURNAL_SOCKET,
            socket::SYSLOG_SOCKET,
        )
    }

    /// Takes two external facts as arguments: whether stderr is a terminal, and the paths of the
    /// two sockets.
    pub(super) fn with_sockets(
        call: &Invocation,
        files: &'static dyn LogFiles,
        terminal: bool,
        journal: &str,
        syslog: &str,
    ) -> Self {
        let logging = &call.logging;
        let name = format!("{}({})", call.resource_type(), call.instance());
        let tag = format!("{name}[{}]", std::process::id());
        let none = Self {
            debug: logging.debug,
            stderr: true,
            tag,
            system: None,
            file: None,
            debug_file: None,
        };
        if terminal {
            return none;
        }
        let system = logging.facility.as_deref().map(|facility| {
            let facility = socket::facility_number(facility);
            SystemLog {
                journal: Journal::new(journal, facility, &name, call),
                syslog: Syslog::new(syslog, facility, &none.tag),
            }
        });
        let of = |path: &OsString| Place {
            path: path.clone(),
            files,
            state: Mutex::new(LogFileState::Unopened),
        };
        let file = logging.file.as_ref().map(of);
        let debug_file =
            logging.debug_file.as_ref().filter(|&p| Some(p) != logging.file.as_ref()).map(of);
        let named = system.is_some() || file.is_some() || debug_file.is_some();
        Self {
            stderr: !named && may_log_to_stderr(call.action()),
            system,
            file,
            debug_file,
            ..none
        }
    }

    /// `text` is one line.
    pub(super) fn write(&self, line: &LogLine, text: &str) {
        if line.is_debug() && !self.debug {
            return;
        }
        let text = format!("{}: {text}", line.level_name());
        if self.stderr && !line.is_reason {
            write_stderr(&format!("{text}\n"));
        }
        if let Some(system) = &self.system {
            let severity = line.severity();
            if system.journal.send(severity, &text).is_err() {
                let _ = system.syslog.send(severity, &text);
            }
        }
        // A separate debug file keeps debug lines out of the common file.
        let common = self.file.as_ref().filter(|_| !line.is_debug() || self.debug_file.is_none());
        for place in [common, self.debug_file.as_ref()].into_iter().flatten() {
            place.append(&self.tag, &text);
        }
    }

    /// Waits until the files have all lines, at most until `until`.
    pub(super) fn finish(&self, until: Instant) {
        for place in [&self.file, &self.debug_file].into_iter().flatten() {
            place.state.lock().unwrap_or_else(PoisonError::into_inner).finish(until);
        }
    }
}

/// A file that Pacemaker and its other agents also write to. Each line is appended at once. The
/// file is open only for that line, because somebody may rotate it in between.
struct Place {
    path: OsString,
    files: &'static dyn LogFiles,
    state: Mutex<LogFileState>,
}

impl Place {
    /// `text` is one line.
    fn append(&self, tag: &str, text: &str) {
        let seconds =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let line = format!("{seconds} {tag}:    {text}\n");
        let append = || appending(self.path.clone(), self.files);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.write(self.files, Path::new(&self.path), append, &line);
    }
}

/// Appends lines that start with their time in seconds. It writes that time as the shell agents do:
/// local, without a year.
fn appending(path: OsString, files: &'static dyn LogFiles) -> Append {
    Box::new(move |lines| {
        let mut dated = Vec::with_capacity(2 * lines.len());
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let end = line.iter().position(|&byte| byte == b' ').unwrap_or_default();
            let (seconds, text) = line.split_at(end);
            let seconds =
                std::str::from_utf8(seconds).ok().and_then(|s| s.parse().ok()).unwrap_or_default();
            let offset = files.offset(UNIX_EPOCH + Duration::from_secs(seconds));
            dated.extend_from_slice(timestamp::for_line(seconds, offset).as_bytes());
            dated.push(b' ');
            dated.extend_from_slice(text);
        }
        match open_append(&path) {
            Ok(mut file) => {
                let _ = file.write(&dated);
                Ok(())
            }
            // A descriptor may be free for the next line.
            Err(e) if e.raw_os_error() == Some(EMFILE) => Ok(()),
            Err(e) => Err(e),
        }
    })
}

fn open_append(path: &OsStr) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(O_NONBLOCK).open(path)
}

#[cfg(test)]
mod tests {
    use super::super::files::InProcess;
    use super::*;
    use crate::{Action, Definition};
    use std::os::unix::net::UnixDatagram;
    use tracing::Level;

    const DEFINITION: Definition = Definition {
        name: "thing",
        version: "1",
        shortdesc: "t",
        longdesc: "t",
        parameters: &[],
        operations: &[],
    };

    fn destinations(terminal: bool, variables: &[(&str, &str)], dir: &Path) -> Destinations {
        let variables = variables.iter().map(|&(name, value)| (name.into(), value.into()));
        let call = Invocation::new(&DEFINITION, Action::Start, variables);
        let path = |name| dir.join(name).to_str().unwrap().to_owned();
        Destinations::with_sockets(&call, &InProcess, terminal, &path("journal"), &path("syslog"))
    }

    fn listen(path: &Path) -> UnixDatagram {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    fn received(socket: &UnixDatagram) -> Option<String> {
        let mut buffer = [0; 8192];
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    const WARNING: LogLine = LogLine {
        level: Level::WARN,
        is_reason: false,
        message: String::new(),
        fields: Vec::new(),
    };

    const VARIABLES: &[(&str, &str)] = &[
        ("HA_LOGFACILITY", "local3"),
        ("OCF_RESOURCE_INSTANCE", "db\nPRIORITY=0"),
        ("OCF_RESOURCE_PROVIDER", "acme"),
    ];

    #[test]
    fn log_line_goes_to_journal_with_fields_and_not_to_syslog() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, syslog) =
            (listen(&dir.path().join("journal")), listen(&dir.path().join("syslog")));
        destinations(false, VARIABLES, dir.path()).write(&WARNING, "it is odd");
        let pid = std::process::id();
        assert_eq!(
            received(&journal).unwrap(),
            format!(
                "MESSAGE=WARNING: it is odd\nPRIORITY=4\nSYSLOG_FACILITY=19\n\
                 SYSLOG_IDENTIFIER=thing(db%0APRIORITY=0)\nSYSLOG_PID={pid}\n\
                 OCF_RESOURCE_INSTANCE=db%0APRIORITY=0\nOCF_RESOURCE_TYPE=thing\nOCF_RESOURCE_PROVIDER=acme\n\
                 OCF_ACTION=start\n"
            )
        );
        assert_eq!(received(&syslog), None);
    }

    #[test]
    fn log_line_goes_to_syslog_with_tag_without_journal() {
        let dir = tempfile::tempdir().unwrap();
        let syslog = listen(&dir.path().join("syslog"));
        destinations(false, VARIABLES, dir.path()).write(&WARNING, "it is odd");
        let pid = std::process::id();
        assert_eq!(
            received(&syslog).unwrap(),
            format!("<156>thing(db%0APRIORITY=0)[{pid}]: WARNING: it is odd")
        );
    }

    #[test]
    fn log_line_goes_to_no_socket_on_terminal_or_without_facility() {
        let dir = tempfile::tempdir().unwrap();
        let journal = listen(&dir.path().join("journal"));
        assert!(destinations(true, VARIABLES, dir.path()).system.is_none());
        for facility in ["none", ""] {
            destinations(false, &[("HA_LOGFACILITY", facility)], dir.path())
                .write(&WARNING, "it is odd");
        }
        assert_eq!(received(&journal), None);
    }

    #[test]
    fn log_line_is_dropped_without_blocking_when_journal_is_full() {
        let dir = tempfile::tempdir().unwrap();
        let journal = listen(&dir.path().join("journal"));
        let destinations = destinations(false, VARIABLES, dir.path());
        let (done, ends) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            (0..5000).for_each(|_| destinations.write(&WARNING, "it is odd"));
            done.send(())
        });
        // No reader drains the socket yet, so a blocking write would never return.
        assert_eq!(ends.recv_timeout(Duration::from_secs(20)), Ok(()));
        assert!(std::iter::from_fn(|| received(&journal)).count() < 5000);
    }
}
