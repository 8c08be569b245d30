//! The judgement, over what a name can stand for.

use super::judge::jvm_takes;
use super::*;
use crate::actions::Severity;
use proptest::prelude::*;
use std::time::Duration;

/// A node with a local address, a virtual one, and one of each trouble.
fn place(address: IpAddr) -> Place {
    let on = || "eth1".to_owned();
    match address.to_string().as_str() {
        "10.0.0.1" | "192.0.2.10" | "2001:db8::1" | "fe80::1" | "169.254.0.1" => Place::Here,
        "10.0.1.1" => Place::Unlinked(on()),
        "2001:db8::2" => Place::Tentative(on()),
        "2001:db8::3" => Place::Duplicate(on()),
        _ if address.is_loopback() || address.is_unspecified() => Place::Here,
        _ => Place::Elsewhere,
    }
}

fn stands_for(addresses: &[&str]) -> Found {
    Found::Lookup(Lookup::Addresses(addresses.iter().map(|a| a.parse().unwrap()).collect()))
}

use Deployment::{Aws, OpenStack, Virtual};
use PicoType::{ExecutionContext, Platform, ServiceContext, Ui};
use Property::{PlatformHost, ServerHost};

/// The problems of one property, while the other is unset.
fn problems(
    deployment: Deployment,
    kind: PicoType,
    property: Property,
    host: Option<&str>,
    found: Found,
) -> Vec<Problem> {
    let rule = Rule::of(deployment, kind, property);
    let row = Row { property, host: host.map(str::to_owned), found, rule, problems: Vec::new() };
    judge::judge(deployment, kind, &row, &place)
}

/// Right; a warning; an error; a warning or an error that stops a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Come {
    Right,
    Warns,
    Errs,
    WarnsAndStops,
    ErrsAndStops,
}

fn come(problems: &[Problem]) -> Come {
    let stops = problems.iter().any(|p| p.stops_start);
    match problems.iter().any(|p| matches!(p.severity, Severity::Error(_))) {
        _ if problems.is_empty() => Come::Right,
        true if stops => Come::ErrsAndStops,
        true => Come::Errs,
        false if stops => Come::WarnsAndStops,
        false => Come::Warns,
    }
}

#[test]
fn each_cell_of_the_table_with_each_kind_of_address() {
    use Come::{Errs, ErrsAndStops, Right, Warns, WarnsAndStops};
    const HERE: &[&str] = &["10.0.0.1"];
    const AWAY: &[&str] = &["203.0.113.7"];
    const LOOP: &[&str] = &["127.0.1.1"];
    // What comes of an address that is here, one that is elsewhere, loopback.
    let table = [
        (Virtual, Platform, ServerHost, [Right, WarnsAndStops, Warns]),
        (Virtual, Platform, PlatformHost, [Right, Warns, Warns]),
        (Virtual, ExecutionContext, ServerHost, [Right, WarnsAndStops, Warns]),
        (Virtual, ExecutionContext, PlatformHost, [Right, Right, Warns]),
        (Virtual, ServiceContext, PlatformHost, [Right, Right, Warns]),
        (Virtual, Ui, ServerHost, [Right, WarnsAndStops, Warns]),
        (Virtual, Ui, PlatformHost, [Right, Right, Warns]),
        (OpenStack, Platform, ServerHost, [Right, ErrsAndStops, Errs]),
        (OpenStack, Platform, PlatformHost, [Right, Errs, Errs]),
        (OpenStack, ExecutionContext, ServerHost, [Right, ErrsAndStops, Errs]),
        (OpenStack, ExecutionContext, PlatformHost, [Warns, Right, Warns]),
        (OpenStack, ServiceContext, PlatformHost, [Warns, Right, Warns]),
        (OpenStack, Ui, PlatformHost, [Right, Right, Warns]),
        (Aws, Platform, ServerHost, [Right, ErrsAndStops, Errs]),
        (Aws, Platform, PlatformHost, [Right, Errs, Errs]),
        (Aws, ServiceContext, ServerHost, [Right, ErrsAndStops, Errs]),
        (Aws, ServiceContext, PlatformHost, [Warns, Right, Warns]),
    ];
    for (deployment, kind, property, expected) in table {
        for (addresses, expected) in [HERE, AWAY, LOOP].into_iter().zip(expected) {
            let found = problems(deployment, kind, property, Some("mzplat"), stands_for(addresses));
            let case = format!("{deployment:?} {kind} {property} {addresses:?}: {found:?}");
            assert_eq!(come(&found), expected, "{case}");
        }
    }
}

