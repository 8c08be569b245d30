//! The soak: one fault after the other on a cluster of three nodes with five picos, in an order that a seed tells, each followed by a
//! check of all that must hold.
//!
//! - *The same seed is the same sequence* ([`Sequence`]); where picos are by then is what came of the faults before.
//! - *After each fault* the cluster comes to rest, all nodes are back, and every pico runs exactly once, where it may, is ready, and
//!   where the cluster believes it is. No pico was ever alive twice, and every heart beat on. A pico that the fault can't touch is
//!   in the same process as before, and one that it can touch has died once at most: all else is a needless restart. [`touched`] tells
//!   whom a fault may touch.
//! - *Nobody is fenced* but the node that a fault takes away from the cluster, and that once ([`may_be_fenced`]).
//! - *It ends at the first broken rule*, with the logs of all nodes kept, and tells the seed and the number of the fault, which
//!   bring it about again.
//! - *Nothing grows without bound*: the nodes' logs are cut when they are long. One lab serves for the whole of it.

mod act;
pub mod sequence;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use testkit::{Done, Error};

use crate::report;
use crate::site::{Plan, SOON, Site, site};
use crate::timeline;
use crate::watch::{self, Seen};
use crate::witness::{self, Expected, Life};
use sequence::{Fault, PICOS, Sequence};

/// So many bytes of a node's log are kept, and as many of what was before them.
const LOG: u64 = 8 << 20;

/// How much and in which order.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Tells the sequence.
    pub seed: u64,
    /// No more faults than this.
    pub faults: usize,
    /// No fault is begun after this time of the lab.
    pub time: Duration,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The sequence.
    pub seed: u64,
    /// When it ended, in UTC.
    pub date: String,
    /// How long it took, with the lab's coming up.
    pub seconds: u64,
    /// Package and version, the kernel's too.
    pub versions: BTreeMap<String, String>,
    /// How many processes of picos there were.
    pub lives: usize,
    /// Every fault.
    pub steps: Vec<Step>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its kind.
    pub kind: String,
    /// With its target.
    pub fault: String,
    /// What it did, each in words; nothing if it had no effect.
    pub effects: Vec<String>,
    /// For how long picos were away, in milliseconds.
    pub away: Vec<u64>,
}

/// The fault after which a rule was broken.
#[derive(Debug)]
pub struct Stopped {
    seed: u64,
    /// So many faults bring it about again.
    count: usize,
    /// None before the first and after the last one.
    fault: Option<Fault>,
    why: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, count, fault, why } = self;
        let fault = fault.map_or_else(|| "none".to_owned(), |fault| fault.to_string());
        write!(f, "fault {count} ({fault}): {why}\nagain: cargo xtask soak --seed {seed} --faults {count}")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effects = if self.effects.is_empty() { "no effect".to_owned() } else { self.effects.join("; ") };
        write!(f, "{}: {effects}", self.fault)
    }
}

/// The site of a soak. HA failures are to be found within the time that one waits for them: the deeper checks come more often, and a pico
/// that has just started has less time to get well.
#[must_use]
pub fn plan() -> Plan {
    PICOS.iter().fold(site(), |plan, pico| {
        let resource = format!("mz-{pico}");
        let home = if act::on_storage(pico) { "mz_home=/opt/mz" } else { "mz_home=/opt/ec" };
        plan.in_primitive(&resource, home, &format!("{home} ha_grace=5s")).in_primitive(
            &resource,
            "monitor interval=30s",
            "monitor interval=10s",
        )
    })
}

/// Runs it on a site of this [`plan`]; `tell` is called with a line for each fault.
///
/// # Errors
/// [`Stopped`] at the first rule that was broken.
pub fn run(site: &Site, options: Options, tell: &mut dyn FnMut(&str)) -> Result<Summary, Box<Stopped>> {
    let Options { seed, faults, time } = options;
    let mut steps = Vec::new();
    let early = |error: Error| Box::new(Stopped { seed, count: 0, fault: None, why: error.to_string() });
    let mut last = until_well(site).and_then(|()| Last::look(site)).map_err(early)?;
    for (place, fault) in Sequence::of(seed).take(faults).enumerate() {
        if site.lab.age() >= time {
            break;
        }
        let stopped = |why: String| Box::new(Stopped { seed, count: place + 1, fault: Some(fault), why });
        let (step, broken) =
            one(site, place, fault, &mut last).map_err(|error| stopped(error.to_string()))?;
        tell(&format!("{} {} {step}", timeline::in_words(watch::now()), place + 1));
        if !broken.is_empty() {
            return Err(stopped(broken.join("\n")));
        }
        steps.push(step);
    }
    let ended = || {
        let versions = report::versions(&site.lab)?;
        Ok((versions, site.lives()?.len()))
    };
    let (versions, lives) = ended().map_err(|error: Error| {
        Box::new(Stopped { seed, count: steps.len(), fault: None, why: error.to_string() })
    })?;
    let (date, seconds) = (timeline::in_words(watch::now()), site.lab.age().as_secs());
    Ok(Summary { seed, date, seconds, versions, lives, steps })
}

