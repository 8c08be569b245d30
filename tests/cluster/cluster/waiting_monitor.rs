//! The waiting monitor beside an ordinary one. In each scenario `ec1` has the default `wait` and `ec2`
//! `wait=0`, and the same is done to both. The responses of cluster and product are compared: fail-counts and
//! failures, the operations in the CIB, all calls of mzsh, all processes.

use std::collections::BTreeSet;
use std::time::Duration;

use lab::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture, ClusterPlan, cluster_plan};
use lab::process_watcher::{self, WatchedProcess};
use lab::timeline::{self, ClusterLogEvent};
use lab::{Lab, TestResult, TestkitError, report};
use roxmltree::{Document, Node as Element};

/// A monitor that is this old is waiting, because an ordinary one takes hundredths of a second. The limit
/// leaves at least [`MIN_REMAINING_MS`] of its 20 s.
const WAITING_AGE_SECONDS: std::ops::RangeInclusive<u64> = 2..=5;

/// Milliseconds for which a request that had to wait for the monitor would be delayed.
const MIN_REMAINING_MS: u64 = 14_000;

/// Milliseconds for which a monitor waits, or holds back a duplicate report of a death.
const WAIT_MS: u64 = 20_000;

/// The monitor of depth 0 in the README.
const README_MONITOR_0: &str = "monitor interval=1s timeout=60s";

/// The README's deeper monitor.
const README_MONITOR_10: &str = "op monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10";

/// `ec2` does not wait.
fn plan_with_and_without_wait() -> ClusterPlan {
    cluster_plan().replace_in_resource("mz-ec2", "pico_name=ec2", "pico_name=ec2 wait=0")
}

/// Both ECs on n3, so that node, load and everything else are the same for both.
fn fixture_with_both_on_n3(plan: ClusterPlan) -> Result<ClusterFixture, TestkitError> {
    let fixture =
        plan.with_crm_lines("location mz-ec2-beside-mz-ec1 mz-ec2 80: n3").start_in(Lab::up(3)?)?;
    for (pico, node) in
        [("platform", "n1"), ("ui", "n1"), ("ec1", "n3"), ("ec2", "n3"), ("sc1", "n3")]
    {
        fixture.wait_until_ready(pico, node)?;
    }
    fixture.lab.wait_until_settled()?;
    wait_until_ec1_waits(&fixture, "n3", "n3")?;
    Ok(fixture)
}

/// With `on-fail=fence` for the monitor of depth 0, the node of an EC that dies is fenced once, and the EC
/// runs on the other node. That holds whether that monitor waits for the death or runs every second.
#[test]
fn death_with_on_fail_fence_fences_node_once() -> TestResult {
    let fence = |plan: ClusterPlan, resource| {
        plan.replace_in_resource(
            resource,
            README_MONITOR_0,
            &format!("{README_MONITOR_0} on-fail=fence"),
        )
    };
    let fixture =
        ["mz-ec1", "mz-ec2"].into_iter().fold(plan_with_and_without_wait(), fence).up()?;
    wait_until_ec1_waits(&fixture, "n3", "n2")?;
    let waiting = kill_and_observe_fencing(&fixture, "ec1", "n3")?;
    assert_eq!(waiting.0, ["reboot of its node"], "{waiting:?}");
    assert_eq!(waiting, kill_and_observe_fencing(&fixture, "ec2", "n2")?);
    // Each node is fenced once; what ran beside the dead EC was started again, too.
    fixture.finish(&[("ec1", &["n3"], 3), ("ec2", &["n3"], 2), ("sc1", &["n3"], 3)])
}

/// Actions of the power switch, and the history of the killed EC.
fn kill_and_observe_fencing(
    fixture: &ClusterFixture,
    pico: &str,
    node: &str,
) -> Result<(Vec<String>, EcHistory), TestkitError> {
    let before = fixture.single_process(pico)?;
    let (since, switched) = (process_watcher::now_ms(), fixture.power_switch_log()?.len());
    fixture.note_fault(&format!("kill -9 of {pico}, whose node is to be fenced then"));
    fixture.signal(&before, "KILL")?;
    let back = fixture.wait_until_back(&before)?;
    fixture.wait_until_online(node)?;
    let names = |text: &str| text.replace(node, "of its node").replace(&back.node, "the other one");
    let switched = fixture.power_switch_log()?.split_off(switched);
    let switched = switched.iter().map(|(_, what)| names(what)).collect();
    // The second fencing deletes the history of the first EC, so each history is read at once.
    Ok((switched, EcHistory::collect_since(fixture, pico, since)?.map_names(names)))
}