/// The Platform, which must bind what its name stands for.
#[test]
fn of_several_addresses_the_one_counts_that_a_jvm_takes() {
    use Come::{Right, Warns, WarnsAndStops};
    for (addresses, expected, words) in [
        (&["10.0.0.1", "192.0.2.10"][..], Right, ""),
        (&["10.0.0.1", "2001:db8::1"], Right, ""),
        (&["2001:db8::1"], Right, ""),
        (&["2001:db8::9", "10.0.0.1"], Warns, "2001:db8::9 is not of this node: which of them is taken"),
        (&["10.0.0.1", "203.0.113.7"], Warns, "203.0.113.7 is not of this node: which of them is taken"),
        (&["203.0.113.7", "10.0.0.1"], Warns, "only 10.0.0.1 is of this node: a JVM takes 203.0.113.7"),
        (&["203.0.113.7", "2001:db8::1"], Warns, "only 2001:db8::1 is of this node: a JVM takes 203.0.113.7"),
        (
            &["203.0.113.7", "203.0.113.8"],
            WarnsAndStops,
            "203.0.113.7, 203.0.113.8, none of which is an address",
        ),
        (&["fe80::1"], Warns, "link-local"),
        (&["169.254.0.1"], Warns, "link-local"),
        (&["10.0.1.1"], Warns, "interface eth1 is down or has no link"),
        (&["2001:db8::2"], Warns, "duplicate address detection is not done"),
        (&["2001:db8::3"], WarnsAndStops, "somebody else on the network of eth1"),
        (&["0.0.0.0"], Warns, "to listen everywhere, leave it unset"),
        (&["::"], Warns, "to listen everywhere, leave it unset"),
        (&["224.0.0.1"], Come::ErrsAndStops, "multicast"),
        (&["255.255.255.255"], Come::ErrsAndStops, "broadcast"),
    ] {
        let found = problems(Virtual, Platform, ServerHost, Some("mzplat"), stands_for(addresses));
        assert_eq!(come(&found), expected, "{addresses:?}: {found:?}");
        assert!(words.is_empty() || found.iter().any(|p| p.text.contains(words)), "{words}: {found:?}");
    }
}

#[test]
fn loopback_that_is_meant_is_right_beside_the_platform_only() {
    use Come::{Errs, Right, Warns};
    for (deployment, kind, property, expected) in [
        (Virtual, Platform, PlatformHost, Right),
        (Virtual, Ui, PlatformHost, Right),
        (Virtual, ExecutionContext, PlatformHost, Warns),
        (Virtual, Platform, ServerHost, Warns),
        (OpenStack, Platform, PlatformHost, Errs),
        (Aws, Ui, PlatformHost, Right),
        (Aws, ServiceContext, PlatformHost, Warns),
    ] {
        for host in ["localhost", "LOCALHOST.", "127.0.0.1"] {
            let found = problems(deployment, kind, property, Some(host), stands_for(&["127.0.0.1"]));
            let only_local = found.iter().filter(|p| p.text.contains("set a name")).count();
            assert_eq!(
                come(&found[..found.len() - only_local]),
                expected,
                "{deployment:?} {kind} {host}: {found:?}"
            );
        }
    }
}

#[test]
fn what_does_not_resolve_is_a_warning_with_the_resolvers_words() {
    for property in [ServerHost, PlatformHost] {
        for (host, lookup, words) in [
            (
                "mzplat",
                Lookup::Nothing("Name or service not known".to_owned()),
                "mzplat does not resolve: Name or",
            ),
            ("mzplat.", Lookup::Nothing("no".to_owned()), "no names with a dot at the end"),
            (
                "mzplat",
                Lookup::Failed("Temporary failure".to_owned()),
                "does not resolve now: Temporary failure",
            ),
            ("mzplat", Lookup::Silent(Duration::from_secs(7)), "has not answered for 7 s"),
        ] {
            let found = problems(OpenStack, Platform, property, Some(host), Found::Lookup(lookup));
            assert_eq!(come(&found), Come::Warns, "{found:?}");
            assert!(found[0].text.contains(words), "{found:?}");
        }
    }
}

#[test]
fn unset_is_right_where_the_address_moves() {
    use Come::{Right, Warns};
    for (deployment, property, expected) in [
        (Virtual, ServerHost, Right),
        (OpenStack, ServerHost, Warns),
        (Aws, ServerHost, Warns),
        (Virtual, PlatformHost, Warns),
        (OpenStack, PlatformHost, Warns),
    ] {
        for kind in PicoType::ALL {
            let found = problems(deployment, kind, property, None, Found::Unset);
            assert_eq!(come(&found), expected, "{deployment:?} {kind} {property}: {found:?}");
        }
    }
}

