//! The rows: what hangs, which action meets it, and what that must answer.

use std::time::Duration;

use testkit::answer::{ARGS, Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, SOON, Site, in_short, site};
use testkit::{AgentCall, Done, End, Error, Held, Hung, Process, Ran, wait_until};

/// From this time-out on, Pacemaker's default, an agent always ends by itself.
const PROMISED: Duration = Duration::from_secs(20);

/// A java whose HA client asks, and then hangs.
const HUNG_JAVA: &str = "/opt/hung-java";

/// A java whose HA client hangs before it asks.
const MUTE_JAVA: &str = "/opt/mute-java";

/// Opens the connection that the HA client is told to: `... PORT HOST SECONDS`.
const ASK: &str = "exec 3<>\"/dev/tcp/${@: -2:1}/${@: -3:1}\"";

/// Does nothing for ever, and heeds no signal that can be ignored.
const HANG: &str = "trap '' HUP INT QUIT TERM\nwhile :; do sleep 1000000; done";

/// A port behind which nobody is: what is sent there is lost.
const SILENT: &str = "192.0.2.1:1521";

/// Makes a test of each row, for one time-out.
macro_rules! each_row {
    ($module:ident, $seconds:literal) => {
        mod $module {
            crate::rows::each_row! { $seconds:
                start_with_a_hung_mzsh
                start_over_a_pico_that_can_not_be_asked
                start_with_a_hung_post_start
                start_that_waits_for_a_silent_port
                stop_of_a_live_pico
                stop_of_a_hung_pico
                monitor_that_waits
                monitor_at_depth_10
                monitor_at_depth_10_whose_client_never_asks
                monitor_at_depth_20
                monitor_at_depth_20_with_a_hung_mzsh_alone
                probe
                validate_all
                validate_all_with_a_silent_resolver
                reload_agent
                explain
                storage_hangs_at_a_start
                storage_hangs_at_a_stop_of_a_live_pico
                storage_hangs_at_a_stop_of_a_hung_pico
                storage_hangs_at_a_stop_of_a_pico_that_needs_it
                storage_hangs_at_a_monitor_that_waits
                storage_hangs_at_a_monitor_at_depth_10
                storage_hangs_at_a_monitor_at_depth_20
                storage_hangs_at_a_probe
                storage_hangs_at_validate_all
                storage_hangs_at_reload_agent
                storage_hangs_at_explain
            }
        }
    };
    ($seconds:literal: $($row:ident)*) => {
        $(#[test] fn $row() -> testkit::Done { crate::rows::$row(std::time::Duration::from_secs($seconds)) })*
    };
}
pub(crate) use each_row;

/// A site where nothing runs, or the pico does. Every mzsh hangs from now on, and every HA client of [`agent`].
fn hung_commands(runs: bool) -> Result<Site, Error> {
    let site = site(Kind::Platform).build()?;
    if runs {
        run_it(&site)?;
    }
    site.wrap_mzsh(HANG)?;
    put_program(&site, &format!("{HUNG_JAVA}/bin/java"), ASK)?;
    put_program(&site, &format!("{MUTE_JAVA}/bin/java"), "")?;
    Ok(site)
}

/// Starts it. One monitor has seen it, so that the next may wait, and knows where to ask.
fn run_it(site: &Site) -> Done {
    site.start()?;
    site.monitor(10)?.answers(OK);
    site.monitor(0)?.answers(OK);
    Ok(())
}

/// A program that does this first, and then hangs.
fn put_program(site: &Site, path: &str, first: &str) -> Done {
    site.node.write(path, format!("#!/bin/bash\n{first}\n{HANG}\n"))?;
    site.sh(&format!("chmod 755 {path}")).map(drop)
}

/// The agent, with all that it is not given in vain: the HA client is run by a java that hangs.
fn agent(site: &Site, timeout: Duration) -> AgentCall<'_> {
    site.agent().param("java_home", HUNG_JAVA).meta_timeout(timeout)
}

