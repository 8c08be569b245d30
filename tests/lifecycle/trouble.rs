//! What a monitor that waits notices besides the death: files that mean trouble, and that it was itself suspended.

use std::thread;
use std::time::{Duration, Instant};

use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, site};
use testkit::{AgentCall, Done, Error, Ran};

const LONG: &str = "15s";
/// Far below `LONG`.
const QUICK: Duration = Duration::from_secs(5);
/// The interval of the row: on a loaded machine, too, the next one comes sooner.
const OFTEN: Duration = Duration::from_secs(60);

fn waiting<'a>(site: &'a Site, wait: &str) -> AgentCall<'a> {
    let call = site.agent().param("wait", wait).interval(OFTEN).level(0);
    call.meta_timeout(Duration::from_secs(60))
}

/// A site whose next depth 0 waits.
fn watched() -> Result<(Site, u32), Error> {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    waiting(&site, LONG).run("monitor")?.answers(OK).silently();
    Ok((site, pid))
}

/// This call, and what is done while it waits.
fn while_waiting(site: &Site, call: AgentCall<'_>, done: impl FnOnce(u32) -> Done) -> Result<Ran, Error> {
    thread::scope(|scope| {
        let monitor = scope.spawn(move || call.run("monitor"));
        done(site.sleeping_agent("monitor")?.pid)?;
        monitor.join().expect("the monitor's thread does not panic")
    })
}

#[test]
fn an_error_file_ends_the_wait_and_none_waits_until_a_deeper_monitor_has_looked() -> Done {
    let (site, pid) = watched()?;
    let working = site.sh(&format!("readlink /proc/{pid}/cwd"))?;
    let files = [
        "/opt/mz/log/platform_criticalerror.log".to_owned(),
        format!("{}/hs_err_pid{pid}.log", working.trim_end()),
    ];
    for file in files {
        let ran =
            while_waiting(&site, waiting(&site, LONG), |_| site.sh(&format!("touch {file}")).map(drop))?;
        let ran = ran.answers(OK).silently();
        assert!(ran.wall < QUICK, "{file}: {ran}");
        assert!(
            site.log()?.contains(&format!("{} has appeared", file.rsplit('/').next().unwrap_or_default()))
        );
        let next = waiting(&site, LONG).run("monitor")?.answers(OK).silently();
        assert!(next.wall < QUICK, "{next}");
        waiting(&site, LONG).level(10).run("monitor")?.answers(OK).silently();
        let after = waiting(&site, "300ms").run("monitor")?.answers(OK).silently();
        assert!(after.wall >= Duration::from_millis(300), "{after}");
    }
    Ok(())
}

#[test]
fn what_else_appears_there_does_not() -> Done {
    let (site, _) = watched()?;
    let ran = while_waiting(&site, waiting(&site, "2s"), |_| {
        site.sh("touch /opt/mz/log/ec1_criticalerror.log /opt/mz/log/platform.log; echo >>/opt/mz/log/platform_current.log").map(drop)
    })?;
    let ran = ran.answers(OK).silently();
    assert!(ran.wall >= Duration::from_secs(2), "{ran}");
    Ok(())
}

/// Stops the monitor until its time is long over, as a virtual machine that is paused or moved is stopped with all that runs in it.
fn suspend(site: &Site, monitor: u32, time: Duration, meanwhile: &str) -> Done {
    site.sh(&format!("kill -s STOP {monitor}; {meanwhile}"))?;
    let until = Instant::now() + time;
    site.until("the time to be over", |_| {
        Ok(if Instant::now() > until { Ok(()) } else { Err("it is not".to_owned()) })
    })?;
    site.sh(&format!("kill -s CONT {monitor}")).map(drop)
}

#[test]
fn one_that_was_suspended_beyond_its_time_answers_as_if_nothing_had_been() -> Done {
    let (site, pid) = watched()?;
    let (call, over) = (|| waiting(&site, "500ms"), Duration::from_secs(1));
    while_waiting(&site, call(), |monitor| suspend(&site, monitor, over, ":"))?.answers(OK).silently();
    // The pico died while all was suspended, or at the moment when it woke up.
    let ran = while_waiting(&site, call(), |monitor| {
        suspend(&site, monitor, over, &format!("kill -s KILL {pid}"))
    })?;
    ran.answers(NOT_RUNNING).because(&[&format!("pid {pid} has ended at ")]);
    Ok(())
}
