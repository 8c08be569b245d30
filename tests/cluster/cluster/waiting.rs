//! The waiting monitor beside an ordinary one. In each scenario `ec1` has the default `wait` and `ec2` `wait=0`, the same is done to both,
//! and what the cluster and the product make of it is compared: fail-counts and failures, the operations in the CIB, all calls of mzsh, all lives.

use std::collections::BTreeSet;
use std::time::Duration;

use lab::site::{Plan, SOON, Site, site};
use lab::timeline::{self, Told};
use lab::watch::{self, Seen};
use lab::{Done, Error, Lab, report};
use roxmltree::{Document, Node as Element};

/// A monitor that has been at work for so many seconds waits: an ordinary one takes hundredths of one. Not for longer than the latter, so that
/// of its 20 s at least [`LEFT`] are left.
const WAITS: std::ops::RangeInclusive<u64> = 2..=5;

/// So long, in milliseconds, whoever would be held up by the monitor would be held up.
const LEFT: u64 = 14_000;

/// For so long, in milliseconds, a monitor waits, or stays when another one has told of the death.
const WAIT: u64 = 20_000;

/// The monitor of depth 0 in the README.
const MONITOR: &str = "monitor interval=1s timeout=60s";

/// The deeper one.
const DEEPER: &str = "op monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10";

/// `ec2` does not wait.
fn plan() -> Plan {
    site().in_primitive("mz-ec2", "pico_name=ec2", "pico_name=ec2 wait=0")
}

/// Both on n3, so that node, load and everything else are the same for both.
fn both_on_n3(plan: Plan) -> Result<Site, Error> {
    let site = plan.and("location mz-ec2-beside-mz-ec1 mz-ec2 80: n3").begin_in(Lab::up(3)?)?;
    for (pico, node) in [("platform", "n1"), ("ui", "n1"), ("ec1", "n3"), ("ec2", "n3"), ("sc1", "n3")] {
        site.until_ready(pico, node)?;
    }
    site.lab.settle()?;
    until_one_waits(&site, "n3", "n3")?;
    Ok(site)
}

/// The node of an EC is fenced when the EC dies, with `on-fail=fence` for the monitor of depth 0, and the EC runs on the other one: once, whether
/// that monitor waits for the death or comes by every second.
#[test]
fn death_that_fences() -> Done {
    let fence =
        |plan: Plan, resource| plan.in_primitive(resource, MONITOR, &format!("{MONITOR} on-fail=fence"));
    let site = ["mz-ec1", "mz-ec2"].into_iter().fold(plan(), fence).up()?;
    until_one_waits(&site, "n3", "n2")?;
    let waiting = fenced_with(&site, "ec1", "n3")?;
    assert_eq!(waiting.0, ["reboot of its node"], "{waiting:?}");
    assert_eq!(waiting, fenced_with(&site, "ec2", "n2")?);
    // Each node once; what ran beside the dead one went with it.
    site.witnessed(&[("ec1", &["n3"], 3), ("ec2", &["n3"], 2), ("sc1", &["n3"], 3)])
}

/// What the power switch did, and what became of an EC that was killed.
fn fenced_with(site: &Site, pico: &str, node: &str) -> Result<(Vec<String>, Story), Error> {
    let before = site.one(pico)?;
    let (since, switched) = (watch::now(), site.switched()?.len());
    site.fault(&format!("kill -9 of {pico}, whose node is to be fenced then"));
    site.signal(&before, "KILL")?;
    let back = site.until_back(&before)?;
    site.until_online(node)?;
    let names = |text: &str| text.replace(node, "of its node").replace(&back.node, "the other one");
    let switched = site.switched()?.split_off(switched);
    let switched = switched.iter().map(|(_, what)| names(what)).collect();
    // Of what is known of the first EC the second fencing makes an end: each is asked at once.
    Ok((switched, Story::of(site, pico, since)?.with(names)))
}

/// In maintenance mode nothing is noticed of two ECs that are killed, and nothing counted. At its end both are found dead, counted once, and started.
#[test]
fn killed_in_maintenance() -> Done {
    // Depth 0 alone: whether the second monitor that finds the same is counted, too, depends on what else Pacemaker has to begin just then.
    let alone = |plan: Plan, resource| plan.in_primitive(resource, DEEPER, "");
    let site = both_on_n3(["mz-ec1", "mz-ec2"].into_iter().fold(plan(), alone))?;
    let (dead, _) = killed_until_maintenance_ends(&site)?;
    both_back(&site, &dead)?;
    let story = the_same(&site)?;
    assert_eq!(story.counted, texts(&["n3: fail-count-EC#monitor_1000=1"]), "{story:?}");
    site.witnessed(&[("ec1", &["n3"], 2), ("ec2", &["n3"], 2)])
}

