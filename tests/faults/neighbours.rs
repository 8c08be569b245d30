//! Other picos on the same node: whoever is not meant is neither reported nor touched.

use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, recurring, site};
use testkit::{AgentCall, Done, Error, Process};

fn ec10(site: &Site) -> AgentCall<'_> {
    site.agent().param("pico_name", "ec10").instance("ec10")
}

/// ec1 and ec10 are told apart by each of the markers that a command line may have: neither is reported,
/// killed or found for the other.
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

/// The Platforms of two installations, whose paths begin alike, are monitored and stopped apart.
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

/// With our own installation's storage gone, or failing, the running Platform of another installation is
/// neither taken for ours nor stopped.
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

/// A stop of the Platform leaves an EC of the same installation running.
#[test]
fn a_stop_of_the_platform_leaves_an_ec_alone() -> Done {
    let site = site(Kind::Platform).pico("ec1:ec").build()?;
    site.start()?;
    site.mzsh(&["startup", "ec1"])?.expect(0)?;
    let ec = site.one("ec1")?.pid;
    site.stop()?.answers(OK);
    assert!(site.picos("platform")?.is_empty());
    assert_eq!(site.one("ec1")?.pid, ec);
    Ok(())
}

/// An EC that was started by a script of the Platform, and so descends from it, lives on with its own
/// children when the Platform is stopped with its.
#[test]
fn another_pico_below_the_stopped_one_lives_on_with_all_below_it() -> Done {
    let site = site(Kind::Platform).pico("ec1:ec").build()?;
    let ec = site.as_pico("ec1", "sleep 1000002 &\nwait")?;
    site.stand_in("platform", &format!("sleep 1000001 &\n( exec {ec} ) &\nwait"))?;
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
