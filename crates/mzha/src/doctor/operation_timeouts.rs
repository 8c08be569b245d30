//! Operations of a resource against the minimum timeouts of its parameters.
//!
//! Pacemaker kills an operation at its timeout without a reason, and a failed stop fences the node. The minimum timeouts
//! are those by which the agents divide their time ([`pico::actions::minimum_timeout`]).

use super::check_result::{Area, CheckResult};
use crate::cib::{ConfiguredOperation, ConfiguredResource, INFINITY, parse_score, time};
use ocf::time::format_duration;
use pico::actions::minimum_timeout;
use pico::{PicoType, Settings};
use std::collections::BTreeSet;
use std::time::Duration;

const AREA: Area = Area::Operations;

/// `window`: `mz.ha.interval`, if known.
pub(super) fn check(
    configured: &ConfiguredResource,
    settings: &Settings,
    window: Option<Duration>,
) -> Vec<CheckResult> {
    let mut rows = check_start(configured, settings);
    rows.extend(check_stop(configured));
    rows.extend(check_monitors(configured, settings, window));
    rows.extend(check_failure_policy(configured));
    rows.into_iter().map(|row| row.for_resource(configured.name())).collect()
}

/// Pacemaker ignores a start or stop with an interval.
fn find_operation<'a>(
    configured: &'a ConfiguredResource,
    action: &str,
) -> Option<&'a ConfiguredOperation> {
    configured
        .operations
        .iter()
        .find(|operation| operation.action == action && operation.interval.is_zero())
}

/// The timeout and its description.
fn effective_timeout(operation: Option<&ConfiguredOperation>) -> (Duration, String) {
    let time =
        operation.map_or(crate::cib::DEFAULT_TIMEOUT, ConfiguredOperation::effective_timeout);
    let set = operation.is_some_and(|operation| operation.timeout.is_some());
    (
        time,
        format!(
            "timeout {}{}",
            format_duration(time),
            if set { "" } else { ", Pacemaker's default" }
        ),
    )
}

fn check_start(configured: &ConfiguredResource, settings: &Settings) -> Vec<CheckResult> {
    let operation = find_operation(configured, "start");
    let (timeout, seen) = effective_timeout(operation);
    let needed = minimum_timeout::start(settings);
    let (names, waits): (Vec<&str>, Vec<Duration>) =
        minimum_timeout::start_waits(settings).into_iter().unzip();
    let (names, waits) = (names.join(" and "), waits.into_iter().sum::<Duration>());
    let advised = agents::definition(settings.pico_type)
        .advised_timeout(ocf::Action::Start, 0)
        .unwrap_or(needed);
    let todo = format!("op start timeout={}", format_duration(advised.max(needed)));
    let mut rows = vec![if timeout <= waits {
        let seen = format!("{seen}: {names} alone may take {}", format_duration(waits));
        CheckResult::error(AREA, "start", seen, todo)
    } else if timeout < needed {
        let beside = if names.is_empty() { names } else { format!(", beside {names}") };
        let seen = format!(
            "{seen}: {} are needed for mzsh startup's own wait of {}{beside}",
            format_duration(needed),
            format_duration(minimum_timeout::MZSH_STARTUP_TIME)
        );
        CheckResult::warning(AREA, "start", seen, todo)
    } else {
        CheckResult::ok(AREA, "start", format!("{seen} (needs {})", format_duration(needed)))
    }];
    let on_fail = operation.and_then(on_fail).unwrap_or_default();
    let becomes = match on_fail.as_str() {
        "ignore" | "nothing" => {
            let seen =
                format!("on-fail={on_fail}: Pacemaker takes a failed start for a running pico");
            rows.push(CheckResult::error(AREA, "start", seen, LEAVE_OUT));
            None
        }
        on_fail => failure_becomes(on_fail),
    };
    rows.extend(becomes.map(|becomes| {
        CheckResult::warning(AREA, "start", format!("on-fail={on_fail}: {becomes}"), LEAVE_OUT)
    }));
    rows
}

const LEAVE_OUT: &str = "remove on-fail, so that a failure restarts the pico";

/// Lower case: Pacemaker ignores case.
fn on_fail(operation: &ConfiguredOperation) -> Option<String> {
    operation.on_fail.as_ref().map(|text| text.to_ascii_lowercase())
}

/// Effect of an `on-fail` without recovery.
fn failure_becomes(on_fail: &str) -> Option<&'static str> {
    match on_fail {
        "ignore" | "nothing" | "block" => Some("the cluster does nothing about a failure"),
        "stop" => Some("after a failure the pico stays down until a manual cleanup"),
        "standby" => {
            Some("after a failure the node gives up all its resources until a manual unstandby")
        }
        _ => None,
    }
}