/// The same with the deeper monitor of the README, which Pacemaker begins at the same moment: neither waits for the other's failure to be
/// acted upon, so the recovery begins at once; each of the two may count.
#[test]
fn killed_in_maintenance_with_a_deeper_monitor() -> Done {
    let site = both_on_n3(plan())?;
    let (dead, ended) = killed_until_maintenance_ends(&site)?;
    both_back(&site, &dead)?;
    let (moments, status) = (report::moments(&site.lab, watch::now()), site.lab.status()?);
    for resource in ["mz-ec1", "mz-ec2"] {
        let decided = timeline::of_resource(&moments, resource, ended, u64::MAX).decided;
        let (decided, what) = decided.expect("it was recovered");
        let said = format!("{what} came {} ms after the end of maintenance mode", decided - ended);
        println!("{said}");
        assert!(decided - ended < WAIT / 2, "{said}");
        let count = status.fail_count(resource, "n3");
        assert!(["1", "2"].contains(&count), "{status}");
    }
    site.witnessed(&[("ec1", &["n3"], 2), ("ec2", &["n3"], 2)])
}

/// Kills both in maintenance mode, and ends that when nothing has come of it for a while; whom, and when it was ended.
#[track_caller]
fn killed_until_maintenance_ends(site: &Site) -> Result<([Seen; 2], u64), Error> {
    let maintenance = |value: &str| {
        site.node("n1").exec(&["crm_attribute", "--name", "maintenance-mode", "--update", value])?;
        site.lab.settle()
    };
    maintenance("true")?;
    let dead = both_killed(site, "in maintenance mode")?;
    // For as long as three monitors would take, if there were any.
    site.lab.pause(Duration::from_secs(4))?;
    site.lab.settle()?;
    site.nothing_failed()?;
    nobody_was_started(site);
    site.fault("maintenance mode ends");
    let ended = watch::now();
    maintenance("false")?;
    Ok((dead, ended))
}

/// Two ECs that are not managed die: both deaths are told, and counted once by depth 0 and once by depth 10, for nobody acts on what the first has
/// told; nobody is started. Managed again, both are.
#[test]
fn killed_while_unmanaged() -> Done {
    let often =
        |plan: Plan, resource| plan.in_primitive(resource, "monitor interval=30s", "monitor interval=5s");
    let site = both_on_n3(["mz-ec1", "mz-ec2"].into_iter().fold(plan(), often))?;
    let managed = |words: &[&str]| -> Done {
        for resource in ["mz-ec1", "mz-ec2"] {
            let all = [&["crm_resource", "--resource", resource, "--meta"], words].concat();
            site.node("n1").exec(&all)?;
        }
        site.lab.settle()
    };
    managed(&["--set-parameter", "is-managed", "--parameter-value", "false"])?;
    let dead = both_killed(&site, "which are not managed")?;
    site.lab.until("both deaths to be counted by both monitors", SOON, |lab| {
        let status = lab.status()?;
        let counted = ["mz-ec1", "mz-ec2"].iter().all(|resource| status.fail_count(resource, "n3") == "2");
        Ok(if counted { Ok(()) } else { Err(status.to_string()) })
    })?;
    site.lab.settle()?;
    let counted = texts(&["n3: fail-count-EC#monitor_1000=1", "n3: fail-count-EC#monitor_5000=1"]);
    // Where Pacemaker takes such a one to be depends on which of its two monitors has told last.
    let placeless = |story| Story { on: Vec::new(), ..story };
    assert_eq!(the_same_in(both(&site)?.map(placeless)).counted, counted);
    nobody_was_started(&site);
    site.fault("both ECs are managed again");
    managed(&["--delete-parameter", "is-managed"])?;
    both_back(&site, &dead)?;
    assert_eq!(the_same(&site)?.counted, counted);
    site.witnessed(&[("ec1", &["n3"], 2), ("ec2", &["n3"], 2)])
}