fn recurring(call: AgentCall<'_>, level: u32) -> AgentCall<'_> {
    call.interval(Duration::from_secs(1)).level(level)
}

/// Holds an answer against the one that is right. With too short a time-out another is no lie, or none at all, if it claims
/// nothing that is not so.
#[track_caller]
fn must(site: &Site, ran: Ran, timeout: Duration, code: i32, words: &[&str]) -> Done {
    if timeout >= PROMISED {
        ran.answers(code).because(words);
        return Ok(());
    }
    let lives = !site.picos("platform")?.is_empty();
    match ran.end {
        End::TimedOut => {}
        End::Code(other) if other == code => {}
        End::Code(OK) if lives => {}
        End::Code(NOT_RUNNING) if !lives => {}
        End::Code(GENERIC) => drop(ran.answers(GENERIC)),
        _ => panic!("not {code}, and not true: {ran}"),
    }
    Ok(())
}

/// Waits until of all processes only these live: what was killed takes a moment to be gone.
fn only(site: &Site, pids: &[u32]) -> Done {
    wait_until("nothing left of the agent's", SOON, || {
        let mut left = site.processes().map_err(|e| e.to_string())?;
        left.retain(|process| !pids.contains(&process.pid));
        if left.is_empty() { Ok(()) } else { Err(in_short(&left)) }
    })
}

/// After a start that did not succeed nothing is left; if it was killed at too short a time-out, a stop sees to that.
fn nothing_started(site: &Site, timeout: Duration) -> Done {
    if timeout < PROMISED {
        site.stop()?.answers(OK);
    }
    only(site, &[])
}

/// mzsh startup hangs.
pub(crate) fn start_with_a_hung_mzsh(timeout: Duration) -> Done {
    let site = hung_commands(false)?;
    must(&site, agent(&site, timeout).run("start")?, timeout, GENERIC, &["platform", "mzsh startup", " s"])?;
    nothing_started(&site, timeout)
}

/// It runs, its HA client hangs, and so does the mzsh that would start it anew.
pub(crate) fn start_over_a_pico_that_can_not_be_asked(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    must(&site, agent(&site, timeout).run("start")?, timeout, GENERIC, &["platform"])?;
    nothing_started(&site, timeout)
}

/// The administrator's program hangs, which is no failure.
pub(crate) fn start_with_a_hung_post_start(timeout: Duration) -> Done {
    let site = site(Kind::Platform).build()?;
    put_program(&site, "/opt/hook", "")?;
    let call = site.agent().meta_timeout(timeout).param("post_start", "/opt/hook");
    let start = call.run("start")?;
    let up = start.code() == Some(OK);
    must(&site, start, timeout, OK, &[])?;
    if up { only(&site, &[site.one("platform")?.pid]) } else { nothing_started(&site, timeout) }
}

/// Its database does not even refuse.
pub(crate) fn start_that_waits_for_a_silent_port(timeout: Duration) -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("ip route add 192.0.2.0/24 dev lo")?;
    let call = site.agent().meta_timeout(timeout).param("wait_for", SILENT);
    must(&site, call.run("start")?, timeout, GENERIC, &["platform", SILENT, "has not answered"])?;
    assert_eq!(site.calls("")?, 0, "mzsh was not even asked");
    only(&site, &[])
}

/// Its process goes although mzsh shutdown hangs. This holds for every time-out.
pub(crate) fn stop_of_a_live_pico(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    agent(&site, timeout).run("stop")?.answers(OK);
    only(&site, &[])
}

/// The same of one that is stopped (SIGSTOP).
pub(crate) fn stop_of_a_hung_pico(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    site.signal(site.one("platform")?.pid, "STOP")?;
    agent(&site, timeout).run("stop")?.answers(OK);
    only(&site, &[])
}

/// A call on a live pico, which is not touched.
fn looked_at<'a>(
    site: &'a Site,
    timeout: Duration,
    call: AgentCall<'a>,
    action: &str,
    code: i32,
    words: &[&str],
) -> Done {
    let pid = site.one("platform")?.pid;
    let ran = call.run(action)?;
    let killed = ran.end == End::TimedOut;
    must(site, ran, timeout, code, words)?;
    // An agent that is killed takes its children with it, and not what these have started.
    if killed { Ok(()) } else { only(site, &[pid]) }
}

/// Depth 0 asks nobody, and waits for the death of the pico in vain.
pub(crate) fn monitor_that_waits(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    looked_at(&site, timeout, recurring(agent(&site, timeout), 0), "monitor", OK, &[])
}

/// The HA client asks, and has no answer.
pub(crate) fn monitor_at_depth_10(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    let call = recurring(agent(&site, timeout), 10);
    looked_at(&site, timeout, call, "monitor", GENERIC, &["platform", "no answer in"])
}