fn check_stop(configured: &ConfiguredResource) -> Vec<CheckResult> {
    const FENCE_ON_FAILURE: &str = "op stop on-fail=fence";
    let operation = find_operation(configured, "stop");
    let (timeout, seen) = effective_timeout(operation);
    let needed = minimum_timeout::stop();
    let mut rows = vec![if timeout < needed {
        let seen = format!(
            "{seen} (needs {}): mzsh shutdown can take {}, and the agent would kill the JVM early",
            format_duration(needed),
            format_duration(minimum_timeout::MZSH_SHUTDOWN_TIME)
        );
        let advised =
            agents::definition(configured.resource.kind).advised_timeout(ocf::Action::Stop, 0);
        let todo =
            format!("op stop timeout={} on-fail=fence", format_duration(advised.unwrap_or(needed)));
        CheckResult::warning(AREA, "stop", seen, todo)
    } else {
        CheckResult::ok(AREA, "stop", format!("{seen} (needs {})", format_duration(needed)))
    }];
    match operation.and_then(on_fail).as_deref() {
        // Pacemaker's default with fencing, which has its own check.
        None | Some("fence") => {}
        Some("block") => {
            let seen =
                "on-fail=block: after a failed stop the pico stays down until a manual cleanup";
            rows.push(CheckResult::warning(AREA, "stop", seen, FENCE_ON_FAILURE));
        }
        Some(other) => {
            let seen = format!(
                "on-fail={other}: after a failed stop a second one may be started elsewhere"
            );
            rows.push(CheckResult::error(AREA, "stop", seen, FENCE_ON_FAILURE));
        }
    }
    rows
}

fn check_monitors(
    configured: &ConfiguredResource,
    settings: &Settings,
    window: Option<Duration>,
) -> Vec<CheckResult> {
    let recurring = |o: &&ConfiguredOperation| o.action == "monitor" && !o.interval.is_zero();
    let all: Vec<&ConfiguredOperation> = configured.operations.iter().filter(recurring).collect();
    // Promoted and Unpromoted belong to promotable clones, Stopped to the other nodes.
    let while_it_runs = |o: &ConfiguredOperation| {
        o.role.as_ref().is_none_or(|role| role.eq_ignore_ascii_case("Started"))
    };
    let monitors: Vec<&ConfiguredOperation> =
        all.iter().copied().filter(|o| o.enabled && while_it_runs(o)).collect();
    let definition = agents::definition(settings.pico_type);
    let advice: Vec<String> = definition
        .operations
        .iter()
        .filter_map(|o| {
            let (interval, depth) = (format_duration(o.interval?), o.depth?);
            let level =
                if depth == 0 { String::new() } else { format!(" OCF_CHECK_LEVEL={depth}") };
            Some(format!(
                "op monitor interval={interval} timeout={}{level}",
                format_duration(o.timeout)
            ))
        })
        .collect();
    let advised = |least: u32| {
        let at = definition
            .operations
            .iter()
            .filter(|o| o.interval.is_some())
            .position(|o| o.depth >= Some(least));
        at.and_then(|at| advice.get(at).cloned()).unwrap_or_default()
    };
    if monitors.is_empty() {
        let seen = "none: the cluster notices no failure (crm adds none by itself)";
        return vec![CheckResult::error(AREA, "monitor", seen, advice.join(", "))];
    }
    let mut rows = Vec::new();
    if !monitors.iter().any(|o| o.depth < 10) {
        let seen = "none of depth 0: a death is noticed only by the next deeper monitor";
        rows.push(CheckResult::warning(AREA, "monitor", seen, advised(0)));
    }
    if !monitors.iter().any(|o| o.depth >= 10) {
        let seen = "none of depth 10: a hung JVM goes unnoticed";
        rows.push(CheckResult::warning(AREA, "monitor", seen, advised(10)));
    }
    // Pacemaker ignores roles and `enabled` here (is_op_dup of its scheduler).
    let twice = |interval| all.iter().filter(|other| other.interval == interval).count() > 1;
    let (doubled, single): (Vec<_>, Vec<_>) = monitors.into_iter().partition(|o| twice(o.interval));
    let intervals: BTreeSet<Duration> = doubled.into_iter().map(|o| o.interval).collect();
    rows.extend(intervals.into_iter().map(|interval| {
        let seen =
            format!("two have interval {}, and Pacemaker runs neither", format_duration(interval));
        CheckResult::error(AREA, "monitor", seen, "give each an interval of its own")
    }));
    rows.extend(single.into_iter().map(|monitor| check_monitor(monitor, settings, window)));
    rows
}

