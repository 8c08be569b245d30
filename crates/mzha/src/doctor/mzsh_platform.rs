//! Compares mzsh's Platform (`MZ_PLATFORM`) with the pico's (`pico.rcp.platform.host`).
//!
//! mzsh starts the JVM with the configuration of the Platform at `MZ_PLATFORM`. Another one, or none, gives "Started with errors".

use super::check_result::{Area, CheckResult};
use host::addresses::Lookup;
use pico::PicoType;
use pico::addresses::{self, HostProperty, HostResolution};
use std::net::IpAddr;

const AREA: Area = Area::Addresses;
const CHECK: &str = "MZ_PLATFORM";

pub(super) fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?.0,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    (!host.is_empty()).then_some(host)
}

/// `url`: what `bin/mzsh` sets, where it is one plain word; `looked_up`: its host. `names`: those of the pico.
pub(super) fn row(
    kind: PicoType,
    url: Option<&str>,
    looked_up: Option<&Lookup>,
    names: &[addresses::HostNameCheck],
) -> Option<CheckResult> {
    let of = |property| names.iter().find(|row| row.property == property);
    let platform = of(HostProperty::PlatformHost)?;
    // An unset property has its own row.
    let wanted = platform.host.as_deref()?;
    let (Some(url), Some(mzsh)) = (url, url.and_then(host)) else {
        let seen = match url {
            Some(url) => {
                format!("bin/mzsh sets {url}, which names no host: not compared with {wanted}")
            }
            None => {
                format!("bin/mzsh does not set it to one plain word: not compared with {wanted}")
            }
        };
        let todo = format!("make mzsh topo env show {wanted} in MZ_PLATFORM");
        return Some(CheckResult::warning(AREA, CHECK, seen, todo));
    };
    let todo = format!(
        "set MZ_PLATFORM to {} in bin/mzsh, or correct pico.rcp.platform.host",
        url.replacen(mzsh, wanted, 1)
    );
    let same =
        |a: &str, b: &str| a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'));
    if same(mzsh, wanted) {
        return Some(CheckResult::ok(
            AREA,
            CHECK,
            format!("{url}: the same host as pico.rcp.platform.host"),
        ));
    }
    let found = match looked_up {
        Some(Lookup::Addresses(found)) if !found.is_empty() => found.as_slice(),
        _ => &[],
    };
    let sought = platform.addresses();
    if found.is_empty() || sought.is_empty() {
        let unknown = if found.is_empty() { mzsh } else { wanted };
        let seen = format!(
            "bin/mzsh sets {url}, and pico.rcp.platform.host is {wanted}: not compared ({unknown} does not resolve)"
        );
        return Some(CheckResult::warning(AREA, CHECK, seen, todo));
    }
    let is_local = |all: &[IpAddr]| all.iter().any(IpAddr::is_loopback);
    if found.iter().any(|address| sought.contains(address)) || is_local(found) && is_local(sought) {
        return Some(CheckResult::ok(AREA, CHECK, format!("{url}: same address as {wanted}")));
    }
    // A Platform that listens on every address is reachable at localhost on its node.
    let server = of(HostProperty::ServerHost);
    let listens_locally = server.is_some_and(|row| {
        row.resolution == HostResolution::Unset
            || row.addresses().iter().any(|a| a.is_unspecified() || a.is_loopback())
    });
    if kind == PicoType::Platform && is_local(found) && listens_locally {
        return Some(CheckResult::ok(
            AREA,
            CHECK,
            format!("{url}: reaches the Platform on its own node"),
        ));
    }
    let list = |all: &[IpAddr]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let seen = format!(
        "bin/mzsh sets {url} ({}), and pico.rcp.platform.host is {wanted} ({}): mzsh talks to another Platform than the pico",
        list(found),
        list(sought)
    );
    Some(CheckResult::warning(AREA, CHECK, seen, todo))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_a_url_is_what_mzsh_takes() {
        for (url, expected) in [
            ("http://mzplat:9000", Some("mzplat")),
            ("https://mzplat.example.com/x", Some("mzplat.example.com")),
            ("http://user@mzplat:9000", Some("mzplat")),
            ("http://[2001:db8::1]:9000", Some("2001:db8::1")),
            ("mzplat", Some("mzplat")),
            ("http://", None),
            ("http://:9000", None),
            ("", None),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}