/// How all was when it was last looked at. What the next look finds otherwise came in between, also between two faults.
struct Last {
    at: u64,
    picos: Vec<Seen>,
    fenced: BTreeMap<String, usize>,
}

impl Last {
    fn look(site: &Site) -> Result<Self, Error> {
        Ok(Self { at: watch::now(), picos: site.all()?, fenced: fencings(site)? })
    }
}

/// Does it, waits until all is well again, and looks which rules were broken since the last look.
fn one(site: &Site, place: usize, fault: Fault, last: &mut Last) -> Result<(Step, Vec<String>), Error> {
    site.fault(&format!("{}: {fault}", place + 1));
    let act::Came { mut effects, restarted } = act::act(site, place, fault)?;
    until_well(site)?;
    let now = Last::look(site)?;
    // After it, so that they have all that came before it.
    let lives = site.lives()?;
    let Last { at, picos, fenced } = std::mem::replace(last, now);
    let mut broken = broken(site, &lives)?;
    let mut fenced_now = Vec::new();
    for (node, count) in &last.fenced {
        let times = count - fenced.get(node).copied().unwrap_or_default();
        if times > usize::from(may_be_fenced(fault) == Some(node)) {
            broken.push(format!("{node} was fenced, {times} times, which was not called for"));
        }
        if times > 0 {
            effects.push(format!("{node} was fenced"));
            fenced_now.push(node.clone());
        }
    }
    let since = |life: &Life| life.ended.is_some_and(|ended| (at..last.at).contains(&ended));
    let mut away = Vec::new();
    for dead in lives.iter().filter(|life| since(life)) {
        if let (Some(next), Some(ended)) = (witness::next(&lives, dead), dead.ended) {
            let time = next.ready.unwrap_or_default().saturating_sub(ended);
            effects.push(format!(
                "{} died on {}, was back on {} after {time} ms",
                dead.pico, dead.node, next.node
            ));
            away.push(time);
        }
    }
    let mut may = touched(fault, &picos, &fenced_now);
    may.extend(restarted);
    for (was, is) in picos.iter().zip(&last.picos) {
        let times = lives.iter().filter(|life| life.pico == was.pico && since(life)).count();
        if !may.contains(&was.pico.as_str()) && (times > 0 || was != is) {
            broken.push(format!("{} was restarted, and had nothing to do with it", was.pico));
        } else if times > 1 {
            broken.push(format!("{} was restarted {times} times, for one fault", was.pico));
        }
    }
    tidy(site, place)?;
    Ok((Step { kind: fault.kind().to_owned(), fault: fault.to_string(), effects, away }, broken))
}

/// The node that this fault takes away from the cluster, which has to be sure of it.
fn may_be_fenced(fault: Fault) -> Option<&'static str> {
    match fault {
        // A controller, which also ends when the executor does, is back before the others miss it, or not.
        Fault::PowerCut(node)
        | Fault::CableCut(node)
        | Fault::CorosyncFrozen(node)
        | Fault::DaemonKilled(_, node) => Some(node),
        _ => None,
    }
}

/// The picos that this fault may end, for they are meant by it or on the node that is. A daemon of Pacemaker has the picos of its node
/// with it only if that was fenced.
fn touched<'a>(fault: Fault, before: &'a [Seen], fenced: &[String]) -> Vec<&'a str> {
    let is_touched = |seen: &&Seen| match fault {
        Fault::Kill(pico)
        | Fault::Hang(pico)
        | Fault::HaFailed(pico)
        | Fault::MzshSlow(pico)
        | Fault::AgentKilled(pico)
        | Fault::Maintenance(pico) => seen.pico == pico,
        // The Platform goes with storage and address, and so does the UI.
        Fault::Move(pico) => seen.pico == pico || (act::on_storage(pico) && act::on_storage(&seen.pico)),
        Fault::DaemonKilled(_, node) => seen.node == node && fenced.contains(&seen.node),
        Fault::Standby(node)
        | Fault::PowerCut(node)
        | Fault::CableCut(node)
        | Fault::CorosyncFrozen(node)
        | Fault::NodeStopped(node) => seen.node == node,
        Fault::Refresh | Fault::Cleanup | Fault::Reload(_) => false,
    };
    before.iter().filter(is_touched).map(|seen| seen.pico.as_str()).collect()
}

