//! The Platform is lost, or hangs: what depends on it goes on, and can be stopped without it.

use testkit::Done;
use testkit::answer::{Answer, OK};
use testkit::site::{Kind, Site, recurring, site};

fn until_missed(site: &Site) -> Done {
    site.until("the Platform to be missed", |site| {
        let status = site.mzsh(&["status", site.pico()])?;
        Ok(if status.stdout.contains("without contact") { Ok(()) } else { Err(status.to_string()) })
    })
}

/// EC, SC and Web UI are well for every monitor while the Platform is dead, whichever code mzsh gives for "running without contact",
/// and with no other witness than mzsh, though that says "not responding"; a stop ends them in order.
#[test]
fn what_has_lost_its_platform_is_well_and_can_be_stopped() -> Done {
    for kind in [Kind::Ec, Kind::Sc, Kind::Ui] {
        for code in ["0", "1"] {
            let site = site(kind).set(&format!("status_without_platform_code={code}")).build()?;
            let pico = site.start()?;
            site.signal(site.one("platform")?.pid, "KILL")?;
            until_missed(&site)?;
            for level in [0, 10, 20] {
                site.monitor(level)?.answers(OK).silently();
            }
            let alone = || recurring(site.agent(), 20).param("ha_check", "no").run("monitor");
            alone()?.answers(OK).silently();
            site.mzsh_does("status", "echo not responding; exit 1")?;
            alone()?.answers(OK).silently();
            site.probe()?.answers(OK).silently();
            assert!(site.lives(&pico)?);
            site.stop()?.answers(OK).silently();
            assert_eq!(site.last_end(site.pico())?.as_deref(), Some("shutdown"));
            site.nothing_left()?;
        }
    }
    Ok(())
}

/// A real EC whose Platform hangs, and answers nobody, is well, and a stop ends it in order.
#[test]
fn an_ec_whose_platform_hangs_is_well_and_can_be_stopped() -> Done {
    let site = site(Kind::Ec).jvm().set("rcp_timeout=300ms").build()?;
    site.start()?;
    site.signal(site.one("platform")?.pid, "STOP")?;
    for level in [0, 10, 20] {
        site.monitor(level)?.answers(OK).silently();
    }
    recurring(site.agent(), 20).param("ha_check", "no").run("monitor")?.answers(OK).silently();
    site.stop()?.answers(OK);
    assert_eq!(site.last_end("ec1")?.as_deref(), Some("shutdown"));
    site.nothing_left()
}

/// An EC, an SC or a Web UI that has lost its contact to a Platform that answers others is well: mzsh's words count, whatever its code.
#[test]
fn what_misses_a_platform_that_answers_others_is_well() -> Done {
    for kind in [Kind::Ec, Kind::Sc, Kind::Ui] {
        for code in [0, 1, 2] {
            let site = site(kind).build()?;
            site.start()?;
            let words = format!("{} is running without contact with the platform RCP service", site.pico());
            site.mzsh_does("status", &format!("echo {words}; exit {code}"))?;
            recurring(site.agent(), 20).param("ha_check", "no").run("monitor")?.answers(OK).silently();
        }
    }
    Ok(())
}