/// One that never comes to ask says nothing of the pico.
pub(crate) fn monitor_at_depth_10_whose_client_never_asks(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    let call = recurring(agent(&site, timeout).param("java_home", MUTE_JAVA), 10);
    looked_at(&site, timeout, call, "monitor", OK, &[])
}

/// The HA client and mzsh status hang.
pub(crate) fn monitor_at_depth_20(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    let call = recurring(agent(&site, timeout), 20);
    looked_at(&site, timeout, call, "monitor", GENERIC, &["platform", "no answer in"])
}

/// mzsh status hangs, and the HA Monitor Server says that all is well.
pub(crate) fn monitor_at_depth_20_with_a_hung_mzsh_alone(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    let call = recurring(site.agent().meta_timeout(timeout), 20);
    looked_at(&site, timeout, call, "monitor", OK, &[])
}

/// A probe runs no command.
pub(crate) fn probe(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    looked_at(&site, timeout, agent(&site, timeout), "monitor", OK, &[])
}

/// Neither does the deeper validation.
pub(crate) fn validate_all(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    looked_at(&site, timeout, agent(&site, timeout).level(10), "validate-all", OK, &[])
}

/// mzsh is asked for what only it can tell, and hangs; then the resolver is, and hangs.
pub(crate) fn validate_all_with_a_silent_resolver(timeout: Duration) -> Done {
    let site = site(Kind::Platform)
        .property("platform:mz.ha.port=26999")
        .property("platform:pico.rcp.server.host=mznode.example")
        .build()?;
    site.sh("sed -i 's/\"\\?26999\"\\?/${NOBODY_HAS_IT}/' /opt/mz/common/config/cell/default/.active/containers/main1/picos/platform.conf")?;
    site.node.dns(&[])?.hang()?;
    site.wrap_mzsh(HANG)?;
    let ran = site.agent().meta_timeout(timeout).level(10).run("validate-all")?;
    if timeout >= PROMISED {
        assert!(ran.stderr.contains("; mzsh topo get: "), "{ran}");
        assert!(ran.stderr.contains("the resolver has not answered for "), "{ran}");
    }
    must(&site, ran, timeout, ARGS, &["mz.ha.port"])?;
    nothing_started(&site, timeout)
}

/// Nor a reload.
pub(crate) fn reload_agent(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    looked_at(&site, timeout, agent(&site, timeout), "reload-agent", OK, &[])
}

/// What it is for is a person who looks for what hangs.
pub(crate) fn explain(timeout: Duration) -> Done {
    let site = hung_commands(true)?;
    let pid = site.one("platform")?.pid;
    explained(&site, timeout, pid)?;
    only(&site, &[pid])
}

fn explained(site: &Site, timeout: Duration, pid: u32) -> Done {
    let ran = agent(site, timeout).run("explain")?;
    let told = ran.stdout.contains(&format!("pid {pid} ")) && [Some(OK), Some(GENERIC)].contains(&ran.code());
    assert!(told || (timeout < PROMISED && ran.end == End::TimedOut), "{ran}");
    Ok(())
}

/// A site whose storage hangs from now on, mounts and all.
fn hung_storage(runs: bool) -> Result<(Site, Hung), Error> {
    let site = site(Kind::Platform).build()?;
    if runs {
        run_it(&site)?;
    }
    let storage = site.node.hang("/opt/mz", Held::Everything)?;
    Ok((site, storage))
}

/// What hangs in the kernel can't be ended: of the agent's only that is left, and goes when the storage is back.
fn only_what_can_not_be_ended(site: &Site, storage: Hung, pids: &[u32]) -> Done {
    let others = |site: &Site| -> Result<Vec<Process>, String> {
        let mut left = site.processes().map_err(|e| e.to_string())?;
        left.retain(|process| !pids.contains(&process.pid));
        Ok(left)
    };
    wait_until("nothing left of the agent's but in state D", SOON, || {
        let mut left = others(site)?;
        left.retain(|process| process.state != 'D');
        if left.is_empty() { Ok(()) } else { Err(in_short(&left)) }
    })?;
    storage.release();
    only(site, pids)
}

/// Where nothing can be read nothing is started.
pub(crate) fn storage_hangs_at_a_start(timeout: Duration) -> Done {
    let (site, storage) = hung_storage(false)?;
    let start = site.agent().meta_timeout(timeout).run("start")?;
    must(&site, start, timeout, GENERIC, &["platform", "/opt/mz", "storage"])?;
    only_what_can_not_be_ended(&site, storage, &[])
}

