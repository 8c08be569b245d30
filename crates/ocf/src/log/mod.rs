//! Log lines as cluster administrators know them, and the trace that `crm resource trace` asks for.
//!
//! What agents and libraries say through `tracing` becomes `LEVEL: message key=value`, under the tag
//! `type(instance)[pid]`, where the cluster's own variables want it; that is the habit of the shell agents:
//!
//! - on a terminal: to stderr and nowhere else;
//! - with `HA_LOGFACILITY`: to the journal, or to syslog where there is no journal;
//! - with `HA_LOGFILE` (and `HA_DEBUGLOG`): a line at the end of that file;
//! - with none of these: to stderr, but never from monitor and validate-all, whose stderr Pacemaker or pcs show.
//!
//! Debug lines are written when `HA_debug` is above 0. The trace is apart from all this and gets everything.
//!
//! A log line must not hold up or fail an action: sockets are used without blocking, files and the trace are written by
//! whoever [`LogFiles`] brings, nothing is opened before there is something to write, and no error is ever passed on. At the end of
//! an action the exit reason is said first, then the log and the trace get their last lines, and then these have
//! [`WRITTEN_WITHIN`] to be written. Spans are not kept: an agent does one thing.

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

/// Longest wait at the end of an action until its lines are in the files.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

/// What must be left of the operation's timeout after that.
const LEFT_FOR_EXIT: Duration = Duration::from_millis(500);

/// The target of the event that repeats the exit reason.
const REASON: &str = "ocf::exit_reason";

/// Makes this call's log the process's; a second call keeps the first one's. [`run`](crate::run()) does it by itself: this is for
/// another program that acts as an agent does.
pub fn install_subscriber(call: &Invocation, files: &'static dyn LogFiles) {
    let _ = tracing::subscriber::set_global_default(LogSubscriber::new(call, files));
}

/// After the last line: gives the files their time.
pub(crate) fn finish(call: &Invocation) {
    let until = call.deadline().with_reserve(LEFT_FOR_EXIT).instant_within(WRITTEN_WITHIN);
    tracing::dispatcher::get_default(|log| {
        if let Some(log) = log.downcast_ref::<LogSubscriber>() {
            log.finish(until);
        }
    });
}

/// The first line of a trace: what came in.
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
            // What crm_report masks by its name must not come out here.
            let value = if name.contains("passw") { "******".into() } else { value.to_string_lossy() };
            tracing::trace!(name, value = &*value, "parameter");
        }
    }
}

/// The reason, in the log as well: who expects that nothing runs has found what it should.
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

/// The last line of a trace: what went out.
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

/// May lines go to stderr where no other place is named?
fn may_log_to_stderr(action: Action) -> bool {
    !matches!(action, Action::Monitor | Action::ValidateAll | Action::Status | Action::Explain)
}
