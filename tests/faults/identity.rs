//! Which process is meant: this pico of this installation, and no other.

use testkit::AgentCall;

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, recurring, site};

fn ec10(site: &Site) -> AgentCall<'_> {
    site.agent().param("pico_name", "ec10").instance("ec10")
}

#[test]
fn ec1_is_not_ec10_by_whatever_marker() -> Done {
    let site = site(Kind::Ec).pico("ec10:ec").build()?;
    for marker in ["both", "configname", "oom", "none-but-last-argument"] {
        site.set(&[&format!("marker={marker}")])?;
        ec10(&site).run("start")?.answers(OK);
        let other = site.one("ec10")?.pid;
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(10)?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
        assert_eq!(site.one("ec10")?.pid, other, "{marker}");

        let ec1 = site.start()?.pid;
        for call in [site.agent(), ec10(&site)] {
            recurring(call, 10).run("monitor")?.answers(OK).silently();
        }
        site.signal(ec1, "KILL")?;
        site.monitor(0)?.answers(NOT_RUNNING);
        recurring(ec10(&site), 0).run("monitor")?.answers(OK);
        site.start()?;
        site.stop()?.answers(OK);
        assert_eq!(site.one("ec10")?.pid, other, "{marker}");
        ec10(&site).run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

#[test]
fn the_same_pico_of_another_installation_is_another() -> Done {
    let site = site(Kind::Platform).build()?;
    // Its name begins with the first one's.
    site.second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
    let second = || site.agent().param("mz_home", "/opt/mz2").instance("second");
    site.mzsh_of("/opt/mz2", &["startup", "platform"])?.expect(0)?;
    let other = site.one_of("/opt/mz2", "platform")?.pid;

    site.probe()?.answers(NOT_RUNNING);
    second().run("monitor")?.answers(OK);
    let first = site.start()?.pid;
    for call in [site.agent(), second()] {
        recurring(call, 10).run("monitor")?.answers(OK).silently();
    }
    site.stop()?.answers(OK);
    assert_eq!(site.one_of("/opt/mz2", "platform")?.pid, other);
    recurring(second(), 0).run("monitor")?.answers(OK);

    site.start()?;
    second().run("stop")?.answers(OK);
    assert!(site.picos_of("/opt/mz2", "platform")?.is_empty());
    assert_ne!(site.one("platform")?.pid, first);
    site.monitor(0)?.answers(OK).silently();
    site.stop()?.answers(OK);
    site.nothing_left()
}

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
    with_slashes().run("stop")?.answers(OK).silently();
    site.nothing_left()
}

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

/// "Not running" would have the cluster start it on another node.
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

/// As typed by a person. Both would be "default", and the second would stop what the first has found.
#[test]
fn two_calls_that_name_no_resource_do_not_share_a_record() -> Done {
    let site = site(Kind::Ec).build()?;
    let by_hand = |kind| {
        let call = site.agent_for(kind).without("OCF_RESOURCE_INSTANCE");
        call.without("OCF_RESKEY_CRM_meta_on_node").without("OCF_RESKEY_CRM_meta_on_node_uuid")
    };
    let platform = site.one("platform")?.pid;
    site.mzsh(&["startup", "ec1"])?.expect(0)?;
    by_hand(Kind::Platform).run("status")?.expect(OK)?;
    by_hand(Kind::Ec).run("stop")?.answers(OK);
    assert_eq!(site.one("platform")?.pid, platform);
    assert!(site.picos("ec1")?.is_empty());
    by_hand(Kind::Ec).run("start")?.answers(OK);
    by_hand(Kind::Platform).run("monitor")?.answers(OK);
    by_hand(Kind::Ec).run("stop")?.answers(OK);
    assert_eq!(site.one("platform")?.pid, platform);
    site.nothing_left()
}

/// Whose the other is can be told although our own directory can't be looked at: the record knows where it was.
#[test]
fn with_our_installation_gone_the_same_pico_of_another_is_still_another() -> Done {
    // Away with its storage; and in a state in which asking for it is an error, as with storage that fails.
    for gone in ["mv /opt/mz /opt/away", "mv /opt/mz /opt/away && ln -s mz /opt/mz"] {
        let site = site(Kind::Platform).build()?;
        site.second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
        site.mzsh_of("/opt/mz2", &["startup", "platform"])?.expect(0)?;
        let other = site.one_of("/opt/mz2", "platform")?.pid;
        let ours = site.start()?.pid;
        site.signal(ours, "KILL")?;
        site.sh(gone)?;
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(0)?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
        assert_eq!(site.one_of("/opt/mz2", "platform")?.pid, other, "{gone}");
    }
    Ok(())
}
