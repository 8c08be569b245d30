//! An agent that is root without `CAP_SYS_PTRACE`, as in a container or under a hardened service. It cannot
//! read the links, the environment and the descriptors below `/proc/PID` of the installation's user.

use testkit::assertions::{AgentAssertions, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, MZADMIN_UID, as_recurring_monitor, fixture};
use testkit::{AgentCall, NodeProcess, TestResult, TestkitError};

use crate::process_cases::{CONFIGNAME_OPTION, FOREIGN_UID, HOME_OPTION, PICO_MAIN_CLASS};

/// Run by a root without this capability; no program can regain it.
fn agent_without_sys_ptrace(fixture: &Fixture) -> AgentCall<'_> {
    fixture.agent().wrap_with(["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"])
}

/// Without `CAP_SYS_PTRACE` a live pico is healthy for a probe and for monitors of each depth, with and
/// without its record. A start adopts it and a stop ends it in an orderly shutdown.
#[test]
fn healthy_pico_without_sys_ptrace_is_monitored_adopted_and_stopped() -> TestResult {
    for (kind, real) in [(AgentKind::Platform, true), (AgentKind::Ec, false)] {
        let fixture = fixture(kind).real_jvm(real).build()?;
        for by_hand in [false, true] {
            let jvm = if by_hand { fixture.start_by_mzsh()? } else { fixture.start()? };
            agent_without_sys_ptrace(&fixture)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
            for level in [0, 10, 20] {
                as_recurring_monitor(agent_without_sys_ptrace(&fixture), level)
                    .run("monitor")?
                    .assert_exit_code(OCF_SUCCESS)
                    .assert_no_output();
            }
            fixture.sh(&format!("rm {}", fixture.record_path()))?;
            agent_without_sys_ptrace(&fixture)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
            fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
            agent_without_sys_ptrace(&fixture).run("start")?.assert_exit_code(OCF_SUCCESS);
            assert_eq!(fixture.single_pico(fixture.pico())?.pid, jvm.pid, "it was adopted");
            agent_without_sys_ptrace(&fixture).run("stop")?.assert_exit_code(OCF_SUCCESS);
            assert_eq!(fixture.last_end_reason(fixture.pico())?.as_deref(), Some("shutdown"));
            fixture.assert_nothing_left()?;
        }
    }
    Ok(())
}

/// Without `CAP_SYS_PTRACE` an absent pico is reported as not running, beside other processes of the
/// installation's user. A start brings the pico up, and its death is detected.
#[test]
fn absent_pico_without_sys_ptrace_is_not_running_and_can_be_started() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    fixture
        .as_owner("sh")
        .args(["-c", "sleep 1000001 >/dev/null 2>&1 &"])
        .run()?
        .expect_code(OCF_SUCCESS)?;
    let other = fixture.wait_for_process(&["sleep", "1000001"])?;
    agent_without_sys_ptrace(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    agent_without_sys_ptrace(&fixture)
        .run("stop")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    agent_without_sys_ptrace(&fixture).run("start")?.assert_exit_code(OCF_SUCCESS);
    let jvm = fixture.single_pico("ec1")?;
    as_recurring_monitor(agent_without_sys_ptrace(&fixture), 10)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    fixture.signal(jvm.pid, "KILL")?;
    as_recurring_monitor(agent_without_sys_ptrace(&fixture), 0)
        .run("monitor")?
        .assert_exit_code(OCF_NOT_RUNNING)
        .assert_reason(&[&format!("pid {} ", jvm.pid)]);
    agent_without_sys_ptrace(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    agent_without_sys_ptrace(&fixture).run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(fixture.is_alive(&other)?);
    Ok(())
}

/// Without `CAP_SYS_PTRACE` the same pico in a container is still not ours: probe and monitor answer "not
/// running", and a stop leaves it alone.
#[test]
fn containerized_pico_without_sys_ptrace_is_ignored() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let user = if fixture.node.owner() == "root" {
        ""
    } else {
        "setpriv --reuid 4711 --regid 4711 --clear-groups"
    };
    let inside = format!("{user} /opt/mz/bin/mzsh startup platform; exec sleep 1000001");
    let container = "unshare --pid --fork --kill-child --mount --mount-proc";
    fixture.sh(&format!("setsid {container} sh -c '{inside}' </dev/null >/dev/null 2>&1 &"))?;
    fixture.wait_for_process(&["sleep", "1000001"])?;
    let theirs = fixture.single_pico("platform")?;
    agent_without_sys_ptrace(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    as_recurring_monitor(agent_without_sys_ptrace(&fixture), 10)
        .run("monitor")?
        .assert_exit_code(OCF_NOT_RUNNING);
    agent_without_sys_ptrace(&fixture).run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(fixture.is_alive(&theirs)?);
    Ok(())
}

/// Without `CAP_SYS_PTRACE` the link to a process's executable cannot be read. The kernel's name for the
/// process identifies it as java, whatever its argv[0].
#[test]
fn java_with_other_argv0_without_sys_ptrace_is_the_pico() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let argv = [
        "mediationzone",
        "-Dmz.home=/opt/mz",
        "-Dpico.configname=platform",
        "PicoStart",
        "platform",
    ];
    let pico = FakeProcess::for_java(&argv).start(&fixture)?;
    let call = || {
        fixture.agent().wrap_with([
            "setpriv",
            "--bounding-set=-sys_ptrace",
            "--inh-caps=-sys_ptrace",
        ])
    };
    call().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&pico)?);
    Ok(())
}

