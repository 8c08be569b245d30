//! `mzha doctor`: with the real `cibadmin` on a configuration in a file, and everything else as on a node.

mod configuration;
mod installation;
mod missing_answers;
mod node_problems;
mod openstack;
mod page;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use testkit::fixture::{AgentKind, Fixture, FixtureBuilder, fixture};
use testkit::{NodeCommand, TestResult, TestkitError};

pub(crate) const CIB: &str = "/run/cib.xml";

/// A correct configuration of a Platform and an EC, on three nodes with fencing.
pub(crate) const VALID_CIB: &str = r#"<cib validate-with="pacemaker-3.0" epoch="1" num_updates="0" admin_epoch="0"><configuration>
<crm_config><cluster_property_set id="o"><nvpair id="o-1" name="stonith-enabled" value="true"/><nvpair id="o-2" name="no-quorum-policy" value="stop"/><nvpair id="o-3" name="cluster-recheck-interval" value="60s"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/><node id="3" uname="n3"/></nodes>
<resources>
<primitive id="fence" class="stonith" type="fence_aws"><instance_attributes id="f-ia"><nvpair id="f-1" name="pcmk_host_map" value="n1:a1;n2:a2;n3:a3"/></instance_attributes></primitive>
<primitive id="mz-platform" class="ocf" provider="mediationzone" type="platform">
<instance_attributes id="p-ia"><nvpair id="p-1" name="mz_home" value="/opt/mz"/></instance_attributes>
<meta_attributes id="p-ma"><nvpair id="p-2" name="migration-threshold" value="3"/><nvpair id="p-3" name="failure-timeout" value="3600s"/></meta_attributes>
<operations>
<op id="p-start" name="start" interval="0" timeout="420s"/><op id="p-stop" name="stop" interval="0" timeout="360s" on-fail="fence"/>
<op id="p-m0" name="monitor" interval="1s" timeout="60s"/>
<op id="p-m10" name="monitor" interval="30s" timeout="60s"><instance_attributes id="p-m10-l"><nvpair id="p-m10-v" name="OCF_CHECK_LEVEL" value="10"/></instance_attributes></op>
</operations></primitive>
<primitive id="mz-ec1" class="ocf" provider="mediationzone" type="ec">
<instance_attributes id="e-ia"><nvpair id="e-1" name="mz_home" value="/opt/mz"/><nvpair id="e-2" name="pico_name" value="ec1"/></instance_attributes>
<meta_attributes id="e-ma"><nvpair id="e-3" name="failure-timeout" value="600s"/></meta_attributes>
<operations>
<op id="e-start" name="start" interval="0" timeout="420s"/><op id="e-stop" name="stop" interval="0" timeout="360s"/>
<op id="e-m0" name="monitor" interval="1s" timeout="60s"/>
<op id="e-m10" name="monitor" interval="30s" timeout="60s"><instance_attributes id="e-m10-l"><nvpair id="e-m10-v" name="OCF_CHECK_LEVEL" value="10"/></instance_attributes></op>
</operations></primitive>
</resources>
<constraints><rsc_order id="order" first="mz-platform" then="mz-ec1" symmetrical="false"/></constraints>
</configuration><status/></cib>"#;

/// A correct node with the changes of its builder, and without the machine's own cron and systemd.
fn build_fixture(builder: FixtureBuilder) -> Result<Fixture, TestkitError> {
    let names = ["pico.rcp.platform.host=mzplat", "pico.rcp.server.host=mzplat"];
    let fixture = names.iter().fold(builder, |builder, name| builder.common(name));
    // The Platform comes up when its name resolves to an address.
    let fixture =
        fixture.set("ec_startup_without_platform=start").without_platform().commands().build()?;
    fixture.node.set_hosts(&["192.0.2.1 mzplat"])?;
    fixture.node.add_address("192.0.2.1")?;
    if fixture.kind != AgentKind::Platform {
        fixture.mzsh(&["startup", "platform"])?.expect_code(0)?;
    }
    for directory in
        ["/etc/cron.d", "/etc/systemd/system", "/usr/lib/systemd/system", "/etc/init.d"]
    {
        if Path::new(directory).is_dir() {
            fixture.sh(&format!("mount -t tmpfs -o mode=755 tmpfs {directory}"))?;
        }
    }
    install_drop_in(&fixture, "pacemaker.service")?;
    fixture.node.write("/etc/systemd/system/pacemaker.service", "[Service]\nKillMode=process\n")?;
    fixture.node.write(CIB, VALID_CIB)?;
    Ok(fixture)
}