#[test]
fn the_words_are_those_that_an_administrator_needs() {
    let found = problems(OpenStack, Platform, PlatformHost, Some("mzplat"), stands_for(&["203.0.113.7"]));
    assert_eq!(
        found[0].text,
        "mzplat resolves to 203.0.113.7, which is not an address of this node; on OpenStack the Platform needs its local \
         address here"
    );
    let found = problems(Virtual, Platform, ServerHost, Some("203.0.113.7"), stands_for(&["203.0.113.7"]));
    assert_eq!(found[0].text, "203.0.113.7 is not an address of this node; the Platform could not bind it");
}

fn both(kind: PicoType, server: &[&str], platform: &[&str]) -> Vec<Row> {
    let value = |property, addresses: &[&str]| (property, Some("name".to_owned()), stands_for(addresses));
    rows(Virtual, kind, [value(ServerHost, server), value(PlatformHost, platform)], &place)
}

#[test]
fn the_platform_is_looked_for_where_it_listens() {
    let found = both(Platform, &["10.0.0.1"], &["192.0.2.10"]);
    assert!(found[0].problems.is_empty(), "{found:?}");
    assert!(
        found[1].problems[0].text.starts_with("name = 192.0.2.10 is not what the Platform binds, 10.0.0.1")
    );
    assert_eq!(come(&found[1].problems), Come::Warns);
    for (kind, server, platform) in [
        (Platform, "10.0.0.1", "10.0.0.1"),
        (ExecutionContext, "10.0.0.1", "192.0.2.10"),
        // Another thing is wrong, and said.
        (Platform, "10.0.0.1", "203.0.113.7"),
        (Platform, "0.0.0.0", "10.0.0.1"),
    ] {
        let found = both(kind, &[server], &[platform]);
        assert!(!found[1].problems.iter().any(|p| p.text.contains("binds")), "{found:?}");
    }
}

#[test]
fn a_row_tells_what_it_found() {
    let tell = |host: Option<&str>, found| {
        let rule = Rule::LeadsToPlatform;
        Row { property: PlatformHost, host: host.map(str::to_owned), found, rule, problems: Vec::new() }
            .in_words()
    };
    assert_eq!(tell(None, Found::Unset), "not set");
    assert_eq!(tell(Some("10.0.0.1"), stands_for(&["10.0.0.1"])), "10.0.0.1");
    assert_eq!(
        tell(Some("a"), stands_for(&["10.0.0.1"; 6])),
        format!("a: {} and 2 more", ["10.0.0.1"; 4].join(", "))
    );
    assert_eq!(tell(Some("a"), Found::Lookup(Lookup::Failed("no".to_owned()))), "a: no");
}

proptest! {
    /// Whatever a name stands for: what stops a start is said of what has to be bound, and of nothing that is here.
    #[test]
    fn a_start_is_stopped_only_by_what_could_not_be_bound(
        addresses in proptest::collection::vec(any::<IpAddr>(), 1..5),
        here in any::<u8>(),
        kind in proptest::sample::select(PicoType::ALL.to_vec()),
        deployment in proptest::sample::select(vec![Virtual, OpenStack, Aws]),
        property in proptest::sample::select(vec![ServerHost, PlatformHost]),
    ) {
        let places = addresses.clone();
        let is_here = |a: IpAddr| places.iter().position(|b| *b == a).is_some_and(|i| here >> i & 1 == 1);
        let at = |a: IpAddr| if a.is_loopback() || is_here(a) { Place::Here } else { Place::Elsewhere };
        let taken = jvm_takes(&addresses).unwrap();
        prop_assert!(taken.is_ipv4() || addresses.iter().all(IpAddr::is_ipv6));
        let rule = Rule::of(deployment, kind, property);
        let found = Found::Lookup(Lookup::Addresses(addresses.clone()));
        let row = Row { property, host: Some("name".to_owned()), found, rule, problems: Vec::new() };
        let problems = judge::judge(deployment, kind, &row, &at);
        let odd = taken.is_multicast() || taken.is_unspecified() || taken == IpAddr::from([255; 4]);
        let stops = problems.iter().any(|p| p.stops_start);
        if !odd && !taken.is_loopback() {
            prop_assert_eq!(stops, property == ServerHost && !addresses.iter().any(|&a| at(a) == Place::Here));
        }
        prop_assert!(!stops || property == ServerHost);
    }
}
