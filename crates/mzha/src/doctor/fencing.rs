//! Fencing: without it, the state of a Platform on an unreachable node stays unknown.

use super::check_result::{Area, CheckResult};
use crate::cib::{Cib, Fencing, is_true, named_values, parse_score, time};
use ocf::time::format_duration;
use pico::PicoType;
use std::time::Duration;

const AREA: Area = Area::Fencing;

pub(super) fn check(cib: &Cib) -> Vec<CheckResult> {
    let option = |name: &str| cib.options.get(name).map(String::as_str);
    let (enabled, mut rows) = ENABLED.of(cib);
    let fences = enabled.value.is_none_or(is_true);
    rows.push(if fences {
        CheckResult::ok(AREA, enabled.name, "on")
    } else {
        let seen =
            "off: after a failed stop, or when a node is cut off, two Platforms can run on one database";
        CheckResult::error(
            AREA,
            enabled.name,
            seen,
            format!("configure a fencing resource and set {}=true", enabled.name),
        )
    });
    let (watchdog, more) = WATCHDOG.of(cib);
    rows.extend(more);
    rows.push(resources(cib, fences, &watchdog));
    rows.extend(cib.fencing.iter().filter_map(|device| unmapped(device, &cib.nodes)));
    rows.push(check_quorum_policy(option("no-quorum-policy"), fences));
    rows.extend(check_fencing_delay(cib, fences));
    rows
}

/// A cluster option that Pacemaker 3.0.2 renamed. Since then the new name takes precedence over the old one;
/// older releases ignore the new name.
struct Renamed {
    new: &'static str,
    old: &'static str,
}

const ENABLED: Renamed = Renamed { new: "fencing-enabled", old: "stonith-enabled" };
const WATCHDOG: Renamed =
    Renamed { new: "fencing-watchdog-timeout", old: "stonith-watchdog-timeout" };

struct Setting<'a> {
    name: &'static str,
    value: Option<&'a str>,
}

impl Renamed {
    /// Effective value, and rows about the ineffective name.
    fn of<'a>(&self, cib: &'a Cib) -> (Setting<'a>, Vec<CheckResult>) {
        let of =
            |name: &'static str| Setting { name, value: cib.options.get(name).map(String::as_str) };
        let (new, old) = (of(self.new), of(self.old));
        // A configuration that was never in force has no version.
        let version = cib
            .options
            .get("dc-version")
            .map(|text| text.split(['-', '+', '~']).next().unwrap_or_default());
        let knows_new = version.map(|version| {
            let numbers: Vec<u32> =
                version.split('.').map_while(|number| number.parse().ok()).collect();
            numbers.as_slice() >= [3, 0, 2].as_slice()
        });
        let Some(value) = new.value else { return (old, Vec::new()) };
        let by_old = || {
            old.value
                .map_or_else(|| "which is not set".to_owned(), |value| format!("which is {value}"))
        };
        match knows_new {
            Some(false) => {
                let seen = format!(
                    "{value}: Pacemaker {} reads {} only, {}",
                    version.unwrap_or_default(),
                    self.old,
                    by_old()
                );
                let todo = format!("set {}, too, or remove {}", self.old, self.new);
                (old, vec![CheckResult::warning(AREA, self.new, seen, todo)])
            }
            None if old.value.is_some_and(|old| old != value) => {
                let seen = format!(
                    "{value}: Pacemaker before 3.0.2 reads {} only, {}",
                    self.old,
                    by_old()
                );
                let row = CheckResult::warning(AREA, self.new, seen, "give both the same value");
                // Unknown release: assume the worse value.
                let worse = if old.value.is_some_and(|old| !is_on(old)) { old } else { new };
                (worse, vec![row])
            }
            _ => (new, Vec::new()),
        }
    }
}

fn is_on(value: &str) -> bool {
    is_true(value) || time::timeout(value).is_ok_and(|time| !time.is_zero())
}

