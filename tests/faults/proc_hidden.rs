//! A /proc that does not show the node's processes: an agent that sees no process there does not know that
//! nothing runs.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::{FAKE_JAVA, FakeProcess};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{AgentCall, TestResult, TestkitError};

use crate::process_cases::{CONFIGNAME_OPTION, HOME_OPTION, PICO_MAIN_CLASS};

/// Shell commands that run in the agent's own mount namespace before the agent is executed.
const HIDDEN_PROC_CASES: [(&str, &str); 8] = [
    ("not mounted", "while umount -l /proc 2>/dev/null; do :; done; exec \"$@\""),
    ("an empty file system", "mount -t tmpfs tmpfs /proc; exec \"$@\""),
    // A caller in the group of the option sees all processes; gid=0, the default, is root's group.
    (
        "hidepid=2, without CAP_SYS_PTRACE",
        "mount -t proc -o hidepid=2,gid=4713 proc /proc; exec setpriv --bounding-set -sys_ptrace \"$@\"",
    ),
    (
        "hidepid=ptraceable, without CAP_SYS_PTRACE",
        "mount -t proc -o hidepid=ptraceable proc /proc; exec setpriv --bounding-set -sys_ptrace \"$@\"",
    ),
    // This way of hiding exempts no group.
    (
        "hidepid=ptraceable with a group, without CAP_SYS_PTRACE",
        "mount -t proc -o hidepid=ptraceable,gid=4713 proc /proc;
        exec setpriv --groups 4713 --bounding-set -sys_ptrace \"$@\"",
    ),
    ("the /proc of the namespace around the agent's", "exec unshare --pid --fork --kill-child \"$@\""),
    (
        "the /proc of a namespace below the agent's",
        "unshare --pid --fork --kill-child sh -c 'mount -t proc proc /proc; exec sleep 1000001' >/dev/null 2>&1 &
        until [ \"$(cat /proc/1/comm)\" = sleep ]; do :; done; exec \"$@\"",
    ),
    (
        "the /proc of a namespace that has ended",
        "unshare --pid --fork mount -t proc proc /proc; exec \"$@\"",
    ),
];

/// The agent behind such a preparation.
fn with_prepared_proc<'a>(call: AgentCall<'a>, first: &str) -> AgentCall<'a> {
    call.wrap_with(["unshare", "--mount", "--propagation", "private", "sh", "-c", first, "sh"])
}

/// Collects wrong answers: each action has to answer 1 and say that it could not see the processes.
fn answers_other_than_1(
    fixture: &Fixture,
    what: &str,
    first: &str,
) -> Result<Vec<String>, TestkitError> {
    let calls = [
        ("probe", fixture.agent(), "monitor"),
        ("depth 0", as_recurring_monitor(fixture.agent(), 0), "monitor"),
        ("depth 10", as_recurring_monitor(fixture.agent(), 10), "monitor"),
        ("stop", fixture.agent().meta_timeout(Duration::from_secs(4)), "stop"),
    ];
    let mut wrong = Vec::new();
    for (name, call, action) in calls {
        let ran = with_prepared_proc(call, first).run(action)?;
        let said = ran.reason().unwrap_or_default();
        if ran.code() != Some(OCF_ERR_GENERIC) || !said.contains("/proc") {
            wrong.push(format!("{what}: {name}: {}, not 1: {said}", ran.exit_status));
        }
    }
    Ok(wrong)
}

