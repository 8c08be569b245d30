//! The trace of one action: each event of each level as a line of JSON.
//!
//! `crm resource trace` sets `trace_ra` (and `trace_dir`), on which shell agents call `set -x`.
//! `crm report` collects the directory. An agent that declares [`PARAMETERS`] supports the same. It
//! must declare them, because tools check parameters against the metadata.
//!
//! A trace goes to `trace_file` if that is set, otherwise to
//! `<trace_dir>/<type>/<instance>.<action>.<time>`. The file is readable only for root, is never a
//! symbolic link, and ends at [`MAX_BYTES`] bytes. An action without a writable trace continues
//! without it.

use super::destination::O_NONBLOCK;
use super::event::{FieldValue, LogLine};
use super::files::{Append, LogFileState, LogFiles};
use super::timestamp;
use crate::stderr::write_stderr;
use crate::{Invocation, Parameter, ParameterValues, exit_reason, instance_name, json};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// Enables the trace.
pub const TRACE_RA: Parameter = Parameter::boolean("trace_ra").default_to("no").reloadable().describe(
    "Trace the agent",
    "Write a trace of each action, one JSON object a line. \"crm resource trace\" sets this. Default: no.",
);

/// The directory of traces.
pub const TRACE_DIR: Parameter =
    Parameter::text("trace_dir").default_to("/var/lib/heartbeat/trace_ra").reloadable().describe(
        "Directory of traces",
        "Traces are written to <trace_dir>/<type>/<resource>.<action>.<time>, where \"crm report\" finds them. Default: \
         /var/lib/heartbeat/trace_ra.",
    );

/// The file of all traces; it overrides [`TRACE_DIR`].
pub const TRACE_FILE: Parameter = Parameter::text("trace_file").reloadable().describe(
    "File of traces",
    "Append all traces to this file. Without it, each action writes a new file in trace_dir. Default: none.",
);

/// All three, for an agent's parameter table.
pub const PARAMETERS: [Parameter; 3] = [TRACE_RA, TRACE_DIR, TRACE_FILE];

/// Maximum bytes of one trace.
pub const MAX_BYTES: usize = 1 << 20;

/// Maximum bytes of the instance in the name of a trace. A file name has at most 255 bytes, and
/// action, time and pid follow.
const MAX_NAME_BYTES: usize = 200;

/// From `open(2)`.
#[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
const O_NOFOLLOW: i32 = 0o100_000;
/// From `open(2)`.
#[cfg(not(any(target_arch = "aarch64", target_arch = "arm")))]
const O_NOFOLLOW: i32 = 0o400_000;

pub(super) struct Trace {
    started: Instant,
    target: TraceTarget,
    /// `None` if the trace is full.
    remaining_bytes: Option<usize>,
}

enum TraceTarget {
    File { place: TracePath, files: &'static dyn LogFiles, state: LogFileState },
    Stderr(String),
}

#[derive(Clone)]
enum TracePath {
    /// Append to this file.
    File(PathBuf),
    /// Create a new file below the directory.
    NewIn { dir: PathBuf, name: String },
}

impl Trace {
    pub(super) fn from_invocation(call: &Invocation, files: &'static dyn LogFiles) -> Option<Self> {
        let values = call.values();
        if !call.logging.trace && values.boolean(&TRACE_RA) != Ok(Some(true)) {
            return None;
        }
        let given = text_value(values, &TRACE_FILE).or_else(|| call.logging.trace_file.clone());
        let to = |place| TraceTarget::File { place, files, state: LogFileState::Unopened };
        let target = match given {
            // `crm_resource --force-*` passes this path. It is a symbolic link, which the open
            // below would refuse.
            Some(path) if path == "/dev/stderr" => {
                TraceTarget::Stderr(call.reason_prefix().to_owned())
            }
            Some(path) => to(TracePath::File(path.into())),
            None => {
                let dir = text_value(values, &TRACE_DIR)?;
                let part = |text: &str| instance_name::instance_file_name(text, MAX_NAME_BYTES);
                to(TracePath::NewIn {
                    dir: Path::new(&dir).join(part(call.resource_type())),
                    name: format!("{}.{}", part(call.instance()), call.action().name()),
                })
            }
        };
        Some(Self { started: call.deadline().started(), target, remaining_bytes: Some(MAX_BYTES) })
    }

    pub(super) fn write(&mut self, line: &LogLine) {
        let Some(left) = self.remaining_bytes else { return };
        let now = SystemTime::now();
        let mut text = self.to_json(line, now);
        self.remaining_bytes = left.checked_sub(text.len());
        if self.remaining_bytes.is_none() {
            "{\"message\":\"the trace ends here: it is full\"}\n".clone_into(&mut text);
        }
        match &mut self.target {
            TraceTarget::File { place, files, state } => {
                state.write(*files, place.path(), || appending(place.clone(), now), &text);
            }
            TraceTarget::Stderr(prefix) => {
                write_stderr(&(exit_reason::sanitise(&text, prefix) + "\n"));
            }
        }
    }

    pub(super) fn finish(&mut self, until: Instant) {
        if let TraceTarget::File { state, .. } = &mut self.target {
            state.finish(until);
        }
    }

    fn to_json(&self, line: &LogLine, now: SystemTime) -> String {
        let mut text = format!(
            "{{\"time\":\"{}\",\"ms\":{},\"level\":\"{}\",\"message\":",
            timestamp::format_utc(now),
            self.started.elapsed().as_millis(),
            line.level
        );
        json::push_string(&line.message, &mut text);
        for (name, value) in &line.fields {
            text.push(',');
            json::push_string(name, &mut text);
            text.push(':');
            match value {
                FieldValue::Literal(value) => text.push_str(value),
                FieldValue::Text(value) => json::push_string(value, &mut text),
            }
        }
        text + "}\n"
    }
}

fn text_value(values: &ParameterValues, parameter: &Parameter) -> Option<OsString> {
    values.text(parameter).ok().flatten().map(OsString::from)
}

impl TracePath {
    /// The path that identifies the writer; traces with the same path share it.
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::NewIn { dir: path, .. } => path,
        }
    }
}

/// Opens the trace with its first line and keeps it open.
fn appending(place: TracePath, now: SystemTime) -> Append {
    let pid = std::process::id();
    let mut opened: Option<File> = None;
    Box::new(move |lines| {
        let file = match &mut opened {
            Some(file) => file,
            None => opened.insert(open_trace(&place, now, pid)?),
        };
        let _ = file.write_all(lines);
        Ok(())
    })
}

fn open_trace(place: &TracePath, now: SystemTime, pid: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(O_NOFOLLOW | O_NONBLOCK);
    match place {
        TracePath::File(path) => options.append(true).create(true).open(path),
        TracePath::NewIn { dir, name } => {
            fs::create_dir_all(dir)?;
            let name = format!("{name}.{}", timestamp::format_for_file_name(now));
            options.append(true).create_new(true);
            // Two monitors of different depth may start in the same second.
            options
                .open(dir.join(&name))
                .or_else(|_| options.open(dir.join(format!("{name}.{pid}"))))
        }
    }
}