fn resources(cib: &Cib, fences: bool, watchdog: &Setting<'_>) -> CheckResult {
    const CHECK: &str = "fencing resource";
    const TODO: &str =
        "a fencing resource for each node (on OpenStack: fence_openstack), tried once by hand";
    // Pacemaker replaces a malformed or negative value by twice the timeout of SBD.
    let by_watchdog =
        watchdog.value.filter(|text| time::timeout(text).map_or(true, |time| !time.is_zero()));
    let (disabled, enabled): (Vec<&Fencing>, Vec<&Fencing>) =
        cib.fencing.iter().partition(|device| device.disabled);
    let names = |devices: &[&Fencing]| {
        devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    if let Some(time) = by_watchdog
        .filter(|_| cib.options.get("have-watchdog").is_some_and(|value| !is_true(value)))
    {
        let seen = format!(
            "{}={time}, but SBD does not run (have-watchdog is false): Pacemaker refuses to start",
            watchdog.name
        );
        return CheckResult::error(
            AREA,
            CHECK,
            seen,
            format!("set SBD up, or remove {}", watchdog.name),
        );
    }
    if !enabled.is_empty() {
        return CheckResult::ok(AREA, CHECK, names(&enabled));
    }
    if by_watchdog.is_some() {
        return CheckResult::ok(
            AREA,
            CHECK,
            format!("none; the watchdog is used ({})", watchdog.name),
        );
    }
    let none = match disabled.as_slice() {
        [] => "none".to_owned(),
        disabled => format!("none but {}, with target-role=Stopped", names(disabled)),
    };
    if fences {
        let seen = format!(
            "{none}: no node can be fenced, and with fencing on Pacemaker starts no resource"
        );
        CheckResult::error(AREA, CHECK, seen, TODO)
    } else {
        CheckResult::warning(AREA, CHECK, none, TODO)
    }
}

/// Agents that know machines only by identifiers, not by names.
const BY_IDENTIFIER: [&str; 5] =
    ["fence_openstack", "fence_aliyun", "fence_aws", "fence_ibm_powervs", "fence_ibm_vpc"];

/// Without a map Pacemaker passes the node's name. Such an agent lists names, so that it registers and its monitor
/// succeeds, but it finds no machine of that name to fence.
fn unmapped(device: &Fencing, nodes: &[String]) -> Option<CheckResult> {
    let set = |name: &str| {
        device.parameters.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    };
    // A device that fences one node can have a fixed machine.
    let argument = set("pcmk_host_argument").unwrap_or("plug");
    let given = ["plug", "port", "uuid", argument];
    let given = given
        .iter()
        .any(|name| set(name).is_some_and(|value| !value.eq_ignore_ascii_case("dynamic")));
    let mapped = device.host_map().next().is_some();
    if !BY_IDENTIFIER.contains(&device.agent.as_str()) || mapped || given {
        return None;
    }
    let seen = format!(
        "{}: no map of nodes: {} knows machines by their identifiers and is given the names of nodes; its monitor succeeds, but no node can be fenced",
        device.name, device.agent
    );
    let map: Vec<String> = nodes.iter().map(|node| format!("{node}:ID")).collect();
    let todo = format!(
        "pcmk_host_map=\"{}\", with the ID of each server, then fence each node once by hand",
        map.join(";")
    );
    Some(CheckResult::error(AREA, "pcmk_host_map", seen, todo))
}

fn check_quorum_policy(policy: Option<&str>, fences: bool) -> CheckResult {
    const CHECK: &str = "no-quorum-policy";
    const TODO: &str = "no-quorum-policy=stop (the default); for two nodes corosync has two_node";
    // Pacemaker ignores case, too.
    match policy.unwrap_or("stop").to_ascii_lowercase().as_str() {
        "ignore" if fences => {
            let seen = "ignore: a part of the cluster without quorum goes on, as soon as it has fenced the rest";
            CheckResult::warning(AREA, CHECK, seen, TODO)
        }
        "ignore" => {
            let seen = "ignore, without fencing: each part of a divided cluster starts a Platform of its own";
            CheckResult::error(AREA, CHECK, seen, TODO)
        }
        policy => CheckResult::ok(AREA, CHECK, policy),
    }
}

/// Two partitioned nodes fence each other unless one has a delay.
fn check_fencing_delay(cib: &Cib, fences: bool) -> Option<CheckResult> {
    const CHECK: &str = "priority-fencing-delay";
    let [one, other] = cib.nodes.as_slice() else { return None };
    if !fences || cib.fencing.iter().all(|device| device.disabled) {
        return None;
    }
    let delay = cib
        .options
        .get(CHECK)
        .and_then(|text| time::interval(text).ok())
        .filter(|time| !time.is_zero());
    let weighs = |value: &String| parse_score(value) > 0;
    let mut platforms = cib.resources.iter().filter(|r| r.resource.kind == PicoType::Platform);
    let unweighed = platforms.find(|platform| !platform.meta.get("priority").is_some_and(weighs));
    let (of_one, of_other) = (Delay::of(cib, one), Delay::of(cib, other));
    let by_resource = of_one.random.as_ref().or(of_other.random.as_ref());
    let by_resource = by_resource.or(of_one
        .by
        .as_ref()
        .or(of_other.by.as_ref())
        .filter(|_| of_one.fixed != of_other.fixed));
    Some(match (delay.map(format_duration), unweighed, by_resource) {
        (Some(delay), None, _) => CheckResult::ok(AREA, CHECK, delay),
        (Some(delay), Some(platform), _) => CheckResult::warning(
            AREA,
            CHECK,
            format!(
                "{delay}, but {} has no priority: its node may be the one that is fenced",
                platform.name()
            ),
            "meta priority=100 on the Platform",
        ),
        (None, _, Some(name)) => {
            CheckResult::ok(AREA, CHECK, format!("not set; {name} delays (pcmk_delay_*)"))
        }
        (None, _, None) => {
            let same =
                if of_one.fixed.is_zero() { "" } else { " and the same pcmk_delay_base for both" };
            CheckResult::warning(
                AREA,
                CHECK,
                format!(
                    "not set, with two nodes{same}: when they lose each other, each may fence the other"
                ),
                "priority-fencing-delay=15s and meta priority=100 on the Platform: then its node survives",
            )
        }
    })
}

/// Delay of the fencing of one node.
#[derive(Default)]
struct Delay {
    /// `pcmk_delay_base`.
    fixed: Duration,
    by: Option<String>,
    random: Option<String>,
}

impl Delay {
    fn of(cib: &Cib, node: &str) -> Self {
        let mut all = Self::default();
        for device in
            cib.fencing.iter().filter(|device| !device.disabled && may_fence(device, node))
        {
            let set = |name: &str| device.parameters.get(name).map(String::as_str);
            let time = |text: &str| time::interval(text).ok().filter(|time| !time.is_zero());
            if set("pcmk_delay_max").and_then(time).is_some() {
                all.random = Some(device.name.clone());
            }
            // One value for all nodes, or `n1:5s;n2:10s`.
            let base = set("pcmk_delay_base").and_then(|text| {
                let of_node =
                    || named_values(text).find(|(name, _)| name.eq_ignore_ascii_case(node));
                if text.contains(':') {
                    of_node().and_then(|(_, text)| time(text))
                } else {
                    time(text)
                }
            });
            if let Some(base) = base.filter(|base| *base > all.fixed) {
                (all.fixed, all.by) = (base, Some(device.name.clone()));
            }
        }
        all
    }
}

/// By its host lists; a device without any may fence all nodes.
fn may_fence(device: &Fencing, node: &str) -> bool {
    let set = |name: &str| device.parameters.get(name);
    let (list, map) = (set("pcmk_host_list"), set("pcmk_host_map"));
    let listed = list.is_some_and(|list| {
        list.split([' ', '\t', ',', ';']).any(|name| name.eq_ignore_ascii_case(node))
    });
    let mapped =
        map.is_some_and(|map| named_values(map).any(|(name, _)| name.eq_ignore_ascii_case(node)));
    (list.is_none() && map.is_none()) || listed || mapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check_result::Level;
    use std::collections::BTreeMap;

    fn pairs(names: &[(&str, &str)]) -> BTreeMap<String, String> {
        names.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn device(agent: &str, parameters: &[(&str, &str)]) -> Fencing {
        Fencing {
            name: "fence".to_owned(),
            agent: agent.to_owned(),
            parameters: pairs(parameters),
            disabled: false,
        }
    }

    fn cib(options: &[(&str, &str)], nodes: usize, fencing: Vec<Fencing>) -> Cib {
        let nodes = (1..=nodes).map(|node| format!("n{node}")).collect();
        Cib { options: pairs(options), nodes, fencing, ..Cib::default() }
    }

    fn levels(options: &[(&str, &str)], nodes: usize, fencing: Vec<Fencing>) -> Vec<Level> {
        check(&cib(options, nodes, fencing)).into_iter().map(|row| row.level).collect()
    }

    fn any() -> Vec<Fencing> {
        vec![device("fence_ipmilan", &[("ip", "192.0.2.9")])]
    }

    #[test]
    fn fencing_with_device_or_watchdog_is_ok_anything_less_is_reported() {
        use Level::{Error, Ok, Warning};
        let off = ("stonith-enabled", "false");
        let ignore = ("no-quorum-policy", "ignore");
        assert_eq!(levels(&[], 3, any()), [Ok, Ok, Ok]);
        assert_eq!(levels(&[("no-quorum-policy", "freeze")], 3, any()), [Ok, Ok, Ok]);
        for time in ["10s", "-1", "PT10S"] {
            assert_eq!(
                levels(&[("stonith-watchdog-timeout", time)], 3, vec![]),
                [Ok, Ok, Ok],
                "{time}"
            );
        }
        for time in ["0", "0s", "0min", "00"] {
            assert_eq!(
                levels(&[("stonith-watchdog-timeout", time)], 3, vec![]),
                [Ok, Error, Ok],
                "{time}"
            );
        }
        let without_sbd = [("stonith-watchdog-timeout", "10s"), ("have-watchdog", "false")];
        assert_eq!(levels(&without_sbd, 3, any()), [Ok, Error, Ok]);
        assert_eq!(levels(&[], 3, vec![]), [Ok, Error, Ok]);
        let disabled = Fencing { disabled: true, ..any().remove(0) };
        assert_eq!(levels(&[], 3, vec![disabled]), [Ok, Error, Ok]);
        assert_eq!(levels(&[off], 3, vec![]), [Error, Warning, Ok]);
        assert_eq!(levels(&[off, ignore], 2, any()), [Error, Ok, Error]);
        assert_eq!(levels(&[ignore], 3, any()), [Ok, Ok, Warning]);
        assert_eq!(levels(&[("no-quorum-policy", "Ignore")], 3, any()), [Ok, Ok, Warning]);
    }

    /// By the versions: which name counts, and is the other worth a word?
    #[test]
    fn of_a_renamed_option_that_name_counts_which_this_pacemaker_reads() {
        use Level::{Error, Ok, Warning};
        let cases: [(&str, &str, &str, &[Level]); 12] = [
            // dc-version, fencing-enabled, stonith-enabled: what is said of fencing-enabled, if it does not count, and of what counts.
            ("3.0.2-1.el10-abc", "false", "true", &[Error]),
            ("3.0.2", "true", "false", &[Ok]),
            ("3.1.0", "", "false", &[Error]),
            ("10.0.0", "false", "", &[Error]),
            ("3.0.1", "true", "false", &[Warning, Error]),
            ("2.1.5-a3f44794f94", "false", "", &[Warning, Ok]),
            ("2.1.5", "false", "true", &[Warning, Ok]),
            ("2.1.5", "", "", &[Ok]),
            ("", "false", "true", &[Warning, Error]),
            ("", "true", "false", &[Warning, Error]),
            ("", "false", "", &[Error]),
            ("", "true", "true", &[Ok]),
        ];
        for (version, new, old, levels) in cases {
            let options =
                [("dc-version", version), ("fencing-enabled", new), ("stonith-enabled", old)];
            let options: Vec<_> =
                options.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            let rows = check(&cib(&options, 3, any()));
            let of_it = rows.iter().filter(|row| row.check.ends_with("-enabled"));
            assert_eq!(
                of_it.map(|row| row.level).collect::<Vec<_>>(),
                levels,
                "{version:?} {new:?} {old:?}: {rows:?}"
            );
        }
        let watchdog = [
            ("dc-version", "3.0.2"),
            ("fencing-watchdog-timeout", "10s"),
            ("stonith-watchdog-timeout", "0"),
        ];
        assert_eq!(levels(&watchdog, 3, vec![]), [Ok, Ok, Ok]);
        assert_eq!(levels(&watchdog[1..], 3, vec![]), [Ok, Warning, Error, Ok]);
    }

    #[test]
    fn two_nodes_without_fencing_delay_is_warning() {
        let fence = |parameters: &[(&str, &str)]| vec![device("fence_ipmilan", parameters)];
        let each = |one: &[(&str, &str)], other: &[(&str, &str)]| {
            let of = |node, more: &[(&str, &str)]| {
                device("fence_ipmilan", &[&[("pcmk_host_list", node)], more].concat())
            };
            vec![of("n1", one), of("n2", other)]
        };
        let base = |time| [("pcmk_delay_base", time)];
        let cases = [
            (&[][..], any(), Level::Warning),
            (&[("priority-fencing-delay", "0")], any(), Level::Warning),
            (&[("priority-fencing-delay", "15s")], any(), Level::Ok),
            (&[], fence(&[("pcmk_delay_max", "15s")]), Level::Ok),
            (&[], fence(&[("pcmk_delay_max", "0")]), Level::Warning),
            // Both wait, and then both fence.
            (&[], fence(&base("5s")), Level::Warning),
            (&[], fence(&base("n1:5s;n2:PT5S")), Level::Warning),
            (&[], fence(&base("n1:5s;n2:0s")), Level::Ok),
            (&[], each(&base("5s"), &base("5")), Level::Warning),
            (&[], each(&base("5s"), &[]), Level::Ok),
            (&[], each(&[], &[("pcmk_delay_max", "PT10S")]), Level::Ok),
            (&[], each(&base("soon"), &[]), Level::Warning),
        ];
        for (options, devices, level) in cases {
            let cib = cib(options, 2, devices);
            assert_eq!(check(&cib).last().map(|row| row.level), Some(level), "{cib:?}");
        }
    }

    #[test]
    fn an_agent_that_takes_identifiers_needs_a_map_or_the_machine_itself() {
        let unmapped = |agent: &str, parameters: &[(&str, &str)]| {
            check(&cib(&[], 3, vec![device(agent, parameters)]))
                .iter()
                .any(|row| row.check == "pcmk_host_map")
        };
        for (agent, parameters, expected) in [
            ("fence_openstack", &[][..], true),
            ("fence_openstack", &[("pcmk_host_list", "n1 n2")], true),
            ("fence_openstack", &[("pcmk_host_map", " ")], true),
            ("fence_openstack", &[("pcmk_host_map", "n1 n2")], true),
            ("fence_openstack", &[("port", "dynamic")], true),
            ("fence_openstack", &[("pcmk_host_map", "n1:0a;n2:0b")], false),
            ("fence_openstack", &[("plug", "0a"), ("pcmk_host_list", "n1")], false),
            ("fence_openstack", &[("uuid", "0a"), ("pcmk_host_argument", "uuid")], false),
            ("fence_aws", &[], true),
            ("fence_vmware_rest", &[], false),
        ] {
            assert_eq!(unmapped(agent, parameters), expected, "{agent} {parameters:?}");
        }
    }

    #[test]
    fn priority_fencing_delay_without_platform_priority_is_warning() {
        let level = |meta: &str| {
            let cib = Cib::parse(&format!(
                r#"<configuration><crm_config><cluster_property_set id="o"><nvpair id="1" name="priority-fencing-delay" value="15s"/></cluster_property_set></crm_config>
                <nodes><node id="1" uname="a"/><node id="2" uname="b"/></nodes><resources><primitive id="fence" class="stonith" type="x"/>
                <primitive id="mz" class="ocf" provider="mediationzone" type="platform"><meta_attributes id="m">{meta}</meta_attributes></primitive></resources></configuration>"#
            ));
            check(&cib.unwrap()).last().map(|row| row.level)
        };
        assert_eq!(level(""), Some(Level::Warning));
        assert_eq!(level(r#"<nvpair id="2" name="priority" value="100"/>"#), Some(Level::Ok));
    }
}
