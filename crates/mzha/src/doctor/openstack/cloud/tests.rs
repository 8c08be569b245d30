use super::*;
use crate::doctor::check_result::Level;
use serde_json::{Value, json};

const CIB: &str = r#"<configuration><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources>
    <primitive id="fence" class="stonith" type="fence_openstack"><instance_attributes id="f">
    <nvpair id="f-1" name="cloud" value="mz"/><nvpair id="f-2" name="pcmk_host_map" value="n1:a1;n2:a2"/></instance_attributes></primitive>
    <primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="i">
    <nvpair id="i-1" name="ip" value="192.0.2.100"/></instance_attributes></primitive></resources></configuration>"#;

fn facts() -> Value {
    let server = |id: &str, host: &str| json!({ "id": id, "name": format!("server-{id}"), "status": "ACTIVE", "host": host });
    let port = |id: &str, server: Option<&str>, fixed: &str, allowed: &[&str]| json!({ "id": id, "server": server, "fixed": [fixed], "allowed": allowed, "secured": true });
    json!({
        "servers": [server("a1", "h1"), server("a2", "h2")],
        "groups": [{ "name": "mz", "policies": ["anti-affinity"], "members": ["a1", "a2"] }],
        "ports": [
            port("p1", Some("a1"), "192.0.2.1", &["192.0.2.100"]),
            port("p2", Some("a2"), "192.0.2.2", &["192.0.2.0/24"]),
            port("p3", None, "192.0.2.100", &[]),
        ],
        "floating": [{ "address": "203.0.113.7", "port": "p3", "fixed": "192.0.2.100" }],
        "regions": ["RegionOne"],
    })
}

fn rows_of(report: Value) -> Vec<CheckResult> {
    let report: CloudReport = serde_json::from_value(report).unwrap();
    let hosts = BTreeSet::from(["203.0.113.7".parse().unwrap()]);
    check(&report, "mz", "n1", &Cib::parse(CIB).unwrap(), &hosts)
}

fn problems(change: impl FnOnce(&mut Value), own: Option<&str>) -> Vec<CheckResult> {
    let mut facts = facts();
    change(&mut facts);
    let rows = rows_of(json!({ "this_server": own, "cloud": facts }));
    rows.into_iter().filter(|row| row.level != Level::Ok).collect()
}

#[test]
fn a_site_that_holds_is_ok_in_every_row() {
    assert_eq!(problems(|_| {}, Some("A1")), []);
    let rows = rows_of(json!({ "this_server": "a1", "cloud": facts() }));
    let checks: Vec<&str> = rows.iter().map(|row| row.check.as_str()).collect();
    assert_eq!(
        checks,
        ["servers", "this server", "hypervisors", "allowed_address_pairs", "floating address"]
    );
}

#[test]
fn each_problem_of_the_cloud_is_the_only_one() {
    type Change = fn(&mut Value);
    let cases: [(Change, Level, &str); 11] = [
        (
            |f| f["servers"][1]["id"] = json!("b2"),
            Level::Error,
            "n2: no server a2 in the project of cloud mz",
        ),
        (|f| f["servers"][1]["status"] = json!("ERROR"), Level::Error, "n2 (a2) is ERROR"),
        (|f| f["servers"][1]["status"] = json!("PAUSED"), Level::Error, "n2 (a2) is PAUSED"),
        (|f| f["servers"][1]["host"] = json!("h1"), Level::Warning, "n1, n2 are on one hypervisor"),
        (|f| f["groups"] = json!([]), Level::Warning, "no server group"),
        (
            |f| f["groups"][0]["policies"] = json!(["soft-anti-affinity"]),
            Level::Warning,
            "no server group",
        ),
        (
            |f| f["ports"][0]["allowed"] = json!(["192.0.2.10"]),
            Level::Error,
            "allowed at no port of n1",
        ),
        (
            |f| f["ports"][1]["allowed"] = json!(["192.0.2.0/26"]),
            Level::Error,
            "allowed at no port of n2",
        ),
        (
            |f| {
                f["ports"].as_array_mut().unwrap().pop();
            },
            Level::Warning,
            "no port has it",
        ),
        (|f| f["floating"][0]["fixed"] = json!("192.0.2.1"), Level::Error, "leads to 192.0.2.1"),
        (|f| f["regions"] = json!(["A", "B"]), Level::Warning, "ignores region_name"),
    ];
    for (change, level, words) in cases {
        let rows = problems(change, Some("a1"));
        // A server that is not in the list is in no place, either.
        let row = rows.iter().find(|row| row.seen.contains(words));
        assert!(row.is_some_and(|row| row.level == level), "{words}: {rows:?}");
        assert!(rows.len() == 1, "{words}: {rows:?}");
    }
    let unsecured = problems(
        |f| {
            f["ports"][0]["allowed"] = json!([]);
            f["ports"][0]["secured"] = json!(false);
        },
        Some("a1"),
    );
    assert_eq!(unsecured, []);
}

#[test]
fn a_node_that_is_mapped_to_another_server_is_an_error() {
    let rows = problems(|_| {}, Some("a2"));
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert!(row.level == Level::Error && row.seen.contains("n1 is server a2"), "{row:?}");
    assert_eq!(row.todo.as_deref(), Some("pcmk_host_map: n1:a2"));
    let rows = problems(|_| {}, None);
    assert_eq!(rows.iter().map(|row| row.level).collect::<Vec<_>>(), [Level::Warning]);
}

#[test]
fn a_refusal_names_the_key_of_clouds_yaml() {
    for (kind, text, key) in [
        (
            "Unauthorized",
            "The request you have made requires authentication. (HTTP 401)",
            "username, password, project_name",
        ),
        ("SSLError", "certificate verify failed", "cacert or verify"),
        ("ConnectFailure", "Unable to establish connection", "auth_url"),
        ("EndpointNotFound", "endpoint for compute service in X region not found", "region_name"),
        ("NotSupported", "The compute service for mz:X exists but has no region", "region_name"),
        ("DiscoveryFailure", "Could not find versioned identity endpoints", "auth_url"),
        ("ModuleNotFoundError", "No module named 'openstack'", "python3-openstackclient"),
    ] {
        let rows =
            rows_of(json!({ "this_server": null, "failure": { "kind": kind, "text": text } }));
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert!(row.seen.contains(text) && row.todo.as_ref().unwrap().contains(key), "{row:?}");
    }
}

#[test]
fn pairs_are_addresses_or_networks() {
    let cases = [
        ("192.0.2.100", true),
        ("192.0.2.10", false),
        ("192.0.2.0/24", true),
        ("192.0.2.128/25", false),
        ("0.0.0.0/0", true),
        ("::/0", false),
        ("192.0.2.100/32", true),
        ("nonsense", false),
        ("192.0.2.0/x", false),
    ];
    for (allowed, expected) in cases {
        assert_eq!(covers(allowed, "192.0.2.100".parse().unwrap()), expected, "{allowed}");
    }
    assert!(covers("2001:db8::/32", "2001:db8::7".parse().unwrap()));
    assert!(!covers("2001:db8::/64", "2001:db8:1::7".parse().unwrap()));
}
