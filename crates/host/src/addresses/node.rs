//! The addresses of this node.

use crate::files::read_capped;
use nix::net::if_::InterfaceFlags;
use std::io;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};

/// Flags of `/proc/net/if_inet6` (`linux/if_addr.h`): not yet made sure that nobody else has it; somebody has; may be used
/// nevertheless.
const TENTATIVE: u32 = 0x40;
const DUPLICATE: u32 = 0x08;
const OPTIMISTIC: u32 = 0x04;

/// Longest `/proc/net/if_inet6` that is read: some thousand addresses.
const LONGEST: usize = 256 << 10;

/// Where an address is, as seen from this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this node: it can be bound.
    Here,
    /// On this interface of this node, which is down or has no link: it can be bound, and nobody reaches it.
    Unlinked(String),
    /// On this interface, and the kernel does not let it be bound before it has made sure that nobody else has it (IPv6).
    Tentative(String),
    /// On this interface, and the kernel does not let it be bound, for somebody else has it, too (IPv6).
    Duplicate(String),
    /// No address of this node.
    Elsewhere,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Own {
    address: IpAddr,
    place: Place,
}

/// The addresses of this node, as they were at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    own: Vec<Own>,
}

impl Node {
    /// Asks the kernel: getifaddrs(3), and for IPv6 `/proc/net/if_inet6`.
    ///
    /// # Errors
    /// What getifaddrs says.
    pub fn read() -> io::Result<Self> {
        // A kernel without IPv6 has none.
        let flags =
            flags(&String::from_utf8_lossy(&read_capped("/proc/net/if_inet6", LONGEST).unwrap_or_default()));
        let own = nix::ifaddrs::getifaddrs()?.filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            let address = v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))?;
            let linked = interface.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING);
            let name = interface.interface_name;
            let known = flags.iter().find(|(a, on, _)| IpAddr::V6(*a) == address && *on == name);
            let place = place(name, linked, known.map_or(0, |&(_, _, flags)| flags));
            Some(Own { address, place })
        });
        Ok(Self { own: own.collect() })
    }

    /// Where `address` is. Loopback and "everywhere" are on each node, though getifaddrs(3) does not list all of 127.0.0.0/8.
    #[must_use]
    pub fn place(&self, address: IpAddr) -> Place {
        if address.is_unspecified() || address.is_loopback() {
            return Place::Here;
        }
        let mut found = self.own.iter().filter(|own| own.address == address).map(|own| &own.place);
        let Some(first) = found.next() else {
            return if is_local_by_route(address) { Place::Here } else { Place::Elsewhere };
        };
        // On two interfaces: that it is well on one is enough.
        if found.any(|place| *place == Place::Here) { Place::Here } else { first.clone() }
    }
}

fn place(interface: String, linked: bool, flags: u32) -> Place {
    if flags & DUPLICATE != 0 {
        Place::Duplicate(interface)
    } else if flags & TENTATIVE != 0 && flags & OPTIMISTIC == 0 {
        Place::Tentative(interface)
    } else if linked {
        Place::Here
    } else {
        Place::Unlinked(interface)
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
fn flags(table: &str) -> Vec<(Ipv6Addr, String, u32)> {
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
    fn the_kernels_table_is_understood() {
        let table = "00000000000000000000000000000001 01 80 10 80       lo\n\
            20010db8000000000000000000000001 06 40 00 c0     eth0\n\
            not a line\n";
        let found = flags(table);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[1], ("2001:db8::1".parse().unwrap(), "eth0".to_owned(), 0xc0));
    }

    #[test]
    fn flags_and_link_decide_where_an_address_is() {
        let at = |linked, flags| place("eth0".to_owned(), linked, flags);
        let on = || "eth0".to_owned();
        assert_eq!(at(true, 0x80), Place::Here);
        assert_eq!(at(false, 0x80), Place::Unlinked(on()));
        assert_eq!(at(true, 0xc0), Place::Tentative(on()));
        assert_eq!(at(true, 0xc4), Place::Here, "optimistic");
        assert_eq!(at(true, 0xc8), Place::Duplicate(on()));
    }

    #[test]
    fn one_good_interface_of_two_is_enough() {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let own = |place| Own { address, place };
        let node = Node { own: vec![own(Place::Unlinked("eth0".to_owned())), own(Place::Here)] };
        assert_eq!(node.place(address), Place::Here);
    }
}