/// Two ECs are killed in maintenance mode: nothing is detected or counted. At its end both are found dead,
/// counted once, and started.
#[test]
fn death_in_maintenance_counts_once_at_its_end() -> TestResult {
    // Depth 0 alone: whether a second monitor with the same finding is counted, too, depends on what else
    // Pacemaker has to start just then.
    let alone =
        |plan: ClusterPlan, resource| plan.replace_in_resource(resource, README_MONITOR_10, "");
    let fixture = fixture_with_both_on_n3(
        ["mz-ec1", "mz-ec2"].into_iter().fold(plan_with_and_without_wait(), alone),
    )?;
    let (dead, _) = kill_both_during_maintenance(&fixture)?;
    wait_until_both_back(&fixture, &dead)?;
    let story = assert_same_history(&fixture)?;
    assert_eq!(story.fail_counts, text_set(&["n3: fail-count-EC#monitor_1000=1"]), "{story:?}");
    fixture.finish(&[("ec1", &["n3"], 2), ("ec2", &["n3"], 2)])
}

/// Two ECs with the README's deeper monitor are killed in maintenance mode. At its end Pacemaker starts both
/// monitors of each EC at the same moment. Neither waits until the other's failure is acted upon, so the
/// recovery begins at once. Each of the two may count.
#[test]
fn death_in_maintenance_with_deeper_monitor_recovers_at_once() -> TestResult {
    let fixture = fixture_with_both_on_n3(plan_with_and_without_wait())?;
    let (dead, ended) = kill_both_during_maintenance(&fixture)?;
    wait_until_both_back(&fixture, &dead)?;
    let (moments, status) =
        (report::log_events(&fixture.lab, process_watcher::now_ms()), fixture.lab.status()?);
    for resource in ["mz-ec1", "mz-ec2"] {
        let decided = timeline::of_resource(&moments, resource, ended, u64::MAX).decided;
        let (decided, what) = decided.expect("it was recovered");
        let said = format!("{what} came {} ms after the end of maintenance mode", decided - ended);
        println!("{said}");
        assert!(decided - ended < WAIT_MS / 2, "{said}");
        let count = status.fail_count(resource, "n3");
        assert!(["1", "2"].contains(&count), "{status}");
    }
    fixture.finish(&[("ec1", &["n3"], 2), ("ec2", &["n3"], 2)])
}

/// Kills both ECs in maintenance mode, and ends that mode when no reaction was seen for a while. Returns the
/// killed processes, and when the mode ended.
#[track_caller]
fn kill_both_during_maintenance(
    fixture: &ClusterFixture,
) -> Result<([WatchedProcess; 2], u64), TestkitError> {
    fixture.set_maintenance_mode(true)?;
    let dead = kill_both(fixture, "in maintenance mode")?;
    // As long as three monitors would take, if there were any.
    fixture.lab.pause(Duration::from_secs(4))?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_nothing_failed()?;
    assert_none_started(fixture);
    fixture.note_fault("maintenance mode ends");
    let ended = process_watcher::now_ms();
    fixture.set_maintenance_mode(false)?;
    Ok((dead, ended))
}

