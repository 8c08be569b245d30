//! Users and names: a name service that blocks, a resolver that never answers, an unknown user.

use std::time::Duration;

use testkit::assertions::{
    AgentAssertions, OCF_ERR_ARGS, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fixture::{AgentKind, Fixture, MZ_HOME, as_recurring_monitor, fixture};
use testkit::{TestResult, TestkitError};

/// Every lookup of a user or a group waits until something writes to a FIFO, and nothing does.
fn block_user_database(fixture: &Fixture) -> TestResult {
    fixture
        .sh("mkfifo /opt/users && mount --bind /opt/users /etc/passwd && mount --bind /opt/users /etc/group")
        .map(drop)
}

fn unblock_user_database(fixture: &Fixture) -> TestResult {
    fixture.sh("umount /etc/passwd && umount /etc/group").map(drop)
}

/// Every lookup of a name's address waits for a server that receives the query and does not answer.
fn silence_resolver(fixture: &Fixture) -> TestResult {
    fixture.sh(
        "echo 'nameserver 192.0.2.1' >/opt/resolv.conf && mount --bind /opt/resolv.conf /etc/resolv.conf",
    )?;
    fixture.sh(
        "echo 'hosts: files dns' >/opt/nsswitch.conf && mount --bind /opt/nsswitch.conf /etc/nsswitch.conf",
    )?;
    fixture.sh("echo '127.0.0.1 localhost' >/opt/hosts && mount --bind /opt/hosts /etc/hosts")?;
    // The port is bound, so that no query is refused.
    fixture.sh("ip address add 192.0.2.1/32 dev lo")?;
    let server = "import socket, signal; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); \
        s.bind(('192.0.2.1', 53)); signal.pause()";
    fixture.sh(&format!("setsid python3 -c \"{server}\" </dev/null >/dev/null 2>&1 &"))?;
    fixture.wait_until("the name server to listen", |fixture| {
        let sockets = fixture.sh("cat /proc/net/udp")?;
        Ok(if sockets.contains(":0035 ") { Ok(()) } else { Err(sockets) })
    })
}

/// Only the name server is left.
fn only_name_server_left(fixture: &Fixture) -> Result<bool, TestkitError> {
    Ok(fixture
        .processes()?
        .iter()
        .all(|process| process.argv.iter().any(|word| word.contains("192.0.2.1"))))
}

/// A name service that blocks does not affect a live JVM at depth 0. At depth 10, where the client cannot be
/// run, it fails no monitor. A stop ends the JVM within the shortest timeout that Pacemaker gives by default.
#[test]
fn blocked_user_database_fails_no_monitor_or_stop() -> TestResult {
    for recorded in [true, false] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let jvm = fixture.start_by_mzsh()?;
        if recorded {
            fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS);
        }
        block_user_database(&fixture)?;
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        for level in [10, 20] {
            let short = fixture
                .recurring_monitor(level)
                .param("ha_timeout", "2")
                .param("mzsh_timeout", "2");
            short.run("monitor")?.assert_exit_code(OCF_SUCCESS);
        }
        assert!(fixture.log()?.contains("could not be asked"), "{}", fixture.log()?);
        assert_eq!(fixture.single_pico("platform")?.pid, jvm.pid);
        if !recorded {
            fixture.sh(&format!("rm {}", fixture.record_path()))?;
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// A start with a name service that blocks fails in time, names what did not answer, and leaves no process.
/// It succeeds when the name service is back.
#[test]
fn blocked_user_database_fails_start_in_time() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    block_user_database(&fixture)?;
    fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
        "platform",
        "name service",
        "has not answered for",
        " s",
    ]);
    fixture.assert_nothing_left()?;
    assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was not executed");
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    unblock_user_database(&fixture)?;
    fixture.start()?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A resolver that never answers does not affect a live JVM: monitors of each depth succeed, and a stop ends
