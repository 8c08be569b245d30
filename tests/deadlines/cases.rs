//! The rows: what hangs, which action meets it, and what that must answer.

use std::time::Duration;

use testkit::assertions::{
    AgentAssertions, OCF_ERR_ARGS, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fixture::{AgentKind, Fixture, WAIT_TIMEOUT, describe_processes, fixture};
use testkit::{
    AgentCall, HungOperation, HungStorage, NodeCommandOutput, NodeExitStatus, NodeProcess,
    TestResult, TestkitError, wait_until,
};

/// From this timeout on, Pacemaker's default, an agent always ends by itself.
const PACEMAKER_DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// A java whose HA client connects, and then hangs.
const HUNG_JAVA: &str = "/opt/hung-java";

/// A java whose HA client hangs before it connects.
const MUTE_JAVA: &str = "/opt/mute-java";

/// Opens the connection of an HA client by its arguments: `... PORT HOST SECONDS`.
const OPEN_HA_CONNECTION: &str = "exec 3<>\"/dev/tcp/${@: -2:1}/${@: -3:1}\"";

/// Hangs forever, and ignores each signal that can be ignored.
const HANG_SCRIPT: &str = "trap '' HUP INT QUIT TERM\nwhile :; do sleep 1000000; done";

/// An endpoint without a host: packets to it are lost.
const SILENT_ENDPOINT: &str = "192.0.2.1:1521";

/// Makes a test of each case, for one timeout.
macro_rules! deadline_tests {
    ($module:ident, $seconds:literal) => {
        mod $module {
            crate::cases::deadline_tests! { $seconds:
                start_with_hung_mzsh
                start_over_unanswering_pico
                start_with_hung_post_start
                start_waiting_for_silent_port
                stop_of_live_pico_with_hung_mzsh
                stop_of_sigstopped_pico_with_hung_mzsh
                waiting_monitor_with_hung_commands
                monitor_depth_10_with_hung_ha_client
                monitor_depth_10_with_mute_ha_client
                monitor_depth_20_with_hung_commands
                monitor_depth_20_with_hung_mzsh_only
                probe_with_hung_commands
                validate_all_with_hung_commands
                validate_all_with_silent_resolver
                reload_agent_with_hung_commands
                explain_with_hung_commands
                start_on_hung_storage
                stop_of_live_pico_on_hung_storage
                stop_of_sigstopped_pico_on_hung_storage
                stop_of_pico_writing_to_hung_storage
                waiting_monitor_on_hung_storage
                monitor_depth_10_on_hung_storage
                monitor_depth_20_on_hung_storage
                probe_on_hung_storage
                validate_all_on_hung_storage
                reload_agent_on_hung_storage
                explain_on_hung_storage
            }
        }
    };
    ($seconds:literal: $($case:ident)*) => {
        $(#[test] fn $case() -> testkit::TestResult { crate::cases::$case(std::time::Duration::from_secs($seconds)) })*
    };
}
pub(crate) use deadline_tests;

/// A fixture with or without a running pico. From now on every mzsh hangs, and every HA client of
/// [`agent_with_hung_ha_client`].
fn fixture_with_hung_commands(runs: bool) -> Result<Fixture, TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    if runs {
        start_and_monitor(&fixture)?;
    }
    fixture.wrap_mzsh(HANG_SCRIPT)?;
    install_hanging_program(&fixture, &format!("{HUNG_JAVA}/bin/java"), OPEN_HA_CONNECTION)?;
    install_hanging_program(&fixture, &format!("{MUTE_JAVA}/bin/java"), "")?;
    Ok(fixture)
}

/// Starts it and runs one monitor, so that the next one may wait, and the HA Monitor Server was seen.
fn start_and_monitor(fixture: &Fixture) -> TestResult {
    fixture.start()?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS);
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS);
    Ok(())
}

/// A program that does this first, and then hangs.
fn install_hanging_program(fixture: &Fixture, path: &str, first: &str) -> TestResult {
    fixture.node.write(path, format!("#!/bin/bash\n{first}\n{HANG_SCRIPT}\n"))?;
    fixture.sh(&format!("chmod 755 {path}")).map(drop)
}

