//! Stops that have to do more than to ask mzsh.

use std::time::Duration;

use crate::Done;
use crate::answer::{Answer, NOT_RUNNING, OK};
use crate::site::{Kind, site};

#[test]
fn without_mzsh_a_stop_ends_it_by_signals_whether_it_heeds_sigterm_in_order_or_not() -> Done {
    for (orderly, end) in [(true, "signal"), (false, "died by a signal")] {
        for detached in [true, false] {
            let site = site(Kind::Platform).set(&format!("sigterm_orderly={orderly}"));
            let site = site.set(&format!("jvm_detached={detached}")).build()?;
            site.start()?;
            site.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.away")?;
            site.stop()?.answers(OK);
            site.nothing_left()?;
            if detached {
                // With mzsh's stdout it writes its dump into a pipe that nobody reads any more.
                assert_eq!(site.last_end("platform")?.as_deref(), Some(end));
            }
        }
    }
    Ok(())
}

#[test]
fn before_a_jvm_gets_signals_it_writes_a_thread_dump_if_that_is_wanted() -> Done {
    let dumps = |site: &crate::site::Site| -> Result<usize, testkit::Error> {
        Ok(site.node.read("/opt/mz/log/platform_current.log")?.matches("Full thread dump").count())
    };
    let site = site(Kind::Platform).jvm().build()?;
    site.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.true")?;
    for wanted in ["yes", "no"] {
        site.sh("cp -p /opt/mz/bin/mzsh.true /opt/mz/bin/mzsh")?;
        site.start()?;
        site.sh("rm /opt/mz/bin/mzsh")?;
        let before = dumps(&site)?;
        site.agent().param("thread_dump", wanted).run("stop")?.answers(OK);
        site.nothing_left()?;
        assert_eq!(dumps(&site)? - before, usize::from(wanted == "yes"), "thread_dump={wanted}");
    }
    Ok(())
}

#[test]
fn a_shutdown_that_does_not_end_it_is_followed_by_what_does() -> Done {
    for failed in ["kill", "code-4"] {
        let site = site(Kind::Ec).set("ec1.stop_time=10m").set("shutdown_retry=10ms");
        let site = site.set(&format!("shutdown_failed={failed}")).build()?;
        site.start()?;
        let stop = site.agent().meta_timeout(Duration::from_secs(12)).run("stop")?.answers(OK);
        assert!(stop.wall < Duration::from_secs(11), "{stop}");
        assert_eq!(site.calls("shutdown ec1")?, 1);
        site.nothing_left()?;
    }
    Ok(())
}

#[test]
fn an_mzsh_that_hangs_leaves_enough_time_to_end_the_pico_and_itself_is_ended() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.set(&["mzsh_time=10m"])?;
    // The shortest that Pacemaker gives by default is 20 s; less must do.
    let stop = site.agent().meta_timeout(Duration::from_secs(8)).run("stop")?.answers(OK);
    assert!(stop.wall < Duration::from_secs(8), "{stop}");
    assert_eq!(site.last_end("platform")?.as_deref(), Some("signal"), "SIGTERM had its time, too");
    site.nothing_left()?;
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}

/// What the pico has started goes with it; another pico does not, wherever it descends from.
#[test]
fn children_of_the_pico_are_ended_with_it_and_other_picos_are_not() -> Done {
    let site = site(Kind::Platform).pico("ec1:ec").build()?;
    site.start()?;
    site.mzsh(&["startup", "ec1"])?.expect(0)?;
    let ec = site.one("ec1")?.pid;
    site.stop()?.answers(OK);
    assert!(site.picos("platform")?.is_empty());
    assert_eq!(site.one("ec1")?.pid, ec);
    Ok(())
}

/// An administrator's question is no startup of the pico.
#[test]
fn a_stop_leaves_an_mzsh_alone_that_only_asks() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.set(&["mzsh_time=10m"])?;
    let ask = "setsid /opt/mz/bin/mzsh status platform >/dev/null 2>&1 &";
    site.as_owner("sh").args(["-c", ask]).run()?.expect(0)?;
    let asks = |site: &crate::site::Site| -> Result<Vec<u32>, testkit::Error> {
        let status = |p: &testkit::Process| {
            p.argv.iter().any(|a| a.ends_with(".CommandLine")) && p.argv.contains(&"status".to_owned())
        };
        Ok(site.processes()?.into_iter().filter(status).map(|p| p.pid).collect())
    };
    let asking = site.until("the administrator's mzsh", |site| {
        let found = asks(site)?;
        Ok(if found.len() == 1 { Ok(found) } else { Err(format!("{found:?}")) })
    })?;
    site.set(&["mzsh_time=0ms"])?;
    site.stop()?.answers(OK);
    assert!(site.picos("platform")?.is_empty());
    assert_eq!(asks(&site)?, asking);
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}
