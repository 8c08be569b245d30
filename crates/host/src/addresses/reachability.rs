//! Whether anything accepts connections, and waiting until it does.
//!
//! What is waited for may be a database, or a Platform that just moves to another node. So each try asks the resolver anew;
//! tries come fast at first, when a service is just coming up, and rarer later; and all endpoints are tried at the same time
//! by threads of one helper, for a resolver that hangs for one of them must not keep the others from being found well.

use super::resolver;
use crate::worker::{self, WorkerError};
use crate::{remaining, sleep_capped};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for one address: a connection that is silently dropped must leave time for the name's other addresses.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between the first two tries; it doubles from try to try.
const MIN_RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// Up to this.
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// A resolver that has been asked for this long is what an endpoint waits for.
const SLOW_RESOLVER: Duration = Duration::from_secs(1);
/// What the helper may take longer than it is given: for its own end.
const GRACE: Duration = Duration::from_millis(500);

/// An endpoint that did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreachableEndpoint {
    /// Which of those that were given.
    pub index: usize,
    /// What came of the last try, in words.
    pub reason: String,
}

/// Does anything accept a connection at `host:port`? Tries the addresses of the name in their order, each for its share of the
/// time and never long. It may block on the resolver: ask in a helper only.
///
/// # Errors
/// The last address's answer, or the resolver's.
pub fn connect(host: &str, port: u16, until: Instant) -> io::Result<()> {
    let addresses = socket_addresses(host, port)?;
    connect_any(&addresses, until).map_err(|(_, error)| error)
}

