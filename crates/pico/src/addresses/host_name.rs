//! Detects values of host properties that are no hostname, before a lookup.
//!
//! The resolver would answer "not known" to all of them, and the administrator would search the
//! fault in the DNS. The check accepts what resolvers accept: a dot at the end, capitals, and the
//! usual underscores.

use std::net::IpAddr;

/// Maximum length of a name in DNS, in its written form, without the dot at the end (RFC 1035,
/// section 2.3.4).
const MAX_NAME_LEN: usize = 253;
/// Maximum length of a label, the part between two dots.
const MAX_LABEL_LEN: usize = 63;

/// Parses an address, also in brackets or with the interface of a link-local one.
#[must_use]
pub(super) fn parse_address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Why no resolver can know this name.
#[must_use]
pub(super) fn name_error(host: &str) -> Option<String> {
    if parse_address(host).is_some() {
        return None;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.trim() != name || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some("has blanks in it".to_owned());
    }
    if name.contains("://") || name.contains('/') {
        return Some("is a URL: only the name in it belongs here".to_owned());
    }
    if let Some((bare, port)) = name.rsplit_once(':')
        && !port.is_empty()
        && port.bytes().all(|b| b.is_ascii_digit())
        && (!bare.contains(':') || bare.ends_with(']'))
    {
        return Some(format!(
            "has a port at its end: write {bare}, the port has a property of its own"
        ));
    }
    if name.len() > MAX_NAME_LEN {
        return Some(format!(
            "is {} characters long, a host name has {MAX_NAME_LEN} at most",
            name.len()
        ));
    }
    if name.split('.').any(str::is_empty) {
        return Some("has a dot too many".to_owned());
    }
    if name.split('.').any(|label| label.len() > MAX_LABEL_LEN) {
        return Some(format!("has more than {MAX_LABEL_LEN} characters between two dots"));
    }
    // Resolvers read some of these as addresses: 10.1 as 10.0.0.1, 010.0.0.1 as 8.0.0.1. They do
    // not agree.
    if name.split('.').all(|label| label.bytes().all(|b| b.is_ascii_digit())) {
        return Some("looks like an address and is none: four numbers from 0 to 255".to_owned());
    }
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let odd = name.chars().find(|&c| !usual(c))?;
    Some(format!("has {odd:?} in it, which no host name has"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn host_names_and_addresses_are_accepted_in_every_spelling() {
        let longest = format!("{}.", ["a".repeat(63).as_str(); 4].join(".").get(..253).unwrap());
        for good in [
            "mzplat",
            "MZPLAT",
            "mzplat.",
            "mz-plat.example.com",
            "mz_plat",
            "7up",
            "10.0.0.1",
            "2001:db8::1",
            "[::1]",
            "fe80::1%eth0",
            longest.as_str(),
        ] {
            assert_eq!(name_error(good), None, "{good}");
        }
    }

    #[test]
    fn malformed_host_name_is_reported_by_its_mistake() {
        let wide = "a".repeat(64);
        for (bad, words) in [
            ("mzplat:6790", "has a port at its end: write mzplat,"),
            ("10.0.0.1:6790", "has a port at its end: write 10.0.0.1,"),
            ("[::1]:6790", "has a port at its end: write [::1],"),
            (" mzplat", "has blanks"),
            ("mzplat ", "has blanks"),
            ("mz plat", "has blanks"),
            ("mz\tplat", "has blanks"),
            ("http://mzplat:9000", "is a URL"),
            ("mz..plat", "a dot too many"),
            (".", "a dot too many"),
            ("mzplat..", "a dot too many"),
            (wide.as_str(), "more than 63 characters"),
            ("10.0.0", "looks like an address"),
            ("10.0.0.300", "looks like an address"),
            ("010.0.0.1", "looks like an address"),
            ("mzpl\u{e4}t", "has '\u{e4}' in it"),
            ("mz@plat", "has '@' in it"),
            ("a,b", "has ',' in it"),
        ] {
            let fault = name_error(bad).unwrap_or_default();
            assert!(fault.contains(words), "{bad:?}: {fault:?}");
        }
        let long = ["a".repeat(60).as_str(); 5].join(".");
        assert_eq!(
            name_error(&long).unwrap(),
            "is 304 characters long, a host name has 253 at most"
        );
    }

    proptest! {
        #[test]
        fn every_address_is_accepted_and_parsed(address in any::<IpAddr>()) {
            prop_assert_eq!(parse_address(&address.to_string()), Some(address.to_canonical()));
            prop_assert_eq!(name_error(&address.to_string()), None);
        }

        #[test]
        fn name_error_never_panics(text in any::<String>()) {
            let _ = name_error(&text);
        }
    }
}