/// Copies a program to a path longer than a page, which no system call accepts at once, and executes it
/// there.
const EXEC_AT_LONG_PATH: &str = "import os,shutil,sys
os.chdir('/opt/deep')
for name in ['d'*200]*25:
    os.mkdir(name)
    os.chdir(name)
shutil.copy('/run/testkit/bin/imitator','java')
os.execve('./java',sys.argv[1:],{'IMITATE':'\\n'})
";

/// A live java of this user with the Platform's command line, for whose executable the kernel reports no
/// path, not even to root.
fn start_java_at_unreadable_path(
    fixture: &Fixture,
    user: u32,
) -> Result<NodeProcess, TestkitError> {
    fixture.sh("mkdir -m 777 /opt/deep")?;
    fixture.node.write("/opt/deep.py", EXEC_AT_LONG_PATH)?;
    let user = format!("setpriv --reuid {user} --regid {user} --clear-groups");
    let argv = format!("java {HOME_OPTION} {CONFIGNAME_OPTION} {PICO_MAIN_CLASS} platform");
    fixture.sh(&format!(
        "setsid {user} python3 /opt/deep.py {argv} </dev/null >/dev/null 2>/opt/said &"
    ))?;
    let java = fixture.wait_for_process(&[
        "java",
        HOME_OPTION,
        CONFIGNAME_OPTION,
        PICO_MAIN_CLASS,
        "platform",
    ])?;
    let link = format!("readlink /proc/{}/exe", java.pid);
    assert!(fixture.sh(&link).is_err(), "its path can be read");
    Ok(java)
}

/// Another user's java, at a path too long for the kernel to report, is not ours and is named by explain. It
/// fails no scan, with readable or unreadable parameters.
#[test]
fn foreign_java_at_unreadable_path_fails_no_scan() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let theirs = start_java_at_unreadable_path(&fixture, FOREIGN_UID)?;
    let start = || fixture.agent().run("start").map(|ran| ran.assert_exit_code(OCF_SUCCESS));
    let unreadable = || fixture.agent().param("pico_name", "plat form");
    // From here on the owner of the installation is remembered.
    start()?;
    for call in [fixture.agent(), unreadable()] {
        call.clone().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        call.run("stop")?.assert_exit_code(OCF_SUCCESS);
        for call in [fixture.agent(), unreadable()] {
            call.clone().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
            call.run("stop")?.assert_exit_code(OCF_SUCCESS);
        }
        let explained = fixture.agent().run("explain")?;
        assert!(explained.stdout.contains(&format!("pid {}", theirs.pid)), "{explained}");
        assert!(fixture.is_alive(&theirs)?);
        start()?;
    }
    Ok(())
}

/// A pico at such a path is identified by its argv[0]: it is healthy, a start adopts it, and a stop ends it.
#[test]
fn pico_at_unreadable_path_is_monitored_adopted_and_stopped() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let pico = start_java_at_unreadable_path(&fixture, MZADMIN_UID)?;
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let call = || fixture.agent().param("ha_check", "no");
    as_recurring_monitor(call(), 10)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    fixture.sh(&format!("rm {}", fixture.record_path()))?;
    call().run("start")?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.single_pico("platform")?.pid, pico.pid, "it was adopted");
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}
