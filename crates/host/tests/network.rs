//! Addresses and listeners. In a process of their own: the unit tests fork, and a child made by fork has a copy of
//! every socket that another test has open.

use host::{Pid, addresses, listeners};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

#[test]
fn loopback_is_a_local_address() {
    let node = addresses::LocalAddresses::read().unwrap();
    assert_eq!(node.state_of(IpAddr::V4(Ipv4Addr::LOCALHOST)), addresses::AddressState::Local);
    // TEST-NET-1: nobody's.
    assert_eq!(node.state_of("192.0.2.77".parse().unwrap()), addresses::AddressState::NotLocal);
}

#[test]
fn connect_is_refused_without_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let until = Instant::now() + Duration::from_secs(20);
    addresses::connect("127.0.0.1", port, until).unwrap();
    drop(listener);
    let error = addresses::connect("127.0.0.1", port, until).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn own_listeners_are_found_with_address_and_process() {
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let socket = TcpListener::bind(address).unwrap();
        let local = socket.local_addr().unwrap();
        let all = listeners::all().unwrap();
        let found = all.into_iter().find(|l| l.port == local.port() && l.address == local.ip());
        let found = found.unwrap_or_else(|| panic!("{local} is not in the table"));
        assert_eq!(found.find_process().unwrap(), Some(Pid::own()));
        assert!(found.conflicts_with("127.0.0.1".parse().unwrap()));
        assert_eq!(found.conflicts_with("127.0.0.2".parse().unwrap()), local.ip().is_unspecified());
    }
}
