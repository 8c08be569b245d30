//! Opens the ports of a pico.

use std::io;
use std::net::{Ipv4Addr, TcpListener, ToSocketAddrs as _};

/// Whoever a pico listens to. All non-blocking: a client that hangs up between poll and accept must not hold up the pico.
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

/// Why a port can't be opened.
#[derive(Debug)]
pub(super) enum PortBindError {
    /// Somebody else listens there.
    AddressInUse(String),
    /// The address is not on this node, or the name means none.
    AddressUnavailable(String),
}

/// At any port of loopback.
pub(super) fn listen_on_loopback() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// At `host:port`; none for an empty text.
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
