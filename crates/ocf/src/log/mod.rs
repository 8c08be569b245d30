//! Log lines in the format of the shell agents, and the trace of `crm resource trace`.
//!
//! An event of `tracing` becomes `LEVEL: message key=value` with the tag `type(instance)[pid]`. The
//! cluster's own variables choose the destination, as for the shell agents:
//!
//! - stderr is a terminal: stderr and nothing else;
//! - `HA_LOGFACILITY`: the journal, or syslog if there is no journal;
//! - `HA_LOGFILE` (and `HA_DEBUGLOG`): a line at the end of that file;
//! - none of these: stderr, but never for monitor and validate-all, because Pacemaker or pcs show
//!   their stderr.
//!
//! `HA_debug` above 0 enables debug lines. The trace is independent of all this and gets every
//! event.
//!
//! A log line must not block or fail an action. Sockets are non-blocking, and [`LogFiles`] writes
//! files and the trace. Nothing is opened before the first line, and no error reaches the caller.
//! An action ends with the exit reason, then the last lines of log and trace. The files then have
//! [`WRITTEN_WITHIN`] to write them. Spans are ignored: an agent does one thing.

mod destination;
mod event;
pub(crate) mod files;
mod socket;
mod timestamp;
pub mod trace;

use crate::{Action, ExitCode, Invocation, exit_reason};
use destination::Destinations;
use event::LogLine;
use files::LogFiles;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use trace::Trace;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The maximum wait for the files at the end of an action.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

/// The part of the operation's timeout that must remain after that wait.
const LEFT_FOR_EXIT: Duration = Duration::from_millis(500);

/// The target of the event that repeats the exit reason.
const REASON: &str = "ocf::exit_reason";

/// Installs this call's log as the subscriber of the process; the first call wins.
/// [`run`](crate::run()) calls it. Another program that acts as an agent calls it itself.
pub fn install_subscriber(call: &Invocation, files: &'static dyn LogFiles) {
    let _ = tracing::subscriber::set_global_default(LogSubscriber::new(call, files));
}

/// Call after the last line: waits for the files.
pub(crate) fn finish(call: &Invocation) {
    let until = call.deadline().with_reserve(LEFT_FOR_EXIT).instant_within(WRITTEN_WITHIN);
    tracing::dispatcher::get_default(|log| {
        if let Some(log) = log.downcast_ref::<LogSubscriber>() {
            log.finish(until);
        }
    });
}

/// The first line of a trace: the input of the action.
pub(crate) fn log_action_start(call: &Invocation) {
    tracing::debug!(
        action = call.action().name(),
        level = call.check_level(),
        probe = call.is_probe(),
        timeout_s = call.deadline().timeout().as_secs_f64(),
        node = call.node(),
        "begins"
    );
    if tracing::enabled!(Level::TRACE) {
        for (name, value) in call.values().iter() {
            // crm_report masks these parameters by their name.
            let value =
                if name.contains("passw") { "******".into() } else { value.to_string_lossy() };
            tracing::trace!(name, value = &*value, "parameter");
        }
    }
}

/// Logs the exit reason. "Not running" is no error for a caller that expects it.
pub(crate) fn log_exit_reason(call: &Invocation, code: ExitCode, reason: &str) {
    let action = call.action().name();
    match code {
        ExitCode::NotRunning if call.expects_not_running() => {
            tracing::info!(target: REASON, "{action}: {reason}");
        }
        ExitCode::Degraded => tracing::warn!(target: REASON, "{action}: {reason}"),
        _ => tracing::error!(target: REASON, "{action}: {reason}"),
    }
}

/// The last line of a trace: the result of the action.
pub(crate) fn log_action_end(call: &Invocation, code: ExitCode, reason: Option<&str>) {
    tracing::debug!(
        action = call.action().name(),
        exit_code = code.number(),
        reason,
        seconds = call.deadline().elapsed().as_secs_f64(),
        "ends"
    );
}

struct LogSubscriber {
    max_level: LevelFilter,
    prefix: String,
    destinations: Destinations,
    trace: Option<Mutex<Trace>>,
}

impl LogSubscriber {
    fn new(call: &Invocation, files: &'static dyn LogFiles) -> Self {
        let (destinations, trace) =
            (Destinations::from_invocation(call, files), Trace::from_invocation(call, files));
        let most = match (&trace, call.logging.debug) {
            (Some(_), _) => LevelFilter::TRACE,
            (None, true) => LevelFilter::DEBUG,
            (None, false) => LevelFilter::INFO,
        };
        Self {
            max_level: most,
            prefix: call.reason_prefix().to_owned(),
            destinations,
            trace: trace.map(Mutex::new),
        }
    }

    fn finish(&self, until: Instant) {
        self.destinations.finish(until);
        if let Some(trace) = &self.trace {
            trace.lock().unwrap_or_else(PoisonError::into_inner).finish(until);
        }
    }
}

impl Subscriber for LogSubscriber {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= &self.max_level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.max_level)
    }

    fn event(&self, event: &Event<'_>) {
        let line = LogLine::from_event(event);
        if let Some(trace) = &self.trace {
            trace.lock().unwrap_or_else(PoisonError::into_inner).write(&line);
        }
        self.destinations.write(&line, &exit_reason::sanitise(&line.text(), &self.prefix));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// True if stderr may get log lines when no variable names a destination.
fn may_log_to_stderr(action: Action) -> bool {
    !matches!(action, Action::Monitor | Action::ValidateAll | Action::Status | Action::Explain)
}