/// The agent, with a hung java for the HA client.
fn agent_with_hung_ha_client(fixture: &Fixture, timeout: Duration) -> AgentCall<'_> {
    fixture.agent().param("java_home", HUNG_JAVA).meta_timeout(timeout)
}

fn as_recurring_monitor(call: AgentCall<'_>, level: u32) -> AgentCall<'_> {
    call.interval(Duration::from_secs(1)).check_level(level)
}

/// Compares an answer with the right one. With too short a timeout another answer, or none at all, is allowed
/// if it claims nothing wrong.
#[track_caller]
fn assert_answer(
    fixture: &Fixture,
    ran: NodeCommandOutput,
    timeout: Duration,
    code: i32,
    words: &[&str],
) -> TestResult {
    if timeout >= PACEMAKER_DEFAULT_TIMEOUT {
        ran.assert_exit_code(code).assert_reason(words);
        return Ok(());
    }
    let lives = !fixture.pico_processes("platform")?.is_empty();
    match ran.exit_status {
        NodeExitStatus::TimedOut => {}
        NodeExitStatus::Code(other) if other == code => {}
        NodeExitStatus::Code(OCF_SUCCESS) if lives => {}
        NodeExitStatus::Code(OCF_NOT_RUNNING) if !lives => {}
        NodeExitStatus::Code(OCF_ERR_GENERIC) => drop(ran.assert_exit_code(OCF_ERR_GENERIC)),
        _ => panic!("not {code}, and not true: {ran}"),
    }
    Ok(())
}

/// Waits until only these processes live: a killed one takes some time to exit.
fn wait_until_only(fixture: &Fixture, pids: &[u32]) -> TestResult {
    wait_until("nothing left of the agent's", WAIT_TIMEOUT, || {
        let mut left = fixture.processes().map_err(|e| e.to_string())?;
        left.retain(|process| !pids.contains(&process.pid));
        if left.is_empty() { Ok(()) } else { Err(describe_processes(&left)) }
    })
}

/// After a failed start no process is left; if the start was killed at too short a timeout, a stop ends them.
fn assert_nothing_started(fixture: &Fixture, timeout: Duration) -> TestResult {
    if timeout < PACEMAKER_DEFAULT_TIMEOUT {
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    }
    wait_until_only(fixture, &[])
}

pub(crate) fn start_with_hung_mzsh(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(false)?;
    assert_answer(
        &fixture,
        agent_with_hung_ha_client(&fixture, timeout).run("start")?,
        timeout,
        OCF_ERR_GENERIC,
        &["platform", "mzsh startup", " s"],
    )?;
    assert_nothing_started(&fixture, timeout)
}

/// The pico runs, its HA client hangs, and so does the mzsh that would restart it.
pub(crate) fn start_over_unanswering_pico(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    assert_answer(
        &fixture,
        agent_with_hung_ha_client(&fixture, timeout).run("start")?,
        timeout,
        OCF_ERR_GENERIC,
        &["platform"],
    )?;
    assert_nothing_started(&fixture, timeout)
}

/// The hung program of the administrator is no failure.
pub(crate) fn start_with_hung_post_start(timeout: Duration) -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    install_hanging_program(&fixture, "/opt/hook", "")?;
    let call = fixture.agent().meta_timeout(timeout).param("post_start", "/opt/hook");
    let start = call.run("start")?;
    let up = start.code() == Some(OCF_SUCCESS);
    assert_answer(&fixture, start, timeout, OCF_SUCCESS, &[])?;
    if up {
        wait_until_only(&fixture, &[fixture.single_pico("platform")?.pid])
    } else {
        assert_nothing_started(&fixture, timeout)
    }
}

/// The endpoint does not even refuse connections.
pub(crate) fn start_waiting_for_silent_port(timeout: Duration) -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh("ip route add 192.0.2.0/24 dev lo")?;
    let call = fixture.agent().meta_timeout(timeout).param("wait_for", SILENT_ENDPOINT);
    assert_answer(
        &fixture,
        call.run("start")?,
        timeout,
        OCF_ERR_GENERIC,
        &["platform", SILENT_ENDPOINT, "has not answered"],
    )?;
    assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was not even asked");
    wait_until_only(&fixture, &[])
}

