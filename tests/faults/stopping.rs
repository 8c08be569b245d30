//! Stops that have to do more than to ask mzsh.

use std::time::Duration;

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, site};

/// Without mzsh a stop ends the pico by signals: in order where it heeds SIGTERM, at once where it does not,
/// in its own session or mzsh's.
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

/// A pico that mzsh shutdown does not end, whether that kills in the end or gives up with code 4, is ended
/// within the operation's time.
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

/// An mzsh that hangs in shutdown costs a stop neither its time nor the pico's orderly end by SIGTERM, and is
/// ended itself.
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

/// With few file descriptors left a stop does what it can for as long as it has and claims no more than it
/// knows: it ends the pico, or fails and says which resource is missing.
#[test]
fn with_few_descriptors_a_stop_does_what_can_be_done_with_them() -> Done {
    let mut ends = Vec::new();
    for descriptors in [4, 6, 8, 10, 12, 24] {
        // What can't be done is tried until time is over; what can be done gets the time for it.
        let timeout = Duration::from_secs(if descriptors < 24 { 4 } else { 30 });
        let site = site(Kind::Platform).build()?;
        site.start()?;
        let stop = site.agent().few_descriptors(descriptors).meta_timeout(timeout).run("stop")?;
        let alive = !site.picos("platform")?.is_empty();
        assert!(!alive || stop.code() != Some(OK), "{stop}");
        if stop.code() != Some(OK) {
            let stop = stop
                .answers(GENERIC)
                .because(&["platform", &format!("no file descriptor left (RLIMIT_NOFILE {descriptors})")]);
            assert!(stop.wall > Duration::from_millis(1500), "it gave up: {stop}");
        }
        ends.push(if alive { "alive".to_owned() } else { site.last_end("platform")?.unwrap_or_default() });
    }
    // Both were seen, or the numbers above are not those any more that show it.
    ends.dedup();
    assert_eq!(ends, ["signal", "shutdown"]);
    Ok(())
}