/// Two unmanaged ECs die: both deaths are reported, and counted once by depth 0 and once by depth 10, because
/// the cluster does not act on the first report. Neither EC is started before it is managed again.
#[test]
fn death_of_unmanaged_ec_counts_once_per_depth() -> TestResult {
    let often = |plan: ClusterPlan, resource| {
        plan.replace_in_resource(resource, "monitor interval=30s", "monitor interval=5s")
    };
    let fixture = fixture_with_both_on_n3(
        ["mz-ec1", "mz-ec2"].into_iter().fold(plan_with_and_without_wait(), often),
    )?;
    let managed = |words: &[&str]| -> TestResult {
        for resource in ["mz-ec1", "mz-ec2"] {
            let all = [&["crm_resource", "--resource", resource, "--meta"], words].concat();
            fixture.node("n1").exec(&all)?;
        }
        fixture.lab.wait_until_settled()
    };
    managed(&["--set-parameter", "is-managed", "--parameter-value", "false"])?;
    let dead = kill_both(&fixture, "which are not managed")?;
    fixture.lab.wait_until(
        "both deaths to be counted by both monitors",
        CLUSTER_TIMEOUT,
        |lab| {
            let status = lab.status()?;
            let counted = ["mz-ec1", "mz-ec2"]
                .iter()
                .all(|resource| status.fail_count(resource, "n3") == "2");
            Ok(if counted { Ok(()) } else { Err(status.to_string()) })
        },
    )?;
    fixture.lab.wait_until_settled()?;
    let counted =
        text_set(&["n3: fail-count-EC#monitor_1000=1", "n3: fail-count-EC#monitor_5000=1"]);
    // The location that Pacemaker shows for an unmanaged resource depends on which of its two monitors
    // reported last.
    let placeless = |story| EcHistory { running_on: Vec::new(), ..story };
    assert_eq!(assert_equal_histories(histories(&fixture)?.map(placeless)).fail_counts, counted);
    assert_none_started(&fixture);
    fixture.note_fault("both ECs are managed again");
    managed(&["--delete-parameter", "is-managed"])?;
    wait_until_both_back(&fixture, &dead)?;
    assert_eq!(assert_same_history(&fixture)?.fail_counts, counted);
    fixture.finish(&[("ec1", &["n3"], 2), ("ec2", &["n3"], 2)])
}

