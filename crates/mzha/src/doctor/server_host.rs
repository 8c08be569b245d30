//! What the Platform listens at, where `pico.rcp.server.host` is not set, against the address that the cluster moves with it.
//!
//! The product's documentation does not say where a Platform without it listens; it may be on loopback alone.

use super::check_result::{Area, CheckResult};
use crate::cib::{Address, Cib, ConfiguredResource};
use pico::addresses::{self, HostProperty, HostResolution};
use pico::{Deployment, PicoType, Settings};

const UNSET: &str = "not set: the Platform may listen on loopback alone";

/// The address resource that is the Platform's: in one group with it, ordered before it, or colocated with it.
fn address_of<'a>(cib: &'a Cib, platform: &ConfiguredResource) -> Option<&'a Address> {
    cib.addresses.iter().find(|address| {
        let grouped = platform
            .enclosing
            .iter()
            .any(|container| container.kind == "group" && address.within.contains(&container.name));
        let ordered = cib
            .orders
            .iter()
            .any(|order| address.answers_to(&order.first) && platform.answers_to(&order.then));
        let tied = cib.colocations.iter().any(|colocation| {
            let joins =
                |one: &str, other: &str| address.answers_to(one) && platform.answers_to(other);
            colocation.forced
                && (joins(&colocation.follower, &colocation.anchor)
                    || joins(&colocation.anchor, &colocation.follower))
        });
        grouped || ordered || tied
    })
}

/// A Platform that nothing binds to the address where the others look for it. `None`: it is bound, or no Platform, or nobody looks elsewhere.
pub(super) fn row(
    settings: &Settings,
    configured: Option<&ConfiguredResource>,
    cib: Option<&Cib>,
    names: &[addresses::HostNameCheck],
) -> Option<CheckResult> {
    let of = |property| names.iter().find(|row| row.property == property);
    // With the other deployments it must be the local address, and a row says so.
    let is_meant =
        settings.pico_type == PicoType::Platform && settings.deployment == Deployment::Virtual;
    if !is_meant || of(HostProperty::ServerHost)?.resolution != HostResolution::Unset {
        return None;
    }
    let warning = |seen: String, todo: String| {
        Some(CheckResult::warning(Area::Addresses, HostProperty::ServerHost.name(), seen, todo))
    };
    if let Some(address) = cib.zip(configured).and_then(|(cib, platform)| address_of(cib, platform))
    {
        let ip = address.address.as_deref().unwrap_or("an address that is not set");
        let seen = format!(
            "{UNSET}, and {} ({ip}) is its address in the cluster: nobody reaches it there",
            address.name
        );
        let todo = format!(
            "set pico.rcp.server.host in its container to {ip}, or to a name of it (mzsh topo set), and restart the Platform"
        );
        return warning(seen, todo);
    }
    let platform = of(HostProperty::PlatformHost);
    let addresses = platform.map(addresses::HostNameCheck::addresses).unwrap_or_default();
    let outer = addresses.iter().find(|address| !address.is_loopback());
    if let (Some(host), Some(ip)) = (platform.and_then(|row| row.host.as_deref()), outer) {
        let seen =
            format!("{UNSET}, but pico.rcp.platform.host sends the other picos to {host} ({ip})");
        let todo = format!(
            "set pico.rcp.server.host in its container to {host} (mzsh topo set), and restart the Platform"
        );
        return warning(seen, todo);
    }
    cib.is_none().then(|| {
        let seen = format!(
            "{UNSET}; whether an address moves with it is unknown without the cluster's configuration"
        );
        let todo = "set pico.rcp.server.host to that address, if there is one; or run this on a cluster node";
        CheckResult::warning(Area::Addresses, HostProperty::ServerHost.name(), seen, todo)
    })
}
