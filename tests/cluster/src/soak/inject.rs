//! Injects each fault, and undoes it if it does not end by itself. This code waits for the end of
//! the fault. The later check waits until everything is healthy again.

use testkit::{TestResult, TestkitError};

use super::sequence::SoakFault;
use crate::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture, EC_HOME};
use crate::process_watcher::WatchedProcess;

/// The directory of the Platform's and the UI's installation, which every node has; only one node
/// mounts it.
const SHARED_MZ_HOME: &str = "/srv/mz";

/// True if the cluster mounts the pico's installation.
pub(super) fn is_on_shared_storage(pico: &str) -> bool {
    matches!(pico, "platform" | "ui")
}

/// The nodes that the constraints allow for a pico.
pub(super) fn may_run_on(pico: &str) -> &'static [&'static str] {
    if is_on_shared_storage(pico) { &["n1", "n2"] } else { &["n2", "n3"] }
}

/// Effects of a fault that the picos do not show.
#[derive(Debug, Default)]
pub(super) struct InjectionResult {
    pub(super) effects: Vec<String>,
    /// A pico that the cluster had to restart, although the fault alone does not require it.
    pub(super) expected_restart: Option<&'static str>,
}

fn kill_daemon(fixture: &ClusterFixture, daemon: &str, node: &'static str) -> TestResult {
    let before = daemon_identity(fixture, node, daemon)?;
    fixture.node(node).sh(&format!("kill -9 {}", before.split(' ').next().unwrap_or_default()))?;
    fixture.lab.wait_until(&format!("another {daemon} on {node}"), CLUSTER_TIMEOUT, |_| {
        let now = daemon_identity(fixture, node, daemon)?;
        Ok(if now == before { Err(now) } else { Ok(()) })
    })?;
    wait_until_joined(fixture, node)
}

pub(super) fn inject(
    fixture: &ClusterFixture,
    place: usize,
    fault: SoakFault,
) -> Result<InjectionResult, TestkitError> {
    let mut came = InjectionResult::default();
    let effects = &mut came.effects;
    match fault {
        SoakFault::Kill(pico) => {
            drop(fixture.kill_and_wait_until_back(&fixture.single_process(pico)?)?);
        }
        SoakFault::Hang(pico) => {
            let before = fixture.single_process(pico)?;
            fixture.signal(&before, "STOP")?;
            fixture.wait_until_back(&before)?;
        }
        SoakFault::HaFailed(pico) => answer_failed(fixture, pico)?,
        SoakFault::MzshSlow(pico) => {
            let before = fixture.single_process(pico)?;
            slow_mzsh(fixture, &before, "4s")?;
            fixture.kill_and_wait_until_back(&before)?;
            slow_mzsh(fixture, &before, "10ms")?;
        }
        SoakFault::AgentKilled(pico) => {
            effects.extend(kill_agents(fixture, &fixture.single_process(pico)?)?);
        }
        SoakFault::DaemonKilled(daemon, node) => {
            kill_daemon(fixture, daemon, node)?;
            effects.push(format!("{daemon} was started again"));
        }
        SoakFault::Standby(node) => {
            fixture.node(node).exec(&["crm_standby", "-N", node, "-v", "on"])?;
            fixture.lab.wait_until_settled()?;
            fixture.node(node).exec(&["crm_standby", "-N", node, "-D"])?;
        }
        SoakFault::Move(pico) => move_resource(fixture, pico)?,
        SoakFault::PowerCut(node) => {
            fixture.node(node).cut_power()?;
            fixture.wait_until_offline(node)?;
            fixture.wait_until_online(node)?;
        }
        SoakFault::CableCut(node) => {
            let before = fixture.fencing_count(node)?;
            fixture.node(node).cut_network()?;
            wait_until_fenced(fixture, node, before)?;
            fixture.node(node).restore_network()?;
            fixture.wait_until_online(node)?;
        }
        SoakFault::CorosyncFrozen(node) => {
            let before = fixture.fencing_count(node)?;
            fixture.node(node).freeze_corosync()?;
            wait_until_fenced(fixture, node, before)?;
            fixture.wait_until_online(node)?;
        }
        SoakFault::NodeStopped(node) => {
            fixture.node(node).stop_cluster()?;
            fixture.wait_until_offline(node)?;
            fixture.lab.wait_until_settled()?;
            fixture.node(node).start_cluster()?;
            fixture.wait_until_online(node)?;
            effects.push(format!("{node} left and joined"));
        }
        SoakFault::Refresh => fixture.node("n1").exec(&["crm_resource", "--refresh"]).map(drop)?,
        SoakFault::Cleanup => fixture.node("n1").exec(&["crm_resource", "--cleanup"]).map(drop)?,
        SoakFault::Maintenance(pico) => {
            restart_in_maintenance(fixture, &fixture.single_process(pico)?)?;
        }
        SoakFault::Reload(pico) => {
            if change_parameter(fixture, place, pico)? == ReloadResult::Reloaded {
                effects.push("taken over".to_owned());
            } else {
                effects.push("restarted by Pacemaker, for a probe had found it".to_owned());
                came.expected_restart = Some(pico);
            }
        }
    }
    Ok(came)
}

/// Has the HA Monitor Server of this pico answer FAILED until the pico is restarted.
fn answer_failed(fixture: &ClusterFixture, pico: &str) -> TestResult {
    let before = fixture.single_process(pico)?;
    fixture.set_simulator(&before.node, pico, "ha_answer=FAILED by the soak")?;
    fixture.wait_until_dead(&before)?;
    fixture.set_simulator(&before.node, pico, "ha_answer=OK")?;
    fixture.wait_until_back(&before).map(drop)
}

