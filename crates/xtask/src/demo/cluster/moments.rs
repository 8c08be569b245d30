//! What happened after a death, in milliseconds since it: from the watch, the power switch, and Pacemaker's logs.

use std::fs;

use lab::Error;
use lab::site::Site;
use lab::timeline::{self, Moment, Told};
use lab::watch::Seen;

/// The rows, in the order of time; and whether all are there that have to be.
pub(super) fn of(site: &Site, dead: &Seen) -> Result<(Vec<String>, bool), Error> {
    let died = site.lab.watch().seen().into_iter().find_map(|seen| {
        let same = (&seen.node, seen.pid, seen.start_time) == (&dead.node, dead.pid, dead.start_time);
        if same { seen.ended } else { None }
    });
    let Some(died) = died else { return Ok((vec!["the watch has not seen its death".to_owned()], false)) };
    let moments = logged(site, died);
    let lives = site.lives()?;
    let next = lives.iter().find(|life| life.pico == dead.pico && life.began >= died);
    let line = timeline::of(&moments, died, u64::MAX);
    let mut rows = vec![(died, format!("{} is dead on {} (pid {})", dead.pico, dead.node, dead.pid))];
    rows.extend(line.noticed.map(|(at, by)| (at, format!("noticed: {}", cause(&moments, at, by)))));
    rows.extend(line.decided.map(|(at, by)| (at, format!("ordered: {by}"))));
    let mut wanted = 5;
    let elsewhere = next.is_some_and(|life| life.node != dead.node);
    if elsewhere {
        wanted += 3;
        let fenced =
            site.switched()?.into_iter().find(|(at, what)| *at >= died && what.starts_with("reboot"));
        rows.extend(fenced.map(|(at, _)| (at, format!("{} is fenced", dead.node))));
        for (resource, word) in [("mz-storage", "storage"), ("mz-address", "address")] {
            rows.extend(
                timeline::started(&moments, resource, died).map(|(at, _)| (at, format!("{word} is there"))),
            );
        }
    }
    if let Some(next) = next {
        rows.push((next.began, format!("{} begins on {} (pid {})", next.pico, next.node, next.process.0)));
        rows.extend(next.ready.map(|at| (at, format!("{} is ready", next.pico))));
    }
    let complete = rows.len() == wanted;
    rows.sort_by_key(|(at, _)| *at);
    let rows: Vec<String> =
        rows.into_iter().map(|(at, what)| format!("{:>6} ms  {what}", at.saturating_sub(died))).collect();
    Ok((rows, complete))
}

/// What was noticed there. That a transition is aborted for it comes in the same moment, and says less.
fn cause(moments: &[Moment], at: u64, first: String) -> String {
    let same = moments.iter().filter(|(time, _)| (at..at + 20).contains(time));
    let other = same.filter_map(|(_, told)| match told {
        Told::Noticed(text) if !text.starts_with("Transition ") => Some(text.clone()),
        _ => None,
    });
    other.min().unwrap_or(first)
}

/// All that the logs of all nodes tell, of those that are off too.
fn logged(site: &Site, near: u64) -> Vec<Moment> {
    let logs = site.lab.nodes().map(|node| site.lab.path(node.name(), "/var/log/pacemaker/pacemaker.log"));
    // A node that has not come up yet has none.
    logs.flat_map(|log| timeline::read(&fs::read_to_string(log).unwrap_or_default(), near)).collect()
}
