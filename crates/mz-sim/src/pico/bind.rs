//! Opens the ports of a pico.

use std::io;
use std::net::{Ipv4Addr, TcpListener, ToSocketAddrs as _};

/// All listeners of a pico. They are non-blocking: a client that hangs up between poll and accept
/// must not block the pico.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    /// RCP on loopback, at a port that changes with every start; mzsh finds it in `tmp/.remote`.
    pub(super) own: Option<TcpListener>,
    /// The Platform's RCP service.
    pub(super) rcp: Option<TcpListener>,
    pub(super) web: Option<TcpListener>,
    pub(super) ha: Option<TcpListener>,
    pub(super) connections: Vec<super::serve::Connection>,
}

#[derive(Debug)]
pub(super) enum PortBindError {
    /// Another process listens there.
    AddressInUse(String),
    /// The address is not on this node, or the name does not resolve.
    AddressUnavailable(String),
}

pub(super) fn listen_on_loopback() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Listens at `host:port`; returns `None` for an empty text.
pub(super) fn listen(address: &str) -> Result<Option<TcpListener>, PortBindError> {
    if address.is_empty() {
        return Ok(None);
    }
    let problem = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => PortBindError::AddressInUse(format!("{address} is in use")),
        _ => PortBindError::AddressUnavailable(format!("can't listen at {address}: {error}")),
    };
    let candidates: Vec<_> = address.to_socket_addrs().map_err(problem)?.collect();
    let listener = TcpListener::bind(candidates.as_slice()).map_err(problem)?;
    listener.set_nonblocking(true).map_err(problem)?;
    Ok(Some(listener))
}
