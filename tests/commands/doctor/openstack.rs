//! A site on OpenStack, as far as its configuration and this node's files go. The cloud itself is asked in the OpenStack lab.

use super::*;

const FENCE: &str = r#"<primitive id="fence" class="stonith" type="fence_openstack"><instance_attributes id="f-ia"><nvpair id="f-1" name="pcmk_host_map" value="n1:a1;n2:a2;n3:a3"/><nvpair id="f-2" name="cloud" value="mz"/><nvpair id="f-3" name="power_timeout" value="120"/><nvpair id="f-4" name="pcmk_reboot_timeout" value="240"/><nvpair id="f-5" name="pcmk_off_timeout" value="240"/></instance_attributes></primitive>"#;

/// A test can mount a file system of its own there.
const CLOUDS_YAML: &str = "/root/.config/openstack/clouds.yaml";

const GOOD: &str = "clouds:
  mz:
    auth:
      auth_url: http://127.0.0.1:1/v3
      username: fencing
      password: secret-word
      project_name: mz
      user_domain_name: Default
      project_domain_name: Default
";

fn openstack_fixture() -> Result<Fixture, TestkitError> {
    let fixture = fixture_with_platform_and_ec()?;
    let begin = VALID_CIB.find(r#"<primitive id="fence""#).expect("a fencing resource");
    let end =
        begin + VALID_CIB[begin..].find("</primitive>").expect("its end") + "</primitive>".len();
    fixture.node.write(CIB, VALID_CIB.replace(&VALID_CIB[begin..end], FENCE))?;
    fixture.sh("mount -t tmpfs -o mode=700 tmpfs /root; mkdir -p /root/.config/openstack; test ! -e /etc/openstack")?;
    Ok(fixture)
}

/// Problems but for libraries, which the machine may have or lack, and the cloud, which is not there.
fn problems_of(fixture: &Fixture) -> Result<Vec<DoctorResult>, TestkitError> {
    let rows = run_json(doctor_command(fixture, &[]))?;
    let elsewhere = |row: &&DoctorResult| row.level != "ok" && row.area != "openstack";
    assert_eq!(rows.iter().filter(elsewhere).collect::<Vec<_>>(), Vec::<&DoctorResult>::new());
    let of_machine =
        |row: &DoctorResult| row.check.starts_with("python3-") || row.check.starts_with("cloud ");
    let rows = rows.into_iter().filter(|row| row.level != "ok" && !of_machine(row));
    Ok(rows.collect())
}

/// Expects exactly this problem.
#[track_caller]
fn assert_only_problem(found: &[DoctorResult], level: &str, words: &str) {
    let is_it = matches!(found, [row] if row.matches(level, "openstack", words));
    assert!(is_it, "{level} {words}: {found:#?}");
}

#[test]
fn each_problem_of_clouds_yaml_is_named_by_file_and_key() -> TestResult {
    let fixture = openstack_fixture()?;
    let file = CLOUDS_YAML;
    let cases: [(&str, String, &str, &str); 10] = [
        ("600", GOOD.to_owned(), "", ""),
        (
            "644",
            GOOD.to_owned(),
            "warning",
            "/root/.config/openstack/clouds.yaml: owner 0, mode 0644",
        ),
        (
            "600",
            GOOD.replace("    auth:", "\tauth:"),
            "error",
            "/root/.config/openstack/clouds.yaml:3:1: found character '\\t'",
        ),
        (
            "600",
            GOOD.replace("  mz:", "  prod:"),
            "error",
            "no cloud \"mz\", which fence needs; it has prod",
        ),
        ("600", GOOD.replace("clouds:", "cloud:"), "error", "no mapping named clouds"),
        ("600", String::new(), "error", "no mapping named clouds"),
        (
            "600",
            GOOD.replace("      password: secret-word\n", ""),
            "error",
            "clouds.mz: not set: auth.password",
        ),
        ("600", GOOD.replace("project_name: mz", "project_id: 0a"), "error", "auth.project_name"),
        ("600", format!("{GOOD}    verify: true\n"), "warning", "clouds.mz.verify: true"),
        ("600", format!("{GOOD}    verify: false\n"), "warning", "clouds.mz.verify: false"),
    ];
    for (mode, text, level, words) in cases {
        fixture.node.write(file, &text)?;
        fixture.sh(&format!("chmod {mode} {file}"))?;
        let found = problems_of(&fixture)?;
        let expected = usize::from(!level.is_empty());
        assert_eq!(found.len(), expected, "{words}: {found:#?}");
        assert!(
            found.iter().all(|row| row.matches(level, "openstack", words)),
            "{words}: {found:#?}"
        );
        assert!(!format!("{found:?}").contains("secret-word"), "{found:#?}");
    }
    fixture.sh(&format!("rm {file}"))?;
    let found = problems_of(&fixture)?;
    assert_only_problem(&found, "error", "clouds.yaml is there");
    Ok(())
}

/// An agent that calls the API before the Platform, and time limits that a hung guest outlasts.
#[test]
fn configuration_that_an_outage_of_the_api_stops_is_an_error() -> TestResult {
    let fixture = openstack_fixture()?;
    fixture.node.write(CLOUDS_YAML, GOOD)?;
    fixture.sh(&format!("chmod 600 {CLOUDS_YAML}"))?;
    let cib = fixture.node.read(CIB)?;
    let floating = r#"<primitive id="fip" class="ocf" provider="heartbeat" type="openstack-floating-ip"><instance_attributes id="fip-i"><nvpair id="fip-1" name="openstackcli" value="/bin/true"/></instance_attributes></primitive></resources>"#;
    let order = r#"<constraints><rsc_order id="fo" first="fip" then="mz-platform"/>"#;
    let changed = cib.replace("</resources>", floating).replace("<constraints>", order);
    fixture.node.write(CIB, &changed)?;
    let found = problems_of(&fixture)?;
    assert_only_problem(&found, "error", "fip (openstack-floating-ip) is before mz-platform");
    fixture.node.write(CIB, cib.replace(r#"name="power_timeout""#, r#"name="verbose""#))?;
    let found = problems_of(&fixture)?;
    assert_only_problem(&found, "warning", "power_timeout: fence: 60s");
    Ok(())
}

/// The fence agent would answer nobody either; no other check waits for the cloud.
#[test]
fn cloud_that_does_not_answer_is_one_result() -> TestResult {
    let fixture = openstack_fixture()?;
    fixture.node.write(CLOUDS_YAML, GOOD)?;
    let rows = run_json(doctor_command(&fixture, &[]))?;
    let of_cloud: Vec<&DoctorResult> = rows.iter().filter(|row| row.check == "cloud mz").collect();
    let [row] = of_cloud.as_slice() else { panic!("{rows:#?}") };
    assert!(row.seen.starts_with("not asked: ") && row.todo.is_some(), "{row:#?}");
    Ok(())
}
