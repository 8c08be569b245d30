//! Waiting until something answers. In a process of its own: it forks, and a child made by fork has a copy of every socket that
//! another test has open.

use host::addresses;
use std::net::TcpListener;
use std::time::{Duration, Instant};

#[test]
fn wait_until_all_reachable_names_unreachable_endpoints() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let soon = || Instant::now() + Duration::from_secs(20);
    addresses::wait_until_all_reachable(&[("127.0.0.1", port), ("127.0.0.1", port)], soon())
        .unwrap();
    addresses::wait_until_all_reachable(&[], soon()).unwrap();

    // A socket that is bound and does not listen: nobody else can take the port meanwhile.
    let bound = TcpListener::bind("127.0.0.2:0").unwrap();
    let other = bound.local_addr().unwrap().port();
    drop(bound);
    let shortly = Instant::now() + Duration::from_millis(300);
    let endpoints = [("127.0.0.1", port), ("127.0.0.2", other)];
    let missing = addresses::wait_until_all_reachable(&endpoints, shortly).unwrap_err();
    let [missing] = missing.as_slice() else { panic!("{missing:?}") };
    assert_eq!((missing.index, missing.reason.as_str()), (1, "connection refused (127.0.0.2)"));
}
