//! What waits for a monitor that waits, and for how long: of `ec1`, whose monitor of depth 0 comes by every second and waits for its death, one
//! thing after the other is asked, at moments that are drawn from the time in which that monitor comes round.
//!
//! Times begin with the call of the command; when an agent was called, and when it had answered, is told by Pacemaker's log on its node. A round
//! begins with the stop, for after the start that follows a changed parameter is a reload, and after a probe it would be a restart.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use testkit::{Done, Error};

use super::{Stopped, TICK, as_many, judged};
use crate::site::{Plan, SOON, Site, site};
use crate::soak::sequence::Random;
use crate::timeline::{self, Told};
use crate::watch;

/// The times that the monitor waits, in seconds, each on a cluster of its own.
pub const WAITS: [u64; 3] = [20, 5, 0];

/// Where `ec1` is.
const NODE: &str = "n3";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// That it is stopped; until the agent is called.
    Stop,
    /// That a changed parameter is taken over; until the agent is called.
    Reload,
    /// A monitor of depth 10 with another interval; until its first run has answered.
    Deeper,
    /// Whether it runs; until that is answered.
    Probe,
}

impl Asked {
    /// In the order of a round.
    pub const ALL: [Self; 4] = [Self::Stop, Self::Reload, Self::Deeper, Self::Probe];

    /// What is measured is the time until its answer; of the others, until the agent is called.
    #[must_use]
    pub fn is_answered(self) -> bool {
        matches!(self, Self::Deeper | Self::Probe)
    }

    /// It waits until the monitor has come to its end; the others have Pacemaker end that.
    #[must_use]
    pub fn waits(self) -> bool {
        self == Self::Deeper
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "a stop",
            Self::Reload => "a reload",
            Self::Deeper => "the first run of a deeper monitor",
            Self::Probe => "a probe",
        })
    }
}

/// How long one thing took that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What.
    pub asked: Asked,
    /// How long the monitor waits, in seconds.
    pub wait: u64,
    /// In milliseconds, since the command was called.
    pub took: u64,
}

/// The site with this `wait`.
#[must_use]
pub fn plan(wait: u64) -> Plan {
    site().in_primitive("mz-ec1", "pico_name=ec1", &format!("pico_name=ec1 wait={wait}s"))
}

/// Measures on a site of this [`plan`]; `tell` is called with a line for each sample. The site is judged, and still up.
///
/// # Errors
/// [`Stopped`] when something failed or was restarted that should not, or the cluster can't be used.
pub fn held(
    site: &Site,
    wait: u64,
    rounds: usize,
    seed: u64,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Held>, Box<Stopped>> {
    let mut all = Vec::new();
    let measured = measure(site, wait, rounds, Random(seed), &mut all, tell);
    let after = format!("{} answers", all.len());
    measured.map_err(|why| Box::new(Stopped { setting: format!("every 1 s, wait {wait} s"), after, why }))?;
    Ok(all)
}

fn measure(
    site: &Site,
    wait: u64,
    rounds: usize,
    mut random: Random,
    all: &mut Vec<Held>,
    tell: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let said = |error: Error| error.to_string();
    for round in 1..=rounds {
        for asked in Asked::ALL {
            site.lab.pause(Duration::from_millis(random.below((1 + wait) * 1000))).map_err(said)?;
            let took = took(site, asked, round).map_err(said)?;
            let now = timeline::in_words(watch::now());
            tell(&format!("{now} wait {wait} s, {round} of {rounds}: {asked} after {took} ms"));
            all.push(Held { asked, wait, took });
            site.lab.settle().map_err(said)?;
            as_many(&site.lab.status().map_err(said)?, &[])?;
        }
    }
    let lives = site.lives().map_err(said)?;
    judged(site, &lives, |pico| if pico == "ec1" { rounds } else { 0 }).map_err(said)?
}

/// Asks, and waits until it is there.
fn took(site: &Site, asked: Asked, round: usize) -> Result<u64, Error> {
    let since = watch::now();
    let begun = |what: &str| until(site, since, &|time, told| began(time, told, what));
    let answered = |interval: usize| {
        let operation = format!("mz-ec1_monitor_{}", interval * 1000);
        until(site, since, &|time, told| {
            matches!(told, Told::Answered(of) if *of == operation).then_some(time)
        })
    };
    let there = match asked {
        Asked::Stop => {
            let role = ["--meta", "--set-parameter", "target-role", "--parameter-value", "Stopped"];
            of_ec1(site, &role)?;
            let there = begun("stop")?;
            site.until_none("ec1")?;
            of_ec1(site, &["--meta", "--delete-parameter", "target-role"])?;
            site.until_ready("ec1", NODE)?;
            there
        }
        Asked::Reload => {
            let value = format!("{}s", 11 + round);
            of_ec1(site, &["--set-parameter", "ha_timeout", "--parameter-value", &value])?;
            begun("reload-agent")?
        }
        Asked::Deeper => {
            let operation = format!("<op id=\"mz-ec1-monitor-30s\" interval=\"{}s\"/>", 30 + round);
            site.node("n1").exec(&["cibadmin", "--modify", "--xml-text", &operation])?;
            answered(30 + round)?
        }
        Asked::Probe => {
            of_ec1(site, &["--refresh", "--node", NODE])?;
            answered(0)?
        }
    };
    Ok(there.saturating_sub(since))
}

fn of_ec1(site: &Site, words: &[&str]) -> Done {
    site.node("n1").exec(&[&["crm_resource", "--resource", "mz-ec1"], words].concat()).map(drop)
}

/// When an action of `ec1` was begun that has ended.
fn began(ended: u64, told: &Told, what: &str) -> Option<u64> {
    match told {
        Told::Ran { resource, action, took, .. } if resource == "mz-ec1" && action == what => {
            Some(ended.saturating_sub(*took))
        }
        _ => None,
    }
}

/// Waits for the first moment since then that is it.
fn until(site: &Site, since: u64, is: &dyn Fn(u64, &Told) -> Option<u64>) -> Result<u64, Error> {
    site.lab.until("what was asked, in the log of ec1's node", SOON, |_| {
        let log = site.log(NODE)?;
        let moments = timeline::read(&log, since);
        let mut times = moments.iter().filter_map(|(time, told)| is(*time, told));
        let found = times.find(|time| *time + TICK >= since);
        Ok(found.ok_or_else(|| log.lines().last().unwrap_or_default().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_began_as_long_before_its_end_as_it_ran() {
        let ran = |resource: &str| Told::Ran {
            node: NODE.to_owned(),
            resource: resource.to_owned(),
            action: "stop".to_owned(),
            took: 30,
        };
        assert_eq!(began(1_000, &ran("mz-ec1"), "stop"), Some(970));
        assert_eq!(began(1_000, &ran("mz-ec1"), "start"), None);
        assert_eq!(began(1_000, &ran("mz-ec2"), "stop"), None);
    }
}