/// it in time.
#[test]
fn silent_resolver_does_not_affect_live_jvm() -> TestResult {
    let fixture =
        fixture(AgentKind::Sc).common("pico.rcp.server.host=mz-node.example").without_platform();
    let fixture = fixture.set("ec_startup_without_platform=start").build()?;
    fixture
        .sh("echo '127.0.0.1 localhost mz-node.example' >/opt/known && mount --bind /opt/known /etc/hosts")?;
    fixture.agent().param("wait_for", ",").run("start")?.assert_exit_code(OCF_SUCCESS);
    let jvm = fixture.single_pico("sc1")?;
    silence_resolver(&fixture)?;
    for _ in 0..2 {
        for level in [0, 10] {
            let monitor = fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS);
            assert!(monitor.wall_time < Duration::from_secs(20), "{monitor}");
        }
        fixture.probe()?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.single_pico("sc1")?.pid, jvm.pid);
        // Without the record only /proc and the registry are known.
        fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(only_name_server_left(&fixture)?);
    Ok(())
}

/// A start with `wait_for` and a resolver that never answers fails in time, says so, and leaves no process.
#[test]
fn silent_resolver_fails_start_with_wait_for_in_time() -> TestResult {
    let fixture = fixture(AgentKind::Sc)
        .common("pico.rcp.server.host=127.0.0.1")
        .without_platform()
        .build()?;
    silence_resolver(&fixture)?;
    let start = fixture
        .agent()
        .param("wait_for", "db.example:1521")
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    start.assert_reason(&["sc1", "needs db.example:1521", "the resolver has not answered for"]);
    assert!(only_name_server_left(&fixture)?);
    assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was not executed");
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

/// If the resolver never answers, the pico's own host name cannot be checked. The start goes on with a
/// warning, because only the product knows whether it needs the name.
#[test]
fn silent_resolver_for_own_host_name_does_not_block_start() -> TestResult {
    let fixture =
        fixture(AgentKind::Sc).common("pico.rcp.server.host=mz-node.example").without_platform();
    let fixture = fixture.set("ec_startup_without_platform=start").build()?;
    silence_resolver(&fixture)?;
    fixture
        .agent()
        .param("wait_for", ",")
        .run("start")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    fixture.single_pico("sc1")?;
    let log = fixture.log()?;
    assert!(
        log.contains("mz-node.example can't be checked: the resolver has not answered for"),
        "{log}"
    );
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(only_name_server_left(&fixture)?);
    Ok(())
}

/// An `os_user` that this node does not know fails a start, whose reason names it. It does not affect a
/// probe, a monitor of a live JVM, or a stop, which uses signals.
#[test]
fn unknown_os_user_fails_start_but_no_monitor_or_stop() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let unknown = || fixture.agent().param("os_user", "nobody-there");
    unknown().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    as_recurring_monitor(unknown(), 0).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    unknown().run("stop")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    unknown().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
        "os_user",
        "nobody-there",
        "unknown on this node",
    ]);
    unknown()
        .check_level(10)
        .run("validate-all")?
        .assert_exit_code(OCF_ERR_ARGS)
        .assert_reason(&["os_user", "nobody-there"]);
    fixture.assert_nothing_left()?;
    assert_eq!(fixture.mzsh_call_count("")?, 0);
    for recorded in [true, false] {
        let jvm = fixture.start()?;
        if !recorded {
            fixture.sh(&format!("rm {}", fixture.record_path()))?;
        }
        unknown().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        as_recurring_monitor(unknown(), 0)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        as_recurring_monitor(unknown(), 10).run("monitor")?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.single_pico("platform")?.pid, jvm.pid);
        unknown().run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A user that was removed while the JVM lives does not affect its monitors and its stop. A start is refused
/// while the name service does not know the user.
#[test]
fn removed_user_fails_start_but_no_monitor_or_stop() -> TestResult {
    for named in [false, true] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let call = || {
            if named {
                fixture.agent().param("os_user", fixture.node.owner())
            } else {
                fixture.agent()
            }
        };
        call().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.sh(
            "grep -v ^mzadmin: /etc/passwd >/opt/passwd; mount --bind /opt/passwd /etc/passwd",
        )?;
        for level in [0, 10] {
            as_recurring_monitor(call(), level).run("monitor")?.assert_exit_code(OCF_SUCCESS);
        }
        call().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        if fixture.node.owner() == "root" {
            call().run("start")?.assert_exit_code(OCF_SUCCESS);
            assert_eq!(fixture.single_pico("platform")?.uid, fixture.owner_uid(), "{MZ_HOME}");
        } else {
            let who = if named {
                "user mzadmin is unknown"
            } else {
                "user 4711 (owner of /opt/mz): unknown"
            };
            call().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["os_user", who]);
        }
    }
    Ok(())
}
