//! Names: of resources, which may be any bytes and of any length, of picos, and of the instances of a clone.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use testkit::answer::{Answer, CONFIGURED, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{AgentCall, Done};

/// Two names each that differ as little as they can.
fn alike() -> Vec<(OsString, OsString)> {
    let bytes = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let long = |last: &str| OsString::from("x".repeat(250) + last);
    vec![
        ("mz-\u{e4}".into(), "mz-\u{f6}".into()),
        (bytes(b"mz-\xe4"), bytes(b"mz-\xf6")),
        ("mz-\u{e4}".into(), "mz-%C3%A4".into()),
        ("mz-?".into(), "mz-\u{e4}".into()),
        (long("1"), long("2")),
        (("\u{e4}".repeat(100) + "1").into(), ("\u{e4}".repeat(100) + "2").into()),
        ("x".repeat(237).into(), "x".repeat(239).into()),
        ("ec:0".into(), "ec%3A0".into()),
    ]
}

fn of<'a>(site: &'a Site, resource: &OsStr, pico: &str) -> AgentCall<'a> {
    site.agent().env("OCF_RESOURCE_INSTANCE", resource).param("pico_name", pico)
}

/// Resources whose names differ in one letter that is not ASCII, in a byte that is not UTF-8, or only behind what fits into a
/// file name, have records of their own: each is started and monitored, and the stop of one leaves the other's pico.
#[test]
fn resources_with_names_that_are_hardly_different_have_records_of_their_own() -> Done {
    let site = site(Kind::Ec).pico("ec2:ec").build()?;
    for (one, other) in alike() {
        of(&site, &one, "ec1").run("start")?.answers(OK);
        of(&site, &other, "ec2").run("start")?.answers(OK);
        let (ec1, ec2) = (site.one("ec1")?, site.one("ec2")?);
        assert_eq!(site.sh("ls /run/mediationzone-ra | grep -c json")?.trim(), "2", "{one:?} {other:?}");
        of(&site, &one, "ec1").run("stop")?.answers(OK);
        assert!(!site.lives(&ec1)? && site.lives(&ec2)?, "{one:?} {other:?}");
        recurring(of(&site, &other, "ec2"), 0).run("monitor")?.answers(OK).silently();
        recurring(of(&site, &one, "ec1"), 0).run("monitor")?.answers(NOT_RUNNING);
        of(&site, &other, "ec2").run("stop")?.answers(OK);
        site.nothing_left()?;
        assert_eq!(site.sh("ls /run/mediationzone-ra | grep json || true")?, "", "{one:?} {other:?}");
    }
    Ok(())
}

/// A record that says of itself that it is another resource's is not used, whatever its file is called: a stop ends what the
/// parameters mean and leaves the other's pico, and with parameters that can't be read it does not claim success.
#[test]
fn a_record_that_names_another_resource_is_not_used() -> Done {
    let site = site(Kind::Ec).pico("ec2:ec").build()?;
    site.start()?;
    of(&site, OsStr::new("mz-ec2"), "ec2").run("start")?.answers(OK);
    let ec2 = site.one("ec2")?;
    let other = site.node.read("/run/mediationzone-ra/mz-ec2.json")?;
    site.node.write(site.record(), &other)?;
    site.agent()
        .param("pico_name", "-f")
        .run("stop")?
        .answers(GENERIC)
        .because(&["ec.json can't be read", "pico_name"]);
    site.stop()?.answers(OK);
    assert!(site.picos("ec1")?.is_empty() && site.lives(&ec2)?);
    of(&site, OsStr::new("mz-ec2"), "ec2").run("stop")?.answers(OK);
    site.nothing_left()
}