/// Installs the drop-in that ships for this unit.
fn install_drop_in(fixture: &Fixture, unit: &str) -> TestResult {
    let path = format!("systemd/{unit}.d/50-mediationzone.conf");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(path);
    let drop_in = std::fs::read(&shipped).map_err(|e| TestkitError::Io {
        operation: "read",
        path: shipped,
        source: e,
    })?;
    fixture.node.write(format!("/etc/systemd/system/{unit}.d/50-mediationzone.conf"), drop_in)?;
    Ok(())
}

/// A running Platform and a stopped EC.
pub(crate) fn fixture_with_platform_and_ec() -> Result<Fixture, TestkitError> {
    build_fixture(fixture(AgentKind::Ec))
}

pub(crate) fn doctor_command<'a>(fixture: &'a Fixture, words: &[&str]) -> NodeCommand<'a> {
    fixture.command("mzha").arg("doctor").args(words).env("CIB_file", CIB)
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
struct DoctorResult {
    area: String,
    resource: Option<String>,
    check: String,
    level: String,
    seen: String,
    todo: Option<String>,
}

impl DoctorResult {
    fn matches(&self, level: &str, area: &str, words: &str) -> bool {
        self.level == level
            && self.area == area
            && format!("{}: {}", self.check, self.seen).contains(words)
    }
}

/// The rows of the document. Its exit code must be that of the worst row, and each problem must have a
/// remedy.
#[track_caller]
fn run_json(call: NodeCommand<'_>) -> Result<Vec<DoctorResult>, TestkitError> {
    let ran = call.arg("--json").run()?;
    let document: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}"));
    let rows: Vec<DoctorResult> =
        serde_json::from_value(document["rows"].clone()).unwrap_or_else(|e| panic!("{e}: {ran}"));
    let any = |level| rows.iter().any(|row: &DoctorResult| row.level == level);
    let code = if any("error") { 2 } else { i32::from(any("warning")) };
    assert_eq!(
        (ran.code(), document["exit_code"].as_i64()),
        (Some(code), Some(code.into())),
        "{ran}"
    );
    assert_eq!(ran.stderr, "", "{ran}");
    Ok(rows)
}

/// Rows with a problem.
fn problems(rows: &[DoctorResult]) -> Vec<&DoctorResult> {
    rows.iter().filter(|row| row.level != "ok").collect()
}

#[test]
fn kernel_without_pidfds_is_one_warning() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    for refusal in ["ENOSYS", "EPERM"] {
        let rows = run_json(doctor_command(&fixture, &[]).on_old_kernel(refusal))?;
        let of_kernel: Vec<&DoctorResult> =
            problems(&rows).into_iter().filter(|row| row.seen.contains("pidfd_open")).collect();
        let [row] = of_kernel.as_slice() else { panic!("{rows:#?}") };
        assert!(row.matches("warning", "kernel", "pidfd_open: no pidfd_open (Linux "), "{row:#?}");
    }
    Ok(())
}

#[test]
fn valid_node_is_ok_in_every_area() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    fixture.start()?;
    let before =
        fixture.sh("ls -l --time-style=full-iso /run/mediationzone-ra; find /opt/mz | sort")?;
    let pids = |fixture: &Fixture| {
        Ok::<_, TestkitError>((
            fixture.single_pico("platform")?.pid,
            fixture.single_pico("ec1")?.pid,
        ))
    };
    let alive = pids(&fixture)?;

    let rows = run_json(doctor_command(&fixture, &[]))?;
    assert_eq!(problems(&rows), Vec::<&DoctorResult>::new());
    let areas: BTreeSet<&str> = rows.iter().map(|row| row.area.as_str()).collect();
    let expected = [
        "addresses",
        "agents",
        "cluster",
        "constraints",
        "fencing",
        "ha_monitor",
        "installation",
        "java",
        "kernel",
        "operations",
        "other_starters",
        "pacemaker_service",
        "parameters",
        "ports",
        "registry",
        "user",
    ];
    assert_eq!(areas, expected.into());
    // The picos themselves listen.
    let listeners = rows.iter().filter(|row| {
        row.matches("ok", "ports", "listeners: ") && row.seen.contains("held by the pico only")
    });
    assert_eq!(listeners.count(), 2, "{rows:#?}");

    let table = doctor_command(&fixture, &[]).run()?.expect_code(0)?;
    assert!(
        table.stdout.ends_with(": 0 errors, 0 warnings\n") && !table.stdout.contains('\x1b'),
        "{table}"
    );
    // The doctor has changed nothing.
    assert_eq!(pids(&fixture)?, alive);
    assert_eq!(
        fixture.sh("ls -l --time-style=full-iso /run/mediationzone-ra; find /opt/mz | sort")?,
        before
    );
    Ok(())
}
