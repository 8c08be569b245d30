//! The configuration alone: what an outage of the cloud's API would stop, time limits of fencing, and secrets.

use super::{AREA, NOVA_SHUTDOWN_TIMEOUT, fence_devices};
use crate::cib::{Cib, CloudAgent, Fencing, time};
use crate::doctor::check_result::CheckResult;
use ocf::time::format_duration;
use pico::PicoType;
use std::collections::BTreeMap;
use std::time::Duration;

/// The fence agent's own wait for a power state, and Pacemaker's timeout of a fencing action.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Beyond Nova's wait: requests, and the state that follows.
const POWER_MARGIN: Duration = Duration::from_secs(30);

pub(super) fn check(cib: &Cib) -> Vec<CheckResult> {
    let mut rows = Vec::new();
    rows.extend(cib.cloud_agents.iter().filter_map(|agent| before_picos(cib, agent)));
    for device in fence_devices(cib).filter(|device| !device.disabled) {
        rows.extend(timeouts(cib, device));
        rows.extend(secret(&device.name, &device.parameters));
    }
    rows.extend(cib.cloud_agents.iter().filter_map(|agent| secret(&agent.name, &agent.parameters)));
    rows
}

/// While the API is away, monitor and stop of these agents fail. What is ordered after one is stopped, and the node is fenced,
/// by an agent that needs the same API.
fn before_picos(cib: &Cib, agent: &CloudAgent) -> Option<CheckResult> {
    let after = |pico: &&crate::cib::ConfiguredResource| {
        cib.starts_after(pico.name(), &agent.name).is_some()
    };
    let stopped: Vec<&str> =
        cib.resources.iter().filter(after).map(crate::cib::ConfiguredResource::name).collect();
    if stopped.is_empty() {
        return None;
    }
    let is_platform = |pico: &&crate::cib::ConfiguredResource| {
        pico.resource.kind == PicoType::Platform && stopped.contains(&pico.name())
    };
    let name = &agent.name;
    let seen = format!(
        "{name} ({}) is before {}: an outage of the cloud's API alone stops {}, and the node is to be fenced by the same API",
        agent.agent,
        stopped.join(", "),
        if cib.resources.iter().any(|pico| is_platform(&pico)) { "the Platform" } else { "them" },
    );
    let todo = format!(
        "use IPaddr2 with an address in allowed_address_pairs of each node's port, and a floating IP bound to that address' port; or move {name} after the picos, with an order of kind=Optional"
    );
    Some(CheckResult::error(AREA, "order", seen, todo))
}

fn timeouts(cib: &Cib, device: &Fencing) -> Vec<CheckResult> {
    let read = |text: Option<&String>| text.and_then(|text| time::timeout(text).ok());
    let set = |name: &str| read(device.parameters.get(name));
    let of_cluster = ["fencing-timeout", "stonith-timeout"];
    let of_cluster = of_cluster.iter().find_map(|name| read(cib.options.get(*name)));
    let of_cluster = of_cluster.unwrap_or(DEFAULT_TIMEOUT);
    let power = set("power_timeout").unwrap_or(DEFAULT_TIMEOUT);
    let mut rows = Vec::new();
    let needed = NOVA_SHUTDOWN_TIMEOUT + POWER_MARGIN;
    if power < needed {
        let seen = format!(
            "{}: {}: a guest that hangs is off only after Nova's {}, and fencing fails before",
            device.name,
            format_duration(power),
            format_duration(NOVA_SHUTDOWN_TIMEOUT)
        );
        rows.push(CheckResult::warning(AREA, "power_timeout", seen, "power_timeout=120"));
    }
    let power = power.max(needed);
    // A reboot is off, then on.
    for (name, needed) in [("pcmk_off_timeout", power), ("pcmk_reboot_timeout", power * 2)] {
        let effective = set(name).unwrap_or(of_cluster);
        if effective < needed {
            let seen = format!(
                "{}: {}: Pacemaker ends the agent before its own time limits ({})",
                device.name,
                format_duration(effective),
                format_duration(needed)
            );
            rows.push(CheckResult::warning(AREA, name, seen, format!("{name}=240")));
        }
    }
    if rows.is_empty() {
        let seen = format!("{}: long enough for a guest that hangs", device.name);
        rows.push(CheckResult::ok(AREA, "fencing timeouts", seen));
    }
    rows
}

