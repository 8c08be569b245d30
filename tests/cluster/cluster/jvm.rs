//! The same with real JVMs in place of the simulated processes: they start slowly, have threads, and run the
//! real `java`.

use lab::TestResult;
use lab::cluster_fixture::cluster_plan;

/// Real JVMs start in order. A killed Platform is started again on its node, while the others go on.
#[test]
fn killed_platform_jvm_restarts_on_same_node() -> TestResult {
    let fixture = cluster_plan().with_real_jvms().up()?;
    let lives = fixture.lifetimes()?;
    let of = |pico: &str| lives.iter().find(|life| life.pico == pico).expect("all are up");
    let ready = of("platform").ready.expect("it is ready");
    for pico in ["ui", "ec1", "ec2", "sc1"] {
        assert!(
            of(pico).began >= ready,
            "{pico} began at {}, the Platform was ready at {ready}",
            of(pico).began
        );
    }
    fixture.kill_pico("platform", "kill -9 of the Platform, a JVM")?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_failed_once("mz-platform", "n1")?;
    fixture.finish(&[("platform", &["n1"], 2)])
}

/// An EC's real JVM that was stopped by SIGSTOP is found hung, ended, and started again on its node.
#[test]
fn sigstopped_ec_jvm_restarts_on_same_node() -> TestResult {
    let fixture = cluster_plan().with_real_jvms().up()?;
    let before = fixture.single_process("ec1")?;
    fixture.note_fault("SIGSTOP to ec1, a JVM");
    fixture.signal(&before, "STOP")?;
    fixture.wait_until_back(&before)?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_failed_once("mz-ec1", "n3")?;
    fixture.finish(&[("ec1", &["n3"], 2)])
}

/// The node of the Platform's real JVM loses its power: it is fenced, and then the Platform runs on the other
/// node. The JVMs of ECs and SC go on.
#[test]
fn power_cut_moves_platform_jvm_after_fencing() -> TestResult {
    let fixture = cluster_plan().with_real_jvms().up()?;
    fixture.note_fault("the power of n1 is cut");
    fixture.node("n1").cut_power()?;
    fixture.wait_until_ready("platform", "n2")?;
    fixture.wait_until_ready("ui", "n2")?;
    assert_eq!(fixture.fencing_count("n1")?, 1);
    fixture.wait_until_online("n1")?;
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}
