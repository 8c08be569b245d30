//! Problems of the cluster's configuration.

use std::time::Duration;

use testkit::TestResult;
use testkit::fixture::{AgentKind, fixture};

use super::{
    CIB, DoctorResult, VALID_CIB, build_fixture, doctor_command, fixture_with_platform_and_ec,
    problems, run_json,
};

/// A change of the CIB that causes exactly these findings: text, replacement, and level, area, text of each
/// finding.
type CibCase = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

const FENCE_PRIMITIVE: &str = r#"<primitive id="fence" class="stonith" type="fence_aws"><instance_attributes id="f-ia"><nvpair id="f-1" name="pcmk_host_map" value="n1:a1;n2:a2;n3:a3"/></instance_attributes></primitive>"#;

const PLATFORM_START_OP: &str = r#""p-start" name="start" interval="0" timeout="420s""#;
const PLATFORM_MONITOR_0_OP: &str = r#"<op id="p-m0" name="monitor" interval="1s" timeout="60s"/>"#;
const RECHECK_ATTRIBUTE: &str = r#"name="cluster-recheck-interval" value="60s""#;
const STONITH_ENABLED_ATTRIBUTE: &str = r#"name="stonith-enabled" value="true""#;
const HOST_MAP: &str = r#"<nvpair id="f-1" name="pcmk_host_map" value="n1:a1;n2:a2;n3:a3"/>"#;
const CONSTRAINTS_BEGIN: &str = "</resources>\n<constraints>";

/// If the storage is not always mounted, `os_user` has to be set.
const OS_USER_NOT_SET: (&str, &str, &str) = ("warning", "user", "os_user: not set");

/// A file system resource that the installation is on, tied to the Platform; and more constraints.
macro_rules! storage {
    ($($more:expr),*) => {
        concat!(
            r#"<primitive id="mz-fs" class="ocf" provider="heartbeat" type="Filesystem"><instance_attributes id="s-ia">"#,
            r#"<nvpair id="s-1" name="directory" value="/opt/mz"/></instance_attributes></primitive></resources><constraints>"#,
            r#"<rsc_order id="op" first="mz-fs" then="mz-platform"/>"#,
            r#"<rsc_colocation id="cp" rsc="mz-platform" with-rsc="mz-fs" score="INFINITY"/>"#,
            $($more),*
        )
    };
}

