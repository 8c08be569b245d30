//! What a parent hands on to the commands that it should not.

use testkit::Done;
use testkit::site::{HOME, Kind, site};

#[test]
fn commands_answer_with_sigchld_ignored_by_the_parent() -> Done {
    let site = site(Kind::Platform).commands().build()?;
    let run = |command: &str, words: &[&str]| {
        site.command(command).args(words).through(["env", "--ignore-signal=CHLD"]).run()
    };
    let script = |name, of| run("mz-ha-scripts", &[name, "/opt/mz/java", HOME, site.node.owner(), of]);
    script("online", "platform")?.expect(0)?;
    script("monitor", "26000")?.expect(110)?;
    run("mzha", &["health", "--pico", "platform", "--type", "platform"])?.expect(0)?;
    let doctor = run("mzha", &["doctor", "--pico", "platform", "--type", "platform"])?;
    assert!(!doctor.stdout.contains("No child"), "{doctor}");
    script("offline", "platform")?.expect(0)?;
    assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
    site.nothing_left()
}