/// The process is ended although mzsh shutdown hangs, with every timeout.
pub(crate) fn stop_of_live_pico_with_hung_mzsh(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    agent_with_hung_ha_client(&fixture, timeout).run("stop")?.assert_exit_code(OCF_SUCCESS);
    wait_until_only(&fixture, &[])
}

/// The same for a stopped pico (SIGSTOP).
pub(crate) fn stop_of_sigstopped_pico_with_hung_mzsh(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    fixture.signal(fixture.single_pico("platform")?.pid, "STOP")?;
    agent_with_hung_ha_client(&fixture, timeout).run("stop")?.assert_exit_code(OCF_SUCCESS);
    wait_until_only(&fixture, &[])
}

/// A call on a live pico, which is not touched.
fn assert_pico_untouched<'a>(
    fixture: &'a Fixture,
    timeout: Duration,
    call: AgentCall<'a>,
    action: &str,
    code: i32,
    words: &[&str],
) -> TestResult {
    let pid = fixture.single_pico("platform")?.pid;
    let ran = call.run(action)?;
    let killed = ran.exit_status == NodeExitStatus::TimedOut;
    assert_answer(fixture, ran, timeout, code, words)?;
    // A killed agent takes its children with it, but not their descendants.
    if killed { Ok(()) } else { wait_until_only(fixture, &[pid]) }
}

/// Depth 0 queries nothing, and waits for a death that does not come.
pub(crate) fn waiting_monitor_with_hung_commands(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    assert_pico_untouched(
        &fixture,
        timeout,
        as_recurring_monitor(agent_with_hung_ha_client(&fixture, timeout), 0),
        "monitor",
        OCF_SUCCESS,
        &[],
    )
}

/// The HA client connects, and gets no answer.
pub(crate) fn monitor_depth_10_with_hung_ha_client(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    let call = as_recurring_monitor(agent_with_hung_ha_client(&fixture, timeout), 10);
    assert_pico_untouched(
        &fixture,
        timeout,
        call,
        "monitor",
        OCF_ERR_GENERIC,
        &["platform", "no answer in"],
    )
}

/// An HA client that never connects says nothing about the pico.
pub(crate) fn monitor_depth_10_with_mute_ha_client(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    let call = as_recurring_monitor(
        agent_with_hung_ha_client(&fixture, timeout).param("java_home", MUTE_JAVA),
        10,
    );
    assert_pico_untouched(&fixture, timeout, call, "monitor", OCF_SUCCESS, &[])
}

pub(crate) fn monitor_depth_20_with_hung_commands(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    let call = as_recurring_monitor(agent_with_hung_ha_client(&fixture, timeout), 20);
    assert_pico_untouched(
        &fixture,
        timeout,
        call,
        "monitor",
        OCF_ERR_GENERIC,
        &["platform", "no answer in"],
    )
}

/// mzsh status hangs, and the HA Monitor Server answers OK.
pub(crate) fn monitor_depth_20_with_hung_mzsh_only(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    let call = as_recurring_monitor(fixture.agent().meta_timeout(timeout), 20);
    assert_pico_untouched(&fixture, timeout, call, "monitor", OCF_SUCCESS, &[])
}

/// A probe runs no command.
pub(crate) fn probe_with_hung_commands(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    assert_pico_untouched(
        &fixture,
        timeout,
        agent_with_hung_ha_client(&fixture, timeout),
        "monitor",
        OCF_SUCCESS,
        &[],
    )
}

/// Validation runs no command.
pub(crate) fn validate_all_with_hung_commands(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    assert_pico_untouched(
        &fixture,
        timeout,
        agent_with_hung_ha_client(&fixture, timeout).check_level(10),
        "validate-all",
        OCF_SUCCESS,
        &[],
    )
}