/// The node of two ECs goes into standby: both are stopped in an orderly way and run on the other node.
/// Nothing fails, and the waiting monitor delays nothing.
#[test]
fn standby_is_not_delayed_by_waiting_monitor() -> TestResult {
    let standby = |words: &[&'static str]| vec![[&["crm_standby", "-N", "n3"], words].concat()];
    let fixture =
        move_both_to_n2("n3 goes into standby", &standby(&["-v", "on"]), &standby(&["-D"]))?;
    fixture.finish(&[("ec1", &["n2"], 2), ("ec2", &["n2"], 2), ("sc1", &["n2"], 2)])
}

/// Two ECs are moved to the other node: both are stopped in an orderly way and run there. Nothing fails, and
/// the waiting monitor delays nothing.
#[test]
fn move_is_not_delayed_by_waiting_monitor() -> TestResult {
    let each = |words: &[&'static str]| {
        ["mz-ec1", "mz-ec2"]
            .map(|resource| [&["crm_resource", "--resource", resource], words].concat())
    };
    let (there, free) = (each(&["--move", "--node", "n2"]), each(&["--clear"]));
    let fixture = move_both_to_n2("ec1 and ec2 are moved to n2", &there, &free)?;
    fixture.finish(&[("ec1", &["n2"], 2), ("ec2", &["n2"], 2)])
}

/// The cluster after the first commands have moved both ECs from n3 to n2 in an orderly way, and the second
/// have removed the constraints that keep them there.
#[track_caller]
fn move_both_to_n2(
    what: &str,
    there: &[Vec<&str>],
    free: &[Vec<&str>],
) -> Result<ClusterFixture, TestkitError> {
    let fixture = fixture_with_both_on_n3(plan_with_and_without_wait())?;
    let all = |commands: &[Vec<&str>]| {
        commands.iter().try_for_each(|words| fixture.node("n1").exec(words).map(drop))
    };
    let before = [fixture.single_process("ec1")?, fixture.single_process("ec2")?];
    let since = process_watcher::now_ms();
    fixture.note_fault(what);
    all(there)?;
    wait_until_both_back(&fixture, &before)?;
    assert_orderly_move(&fixture, since)?;
    all(free)?;
    fixture.lab.wait_until_settled()?;
    Ok(fixture)
}

/// Both have moved from n3 to n2 without a failure, and their stops took about equally long from the order
/// on.
#[track_caller]
fn assert_orderly_move(fixture: &ClusterFixture, since: u64) -> TestResult {
    fixture.assert_nothing_failed()?;
    let story = assert_same_history(fixture)?;
    assert_eq!(story.running_on, ["n2"], "{story:?}");
    let moments = report::log_events(&fixture.lab, process_watcher::now_ms());
    let [waiting, ordinary] = ["mz-ec1", "mz-ec2"].map(|resource| {
        let order = format!("{resource}_stop_0 on n3");
        let ordered = moments.iter().find_map(|(time, told)| match told {
            ClusterLogEvent::Ordered(what) if *what == order && *time >= since => Some(*time),
            _ => None,
        });
        let ended = moments.iter().find_map(|(time, told)| match told {
            ClusterLogEvent::Ran { resource: of, action, .. }
                if of == resource && action == "stop" && *time >= since =>
            {
                Some(*time)
            }
            _ => None,
        });
        let (ordered, ended) = ordered.zip(ended).expect("it was stopped");
        ended.saturating_sub(ordered)
    });
    println!(
        "stopped: the one with a waiting monitor after {waiting} ms, the other one after {ordinary} ms"
    );
    assert!(
        waiting < ordinary + MIN_REMAINING_MS / 2,
        "{waiting} ms from the order to the end of the stop, the other one {ordinary} ms"
    );
    Ok(())
}

/// Kills both ECs at once.
fn kill_both(fixture: &ClusterFixture, how: &str) -> Result<[WatchedProcess; 2], TestkitError> {
    let both = [fixture.single_process("ec1")?, fixture.single_process("ec2")?];
    fixture.note_fault(&format!("kill -9 of ec1 and ec2, {how}"));
    fixture.kill_processes(&both)?;
    both.iter().try_for_each(|seen| fixture.wait_until_dead(seen))?;
    Ok(both)
}

fn wait_until_both_back(fixture: &ClusterFixture, before: &[WatchedProcess; 2]) -> TestResult {
    before.iter().try_for_each(|seen| fixture.wait_until_back(seen).map(drop))?;
    fixture.lab.wait_until_settled()
}

#[track_caller]
fn assert_none_started(fixture: &ClusterFixture) {
    for pico in ["ec1", "ec2"] {
        let alive = fixture.lab.watcher().alive(pico);
        assert!(alive.is_empty(), "{alive:?}");
    }
}

/// Waits until the monitor of depth 0 of `ec1` waits and that of `ec2` does not.
fn wait_until_ec1_waits(
    fixture: &ClusterFixture,
    node_of_ec1: &str,
    node_of_ec2: &str,
) -> TestResult {
    fixture.lab.wait_until("a monitor of ec1 that waits", CLUSTER_TIMEOUT, |_| {
        let (of_ec1, of_ec2) = (
            monitor_ages(fixture, "ec1", node_of_ec1)?,
            monitor_ages(fixture, "ec2", node_of_ec2)?,
        );
        let as_told = of_ec1.iter().any(|age| WAITING_AGE_SECONDS.contains(age))
            && of_ec2.iter().all(|age| age < WAITING_AGE_SECONDS.start());
        Ok(if as_told {
            Ok(())
        } else {
            Err(format!("at work for ec1 {of_ec1:?} s, for ec2 {of_ec2:?} s"))
        })
    })
}

/// Ages in seconds of the running monitors of depth 0 of an EC on a node.
fn monitor_ages(
    fixture: &ClusterFixture,
    pico: &str,
    node: &str,
) -> Result<Vec<u64>, TestkitError> {
    // A monitor that ends meanwhile is not listed.
    let ages = fixture.node(node).sh(&format!(
        "for pid in $(pidof /usr/lib/ocf/resource.d/mediationzone/ec); do
            of=$(tr '\\0' '\\n' 2>/dev/null </proc/$pid/environ |
                grep -cxE 'OCF_RESOURCE_INSTANCE=mz-{pico}|OCF_RESKEY_CRM_meta_interval=1000')
            [ \"$of\" != 2 ] || ps -o etimes= -p $pid
        done; true"
    ))?;
    Ok(ages.lines().filter_map(|age| age.trim().parse().ok()).collect())
}

/// The history of an EC; names that differ between the two ECs are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct EcHistory {
    /// Unexpected results that its nodes' controllers got, without the agent's reason.
    unexpected_results: Vec<String>,
    /// By operation and interval, as in the CIB.
    fail_counts: BTreeSet<String>,
    /// As `crm_mon` lists them, without the agent's reason, which names the process.
    failures: BTreeSet<String>,
    /// Nodes on which the cluster shows it as running.
    running_on: Vec<String>,
    /// Every operation in the CIB with its result.
    operations: BTreeSet<String>,
    /// Calls of mzsh, and events that the processes logged, in order.
    product_events: Vec<String>,
}

impl EcHistory {
    /// Of results and product events only those since then.
    fn collect_since(
        fixture: &ClusterFixture,
        pico: &str,
        since: u64,
    ) -> Result<Self, TestkitError> {
        let (resource, status) = (format!("mz-{pico}"), fixture.lab.status()?);
        let cib = fixture.node("n1").exec(&["cibadmin", "--query", "--scope", "status"])?.stdout;
        let (counted, operations) = parse_cib(&cib, &resource);
        let failures = status.failures.iter().filter_map(|failure| {
            let (operation, rest) =
                failure.strip_prefix(&format!("{resource}_"))?.split_once('_')?;
            let (_, rest) = rest.split_once(" on ")?;
            Some(format!(
                "{operation} on {}",
                rest.split(' ').take(2).collect::<Vec<_>>().join(" ")
            ))
        });
        let moments = report::log_events(&fixture.lab, process_watcher::now_ms());
        let result = format!(" operation for {resource} on ");
        let told = moments.iter().filter_map(|(time, told)| match told {
            ClusterLogEvent::Noticed(text) if *time >= since && text.contains(&result) => {
                Some(text.split(" (").next().unwrap_or(text).replace(&resource, "EC"))
            }
            _ => None,
        });
        let product =
            fixture.history()?.into_iter().filter(|event| event.time >= since).filter_map(
                |event| {
                    let by_mzsh =
                        event.event == "mzsh" && event.reason.split(' ').any(|word| word == pico);
                    let what = if by_mzsh { event.reason.replace(pico, "EC") } else { event.event };
                    (by_mzsh || event.pico == pico).then(|| format!("{}: {what}", event.node))
                },
            );
        Ok(Self {
            unexpected_results: told.collect(),
            fail_counts: counted,
            failures: failures.collect(),
            running_on: status.nodes_running(&resource).to_vec(),
            operations,
            product_events: product.collect(),
        })
    }

    fn map_names(self, names: impl Fn(&str) -> String) -> Self {
        let set = |all: BTreeSet<String>| all.iter().map(|text| names(text)).collect();
        let list = |all: Vec<String>| all.iter().map(|text| names(text)).collect();
        Self {
            unexpected_results: list(self.unexpected_results),
            fail_counts: set(self.fail_counts),
            failures: set(self.failures),
            running_on: list(self.running_on),
            operations: set(self.operations),
            product_events: list(self.product_events),
        }
    }
}

/// Fail-counts and operations of a resource.
fn parse_cib(cib: &str, resource: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let document = Document::parse(cib).expect("cibadmin writes XML");
    let text = |element: &Element<'_, '_>, name: &str| {
        element.attribute(name).unwrap_or_default().replace(resource, "EC")
    };
    let node = |element: &Element<'_, '_>| {
        let state = element.ancestors().find(|above| above.has_tag_name("node_state"));
        state.map(|state| text(&state, "uname")).unwrap_or_default()
    };
    let all = || document.descendants().filter(Element::is_element);
    let counted = all().filter(|element| element.has_tag_name("nvpair")).filter_map(|pair| {
        let name = text(&pair, "name");
        name.starts_with("fail-count-EC#")
            .then(|| format!("{}: {name}={}", node(&pair), text(&pair, "value")))
    });
    let of_resource = |operation: &Element<'_, '_>| {
        operation.parent().is_some_and(|above| above.attribute("id") == Some(resource))
    };
    let operations = all().filter(|element| element.has_tag_name("lrm_rsc_op")).filter(of_resource);
    let operations = operations.map(|operation| {
        let [id, what, code] = ["id", "operation", "rc-code"].map(|name| text(&operation, name));
        format!("{}: {id} is {what} = {code}", node(&operation))
    });
    (counted.collect(), operations.collect())
}

fn histories(fixture: &ClusterFixture) -> Result<[EcHistory; 2], TestkitError> {
    Ok([EcHistory::collect_since(fixture, "ec1", 0)?, EcHistory::collect_since(fixture, "ec2", 0)?])
}

/// Checks that both ECs have the same history, and returns it.
#[track_caller]
fn assert_same_history(fixture: &ClusterFixture) -> Result<EcHistory, TestkitError> {
    histories(fixture).map(assert_equal_histories)
}

#[track_caller]
fn assert_equal_histories([waiting, ordinary]: [EcHistory; 2]) -> EcHistory {
    println!("{waiting:#?}");
    assert_eq!(
        waiting, ordinary,
        "the first has a monitor that waits, the other one an ordinary one"
    );
    waiting
}

fn text_set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}
