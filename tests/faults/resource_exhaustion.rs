//! A node that has run out of a resource: space or inodes in /run, the right to write there, file
//! descriptors.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, MZ_HOME, as_recurring_monitor, fixture};
use testkit::{AgentCall, HungOperation, NodeCommandOutput, TestResult, TestkitError};

use crate::process_cases::{HUNG_ON_WRITE, UNREADABLE_MEMORY};

/// Options of a file system that is unusable for records and locks.
const UNUSABLE_MOUNT_OPTIONS: [&str; 3] = ["size=4k", "nr_inodes=2", "ro"];

/// Mounts a file system with these options for records and locks, and fills it where they allow that.
fn mount_full_run_directory(fixture: &Fixture, options: &str) -> TestResult {
    let at = "/run/mediationzone-ra";
    fixture
        .sh(&format!("mkdir -p -m 755 {at} && mount -t tmpfs -o mode=755,{options} tmpfs {at}"))?;
    if options != "ro" {
        fixture.sh(&format!("head -c 4096 /dev/zero >{at}/full"))?;
    }
    Ok(())
}

/// Without space, inodes or the right to write in /run a live JVM is found and healthy at each depth, and a
/// dead one is not running. A stop ends the JVM, whether the cluster or a person started it.
#[test]
fn unwritable_run_directory_changes_no_answer() -> TestResult {
    for options in UNUSABLE_MOUNT_OPTIONS {
        for by_hand in [false, true] {
            let fixture = fixture(AgentKind::Platform).build()?;
            let jvm = if by_hand { fixture.start_by_mzsh()? } else { fixture.start()? };
            mount_full_run_directory(&fixture, options)?;
            for _ in 0..2 {
                fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
                for level in [0, 10, 20] {
                    fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
                }
            }
            assert_eq!(fixture.single_pico("platform")?.pid, jvm.pid);
            fixture.stop()?.assert_exit_code(OCF_SUCCESS);
            fixture.assert_nothing_left()?;
            fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
            fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
        }
    }
    Ok(())
}

/// A start that cannot even create its lock, because /run has no free inode, starts nothing. The reason names
/// the error and the path.
#[test]
fn start_without_inode_for_lock_starts_nothing() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    mount_full_run_directory(&fixture, "nr_inodes=2")?;
    fixture
        .agent()
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["/run/mediationzone-ra", "No space left"]);
    assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was not executed");
    fixture.assert_nothing_left()?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.sh("umount /run/mediationzone-ra")?;
    fixture.start()?;
    Ok(())
}

/// A call with this limit of descriptors.
fn run_with_descriptors(
    call: &AgentCall<'_>,
    action: &str,
    descriptors: u32,
) -> Result<NodeCommandOutput, TestkitError> {
    call.clone().descriptor_limit(descriptors).meta_timeout(Duration::from_secs(8)).run(action)
}

/// With too few descriptors to scan all processes a monitor or a probe never reports a live JVM as not
/// running, nor a dead one as running. It answers what it knows, or 1 with the missing resource.
#[test]
fn monitor_with_few_descriptors_gives_no_wrong_answer() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let probe = fixture.agent();
    let mut answers = Vec::new();
    for alive in [true, false] {
        if alive {
            fixture.start_by_mzsh()?;
        } else {
            fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        }
        let wrong = if alive { OCF_NOT_RUNNING } else { OCF_SUCCESS };
        for descriptors in 4..16 {
            for call in [
                &probe,
                &as_recurring_monitor(fixture.agent(), 0),
                &as_recurring_monitor(fixture.agent(), 10),
            ] {
                let ran = run_with_descriptors(call, "monitor", descriptors)?;
                let code = ran.code();
                assert!(code.is_some() && code != Some(wrong), "{descriptors} descriptors: {ran}");
                if code == Some(OCF_ERR_GENERIC) {
                    let reason = ran.reason().unwrap_or_default();
                    assert!(
                        reason.contains(&descriptor_limit_text(descriptors))
                            || alive && reason.contains("platform"),
                        "{ran}"
                    );
                }
                answers.push(code);
            }
            fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
        }
    }
    for seen in [OCF_SUCCESS, OCF_NOT_RUNNING] {
        assert!(answers.contains(&Some(seen)), "{answers:?}");
    }
    Ok(())
}

/// With too few descriptors a start fails, names that limit, and leaves no process. With enough it succeeds.
#[test]
fn start_with_few_descriptors_fails_and_leaves_nothing() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let mut failed = 0;
    for descriptors in 4..24 {
        let start = run_with_descriptors(&fixture.agent(), "start", descriptors)?;
        if start.code() == Some(OCF_SUCCESS) {
            fixture.single_pico("platform")?;
            fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        } else {
            start
                .assert_exit_code(OCF_ERR_GENERIC)
                .assert_reason(&[&descriptor_limit_text(descriptors)]);
            failed += 1;
        }
        fixture.assert_nothing_left()?;
    }
    assert!((1..20).contains(&failed), "{failed} starts of 20 failed");
    Ok(())
}

/// Text of a reason that names the limit.
fn descriptor_limit_text(limit: u32) -> String {
    format!("no file descriptor left (RLIMIT_NOFILE {limit})")
}