/// The node of two ECs goes into standby: both are stopped in an orderly way and run on the other one; no failure, and the monitor that waits holds
/// up nothing.
#[test]
fn standby() -> Done {
    let standby = |words: &[&'static str]| vec![[&["crm_standby", "-N", "n3"], words].concat()];
    let site = to_n2_and_free("n3 goes into standby", &standby(&["-v", "on"]), &standby(&["-D"]))?;
    site.witnessed(&[("ec1", &["n2"], 2), ("ec2", &["n2"], 2), ("sc1", &["n2"], 2)])
}

/// Two ECs are moved to the other node: both are stopped in an orderly way and run there; no failure, and the monitor that waits holds up nothing.
#[test]
fn moved() -> Done {
    let each = |words: &[&'static str]| {
        ["mz-ec1", "mz-ec2"].map(|resource| [&["crm_resource", "--resource", resource], words].concat())
    };
    let (there, free) = (each(&["--move", "--node", "n2"]), each(&["--clear"]));
    let site = to_n2_and_free("ec1 and ec2 are moved to n2", &there, &free)?;
    site.witnessed(&[("ec1", &["n2"], 2), ("ec2", &["n2"], 2)])
}

/// The site on which these commands have brought both from n3 to n2, in an orderly way, and others have taken back what keeps them there.
#[track_caller]
fn to_n2_and_free(what: &str, there: &[Vec<&str>], free: &[Vec<&str>]) -> Result<Site, Error> {
    let site = both_on_n3(plan())?;
    let all =
        |commands: &[Vec<&str>]| commands.iter().try_for_each(|words| site.node("n1").exec(words).map(drop));
    let before = [site.one("ec1")?, site.one("ec2")?];
    let since = watch::now();
    site.fault(what);
    all(there)?;
    both_back(&site, &before)?;
    orderly(&site, since)?;
    all(free)?;
    site.lab.settle()?;
    Ok(site)
}

/// Both have gone from n3 to n2, have failed in nothing, and the stop of one took about as long as that of the other, from the order on.
#[track_caller]
fn orderly(site: &Site, since: u64) -> Done {
    site.nothing_failed()?;
    let story = the_same(site)?;
    assert_eq!(story.on, ["n2"], "{story:?}");
    let moments = report::moments(&site.lab, watch::now());
    let [waiting, ordinary] = ["mz-ec1", "mz-ec2"].map(|resource| {
        let order = format!("{resource}_stop_0 on n3");
        let ordered = moments.iter().find_map(|(time, told)| match told {
            Told::Ordered(what) if *what == order && *time >= since => Some(*time),
            _ => None,
        });
        let ended = moments.iter().find_map(|(time, told)| match told {
            Told::Ran { resource: of, action, .. }
                if of == resource && action == "stop" && *time >= since =>
            {
                Some(*time)
            }
            _ => None,
        });
        let (ordered, ended) = ordered.zip(ended).expect("it was stopped");
        ended.saturating_sub(ordered)
    });
    println!("stopped: the one with a waiting monitor after {waiting} ms, the other one after {ordinary} ms");
    assert!(
        waiting < ordinary + LEFT / 2,
        "{waiting} ms from the order to the end of the stop, the other one {ordinary} ms"
    );
    Ok(())
}

/// SIGKILL to both, at once.
fn both_killed(site: &Site, how: &str) -> Result<[Seen; 2], Error> {
    let both = [site.one("ec1")?, site.one("ec2")?];
    site.fault(&format!("kill -9 of ec1 and ec2, {how}"));
    site.killed(&both)?;
    both.iter().try_for_each(|seen| site.until_dead(seen))?;
    Ok(both)
}

fn both_back(site: &Site, before: &[Seen; 2]) -> Done {
    before.iter().try_for_each(|seen| site.until_back(seen).map(drop))?;
    site.lab.settle()
}

#[track_caller]
fn nobody_was_started(site: &Site) {
    for pico in ["ec1", "ec2"] {
        let alive = site.lab.watch().alive(pico);
        assert!(alive.is_empty(), "{alive:?}");
    }
}

/// Waits until the monitor of depth 0 of `ec1` waits; and that of `ec2` does not.
fn until_one_waits(site: &Site, node_of_ec1: &str, node_of_ec2: &str) -> Done {
    site.lab.until("a monitor of ec1 that waits", SOON, |_| {
        let (of_ec1, of_ec2) = (at_work(site, "ec1", node_of_ec1)?, at_work(site, "ec2", node_of_ec2)?);
        let as_told =
            of_ec1.iter().any(|age| WAITS.contains(age)) && of_ec2.iter().all(|age| age < WAITS.start());
        Ok(if as_told { Ok(()) } else { Err(format!("at work for ec1 {of_ec1:?} s, for ec2 {of_ec2:?} s")) })
    })
}

/// For how many seconds monitors of depth 0 of an EC have been at work on a node.
fn at_work(site: &Site, pico: &str, node: &str) -> Result<Vec<u64>, Error> {
    // One that ends meanwhile is at work no more.
    let ages = site.node(node).sh(&format!(
        "for pid in $(pidof /usr/lib/ocf/resource.d/mediationzone/ec); do
            of=$(tr '\\0' '\\n' 2>/dev/null </proc/$pid/environ |
                grep -cxE 'OCF_RESOURCE_INSTANCE=mz-{pico}|OCF_RESKEY_CRM_meta_interval=1000')
            [ \"$of\" != 2 ] || ps -o etimes= -p $pid
        done; true"
    ))?;
    Ok(ages.lines().filter_map(|age| age.trim().parse().ok()).collect())
}

/// All that became of an EC, with other names for what is called otherwise of the two by right.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Story {
    /// What its nodes' controllers were told and did not expect, without the agent's reason.
    told: Vec<String>,
    /// By operation and interval, as the CIB has it.
    counted: BTreeSet<String>,
    /// As `crm_mon` lists them, without the agent's reason, which names the process.
    failures: BTreeSet<String>,
    /// Where the cluster believes it to run.
    on: Vec<String>,
    /// Every operation in the CIB with its result.
    operations: BTreeSet<String>,
    /// What mzsh was called for, and what the processes wrote, in order.
    product: Vec<String>,
}

impl Story {
    /// Of what was told and of what the product did only that since then.
    fn of(site: &Site, pico: &str, since: u64) -> Result<Self, Error> {
        let (resource, status) = (format!("mz-{pico}"), site.lab.status()?);
        let cib = site.node("n1").exec(&["cibadmin", "--query", "--scope", "status"])?.stdout;
        let (counted, operations) = in_cib(&cib, &resource);
        let failures = status.failures.iter().filter_map(|failure| {
            let (operation, rest) = failure.strip_prefix(&format!("{resource}_"))?.split_once('_')?;
            let (_, rest) = rest.split_once(" on ")?;
            Some(format!("{operation} on {}", rest.split(' ').take(2).collect::<Vec<_>>().join(" ")))
        });
        let moments = report::moments(&site.lab, watch::now());
        let result = format!(" operation for {resource} on ");
        let told = moments.iter().filter_map(|(time, told)| match told {
            Told::Noticed(text) if *time >= since && text.contains(&result) => {
                Some(text.split(" (").next().unwrap_or(text).replace(&resource, "EC"))
            }
            _ => None,
        });
        let product = site.history()?.into_iter().filter(|event| event.time >= since).filter_map(|event| {
            let by_mzsh = event.event == "mzsh" && event.reason.split(' ').any(|word| word == pico);
            let what = if by_mzsh { event.reason.replace(pico, "EC") } else { event.event };
            (by_mzsh || event.pico == pico).then(|| format!("{}: {what}", event.node))
        });
        Ok(Self {
            told: told.collect(),
            counted,
            failures: failures.collect(),
            on: status.where_is(&resource).to_vec(),
            operations,
            product: product.collect(),
        })
    }

    /// With other names.
    fn with(self, names: impl Fn(&str) -> String) -> Self {
        let set = |all: BTreeSet<String>| all.iter().map(|text| names(text)).collect();
        let list = |all: Vec<String>| all.iter().map(|text| names(text)).collect();
        Self {
            told: list(self.told),
            counted: set(self.counted),
            failures: set(self.failures),
            on: list(self.on),
            operations: set(self.operations),
            product: list(self.product),
        }
    }
}

/// Fail-counts and operations of a resource.
fn in_cib(cib: &str, resource: &str) -> (BTreeSet<String>, BTreeSet<String>) {
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

/// What has become of both.
fn both(site: &Site) -> Result<[Story; 2], Error> {
    Ok([Story::of(site, "ec1", 0)?, Story::of(site, "ec2", 0)?])
}

/// The same has become of both; what that is.
#[track_caller]
fn the_same(site: &Site) -> Result<Story, Error> {
    both(site).map(the_same_in)
}

#[track_caller]
fn the_same_in([waiting, ordinary]: [Story; 2]) -> Story {
    println!("{waiting:#?}");
    assert_eq!(waiting, ordinary, "the first has a monitor that waits, the other one an ordinary one");
    waiting
}

fn texts(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}
