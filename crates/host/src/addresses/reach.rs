//! Whether anything accepts connections, and waiting until it does.
//!
//! What is waited for may be a database, or a Platform that just moves to another node. So each try asks the resolver anew;
//! tries come fast at first, when a service is just coming up, and rarer later; and all endpoints are tried at the same time
//! by threads of one helper, for a resolver that hangs for one of them must not keep the others from being found well.

use super::names;
use crate::helper::{self, HelperError};
use crate::{pause, remaining};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for one address: a connection that is silently dropped must leave time for the name's other addresses.
const LONGEST_TRY: Duration = Duration::from_secs(2);
/// Between the first two tries; it doubles from try to try.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A resolver that has been asked for this long is what an endpoint waits for.
const SLOW_RESOLVER: Duration = Duration::from_secs(1);
/// What the helper may take longer than it is given: for its own end.
const GRACE: Duration = Duration::from_millis(500);

/// An endpoint that did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which of those that were given.
    pub which: usize,
    /// What came of the last try, in words.
    pub why: String,
}

/// Does anything accept a connection at `host:port`? Tries the addresses of the name in their order, each for its share of the
/// time and never long. It may block on the resolver: ask in a helper only.
///
/// # Errors
/// The last address's answer, or the resolver's.
pub fn connect(host: &str, port: u16, until: Instant) -> io::Result<()> {
    let addresses = addresses(host, port)?;
    first_that_answers(&addresses, until).map_err(|(_, error)| error)
}

/// Not [`names::resolve`]: the interface of a link-local address has to stay.
fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
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
fn first_that_answers(addresses: &[SocketAddr], until: Instant) -> Result<(), (SocketAddr, io::Error)> {
    let mut last = None;
    for (tried, &address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = (remaining(until) / others).min(LONGEST_TRY);
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
pub fn wait_until_all_answer(endpoints: &[(&str, u16)], until: Instant) -> Result<(), Vec<Missing>> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let of_all = |why: &str| {
        (0..endpoints.len()).map(|which| Missing { which, why: why.to_owned() }).collect::<Vec<_>>()
    };
    let missing = match helper::ask(until + GRACE, || try_all(endpoints, until)) {
        Ok(said) => String::from_utf8_lossy(&said).lines().filter_map(parse).collect(),
        Err(HelperError::NoAnswer { .. }) => of_all("the resolver does not answer"),
        Err(e) => of_all(&e.to_string()),
    };
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}

fn parse(line: &str) -> Option<Missing> {
    let (which, why) = line.split_once(' ')?;
    Some(Missing { which: which.parse().ok()?, why: why.to_owned() })
}

/// What a thread of the helper tells of its endpoint.
enum News {
    Asks(Instant),
    Tries(Vec<SocketAddr>),
    Failed(String),
    Answered,
}

/// In the helper: a line for each endpoint that did not answer.
fn try_all(endpoints: &[(&str, u16)], until: Instant) -> Vec<u8> {
    let (teller, news) = channel();
    for (which, &(host, port)) in endpoints.iter().enumerate() {
        let (teller, host) = (teller.clone(), host.to_owned());
        let attempt = move || try_until_it_answers(&host, port, until, which, &teller);
        // Without a thread it is tried here, and the next ones after it.
        if thread::Builder::new().spawn(attempt.clone()).is_err() {
            attempt();
        }
    }
    drop(teller);
    let mut states: Vec<State> = endpoints.iter().map(|_| State::default()).collect();
    // It ends when all threads have ended, or at the given instant.
    while let Ok((which, news)) = news.recv_timeout(remaining(until)) {
        let state: &mut State = &mut states[which];
        state.hears(news);
    }
    let lines = states.iter().enumerate().filter(|(_, state)| !state.answered);
    let lines: Vec<String> = lines.map(|(which, state)| format!("{which} {}\n", state.why())).collect();
    lines.concat().into_bytes()
}

/// Where one endpoint is.
#[derive(Default)]
struct State {
    answered: bool,
    asks_since: Option<Instant>,
    tries: Vec<SocketAddr>,
    last: Option<String>,
}

impl State {
    fn hears(&mut self, news: News) {
        self.tries.clear();
        self.asks_since = None;
        match news {
            News::Asks(since) => self.asks_since = Some(since),
            News::Tries(addresses) => self.tries = addresses,
            News::Failed(why) => self.last = Some(why),
            News::Answered => self.answered = true,
        }
    }

    /// Why it is not answered. A try that was under way at the end counts for nothing if there was one before.
    fn why(&self) -> String {
        let asked = self.asks_since.map(|since| since.elapsed()).unwrap_or_default();
        if let Some(last) = self.last.as_ref().filter(|_| asked < SLOW_RESOLVER) {
            return last.replace('\n', " ");
        }
        match self.tries.first() {
            Some(address) => format!("timed out ({})", address.ip()),
            None => format!("the resolver has not answered for {} s", asked.as_secs()),
        }
    }
}

fn try_until_it_answers(host: &str, port: u16, until: Instant, which: usize, teller: &Sender<(usize, News)>) {
    // The other end is there as long as anybody wants to know.
    let tell = |news| teller.send((which, news)).is_ok();
    let mut between = FIRST_PAUSE;
    loop {
        tell(News::Asks(Instant::now()));
        let why = match addresses(host, port) {
            Err(e) => names::words(&e),
            Ok(addresses) => {
                tell(News::Tries(addresses.clone()));
                match first_that_answers(&addresses, until) {
                    Ok(()) => {
                        tell(News::Answered);
                        return;
                    }
                    Err((address, e)) => format!("{} ({})", in_words(&e), address.ip()),
                }
            }
        };
        let left = remaining(until);
        if !tell(News::Failed(why)) || left < FIRST_PAUSE {
            return;
        }
        // One last try is just before the end.
        pause(between.min(left * 7 / 8), until);
        between = (between * 2).min(LONGEST_PAUSE);
    }
}

/// Without the number: a person knows the words.
fn in_words(error: &io::Error) -> String {
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
    fn what_was_heard_last_is_the_reason() {
        let mut state = State::default();
        state.hears(News::Failed("connection refused".to_owned()));
        state.hears(News::Asks(Instant::now()));
        assert_eq!(state.why(), "connection refused", "a resolver that was only just asked");
        state.hears(News::Asks(Instant::now().checked_sub(SLOW_RESOLVER * 3).unwrap()));
        assert_eq!(state.why(), "the resolver has not answered for 3 s");
        let mut state = State::default();
        state.hears(News::Tries(vec!["192.0.2.1:1".parse().unwrap()]));
        assert_eq!(state.why(), "timed out (192.0.2.1)");
        state.hears(News::Answered);
        assert!(state.answered);
    }

    #[test]
    fn a_line_of_the_helper_comes_back() {
        let missing = Missing { which: 2, why: "no route to host (192.0.2.1)".to_owned() };
        assert_eq!(parse("2 no route to host (192.0.2.1)"), Some(missing));
        assert_eq!(parse("nonsense"), None);
    }
}
