//! Queries without an answer give a result row, and never a hang.

use std::time::Duration;

use testkit::fixture::Fixture;
use testkit::{HungOperation, TestResult, TestkitError};

use super::{
    CIB, DoctorResult, VALID_CIB, doctor_command, fixture_with_platform_and_ec, problems, run_json,
};

#[test]
fn hung_storage_is_one_result_and_delays_no_other() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    fixture.start()?;
    let hung = fixture.node.hang_storage("/opt/mz", HungOperation::Everything)?;
    let rows = run_json(
        doctor_command(&fixture, &["--timeout", "2"]).time_limit(Duration::from_secs(120)),
    )?;
    for resource in ["mz-platform", "mz-ec1"] {
        let of = |row: &&DoctorResult| row.resource.as_deref() == Some(resource);
        let hangs =
            |row: &DoctorResult| row.matches("error", "installation", "has not answered for ");
        assert!(rows.iter().filter(of).any(hangs), "{resource}: {rows:#?}");
        assert!(
            rows.iter().filter(of).any(|row| row.matches(
                "ok",
                "operations",
                "start: timeout 420s"
            )),
            "{rows:#?}"
        );
    }
    assert!(rows.iter().any(|row| row.matches("ok", "fencing", "stonith-enabled")), "{rows:#?}");
    // Two resources, one installation: one worker process hangs, and a second doctor adds none.
    let waiting = |fixture: &Fixture| -> Result<usize, TestkitError> {
        Ok(fixture.processes()?.iter().filter(|process| process.state == 'D').count())
    };
    let first = waiting(&fixture)?;
    assert_eq!(first, 1, "{:?}", fixture.processes()?);
    run_json(
        doctor_command(&fixture, &["--timeout", "2", "mz-platform"])
            .time_limit(Duration::from_secs(120)),
    )?;
    assert_eq!(waiting(&fixture)?, first);
    drop(hung);
    fixture.wait_until("the helpers to end", |fixture| {
        Ok(if waiting(fixture)? == 0 { Ok(()) } else { Err("they hang".to_owned()) })
    })
}

#[test]
fn hung_cron_directory_is_reported_as_unreadable() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let _hung = fixture.node.hang_storage("/etc/cron.d", HungOperation::Everything)?;
    let rows = run_json(doctor_command(&fixture, &["--timeout", "2"]))?;
    let found = problems(&rows);
    assert!(
        found.len() == 1
            && found[0].matches(
                "warning",
                "other_starters",
                "cron, systemd and init: not readable"
            ),
        "{found:#?}"
    );
    Ok(())
}

#[test]
fn missing_configuration_is_reported_and_given_pico_checked() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let no_cluster = |words: &[&str]| fixture.command("mzha").arg("doctor").args(words);
    let says = |rows: &[DoctorResult], level: &str, words: &str| {
        let row = rows.iter().find(|row| row.matches(level, "cluster", words));
        assert!(row.is_some_and(|row| row.todo.is_some()), "{words}: {rows:#?}");
    };
    says(
        &run_json(no_cluster(&[]))?,
        "error",
        "no cluster runs on this node: cibadmin: Could not connect",
    );
    let unread = "the cluster's configuration could not be read, and this node has no record of such a resource";
    says(&run_json(no_cluster(&["mz-ec1"]))?, "error", unread);
    let given = ["--pico", "ec1", "--type", "ec", "--param", "wait=30s", "--param", "weight=1"];
    let rows = run_json(no_cluster(&given))?;
    says(&rows, "warning", "no cluster runs on this node");
    assert!(
        rows.iter().any(|row| row.matches("ok", "registry", "in container main1")),
        "{rows:#?}"
    );
    assert!(rows.iter().any(|row| row.matches("warning", "parameters", "weight")), "{rows:#?}");
    // A pico that was started here is known without the cluster.
    fixture.start()?;
    let rows = run_json(no_cluster(&["ec"]))?;
    assert!(
        rows.iter().any(|row| row.matches("ok", "registry", "in container main1")),
        "{rows:#?}"
    );

    says(&run_json(doctor_command(&fixture, &["mz-ec7"]))?, "error", "has no such resource");
    fixture.node.write(CIB, VALID_CIB.replace("mediationzone", "heartbeat"))?;
    says(
        &run_json(doctor_command(&fixture, &[]))?,
        "error",
        "it has no resource of ocf:mediationzone",
    );
    fixture.node.write(CIB, "<cib")?;
    says(
        &run_json(doctor_command(&fixture, &[]))?,
        "error",
        "CIB_file=/run/cib.xml: cibadmin: exit code ",
    );
    fixture.sh(&format!("rm {CIB}"))?;
    says(
        &run_json(doctor_command(&fixture, &[]))?,
        "error",
        "CIB_file=/run/cib.xml: No such file or directory",
    );
    let shadow = no_cluster(&[]).env("CIB_shadow", "next").env("CIB_file", CIB);
    says(&run_json(shadow)?, "error", "CIB_shadow=next: cibadmin: exit code ");
    Ok(())
}

/// Like Pacemaker's own tools.
#[test]
fn relative_cib_file_is_relative_to_working_directory() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let here =
        |name: &str| fixture.command("mzha").arg("doctor").directory("/run").env("CIB_file", name);
    assert_eq!(problems(&run_json(here("cib.xml"))?), Vec::<&DoctorResult>::new());
    assert_eq!(problems(&run_json(here("../run/cib.xml"))?), Vec::<&DoctorResult>::new());
    let rows = run_json(here("none.xml"))?;
    let words = "CIB_file=/run/none.xml: No such file or directory";
    let row = rows.iter().find(|row| row.matches("error", "cluster", words));
    assert!(
        row.is_some_and(|row| row
            .todo
            .as_ref()
            .is_some_and(|todo| todo.contains("correct CIB_file"))),
        "{rows:#?}"
    );
    Ok(())
}

#[test]
fn hung_or_missing_cibadmin_is_reported() -> TestResult {
    let fixture = fixture_with_platform_and_ec()?;
    let hung = fixture.node.hang_storage("/usr/sbin/cibadmin", HungOperation::Open)?;
    let rows = run_json(doctor_command(&fixture, &["--timeout", "2"]))?;
    assert!(
        rows.iter().any(|row| row.matches("error", "cluster", "cibadmin has not answered for ")),
        "{rows:#?}"
    );
    assert!(rows.iter().any(|row| row.matches("ok", "agents", "ec: ")), "{rows:#?}");
    drop(hung);
    fixture.sh("mount --bind /dev/null /usr/sbin/cibadmin")?;
    let rows = run_json(doctor_command(&fixture, &[]))?;
    assert!(
        rows.iter().any(|row| row.matches(
            "error",
            "cluster",
            "cibadmin: /usr/sbin/cibadmin can't be executed"
        )),
        "{rows:#?}"
    );
    Ok(())
}
