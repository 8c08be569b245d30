//! What names stand for, by the system's resolver: getaddrinfo(3), so hosts file, name servers and whatever else the node is
//! set up with, as a JVM asks it.
//!
//! One name that hangs must not cost what is known of another. So each has a thread of its own, and the threads are in a
//! helper, which answers for all names when the time is up: a thread that sleeps in the resolver can't be ended, the
//! helper around it can.

use crate::worker;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// What the helper may take longer than it is given: for its own end.
const GRACE: Duration = Duration::from_millis(500);

/// What the standard library puts before the resolver's own words.
const STD_ERROR_PREFIX: &str = "failed to lookup address information: ";

/// The words of `EAI_AGAIN` and `EAI_FAIL`: it was not the name, it was the resolver.
const RESOLVER_FAILED: [&str; 2] = ["Temporary failure", "Non-recoverable failure"];

/// What came of looking up one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It stands for these, in the resolver's order, each once; at least one.
    Addresses(Vec<IpAddr>),
    /// It stands for nothing; the resolver's words.
    NotFound(String),
    /// The resolver failed, for reasons that need not be the name's; its words.
    Failed(String),
    /// The resolver has not answered for this long.
    TimedOut(Duration),
}

/// What the system's resolver says of `name`. An address stands for itself, also in brackets. It may block: ask in a helper only.
///
/// # Errors
/// The name is unknown, or the resolver did not answer.
pub fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    let mut found: Vec<IpAddr> = Vec::new();
    for address in (bare, 0).to_socket_addrs()? {
        let address = address.ip().to_canonical();
        // By other addresses between them, too: so no dedup().
        if !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}

/// The resolver's words, without ours.
pub(super) fn describe_resolver_error(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix(STD_ERROR_PREFIX).unwrap_or(&text).to_owned()
}

/// Looks up all names at once by a helper, until the given instant; an answer for each, in their order.
#[must_use]
pub fn look_up(names: &[&str], until: Instant) -> Vec<Lookup> {
    if names.is_empty() {
        return Vec::new();
    }
    let begun = Instant::now();
    let said = worker::run_in_child(until + GRACE, || resolve_all(names, until));
    let silent = match &said {
        Ok(_) | Err(worker::WorkerError::TimedOut { .. }) => Lookup::TimedOut(begun.elapsed()),
        Err(e) => Lookup::Failed(e.to_string()),
    };
    let mut all = vec![silent; names.len()];
    for line in String::from_utf8_lossy(&said.unwrap_or_default()).lines() {
        if let Some((which, lookup)) = decode_answer(line)
            && let Some(entry) = all.get_mut(which)
        {
            *entry = lookup;
        }
    }
    all
}

/// In the helper: a line for each name whose answer came in time.
fn resolve_all(names: &[&str], until: Instant) -> Vec<u8> {
    let (teller, answers) = channel();
    for (which, name) in names.iter().enumerate() {
        let (teller, name) = (teller.clone(), (*name).to_owned());
        let ask = move || drop(teller.send(encode_answer(which, &resolve(&name))));
        // Without a thread it is asked here: the others may then have to wait.
        if thread::Builder::new().spawn(ask.clone()).is_err() {
            ask();
        }
    }
    drop(teller);
    let mut said = Vec::new();
    while let Ok(line) = answers.recv_timeout(crate::remaining(until)) {
        said.extend_from_slice(line.as_bytes());
    }
    said
}

/// `WHICH a ADDRESS...`, `WHICH n WORDS`, `WHICH f WORDS`.
fn encode_answer(which: usize, answer: &io::Result<Vec<IpAddr>>) -> String {
    match answer {
        Ok(found) if found.is_empty() => format!("{which} n no address\n"),
        Ok(found) => {
            let all: Vec<String> = found.iter().map(ToString::to_string).collect();
            format!("{which} a {}\n", all.join(" "))
        }
        Err(e) => {
            let words = describe_resolver_error(e).replace('\n', " ");
            let failed = RESOLVER_FAILED.iter().any(|begin| words.starts_with(begin));
            // An error of the system (no descriptor left, say) is none of the name's either.
            let letter = if failed || e.raw_os_error().is_some() { 'f' } else { 'n' };
            format!("{which} {letter} {words}\n")
        }
    }
}

fn decode_answer(line: &str) -> Option<(usize, Lookup)> {
    let (which, rest) = line.split_once(' ')?;
    let (letter, words) = rest.split_once(' ')?;
    let lookup = match letter {
        "a" => Lookup::Addresses(words.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?),
        "n" => Lookup::NotFound(words.to_owned()),
        _ => Lookup::Failed(words.to_owned()),
    };
    Some((which.parse().ok()?, lookup))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ip_address_resolves_to_itself_in_each_notation() {
        for (text, meant) in [
            ("10.0.0.1", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(resolve(text).unwrap(), [address(meant)], "{text}");
        }
    }

    #[test]
    fn look_up_answers_each_name_in_order() {
        let until = Instant::now() + Duration::from_secs(20);
        let found = look_up(&["127.0.0.7", "no\0name", "::1"], until);
        assert_eq!(found[0], Lookup::Addresses(vec![address("127.0.0.7")]));
        assert!(matches!(&found[1], Lookup::NotFound(words) if !words.is_empty()), "{found:?}");
        assert_eq!(found[2], Lookup::Addresses(vec![address("::1")]));
        assert_eq!(look_up(&[], until), []);
    }

    #[test]
    fn lookup_answer_survives_encoding_and_decoding() {
        let failed =
            io::Error::other(format!("{STD_ERROR_PREFIX}Temporary failure in name resolution"));
        let unknown = io::Error::other(format!("{STD_ERROR_PREFIX}Name or service not known"));
        let both = vec![address("10.0.0.1"), address("2001:db8::1")];
        for (answer, lookup) in [
            (Ok(both.clone()), Lookup::Addresses(both)),
            (Ok(Vec::new()), Lookup::NotFound("no address".to_owned())),
            (Err(failed), Lookup::Failed("Temporary failure in name resolution".to_owned())),
            (Err(unknown), Lookup::NotFound("Name or service not known".to_owned())),
        ] {
            assert_eq!(decode_answer(encode_answer(3, &answer).trim_end()), Some((3, lookup)));
        }
        assert_eq!(decode_answer("x a 10.0.0.1"), None);
        assert_eq!(decode_answer("1 a here"), None);
    }
}