/// mzsh is queried for values that only it knows, and hangs; then the resolver is queried, and hangs.
pub(crate) fn validate_all_with_silent_resolver(timeout: Duration) -> TestResult {
    let fixture = fixture(AgentKind::Platform)
        .property("platform:mz.ha.port=26999")
        .property("platform:pico.rcp.server.host=mznode.example")
        .build()?;
    fixture.sh("sed -i 's/\"\\?26999\"\\?/${NOBODY_HAS_IT}/' /opt/mz/common/config/cell/default/.active/containers/main1/picos/platform.conf")?;
    fixture.node.use_name_server(&[])?.hang()?;
    // By default the resolver gives up after 10 s, as the agent does: either could be first.
    fixture.sh("echo 'options timeout:30' >>/etc/resolv.conf")?;
    fixture.wrap_mzsh(HANG_SCRIPT)?;
    let ran = fixture.agent().meta_timeout(timeout).check_level(10).run("validate-all")?;
    if timeout >= PACEMAKER_DEFAULT_TIMEOUT {
        assert!(ran.stderr.contains("; mzsh topo get: "), "{ran}");
        assert!(ran.stderr.contains("the resolver has not answered for "), "{ran}");
    }
    assert_answer(&fixture, ran, timeout, OCF_ERR_ARGS, &["mz.ha.port"])?;
    assert_nothing_started(&fixture, timeout)
}

/// A reload runs no command.
pub(crate) fn reload_agent_with_hung_commands(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    assert_pico_untouched(
        &fixture,
        timeout,
        agent_with_hung_ha_client(&fixture, timeout),
        "reload-agent",
        OCF_SUCCESS,
        &[],
    )
}

/// Explain is for a person who looks for the hung part.
pub(crate) fn explain_with_hung_commands(timeout: Duration) -> TestResult {
    let fixture = fixture_with_hung_commands(true)?;
    let pid = fixture.single_pico("platform")?.pid;
    check_explain(&fixture, timeout, pid)?;
    wait_until_only(&fixture, &[pid])
}

fn check_explain(fixture: &Fixture, timeout: Duration, pid: u32) -> TestResult {
    let ran = agent_with_hung_ha_client(fixture, timeout).run("explain")?;
    let told = ran.stdout.contains(&format!("pid {pid} "))
        && [Some(OCF_SUCCESS), Some(OCF_ERR_GENERIC)].contains(&ran.code());
    assert!(
        told || (timeout < PACEMAKER_DEFAULT_TIMEOUT
            && ran.exit_status == NodeExitStatus::TimedOut),
        "{ran}"
    );
    Ok(())
}

/// A fixture whose storage hangs from now on, including its mounts.
fn fixture_with_hung_storage(runs: bool) -> Result<(Fixture, HungStorage), TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    if runs {
        start_and_monitor(&fixture)?;
    }
    let storage = fixture.node.hang_storage("/opt/mz", HungOperation::Everything)?;
    Ok((fixture, storage))
}

/// Processes that hang in the kernel cannot be ended: only they are left of the agent's, and they exit when
/// the storage is back.
fn wait_until_only_state_d(fixture: &Fixture, storage: HungStorage, pids: &[u32]) -> TestResult {
    let others = |fixture: &Fixture| -> Result<Vec<NodeProcess>, String> {
        let mut left = fixture.processes().map_err(|e| e.to_string())?;
        left.retain(|process| !pids.contains(&process.pid));
        Ok(left)
    };
    wait_until("nothing left of the agent's but in state D", WAIT_TIMEOUT, || {
        let mut left = others(fixture)?;
        left.retain(|process| process.state != 'D');
        if left.is_empty() { Ok(()) } else { Err(describe_processes(&left)) }
    })?;
    storage.release();
    wait_until_only(fixture, pids)
}

/// Where nothing can be read nothing is started.
pub(crate) fn start_on_hung_storage(timeout: Duration) -> TestResult {
    let (fixture, storage) = fixture_with_hung_storage(false)?;
    let start = fixture.agent().meta_timeout(timeout).run("start")?;
    assert_answer(&fixture, start, timeout, OCF_ERR_GENERIC, &["platform", "/opt/mz", "storage"])?;
    wait_until_only_state_d(&fixture, storage, &[])
}

/// A live pico that does not write to its storage at its end; every simulated one does.
fn fake_pico_on_hung_storage() -> Result<(Fixture, HungStorage), TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start_fake_pico(fixture.pico(), "")?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS);
    let storage = fixture.node.hang_storage("/opt/mz", HungOperation::Everything)?;
    Ok((fixture, storage))
}

/// Signals need no storage, with every timeout.
pub(crate) fn stop_of_live_pico_on_hung_storage(timeout: Duration) -> TestResult {
    let (fixture, storage) = fake_pico_on_hung_storage()?;
    fixture.agent().meta_timeout(timeout).run("stop")?.assert_exit_code(OCF_SUCCESS);
    wait_until_only_state_d(&fixture, storage, &[])
}

