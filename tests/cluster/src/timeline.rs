//! The time line of a fault: events in Pacemaker's own log, combined with the watcher's
//! observations.
//!
//! Pure functions for four times, in milliseconds:
//!
//! - the *fault*, as the scenario recorded it;
//! - *noticed*: the first unexpected result, a lost node, or a change that makes the controller
//!   recompute (of the configuration, or of an attribute such as standby);
//! - *decided*: the first action that the controller then orders, possibly a fencing;
//! - *running*: each pico that the fault killed is ready again, by its own history.
//!
//! The source is `pacemaker.log` of the nodes, on one clock, in milliseconds; the logger's clock
//! advances by four. The executor measures the time of an agent's action.

use ocf::calendar::{CivilTime, MONTHS};

/// The event of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterLogEvent {
    /// A difference from the cluster's expectation, in the log's words.
    Noticed(String),
    /// The controller ordered an action (`mz-platform_start_0 on n1`), or a fencing
    /// (`reboot of n1`).
    Ordered(String),
    /// The controller got a successful result of a monitor: `mz-platform_monitor_10000`, or `_0` of
    /// a probe. It logs only the first result of a recurring monitor.
    Answered(String),
    /// An action of an agent has ended.
    Ran {
        node: String,
        resource: String,
        /// `start`, `stop` and others.
        action: String,
        /// Its duration by the executor, in milliseconds.
        took: u64,
    },
}

/// Time in milliseconds since 1970, and event.
pub type TimedClusterEvent = (u64, ClusterLogEvent);

/// The reaction to one fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaultTimeline {
    /// When the cluster noticed, and the log's text.
    pub noticed: Option<(u64, String)>,
    /// When the cluster acted, and its first action.
    pub decided: Option<(u64, String)>,
}

/// All events in the log of a node. The log has no year; a line gets the year that is nearest to
/// `near`.
#[must_use]
pub fn parse_log(log: &str, near: u64) -> Vec<TimedClusterEvent> {
    log.lines().filter_map(|line| parse_line(line, near)).collect()
}

/// The time line of a fault at `fault`; the next one is at `next`. The events are those of all
/// nodes, in any order.
#[must_use]
pub fn of_fault(moments: &[TimedClusterEvent], fault: u64, next: u64) -> FaultTimeline {
    build_timeline(moments, fault, next, |_| true, |_| true)
}

/// The same for one dead resource. The result of its own action is the noticed time, and the first
/// action on it is the decided time. So several deaths at once are distinguished.
#[must_use]
pub fn of_resource(
    moments: &[TimedClusterEvent],
    resource: &str,
    fault: u64,
    next: u64,
) -> FaultTimeline {
    let (result, action) = (format!(" operation for {resource} on "), format!("{resource}_"));
    build_timeline(
        moments,
        fault,
        next,
        |text| text.contains(&result),
        |text| text.starts_with(&action),
    )
}

fn build_timeline(
    moments: &[TimedClusterEvent],
    fault: u64,
    next: u64,
    is_news: impl Fn(&str) -> bool,
    is_answer: impl Fn(&str) -> bool,
) -> FaultTimeline {
    let after = |from: u64| moments.iter().filter(move |(time, _)| (from..next).contains(time));
    let noticed = after(fault).filter_map(|(time, told)| match told {
        ClusterLogEvent::Noticed(text) if is_news(text) => Some((*time, text.clone())),
        _ => None,
    });
    let noticed = noticed.min();
    let decided = noticed.as_ref().and_then(|(noticed, _)| {
        let orders = after(*noticed).filter_map(|(time, told)| match told {
            ClusterLogEvent::Ordered(text) if is_answer(text) => Some((*time, text.clone())),
            _ => None,
        });
        orders.min()
    });
    FaultTimeline { noticed, decided }
}

/// Duration of the starts and stops of a resource that ended in this time. It includes the
/// product's share.
#[must_use]
pub fn action_time(moments: &[TimedClusterEvent], resource: &str, from: u64, until: u64) -> u64 {
    let ran = moments.iter().filter_map(|(time, told)| match told {
        ClusterLogEvent::Ran { resource: of, action, took, .. }
            if of == resource
                && matches!(action.as_str(), "start" | "stop")
                && (from..=until).contains(time) =>
        {
            Some(took)
        }
        _ => None,
    });
    ran.sum()
}

/// The time and node of a resource's first completed start after `from`, by the executor.
#[must_use]
pub fn start_completed<'a>(
    moments: &'a [TimedClusterEvent],
    resource: &str,
    from: u64,
) -> Option<(u64, &'a str)> {
    let starts = moments.iter().filter_map(|(time, told)| match told {
        ClusterLogEvent::Ran { node, resource: of, action, .. }
            if of == resource && action == "start" =>
        {
            Some((*time, node.as_str()))
        }
        _ => None,
    });
    starts.filter(|(time, _)| *time >= from).min()
}

