//! Programs are run as Pacemaker runs them, and the kit tells truly how they ended.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use testkit::{End, Error, Killed, Programs, Sandbox, wait_until};

fn node() -> Result<Sandbox, Error> {
    Sandbox::with(&Programs::bare()?)
}

/// A node with an agent that is the given shell script.
fn node_with_agent(script: &str) -> Result<Sandbox, Error> {
    let node = node()?;
    node.put_agent("mediationzone", "probe", &format!("#!/bin/bash\n{script}\n"))?;
    Ok(node)
}

#[test]
fn codes_signals_and_output_come_back() -> Result<(), Error> {
    let node = node()?;
    let ran = node.command("sh").args(["-c", "echo out; echo err >&2; exit 190"]).run()?;
    assert_eq!((ran.end, ran.stdout.as_str(), ran.stderr.as_str()), (End::Code(190), "out\n", "err\n"));
    let ran = node.command("sh").args(["-c", "kill -TERM $$"]).run()?;
    assert_eq!(ran.end, End::Signal(15));
    let told = ran.expect(0).expect_err("a signal is no success").to_string();
    assert!(told.starts_with("`sh -c 'kill -TERM $$'`: killed by signal 15 after"), "{told}");
    Ok(())
}

#[test]
fn a_program_that_is_not_there_is_told_apart_from_one_that_fails() -> Result<(), Error> {
    let told = node()?.command("/no/such/program").run().expect_err("it is not there").to_string();
    assert!(told.contains("`/no/such/program` did not run in the sandbox: executor: /no/such/program does not start: No such file"), "{told}");
    Ok(())
}

#[test]
fn at_the_time_out_the_whole_group_is_killed() -> Result<(), Error> {
    let node = node_with_agent("sleep 5000 & trap '' TERM; wait")?;
    let ran = node.agent("probe").meta_timeout(Duration::from_millis(200)).run("monitor")?;
    assert_eq!(ran.end, End::TimedOut, "{ran}");
    assert!(ran.wall >= Duration::from_millis(200), "{ran}");
    // A signal takes effect when the process runs next.
    wait_until("no sleep of the group", Duration::from_secs(10), || {
        let left = node.processes().map_err(|e| e.to_string())?;
        let lives = left.iter().any(|p| p.argv.contains(&"5000".to_owned()) && p.state != 'Z');
        if lives { Err(format!("{left:?}")) } else { Ok(()) }
    })
}

#[test]
fn a_daemon_that_keeps_the_pipe_holds_nobody_up() -> Result<(), Error> {
    let node = node_with_agent("setsid sleep 5000 & echo started")?;
    let ran = node.agent("probe").run("start")?;
    assert_eq!((ran.end, ran.stdout.as_str()), (End::Code(0), "started\n"), "{ran}");
    Ok(())
}

#[test]
fn a_program_is_killed_at_the_call_that_is_named_and_what_it_has_started_is_not() -> Result<(), Error> {
    let node = node_with_agent("echo >/run/begun; sleep 5000 & exit 3")?;
    let agent = || node.agent("probe");
    let sleeps = |node: &Sandbox| -> Result<usize, Error> {
        let all = node.processes()?;
        Ok(all.iter().filter(|p| p.argv == ["sleep", "5000"] && p.state != 'Z').count())
    };
    let Killed::At { number: 1, .. } = agent().killed_at(1, "start")? else { panic!("not at the first") };
    assert!(node.read("/run/begun").is_err(), "it ran");
    let Killed::Ended { end, calls } = agent().killed_at(u64::MAX, "start")? else { panic!("killed") };
    assert_eq!(end, "code 3");
    let last = agent().killed_at(calls, "start")?;
    assert_eq!(last, Killed::At { number: calls, call: "exit_group".to_owned() });
    wait_until("both sleeps", Duration::from_secs(10), || match sleeps(&node) {
        Ok(2) => Ok(()),
        other => Err(format!("{other:?}")),
    })
}

#[test]
fn an_agent_gets_pacemakers_environment_and_no_other() -> Result<(), Error> {
    let node = node_with_agent(
        "/usr/bin/env | /usr/bin/sort; umask; pwd; ps -o pgid= -p $$ | tr -d ' '; echo $$; readlink /proc/self/fd/0",
    )?;
    let ran = node
        .agent("probe")
        .param("mz_home", "/opt/mz")
        .param("raw", OsStr::from_bytes(b"\xff"))
        .interval(Duration::from_secs(1))
        .level(10)
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
fn a_probe_has_neither_interval_nor_name() -> Result<(), Error> {
    let node = node_with_agent("env")?;
    let probe = node.agent("probe").run("monitor")?.stdout;
    assert!(!probe.contains("CRM_meta_interval") && !probe.contains("CRM_meta_name"), "{probe}");
    let start = node.agent("probe").run("start")?.stdout;
    assert!(start.contains("CRM_meta_name=start") && !start.contains("CRM_meta_interval"), "{start}");
    Ok(())
}

#[test]
fn the_reason_is_read_as_pacemaker_reads_it() -> Result<(), Error> {
    let node = node_with_agent(
        "echo ocf-exit-reason:first >&2; echo x ocf-exit-reason:$(printf '%0200d' 7) >&2; echo more >&2; exit 1",
    )?;
    let ran = node.agent("probe").run("start")?;
    assert_eq!(ran.reason(), Some("0".repeat(128)));
    Ok(())
}
