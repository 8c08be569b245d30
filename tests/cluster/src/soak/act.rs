//! Each fault, done, and undone where it does not end by itself. What is waited for here is the end of the fault; that all is well
//! again is for the check to see.

use testkit::{Done, Error};

use super::sequence::Fault;
use crate::control::PROGRAMS;
use crate::site::{EC_HOME, SOON, Site};
use crate::watch::Seen;

/// Where the Platform's and the UI's picos are for every node, whoever has it mounted.
const STORAGE: &str = "/srv/mz";

/// Whether the pico is one of the installation that the cluster mounts.
pub(super) fn on_storage(pico: &str) -> bool {
    matches!(pico, "platform" | "ui")
}

/// The nodes that its constraints leave to a pico.
pub(super) fn may_run_on(pico: &str) -> &'static [&'static str] {
    if on_storage(pico) { &["n1", "n2"] } else { &["n2", "n3"] }
}

/// What came of a fault that the picos don't show.
#[derive(Debug, Default)]
pub(super) struct Came {
    /// In words.
    pub(super) effects: Vec<String>,
    /// A pico that the cluster had to restart, though the fault alone is none to do that for.
    pub(super) restarted: Option<&'static str>,
}

/// Does it.
pub(super) fn act(site: &Site, place: usize, fault: Fault) -> Result<Came, Error> {
    let mut came = Came::default();
    let effects = &mut came.effects;
    match fault {
        Fault::Kill(pico) => drop(site.kill_until_back(&site.one(pico)?)?),
        Fault::Hang(pico) => {
            let before = site.one(pico)?;
            site.signal(&before, "STOP")?;
            site.until_back(&before)?;
        }
        Fault::HaFailed(pico) => {
            let before = site.one(pico)?;
            site.set(&before.node, pico, "ha_answer=FAILED by the soak")?;
            site.until_dead(&before)?;
            site.set(&before.node, pico, "ha_answer=OK")?;
            site.until_back(&before)?;
        }
        Fault::MzshSlow(pico) => {
            let before = site.one(pico)?;
            slow_mzsh(site, &before, "4s")?;
            site.kill_until_back(&before)?;
            slow_mzsh(site, &before, "10ms")?;
        }
        Fault::AgentKilled(pico) => effects.extend(agent_killed(site, &site.one(pico)?)?),
        Fault::DaemonKilled(daemon, node) => {
            let before = identity(site, node, daemon)?;
            site.node(node).sh(&format!("kill -9 {}", before.split(' ').next().unwrap_or_default()))?;
            site.lab.until(&format!("another {daemon} on {node}"), SOON, |_| {
                let now = identity(site, node, daemon)?;
                Ok(if now == before { Err(now) } else { Ok(()) })
            })?;
            until_joined(site, node)?;
            effects.push(format!("{daemon} was started again"));
        }
        Fault::Standby(node) => {
            site.node(node).exec(&["crm_standby", "-N", node, "-v", "on"])?;
            site.lab.settle()?;
            site.node(node).exec(&["crm_standby", "-N", node, "-D"])?;
        }
        Fault::Move(pico) => moved(site, pico)?,
        Fault::PowerCut(node) => {
            site.node(node).kill()?;
            site.until_offline(node)?;
            site.until_online(node)?;
        }
        Fault::CableCut(node) => {
            let before = site.fenced(node)?;
            site.node(node).cut()?;
            until_fenced(site, node, before)?;
            site.node(node).heal()?;
            site.until_online(node)?;
        }
        Fault::CorosyncFrozen(node) => {
            let before = site.fenced(node)?;
            site.node(node).freeze()?;
            until_fenced(site, node, before)?;
            site.until_online(node)?;
        }
        Fault::NodeStopped(node) => {
            site.node(node).stop()?;
            site.until_offline(node)?;
            site.lab.settle()?;
            site.node(node).start()?;
            site.until_online(node)?;
            effects.push(format!("{node} left and joined"));
        }
        Fault::Refresh => site.node("n1").exec(&["crm_resource", "--refresh"]).map(drop)?,
        Fault::Cleanup => site.node("n1").exec(&["crm_resource", "--cleanup"]).map(drop)?,
        Fault::Maintenance(pico) => by_hand(site, &site.one(pico)?)?,
        Fault::Reload(pico) => {
            if changed(site, place, pico)? == Change::Reloaded {
                effects.push("taken over".to_owned());
            } else {
                effects.push("restarted by Pacemaker, for a probe had found it".to_owned());
                came.restarted = Some(pico);
            }
        }
    }
    Ok(came)
}

/// Each call of mzsh of this pico's installation takes so much longer.
fn slow_mzsh(site: &Site, pico: &Seen, by: &str) -> Done {
    let home = if on_storage(&pico.pico) { STORAGE } else { EC_HOME };
    let (program, setting) = (format!("{PROGRAMS}/mz-sim"), format!("mzsh_time={by}"));
    site.node(&pico.node).exec(&[&program, "set", home, &setting]).map(drop)
}

