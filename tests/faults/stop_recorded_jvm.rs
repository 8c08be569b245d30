//! A stop acts on what it knows: the recorded JVM gets its signals, whatever happens to the scan of the other
//! processes.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::{FakeProcess, FakeProcessGroup, FakeProcessState};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{
    HungOperation, HungStorage, NodeCommandOutput, NodeProcess, TestResult, TestkitError,
};

use crate::process_cases::{CONFIGNAME_OPTION, PICO_MAIN_CLASS};

/// Too many for a scan to wait for one after the other.
const HUNG_JAVA_COUNT: usize = 100;

/// Javas of the owner, or of this user, without a marker of any pico. They hang in the kernel once they are
/// signalled to.
pub(crate) fn start_hanging_javas(
    fixture: &Fixture,
    number: usize,
    user: Option<u32>,
) -> Result<(FakeProcessGroup, HungStorage), TestkitError> {
    fixture.sh("truncate -s 4096 /opt/written && chmod 666 /opt/written")?;
    let hung = fixture.node.hang_storage("/opt/written", HungOperation::Write)?;
    let java = FakeProcess::for_java(&["java"]).with_first_steps("map /opt/written\n");
    let java = user.map_or(java.clone(), |uid| java.user(uid));
    Ok((java.start_group(fixture, number, "unmap")?, hung))
}

/// A stop with Pacemaker's shortest default timeout.
fn stop_with_default_timeout(fixture: &Fixture) -> Result<NodeCommandOutput, TestkitError> {
    fixture.agent().meta_timeout(Duration::from_secs(20)).run("stop")
}

/// The stop has ended the JVM, and answers "stopped" or, with a reason, that it does not know about other
/// processes.
#[track_caller]
fn assert_recorded_jvm_ended(
    fixture: &Fixture,
    jvm: &NodeProcess,
    ran: &NodeCommandOutput,
) -> TestResult {
    assert!(!fixture.is_alive(jvm)?, "it has left the JVM of the record: {ran}");
    assert!(matches!(ran.code(), Some(OCF_SUCCESS | OCF_ERR_GENERIC)), "{ran}");
    Ok(())
}

/// A hundred javas of the owner, started before the recorded JVM, hang in the kernel. A stop still ends that
/// JVM and succeeds in time.
#[test]
fn stop_ends_recorded_jvm_beside_100_older_hung_javas() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let (crowd, hung) = start_hanging_javas(&fixture, HUNG_JAVA_COUNT, None)?;
    let jvm = fixture.start()?;
    crowd.hang_all(&fixture)?;
    let ran = stop_with_default_timeout(&fixture)?.assert_exit_code(OCF_SUCCESS);
    assert_recorded_jvm_ended(&fixture, &jvm, &ran)?;
    hung.release();
    Ok(())
}

/// A hundred javas of the owner, started after the recorded JVM, hang in the kernel and cannot be identified.
/// A stop still ends that JVM.
#[test]
fn stop_ends_recorded_jvm_beside_100_younger_hung_javas() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start()?;
    let (crowd, hung) = start_hanging_javas(&fixture, HUNG_JAVA_COUNT, None)?;
    crowd.hang_all(&fixture)?;
    let ran = stop_with_default_timeout(&fixture)?;
    assert_recorded_jvm_ended(&fixture, &jvm, &ran)?;
    hung.release();
    Ok(())
}

/// With so short a timeout that no scan completes beside a hung java, a stop still ends the recorded JVM.
#[test]
fn stop_ends_recorded_jvm_when_no_scan_completes() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start()?;
    let (crowd, hung) = start_hanging_javas(&fixture, 1, None)?;
    crowd.hang_all(&fixture)?;
    let ran = fixture
        .agent()
        .meta_timeout(Duration::from_secs(3))
        .run("stop")?
        .assert_exit_code(OCF_ERR_GENERIC);
    assert_recorded_jvm_ended(&fixture, &jvm, &ran.assert_reason(&["what runs is unknown"]))?;
    hung.release();
    Ok(())
}

/// A process that could be the pico and cannot be identified, alive or a zombie thread-group leader, does not
/// keep a stop from signalling the recorded JVM. It is named and left alone.
#[test]
fn stop_ends_recorded_jvm_beside_unidentifiable_java() -> TestResult {
    for state in [FakeProcessState::Live, FakeProcessState::ZombieLeader] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let jvm = fixture.start()?;
        let doubtful = FakeProcess::for_java(&["java", CONFIGNAME_OPTION, PICO_MAIN_CLASS])
            .state(state)
            .start(&fixture)?;
        let ran = stop_with_default_timeout(&fixture)?;
        assert_recorded_jvm_ended(&fixture, &jvm, &ran)?;
        assert!(fixture.is_alive(&doubtful)?, "{state:?}: {ran}");
        assert!(ran.stderr.contains(&format!("pid {}", doubtful.pid)), "{state:?}: {ran}");
    }
    Ok(())
}

/// With too few descriptors for a scan of all processes a stop ends the recorded JVM. It answers "stopped"
/// only after a complete scan.
#[test]
fn stop_ends_recorded_jvm_with_few_descriptors() -> TestResult {
    for descriptors in 4..16 {
        let fixture = fixture(AgentKind::Platform).build()?;
        let jvm = fixture.start()?;
        // No record names it, so only a scan can find it.
        let second = FakeProcess::for_pico("platform").start(&fixture)?;
        let limit = ["prlimit".to_owned(), format!("--nofile={descriptors}")];
        let ran =
            fixture.agent().meta_timeout(Duration::from_secs(12)).wrap_with(limit).run("stop")?;
        assert_recorded_jvm_ended(&fixture, &jvm, &ran)?;
        let left = fixture.is_alive(&second)?;
        assert_eq!(ran.code() == Some(OCF_SUCCESS), !left, "{descriptors} descriptors: {ran}");
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}
