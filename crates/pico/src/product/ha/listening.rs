//! Finds the listener on the port of an HA Monitor Server in /proc. Only the client ever connects
//! to the server.

use crate::settings::Endpoint;
use host::addresses::{AddressState, LocalAddresses, Lookup, look_up};
use host::{Pid, listeners, process};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Maximum wait for the resolver.
const RESOLVER_WITHIN: Duration = Duration::from_secs(3);

/// True if the JVM or a child of it listens on the endpoint. This also holds for a hung or stopped
/// JVM, because the kernel accepts for it. The resolver gets until `until` for a hostname. `None`
/// if /proc does not show the owners of the sockets.
#[must_use]
pub fn listens(endpoint: &Endpoint, jvm: Pid, until: Instant) -> Option<bool> {
    let there = listeners::all().ok()?.into_iter().filter(|l| l.port == endpoint.port);
    let held: Vec<_> = there.map(|l| (is_held(&l, jvm), l)).collect();
    let is_sure = held.iter().all(|(is_held, _)| is_held.is_some());
    let own: Vec<_> =
        held.into_iter().filter(|(is_held, _)| *is_held == Some(true)).map(|(_, l)| l).collect();
    if own.is_empty() {
        return is_sure.then_some(false);
    }
    let addresses = match endpoint.host.parse() {
        Ok(address) => vec![address],
        Err(_) => {
            match look_up(&[&endpoint.host], until.min(Instant::now() + RESOLVER_WITHIN)).pop() {
                Some(Lookup::Addresses(addresses)) => addresses,
                _ => return Some(false),
            }
        }
    };
    let node = LocalAddresses::read().ok()?;
    // A socket on the unspecified address covers only the addresses of this node.
    let is_here = |address| node.state_of(address) != AddressState::NotLocal;
    let is_own =
        |a| own.iter().any(|l| l.conflicts_with(a) && (!l.address.is_unspecified() || is_here(a)));
    Some(addresses.into_iter().any(is_own))
}

/// True if the JVM or a child of it holds the socket; `None` if its descriptors can't be read.
fn is_held(listener: &listeners::Listener, jvm: Pid) -> Option<bool> {
    let by_jvm = listener.is_open_in(jvm).ok();
    let by_child = || matches!(listener.find_process(), Ok(Some(holder)) if has_child_among(jvm, &[holder]).unwrap_or(false));
    if by_jvm == Some(true) || by_child() { Some(true) } else { by_jvm }
}

/// With `process_match` the pico may be a script, and the JVM its child.
fn has_child_among(pico: Pid, holders: &[Pid]) -> io::Result<bool> {
    let all = process::snapshot()?;
    Ok(holders.iter().any(|&holder| all.ancestors(holder).any(|ancestor| ancestor == pico)))
}

/// Why an answer from the endpoint could not be the pico's: nothing listens, or another process
/// does. `None` also if that is unknown; the client's answer then decides.
pub(super) fn port_mismatch(endpoint: &Endpoint, jvm: Pid) -> Option<String> {
    let Endpoint { host, port } = endpoint;
    let mut there = listeners::all().ok()?;
    there.retain(|l| l.port == *port);
    there.retain(|l| match host.parse::<IpAddr>() {
        Ok(address) => l.conflicts_with(address),
        Err(_) if host == "localhost" => l.address.is_unspecified() || l.address.is_loopback(),
        // Only the resolver knows the addresses of a hostname.
        Err(_) => true,
    });
    if there.is_empty() {
        return Some(format!("nothing listens on {endpoint}"));
    }
    if there.iter().any(|l| l.is_open_in(jvm).unwrap_or(true)) {
        return None;
    }
    let holders: Vec<Pid> = there.iter().filter_map(|l| l.find_process().ok().flatten()).collect();
    let holder = *holders.first()?;
    if has_child_among(jvm, &holders).ok()? {
        return None;
    }
    Some(format!("port {port} is held by {}, not by the pico", process::describe_process(holder)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::OwnedFd;
    use std::process::{Command, Stdio};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn ha_port_belongs_to_the_pico_if_the_jvm_or_its_child_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port };
        assert_eq!(port_mismatch(&endpoint, Pid::own()), None);
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .spawn()
            .unwrap();
        let of_child = port_mismatch(&endpoint, Pid::own());
        let is_seen = listens(&endpoint, Pid::own(), soon());
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        let pid =
            |process: &std::process::Child| Pid::new(i32::try_from(process.id()).unwrap()).unwrap();
        let of_itself = port_mismatch(&endpoint, pid(&child));
        let of_stranger = port_mismatch(&endpoint, pid(&other));
        let is_strangers = listens(&endpoint, pid(&other), soon());
        for process in [&mut child, &mut other] {
            process.kill().unwrap();
            process.wait().unwrap();
        }
        assert_eq!((of_child, of_itself), (None, None));
        assert_eq!((is_seen, is_strangers), (Some(true), Some(false)));
        let why = of_stranger.unwrap();
        assert!(why.contains("), not by the pico"), "{why}");
    }
    #[test]
    fn socket_for_all_addresses_is_seen_only_at_addresses_of_this_node() {
        let listens_at = |listener: &TcpListener, host: &str| {
            let port = listener.local_addr().unwrap().port();
            listens(&Endpoint { host: host.to_owned(), port }, Pid::own(), soon())
        };
        let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
        let loopback = TcpListener::bind("127.0.0.1:0").unwrap();
        // 192.0.2.0/24 is for documentation: no node has it.
        for (host, by_all, by_one) in [
            ("127.0.0.1", true, true),
            ("localhost", true, true),
            ("127.0.0.2", true, false),
            ("192.0.2.7", false, false),
            ("no-such-name.invalid", false, false),
        ] {
            assert_eq!(listens_at(&everywhere, host), Some(by_all), "{host}");
            assert_eq!(listens_at(&loopback, host), Some(by_one), "{host}");
        }
    }
}