/// Five descriptors suffice for a correct answer of a recurring monitor and a probe about a live or a dead
/// pico, with and without a record. A stop ends a live one. A start fails, names the limit, and leaves no
/// process.
#[test]
fn five_descriptors_suffice_for_monitor_probe_and_stop() -> TestResult {
    for (kind, real) in [(AgentKind::Platform, true), (AgentKind::Ec, false)] {
        let fixture = fixture(kind).real_jvm(real).build()?;
        for by_hand in [false, true] {
            let jvm = if by_hand { fixture.start_by_mzsh()? } else { fixture.start()? };
            for level in [0, 10] {
                run_with_descriptors(&as_recurring_monitor(fixture.agent(), level), "monitor", 5)?
                    .assert_exit_code(OCF_SUCCESS)
                    .assert_no_output();
            }
            run_with_descriptors(&fixture.agent(), "monitor", 5)?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
            assert!(fixture.is_alive(&jvm)?);
            let stop =
                run_with_descriptors(&fixture.agent(), "stop", 5)?.assert_exit_code(OCF_SUCCESS);
            assert!(!fixture.is_alive(&jvm)?, "{stop}");
            fixture.assert_nothing_left()?;
            run_with_descriptors(&fixture.agent(), "monitor", 5)?.assert_exit_code(OCF_NOT_RUNNING);
            run_with_descriptors(&as_recurring_monitor(fixture.agent(), 0), "monitor", 5)?
                .assert_exit_code(OCF_NOT_RUNNING);
            run_with_descriptors(&fixture.agent(), "start", 5)?
                .assert_exit_code(OCF_ERR_GENERIC)
                .assert_reason(&[&descriptor_limit_text(5)]);
            fixture.assert_nothing_left()?;
        }
    }
    Ok(())
}

/// There are too few descriptors for a worker process, or for more than one query of it at a time. A java of
/// the owner that hangs in the kernel delays no action then: a probe does not answer "not running", and a
/// stop ends the recorded JVM. Without a worker process the stop answers 1 and says why.
#[test]
fn hung_java_with_few_descriptors_delays_no_action() -> TestResult {
    for descriptors in [4, 5] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.sh(&format!("truncate -s 4096 {HUNG_ON_WRITE} && chmod 666 {HUNG_ON_WRITE}"))?;
        let hung = fixture.node.hang_storage(HUNG_ON_WRITE, HungOperation::Write)?;
        let jvm = fixture.start()?;
        FakeProcess::for_java(&["java", "-jar", "/opt/tool.jar"])
            .state(UNREADABLE_MEMORY)
            .start(&fixture)?;
        run_with_descriptors(&as_recurring_monitor(fixture.agent(), 0), "monitor", descriptors)?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        fixture.sh(&format!("mv {0} {0}.away", fixture.record_path()))?;
        let probe = run_with_descriptors(&fixture.agent(), "monitor", descriptors)?;
        assert!(matches!(probe.code(), Some(OCF_SUCCESS | OCF_ERR_GENERIC)), "{probe}");
        fixture.sh(&format!("mv {0}.away {0}", fixture.record_path()))?;
        let stop = run_with_descriptors(&fixture.agent(), "stop", descriptors)?;
        assert!(!fixture.is_alive(&jvm)?, "{stop}");
        if descriptors == 4 {
            probe.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["no file descriptor left"]);
            stop.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["no file descriptor left"]);
        } else {
            // With a descriptor to see it, the stop knows that this java has no open file of ours.
            let reason = stop.reason().unwrap_or_default();
            let is_told =
                ["no file descriptor left", "hangs"].iter().any(|why| reason.contains(why));
            assert!(
                stop.code() == Some(OCF_SUCCESS) || stop.code() == Some(OCF_ERR_GENERIC) && is_told,
                "{stop}"
            );
        }
        hung.release();
    }
    Ok(())
}

/// With too few descriptors to check the node validate-all fails, and names the limit.
#[test]
fn validate_all_with_few_descriptors_fails_and_names_the_limit() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let validate = |descriptors| {
        run_with_descriptors(&fixture.agent().check_level(10), "validate-all", descriptors)
    };
    validate(4)?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["mz_home: no helper process", &descriptor_limit_text(4)]);
    validate(64)?.assert_exit_code(OCF_SUCCESS);
    Ok(())
}

/// With few descriptors, too, a hung worker process that cannot be ended keeps no output of the agent open. A
/// caller that reads to end-of-file gets it when the agent ends.
#[test]
fn hung_worker_with_few_descriptors_keeps_no_output_open() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
    let call =
        fixture.agent().check_level(10).descriptor_limit(5).meta_timeout(Duration::from_secs(8));
    let (argv, environment) = call.argv_and_environment("validate-all");
    let line = format!("said=$({} 2>&1); code=$?; echo \"$said\"; exit $code", argv.join(" "));
    let shell = fixture.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
    let shell = environment.into_iter().fold(shell, |call, (name, value)| call.env(name, value));
    let ran = shell.run()?.expect_code(OCF_ERR_GENERIC)?;
    assert!(ran.stdout.contains("storage has not answered"), "{ran}");
    hung.release();
    Ok(())
}

/// A soft limit of five descriptors fails nothing if the hard limit is higher.
#[test]
fn soft_descriptor_limit_is_raised_to_hard_limit() -> TestResult {
    for limit in ["--nofile=5:64", "--nofile=5:"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let agent = || fixture.agent().wrap_with(["prlimit", limit]);
        agent().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        agent().run("start")?.assert_exit_code(OCF_SUCCESS);
        fixture.single_pico("platform")?;
        for level in [0, 10, 20] {
            as_recurring_monitor(agent(), level)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
        agent().run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
        fixture.assert_nothing_left()?;
    }
    Ok(())
}
