//! Parameters that can't be read: an error of the configuration for a start, no obstacle for a monitor or a stop.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use testkit::AgentCall;

use testkit::Done;
use testkit::answer::{Answer, CONFIGURED, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, recurring, site};

/// Each of them leaves open which pico is meant.
const UNREADABLE: [(&str, &[u8]); 6] = [
    ("pico_name", b"-f"),
    ("pico_name", b"plat form"),
    ("pico_name", b"pl\xe4tform"),
    ("mz_home", b"opt/mz"),
    ("mz_home", b"/opt/\xff\xfe"),
    ("process_match", b"("),
];

fn with<'a>(call: AgentCall<'a>, (name, value): (&str, &[u8])) -> AgentCall<'a> {
    call.param(name, OsStr::from_bytes(value))
}

#[test]
fn an_identity_that_cant_be_read_is_named_by_start_and_validation_and_nothing_runs_by_it() -> Done {
    let site = site(Kind::Platform).build()?;
    for wrong in UNREADABLE {
        let call = || with(site.agent(), wrong);
        let name = format!("{}: ", wrong.0);
        call().run("start")?.answers(CONFIGURED).because(&[&name]);
        for level in [0, 10] {
            let validated = call().level(level).run("validate-all")?.answers(CONFIGURED).because(&[&name]);
            assert!(validated.stderr.starts_with(&format!("ERROR: {name}")), "{validated}");
        }
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
        call().run("reload-agent")?.answers(NOT_RUNNING);
        site.nothing_left()?;
    }
    assert_eq!(site.calls("")?, 0);
    Ok(())
}

#[test]
fn what_was_started_before_it_became_unreadable_is_monitored_and_stopped() -> Done {
    let site = site(Kind::Platform).build()?;
    for wrong in UNREADABLE {
        let pid = site.start()?.pid;
        for level in [0, 10] {
            recurring(with(site.agent(), wrong), level).run("monitor")?.answers(OK).silently();
        }
        with(site.agent(), wrong).run("monitor")?.answers(OK).silently();
        with(site.agent(), wrong).run("reload-agent")?.answers(OK).silently();
        assert_eq!(site.one("platform")?.pid, pid);
        with(site.agent(), wrong).run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

#[test]
fn with_neither_parameters_nor_record_to_go_by_a_stop_does_not_claim_success() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    site.node.write(site.record(), "torn")?;
    let stop = with(site.agent(), UNREADABLE[0]).run("stop")?.answers(GENERIC);
    stop.because(&["pico_name: ", "can't be read"]);
    assert_eq!(site.one("platform")?.pid, pid);
    site.stop()?.answers(OK);
    site.nothing_left()
}

#[test]
fn a_name_that_has_to_be_set_and_is_not_is_told() -> Done {
    for kind in [Kind::Ec, Kind::Sc] {
        let site = site(kind).build()?;
        // Empty counts as not set.
        let call = || site.agent().param("pico_name", "");
        call().run("start")?.answers(CONFIGURED).because(&["pico_name", "required"]);
        call().run("validate-all")?.answers(CONFIGURED);
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
    }
    Ok(())
}

#[test]
fn a_limit_that_cant_be_read_fails_a_start_and_nothing_that_runs() -> Done {
    let site = site(Kind::Platform).build()?;
    let wrong: [(&str, &[u8]); 4] =
        [("mzsh_timeout", b"soon"), ("ha_check", b"\xff"), ("ha_port", b"99999"), ("wait_for", b"nonsense")];
    for wrong in wrong {
        with(site.agent(), wrong).run("start")?.answers(CONFIGURED).because(&[&format!("{}: ", wrong.0)]);
    }
    site.nothing_left()?;
    site.start()?;
    for wrong in wrong {
        for level in [0, 10, 20] {
            recurring(with(site.agent(), wrong), level).run("monitor")?.answers(OK).silently();
        }
    }
    with(site.agent(), wrong[0]).run("stop")?.answers(OK);
    site.nothing_left()
}

/// By the same name of the resource, as after a change of the configuration while the cluster was not looking.
#[test]
fn a_resource_that_now_means_another_pico_stops_that_which_it_started() -> Done {
    let site = site(Kind::Ec).pico("ec2:ec").build()?;
    site.start()?;
    let now = || site.agent().param("pico_name", "ec2");
    now().run("monitor")?.answers(NOT_RUNNING);
    now().run("stop")?.answers(OK);
    site.nothing_left()
}
