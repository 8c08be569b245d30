//! The addresses of this node.

use crate::files::read_capped;
use nix::libc::{IFA_F_DADFAILED, IFA_F_OPTIMISTIC, IFA_F_TENTATIVE};
use nix::net::if_::InterfaceFlags;
use std::io;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};

/// Longest `/proc/net/if_inet6` that is read: some thousand addresses.
const MAX_TABLE_BYTES: usize = 256 << 10;

/// Where an address is, as seen from this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressState {
    /// On this node: it can be bound.
    Local,
    /// On this interface of this node, which is down or has no link: it can be bound, and nobody reaches it.
    LinkDown(String),
    /// On this interface, and the kernel does not let it be bound before it has made sure that nobody else has it (IPv6).
    Tentative(String),
    /// On this interface, and the kernel does not let it be bound, for somebody else has it, too (IPv6).
    Duplicate(String),
    /// No address of this node.
    NotLocal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LocalAddress {
    address: IpAddr,
    state: AddressState,
}

/// The addresses of this node, as they were at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalAddresses {
    addresses: Vec<LocalAddress>,
}

impl LocalAddresses {
    /// Asks the kernel: getifaddrs(3), and for IPv6 `/proc/net/if_inet6`.
    ///
    /// # Errors
    /// What getifaddrs says.
    pub fn read() -> io::Result<Self> {
        // A kernel without IPv6 has none.
        let flags = parse_if_inet6(&String::from_utf8_lossy(
            &read_capped("/proc/net/if_inet6", MAX_TABLE_BYTES).unwrap_or_default(),
        ));
        let own = nix::ifaddrs::getifaddrs()?.filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            let address = v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))?;
            let linked =
                interface.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING);
            let name = interface.interface_name;
            let known = flags.iter().find(|(a, on, _)| IpAddr::V6(*a) == address && *on == name);
            let place = address_state(name, linked, known.map_or(0, |&(_, _, flags)| flags));
            Some(LocalAddress { address, state: place })
        });
        Ok(Self { addresses: own.collect() })
    }

    /// Where `address` is. Loopback and "everywhere" are on each node, though getifaddrs(3) does not list all of 127.0.0.0/8.
    #[must_use]
    pub fn state_of(&self, address: IpAddr) -> AddressState {
        if address.is_unspecified() || address.is_loopback() {
            return AddressState::Local;
        }
        let mut found =
            self.addresses.iter().filter(|own| own.address == address).map(|own| &own.state);
        let Some(first) = found.next() else {
            return if is_local_by_route(address) {
                AddressState::Local
            } else {
                AddressState::NotLocal
            };
        };
        // On two interfaces: that it is well on one is enough.
        if found.any(|place| *place == AddressState::Local) {
            AddressState::Local
        } else {
            first.clone()
        }
    }
}

/// By the flags of `/proc/net/if_inet6` (`linux/if_addr.h`): not yet made sure that nobody else has it (`TENTATIVE`); somebody has
/// (`DADFAILED`); may be used nevertheless (`OPTIMISTIC`).
fn address_state(interface: String, linked: bool, flags: u32) -> AddressState {
    if flags & IFA_F_DADFAILED != 0 {
        AddressState::Duplicate(interface)
    } else if flags & IFA_F_TENTATIVE != 0 && flags & IFA_F_OPTIMISTIC == 0 {
        AddressState::Tentative(interface)
    } else if linked {
        AddressState::Local
    } else {
        AddressState::LinkDown(interface)
    }
}

/// Can it be bound, though no interface has it? Some clouds' agents make the address of a load balancer local by a route alone.
/// Where a setting lets anything be bound, that proves nothing.
fn is_local_by_route(address: IpAddr) -> bool {
    let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
    let setting = std::fs::read_to_string(format!("/proc/sys/net/{family}/ip_nonlocal_bind"));
    setting.is_ok_and(|value| value.trim() == "0") && UdpSocket::bind((address, 0)).is_ok()
}

/// `ADDRESS INDEX PREFIX SCOPE FLAGS INTERFACE`, numbers in hexadecimal.
fn parse_if_inet6(table: &str) -> Vec<(Ipv6Addr, String, u32)> {
    let entry = |line: &str| {
        let mut fields = line.split_whitespace();
        let address = Ipv6Addr::from(u128::from_str_radix(fields.next()?, 16).ok()?);
        let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
        Some((address, fields.next()?.to_owned(), flags))
    };
    table.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_inet6_table_is_parsed() {
        let table = "00000000000000000000000000000001 01 80 10 80       lo\n\
            20010db8000000000000000000000001 06 40 00 c0     eth0\n\
            not a line\n";
        let found = parse_if_inet6(table);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[1], ("2001:db8::1".parse().unwrap(), "eth0".to_owned(), 0xc0));
    }

    #[test]
    fn address_state_follows_flags_and_link() {
        let at = |linked, flags| address_state("eth0".to_owned(), linked, flags);
        let on = || "eth0".to_owned();
        assert_eq!(at(true, 0x80), AddressState::Local);
        assert_eq!(at(false, 0x80), AddressState::LinkDown(on()));
        assert_eq!(at(true, 0xc0), AddressState::Tentative(on()));
        assert_eq!(at(true, 0xc4), AddressState::Local, "optimistic");
        assert_eq!(at(true, 0xc8), AddressState::Duplicate(on()));
    }

    #[test]
    fn address_on_two_interfaces_is_local_if_one_is_up() {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let own = |place| LocalAddress { address, state: place };
        let node = LocalAddresses {
            addresses: vec![
                own(AddressState::LinkDown("eth0".to_owned())),
                own(AddressState::Local),
            ],
        };
        assert_eq!(node.state_of(address), AddressState::Local);
    }
}