/// Delays each mzsh of this pico's installation by this time.
fn slow_mzsh(fixture: &ClusterFixture, pico: &WatchedProcess, by: &str) -> TestResult {
    let home = if is_on_shared_storage(&pico.pico) { SHARED_MZ_HOME } else { EC_HOME };
    let setting = format!("mzsh_time={by}");
    fixture.node(&pico.node).exec(&["mz-sim", "set", home, &setting]).map(drop)
}

/// Sends SIGKILL to the agents that the executor has started for a pico. The cluster gets no result
/// and restarts the pico.
fn kill_agents(
    fixture: &ClusterFixture,
    pico: &WatchedProcess,
) -> Result<Option<String>, TestkitError> {
    let killed = fixture.node(&pico.node).sh(&format!(
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
    fixture.wait_until_back(pico)?;
    Ok(Some(format!("{count} at work")))
}

/// The pid and start time.
fn daemon_identity(
    fixture: &ClusterFixture,
    node: &str,
    daemon: &str,
) -> Result<String, TestkitError> {
    fixture.node(node).sh(&format!("pid=$(pidof {daemon}) && cut -d' ' -f1,22 /proc/$pid/stat"))
}

/// Waits until a node's controller has joined, by its own log: the others may not have noticed its
/// absence yet.
fn wait_until_joined(fixture: &ClusterFixture, node: &str) -> TestResult {
    fixture.lab.wait_until(
        &format!("{node}'s controller to have joined"),
        CLUSTER_TIMEOUT,
        |_| {
            let ran =
                fixture.node(node).try_exec(&["timeout", "10", "crmadmin", "--status", node])?;
            let joined = ["S_IDLE", "S_NOT_DC", "S_POLICY_ENGINE", "S_TRANSITION_ENGINE"];
            let is = joined.iter().any(|state| ran.stdout.contains(state));
            Ok(if is { Ok(()) } else { Err(ran.to_string()) })
        },
    )?;
    fixture.wait_until_online(node)
}

fn move_resource(fixture: &ClusterFixture, pico: &str) -> TestResult {
    let here = fixture.single_process(pico)?.node;
    let there = may_run_on(pico).iter().find(|node| **node != here).copied().unwrap_or_default();
    let resource = if is_on_shared_storage(pico) { "mz".to_owned() } else { format!("mz-{pico}") };
    fixture.node("n1").exec(&[
        "crm_resource",
        "--move",
        "--resource",
        &resource,
        "--node",
        there,
    ])?;
    fixture.wait_until_ready(pico, there)?;
    fixture.lab.wait_until_settled()?;
    fixture.node("n1").exec(&["crm_resource", "--clear", "--resource", &resource]).map(drop)
}

fn wait_until_fenced(fixture: &ClusterFixture, node: &str, before: usize) -> TestResult {
    fixture.lab.wait_until(&format!("{node} to be fenced"), CLUSTER_TIMEOUT, |_| {
        let now = fixture.fencing_count(node)?;
        Ok(if now > before { Ok(()) } else { Err(format!("it was fenced {now} times")) })
    })
}

fn restart_in_maintenance(fixture: &ClusterFixture, pico: &WatchedProcess) -> TestResult {
    fixture.set_maintenance_mode(true)?;
    fixture.restart_by_hand(pico)?;
    fixture.set_maintenance_mode(false)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReloadResult {
    Reloaded,
    Restarted,
}

/// Changes a reloadable parameter to a new value and waits for the reaction. The reaction is a
/// reload, unless [`is_restart_expected`].
fn change_parameter(
    fixture: &ClusterFixture,
    place: usize,
    pico: &str,
) -> Result<ReloadResult, TestkitError> {
    let (resource, before) = (format!("mz-{pico}"), fixture.single_process(pico)?);
    let node = before.node.as_str();
    let done = format!(
        "grep -ci 'Result of reload-agent operation for {resource} on {node}: ok' \
        /var/log/pacemaker/pacemaker.log || true"
    );
    let restart_is_right = is_restart_expected(fixture, &resource, node)?;
    let reloads = fixture.node(node).sh(&done)?;
    let value = format!("{}s", 11 + place);
    let words =
        ["--resource", &resource, "--set-parameter", "ha_timeout", "--parameter-value", &value];
    fixture.node("n1").exec(&[&["crm_resource"][..], &words].concat())?;
    fixture.lab.wait_until(
        &format!("{resource} to be reloaded, or restarted where that is right"),
        CLUSTER_TIMEOUT,
        |_| {
            let now = fixture.node(node).sh(&done)?;
            if now != reloads {
                return Ok(Ok(ReloadResult::Reloaded));
            }
            let another = fixture.single_process(pico).is_ok_and(|alive| alive != before);
            Ok(if another && restart_is_right {
                Ok(ReloadResult::Restarted)
            } else {
                Err(format!("reloaded {} times, in another process: {another}", now.trim()))
            })
        },
    )
}

/// True if Pacemaker may restart a resource when a reloadable parameter changes. It compares the
/// parameters with a digest of the non-reloadable ones, which the last start or probe stores. A
/// probe may find an unexpectedly running resource, after a refresh, a cleanup or a restart of the
/// controller. Pacemaker then stores it a second time, as a failure, without that digest. If that
/// entry is newer than the start, any change is a restart.
fn is_restart_expected(
    fixture: &ClusterFixture,
    resource: &str,
    node: &str,
) -> Result<bool, TestkitError> {
    let without = format!(
        "//node_state[@uname='{node}']//lrm_resource[@id='{resource}']/lrm_rsc_op[@interval='0'][not(@op-restart-digest)]"
    );
    let ran = fixture.node("n1").try_exec(&["cibadmin", "--query", "--xpath", &without])?;
    // The command exits with another code if there is no such entry.
    Ok(ran.code() == Some(0))
}
