//! What becomes of a node that can't be reached, or whose stop has failed: without fencing, nobody knows whether its Platform runs.

use super::row::{Area, Row};
use crate::cib::{Cib, is_true};
use ocf::time::{read, spelled};
use pico::PicoType;

const AREA: Area = Area::Fencing;

/// How the cluster fences.
pub(super) fn rows(cib: &Cib) -> Vec<Row> {
    let option = |name: &str| cib.options.get(name).map(String::as_str);
    let fences = option("stonith-enabled").is_none_or(is_true);
    let by_watchdog = option("stonith-watchdog-timeout").is_some_and(|time| time != "0" && time != "0s");
    let mut rows = Vec::new();
    rows.push(if fences {
        Row::ok(AREA, "stonith-enabled", "on")
    } else {
        let seen =
            "off: after a failed stop, or when a node is cut off, two Platforms can run on one database";
        Row::error(AREA, "stonith-enabled", seen, "configure a fencing resource and set stonith-enabled=true")
    });
    let names: Vec<&str> = cib.fencing.iter().map(|(name, _)| name.as_str()).collect();
    rows.push(match (names.as_slice(), by_watchdog) {
        ([], true) => {
            Row::ok(AREA, "fencing resource", "none; the watchdog is used (stonith-watchdog-timeout)")
        }
        ([], false) if fences => Row::error(
            AREA,
            "fencing resource",
            "none: no node can be fenced, and with stonith-enabled Pacemaker starts no resource",
            "a fencing resource for each node (on OpenStack: fence_openstack), tried once by hand",
        ),
        ([], false) => Row::warning(
            AREA,
            "fencing resource",
            "none",
            "a fencing resource for each node (on OpenStack: fence_openstack), tried once by hand",
        ),
        (names, _) => Row::ok(AREA, "fencing resource", names.join(", ")),
    });
    rows.push(quorum(option("no-quorum-policy"), fences));
    rows.extend(duel(cib, fences));
    rows
}

fn quorum(policy: Option<&str>, fences: bool) -> Row {
    const CHECK: &str = "no-quorum-policy";
    const TODO: &str = "no-quorum-policy=stop (the default); for two nodes corosync has two_node";
    match policy.unwrap_or("stop") {
        "ignore" if fences => {
            let seen =
                "ignore: a part of the cluster without quorum goes on, as soon as it has fenced the rest";
            Row::warning(AREA, CHECK, seen, TODO)
        }
        "ignore" => {
            let seen = "ignore, without fencing: each part of a divided cluster starts a Platform of its own";
            Row::error(AREA, CHECK, seen, TODO)
        }
        policy => Row::ok(AREA, CHECK, policy),
    }
}

/// Two nodes that lose each other fence each other, unless one is held back.
fn duel(cib: &Cib, fences: bool) -> Option<Row> {
    const CHECK: &str = "priority-fencing-delay";
    if cib.nodes.len() != 2 || !fences || cib.fencing.is_empty() {
        return None;
    }
    let delay = cib.options.get(CHECK).and_then(|text| read(text)).filter(|time| !time.is_zero());
    let held = |name: &&String| name.starts_with("pcmk_delay_");
    let by_resource = cib.fencing.iter().find(|(_, parameters)| parameters.keys().any(|name| held(&name)));
    let weighs = |value: &String| !value.is_empty() && value != "0";
    let mut platforms = cib.resources.iter().filter(|r| r.resource.kind == PicoType::Platform);
    let unweighed = platforms.find(|platform| !platform.meta.get("priority").is_some_and(weighs));
    Some(match (delay.map(spelled), unweighed, by_resource) {
        (Some(delay), None, _) => Row::ok(AREA, CHECK, delay),
        (Some(delay), Some(platform), _) => Row::warning(
            AREA,
            CHECK,
            format!(
                "{delay}, but {} has no priority: its node may be the one that is fenced",
                platform.name()
            ),
            "meta priority=100 on the Platform",
        ),
        (None, _, Some((name, _))) => Row::ok(AREA, CHECK, format!("not set; {name} delays (pcmk_delay_*)")),
        (None, _, None) => Row::warning(
            AREA,
            CHECK,
            "not set, with two nodes: when they lose each other, each may fence the other",
            "priority-fencing-delay=15s and meta priority=100 on the Platform: then its node wins",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::row::Level;

    fn found(options: &[(&str, &str)], nodes: usize, fencing: &[&str]) -> Vec<Level> {
        let pairs = |names: &[(&str, &str)]| {
            names.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let parameters: Vec<(&str, &str)> = fencing.iter().map(|&name| (name, "5s")).collect();
        let cib = Cib {
            options: pairs(options),
            nodes: (0..nodes).map(|node| node.to_string()).collect(),
            fencing: fencing.iter().map(|_| ("fence".to_owned(), pairs(&parameters))).collect(),
            ..Cib::default()
        };
        rows(&cib).into_iter().map(|row| row.level).collect()
    }

    #[test]
    fn fencing_that_works_is_well_and_anything_less_is_not() {
        use Level::{Error, Ok, Warning};
        let off = ("stonith-enabled", "false");
        let ignore = ("no-quorum-policy", "ignore");
        assert_eq!(found(&[], 3, &["ip"]), [Ok, Ok, Ok]);
        assert_eq!(found(&[("no-quorum-policy", "freeze")], 3, &["ip"]), [Ok, Ok, Ok]);
        assert_eq!(found(&[("stonith-watchdog-timeout", "10s")], 3, &[]), [Ok, Ok, Ok]);
        assert_eq!(found(&[("stonith-watchdog-timeout", "0")], 3, &[]), [Ok, Error, Ok]);
        assert_eq!(found(&[], 3, &[]), [Ok, Error, Ok]);
        assert_eq!(found(&[off], 3, &[]), [Error, Warning, Ok]);
        assert_eq!(found(&[off, ignore], 2, &["ip"]), [Error, Ok, Error]);
        assert_eq!(found(&[ignore], 3, &["ip"]), [Ok, Ok, Warning]);
    }

    #[test]
    fn two_nodes_need_a_delay_on_either_side() {
        use Level::{Ok, Warning};
        assert_eq!(found(&[], 2, &["ip"]), [Ok, Ok, Ok, Warning]);
        assert_eq!(found(&[("priority-fencing-delay", "0")], 2, &["ip"]), [Ok, Ok, Ok, Warning]);
        assert_eq!(found(&[("priority-fencing-delay", "15s")], 2, &["ip"]), [Ok, Ok, Ok, Ok]);
        assert_eq!(found(&[], 2, &["pcmk_delay_base"]), [Ok, Ok, Ok, Ok]);
    }

    #[test]
    fn a_delay_by_priority_is_for_a_platform_that_has_one() {
        let level = |meta: &str| {
            let cib = Cib::parse(&format!(
                r#"<configuration><crm_config><cluster_property_set id="o"><nvpair id="1" name="priority-fencing-delay" value="15s"/></cluster_property_set></crm_config>
                <nodes><node id="1" uname="a"/><node id="2" uname="b"/></nodes><resources><primitive id="fence" class="stonith" type="x"/>
                <primitive id="mz" class="ocf" provider="mediationzone" type="platform"><meta_attributes id="m">{meta}</meta_attributes></primitive></resources></configuration>"#
            ));
            rows(&cib.unwrap()).last().map(|row| row.level)
        };
        assert_eq!(level(""), Some(Level::Warning));
        assert_eq!(level(r#"<nvpair id="2" name="priority" value="100"/>"#), Some(Level::Ok));
    }
}