/// With a /proc that is not mounted, hides the processes, or belongs to another PID namespace, no probe and
/// no monitor answers "not running", and no stop "stopped". Whether the pico lives or not, each answers 1,
/// and the reason says what is wrong with /proc.
#[test]
fn hidden_proc_makes_probe_monitor_and_stop_answer_1() -> TestResult {
    let mut wrong = Vec::new();
    for (what, first) in HIDDEN_PROC_CASES {
        let fixture = fixture(AgentKind::Platform).build()?;
        if fixture.node.owner() == "root" {
            return Ok(());
        }
        wrong.append(&mut answers_other_than_1(&fixture, &format!("{what}, nothing runs"), first)?);
        for recorded in [true, false] {
            let jvm = fixture.start_by_mzsh()?;
            if recorded {
                fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            }
            let what = format!("{what}, a JVM that a record names: {recorded}");
            wrong.append(&mut answers_other_than_1(&fixture, &what, first)?);
            fixture.stop()?.assert_exit_code(OCF_SUCCESS);
            assert!(!fixture.is_alive(&jvm)?, "{what}");
            fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

/// A /proc that hides processes from others (`hidepid`) hides nothing from an agent that has the right to see
/// them.
#[test]
fn hidepid_hides_nothing_from_privileged_agent() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for option in ["hidepid=2,gid=4713", "hidepid=ptraceable"] {
        let first = format!("mount -t proc -o {option} proc /proc; exec \"$@\"");
        let call = || with_prepared_proc(fixture.agent(), &first);
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        call().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        with_prepared_proc(as_recurring_monitor(fixture.agent(), 10), &first)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A group that `hidepid` exempts shows everything to an agent in it, even without `CAP_SYS_PTRACE`.
#[test]
fn hidepid_hides_nothing_from_agent_in_exempt_group() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let first = "mount -t proc -o hidepid=invisible,gid=4713 proc /proc;
        exec setpriv --groups 4713 --bounding-set -sys_ptrace \"$@\"";
    with_prepared_proc(fixture.agent(), first).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.start()?;
    fixture.sh(&format!("rm {}", fixture.record_path()))?;
    with_prepared_proc(fixture.agent(), first)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    with_prepared_proc(fixture.agent(), first).run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// The maximum number of groups: in /proc/PID/status they stand before the line of the PID namespaces.
const EXEC_WITH_MAX_GROUPS: &str = "import os,sys
os.setgroups(range(4294967294-65536,4294967294))
os.execve(sys.argv[1],sys.argv[2:],{'IMITATE':'\\n'})
";

/// The same pico in a container is still not ours with the maximum number of groups: probe and monitor answer
/// "not running". A stop leaves it alone.
#[test]
fn containerized_pico_with_maximum_groups_is_ignored() -> TestResult {
    for home in [HOME_OPTION, "-Dx=y"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        // Installs the program of the imitations.
        let warm = FakeProcess::for_java(&["java"]).start(&fixture)?;
        fixture.signal(warm.pid, "KILL")?;
        fixture.node.write("/opt/groups.py", EXEC_WITH_MAX_GROUPS)?;
        let inside = format!(
            "python3 /opt/groups.py {FAKE_JAVA} java {home} {CONFIGNAME_OPTION} {PICO_MAIN_CLASS} platform"
        );
        fixture.sh(&format!(
            "setsid unshare --pid --fork --kill-child {inside} </dev/null >/dev/null 2>/opt/said &"
        ))?;
        let theirs = fixture.wait_for_process(&[
            "java",
            home,
            CONFIGNAME_OPTION,
            PICO_MAIN_CLASS,
            "platform",
        ])?;
        let bytes = fixture.sh(&format!("wc -c </proc/{}/status", theirs.pid))?;
        assert!(bytes.trim().parse::<u32>().is_ok_and(|number| number > 700_000), "{bytes}");
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(10)?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(fixture.is_alive(&theirs)?, "{home}");
    }
    Ok(())
}

/// A socket, mounted over a file of /proc, makes that file impossible to open.
const SOCKET_PATH: &str = "/opt/socket";

/// If one file of /proc cannot be read, no action answers "not running". Each names that file and the
/// system's error.
#[test]
fn unreadable_proc_file_is_named() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let _socket =
        UnixListener::bind(fixture.node.host_path(SOCKET_PATH)).expect("a path for a socket");
    let mut wrong = Vec::new();
    // The shell executes the agent in its own process.
    check_unreadable_file(&fixture, "/proc/self/mountinfo", "/proc/$$/mountinfo", &mut wrong)?;
    // Only its environment identifies its installation.
    let jvm = FakeProcess::for_java(&["java", CONFIGNAME_OPTION, PICO_MAIN_CLASS, "platform"])
        .env("MZ_HOME", "/opt/mz")
        .start(&fixture)?;
    for file in ["stat", "status", "cmdline", "environ"] {
        let file = format!("/proc/{}/{file}", jvm.pid);
        check_unreadable_file(&fixture, &file, &file, &mut wrong)?;
        assert!(fixture.is_alive(&jvm)?, "{file}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Mounts the socket over the file for each agent and collects wrong answers.
fn check_unreadable_file(
    fixture: &Fixture,
    file: &str,
    over: &str,
    wrong: &mut Vec<String>,
) -> TestResult {
    let first = format!("mount --bind {SOCKET_PATH} {over}; exec \"$@\"");
    for action in ["monitor", "stop"] {
        let ran = with_prepared_proc(fixture.agent().meta_timeout(Duration::from_secs(6)), &first)
            .run(action)?;
        let said = ran.reason().unwrap_or_default();
        if ran.code() != Some(OCF_ERR_GENERIC) || !said.contains(&format!("{file}: No such device"))
        {
            wrong.push(format!("{file}: {ran}"));
        }
    }
    Ok(())
}
