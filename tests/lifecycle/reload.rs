//! reload-agent: new values for what may change at any time, and the JVM is not touched.

use testkit::Done;
use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::site::{Kind, site};

#[test]
fn a_reload_changes_the_parameters_in_force_and_not_the_process() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    assert_eq!(site.read_record()?["parameters"]["mzsh_timeout"], "90s");
    let changed = || site.agent().param("mzsh_timeout", "45s");
    changed().run("reload-agent")?.answers(OK).silently();
    assert_eq!(site.read_record()?["parameters"]["mzsh_timeout"], "45s");
    assert_eq!(site.one("platform")?.pid, pid);
    assert_eq!(site.calls("")?, 1, "mzsh was called for the start only");
    site.monitor(0)?.answers(OK).silently();
    Ok(())
}

#[test]
fn a_reload_starts_nothing() -> Done {
    let site = site(Kind::Platform).build()?;
    site.agent().run("reload-agent")?.answers(NOT_RUNNING).because(&["platform"]);
    let pid = site.start()?.pid;
    site.signal(pid, "KILL")?;
    site.agent().run("reload-agent")?.answers(NOT_RUNNING).because(&[&format!("pid {pid} ")]);
    site.nothing_left()
}

/// Pacemaker would take a failed reload for a failed resource, and a JVM would pay for a typing mistake.
#[test]
fn a_typing_mistake_in_what_is_reloaded_is_a_warning_and_no_failure() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    site.agent().param("mzsh_timeout", "45s").run("reload-agent")?.answers(OK).silently();
    site.agent().param("mzsh_timeout", "4 5s").run("reload-agent")?.answers(OK);
    let log = site.log()?;
    let warned = |line: &str| line.contains("WARNING") && line.contains("mzsh_timeout");
    assert!(log.lines().any(warned), "{log}");
    assert_ne!(site.read_record()?["parameters"]["mzsh_timeout"], "45s", "that is in force no more");
    assert_eq!(site.one("platform")?.pid, pid);
    Ok(())
}