/// The record of an agent that did not write whose it is, is used as before.
#[test]
fn a_record_that_does_not_say_whose_it_is_is_used() -> Done {
    let site = site(Kind::Ec).pico("ec2:ec").build()?;
    let jvm = site.start()?;
    let mut record = site.read_record()?;
    record.as_object_mut().expect("an object").remove("resource");
    site.node.write(site.record(), record.to_string())?;
    recurring(site.agent().param("pico_name", "-f"), 0).run("monitor")?.answers(OK);
    site.agent().param("pico_name", "-f").run("stop")?.answers(OK);
    assert!(!site.lives(&jvm)?);
    site.nothing_left()
}

/// A pico whose name is as long as the product's files allow is started, monitored and stopped, and each reason still tells
/// what has become of it; a longer one is refused.
#[test]
fn a_pico_with_the_longest_name_is_managed_and_each_reason_tells_its_state() -> Done {
    let name = "EC".to_owned() + &"long_".repeat(45) + "end";
    let site = site(Kind::Ec).pico(&format!("{name}:ec")).build()?;
    let call = || site.agent().param("pico_name", &name);
    call().run("monitor")?.answers(NOT_RUNNING).because(&["not running"]);
    call().run("start")?.answers(OK);
    let jvm = site.one(&name)?;
    for level in [0, 10, 20] {
        recurring(call(), level).run("monitor")?.answers(OK).silently();
    }
    call().run("monitor")?.answers(OK).silently();
    site.signal(jvm.pid, "STOP")?;
    recurring(call(), 10).run("monitor")?.answers(GENERIC).because(&["EClong_", "stopped"]);
    site.signal(jvm.pid, "KILL")?;
    let died = recurring(call(), 0).run("monitor")?.answers(NOT_RUNNING);
    died.because(&["EClong_", "not running", &format!("pid {}", jvm.pid)]);
    call().run("stop")?.answers(OK);
    site.nothing_left()?;
    let too_long = || site.agent().param("pico_name", "x".repeat(251));
    too_long().run("start")?.answers(CONFIGURED).because(&["pico_name: ", "250"]);
    Ok(())
}

/// The call for one instance of a clone of `ec`.
fn instance(site: &Site, number: u32, globally_unique: bool) -> AgentCall<'_> {
    let name = if globally_unique { format!("ec:{number}") } else { "ec".to_owned() };
    site.agent()
        .instance(&name)
        .param("CRM_meta_clone", number.to_string())
        .param("CRM_meta_clone_max", "4")
        .param("CRM_meta_clone_node_max", "2")
        .param("CRM_meta_globally_unique", globally_unique.to_string())
}

/// An instance of a globally-unique clone is refused by start and validation with 6, for all instances would be one pico;
/// nothing is started, and probe, monitor and stop of each instance say so.
#[test]
fn a_globally_unique_clone_of_one_pico_is_not_started() -> Done {
    let site = site(Kind::Ec).build()?;
    for number in [0, 1] {
        let call = || instance(&site, number, true);
        call().run("start")?.answers(CONFIGURED).because(&["globally-unique", "ec1"]);
        for level in [0, 10] {
            let validated = call().level(level).run("validate-all")?.answers(CONFIGURED);
            assert!(validated.stderr.starts_with("ERROR: clone: "), "{validated}");
        }
        call().run("monitor")?.answers(NOT_RUNNING);
        recurring(call(), 0).run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
    }
    assert_eq!(site.calls("startup ec1")? + site.calls("startup -f ec1")?, 0);
    site.nothing_left()
}

/// An instance of an anonymous clone is started and stopped as any resource, and validation warns that each node runs the same
/// pico.
#[test]
fn an_anonymous_clone_of_one_pico_is_started_with_a_warning() -> Done {
    let site = site(Kind::Ec).build()?;
    let call = || instance(&site, 0, false);
    let validated = call().run("validate-all")?.expect(OK)?;
    assert!(validated.stderr.contains("WARNING: clone: "), "{validated}");
    call().run("start")?.answers(OK);
    recurring(call(), 0).run("monitor")?.answers(OK).silently();
    call().run("stop")?.answers(OK);
    site.nothing_left()
}