/// Not [`resolver::resolve`]: the interface of a link-local address has to stay.
fn socket_addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in (bare, port).to_socket_addrs()? {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    if found.is_empty() {
        return Err(io::Error::new(ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}

/// The last address that was tried, and its answer.
fn connect_any(addresses: &[SocketAddr], until: Instant) -> Result<(), (SocketAddr, io::Error)> {
    let mut last = None;
    for (tried, &address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = (remaining(until) / others).min(MAX_CONNECT_TIMEOUT);
        let answer = if share.is_zero() {
            Err(ErrorKind::TimedOut.into())
        } else {
            TcpStream::connect_timeout(&address, share)
        };
        match answer {
            Ok(_) => return Ok(()),
            Err(error) => last = Some((address, error)),
        }
    }
    last.map_or(Ok(()), Err)
}

/// Waits until every endpoint has accepted a connection once, at most until the given instant.
///
/// # Errors
/// Those that did not, each with its last answer.
pub fn wait_until_all_reachable(
    endpoints: &[(&str, u16)],
    until: Instant,
) -> Result<(), Vec<UnreachableEndpoint>> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let of_all = |why: &str| {
        (0..endpoints.len())
            .map(|which| UnreachableEndpoint { index: which, reason: why.to_owned() })
            .collect::<Vec<_>>()
    };
    let missing = match worker::run_in_child(until + GRACE, || connect_all(endpoints, until)) {
        Ok(said) => String::from_utf8_lossy(&said).lines().filter_map(decode_line).collect(),
        Err(WorkerError::TimedOut { .. }) => of_all("the resolver does not answer"),
        Err(e) => of_all(&e.to_string()),
    };
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}

fn decode_line(line: &str) -> Option<UnreachableEndpoint> {
    let (which, why) = line.split_once(' ')?;
    Some(UnreachableEndpoint { index: which.parse().ok()?, reason: why.to_owned() })
}

/// What a thread of the helper tells of its endpoint.
enum EndpointEvent {
    Resolving(Instant),
    Connecting(Vec<SocketAddr>),
    Failed(String),
    Connected,
}

/// In the helper: a line for each endpoint that did not answer.
fn connect_all(endpoints: &[(&str, u16)], until: Instant) -> Vec<u8> {
    let (teller, news) = channel();
    for (which, &(host, port)) in endpoints.iter().enumerate() {
        let (teller, host) = (teller.clone(), host.to_owned());
        let attempt = move || retry_until_connected(&host, port, until, which, &teller);
        // Without a thread it is tried here, and the next ones after it.
        if thread::Builder::new().spawn(attempt.clone()).is_err() {
            attempt();
        }
    }
    drop(teller);
    let mut states: Vec<EndpointState> =
        endpoints.iter().map(|_| EndpointState::default()).collect();
    // It ends when all threads have ended, or at the given instant.
    while let Ok((which, news)) = news.recv_timeout(remaining(until)) {
        let state: &mut EndpointState = &mut states[which];
        state.apply(news);
    }
    let lines = states.iter().enumerate().filter(|(_, state)| !state.connected);
    let lines: Vec<String> =
        lines.map(|(which, state)| format!("{which} {}\n", state.describe_failure())).collect();
    lines.concat().into_bytes()
}

/// Where one endpoint is.
#[derive(Default)]
struct EndpointState {
    connected: bool,
    resolving_since: Option<Instant>,
    connecting_to: Vec<SocketAddr>,
    last_error: Option<String>,
}

impl EndpointState {
    fn apply(&mut self, news: EndpointEvent) {
        self.connecting_to.clear();
        self.resolving_since = None;
        match news {
            EndpointEvent::Resolving(since) => self.resolving_since = Some(since),
            EndpointEvent::Connecting(addresses) => self.connecting_to = addresses,
            EndpointEvent::Failed(why) => self.last_error = Some(why),
            EndpointEvent::Connected => self.connected = true,
        }
    }

    /// Why it is not answered. A try that was under way at the end counts for nothing if there was one before.
    fn describe_failure(&self) -> String {
        let asked = self.resolving_since.map(|since| since.elapsed()).unwrap_or_default();
        if let Some(last) = self.last_error.as_ref().filter(|_| asked < SLOW_RESOLVER) {
            return last.replace('\n', " ");
        }
        match self.connecting_to.first() {
            Some(address) => format!("timed out ({})", address.ip()),
            None => format!("the resolver has not answered for {} s", asked.as_secs()),
        }
    }
}

fn retry_until_connected(
    host: &str,
    port: u16,
    until: Instant,
    which: usize,
    teller: &Sender<(usize, EndpointEvent)>,
) {
    // The other end is there as long as anybody wants to know.
    let tell = |news| teller.send((which, news)).is_ok();
    let mut between = MIN_RETRY_INTERVAL;
    loop {
        tell(EndpointEvent::Resolving(Instant::now()));
        let why = match socket_addresses(host, port) {
            Err(e) => resolver::describe_resolver_error(&e),
            Ok(addresses) => {
                tell(EndpointEvent::Connecting(addresses.clone()));
                match connect_any(&addresses, until) {
                    Ok(()) => {
                        tell(EndpointEvent::Connected);
                        return;
                    }
                    Err((address, e)) => {
                        format!("{} ({})", describe_connect_error(&e), address.ip())
                    }
                }
            }
        };
        let left = remaining(until);
        if !tell(EndpointEvent::Failed(why)) || left < MIN_RETRY_INTERVAL {
            return;
        }
        // One last try is just before the end.
        sleep_capped(between.min(left * 7 / 8), until);
        between = (between * 2).min(MAX_RETRY_INTERVAL);
    }
}

/// Without the number: a person knows the words.
fn describe_connect_error(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::HostUnreachable => "no route to host".to_owned(),
        ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        ErrorKind::TimedOut => "timed out".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_failure_is_described_by_its_last_event() {
        let mut state = EndpointState::default();
        state.apply(EndpointEvent::Failed("connection refused".to_owned()));
        state.apply(EndpointEvent::Resolving(Instant::now()));
        assert_eq!(
            state.describe_failure(),
            "connection refused",
            "a resolver that was only just asked"
        );
        state.apply(EndpointEvent::Resolving(
            Instant::now().checked_sub(SLOW_RESOLVER * 3).unwrap(),
        ));
        assert_eq!(state.describe_failure(), "the resolver has not answered for 3 s");
        let mut state = EndpointState::default();
        state.apply(EndpointEvent::Connecting(vec!["192.0.2.1:1".parse().unwrap()]));
        assert_eq!(state.describe_failure(), "timed out (192.0.2.1)");
        state.apply(EndpointEvent::Connected);
        assert!(state.connected);
    }

    #[test]
    fn unreachable_endpoint_line_is_decoded() {
        let missing =
            UnreachableEndpoint { index: 2, reason: "no route to host (192.0.2.1)".to_owned() };
        assert_eq!(decode_line("2 no route to host (192.0.2.1)"), Some(missing));
        assert_eq!(decode_line("nonsense"), None);
    }
}