/// The same for a stopped pico (SIGSTOP).
pub(crate) fn stop_of_sigstopped_pico_on_hung_storage(timeout: Duration) -> TestResult {
    let (fixture, storage) = fake_pico_on_hung_storage()?;
    fixture.signal(fixture.single_pico("platform")?.pid, "STOP")?;
    fixture.agent().meta_timeout(timeout).run("stop")?.assert_exit_code(OCF_SUCCESS);
    wait_until_only_state_d(&fixture, storage, &[])
}

/// A pico that would write to the storage at its end gets no chance: SIGKILL ends it.
pub(crate) fn stop_of_pico_writing_to_hung_storage(timeout: Duration) -> TestResult {
    let (fixture, storage) = fixture_with_hung_storage(true)?;
    let pid = fixture.single_pico("platform")?.pid;
    let stop = fixture.agent().meta_timeout(timeout).run("stop")?;
    if timeout >= PACEMAKER_DEFAULT_TIMEOUT || fixture.pico_processes("platform")?.is_empty() {
        assert_answer(&fixture, stop, timeout, OCF_SUCCESS, &[])?;
    } else {
        // So short a timeout does not show that storage hangs: the pico got SIGTERM, and now waits where no
        // signal ends it.
        assert_answer(&fixture, stop, timeout, OCF_ERR_GENERIC, &[&format!("pid {pid} "), "(D)"])?;
    }
    wait_until_only_state_d(&fixture, storage, &[])?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    Ok(())
}

/// A call on a live pico whose storage hangs.
fn assert_pico_untouched_on_hung_storage(
    timeout: Duration,
    level: Option<u32>,
    action: &str,
    code: i32,
) -> TestResult {
    let (fixture, storage) = fixture_with_hung_storage(true)?;
    let pid = fixture.single_pico("platform")?.pid;
    let call = fixture.agent().meta_timeout(timeout);
    let call = level.map_or(call.clone(), |level| as_recurring_monitor(call, level));
    let ran = call.run(action)?;
    assert_answer(&fixture, ran, timeout, code, &[])?;
    wait_until_only_state_d(&fixture, storage, &[pid])
}

/// Depth 0 does not access the storage.
pub(crate) fn waiting_monitor_on_hung_storage(timeout: Duration) -> TestResult {
    assert_pico_untouched_on_hung_storage(timeout, Some(0), "monitor", OCF_SUCCESS)
}

/// The HA client cannot be run, which says nothing about the pico.
pub(crate) fn monitor_depth_10_on_hung_storage(timeout: Duration) -> TestResult {
    assert_pico_untouched_on_hung_storage(timeout, Some(10), "monitor", OCF_SUCCESS)
}

/// mzsh cannot be run either.
pub(crate) fn monitor_depth_20_on_hung_storage(timeout: Duration) -> TestResult {
    assert_pico_untouched_on_hung_storage(timeout, Some(20), "monitor", OCF_SUCCESS)
}

/// A probe does not access the storage.
pub(crate) fn probe_on_hung_storage(timeout: Duration) -> TestResult {
    assert_pico_untouched_on_hung_storage(timeout, None, "monitor", OCF_SUCCESS)
}

/// Validation answers that the storage does not answer.
pub(crate) fn validate_all_on_hung_storage(timeout: Duration) -> TestResult {
    assert_pico_untouched_on_hung_storage(timeout, Some(10), "validate-all", OCF_ERR_GENERIC)
}

/// The parameters in force are not on the storage.
pub(crate) fn reload_agent_on_hung_storage(timeout: Duration) -> TestResult {
    assert_pico_untouched_on_hung_storage(timeout, None, "reload-agent", OCF_SUCCESS)
}

/// Explain reports what it could see.
pub(crate) fn explain_on_hung_storage(timeout: Duration) -> TestResult {
    let (fixture, storage) = fixture_with_hung_storage(true)?;
    let pid = fixture.single_pico("platform")?.pid;
    check_explain(&fixture, timeout, pid)?;
    wait_until_only_state_d(&fixture, storage, &[pid])
}