fn check_monitor(
    monitor: &ConfiguredOperation,
    settings: &Settings,
    window: Option<Duration>,
) -> CheckResult {
    let check = format!("monitor depth {}", monitor.depth);
    let (timeout, seen) = effective_timeout(Some(monitor));
    let seen = format!("every {}, {seen}", format_duration(monitor.interval));
    let needed = minimum_timeout::monitor(settings, monitor.depth);
    let on_fail = on_fail(monitor).unwrap_or_default();
    if let Some(becomes) = failure_becomes(&on_fail) {
        let seen = format!("{seen}, on-fail={on_fail}: {becomes}");
        return CheckResult::warning(AREA, check, seen, LEAVE_OUT);
    }
    if timeout < needed {
        let (why, parameter) = match monitor.depth {
            0..10 => {
                (format!("wait={} is cut to half of it", format_duration(settings.wait)), "wait")
            }
            10..20 => {
                ("not all tries of the HA check fit into half of it".to_owned(), "ha_timeout")
            }
            _ => ("mzsh_timeout does not fit into half of it".to_owned(), "mzsh_timeout"),
        };
        let todo = format!(
            "timeout={} for this operation, or a shorter {parameter}",
            format_duration(needed)
        );
        return CheckResult::warning(AREA, check, format!("{seen}: {why}"), todo);
    }
    if monitor.depth < 10 && !settings.wait.is_zero() {
        let (interval, wait) = (format_duration(monitor.interval), format_duration(settings.wait));
        if monitor.interval > settings.wait {
            let seen = format!(
                "{seen}: it waits for a death (wait={wait}), but not in the {interval} between two runs, in which one goes unnoticed"
            );
            return CheckResult::warning(
                AREA,
                check,
                seen,
                "interval=1s: a run that waits costs next to nothing",
            );
        }
        let seen = format!(
            "{seen} (needs {}): a death is noticed at once, or after {interval}; it can delay a deeper monitor by up to {wait}",
            format_duration(needed)
        );
        return CheckResult::ok(AREA, check, seen);
    }
    // Two monitors within one window count the same failure twice.
    if monitor.depth >= 10
        && settings.failures_tolerated > 0
        && let Some(window) = window.filter(|window| monitor.interval < *window)
    {
        let window = format_duration(window);
        let seen = format!(
            "{seen}: more often than mz.ha.interval ({window}), so failures_tolerated counts one failure twice"
        );
        return CheckResult::warning(AREA, check, seen, format!("interval={window} or longer"));
    }
    let needed = if needed.is_zero() {
        String::new()
    } else {
        format!(" (needs {})", format_duration(needed))
    };
    CheckResult::ok(AREA, check, seen + &needed)
}

/// What becomes of a resource that fails again and again.
fn check_failure_policy(configured: &ConfiguredResource) -> Vec<CheckResult> {
    let mut rows = Vec::new();
    let meta = |name: &str| configured.meta.get(name).map(String::as_str);
    let threshold =
        meta("migration-threshold").filter(|text| (1..INFINITY).contains(&parse_score(text)));
    let (expires, unset) = match meta("failure-timeout").map(|text| (text, time::interval(text))) {
        None => (None, "not set".to_owned()),
        Some((text, Err(why))) => (None, format!("{text}: {why}")),
        Some((text, Ok(time))) => (Some(time).filter(|time| !time.is_zero()), text.to_owned()),
    };
    let longest = configured
        .operations
        .iter()
        .map(ConfiguredOperation::effective_timeout)
        .max()
        .unwrap_or_default();
    if let Some(time) = expires.filter(|time| *time <= longest) {
        let seen = format!(
            "{}: an operation may take {}, and Pacemaker forgets a failure before it has handled it",
            format_duration(time),
            format_duration(longest)
        );
        let todo = format!(
            "meta failure-timeout={}",
            format_duration((longest * 2).max(Duration::from_secs(600)))
        );
        rows.push(CheckResult::warning(AREA, "failure-timeout", seen, todo));
    }
    match (threshold, expires) {
        (None, _) if configured.resource.kind == PicoType::Platform => rows.push(CheckResult::warning(
            AREA,
            "migration-threshold",
            "not set: a Platform that fails repeatedly stays on its node",
            "meta migration-threshold=3 failure-timeout=3600s",
        )),
        (Some(threshold), None) => rows.push(CheckResult::warning(
            AREA,
            "failure-timeout",
            format!("{unset}, with migration-threshold={threshold}: failures never expire, so the node is banned until a cleanup"),
            "meta failure-timeout=3600s",
        )),
        (Some(threshold), Some(time)) => {
            let seen = format!("moves after {threshold} failures, which are forgotten after {}", format_duration(time));
            rows.push(CheckResult::ok(AREA, "migration-threshold", seen));
        }
        (None, None) => rows.push(CheckResult::warning(
            AREA,
            "failure-timeout",
            format!("{unset}: after a failed start (also one without the Platform), the node is banned until a cleanup"),
            "meta failure-timeout=600s",
        )),
        (None, Some(time)) => {
            let seen = format!("a failed start is forgotten after {}", format_duration(time));
            rows.push(CheckResult::ok(AREA, "failure-timeout", seen));
        }
    }
    if meta("is-managed").is_some_and(|value| !crate::cib::is_true(value)) {
        let seen = "is-managed=false: the cluster leaves it alone";
        rows.push(CheckResult::warning(
            AREA,
            "is-managed",
            seen,
            "crm resource manage, or pcs resource manage",
        ));
    }
    rows
}

#[cfg(test)]
mod tests;
