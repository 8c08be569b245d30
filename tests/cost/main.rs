//! The cost of a check: shown by strace, which sees every system call.
//!
//! Depth 0 runs every second on every node. It may read the record and one file of /proc. It may not start a
//! process, open a socket, or access anything below `mz_home`, which may be on storage that hangs.

use std::time::Duration;

use testkit::{Sandbox, TestkitError};

const TRACE_FILE: &str = "/run/testkit/trace";

/// A node with a running Platform that one recurring monitor has already seen.
fn sandbox_with_platform() -> Result<Sandbox, TestkitError> {
    let node = Sandbox::new()?;
    node.mz_sim(["install", "/opt/mz", "--owner", node.owner()])?;
    node.agent("platform").param("mz_home", "/opt/mz").run("start")?.expect_code(0)?;
    trace_monitor(&node, 0)?;
    Ok(node)
}

/// A recurring monitor that does not wait, under strace: its system calls, one a line.
fn trace_monitor(node: &Sandbox, level: u32) -> Result<String, TestkitError> {
    trace_monitor_with_wait(node, level, "0")
}

fn trace_monitor_with_wait(node: &Sandbox, level: u32, wait: &str) -> Result<String, TestkitError> {
    let call = node.agent("platform").param("mz_home", "/opt/mz").param("wait", wait);
    let call = call.interval(Duration::from_millis(100)).check_level(level);
    let (argv, environment) = call.argv_and_environment("monitor");
    let strace = node.command("strace").args(["-f", "-qq", "-o", TRACE_FILE]).args(argv);
    environment
        .into_iter()
        .fold(strace, |strace, (name, value)| strace.env(name, value))
        .run()?
        .expect_code(0)?;
    node.read(TRACE_FILE)
}

/// A line without the pid, with which each one begins with -f.
fn without_pid(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ')
}

/// Calls that depth 0 must not make. The first execve is strace's own.
fn forbidden_calls(trace: &str) -> Vec<&str> {
    let forbidden = ["execve(", "clone(", "clone3(", "fork(", "vfork(", "socket(", "connect("];
    let offends = |line: &&str| {
        line.contains("/opt/mz") || forbidden.iter().any(|name| without_pid(line).starts_with(name))
    };
    trace.lines().skip(1).filter(offends).collect()
}

#[test]
fn depth_0_spawns_nothing_opens_no_socket_and_avoids_mz_home() -> Result<(), TestkitError> {
    let trace = trace_monitor(&sandbox_with_platform()?, 0)?;
    assert!(
        trace.lines().next().is_some_and(|line| line.contains("execve(")),
        "strace saw nothing: {trace}"
    );
    assert!(forbidden_calls(&trace).is_empty(), "{:#?}", forbidden_calls(&trace));
    Ok(())
}

/// A waiting monitor sleeps in one call with one timeout: no timer, no polling.
#[test]
fn waiting_monitor_sleeps_in_one_call() -> Result<(), TestkitError> {
    let node = sandbox_with_platform()?;
    // The first monitor of the schedule entry.
    trace_monitor_with_wait(&node, 0, "500ms")?;
    let trace = trace_monitor_with_wait(&node, 0, "500ms")?;
    let is_wait = |call: &str| {
        [
            "poll(",
            "ppoll(",
            "select(",
            "pselect6(",
            "epoll_",
            "clock_nanosleep(",
            "nanosleep(",
            "timer",
            "setitimer(",
            "alarm(",
        ]
        .iter()
        .any(|name| call.starts_with(name))
    };
    // The runtime polls its first three descriptors at its start, without waiting.
    let waits: Vec<&str> = trace
        .lines()
        .map(without_pid)
        .filter(|call| is_wait(call) && !call.contains("fd=0"))
        .collect();
    let [one] = waits.as_slice() else { panic!("{waits:#?}") };
    assert!(one.contains("poll(") && one.contains("Timeout"), "{one}");
    Ok(())
}

/// Depth 10 queries the HA Monitor Server by the product's client: that the suite sees these calls shows that
/// the trace works.
#[test]
fn depth_10_makes_forbidden_calls_and_trace_shows_them() -> Result<(), TestkitError> {
    let trace = trace_monitor(&sandbox_with_platform()?, 10)?;
    let seen = forbidden_calls(&trace);
    assert!(seen.iter().any(|line| line.contains("HAClient")), "{seen:#?}");
    Ok(())
}

#[test]
fn forbidden_calls_are_distinguished_from_ordinary_ones() {
    let trace = "12 execve(\"/usr/lib/ocf/resource.d/mediationzone/platform\", [\"platform\", \"monitor\"], 0x7 /* 20 vars */) = 0\n\
        12 openat(AT_FDCWD, \"/proc/44/stat\", O_RDONLY|O_CLOEXEC) = 3\n";
    assert!(forbidden_calls(trace).is_empty());
    for bad in [
        "12 clone3({flags=CLONE_VM|CLONE_VFORK}, 88) = 13",
        "13 execve(\"/usr/bin/java\", [\"java\"], 0x7 /* 3 vars */) = 0",
        "12 socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC, 0) = 4",
        "12 statx(AT_FDCWD, \"/opt/mz/log\", 0, 0) = 0",
    ] {
        assert_eq!(forbidden_calls(&format!("{trace}{bad}\n")), [bad]);
    }
}
