//! Attributes that the commands should not inherit from their parent.

use testkit::TestResult;
use testkit::fixture::{AgentKind, MZ_HOME, fixture};

#[test]
fn commands_work_with_sigchld_ignored_by_parent() -> TestResult {
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    let run = |command: &str, words: &[&str]| {
        fixture.command(command).args(words).wrap_with(["env", "--ignore-signal=CHLD"]).run()
    };
    let script =
        |name, of| run("mz-ha-scripts", &[name, "/opt/mz/java", MZ_HOME, fixture.node.owner(), of]);
    script("online", "platform")?.expect_code(0)?;
    script("monitor", "26000")?.expect_code(110)?;
    run("mzha", &["health", "--pico", "platform", "--type", "platform"])?.expect_code(0)?;
    let doctor = run("mzha", &["doctor", "--pico", "platform", "--type", "platform"])?;
    assert!(!doctor.stdout.contains("No child"), "{doctor}");
    script("offline", "platform")?.expect_code(0)?;
    assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
    fixture.assert_nothing_left()
}
