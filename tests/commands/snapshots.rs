//! What people read, whole: the texts of doctor, explain, validate-all and health, as files beside this one.
//!
//! `cargo insta review` shows a change; `INSTA_UPDATE=always cargo test -p testkit --test commands -- snapshots::` accepts it.

use regex_lite::Regex;
use testkit::fixture::{AgentKind, fixture};
use testkit::{NodeCommandOutput, TestResult};

use super::doctor::{self, CIB, VALID_CIB};

/// What differs from run to run, and from machine to machine.
const VARIABLE: &[(&str, &str)] = &[
    (r"\b(pids?) \d+", "$1 PID"),
    (r"kill -(\w+) \d+", "kill -$1 PID"),
    (r"\b\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d( UTC)?", "TIME"),
    (r"\b\d\d:\d\d:\d\d( UTC)?", "TIME"),
    (r"\b\d+(\.\d+)? (ms|s|min)\b", "DURATION"),
    (r"Linux \d[\w.+-]*", "Linux VERSION"),
    (r"(sleeping|running) \([SR]\)", "STATE"),
    (r"\b\d+ files of cron", "N files of cron"),
    (r"(?m)^\S+: (\d+ errors?, )", "NODE: $1"),
    (r"Pacemaker \d[\w.+-]*", "Pacemaker VERSION"),
];

fn stable(text: &str) -> String {
    VARIABLE.iter().fold(text.to_owned(), |text, (pattern, name)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *name).into_owned()
    })
}

/// Exit code, stdout and stderr together.
fn described(ran: &NodeCommandOutput) -> String {
    let code = ran.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
    stable(&format!("exit code: {code}\n--- stdout\n{}--- stderr\n{}", ran.stdout, ran.stderr))
}

#[test]
fn explain_shows_all_evidence_of_a_running_pico() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    fixture.start()?;
    insta::assert_snapshot!(described(&fixture.agent().run("explain")?));
    Ok(())
}

#[test]
fn explain_names_the_end_of_a_dead_pico() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    let jvm = fixture.start()?;
    fixture.signal(jvm.pid, "KILL")?;
    fixture.wait_until("the pico has ended", |fixture| {
        Ok(fixture.pico_processes("ec1")?.is_empty().then_some(()).ok_or("it lives".to_owned()))
    })?;
    insta::assert_snapshot!(described(&fixture.agent().run("explain")?));
    Ok(())
}

#[test]
fn validate_all_names_each_invalid_parameter() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    let mut call = fixture.agent();
    for (name, value) in [
        ("pico_name", "-ec1"),
        ("mz_home", " /opt/mz"),
        ("ha_timeout", "abc"),
        ("ha_port", "0"),
        ("degraded", "perhaps"),
        ("on_ha_failed", "panic"),
        ("wait_for", "db1:1521;db2:1521"),
        ("process_match", "("),
        ("limit_nofile", "12"),
        ("umask", "9"),
    ] {
        call = call.param(name, value);
    }
    insta::assert_snapshot!(described(&call.run("validate-all")?));
    Ok(())
}

#[test]
fn doctor_has_no_problem_with_a_valid_configuration() -> TestResult {
    let fixture = doctor::fixture_with_platform_and_ec()?;
    fixture.start()?;
    insta::assert_snapshot!(described(&doctor::doctor_command(&fixture, &[]).run()?));
    Ok(())
}

/// Each change is a mistake that a site made.
#[test]
fn doctor_names_each_mistake_of_a_configuration() -> TestResult {
    let fixture = doctor::fixture_with_platform_and_ec()?;
    let cib = [
        (r#"name="stonith-enabled" value="true""#, r#"name="stonith-enabled" value="false""#),
        (
            r#"name="cluster-recheck-interval" value="60s""#,
            r#"name="cluster-recheck-interval" value="15min""#,
        ),
        (
            r#"id="p-start" name="start" interval="0" timeout="420s""#,
            r#"id="p-start" name="start" interval="0""#,
        ),
        (
            r#"id="p-m0" name="monitor" interval="1s" timeout="60s""#,
            r#"id="p-m0" name="monitor" interval="1s" timeout="20s""#,
        ),
        (r#"<op id="e-m0" name="monitor" interval="1s" timeout="60s"/>"#, ""),
        (r#"name="failure-timeout" value="600s""#, r#"name="failure-timeout" value="60s""#),
        (r#"symmetrical="false""#, r#"symmetrical="true""#),
        (r#"value="ec1""#, r#"value="ec 1""#),
    ]
    .iter()
    .fold(VALID_CIB.to_owned(), |cib, (right, wrong)| {
        assert!(cib.contains(right), "{right}");
        cib.replace(right, wrong)
    });
    fixture.node.write(CIB, cib)?;
    insta::assert_snapshot!(described(&doctor::doctor_command(&fixture, &[]).run()?));
    Ok(())
}

#[test]
fn health_gives_one_line() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let jvm = fixture.start()?;
    let health = |words: &[&str]| fixture.command("mzha").arg("health").args(words).run();
    let healthy = health(&["--pico", "ec1"])?;
    fixture.signal(jvm.pid, "STOP")?;
    let all = [healthy, health(&["--pico", "ec1"])?, health(&["--pico", "ec9"])?];
    insta::assert_snapshot!(all.iter().map(described).collect::<Vec<_>>().join("\n"));
    Ok(())
}
