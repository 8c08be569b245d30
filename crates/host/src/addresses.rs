//! The addresses of this node, and what names resolve to.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Instant;

/// The addresses of all interfaces of this node.
///
/// # Errors
/// What getifaddrs(3) says.
pub fn of_this_node() -> io::Result<Vec<IpAddr>> {
    let addresses = nix::ifaddrs::getifaddrs()?.filter_map(|interface| {
        let address = interface.address?;
        address
            .as_sockaddr_in()
            .map(|v4| IpAddr::V4(v4.ip()))
            .or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    Ok(addresses.collect())
}

/// What the system's resolver says of `name`. It may block: ask in a helper only.
///
/// # Errors
/// The name is unknown, or the resolver did not answer.
pub fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> = (name, 0).to_socket_addrs()?.map(|a| a.ip()).collect();
    found.dedup();
    Ok(found)
}

/// Does anything accept a connection at `host:port`? Tries every address of the name. It may block on the
/// resolver: ask in a helper only.
///
/// # Errors
/// The last address's answer, or the resolver's.
pub fn connect(host: &str, port: u16, until: Instant) -> io::Result<()> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        let left = crate::remaining(until);
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&SocketAddr::new(address.ip(), port), left) {
            Ok(_) => return Ok(()),
            Err(e) => last = e,
        }
    }
    Err(last)
}
