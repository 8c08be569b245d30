//! How the pico's process is identified: by installation and name, however the path is written, and by
//! `process_match`.

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, as_recurring_monitor, fixture};

/// An installation is the same by a symbolic link and by its real path, with and without the record, also
/// when its storage is gone.
#[test]
fn installation_behind_symlink_is_the_same_by_both_paths() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh("ln -s mz /opt/link")?;
    let by_link = || fixture.agent().param("mz_home", "/opt/link").instance("by-link");
    by_link().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    by_link().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let pid = fixture.single_pico("platform")?.pid;
    for level in [0, 10, 20] {
        as_recurring_monitor(by_link(), level)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
    }
    // By its real path without a record, and then by the link without one.
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.sh("rm /run/mediationzone-ra/*.json")?;
    by_link().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    by_link().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.single_pico("platform")?.pid, pid);

    // With its storage gone the link is dangling; the record has its former target.
    fixture.sh("mv /opt/mz /opt/away")?;
    as_recurring_monitor(by_link(), 0).run("monitor")?.assert_exit_code(OCF_SUCCESS);
    by_link().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// Doubled or trailing slashes in `mz_home` make no difference to start, monitor, stop, and mutual exclusion.
#[test]
fn extra_slashes_in_mz_home_make_no_difference() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let with_slashes = || fixture.agent().param("mz_home", "/opt//mz/");
    with_slashes().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let pid = fixture.single_pico("platform")?.pid;
    as_recurring_monitor(with_slashes(), 10)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.single_pico("platform")?.pid, pid);
    let locks = fixture.sh("ls /run/mediationzone-ra | grep -c 'lock$'")?;
    assert_eq!(locks.trim(), "1", "start and stop exclude each other by either way to write it");
    with_slashes().run("stop")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.assert_nothing_left()
}

/// A process without any marker of the product on its command line is started, monitored and stopped by
/// `process_match`.
#[test]
fn unmarked_process_is_identified_by_process_match() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    // The command line has nothing of the product; mzsh starts it all the same.
    let mzsh =
        "#!/bin/sh\n[ $1 = startup ] && setsid /opt/mz/bin/odd 1000000 >/dev/null 2>&1 &\nexit 0\n";
    fixture.node.write("/opt/mz/bin/mzsh", mzsh)?;
    fixture.sh("cp /bin/sleep /opt/mz/bin/odd")?;
    let odd =
        || fixture.agent().param("process_match", "^/opt/mz/bin/odd ").param("ha_check", "no");
    odd().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    odd().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let odds = || -> Result<Vec<u32>, testkit::TestkitError> {
        let all = fixture.processes()?.into_iter();
        Ok(all
            .filter(|p| p.argv.first().is_some_and(|a| a == "/opt/mz/bin/odd"))
            .map(|p| p.pid)
            .collect())
    };
    let found = odds()?;
    let [pid] = found.as_slice() else { panic!("{found:?}") };
    as_recurring_monitor(odd(), 10)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    fixture.signal(*pid, "KILL")?;
    as_recurring_monitor(odd(), 0)
        .run("monitor")?
        .assert_exit_code(OCF_NOT_RUNNING)
        .assert_reason(&[&format!("pid {pid} ")]);
    odd().run("start")?.assert_exit_code(OCF_SUCCESS);
    odd().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A start fails if mzsh reports success and no process looks like the pico. The reason says to set
/// `process_match`, and the stop has mzsh end the pico.
#[test]
fn start_without_matching_process_fails_and_names_process_match() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let odd = || fixture.agent().param("process_match", "no-such-process");
    odd().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["process_match"]);
    fixture.single_pico("platform")?;
    // The record says that only mzsh knows the pico, so the stop runs mzsh.
    odd().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A pico that only mzsh knows is never reported as not running before a stop has ended it. Otherwise the
/// cluster would start it on another node.
#[test]
fn pico_without_matching_process_is_never_reported_as_not_running() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let odd = || fixture.agent().param("process_match", "no-such-process");
    odd().run("start")?.assert_exit_code(OCF_ERR_GENERIC);
    let pid = fixture.single_pico("platform")?.pid;
    for _ in 0..2 {
        odd().run("monitor")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["process_match"]);
        for level in [0, 10, 20] {
            as_recurring_monitor(odd(), level)
                .run("monitor")?
                .assert_exit_code(OCF_ERR_GENERIC)
                .assert_reason(&["process_match"]);
        }
    }
    assert_eq!(fixture.single_pico("platform")?.pid, pid);
    odd().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"), "by mzsh");
    odd().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    as_recurring_monitor(odd(), 0).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}