const CIB_CASES: &[CibCase] = &[
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="e-9" name="systemd_properties" value="MemoryMax=8G"/>"#,
        &[("warning", "parameters", "systemd_properties: no effect with scope=no")],
    ),
    (
        r#""p-start" name="start" interval="0" timeout="420s""#,
        r#""p-start" name="start" interval="0""#,
        &[("warning", "operations", "start: timeout 20s")],
    ),
    (
        r#""e-start" name="start" interval="0" timeout="420s""#,
        r#""e-start" name="start" interval="0""#,
        &[("error", "operations", "start: timeout 20s")],
    ),
    (
        r#""p-stop" name="stop" interval="0" timeout="360s""#,
        r#""p-stop" name="stop" interval="0" timeout="90s""#,
        &[("warning", "operations", "stop: timeout 90s")],
    ),
    (
        r#"on-fail="fence""#,
        r#"on-fail="ignore""#,
        &[("error", "operations", "stop: on-fail=ignore")],
    ),
    (
        r#"<op id="e-m10" name="monitor" interval="30s""#,
        r#"<op id="e-m10" name="monitor" interval="1s""#,
        &[("error", "operations", "two have interval 1s")],
    ),
    (
        r#"<op id="e-m0" name="monitor" interval="1s""#,
        r#"<op id="e-m0" name="monitor" enabled="false" interval="1s""#,
        &[("warning", "operations", "none of depth 0")],
    ),
    (
        r#"name="migration-threshold" value="3""#,
        r#"name="priority" value="3""#,
        &[("warning", "operations", "migration-threshold: not set")],
    ),
    (
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/>"#,
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1"/>"#,
        &[("warning", "constraints", "order is mandatory")],
    ),
    (
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/>"#,
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" kind="Optional"/>"#,
        &[("warning", "constraints", "order is not mandatory")],
    ),
    (
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/>"#,
        "",
        &[("warning", "constraints", "no order makes it wait for the Platform")],
    ),
    (
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/>"#,
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/><rsc_colocation id="tie" rsc="mz-ec1" with-rsc="mz-platform" score="INFINITY"/>"#,
        &[("warning", "constraints", "tie ties it")],
    ),
    (
        r#"name="stonith-enabled" value="true""#,
        r#"name="stonith-enabled" value="false""#,
        &[("error", "fencing", "stonith-enabled: off")],
    ),
    (FENCE_PRIMITIVE, "", &[("error", "fencing", "fencing resource: none")]),
    (
        r#"name="no-quorum-policy" value="stop""#,
        r#"name="no-quorum-policy" value="ignore""#,
        &[("warning", "fencing", "no-quorum-policy: ignore")],
    ),
    (
        r#"name="cluster-recheck-interval" value="60s""#,
        r#"name="cluster-recheck-interval" value="PT15M""#,
        &[("warning", "operations", "cluster-recheck-interval: PT15M")],
    ),
    (
        r#"<nvpair id="o-3" name="cluster-recheck-interval" value="60s"/>"#,
        "",
        &[("warning", "operations", "cluster-recheck-interval: not set")],
    ),
    (
        r#"<op id="p-m0" name="monitor" interval="1s" timeout="60s"/>"#,
        r#"<op id="p-m0" name="monitor" interval="PT10M" timeout="60s"/>"#,
        &[("warning", "operations", "not in the 600s between two runs")],
    ),
    (
        r#"<node id="3" uname="n3"/>"#,
        "",
        &[("warning", "fencing", "priority-fencing-delay: not set")],
    ),
    (
        r#"<instance_attributes id="e-ia">"#,
        r#"<instance_attributes id="night"><rule id="r" score="0" boolean-op="or"><date_expression id="d" operation="gt" start="2020-01-01"/></rule><nvpair id="r-1" name="mz_home" value="/x"/></instance_attributes><instance_attributes id="e-ia">"#,
        &[("warning", "cluster", "mz-ec1: night depends on a rule")],
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="wait" value="soon"/>"#,
        &[("error", "parameters", "wait: is")],
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="weight" value="1"/>"#,
        &[("warning", "parameters", "weight: the agent has no such parameter")],
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="os_user" value="mzstranger"/>"#,
        &[("error", "user", "mzstranger is unknown")],
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="os_user" value="nobody"/>"#,
        &[("error", "user", "nobody (65534) is not the owner of /opt/mz")],
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="process_match" value="ec1|corosync"/>"#,
        &[("error", "parameters", "process_match: is")],
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="process_match" value="launcher"/>"#,
        &[("warning", "parameters", "process_match: neither ec1 nor /opt/mz stands in it")],
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="java_home" value="/opt/jdk"/>"#,
        &[("error", "java", "/opt/jdk/bin/java does not exist")],
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec7"/>"#,
        &[("error", "registry", "no pico ec7")],
    ),
    (
        "<status/>",
        r#"<status><node_state id="3" uname="n3" in_ccm="true" crmd="online" join="member" expected="down"/></status>"#,
        &[("error", "cluster", "nodes: n3 has joined, but its state says expected=down")],
    ),
    // OCF_CHECK_LEVEL of the resource, instead of an operation's.
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="OCF_CHECK_LEVEL" value="10"/>"#,
        &[
            ("error", "parameters", "OCF_CHECK_LEVEL: 10, for the whole resource"),
            ("warning", "operations", "none of depth 0"),
        ],
    ),
    // Durations.
    (
        PLATFORM_MONITOR_0_OP,
        r#"<op id="p-m0" name="monitor" interval="PT1S" timeout="1min"/>"#,
        &[],
    ),
    (
        PLATFORM_MONITOR_0_OP,
        r#"<op id="p-m0" name="monitor" interval="500ms" timeout="60000ms"/>"#,
        &[],
    ),
    (
        PLATFORM_MONITOR_0_OP,
        r#"<op id="p-m0" name="monitor" interval="PT1M30S" timeout="60s"/>"#,
        &[("warning", "operations", "not in the 90s between two runs")],
    ),
    (
        PLATFORM_MONITOR_0_OP,
        r#"<op id="p-m0" name="monitor" interval="P1D" timeout="60s"/>"#,
        &[
            (
                "warning",
                "cluster",
                "mz-platform: interval=P1D of operation monitor: Pacemaker (up to 3.0.2, at least) miscounts",
            ),
            ("warning", "operations", "none of depth 0"),
        ],
    ),
    (
        PLATFORM_MONITOR_0_OP,
        r#"<op id="p-m0" name="monitor" interval="INFINITY" timeout="60s"/>"#,
        &[
            (
                "warning",
                "cluster",
                "interval=INFINITY of operation monitor: Pacemaker can't read it, and takes 0",
            ),
            ("warning", "operations", "none of depth 0"),
        ],
    ),
    (PLATFORM_START_OP, r#""p-start" name="start" interval="0" timeout="7min""#, &[]),
    (
        PLATFORM_START_OP,
        r#""p-start" name="start" interval="0" timeout="PT7M""#,
        &[
            (
                "warning",
                "cluster",
                "timeout=PT7M of operation start: Pacemaker reads ISO 8601 in intervals only",
            ),
            ("warning", "operations", "start: timeout 20s, Pacemaker's default"),
        ],
    ),
    (
        r#""p-stop" name="stop" interval="0" timeout="360s""#,
        r#""p-stop" name="stop" interval="0" timeout="INFINITY""#,
        &[
            ("warning", "cluster", "timeout=INFINITY of operation stop: Pacemaker can't read it"),
            ("warning", "operations", "stop: timeout 20s, Pacemaker's default"),
        ],
    ),
    (r#"name="failure-timeout" value="3600s""#, r#"name="failure-timeout" value="PT1H""#, &[]),
    (
        r#"name="failure-timeout" value="3600s""#,
        r#"name="failure-timeout" value="P1D""#,
        &[("warning", "operations", "failure-timeout: P1D: Pacemaker")],
    ),
    (RECHECK_ATTRIBUTE, r#"name="cluster-recheck-interval" value="PT1M""#, &[]),
    (
        RECHECK_ATTRIBUTE,
        r#"name="cluster-recheck-interval" value="P1D""#,
        &[("warning", "operations", "P1D: Pacemaker")],
    ),
    // Operations that Pacemaker does not run as configured.
    (
        PLATFORM_MONITOR_0_OP,
        r#"<op id="p-m0" name="monitor" interval="1s" timeout="60s"/><op id="p-st" name="monitor" role="Stopped" interval="PT1S" timeout="60s"/>"#,
        &[("error", "operations", "two have interval 1s, and Pacemaker runs neither")],
    ),
    (
        PLATFORM_START_OP,
        r#""p-start" name="start" interval="60s" timeout="420s""#,
        &[("warning", "operations", "start: timeout 20s")],
    ),
    (
        PLATFORM_START_OP,
        r#""p-start" name="start" on-fail="ignore" interval="0" timeout="420s""#,
        &[("error", "operations", "start: on-fail=ignore")],
    ),
    (
        PLATFORM_MONITOR_0_OP,
        r#"<op id="p-m0" name="monitor" on-fail="standby" interval="1s" timeout="60s"/>"#,
        &[(
            "warning",
            "operations",
            "on-fail=standby: after a failure the node gives up all its resources",
        )],
    ),
    // Fencing, by the names of Pacemaker 3.0.2 and before.
    (STONITH_ENABLED_ATTRIBUTE, r#"name="fencing-enabled" value="true""#, &[]),
    (
        STONITH_ENABLED_ATTRIBUTE,
        r#"name="fencing-enabled" value="false""#,
        &[("error", "fencing", "fencing-enabled: off")],
    ),
    (
        STONITH_ENABLED_ATTRIBUTE,
        r#"name="dc-version" value="3.0.2-1.1"/><nvpair id="o-4" name="fencing-enabled" value="false"/><nvpair id="o-5" name="stonith-enabled" value="true""#,
        &[("error", "fencing", "fencing-enabled: off")],
    ),
    (
        STONITH_ENABLED_ATTRIBUTE,
        r#"name="dc-version" value="2.1.5-a3f44794f94"/><nvpair id="o-4" name="fencing-enabled" value="true"/><nvpair id="o-5" name="stonith-enabled" value="false""#,
        &[
            (
                "warning",
                "fencing",
                "fencing-enabled: true: Pacemaker 2.1.5 reads stonith-enabled only, which is false",
            ),
            ("error", "fencing", "stonith-enabled: off"),
        ],
    ),
    (
        STONITH_ENABLED_ATTRIBUTE,
        r#"name="fencing-enabled" value="true"/><nvpair id="o-5" name="stonith-enabled" value="false""#,
        &[
            ("warning", "fencing", "Pacemaker before 3.0.2 reads stonith-enabled only"),
            ("error", "fencing", "stonith-enabled: off"),
        ],
    ),
    // Fencing resources that fence nothing.
    (
        HOST_MAP,
        "",
        &[(
            "error",
            "fencing",
            "pcmk_host_map: fence: no map of nodes: fence_aws knows machines by their identifiers",
        )],
    ),
    (HOST_MAP, r#"<nvpair id="f-1" name="plug" value="a1"/>"#, &[]),
    (
        FENCE_PRIMITIVE,
        r#"<primitive id="fence" class="stonith" type="fence_ipmilan"><meta_attributes id="f-ma"><nvpair id="f-2" name="target-role" value="Stopped"/></meta_attributes></primitive>"#,
        &[("error", "fencing", "none but fence, with target-role=Stopped")],
    ),
    (
        STONITH_ENABLED_ATTRIBUTE,
        r#"name="stonith-enabled" value="true"/><nvpair id="o-4" name="have-watchdog" value="false"/><nvpair id="o-5" name="stonith-watchdog-timeout" value="10s""#,
        &[("error", "fencing", "stonith-watchdog-timeout=10s, but SBD does not run")],
    ),
    // Two resources for one pico.
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="platform"/>"#,
        &[
            (
                "error",
                "registry",
                "platform is of type Platform by its template (mz.standard-platform)",
            ),
            ("error", "constraints", "mz-ec1 manages the same pico"),
            ("warning", "constraints", "mz-platform manages the same pico"),
        ],
    ),
    // Storage: with these constraints beside those between it and the Platform.
    (
        CONSTRAINTS_BEGIN,
        storage!(
            r#"<rsc_order id="oe" first="mz-fs" then="mz-ec1"/>"#,
            r#"<rsc_colocation id="ce" rsc="mz-ec1" with-rsc="mz-fs" score="INFINITY"/>"#
        ),
        &[OS_USER_NOT_SET, OS_USER_NOT_SET],
    ),
    (
        CONSTRAINTS_BEGIN,
        storage!(r#"<rsc_order id="oe" first="mz-fs" then="mz-ec1"/>"#),
        &[
            OS_USER_NOT_SET,
            OS_USER_NOT_SET,
            (
                "error",
                "constraints",
                "storage: its installation is on /opt/mz, which mz-fs mounts, and no colocation",
            ),
        ],
    ),
    (
        CONSTRAINTS_BEGIN,
        storage!(r#"<rsc_colocation id="ce" rsc="mz-ec1" with-rsc="mz-fs" score="INFINITY"/>"#),
        &[
            OS_USER_NOT_SET,
            OS_USER_NOT_SET,
            ("error", "constraints", "and no mandatory, symmetrical order"),
        ],
    ),
    (
        CONSTRAINTS_BEGIN,
        storage!(),
        &[
            OS_USER_NOT_SET,
            OS_USER_NOT_SET,
            ("error", "constraints", "neither colocation with nor mandatory order after that"),
        ],
    ),
    (
        CONSTRAINTS_BEGIN,
        storage!(
            r#"<rsc_order id="os" symmetrical="true"><resource_set id="os1"><resource_ref id="mz-fs"/></resource_set><resource_set id="os2"><resource_ref id="mz-ec1"/></resource_set></rsc_order>"#,
            r#"<rsc_colocation id="cs" score="INFINITY"><resource_set id="cs1" sequential="false"><resource_ref id="mz-ec1"/></resource_set><resource_set id="cs2"><resource_ref id="mz-fs"/></resource_set></rsc_colocation>"#
        ),
        &[OS_USER_NOT_SET, OS_USER_NOT_SET],
    ),
];

#[test]
fn each_configuration_problem_is_the_only_one_reported() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let mut failed = Vec::new();
    for &(instead_of, that, expected) in CIB_CASES {
        assert!(VALID_CIB.contains(instead_of), "{instead_of}");
        fixture.node.write(CIB, VALID_CIB.replacen(instead_of, that, 1))?;
        let rows = run_json(doctor_command(&fixture, &[]))?;
        let mut found = problems(&rows);
        let missing: Vec<_> = expected
            .iter()
            .filter(|(level, area, words)| {
                let is_it =
                    |row: &&DoctorResult| row.matches(level, area, words) && row.todo.is_some();
                found.iter().position(is_it).map(|at| found.remove(at)).is_none()
            })
            .collect();
        if !missing.is_empty() || !found.is_empty() {
            failed.push(format!("{that}: not found: {missing:?}; found: {found:#?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

#[test]
fn cloned_platform_and_ec_in_platform_group_are_reported() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let platform = VALID_CIB
        .replace(r#"<primitive id="mz-platform""#, r#"<clone id="c"><primitive id="mz-platform""#);
    let cloned =
        platform.replacen("</operations></primitive>", "</operations></primitive></clone>", 1);
    fixture.node.write(CIB, cloned)?;
    let rows = run_json(doctor_command(&fixture, &[]))?;
    assert!(
        rows.iter().any(|row| row.matches("error", "constraints", "it is in clone c")),
        "{rows:#?}"
    );
    let grouped = VALID_CIB
        .replace(r#"<primitive id="mz-platform""#, r#"<group id="g"><primitive id="mz-platform""#);
    fixture.node.write(CIB, grouped.replace("</resources>", "</group></resources>"))?;
    let rows = run_json(doctor_command(&fixture, &["g"]))?;
    assert!(
        rows.iter().any(|row| row.matches(
            "warning",
            "constraints",
            "in one group with the Platform (g)"
        )),
        "{rows:#?}"
    );
    Ok(())
}

#[test]
fn clone_is_a_warning_and_globally_unique_clone_an_error() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    for (meta, level) in [
        ("", "warning"),
        (
            r#"<meta_attributes id="u"><nvpair id="u1" name="globally-unique" value="true"/></meta_attributes>"#,
            "error",
        ),
    ] {
        let begin = format!(r#"<clone id="ecs">{meta}<primitive id="mz-ec1""#);
        let cloned = VALID_CIB.replace(r#"<primitive id="mz-ec1""#, &begin);
        fixture.node.write(
            CIB,
            cloned.replace("</primitive>\n</resources>", "</primitive></clone></resources>"),
        )?;
        let rows = run_json(doctor_command(&fixture, &[]))?;
        let [row] = problems(&rows)[..] else { panic!("{rows:#?}") };
        assert!(row.matches(level, "constraints", "clone: it is in clone ecs"), "{row:#?}");
    }
    Ok(())
}

/// Compared with Pacemaker's own answer, for each name of a parameter.
#[test]
fn parameter_precedence_is_that_of_pacemaker() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let sets = r#"<template id="t" class="ocf" provider="mediationzone" type="ec"><instance_attributes id="t1">
        <nvpair id="t11" name="mz_home" value="/tmpl"/><nvpair id="t12" name="pico_name" value="tmpl"/></instance_attributes></template>
        <group id="around"><instance_attributes id="g1"><nvpair id="g11" name="java_home" value="/group"/><nvpair id="g12" name="wait" value="7s"/></instance_attributes>
        <primitive id="asked" template="t"><instance_attributes id="a1"><nvpair id="a11" name="pico_name" value="first"/><nvpair id="a12" name="java_home" value="/first"/></instance_attributes>
        <instance_attributes id="a2"><nvpair id="a21" name="pico_name" value="second"/><nvpair id="a22" name="java_home" value="/second"/></instance_attributes>
        <instance_attributes id="a3" score="7"><nvpair id="a31" name="java_home" value="/scored"/></instance_attributes></primitive></group></resources>"#;
    fixture.node.write(CIB, VALID_CIB.replace("</resources>", sets))?;
    let rows = run_json(doctor_command(&fixture, &["asked"]))?;
    let seen = rows.iter().map(|row| row.seen.as_str()).collect::<Vec<_>>().join("\n");
    for (parameter, expected) in
        [("mz_home", "/tmpl"), ("pico_name", "second"), ("java_home", "/scored"), ("wait", "7s")]
    {
        let ask = fixture.node.command("crm_resource").env("CIB_file", CIB);
        let ran = ask
            .args(["--resource", "asked", "--get-parameter", parameter])
            .run()?
            .expect_code(0)?;
        assert_eq!(ran.stdout.trim(), expected, "{ran}");
    }
    assert!(
        seen.contains("/tmpl does not exist")
            && seen.contains("/scored/bin/java does not exist")
            && seen.contains("4 set"),
        "{seen}"
    );
    Ok(())
}

/// Compared with Pacemaker's scheduler, which prints each planned operation with its interval and timeout.
#[test]
fn durations_are_parsed_like_in_pacemaker() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let durations = [
        ("PT10S", "7min"),
        ("10 seconds", "1.9s"),
        ("PT1M30S", "PT7M"),
        ("500ms", "INFINITY"),
        ("1min", "5 minutes"),
        ("1h", "1d"),
        ("P1D", "60s"),
        ("INFINITY", "60s"),
    ];
    let joined = r#"in_ccm="true" crmd="online" join="member" expected="member""#;
    let states = (1..=3).map(|id| format!(r#"<node_state id="{id}" uname="n{id}" {joined}/>"#));
    let live =
        VALID_CIB.replace("<status/>", &format!("<status>{}</status>", states.collect::<String>()));
    let live = live.replace("<cib ", r#"<cib have-quorum="1" dc-uuid="1" "#);
    for (interval, timeout) in durations {
        let op =
            format!(r#"<op id="p-m0" name="monitor" interval="{interval}" timeout="{timeout}"/>"#);
        fixture.node.write(CIB, live.replace(PLATFORM_MONITOR_0_OP, &op))?;
        let simulate = fixture.node.command("crm_simulate").env("CIB_shadow_dir", "/run").args([
            "-x",
            CIB,
            "-S",
            "-G",
            "/run/graph.xml",
        ]);
        simulate.run()?.expect_code(0)?;
        let graph = fixture.sh("cat /run/graph.xml")?;
        let planned = graph
            .split("<rsc_op ")
            .filter(|action| action.contains(r#"operation_key="mz-platform_monitor_"#));
        let of = |action: &str, name: &str| -> Option<u64> {
            action.split(&format!("CRM_meta_{name}=\"")).nth(1)?.split('"').next()?.parse().ok()
        };
        // The other monitor is that of 30 s.
        let planned =
            planned.filter_map(|action| Some((of(action, "interval")?, of(action, "timeout")?)));
        let planned = planned.filter(|(interval, _)| *interval != 30_000);
        let spelled = |ms: u64| {
            if ms.is_multiple_of(1000) { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
        };
        let planned: Vec<String> = planned
            .map(|(interval, timeout)| {
                format!("every {}, timeout {}", spelled(interval), spelled(timeout))
            })
            .collect();
        let rows = run_json(doctor_command(&fixture, &["mz-platform"]))?;
        let monitors = rows.iter().filter(|row| row.check == "monitor depth 0");
        let seen: Vec<String> = monitors
            .map(|row| row.seen.split([':', '(']).next().unwrap_or_default().trim().to_owned())
            .map(|seen| seen.replace(", Pacemaker's default", ""))
            .collect();
        assert_eq!(seen, planned, "{interval} {timeout}: {rows:#?}");
    }
    Ok(())
}

/// The README's commands, run by pcs.
#[test]
fn readme_configuration_has_no_problems() -> TestResult {
    let readme = include_str!("../../../README.md");
    let block = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block =
        block.into_iter().find(|block| block.starts_with("pcs ")).expect("a block of pcs commands");
    let fixture =
        build_fixture(fixture(AgentKind::Platform).pico("ec1:ec").pico("sc1:sc").pico("ui:ui"))?;
    let empty = fixture.node.exec(["cibadmin", "--empty"])?;
    fixture.node.write(CIB, empty.stdout)?;
    // One installation is enough for the check; all of them are on the storage then.
    let script = block
        .lines()
        .filter(|line| !line.starts_with("pcs cluster "))
        .collect::<Vec<_>>()
        .join("\n");
    let script = script
        .replace("pcs -f mz.xml ", &format!("pcs -f {CIB} "))
        .replace("mz_home=/opt/ec", "mz_home=/opt/mz os_user=mzadmin");
    let script = script.replace("os_user=mzadmin", &format!("os_user={}", fixture.node.owner()));
    let pcs = fixture.node.command("bash").args(["-euc", &script]).env("HOME", "/run/testkit/home");
    // Fifteen calls of a tool, each of which starts an interpreter.
    pcs.time_limit(Duration::from_secs(300)).run()?.expect_code(0)?;
    let rows = run_json(doctor_command(&fixture, &[]))?;
    // Nodes and fencing are the fixture's own. So is the one installation, which the README's ECs and SCs do
    // not share with the Platform.
    let shared = |row: &&DoctorResult| {
        row.check == "storage"
            && row.resource.as_ref().is_some_and(|name| name == "mz-ec1" || name == "mz-sc1")
    };
    let found: Vec<&DoctorResult> =
        problems(&rows).into_iter().filter(|row| row.area != "fencing" && !shared(row)).collect();
    assert_eq!(found, Vec::<&DoctorResult>::new());
    assert_eq!(rows.iter().filter(shared).count(), 2, "{rows:#?}");
    for (resource, words) in [
        ("mz-ui", "stopped and started where mz-address moves"),
        ("mz-ec1", "nothing restarts or moves it with the Platform"),
    ] {
        let said = |row: &DoctorResult| {
            row.resource.as_deref() == Some(resource) && row.matches("ok", "constraints", words)
        };
        assert!(rows.iter().any(said), "{resource}: {rows:#?}");
    }
    let operations =
        rows.iter().filter(|row| row.matches("ok", "operations", "monitor depth ")).count();
    assert_eq!(operations, 9, "{rows:#?}");
    Ok(())
}

/// Output of other tools is truncated to 64 KiB.
#[test]
fn configuration_with_thousands_of_resources_is_read_completely() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let others = |from: usize| {
        let one =
            |n| format!(r#"<primitive id="d{n}" class="ocf" provider="heartbeat" type="Dummy"/>"#);
        (from..from + 2000).map(one).collect::<Vec<_>>().join("\n")
    };
    let before = format!("<resources>{}", others(0));
    let behind = format!("{}</resources>", others(2000));
    let cib = VALID_CIB.replace("<resources>", &before).replace("</resources>", &behind);
    fixture.node.write(CIB, cib)?;
    let rows = run_json(doctor_command(&fixture, &[]))?;
    assert_eq!(problems(&rows), Vec::<&DoctorResult>::new());
    assert!(
        rows.iter().any(|row| row.matches("ok", "cluster", "mz-platform, mz-ec1")),
        "{rows:#?}"
    );
    Ok(())
}
