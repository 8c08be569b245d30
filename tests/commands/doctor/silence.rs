//! What gives no answer: a row, and never a hang.

use std::time::Duration;

use testkit::site::Site;
use testkit::{Done, Error, Held};

use super::{CIB, Row, WELL, both, doctor, found, rows_of};

#[test]
fn storage_that_hangs_is_a_row_and_holds_nothing_else_up() -> Done {
    let site = both()?;
    site.start()?;
    let hung = site.node.hang("/opt/mz", Held::Everything)?;
    let rows = rows_of(doctor(&site, &["--timeout", "2"]).time_limit(Duration::from_secs(120)))?;
    for resource in ["mz-platform", "mz-ec1"] {
        let of = |row: &&Row| row.resource.as_deref() == Some(resource);
        let hangs = |row: &Row| row.is("error", "installation", "has not answered for ");
        assert!(rows.iter().filter(of).any(hangs), "{resource}: {rows:#?}");
        assert!(
            rows.iter().filter(of).any(|row| row.is("ok", "operations", "start: time-out 420s")),
            "{rows:#?}"
        );
    }
    assert!(rows.iter().any(|row| row.is("ok", "fencing", "stonith-enabled")), "{rows:#?}");
    // Two resources, one installation: one helper hangs, and a second doctor adds none.
    let waiting = |site: &Site| -> Result<usize, Error> {
        Ok(site.processes()?.iter().filter(|process| process.state == 'D').count())
    };
    let first = waiting(&site)?;
    assert_eq!(first, 1, "{:?}", site.processes()?);
    rows_of(doctor(&site, &["--timeout", "2", "mz-platform"]).time_limit(Duration::from_secs(120)))?;
    assert_eq!(waiting(&site)?, first);
    drop(hung);
    site.until("the helpers to end", |site| {
        Ok(if waiting(site)? == 0 { Ok(()) } else { Err("they hang".to_owned()) })
    })
}

#[test]
fn what_cron_has_on_storage_that_hangs_is_said_not_to_be_known() -> Done {
    let site = both()?;
    let _hung = site.node.hang("/etc/cron.d", Held::Everything)?;
    let rows = rows_of(doctor(&site, &["--timeout", "2"]))?;
    let found = found(&rows);
    assert!(
        found.len() == 1 && found[0].is("warning", "other_starters", "cron, systemd and init: can't be read"),
        "{found:#?}"
    );
    Ok(())
}

#[test]
fn without_a_configuration_it_says_so_and_looks_at_what_it_is_given() -> Done {
    let site = both()?;
    let no_cluster = |words: &[&str]| site.command("mzha").arg("doctor").args(words);
    let says = |rows: &[Row], level: &str, words: &str| {
        let row = rows.iter().find(|row| row.is(level, "cluster", words));
        assert!(row.is_some_and(|row| row.todo.is_some()), "{words}: {rows:#?}");
    };
    says(&rows_of(no_cluster(&[]))?, "error", "no cluster runs on this node: cibadmin: Could not connect");
    let unread =
        "the cluster's configuration could not be read, and this node has no record of such a resource";
    says(&rows_of(no_cluster(&["mz-ec1"]))?, "error", unread);
    let given = ["--pico", "ec1", "--type", "ec", "--param", "wait=30s", "--param", "weight=1"];
    let rows = rows_of(no_cluster(&given))?;
    says(&rows, "warning", "no cluster runs on this node");
    assert!(rows.iter().any(|row| row.is("ok", "registry", "in container main1")), "{rows:#?}");
    assert!(rows.iter().any(|row| row.is("warning", "parameters", "weight")), "{rows:#?}");
    // What was started here is known without the cluster.
    site.start()?;
    let rows = rows_of(no_cluster(&["ec"]))?;
    assert!(rows.iter().any(|row| row.is("ok", "registry", "in container main1")), "{rows:#?}");

    says(&rows_of(doctor(&site, &["mz-ec7"]))?, "error", "has no such resource");
    site.node.write(CIB, WELL.replace("mediationzone", "heartbeat"))?;
    says(&rows_of(doctor(&site, &[]))?, "error", "it has no resource of ocf:mediationzone");
    site.node.write(CIB, "<cib")?;
    says(&rows_of(doctor(&site, &[]))?, "error", "CIB_file=/run/cib.xml: cibadmin: exit code ");
    site.sh(&format!("rm {CIB}"))?;
    says(&rows_of(doctor(&site, &[]))?, "error", "CIB_file=/run/cib.xml: No such file or directory");
    let shadow = no_cluster(&[]).env("CIB_shadow", "next").env("CIB_file", CIB);
    says(&rows_of(shadow)?, "error", "CIB_shadow=next: cibadmin: exit code ");
    Ok(())
}

/// As Pacemaker's own tools take it.
#[test]
fn a_relative_file_is_one_of_the_directory_that_doctor_is_called_in() -> Done {
    let site = both()?;
    let here = |name: &str| site.command("mzha").arg("doctor").directory("/run").env("CIB_file", name);
    assert_eq!(found(&rows_of(here("cib.xml"))?), Vec::<&Row>::new());
    assert_eq!(found(&rows_of(here("../run/cib.xml"))?), Vec::<&Row>::new());
    let rows = rows_of(here("none.xml"))?;
    let words = "CIB_file=/run/none.xml: No such file or directory";
    let row = rows.iter().find(|row| row.is("error", "cluster", words));
    assert!(
        row.is_some_and(|row| row.todo.as_ref().is_some_and(|todo| todo.contains("correct CIB_file"))),
        "{rows:#?}"
    );
    Ok(())
}

#[test]
fn a_cibadmin_that_hangs_or_is_none_is_a_row() -> Done {
    let site = both()?;
    let hung = site.node.hang("/usr/sbin/cibadmin", Held::Open)?;
    let rows = rows_of(doctor(&site, &["--timeout", "2"]))?;
    assert!(rows.iter().any(|row| row.is("error", "cluster", "cibadmin has not answered for ")), "{rows:#?}");
    assert!(rows.iter().any(|row| row.is("ok", "agents", "ec: ")), "{rows:#?}");
    drop(hung);
    site.sh("mount --bind /dev/null /usr/sbin/cibadmin")?;
    let rows = rows_of(doctor(&site, &[]))?;
    assert!(
        rows.iter().any(|row| row.is("error", "cluster", "cibadmin: /usr/sbin/cibadmin can't be executed")),
        "{rows:#?}"
    );
    Ok(())
}
