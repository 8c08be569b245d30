//! Mismatches between an installation and the configuration of its pico.

use testkit::fixture::{AgentKind, fixture};
use testkit::{TestResult, TestkitError};

use super::{CIB, DoctorResult, VALID_CIB, build_fixture, doctor_command, problems, run_json};

/// The fixture's picos beside its EC: one of each type.
fn fixture_with_all_types() -> Result<testkit::fixture::Fixture, TestkitError> {
    build_fixture(fixture(AgentKind::Ec).pico("sc1:sc").pico("ui:ui"))
}

/// Expects exactly this finding beside those about a pico that is no resource.
#[track_caller]
fn assert_only_problem(rows: &[DoctorResult], level: &str, area: &str, words: &str) {
    let others = ["cluster", "fencing"];
    let found: Vec<&DoctorResult> =
        problems(rows).into_iter().filter(|row| !others.contains(&row.area.as_str())).collect();
    let is_it =
        matches!(found.as_slice(), [row] if row.matches(level, area, words) && row.todo.is_some());
    assert!(is_it, "{level} {area} {words}: {found:#?}");
}

#[test]
fn pico_type_differing_from_agent_is_an_error() -> TestResult {
    let fixture = fixture_with_all_types()?;
    let picos = [
        ("platform", "platform", "Platform"),
        ("ec1", "ec", "Execution Context"),
        ("sc1", "sc", "Service Context"),
        ("ui", "ui", "web UI"),
    ];
    for (pico, own, name) in picos {
        for (_, kind, _) in picos {
            let rows = run_json(doctor_command(&fixture, &["--pico", pico, "--type", kind]))?;
            let registry: Vec<&DoctorResult> =
                rows.iter().filter(|row| row.area == "registry").collect();
            if kind == own {
                assert!(registry.iter().all(|row| row.level == "ok"), "{pico} {kind}: {rows:#?}");
                continue;
            }
            let words = format!("{pico} is of type {name} by its template (mz.standard-{own})");
            let [row] = registry[..] else { panic!("{pico} {kind}: {rows:#?}") };
            assert!(
                row.matches("error", "registry", &words) && row.seen.ends_with(own),
                "{pico} {kind}: {row:#?}"
            );
            let agent = fixture.agent_for(AgentKind::Ec).param("pico_name", pico);
            if kind == "ec" {
                agent.check_level(10).run("validate-all")?.expect_code(2)?;
            }
        }
    }
    // A resource of the cluster.
    fixture.node.write(
        CIB,
        VALID_CIB.replace(r#"name="pico_name" value="ec1""#, r#"name="pico_name" value="sc1""#),
    )?;
    assert_only_problem(
        &run_json(doctor_command(&fixture, &[]))?,
        "error",
        "registry",
        "sc1 is of type Service Context",
    );
    // Its type is unknown.
    fixture.node.write(CIB, VALID_CIB)?;
    fixture.sh("find /opt/mz/common -name ec1.conf -exec sed -i 's/mz.standard-ec/fixture.big/' {} + && \
             cd /opt/mz/common/config/cell/default/master/templates && mkdir fixture fixture/picos && cp mz/picos/standard-ec.conf fixture/picos/big.conf")?;
    assert_only_problem(
        &run_json(doctor_command(&fixture, &[]))?,
        "warning",
        "registry",
        "type unknown, expected",
    );
    Ok(())
}

/// A parameter of the EC in the cluster's configuration.
fn cib_with_ec_parameter(parameter: &str, value: &str) -> String {
    let name = r#"name="pico_name" value="ec1"/>"#;
    VALID_CIB
        .replace(name, &format!(r#"{name}<nvpair id="x" name="{parameter}" value="{value}"/>"#))
}

#[test]
fn os_user_other_than_owner_is_an_error() -> TestResult {
    let fixture = build_fixture(fixture(AgentKind::Ec))?;
    let owner = fixture.node.owner().to_owned();
    fixture.node.write(CIB, cib_with_ec_parameter("os_user", &owner))?;
    let rows = run_json(doctor_command(&fixture, &["mz-ec1"]))?;
    assert!(rows.iter().any(|row| row.matches("ok", "user", "the owner of mz_home")), "{rows:#?}");
    assert_eq!(problems(&rows), Vec::<&DoctorResult>::new());
    if owner == "root" {
        return Ok(());
    }
    for user in ["root", "nobody"] {
        fixture.node.write(CIB, cib_with_ec_parameter("os_user", user))?;
        assert_only_problem(
            &run_json(doctor_command(&fixture, &["mz-ec1"]))?,
            "error",
            "user",
            "is not the owner of /opt/mz, user 4711",
        );
    }
    // That user may not even enter it.
    fixture.sh("chmod 0700 /opt/mz")?;
    let rows = run_json(doctor_command(&fixture, &["mz-ec1"]))?;
    assert!(
        rows.iter().any(|row| row.matches("error", "user", "nobody (65534) is not the owner")),
        "{rows:#?}"
    );
    Ok(())
}

/// Settings of `bin/mzsh`, and the findings.
#[test]
fn mz_platform_differing_from_registry_is_a_warning() -> TestResult {
    let fixture = build_fixture(fixture(AgentKind::Ec))?;
    fixture.node.set_hosts(&["192.0.2.1 mzplat", "192.0.2.1 mzalias", "192.0.2.9 mzother"])?;
    let mzsh =
        |line: &str| fixture.sh(&format!("sed -i '/MZ_PLATFORM=/c {line}' /opt/mz/bin/mzsh"));
    let of_ec =
        |fixture: &testkit::fixture::Fixture| run_json(doctor_command(fixture, &["mz-ec1"]));
    for (line, level, words) in [
        ("MZ_PLATFORM=http://mzplat:9000", "ok", "the same host as pico.rcp.platform.host"),
        ("MZ_PLATFORM=http://MZPLAT.:9000", "ok", "the same host as pico.rcp.platform.host"),
        ("MZ_PLATFORM=http://mzalias:9000", "ok", "same address as mzplat"),
        ("MZ_PLATFORM=http://192.0.2.1:9000", "ok", "same address as mzplat"),
        (
            "MZ_PLATFORM=http://mzother:9000",
            "warning",
            "mzsh talks to another Platform than the pico",
        ),
        (
            "MZ_PLATFORM=http://localhost:9000",
            "warning",
            "mzsh talks to another Platform than the pico",
        ),
        (
            "MZ_PLATFORM=http://mznowhere.invalid:9000",
            "warning",
            "mznowhere.invalid does not resolve",
        ),
        ("MZ_PLATFORM=http://:9000", "warning", "names no host"),
        ("MZ_PLATFORM=`cat /etc/platform`", "warning", "not set it to one plain word"),
    ] {
        mzsh(line)?;
        let rows = of_ec(&fixture)?;
        let row = rows
            .iter()
            .find(|row| row.check == "MZ_PLATFORM")
            .unwrap_or_else(|| panic!("{line}: {rows:#?}"));
        assert!(row.matches(level, "addresses", words), "{line}: {row:#?}");
        assert_eq!(problems(&rows).len(), usize::from(level != "ok"), "{line}: {rows:#?}");
        assert_eq!(row.todo.is_some(), level != "ok", "{line}: {row:#?}");
    }
    // The Platform itself is at localhost, because it listens at every address.
    mzsh("MZ_PLATFORM=http://localhost:9000")?;
    let of_platform = || run_json(doctor_command(&fixture, &["mz-platform"]));
    assert_only_problem(
        &of_platform()?,
        "warning",
        "addresses",
        "mzsh talks to another Platform than the pico",
    );
    fixture.sh("sed -i 's/pico.rcp.server.host : .*/pico.rcp.server.host : \"0.0.0.0\"/' $(find /opt/mz/common -name container.conf)")?;
    let rows = of_platform()?;
    assert!(
        rows.iter().any(|row| row.matches(
            "ok",
            "addresses",
            "reaches the Platform on its own node"
        )),
        "{rows:#?}"
    );
    Ok(())
}

/// A Platform that is not configured to bind its address.
#[test]
fn platform_without_server_host_beside_cluster_address_is_a_warning() -> TestResult {
    let fixture = build_fixture(fixture(AgentKind::Ec))?;
    let unset = "sed -i '/pico.rcp.server.host/d' $(find /opt/mz/common -name container.conf)";
    let local =
        "sed -i 's/mzplat/localhost/' $(find /opt/mz/common -name cell.conf) /opt/mz/bin/mzsh";
    fixture.sh(&format!("{unset} && {local}"))?;
    let address = r#"<primitive id="mz-address" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="a-ia"><nvpair id="a-1" name="ip" value="192.0.2.100"/></instance_attributes></primitive>"#;
    let constraints = |constraint: &str| {
        let all = format!("<resources>{address}");
        VALID_CIB
            .replace("<resources>", &all)
            .replace("<constraints>", &format!("<constraints>{constraint}"))
    };
    let grouped = VALID_CIB
        .replace(
            r#"<primitive id="mz-platform""#,
            &format!(r#"<group id="g">{address}<primitive id="mz-platform""#),
        )
        .replacen("</operations></primitive>", "</operations></primitive></group>", 1);
    let order = r#"<rsc_order id="a-o" first="mz-address" then="mz-platform"/>"#;
    let tie =
        r#"<rsc_colocation id="a-c" rsc="mz-platform" with-rsc="mz-address" score="INFINITY"/>"#;
    let words = "mz-address (192.0.2.100) is its address in the cluster: nobody reaches it there";
    for (cib, what) in
        [(grouped, "group"), (constraints(order), "order"), (constraints(tie), "colocation")]
    {
        fixture.node.write(CIB, cib)?;
        let rows = run_json(doctor_command(&fixture, &["mz-platform"]))?;
        let row = rows.iter().find(|row| row.check == "pico.rcp.server.host");
        assert!(
            row.is_some_and(|row| row.matches("warning", "addresses", words)),
            "{what}: {rows:#?}"
        );
        assert_only_problem(&rows, "warning", "addresses", words);
    }
    // An address of another resource, and none.
    for cib in [constraints(""), VALID_CIB.to_owned()] {
        fixture.node.write(CIB, cib)?;
        assert_eq!(
            problems(&run_json(doctor_command(&fixture, &["mz-platform"]))?),
            Vec::<&DoctorResult>::new()
        );
    }
    // Without the configuration.
    let by_hand =
        || fixture.command("mzha").args(["doctor", "--pico", "platform", "--type", "platform"]);
    assert_only_problem(
        &run_json(by_hand())?,
        "warning",
        "addresses",
        "is unknown without the cluster's configuration",
    );
    // Other picos look for it at an address of this node.
    fixture.sh(
        "sed -i 's/localhost/mzplat/' $(find /opt/mz/common -name cell.conf) /opt/mz/bin/mzsh",
    )?;
    assert_only_problem(
        &run_json(by_hand())?,
        "warning",
        "addresses",
        "sends the other picos to mzplat (192.0.2.1)",
    );
    Ok(())
}
