//! The events after a fault, in milliseconds since it. They come from the watcher, the power switch
//! and Pacemaker's logs.

use lab::TestkitError;
use lab::cluster_fixture::ClusterFixture;
use lab::process_watcher::WatchedProcess;
use lab::report;
use lab::timeline::{self, ClusterLogEvent, TimedClusterEvent};

/// The rows of a fault at `fault` that ended this process, sorted by time; and true if all required
/// rows exist.
pub(super) fn rows(
    fixture: &ClusterFixture,
    fault: (u64, &str),
    dead: &WatchedProcess,
) -> Result<(Vec<String>, bool), TestkitError> {
    let (fault, what) = fault;
    let moments = report::log_events(&fixture.lab, fault);
    let line = timeline::of_fault(&moments, fault, u64::MAX);
    let mut rows = vec![(fault, what.to_owned())];
    if let Some((at, by)) = line.noticed {
        rows.push((at, format!("noticed: {}", cause(&moments, at, by))));
    }
    rows.extend(line.decided.map(|(at, by)| (at, format!("ordered: {by}"))));
    let lives = fixture.lifetimes()?;
    let next = lives.iter().find(|life| life.pico == dead.pico && life.began > fault);
    let elsewhere = next.is_some_and(|life| life.node != dead.node);
    if elsewhere {
        let fenced = fixture
            .power_switch_log()?
            .into_iter()
            .find(|(at, what)| *at >= fault && what.starts_with("reboot"));
        rows.extend(fenced.map(|(at, _)| (at, format!("{} is fenced", dead.node))));
        for (resource, word) in [("mz-storage", "storage"), ("mz-address", "address")] {
            rows.extend(
                timeline::start_completed(&moments, resource, fault)
                    .map(|(at, _)| (at, format!("{word} is there"))),
            );
        }
    }
    if let Some(next) = next {
        rows.push((
            next.began,
            format!("{} begins on {} (pid {})", next.pico, next.node, next.process.0),
        ));
        rows.extend(next.ready.map(|at| (at, format!("{} is ready", next.pico))));
    }
    let complete = rows.len() == if elsewhere { 8 } else { 5 };
    rows.sort_by_key(|(at, _)| *at);
    let rows =
        rows.into_iter().map(|(at, what)| format!("{:>6} ms  {what}", at.saturating_sub(fault)));
    Ok((rows.collect(), complete))
}

/// The noticed cause. The aborted transition has the same time but explains less.
fn cause(moments: &[TimedClusterEvent], at: u64, first: String) -> String {
    let same = moments.iter().filter(|(time, _)| (at..at + 20).contains(time));
    let other = same.filter_map(|(_, told)| match told {
        ClusterLogEvent::Noticed(text) if !text.starts_with("Transition ") => Some(text.clone()),
        _ => None,
    });
    other.min().unwrap_or(first)
}
