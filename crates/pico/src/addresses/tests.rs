//! Tests of the checks, for each kind of address.

use super::problems::address_taken_by_jvm;
use super::*;
use crate::actions::Severity;
use proptest::prelude::*;
use std::time::Duration;

/// A node with a local address, a virtual one, and one for each fault.
fn place(address: IpAddr) -> AddressState {
    let on = || "eth1".to_owned();
    match address.to_string().as_str() {
        "10.0.0.1" | "192.0.2.10" | "2001:db8::1" | "fe80::1" | "169.254.0.1" => {
            AddressState::Local
        }
        "10.0.1.1" => AddressState::LinkDown(on()),
        "2001:db8::2" => AddressState::Tentative(on()),
        "2001:db8::3" => AddressState::Duplicate(on()),
        _ if address.is_loopback() || address.is_unspecified() => AddressState::Local,
        _ => AddressState::NotLocal,
    }
}

fn resolved_to(addresses: &[&str]) -> HostResolution {
    HostResolution::LookedUp(Lookup::Addresses(
        addresses.iter().map(|a| a.parse().unwrap()).collect(),
    ))
}

use Deployment::{Aws, OpenStack, Virtual};
use HostProperty::{PlatformHost, ServerHost};
use PicoType::{ExecutionContext, Platform, ServiceContext, Ui};

