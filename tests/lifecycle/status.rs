//! Depth 20: what `mzsh status` says beside the HA Monitor Server. mzsh is a witness of health, never of absence.

use testkit::{AgentCall, Error};

use testkit::Done;
use testkit::answer::{Answer, DEGRADED, GENERIC, OK};
use testkit::site::{Kind, Site, site};

/// A running pico of which mzsh says that it is not well, in each of the ways that it has.
const NOT_WELL: [&str; 3] = ["exit 1", "exit 2", "exec sleep 1000000"];

fn running(kind: Kind) -> Result<Site, Error> {
    let site = site(kind).build()?;
    site.start()?;
    site.wrap_mzsh("[ \"$1\" != status ] || . /tmp/status")?;
    Ok(site)
}

fn deep<'a>(site: &'a Site, status: &str) -> Result<AgentCall<'a>, Error> {
    site.node.write("/tmp/status", status)?;
    Ok(site.recurring(20).param("mzsh_timeout", "1s").param("monitor_retries", "0"))
}

#[test]
fn mzsh_alone_makes_no_failure_of_a_pico_whose_ha_monitor_server_is_well() -> Done {
    let site = running(Kind::Platform)?;
    for status in NOT_WELL {
        deep(&site, status)?.run("monitor")?.answers(OK).silently();
    }
    let log = site.log()?;
    assert_eq!(log.matches("mzsh status: ").count(), NOT_WELL.len(), "{log}");
    deep(&site, NOT_WELL[0])?.param("degraded", "yes").run("monitor")?.answers(DEGRADED).because(&["status"]);
    Ok(())
}

#[test]
fn without_another_witness_it_is_a_failure() -> Done {
    let site = running(Kind::Platform)?;
    for status in NOT_WELL {
        let call = deep(&site, status)?.param("ha_check", "no");
        call.run("monitor")?.answers(GENERIC).because(&["platform", "is alive; mzsh status: "]);
    }
    site.monitor(0)?.answers(OK).silently();
    site.probe()?.answers(OK).silently();
    // mzsh that hung has been ended; nothing but the pico lives.
    assert_eq!(site.processes()?.len(), 1);
    Ok(())
}

#[test]
fn an_ec_is_excused_while_the_platform_is_away() -> Done {
    let site = running(Kind::Ec)?;
    let not_well = || Ok::<_, Error>(deep(&site, NOT_WELL[0])?.param("ha_check", "no"));
    not_well()?.run("monitor")?.answers(GENERIC);
    site.signal(site.one("platform")?.pid, "KILL")?;
    not_well()?.run("monitor")?.answers(OK).silently();
    Ok(())
}

#[test]
fn a_second_try_within_one_monitor_is_enough() -> Done {
    let site = running(Kind::Platform)?;
    let once = "mkdir /tmp/asked 2>/dev/null && exit 1";
    let call = deep(&site, once)?.param("ha_check", "no").param("monitor_retries", "1");
    call.run("monitor")?.answers(OK).silently();
    Ok(())
}

#[test]
fn a_success_of_another_depth_does_not_clear_the_count() -> Done {
    let site = running(Kind::Platform)?;
    let tolerant = || Ok::<_, Error>(deep(&site, NOT_WELL[0])?.param("ha_check", "no"));
    let tolerant = || Ok::<_, Error>(tolerant()?.param("failures_tolerated", "1"));
    tolerant()?.run("monitor")?.answers(OK).silently();
    for level in [0, 10] {
        tolerant()?.level(level).run("monitor")?.answers(OK).silently();
    }
    tolerant()?.run("monitor")?.answers(GENERIC);
    Ok(())
}