/// Which rules these lives have broken, whoever was to be touched.
fn broken(site: &Site, lives: &[Life]) -> Result<Vec<String>, Error> {
    let expected: Vec<Expected<'_>> = PICOS
        .iter()
        .map(|&pico| Expected {
            pico,
            on: act::may_run_on(pico),
            lives: lives.iter().filter(|life| life.pico == pico).count(),
        })
        .collect();
    let mut broken = witness::judge(lives, &expected);
    broken.extend(site.hearts(lives)?);
    Ok(broken.iter().map(ToString::to_string).collect())
}

/// Waits until the cluster has nothing to do, all nodes are back, and each pico runs once, is ready, and is where the cluster believes.
fn until_well(site: &Site) -> Done {
    let well = |lives: &[Life]| -> Result<(), Error> {
        let status = site.lab.status()?;
        let member = status.members.iter().find(|member| !member.online || member.standby || member.unclean);
        let lost = PICOS.iter().find(|pico| {
            let alive: Vec<&Life> =
                lives.iter().filter(|life| life.pico == **pico && life.ended.is_none()).collect();
            let [life] = alive.as_slice() else { return true };
            life.ready.is_none() || status.where_is(&format!("mz-{pico}")) != [life.node.as_str()]
        });
        match (member, lost) {
            (None, None) => Ok(()),
            (member, pico) => Err(Error::NeverCame {
                what: "the cluster to be well".to_owned(),
                waited: SOON,
                last_seen: format!("{member:?}, {pico:?}; {status}"),
            }),
        }
    };
    site.lab.until("all picos to run once where the cluster believes", SOON * 2, |lab| {
        let look = || {
            lab.settle()?;
            well(&site.lives()?)
        };
        Ok(look().map_err(|error: Error| error.to_string()))
    })
}

fn fencings(site: &Site) -> Result<BTreeMap<String, usize>, Error> {
    site.lab.nodes().map(|node| Ok((node.name.to_owned(), site.fenced(node.name)?))).collect()
}

/// The logs are cut, and an operator forgets failures before there are too many for a node.
fn tidy(site: &Site, place: usize) -> Done {
    if place % 10 == 9 {
        for node in site.lab.nodes() {
            node.sh(&format!(
                "for log in /var/log/pacemaker/pacemaker.log /var/log/corosync/corosync.log; do
                    [ $(stat -c %s $log) -lt {LOG} ] || {{ cp $log $log.before; : >$log; }}
                done"
            ))?;
        }
    }
    let status = site.lab.status()?;
    let often = |(resource, _, count): &&(String, String, String)| resource == "mz-platform" && count != "1";
    if status.fail_counts.iter().any(|count| often(&count)) {
        site.node("n1").exec(&["crm_resource", "--cleanup", "--resource", "mz-platform"])?;
        site.lab.settle()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Vec<Seen> {
        let nodes = [("platform", "n1"), ("ui", "n1"), ("ec1", "n3"), ("ec2", "n2"), ("sc1", "n3")];
        let seen = |(pico, node): (&str, &str)| {
            let (pico, node) = (pico.to_owned(), node.to_owned());
            Seen { pico, node, pid: 7, start_time: 70, began: 0, ended: None }
        };
        nodes.map(seen).to_vec()
    }

    #[test]
    fn a_fault_touches_its_pico_or_those_of_its_node_and_no_other() {
        let places = places();
        assert_eq!(touched(Fault::Kill("platform"), &places, &[]), ["platform"]);
        assert_eq!(touched(Fault::PowerCut("n3"), &places, &[]), ["ec1", "sc1"]);
        assert_eq!(touched(Fault::Standby("n2"), &places, &[]), ["ec2"]);
        assert_eq!(touched(Fault::Move("sc1"), &places, &[]), ["sc1"]);
        assert_eq!(touched(Fault::Move("ui"), &places, &[]), ["platform", "ui"], "both go with the address");
        let controller = Fault::DaemonKilled("pacemaker-controld", "n2");
        assert_eq!(touched(controller, &places, &["n2".to_owned()]), ["ec2"]);
        for fault in [Fault::Refresh, Fault::Cleanup, Fault::Reload("ec1"), controller] {
            assert!(touched(fault, &places, &[]).is_empty(), "{fault}");
        }
    }

    #[test]
    fn only_a_node_that_was_taken_away_may_be_fenced() {
        assert_eq!(may_be_fenced(Fault::CableCut("n2")), Some("n2"));
        for fault in [Fault::Standby("n2"), Fault::NodeStopped("n2"), Fault::Hang("ec1")] {
            assert_eq!(may_be_fenced(fault), None, "{fault}");
        }
    }

    #[test]
    fn a_soak_that_stopped_tells_how_it_is_brought_about_again() {
        let (fault, why) = (Some(Fault::Hang("ec1")), "ec2 was restarted".to_owned());
        let said = Stopped { seed: 5, count: 17, fault, why }.to_string();
        assert_eq!(
            said,
            "fault 17 (SIGSTOP to a pico: ec1): ec2 was restarted\nagain: cargo xtask soak --seed 5 --faults 17"
        );
    }
}