/// The problems of one property while the other is unset.
fn problems(
    deployment: Deployment,
    kind: PicoType,
    property: HostProperty,
    host: Option<&str>,
    found: HostResolution,
) -> Vec<AddressProblem> {
    let rule = AddressRule::for_property(deployment, kind, property);
    let row = HostNameCheck {
        property,
        host: host.map(str::to_owned),
        resolution: found,
        rule,
        problems: Vec::new(),
    };
    problems::find_problems(deployment, kind, &row, &place)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExpectedProblems {
    NoProblem,
    Warning,
    Error,
    BlockingWarning,
    BlockingError,
}

fn worst_problem(problems: &[AddressProblem]) -> ExpectedProblems {
    let stops = problems.iter().any(|p| p.blocks_start);
    match problems.iter().any(|p| matches!(p.severity, Severity::Error(_))) {
        _ if problems.is_empty() => ExpectedProblems::NoProblem,
        true if stops => ExpectedProblems::BlockingError,
        true => ExpectedProblems::Error,
        false if stops => ExpectedProblems::BlockingWarning,
        false => ExpectedProblems::Warning,
    }
}

#[test]
fn each_rule_is_checked_against_each_kind_of_address() {
    use ExpectedProblems::{BlockingError, BlockingWarning, Error, NoProblem, Warning};
    const HERE: &[&str] = &["10.0.0.1"];
    const AWAY: &[&str] = &["203.0.113.7"];
    const LOOP: &[&str] = &["127.0.1.1"];
    // The expected problems of a local address, of one on another node, and of loopback.
    let table = [
        (Virtual, Platform, ServerHost, [NoProblem, BlockingWarning, Warning]),
        (Virtual, Platform, PlatformHost, [NoProblem, Warning, Warning]),
        (Virtual, ExecutionContext, ServerHost, [NoProblem, BlockingWarning, Warning]),
        (Virtual, ExecutionContext, PlatformHost, [NoProblem, NoProblem, Warning]),
        (Virtual, ServiceContext, PlatformHost, [NoProblem, NoProblem, Warning]),
        (Virtual, Ui, ServerHost, [NoProblem, BlockingWarning, Warning]),
        (Virtual, Ui, PlatformHost, [NoProblem, NoProblem, Warning]),
        (OpenStack, Platform, ServerHost, [NoProblem, BlockingError, Error]),
        (OpenStack, Platform, PlatformHost, [NoProblem, Error, Error]),
        (OpenStack, ExecutionContext, ServerHost, [NoProblem, BlockingError, Error]),
        (OpenStack, ExecutionContext, PlatformHost, [Warning, NoProblem, Warning]),
        (OpenStack, ServiceContext, PlatformHost, [Warning, NoProblem, Warning]),
        (OpenStack, Ui, PlatformHost, [NoProblem, NoProblem, Warning]),
        (Aws, Platform, ServerHost, [NoProblem, BlockingError, Error]),
        (Aws, Platform, PlatformHost, [NoProblem, Error, Error]),
        (Aws, ServiceContext, ServerHost, [NoProblem, BlockingError, Error]),
        (Aws, ServiceContext, PlatformHost, [Warning, NoProblem, Warning]),
    ];
    for (deployment, kind, property, expected) in table {
        for (addresses, expected) in [HERE, AWAY, LOOP].into_iter().zip(expected) {
            let found =
                problems(deployment, kind, property, Some("mzplat"), resolved_to(addresses));
            let case = format!("{deployment:?} {kind} {property} {addresses:?}: {found:?}");
            assert_eq!(worst_problem(&found), expected, "{case}");
        }
    }
}

/// The Platform must bind the address of its name.
#[test]
fn address_taken_by_a_jvm_decides_among_several() {
    use ExpectedProblems::{BlockingWarning, NoProblem, Warning};
    for (addresses, expected, words) in [
        (&["10.0.0.1", "192.0.2.10"][..], NoProblem, ""),
        (&["10.0.0.1", "2001:db8::1"], NoProblem, ""),
        (&["2001:db8::1"], NoProblem, ""),
        (
            &["2001:db8::9", "10.0.0.1"],
            Warning,
            "2001:db8::9 is not of this node: which of them is taken",
        ),
        (
            &["10.0.0.1", "203.0.113.7"],
            Warning,
            "203.0.113.7 is not of this node: which of them is taken",
        ),
        (
            &["203.0.113.7", "10.0.0.1"],
            Warning,
            "only 10.0.0.1 is of this node: a JVM takes 203.0.113.7",
        ),
        (
            &["203.0.113.7", "2001:db8::1"],
            Warning,
            "only 2001:db8::1 is of this node: a JVM takes 203.0.113.7",
        ),
        (
            &["203.0.113.7", "203.0.113.8"],
            BlockingWarning,
            "203.0.113.7, 203.0.113.8, none of which is an address",
        ),
        (&["fe80::1"], Warning, "link-local"),
        (&["169.254.0.1"], Warning, "link-local"),
        (&["10.0.1.1"], Warning, "interface eth1 is down or has no link"),
        (&["2001:db8::2"], Warning, "duplicate address detection is not done"),
        (&["2001:db8::3"], BlockingWarning, "somebody else on the network of eth1"),
        (&["0.0.0.0"], Warning, "to listen everywhere, leave it unset"),
        (&["::"], Warning, "to listen everywhere, leave it unset"),
        (&["224.0.0.1"], ExpectedProblems::BlockingError, "multicast"),
        (&["255.255.255.255"], ExpectedProblems::BlockingError, "broadcast"),
    ] {
        let found = problems(Virtual, Platform, ServerHost, Some("mzplat"), resolved_to(addresses));
        assert_eq!(worst_problem(&found), expected, "{addresses:?}: {found:?}");
        assert!(
            words.is_empty() || found.iter().any(|p| p.text.contains(words)),
            "{words}: {found:?}"
        );
    }
}

#[test]
fn explicit_loopback_is_accepted_beside_the_platform_only() {
    use ExpectedProblems::{Error, NoProblem, Warning};
    for (deployment, kind, property, expected) in [
        (Virtual, Platform, PlatformHost, NoProblem),
        (Virtual, Ui, PlatformHost, NoProblem),
        (Virtual, ExecutionContext, PlatformHost, Warning),
        (Virtual, Platform, ServerHost, Warning),
        (OpenStack, Platform, PlatformHost, Error),
        (Aws, Ui, PlatformHost, NoProblem),
        (Aws, ServiceContext, PlatformHost, Warning),
    ] {
        for host in ["localhost", "LOCALHOST.", "127.0.0.1"] {
            let found =
                problems(deployment, kind, property, Some(host), resolved_to(&["127.0.0.1"]));
            let only_local = found.iter().filter(|p| p.text.contains("set a name")).count();
            assert_eq!(
                worst_problem(&found[..found.len() - only_local]),
                expected,
                "{deployment:?} {kind} {host}: {found:?}"
            );
        }
    }
}

#[test]
fn unresolved_name_is_a_warning_with_the_resolver_error() {
    for property in [ServerHost, PlatformHost] {
        for (host, lookup, words) in [
            (
                "mzplat",
                Lookup::NotFound("Name or service not known".to_owned()),
                "mzplat does not resolve: Name or",
            ),
            ("mzplat.", Lookup::NotFound("no".to_owned()), "no names with a dot at the end"),
            (
                "mzplat",
                Lookup::Failed("Temporary failure".to_owned()),
                "does not resolve now: Temporary failure",
            ),
            ("mzplat", Lookup::TimedOut(Duration::from_secs(7)), "has not answered for 7 s"),
        ] {
            let found = problems(
                OpenStack,
                Platform,
                property,
                Some(host),
                HostResolution::LookedUp(lookup),
            );
            assert_eq!(worst_problem(&found), ExpectedProblems::Warning, "{found:?}");
            assert!(found[0].text.contains(words), "{found:?}");
        }
    }
}

#[test]
fn unset_host_is_accepted_where_the_address_moves() {
    use ExpectedProblems::{NoProblem, Warning};
    for (deployment, property, expected) in [
        (Virtual, ServerHost, NoProblem),
        (OpenStack, ServerHost, Warning),
        (Aws, ServerHost, Warning),
        (Virtual, PlatformHost, Warning),
        (OpenStack, PlatformHost, Warning),
    ] {
        for kind in PicoType::ALL {
            let found = problems(deployment, kind, property, None, HostResolution::Unset);
            assert_eq!(
                worst_problem(&found),
                expected,
                "{deployment:?} {kind} {property}: {found:?}"
            );
        }
    }
}

#[test]
fn problem_text_names_address_and_rule() {
    let found =
        problems(OpenStack, Platform, PlatformHost, Some("mzplat"), resolved_to(&["203.0.113.7"]));
    assert_eq!(
        found[0].text,
        "mzplat resolves to 203.0.113.7, which is not an address of this node; on OpenStack the Platform needs its local \
         address here"
    );
    let found =
        problems(Virtual, Platform, ServerHost, Some("203.0.113.7"), resolved_to(&["203.0.113.7"]));
    assert_eq!(
        found[0].text,
        "203.0.113.7 is not an address of this node; the Platform could not bind it"
    );
}

fn check_both(kind: PicoType, server: &[&str], platform: &[&str]) -> Vec<HostNameCheck> {
    let value =
        |property, addresses: &[&str]| (property, Some("name".to_owned()), resolved_to(addresses));
    judge_host_names(
        Virtual,
        kind,
        [value(ServerHost, server), value(PlatformHost, platform)],
        &place,
    )
}

#[test]
fn platform_host_that_is_not_bound_is_a_warning() {
    let found = check_both(Platform, &["10.0.0.1"], &["192.0.2.10"]);
    assert!(found[0].problems.is_empty(), "{found:?}");
    assert!(
        found[1].problems[0]
            .text
            .starts_with("name = 192.0.2.10 is not what the Platform binds, 10.0.0.1")
    );
    assert_eq!(worst_problem(&found[1].problems), ExpectedProblems::Warning);
    for (kind, server, platform) in [
        (Platform, "10.0.0.1", "10.0.0.1"),
        (ExecutionContext, "10.0.0.1", "192.0.2.10"),
        // Another problem exists and is reported.
        (Platform, "10.0.0.1", "203.0.113.7"),
        (Platform, "0.0.0.0", "10.0.0.1"),
    ] {
        let found = check_both(kind, &[server], &[platform]);
        assert!(!found[1].problems.iter().any(|p| p.text.contains("binds")), "{found:?}");
    }
}

#[test]
fn host_name_check_describes_its_resolution() {
    let tell = |host: Option<&str>, found| {
        let rule = AddressRule::LeadsToPlatform;
        HostNameCheck {
            property: PlatformHost,
            host: host.map(str::to_owned),
            resolution: found,
            rule,
            problems: Vec::new(),
        }
        .describe()
    };
    assert_eq!(tell(None, HostResolution::Unset), "not set");
    assert_eq!(tell(Some("10.0.0.1"), resolved_to(&["10.0.0.1"])), "10.0.0.1");
    assert_eq!(
        tell(Some("a"), resolved_to(&["10.0.0.1"; 6])),
        format!("a: {} and 2 more", ["10.0.0.1"; 4].join(", "))
    );
    assert_eq!(tell(Some("a"), HostResolution::LookedUp(Lookup::Failed("no".to_owned()))), "a: no");
}

proptest! {
    /// Only an address that the pico must bind and that is not on this node blocks a start.
    #[test]
    fn start_is_blocked_only_by_an_address_that_cannot_be_bound(
        addresses in proptest::collection::vec(any::<IpAddr>(), 1..5),
        here in any::<u8>(),
        kind in proptest::sample::select(PicoType::ALL.to_vec()),
        deployment in proptest::sample::select(vec![Virtual, OpenStack, Aws]),
        property in proptest::sample::select(vec![ServerHost, PlatformHost]),
    ) {
        let places = addresses.clone();
        let is_here = |a: IpAddr| places.iter().position(|b| *b == a).is_some_and(|i| here >> i & 1 == 1);
        let at = |a: IpAddr| if a.is_loopback() || is_here(a) { AddressState::Local } else { AddressState::NotLocal };
        let taken = address_taken_by_jvm(&addresses).unwrap();
        prop_assert!(taken.is_ipv4() || addresses.iter().all(IpAddr::is_ipv6));
        let rule = AddressRule::for_property(deployment, kind, property);
        let resolution = HostResolution::LookedUp(Lookup::Addresses(addresses.clone()));
        let row = HostNameCheck { property, host: Some("name".to_owned()), resolution, rule, problems: Vec::new() };
        let problems = problems::find_problems(deployment, kind, &row, &at);
        let odd = taken.is_multicast() || taken.is_unspecified() || taken == IpAddr::from([255; 4]);
        let stops = problems.iter().any(|p| p.blocks_start);
        if !odd && !taken.is_loopback() {
            prop_assert_eq!(stops, property == ServerHost && !addresses.iter().any(|&a| at(a) == AddressState::Local));
        }
        prop_assert!(!stops || property == ServerHost);
    }
}
