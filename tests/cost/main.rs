//! What a check may cost: shown by strace, which sees every system call.
//!
//! Depth 0 runs every second on every node. It may read the record and one file of /proc; it may not start a process, open
//! a socket, or touch anything below `mz_home`, for that may lie on storage that hangs.

use std::time::Duration;

use testkit::{Error, Sandbox};

const TRACE: &str = "/run/testkit/trace";

/// A node with a running Platform, of which one recurring monitor has already taken notice.
fn node_with_a_platform() -> Result<Sandbox, Error> {
    let node = Sandbox::new()?;
    node.mz_sim(["install", "/opt/mz", "--owner", node.owner()])?;
    node.agent("platform").param("mz_home", "/opt/mz").run("start")?.expect(0)?;
    monitor(&node, 0)?;
    Ok(node)
}

/// A recurring monitor that does not wait, under strace: its system calls, one a line.
fn monitor(node: &Sandbox, level: u32) -> Result<String, Error> {
    traced(node, level, "0")
}

fn traced(node: &Sandbox, level: u32, wait: &str) -> Result<String, Error> {
    let call = node.agent("platform").param("mz_home", "/opt/mz").param("wait", wait);
    let call = call.interval(Duration::from_millis(100)).level(level);
    let (argv, environment) = call.spelled_out("monitor");
    let strace = node.command("strace").args(["-f", "-qq", "-o", TRACE]).args(argv);
    environment.into_iter().fold(strace, |strace, (name, value)| strace.env(name, value)).run()?.expect(0)?;
    node.read(TRACE)
}

/// A line without the number of the process, with which each one begins with -f.
fn call(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ')
}

/// The calls that depth 0 must not make. The first execve is strace's own.
fn offences(trace: &str) -> Vec<&str> {
    let forbidden = ["execve(", "clone(", "clone3(", "fork(", "vfork(", "socket(", "connect("];
    let offends =
        |line: &&str| line.contains("/opt/mz") || forbidden.iter().any(|name| call(line).starts_with(name));
    trace.lines().skip(1).filter(offends).collect()
}

#[test]
fn depth_0_starts_nothing_opens_no_socket_and_leaves_mz_home_alone() -> Result<(), Error> {
    let trace = monitor(&node_with_a_platform()?, 0)?;
    assert!(trace.lines().next().is_some_and(|line| line.contains("execve(")), "strace saw nothing: {trace}");
    assert!(offences(&trace).is_empty(), "{:#?}", offences(&trace));
    Ok(())
}

/// While it waits, it sleeps in one call with one time-out: no timer, no looking round.
#[test]
fn a_monitor_that_waits_sleeps_in_one_call() -> Result<(), Error> {
    let node = node_with_a_platform()?;
    // The first of the row.
    traced(&node, 0, "500ms")?;
    let trace = traced(&node, 0, "500ms")?;
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
    // The runtime polls its first three descriptors as it begins, without waiting.
    let waits: Vec<&str> =
        trace.lines().map(call).filter(|call| is_wait(call) && !call.contains("fd=0")).collect();
    let [one] = waits.as_slice() else { panic!("{waits:#?}") };
    assert!(one.contains("poll(") && one.contains("Timeout"), "{one}");
    Ok(())
}

/// Depth 10 asks the HA Monitor Server through the product's client: that the suite sees this shows that it can see.
#[test]
fn depth_10_does_all_that_and_is_seen_doing_it() -> Result<(), Error> {
    let trace = monitor(&node_with_a_platform()?, 10)?;
    let seen = offences(&trace);
    assert!(seen.iter().any(|line| line.contains("HAClient")), "{seen:#?}");
    Ok(())
}

#[test]
fn an_offence_is_told_from_what_every_program_does() {
    let trace = "12 execve(\"/usr/lib/ocf/resource.d/mediationzone/platform\", [\"platform\", \"monitor\"], 0x7 /* 20 vars */) = 0\n\
        12 openat(AT_FDCWD, \"/proc/44/stat\", O_RDONLY|O_CLOEXEC) = 3\n";
    assert!(offences(trace).is_empty());
    for bad in [
        "12 clone3({flags=CLONE_VM|CLONE_VFORK}, 88) = 13",
        "13 execve(\"/usr/bin/java\", [\"java\"], 0x7 /* 3 vars */) = 0",
        "12 socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC, 0) = 4",
        "12 statx(AT_FDCWD, \"/opt/mz/log\", 0, 0) = 0",
    ] {
        assert_eq!(offences(&format!("{trace}{bad}\n")), [bad]);
    }
}
