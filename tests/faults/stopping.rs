//! Stops that have to do more than to ask mzsh.

use std::time::Duration;

use testkit::{Error, Process};

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, site};

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
    let asks = |site: &Site| -> Result<Vec<u32>, Error> {
        let status = |p: &Process| {
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

/// A stand-in for a pico that has started others: bash by the name of java, for the simulator's picos start nothing.
fn stand_in(site: &Site, pico: &str, script: &str) -> Done {
    site.node.write(format!("/opt/mz/tmp/{pico}.sh"), script)
}

/// How one runs it.
fn as_java(pico: &str) -> String {
    let looks =
        format!("-Dmz.home=/opt/mz -Dpico.configname={pico} com.digitalroute.picostart.PicoStart {pico}");
    format!("exec -a /opt/mz/java/bin/java bash /opt/mz/tmp/{pico}.sh {looks}")
}

/// An administrator's script that the Platform runs may start an EC, which has children of its own.
#[test]
fn another_pico_below_the_stopped_one_lives_on_with_all_below_it() -> Done {
    let site = site(Kind::Platform).pico("ec1:ec").build()?;
    stand_in(&site, "platform", &format!("sleep 1000001 &\n( {} ) &\nwait\n", as_java("ec1")))?;
    stand_in(&site, "ec1", "sleep 1000002 &\nwait\n")?;
    let line = format!("{} </dev/null >/dev/null 2>&1 &", as_java("platform"));
    site.as_owner("setsid").args(["bash", "-c", &line]).run()?.expect(0)?;
    let sleeper = |site: &Site, seconds: &str| -> Result<Option<Process>, Error> {
        Ok(site.processes()?.into_iter().find(|process| process.argv == ["sleep", seconds]))
    };
    let child = site.until("both picos with a child each", |site| {
        let (own, of_ec) = (sleeper(site, "1000001")?, sleeper(site, "1000002")?);
        Ok(own.and(of_ec).map(|child| child.pid).ok_or(in_short(&site.processes()?)))
    })?;
    let (platform, ec) = (site.one("platform")?, site.one("ec1")?);
    let all = site.processes()?;
    let parent = |pid| all.iter().find(|process| process.pid == pid).map(|process| process.ppid);
    let above = parent(ec.pid);
    assert!(
        above == Some(platform.pid) || above.and_then(parent) == Some(platform.pid),
        "{}",
        in_short(&all)
    );

    site.stop()?.answers(OK);
    assert!(site.picos("platform")?.is_empty());
    assert!(sleeper(&site, "1000001")?.is_none(), "the Platform's own child goes with it");
    let lives = sleeper(&site, "1000002")?.map(|process| process.pid);
    assert_eq!((site.one("ec1")?.pid, lives), (ec.pid, Some(child)));

    site.agent_for(Kind::Ec).run("stop")?.answers(OK);
    site.nothing_left()
}

/// With hardly any it can't look, with some it can signal, with more it can run mzsh. It does what it can for as long as it
/// has, and claims no more than it knows.
#[test]
fn with_few_descriptors_a_stop_does_what_can_be_done_with_them() -> Done {
    let timeout = Duration::from_secs(4);
    let mut ends = Vec::new();
    for descriptors in [4, 6, 8, 10, 12, 24] {
        let site = site(Kind::Platform).build()?;
        site.start()?;
        let (argv, environment) = site.agent().meta_timeout(timeout).spelled_out("stop");
        let limited = site.node.command("prlimit").arg(format!("--nofile={descriptors}")).args(argv);
        let limited = environment.into_iter().fold(limited, |call, (name, value)| call.env(name, value));
        let stop = limited.time_limit(timeout).run()?;
        let alive = !site.picos("platform")?.is_empty();
        assert!(!alive || stop.code() != Some(OK), "{stop}");
        if stop.code() != Some(OK) {
            let stop = stop.answers(GENERIC).because(&["platform", "Too many open files"]);
            assert!(stop.wall > Duration::from_millis(1500), "it gave up: {stop}");
        }
        ends.push(if alive { "alive".to_owned() } else { site.last_end("platform")?.unwrap_or_default() });
    }
    // Each of the three was seen, or the numbers above are not those any more that show it.
    ends.dedup();
    assert_eq!(ends, ["alive", "signal", "shutdown"]);
    Ok(())
}
