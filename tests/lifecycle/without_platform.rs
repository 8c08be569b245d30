//! EC, SC and Web UI need the Platform to start, and not to go on.

use std::time::Duration;

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, site};

#[test]
fn what_needs_the_platform_does_not_start_without_it_and_says_where_it_was_looked_for() -> Done {
    for kind in [Kind::Ec, Kind::Sc, Kind::Ui] {
        let site = site(kind).without_platform().build()?;
        let start = site.agent().param("wait_for_timeout", "1s").run("start")?;
        let start = start.answers(GENERIC).because(&[site.pico(), "localhost:6790"]);
        assert!(start.wall < Duration::from_secs(4), "{start}");
        assert_eq!(site.calls("")?, 0, "mzsh was not even asked");
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

#[test]
fn a_start_waits_until_the_platform_answers() -> Done {
    let site = site(Kind::Ec).without_platform().build()?;
    let start = std::thread::scope(|scope| {
        let start = scope.spawn(|| site.agent().run("start"));
        site.sleeping_agent("start")?;
        site.mzsh(&["startup", "platform"])?.expect(0)?;
        start.join().expect("the start's thread does not panic")
    })?;
    start.answers(OK).silently();
    site.one("ec1").map(drop)
}

/// What the product does is not documented, so: whatever it does, the agent's answer is that of the process.
#[test]
fn without_waiting_for_the_platform_a_start_comes_to_what_mzsh_makes_of_it() -> Done {
    for (switch, code, why) in [
        ("fail", GENERIC, "No open connection"),
        ("errors", GENERIC, "started with errors"),
        ("start", OK, ""),
    ] {
        let site = site(Kind::Ec).without_platform();
        let site = site.set(&format!("ec_startup_without_platform={switch}")).build()?;
        // A list of nothing.
        site.agent().param("wait_for", ",").run("start")?.answers(code).because(&[why]);
        if code == OK {
            site.one("ec1")?;
            site.monitor(20)?.answers(OK).silently();
        } else {
            site.nothing_left()?;
        }
    }
    Ok(())
}

#[test]
fn an_ec_goes_on_when_the_platform_dies_and_its_monitor_says_so() -> Done {
    for code in ["0", "1"] {
        let site = site(Kind::Ec).set(&format!("status_without_platform_code={code}")).build()?;
        let ec = site.start()?.pid;
        site.signal(site.one("platform")?.pid, "KILL")?;
        site.until("the EC to miss the Platform", |site| {
            let status = site.mzsh(&["status", "ec1"])?;
            Ok(if status.stdout.contains("without contact") { Ok(()) } else { Err(status.to_string()) })
        })?;
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        site.mzsh(&["startup", "platform"])?.expect(0)?;
        site.monitor(20)?.answers(OK).silently();
        assert_eq!(site.one("ec1")?.pid, ec, "nobody restarted it");
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}
