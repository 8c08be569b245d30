//! Programs run as under Pacemaker, and the kit reports correctly how they ended.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use testkit::{KillAtResult, NodeExitStatus, Programs, Sandbox, TestkitError, wait_until};

fn new_sandbox() -> Result<Sandbox, TestkitError> {
    Sandbox::with_programs(&Programs::kit_only()?)
}

/// A node with an agent that is the given shell script.
fn sandbox_with_agent(script: &str) -> Result<Sandbox, TestkitError> {
    let node = new_sandbox()?;
    node.install_agent("mediationzone", "probe", &format!("#!/bin/bash\n{script}\n"))?;
    Ok(node)
}

#[test]
fn exit_codes_signals_and_output_are_returned() -> Result<(), TestkitError> {
    let node = new_sandbox()?;
    let ran = node.command("sh").args(["-c", "echo out; echo err >&2; exit 190"]).run()?;
    assert_eq!(
        (ran.exit_status, ran.stdout.as_str(), ran.stderr.as_str()),
        (NodeExitStatus::Code(190), "out\n", "err\n")
    );
    let ran = node.command("sh").args(["-c", "kill -TERM $$"]).run()?;
    assert_eq!(ran.exit_status, NodeExitStatus::Signal(15));
    let told = ran.expect_code(0).expect_err("a signal is no success").to_string();
    assert!(told.starts_with("`sh -c 'kill -TERM $$'`: killed by signal 15 after"), "{told}");
    Ok(())
}

#[test]
fn missing_program_is_distinguished_from_failing_one() -> Result<(), TestkitError> {
    let told =
        new_sandbox()?.command("/no/such/program").run().expect_err("it is not there").to_string();
    assert!(told.contains("`/no/such/program` did not run in the sandbox: executor: /no/such/program does not start: No such file"), "{told}");
    Ok(())
}

#[test]
fn timeout_kills_whole_process_group() -> Result<(), TestkitError> {
    let node = sandbox_with_agent("sleep 5000 & trap '' TERM; wait")?;
    let ran = node.agent("probe").meta_timeout(Duration::from_millis(200)).run("monitor")?;
    assert_eq!(ran.exit_status, NodeExitStatus::TimedOut, "{ran}");
    assert!(ran.wall_time >= Duration::from_millis(200), "{ran}");
    // A signal takes effect when the process is next scheduled.
    wait_until("no sleep of the group", Duration::from_secs(10), || {
        let left = node.processes().map_err(|e| e.to_string())?;
        let lives = left.iter().any(|p| p.argv.contains(&"5000".to_owned()) && p.state != 'Z');
        if lives { Err(format!("{left:?}")) } else { Ok(()) }
    })
}

#[test]
fn daemon_keeping_pipe_open_does_not_delay_caller() -> Result<(), TestkitError> {
    let node = sandbox_with_agent("setsid sleep 5000 & echo started")?;
    let ran = node.agent("probe").run("start")?;
    assert_eq!(
        (ran.exit_status, ran.stdout.as_str()),
        (NodeExitStatus::Code(0), "started\n"),
        "{ran}"
    );
    Ok(())
}

#[test]
fn kill_at_ends_program_at_given_syscall_but_not_children() -> Result<(), TestkitError> {
    let node = sandbox_with_agent("echo >/run/begun; sleep 5000 & exit 3")?;
    let agent = || node.agent("probe");
    let sleeps = |node: &Sandbox| -> Result<usize, TestkitError> {
        let all = node.processes()?;
        Ok(all.iter().filter(|p| p.argv == ["sleep", "5000"] && p.state != 'Z').count())
    };
    let KillAtResult::KilledAt { number: 1, .. } = agent().run_killed_at(1, "start")? else {
        panic!("not at the first")
    };
    assert!(node.read("/run/begun").is_err(), "it ran");
    let KillAtResult::Ended { end, calls } = agent().run_killed_at(u64::MAX, "start")? else {
        panic!("killed")
    };
    assert_eq!(end, "code 3");
    let last = agent().run_killed_at(calls, "start")?;
    assert_eq!(last, KillAtResult::KilledAt { number: calls, call: "exit_group".to_owned() });
    wait_until("both sleeps", Duration::from_secs(10), || match sleeps(&node) {
        Ok(2) => Ok(()),
        other => Err(format!("{other:?}")),
    })
}

#[test]
fn agent_gets_only_pacemaker_environment() -> Result<(), TestkitError> {
    let node = sandbox_with_agent(
        "/usr/bin/env | /usr/bin/sort; umask; pwd; ps -o pgid= -p $$ | tr -d ' '; echo $$; readlink /proc/self/fd/0",
    )?;
    let ran = node
        .agent("probe")
        .param("mz_home", "/opt/mz")
        .param("raw", OsStr::from_bytes(b"\xff"))
        .interval(Duration::from_secs(1))
        .check_level(10)
        .run("monitor")?;
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let names: Vec<&str> = lines.iter().filter_map(|l| Some(l.split_once('=')?.0)).collect();
    let expected = "HA_LOGFACILITY HA_LOGFILE HA_debug OCF_CHECK_LEVEL OCF_EXIT_REASON_PREFIX \
        OCF_RA_VERSION_MAJOR OCF_RA_VERSION_MINOR OCF_RESKEY_CRM_meta_interval OCF_RESKEY_CRM_meta_name \
        OCF_RESKEY_CRM_meta_on_node OCF_RESKEY_CRM_meta_on_node_uuid OCF_RESKEY_CRM_meta_timeout \
        OCF_RESKEY_crm_feature_set OCF_RESKEY_mz_home OCF_RESKEY_raw OCF_RESOURCE_INSTANCE \
        OCF_RESOURCE_PROVIDER OCF_RESOURCE_TYPE OCF_ROOT PATH PWD SHLVL _";
    let mut names_sorted = names.clone();
    names_sorted.sort_unstable();
    assert_eq!(names_sorted, expected.split_ascii_whitespace().collect::<Vec<_>>());
    assert!(lines.contains(&"OCF_RESKEY_CRM_meta_interval=1000"));
    assert!(lines.contains(&"OCF_RESKEY_raw=\u{fffd}"), "a value need not be UTF-8");
    let [umask, directory, group, pid, stdin] = lines[lines.len() - 5..] else { unreachable!() };
    assert_eq!((umask, directory, stdin), ("0026", "/var/lib/pacemaker/cores", "/dev/null"));
    assert_eq!(group, pid, "an agent leads its process group");
    Ok(())
}

#[test]
fn probe_has_neither_interval_nor_name() -> Result<(), TestkitError> {
    let node = sandbox_with_agent("env")?;
    let probe = node.agent("probe").run("monitor")?.stdout;
    assert!(!probe.contains("CRM_meta_interval") && !probe.contains("CRM_meta_name"), "{probe}");
    let start = node.agent("probe").run("start")?.stdout;
    assert!(
        start.contains("CRM_meta_name=start") && !start.contains("CRM_meta_interval"),
        "{start}"
    );
    Ok(())
}

#[test]
fn exit_reason_is_read_like_pacemaker_does() -> Result<(), TestkitError> {
    let node = sandbox_with_agent(
        "echo ocf-exit-reason:first >&2; echo x ocf-exit-reason:$(printf '%0200d' 7) >&2; echo more >&2; exit 1",
    )?;
    let ran = node.agent("probe").run("start")?;
    assert_eq!(ran.reason(), Some("0".repeat(128)));
    Ok(())
}