fn secret(resource: &str, parameters: &BTreeMap<String, String>) -> Option<CheckResult> {
    let name = ["password", "passwd"].into_iter().find(|name| parameters.contains_key(*name))?;
    let seen = format!(
        "{resource}: {name} is in the configuration, which every member of group haclient can read"
    );
    let todo = "cloud=NAME, with /etc/openstack/clouds.yaml (mode 0600) on every node";
    Some(CheckResult::warning(AREA, "password", seen, todo))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check_result::Level;

    const PLATFORM: &str =
        r#"<primitive id="mz" class="ocf" provider="mediationzone" type="platform"/>"#;
    const FLOATING: &str =
        r#"<primitive id="fip" class="ocf" provider="heartbeat" type="openstack-floating-ip"/>"#;

    /// From `NAME=VALUE`, separated by blanks.
    fn nvpairs(id: &str, values: &str) -> String {
        let pairs = values.split_whitespace().filter_map(|pair| pair.split_once('='));
        let nvpair =
            |(name, value)| format!(r#"<nvpair id="{id}-{name}" name="{name}" value="{value}"/>"#);
        pairs.map(nvpair).collect::<Vec<_>>().concat()
    }

    fn cib(options: &str, resources: &str, constraints: &str) -> Cib {
        Cib::parse(&format!(
            r#"<configuration><crm_config><cluster_property_set id="o">{}</cluster_property_set></crm_config>
            <resources>{resources}</resources><constraints>{constraints}</constraints></configuration>"#,
            nvpairs("o", options)
        ))
        .unwrap()
    }

    fn device(parameters: &str) -> String {
        format!(
            r#"<primitive id="fence" class="stonith" type="fence_openstack"><instance_attributes id="f">{}</instance_attributes></primitive>"#,
            nvpairs("f", parameters)
        )
    }

    #[test]
    fn an_agent_of_the_api_that_a_pico_must_wait_for_is_an_error() {
        let order = |more: &str| format!(r#"<rsc_order id="o" first="fip" then="mz" {more}/>"#);
        let cases = [
            (format!(r#"<group id="g">{FLOATING}{PLATFORM}</group>"#), String::new(), true),
            (format!(r#"<group id="g">{PLATFORM}{FLOATING}</group>"#), String::new(), false),
            (format!("{FLOATING}{PLATFORM}"), order(""), true),
            (format!("{FLOATING}{PLATFORM}"), order(r#"kind="Optional""#), false),
            (format!("{FLOATING}{PLATFORM}"), String::new(), false),
        ];
        for (resources, constraints, expected) in cases {
            let rows = check(&cib("", &resources, &constraints));
            assert_eq!(rows.len(), usize::from(expected), "{resources} {constraints}: {rows:?}");
            assert!(rows.iter().all(|row| row.level == Level::Error
                && row.seen.contains("stops the Platform")));
        }
    }

    #[test]
    fn fencing_must_outlast_a_guest_that_hangs() {
        let all = ["power_timeout", "pcmk_off_timeout", "pcmk_reboot_timeout"];
        let cases: [(&str, &str, &[&str]); 7] = [
            ("", "", &all),
            ("", "power_timeout=120", &all[1..]),
            ("", "power_timeout=120 pcmk_off_timeout=240s pcmk_reboot_timeout=240s", &[]),
            ("", "power_timeout=120 pcmk_off_timeout=119s pcmk_reboot_timeout=239s", &all[1..]),
            ("stonith-timeout=300s", "power_timeout=120", &[]),
            ("fencing-timeout=300s", "power_timeout=120", &[]),
            ("stonith-timeout=300s", "power_timeout=120 pcmk_reboot_timeout=60s", &all[2..]),
        ];
        for (options, parameters, expected) in cases {
            let rows = check(&cib(options, &device(parameters), ""));
            let found = rows.iter().filter(|row| row.level != Level::Ok);
            let found: Vec<&str> = found.map(|row| row.check.as_str()).collect();
            assert_eq!(found, expected, "{options} {parameters}: {rows:?}");
        }
    }

    #[test]
    fn password_in_the_configuration_is_a_warning() {
        for (parameters, expected) in [("password=secret", true), ("cloud=mz", false)] {
            let rows = check(&cib("", &device(parameters), ""));
            assert_eq!(rows.iter().any(|row| row.check == "password"), expected, "{rows:?}");
            assert!(!rows.iter().any(|row| row.seen.contains("secret")), "{rows:?}");
        }
    }
}