/// A live pico that ends without a last word to its storage, which no simulated one does.
fn hung_storage_of_one_that_needs_none() -> Result<(Site, Hung), Error> {
    let site = site(Kind::Platform).build()?;
    site.stand_in(site.pico(), "")?;
    site.monitor(0)?.answers(OK);
    let storage = site.node.hang("/opt/mz", Held::Everything)?;
    Ok((site, storage))
}

/// Signals need no storage. This holds for every time-out.
pub(crate) fn storage_hangs_at_a_stop_of_a_live_pico(timeout: Duration) -> Done {
    let (site, storage) = hung_storage_of_one_that_needs_none()?;
    site.agent().meta_timeout(timeout).run("stop")?.answers(OK);
    only_what_can_not_be_ended(&site, storage, &[])
}

/// The same of one that is stopped (SIGSTOP).
pub(crate) fn storage_hangs_at_a_stop_of_a_hung_pico(timeout: Duration) -> Done {
    let (site, storage) = hung_storage_of_one_that_needs_none()?;
    site.signal(site.one("platform")?.pid, "STOP")?;
    site.agent().meta_timeout(timeout).run("stop")?.answers(OK);
    only_what_can_not_be_ended(&site, storage, &[])
}

/// One that would tidy up on it is given no chance to: it gets SIGKILL, and is gone.
pub(crate) fn storage_hangs_at_a_stop_of_a_pico_that_needs_it(timeout: Duration) -> Done {
    let (site, storage) = hung_storage(true)?;
    let pid = site.one("platform")?.pid;
    let stop = site.agent().meta_timeout(timeout).run("stop")?;
    if timeout >= PROMISED || site.picos("platform")?.is_empty() {
        must(&site, stop, timeout, OK, &[])?;
    } else {
        // With so little time nobody can tell that storage hangs: it got SIGTERM, and came to wait where no signal ends it.
        must(&site, stop, timeout, GENERIC, &[&format!("pid {pid} "), "(D)"])?;
    }
    only_what_can_not_be_ended(&site, storage, &[])?;
    site.stop()?.answers(OK);
    Ok(())
}

/// A call on a live pico whose storage hangs.
fn looked_at_meanwhile(timeout: Duration, level: Option<u32>, action: &str, code: i32) -> Done {
    let (site, storage) = hung_storage(true)?;
    let pid = site.one("platform")?.pid;
    let call = site.agent().meta_timeout(timeout);
    let call = level.map_or(call.clone(), |level| recurring(call, level));
    let ran = call.run(action)?;
    must(&site, ran, timeout, code, &[])?;
    only_what_can_not_be_ended(&site, storage, &[pid])
}

/// Depth 0 does not touch it.
pub(crate) fn storage_hangs_at_a_monitor_that_waits(timeout: Duration) -> Done {
    looked_at_meanwhile(timeout, Some(0), "monitor", OK)
}

/// The HA client can't be run, which says nothing of the pico.
pub(crate) fn storage_hangs_at_a_monitor_at_depth_10(timeout: Duration) -> Done {
    looked_at_meanwhile(timeout, Some(10), "monitor", OK)
}

/// Neither can mzsh.
pub(crate) fn storage_hangs_at_a_monitor_at_depth_20(timeout: Duration) -> Done {
    looked_at_meanwhile(timeout, Some(20), "monitor", OK)
}

/// A probe does not touch it either.
pub(crate) fn storage_hangs_at_a_probe(timeout: Duration) -> Done {
    looked_at_meanwhile(timeout, None, "monitor", OK)
}

/// Its answer is that there is none.
pub(crate) fn storage_hangs_at_validate_all(timeout: Duration) -> Done {
    looked_at_meanwhile(timeout, Some(10), "validate-all", GENERIC)
}

/// The parameters in force are not on it.
pub(crate) fn storage_hangs_at_reload_agent(timeout: Duration) -> Done {
    looked_at_meanwhile(timeout, None, "reload-agent", OK)
}

/// It tells what it could see.
pub(crate) fn storage_hangs_at_explain(timeout: Duration) -> Done {
    let (site, storage) = hung_storage(true)?;
    let pid = site.one("platform")?.pid;
    explained(&site, timeout, pid)?;
    only_what_can_not_be_ended(&site, storage, &[pid])
}