/// Parses `Nov 22 13:03:15.416 n1 pacemaker-controld  [87] (log_executor_event) <TAB>notice: ...`.
fn parse_line(line: &str, near: u64) -> Option<TimedClusterEvent> {
    let (head, text) = line.split_once('\t')?;
    let mut words = head.split_ascii_whitespace();
    let time = parse_time(words.next()?, words.next()?, words.next()?, near)?;
    let (node, daemon) = (words.next()?, words.next()?);
    let text = text.split_once(": ")?.1;
    let told = match daemon.split('[').next()? {
        "pacemaker-controld" => {
            parse_noticed(text).or_else(|| parse_ordered(text)).or_else(|| parse_answered(text))
        }
        "pacemaker-execd" => parse_ran(node, text),
        _ => None,
    }?;
    Some((time, told))
}

fn parse_noticed(text: &str) -> Option<ClusterLogEvent> {
    let lost = text.starts_with("Node ") && text.contains(" state is now lost");
    let changed = text.starts_with("Transition ") && text.contains(" aborted by ");
    // A probe has no unexpected result.
    let unexpected = ["monitor", "start", "stop"].iter().any(|action| {
        text.strip_prefix(&format!("Result of {action} operation for ") as &str)
            .and_then(|rest| rest.split_once(": "))
            .is_some_and(|(_, result)| {
                // Pacemaker 3.0 writes OK.
                let result = result.to_lowercase();
                !result.starts_with("ok") && !result.starts_with("cancelled")
            })
    });
    let text = text.split(" | ").next().unwrap_or(text);
    (lost || changed || unexpected).then(|| ClusterLogEvent::Noticed(text.to_owned()))
}

fn parse_ordered(text: &str) -> Option<ClusterLogEvent> {
    if let Some(fencing) = text.strip_prefix("Requesting fencing (") {
        let (how, rest) = fencing.split_once(") ")?;
        let node = rest
            .split_ascii_whitespace()
            .find(|word| !["of", "targeting", "node"].contains(word))?;
        return Some(ClusterLogEvent::Ordered(format!("{how} of {node}")));
    }
    let mut words = text.strip_prefix("Initiating ")?.split_ascii_whitespace();
    let action = words.next()?;
    if !matches!(action, "start" | "stop" | "reload" | "reload-agent" | "promote" | "demote") {
        return None;
    }
    let key = words.nth(1)?;
    let node = words.find(|word| !["locally", "on"].contains(word))?;
    Some(ClusterLogEvent::Ordered(format!("{key} on {node}")))
}

/// Parses `Result of probe operation for mz-ec1 on n3: ok | ... key=mz-ec1_monitor_0 rc=0`.
fn parse_answered(text: &str) -> Option<ClusterLogEvent> {
    let rest = text.strip_prefix("Result of ")?;
    let rest = rest.strip_prefix("probe").or_else(|| rest.strip_prefix("monitor"))?;
    // Pacemaker 3.0 writes OK.
    let is_well = rest.split_once(": ")?.1.to_lowercase().starts_with("ok");
    let key = rest.split_once(" key=")?.1.split_ascii_whitespace().next()?;
    is_well.then(|| ClusterLogEvent::Answered(key.to_owned()))
}

/// Parses `mz-platform start (call 49, PID 667) exited with status 0 (execution time 263ms)`.
fn parse_ran(node: &str, text: &str) -> Option<ClusterLogEvent> {
    let (head, rest) = text.split_once(" (call ")?;
    let (resource, action) = head.rsplit_once(' ')?;
    let took = rest.split_once("execution time ")?.1;
    let digits = took.find(|c: char| !c.is_ascii_digit()).unwrap_or(took.len());
    Some(ClusterLogEvent::Ran {
        node: node.to_owned(),
        resource: resource.to_owned(),
        action: action.to_owned(),
        took: took[..digits].parse().ok()?,
    })
}

/// All nodes use UTC.
fn parse_time(month: &str, day: &str, clock: &str, near: u64) -> Option<u64> {
    let month =
        MONTHS.iter().zip(1..).find_map(|(name, number)| (*name == month).then_some(number))?;
    let day: u64 = day.parse().ok()?;
    let mut parts = clock.split([':', '.']).map(str::parse::<u64>);
    let mut part = || parts.next()?.ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    let milliseconds = part().unwrap_or(0);
    let this_year = CivilTime::from_seconds(near / 1000).year;
    let in_year = |year| {
        CivilTime { year, month, day, hour, minute, second }.to_seconds() * 1000 + milliseconds
    };
    (this_year.saturating_sub(1)..=this_year + 1)
        .map(in_year)
        .min_by_key(|time| time.abs_diff(near))
}

/// Formats date and time of day in UTC: `2026-11-22 13:03:15`.
#[must_use]
pub fn format_utc(time: u64) -> String {
    let CivilTime { year, month, day, hour, minute, second } = CivilTime::from_seconds(time / 1000);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The median; the mean of the two middle values for an even number.
#[must_use]
pub fn median(times: &[u64]) -> Option<u64> {
    let mut times = times.to_vec();
    times.sort_unstable();
    let below = times.get(times.len().checked_sub(1)? / 2)?;
    Some(below.midpoint(times[times.len() / 2]))
}

#[cfg(test)]
mod tests;
