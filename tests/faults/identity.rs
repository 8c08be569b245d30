//! Which process is the pico: by home and name, whatever the path is written like, and by `process_match`.

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, recurring, site};

/// An installation is the same one by a symbolic link and by its true name, with the record and without, also
/// when its storage is gone.
#[test]
fn an_installation_behind_a_link_is_the_same_by_both_names() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("ln -s mz /opt/link")?;
    let by_link = || site.agent().param("mz_home", "/opt/link").instance("by-link");
    by_link().run("monitor")?.answers(NOT_RUNNING);
    by_link().run("start")?.answers(OK).silently();
    let pid = site.one("platform")?.pid;
    for level in [0, 10, 20] {
        recurring(by_link(), level).run("monitor")?.answers(OK).silently();
    }
    // By its true name, without a record, and again by the link, without one.
    site.probe()?.answers(OK).silently();
    site.sh("rm /run/mediationzone-ra/*.json")?;
    by_link().run("monitor")?.answers(OK).silently();
    by_link().run("start")?.answers(OK).silently();
    assert_eq!(site.one("platform")?.pid, pid);

    // With its storage gone the link leads nowhere; the record knows where it led.
    site.sh("mv /opt/mz /opt/away")?;
    recurring(by_link(), 0).run("monitor")?.answers(OK);
    by_link().run("stop")?.answers(OK);
    site.nothing_left()
}

/// Doubled or trailing slashes in `mz_home` make no difference to start, monitor, stop, and who excludes whom.
#[test]
fn slashes_make_no_difference() -> Done {
    let site = site(Kind::Platform).build()?;
    let with_slashes = || site.agent().param("mz_home", "/opt//mz/");
    with_slashes().run("start")?.answers(OK).silently();
    let pid = site.one("platform")?.pid;
    recurring(with_slashes(), 10).run("monitor")?.answers(OK).silently();
    site.monitor(0)?.answers(OK).silently();
    site.agent().run("start")?.answers(OK).silently();
    assert_eq!(site.one("platform")?.pid, pid);
    let locks = site.sh("ls /run/mediationzone-ra | grep -c 'lock$'")?;
    assert_eq!(locks.trim(), "1", "start and stop exclude each other by either way to write it");
    with_slashes().run("stop")?.answers(OK).silently();
    site.nothing_left()
}

/// Processes with nothing of the product on their command line are started, monitored and stopped by
/// `process_match`.
#[test]
fn an_installation_whose_processes_look_different_is_told_by_process_match() -> Done {
    let site = site(Kind::Platform).build()?;
    // Nothing of the product's on its command line; mzsh starts it all the same.
    let mzsh = "#!/bin/sh\n[ $1 = startup ] && setsid /opt/mz/bin/odd 1000000 >/dev/null 2>&1 &\nexit 0\n";
    site.node.write("/opt/mz/bin/mzsh", mzsh)?;
    site.sh("cp /bin/sleep /opt/mz/bin/odd")?;
    let odd = || site.agent().param("process_match", "^/opt/mz/bin/odd ").param("ha_check", "no");
    odd().run("monitor")?.answers(NOT_RUNNING);
    odd().run("start")?.answers(OK).silently();
    let odds = || -> Result<Vec<u32>, testkit::Error> {
        let all = site.processes()?.into_iter();
        Ok(all.filter(|p| p.argv.first().is_some_and(|a| a == "/opt/mz/bin/odd")).map(|p| p.pid).collect())
    };
    let found = odds()?;
    let [pid] = found.as_slice() else { panic!("{found:?}") };
    recurring(odd(), 10).run("monitor")?.answers(OK).silently();
    site.signal(*pid, "KILL")?;
    recurring(odd(), 0).run("monitor")?.answers(NOT_RUNNING).because(&[&format!("pid {pid} ")]);
    odd().run("start")?.answers(OK);
    odd().run("stop")?.answers(OK);
    site.nothing_left()
}

/// A start after which mzsh claims success and no process looks like the pico fails and says to set
/// `process_match`; the stop has mzsh end it.
#[test]
fn a_pico_that_only_mzsh_knows_is_no_success_and_says_what_to_set() -> Done {
    let site = site(Kind::Platform).build()?;
    let odd = || site.agent().param("process_match", "no-such-process");
    odd().run("start")?.answers(GENERIC).because(&["process_match"]);
    site.one("platform")?;
    // The record says so, and a stop has mzsh end what it started.
    odd().run("stop")?.answers(OK);
    site.nothing_left()
}

/// A pico that only mzsh knows is never reported as not running, which would have the cluster start it on
/// another node, until a stop has ended it.
#[test]
fn a_pico_that_only_mzsh_knows_is_never_taken_for_none() -> Done {
    let site = site(Kind::Platform).build()?;
    let odd = || site.agent().param("process_match", "no-such-process");
    odd().run("start")?.answers(GENERIC);
    let pid = site.one("platform")?.pid;
    for _ in 0..2 {
        odd().run("monitor")?.answers(GENERIC).because(&["process_match"]);
        for level in [0, 10, 20] {
            recurring(odd(), level).run("monitor")?.answers(GENERIC).because(&["process_match"]);
        }
    }
    assert_eq!(site.one("platform")?.pid, pid);
    odd().run("stop")?.answers(OK);
    site.nothing_left()?;
    assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"), "by mzsh");
    odd().run("monitor")?.answers(NOT_RUNNING);
    recurring(odd(), 0).run("monitor")?.answers(NOT_RUNNING);
    Ok(())
}
