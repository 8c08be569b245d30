//! What is run after a successful start, and can't make it fail.

use testkit::Done;
use testkit::answer::{Answer, GENERIC, OK};
use testkit::site::{Kind, Site, site};

const PROGRAM: &str = "/opt/after";

/// A program that tells by whom and with what it was run.
fn put_program(site: &Site) -> Done {
    site.node.write(PROGRAM, "#!/bin/sh\necho \"$(id -un) $MZ_HOME $PICO_NAME\" >>/tmp/after\nexit 3\n")?;
    site.sh(&format!("chmod 755 {PROGRAM}")).map(drop)
}

#[test]
fn post_start_runs_as_the_owner_and_knows_which_pico_was_started() -> Done {
    for kind in [Kind::Platform, Kind::Ec] {
        let site = site(kind).build()?;
        put_program(&site)?;
        let call = || site.agent().param("post_start", PROGRAM);
        // It fails, which is no failure of the start.
        call().run("start")?.answers(OK).silently();
        let ran = format!("{} /opt/mz {}\n", site.node.owner(), site.pico());
        assert_eq!(site.node.read("/tmp/after")?, ran);
        let log = site.log()?;
        assert!(log.contains(PROGRAM) && log.contains("exit code 3"), "{log}");
        site.monitor(0)?.answers(OK).silently();
    }
    Ok(())
}

#[test]
fn post_start_that_is_missing_is_a_warning() -> Done {
    let site = site(Kind::Platform).build()?;
    site.agent().param("post_start", "/opt/none").run("start")?.answers(OK).silently();
    let log = site.log()?;
    assert!(log.contains("post_start /opt/none: "), "{log}");
    Ok(())
}

#[test]
fn nothing_runs_after_a_start_that_failed() -> Done {
    let site = site(Kind::Platform).set("startup_outcome=code:1").build()?;
    put_program(&site)?;
    let call = site.agent().param("post_start", PROGRAM).param("republish_services", "yes");
    call.run("start")?.answers(GENERIC);
    assert_eq!(site.sh("ls /tmp")?, "");
    assert_eq!(site.calls("service")?, 0);
    Ok(())
}

#[test]
fn services_are_republished_by_the_platform_if_that_is_wanted() -> Done {
    for (kind, wanted, published) in
        [(Kind::Platform, "yes", 1), (Kind::Platform, "no", 0), (Kind::Sc, "yes", 0)]
    {
        let site = site(kind).build()?;
        site.agent().param("republish_services", wanted).run("start")?.answers(OK).silently();
        let history = site.history()?;
        let times = history.iter().filter(|event| event.what == "publish").count();
        assert_eq!(times, published, "{kind:?} {wanted}");
        assert_eq!(site.calls("service restart --publish-only")?, published);
    }
    Ok(())
}

#[test]
fn services_that_cant_be_republished_are_a_warning() -> Done {
    let site = site(Kind::Platform).build()?;
    site.wrap_mzsh("[ \"$1\" != service ] || exit 1")?;
    site.agent().param("republish_services", "yes").run("start")?.answers(OK).silently();
    let log = site.log()?;
    assert!(log.contains("--publish-only: exit code 1"), "{log}");
    Ok(())
}
