//! What is wrong in the cluster's configuration.

use std::time::Duration;

use testkit::Done;
use testkit::site::{Kind, site};

use super::{CIB, Row, WELL, both, doctor, found, node, rows_of};

/// A change of the CIB that is well, and what comes of it.
type Configured = (&'static str, &'static str, &'static str, &'static str, &'static str);

const CONFIGURATIONS: &[Configured] = &[
    // Instead of this, that: level, area, words.
    (
        r#""p-start" name="start" interval="0" timeout="420s""#,
        r#""p-start" name="start" interval="0""#,
        "warning",
        "operations",
        "start: time-out 20s",
    ),
    (
        r#""e-start" name="start" interval="0" timeout="420s""#,
        r#""e-start" name="start" interval="0""#,
        "error",
        "operations",
        "start: time-out 20s",
    ),
    (
        r#""p-stop" name="stop" interval="0" timeout="360s""#,
        r#""p-stop" name="stop" interval="0" timeout="90s""#,
        "warning",
        "operations",
        "stop: time-out 90s",
    ),
    (r#"on-fail="fence""#, r#"on-fail="ignore""#, "error", "operations", "stop: on-fail=ignore"),
    (
        r#"<op id="e-m10" name="monitor" interval="30s""#,
        r#"<op id="e-m10" name="monitor" interval="1s""#,
        "error",
        "operations",
        "two have interval 1s",
    ),
    (
        r#"<op id="e-m0" name="monitor" interval="1s""#,
        r#"<op id="e-m0" name="monitor" enabled="false" interval="1s""#,
        "warning",
        "operations",
        "none of depth 0",
    ),
    (
        r#"name="migration-threshold" value="3""#,
        r#"name="priority" value="3""#,
        "warning",
        "operations",
        "migration-threshold: not set",
    ),
    (
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/>"#,
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1"/>"#,
        "warning",
        "constraints",
        "order is mandatory",
    ),
    (
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/>"#,
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" kind="Optional"/>"#,
        "warning",
        "constraints",
        "order is not mandatory",
    ),
    (
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/>"#,
        "",
        "warning",
        "constraints",
        "no order has it wait for the Platform",
    ),
    (
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/>"#,
        r#"<rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/><rsc_colocation id="tie" rsc="mz-ec1" with-rsc="mz-platform" score="INFINITY"/>"#,
        "warning",
        "constraints",
        "tie ties it",
    ),
    (
        r#"name="stonith-enabled" value="true""#,
        r#"name="stonith-enabled" value="false""#,
        "error",
        "fencing",
        "stonith-enabled: off",
    ),
    (
        r#"<primitive id="fence" class="stonith" type="fence_openstack"/>"#,
        "",
        "error",
        "fencing",
        "fencing resource: none",
    ),
    (
        r#"name="no-quorum-policy" value="stop""#,
        r#"name="no-quorum-policy" value="ignore""#,
        "warning",
        "fencing",
        "no-quorum-policy: ignore",
    ),
    (
        r#"name="cluster-recheck-interval" value="60s""#,
        r#"name="cluster-recheck-interval" value="PT15M""#,
        "warning",
        "operations",
        "cluster-recheck-interval: PT15M",
    ),
    (
        r#"<nvpair id="o-3" name="cluster-recheck-interval" value="60s"/>"#,
        "",
        "warning",
        "operations",
        "cluster-recheck-interval: not set",
    ),
    (
        r#"<op id="p-m0" name="monitor" interval="1s" timeout="60s"/>"#,
        r#"<op id="p-m0" name="monitor" interval="PT10M" timeout="PT1M"/>"#,
        "warning",
        "operations",
        "monitor",
    ),
    (r#"<node id="3" uname="n3"/>"#, "", "warning", "fencing", "priority-fencing-delay: not set"),
    (
        r#"<instance_attributes id="e-ia">"#,
        r#"<instance_attributes id="night"><rule id="r" score="0" boolean-op="or"><date_expression id="d" operation="gt" start="2020-01-01"/></rule><nvpair id="r-1" name="mz_home" value="/x"/></instance_attributes><instance_attributes id="e-ia">"#,
        "warning",
        "cluster",
        "mz-ec1: night depends on a rule",
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="wait" value="soon"/>"#,
        "error",
        "parameters",
        "wait: is",
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="weight" value="1"/>"#,
        "warning",
        "parameters",
        "weight: the agent has no such parameter",
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="os_user" value="mzstranger"/>"#,
        "error",
        "user",
        "mzstranger is unknown",
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="os_user" value="nobody"/>"#,
        "error",
        "user",
        "nobody (65534) is not the owner of /opt/mz",
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="process_match" value="ec1|corosync"/>"#,
        "error",
        "parameters",
        "process_match: is",
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="process_match" value="launcher"/>"#,
        "warning",
        "parameters",
        "process_match: neither ec1 nor /opt/mz stands in it",
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec1"/><nvpair id="x" name="java_home" value="/opt/jdk"/>"#,
        "error",
        "java",
        "/opt/jdk/bin/java does not exist",
    ),
    (
        r#"name="pico_name" value="ec1"/>"#,
        r#"name="pico_name" value="ec7"/>"#,
        "error",
        "registry",
        "no pico ec7",
    ),
    (
        "<status/>",
        r#"<status><node_state id="3" uname="n3" in_ccm="true" crmd="online" join="member" expected="down"/></status>"#,
        "error",
        "cluster",
        "nodes: n3 has joined, but its state says expected=down",
    ),
];

#[test]
fn each_thing_that_is_wrong_in_the_configuration_is_found_and_nothing_else() -> Done {
    let site = both()?;
    let mut failed = Vec::new();
    for &(instead_of, that, level, area, words) in CONFIGURATIONS {
        assert!(WELL.contains(instead_of), "{instead_of}");
        site.node.write(CIB, WELL.replacen(instead_of, that, 1))?;
        let rows = rows_of(doctor(&site, &[]))?;
        let found = found(&rows);
        if !matches!(found.as_slice(), [row] if row.is(level, area, words) && row.todo.is_some()) {
            failed.push(format!("{level} {area} {words}: {found:#?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

#[test]
fn a_cloned_platform_and_an_ec_in_its_group_are_found() -> Done {
    let site = both()?;
    let platform =
        WELL.replace(r#"<primitive id="mz-platform""#, r#"<clone id="c"><primitive id="mz-platform""#);
    let cloned = platform.replacen("</operations></primitive>", "</operations></primitive></clone>", 1);
    site.node.write(CIB, cloned)?;
    let rows = rows_of(doctor(&site, &[]))?;
    assert!(rows.iter().any(|row| row.is("error", "constraints", "it is in clone c")), "{rows:#?}");
    let grouped =
        WELL.replace(r#"<primitive id="mz-platform""#, r#"<group id="g"><primitive id="mz-platform""#);
    site.node.write(CIB, grouped.replace("</resources>", "</group></resources>"))?;
    let rows = rows_of(doctor(&site, &["g"]))?;
    assert!(
        rows.iter().any(|row| row.is("warning", "constraints", "in one group with the Platform (g)")),
        "{rows:#?}"
    );
    Ok(())
}

#[test]
fn a_clone_of_one_pico_is_found_and_a_globally_unique_one_is_an_error() -> Done {
    let site = both()?;
    for (meta, level) in [
        ("", "warning"),
        (
            r#"<meta_attributes id="u"><nvpair id="u1" name="globally-unique" value="true"/></meta_attributes>"#,
            "error",
        ),
    ] {
        let begin = format!(r#"<clone id="ecs">{meta}<primitive id="mz-ec1""#);
        let cloned = WELL.replace(r#"<primitive id="mz-ec1""#, &begin);
        site.node
            .write(CIB, cloned.replace("</primitive>\n</resources>", "</primitive></clone></resources>"))?;
        let rows = rows_of(doctor(&site, &[]))?;
        let [row] = found(&rows)[..] else { panic!("{rows:#?}") };
        assert!(row.is(level, "constraints", "clone: it is in clone ecs"), "{row:#?}");
    }
    Ok(())
}

/// Pacemaker's own answer is the measure, for each name of a parameter.
#[test]
fn of_several_values_it_takes_the_one_that_pacemaker_takes() -> Done {
    let site = both()?;
    let sets = r#"<template id="t" class="ocf" provider="mediationzone" type="ec"><instance_attributes id="t1">
        <nvpair id="t11" name="mz_home" value="/tmpl"/><nvpair id="t12" name="pico_name" value="tmpl"/></instance_attributes></template>
        <primitive id="asked" template="t"><instance_attributes id="a1"><nvpair id="a11" name="pico_name" value="first"/><nvpair id="a12" name="java_home" value="/first"/></instance_attributes>
        <instance_attributes id="a2"><nvpair id="a21" name="pico_name" value="second"/><nvpair id="a22" name="java_home" value="/second"/></instance_attributes>
        <instance_attributes id="a3" score="7"><nvpair id="a31" name="java_home" value="/scored"/></instance_attributes></primitive></resources>"#;
    site.node.write(CIB, WELL.replace("</resources>", sets))?;
    let rows = rows_of(doctor(&site, &["asked"]))?;
    let seen = rows.iter().map(|row| row.seen.as_str()).collect::<Vec<_>>().join("\n");
    for (parameter, expected) in [("mz_home", "/tmpl"), ("pico_name", "second"), ("java_home", "/scored")] {
        let ask = site.node.command("crm_resource").env("CIB_file", CIB);
        let ran = ask.args(["--resource", "asked", "--get-parameter", parameter]).run()?.expect(0)?;
        assert_eq!(ran.stdout.trim(), expected, "{ran}");
    }
    assert!(
        seen.contains("/tmpl does not exist") && seen.contains("/scored/bin/java does not exist"),
        "{seen}"
    );
    Ok(())
}

/// The words of the README, run by pcs.
#[test]
fn the_configuration_of_the_readme_is_well() -> Done {
    let readme = include_str!("../../../README.md");
    let block = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = block.into_iter().find(|block| block.starts_with("pcs ")).expect("a block of pcs commands");
    let site = node(site(Kind::Platform).pico("ec1:ec").pico("sc1:sc").pico("ui:ui"))?;
    let empty = site.node.exec(["cibadmin", "--empty"])?;
    site.node.write(CIB, empty.stdout)?;
    // One installation is enough to look at; all of them are on the storage then.
    let script = block
        .replace("pcs ", &format!("pcs -f {CIB} "))
        .replace("mz_home=/opt/ec", "mz_home=/opt/mz os_user=mzadmin");
    let script = script.replace("os_user=mzadmin", &format!("os_user={}", site.node.owner()));
    let pcs = site.node.command("bash").args(["-euc", &script]).env("HOME", "/run/testkit/home");
    // Fifteen calls of a tool that starts an interpreter each.
    pcs.time_limit(Duration::from_secs(300)).run()?.expect(0)?;
    let rows = rows_of(doctor(&site, &[]))?;
    // Nodes and fencing are the site's own.
    let found: Vec<&Row> = found(&rows).into_iter().filter(|row| row.area != "fencing").collect();
    assert_eq!(found, Vec::<&Row>::new());
    let operations = rows.iter().filter(|row| row.is("ok", "operations", "monitor depth ")).count();
    assert_eq!(operations, 9, "{rows:#?}");
    Ok(())
}

/// A tool's answer is kept to 64 KiB elsewhere.
#[test]
fn a_configuration_of_thousands_of_resources_is_read_whole() -> Done {
    let site = both()?;
    let others = |from: usize| {
        let one = |n| format!(r#"<primitive id="d{n}" class="ocf" provider="heartbeat" type="Dummy"/>"#);
        (from..from + 2000).map(one).collect::<Vec<_>>().join("\n")
    };
    let before = format!("<resources>{}", others(0));
    let behind = format!("{}</resources>", others(2000));
    let cib = WELL.replace("<resources>", &before).replace("</resources>", &behind);
    site.node.write(CIB, cib)?;
    let rows = rows_of(doctor(&site, &[]))?;
    assert_eq!(found(&rows), Vec::<&Row>::new());
    assert!(rows.iter().any(|row| row.is("ok", "cluster", "mz-platform, mz-ec1")), "{rows:#?}");
    Ok(())
}