/// SIGKILL to the agents that the executor has started for a pico: the cluster can't tell how it is, and restarts it.
fn agent_killed(site: &Site, pico: &Seen) -> Result<Option<String>, Error> {
    let killed = site.node(&pico.node).sh(&format!(
        "executor=$(pidof pacemaker-execd)
        for pid in $(cat /proc/$executor/task/$executor/children); do
            tr '\\0' '\\n' </proc/$pid/environ | grep -qx OCF_RESOURCE_INSTANCE=mz-{} && kill -9 $pid && echo $pid
        done; true",
        pico.pico
    ))?;
    let count = killed.lines().count();
    if count == 0 {
        return Ok(None);
    }
    site.until_back(pico)?;
    Ok(Some(format!("{count} at work")))
}

/// Number and start time.
fn identity(site: &Site, node: &str, daemon: &str) -> Result<String, Error> {
    site.node(node).sh(&format!("pid=$(pidof {daemon}) && cut -d' ' -f1,22 /proc/$pid/stat"))
}

/// Waits until a node's controller takes part again, by its own word: the others may not have missed it yet.
fn until_joined(site: &Site, node: &str) -> Done {
    site.lab.until(&format!("{node}'s controller to have joined"), SOON, |_| {
        let ran = site.node(node).try_exec(&["timeout", "10", "crmadmin", "--status", node])?;
        let joined = ["S_IDLE", "S_NOT_DC", "S_POLICY_ENGINE", "S_TRANSITION_ENGINE"];
        let is = joined.iter().any(|state| ran.stdout.contains(state));
        Ok(if is { Ok(()) } else { Err(ran.to_string()) })
    })?;
    site.until_online(node)
}

fn moved(site: &Site, pico: &str) -> Done {
    let here = site.one(pico)?.node;
    let there = may_run_on(pico).iter().find(|node| **node != here).copied().unwrap_or_default();
    let resource = if on_storage(pico) { "mz".to_owned() } else { format!("mz-{pico}") };
    site.node("n1").exec(&["crm_resource", "--move", "--resource", &resource, "--node", there])?;
    site.until_ready(pico, there)?;
    site.lab.settle()?;
    site.node("n1").exec(&["crm_resource", "--clear", "--resource", &resource]).map(drop)
}

fn until_fenced(site: &Site, node: &str, before: usize) -> Done {
    site.lab.until(&format!("{node} to be fenced"), SOON, |_| {
        let now = site.fenced(node)?;
        Ok(if now > before { Ok(()) } else { Err(format!("it was fenced {now} times")) })
    })
}

fn by_hand(site: &Site, pico: &Seen) -> Done {
    let mode = |value: &str| {
        site.node("n1").exec(&["crm_attribute", "--name", "maintenance-mode", "--update", value])?;
        site.lab.settle()
    };
    mode("true")?;
    site.restart_by_hand(pico)?;
    mode("false")
}

/// What becomes of a changed parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Reloaded,
    Restarted,
}

/// Changes a reloadable parameter to a value that it did not have, and waits for what comes of it. That is a reload, unless [`may_restart`].
fn changed(site: &Site, place: usize, pico: &str) -> Result<Change, Error> {
    let (resource, before) = (format!("mz-{pico}"), site.one(pico)?);
    let node = before.node.as_str();
    let done = format!(
        "grep -ci 'Result of reload-agent operation for {resource} on {node}: ok' \
        /var/log/pacemaker/pacemaker.log || true"
    );
    let restart_is_right = may_restart(site, &resource, node)?;
    let reloads = site.node(node).sh(&done)?;
    let value = format!("{}s", 11 + place);
    let words = ["--resource", &resource, "--set-parameter", "ha_timeout", "--parameter-value", &value];
    site.node("n1").exec(&[&["crm_resource"][..], &words].concat())?;
    site.lab.until(&format!("{resource} to be reloaded, or restarted where that is right"), SOON, |_| {
        let now = site.node(node).sh(&done)?;
        if now != reloads {
            return Ok(Ok(Change::Reloaded));
        }
        let another = site.one(pico).is_ok_and(|alive| alive != before);
        Ok(if another && restart_is_right {
            Ok(Change::Restarted)
        } else {
            Err(format!("reloaded {} times, in another process: {another}", now.trim()))
        })
    })
}

/// Whether Pacemaker may restart a resource where a reloadable parameter is changed. It compares the parameters with a digest of those that
/// are not, which is noted with the last start or probe. But a probe that found what was not expected to run (after a refresh, a
/// cleanup, a restart of the controller) is noted a second time, as a failure, without that digest; where that is younger than the start,
/// any change is a restart.
fn may_restart(site: &Site, resource: &str, node: &str) -> Result<bool, Error> {
    let without = format!(
        "//node_state[@uname='{node}']//lrm_resource[@id='{resource}']/lrm_rsc_op[@interval='0'][not(@op-restart-digest)]"
    );
    let ran = site.node("n1").try_exec(&["cibadmin", "--query", "--xpath", &without])?;
    // It has another code when there is none.
    Ok(ran.code() == Some(0))
}
