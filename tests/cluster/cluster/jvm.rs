//! The same with real JVMs in place of the simulated processes: they take their time, have threads, and are what `java` runs.

use lab::Done;
use lab::site::site;

/// Real JVMs start in order, and a Platform that is killed is started again on its node, while the others go on.
#[test]
fn platform_killed() -> Done {
    let site = site().jvm().up()?;
    let lives = site.lives()?;
    let of = |pico: &str| lives.iter().find(|life| life.pico == pico).expect("all are up");
    let ready = of("platform").ready.expect("it is ready");
    for pico in ["ui", "ec1", "ec2", "sc1"] {
        assert!(
            of(pico).began >= ready,
            "{pico} began at {}, the Platform was ready at {ready}",
            of(pico).began
        );
    }
    site.kill("platform", "kill -9 of the Platform, a JVM")?;
    site.lab.settle()?;
    site.failed_once("mz-platform", "n1")?;
    site.witnessed(&[("platform", &["n1"], 2)])
}

/// An EC's real JVM that was stopped by SIGSTOP is found hanging, ended, and started again on its node.
#[test]
fn ec_hung() -> Done {
    let site = site().jvm().up()?;
    let before = site.one("ec1")?;
    site.fault("SIGSTOP to ec1, a JVM");
    site.signal(&before, "STOP")?;
    site.until_back(&before)?;
    site.lab.settle()?;
    site.failed_once("mz-ec1", "n3")?;
    site.witnessed(&[("ec1", &["n3"], 2)])
}

/// When the node of the Platform's real JVM loses its power, the Platform runs on the other node after that was fenced, and the JVMs of
/// ECs and SC go on.
#[test]
fn power_cut() -> Done {
    let site = site().jvm().up()?;
    site.fault("the power of n1 is cut");
    site.node("n1").kill()?;
    site.until_ready("platform", "n2")?;
    site.until_ready("ui", "n2")?;
    assert_eq!(site.fenced("n1")?, 1);
    site.until_online("n1")?;
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}
