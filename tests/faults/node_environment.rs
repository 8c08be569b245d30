//! Other properties of a node: containers beside the pico, a caller that reads to end-of-file, an
//! installation with several paths.

use std::time::Duration;

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, as_recurring_monitor, describe_processes, fixture};

/// The same pico in another PID namespace of the node (a container with the same paths) is not ours. A probe
/// and a monitor answer "not running", a start names it as the holder of its port, and a stop leaves it
/// alone.
#[test]
fn containerized_pico_is_ignored_and_named_as_port_holder() -> TestResult {
    for real in [false, true] {
        let fixture = fixture(AgentKind::Platform).real_jvm(real).build()?;
        let inside = "setpriv --reuid 4711 --regid 4711 --clear-groups /opt/mz/bin/mzsh startup platform; exec sleep 1000001";
        let inside = if fixture.node.owner() == "root" {
            inside.split_once("groups ").map_or(inside, |(_, rest)| rest)
        } else {
            inside
        };
        let container = "unshare --pid --fork --kill-child --mount --mount-proc";
        fixture.sh(&format!("setsid {container} sh -c '{inside}' </dev/null >/dev/null 2>&1 &"))?;
        fixture.wait_for_process(&["sleep", "1000001"])?;
        let theirs = fixture.single_pico("platform")?;
        for _ in 0..2 {
            fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
            for level in [0, 10, 20] {
                fixture.monitor(level)?.assert_exit_code(OCF_NOT_RUNNING);
            }
            fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert!(fixture.is_alive(&theirs)?);
            fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
                "port ",
                "held by pid ",
                &theirs.pid.to_string(),
            ]);
            assert!(fixture.is_alive(&theirs)?);
        }
        assert_eq!(
            (fixture.mzsh_call_count("startup")?, fixture.mzsh_call_count("shutdown")?),
            (1, 0)
        );
    }
    Ok(())
}

/// A start returns at once to a caller that reads its output to end-of-file, as `$(...)` does. The JVM,
/// started in the session of mzsh, keeps mzsh's descriptors.
#[test]
fn caller_reading_output_to_eof_is_not_delayed_by_jvm() -> TestResult {
    for (detached, real) in [(false, false), (true, false), (false, true)] {
        let fixture = fixture(AgentKind::Platform)
            .real_jvm(real)
            .set(&format!("jvm_detached={detached}"))
            .build()?;
        let (argv, environment) = fixture.agent().argv_and_environment("start");
        let line =
            format!("said=$({} 2>&1); code=$?; echo \"[$said]\"; exit $code", argv.join(" "));
        let shell =
            fixture.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
        let shell =
            environment.into_iter().fold(shell, |call, (name, value)| call.env(name, value));
        let ran = shell.run()?.expect_code(0)?;
        assert_eq!(ran.stdout, "[]\n", "{ran}");
        let jvm = fixture.single_pico("platform")?;
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.single_pico("platform")?.pid, jvm.pid);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Paths of the installation for the agent, and the path that its JVM was given.
const HOME_PATHS: [(&str, &str); 6] = [
    ("/opt/link", "/opt/mz"),
    ("/opt/mz", "/opt/link"),
    ("/opt/mz/", "/opt/mz"),
    ("/opt//mz/.", "/opt/link"),
    ("/opt/mz", "/opt/bound"),
    ("/opt/bound", "/opt/link"),
];

/// An installation is the same if named through a link, a bind mount, with extra slashes or by another path
/// than its JVM's. A pico started by one path is found, monitored and stopped by the other after the record
/// was lost.
#[test]
fn installation_is_the_same_by_link_bind_mount_or_extra_slashes() -> TestResult {
    for (ours, theirs) in HOME_PATHS {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.sh("ln -s mz /opt/link; mkdir /opt/bound && mount --bind /opt/mz /opt/bound")?;
        let by_hand = || fixture.as_owner("/opt/mz/bin/mzsh").env("MZ_HOME", theirs);
        by_hand().args(["startup", "platform"]).run()?.expect_code(0)?;
        let jvm = fixture.single_pico_in(theirs, "platform")?;
        let call = || fixture.agent().param("mz_home", ours);
        let forget = || fixture.sh(&format!("rm -f {}", fixture.record_path()));
        call().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        for level in [0, 10] {
            forget()?;
            as_recurring_monitor(call(), level)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
        forget()?;
        call().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.single_pico_in(theirs, "platform")?.pid, jvm.pid, "{ours} {theirs}");
        forget()?;
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(fixture.processes()?.is_empty(), "{}", describe_processes(&fixture.processes()?));
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}
