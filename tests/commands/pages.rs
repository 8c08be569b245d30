//! The commands of the pages in docs/other-managers, run verbatim.

use serde_json::Value;
use std::path::Path;
use testkit::fixture::{AgentKind, Fixture, MZ_HOME, fixture};
use testkit::{NodeCommandOutput, TestResult, TestkitError};

const JAVA_HOME: &str = "/opt/mz/java";
const HA_SCRIPTS_PROGRAM: &str = "/run/testkit/bin/mz-ha-scripts";

fn read_page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/other-managers").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The code blocks of this kind.
fn code_blocks(page: &str, kind: &str) -> Vec<String> {
    let opening = format!("```{kind}\n");
    let blocks = page.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}

/// Installs the script of a page in the node.
fn install_page_script(fixture: &Fixture, name: &str, to: &str) -> TestResult {
    let scripts: Vec<String> = code_blocks(&read_page(name), "sh")
        .into_iter()
        .filter(|block| block.starts_with("#!"))
        .collect();
    let [script] = scripts.as_slice() else { panic!("{name}: {} scripts", scripts.len()) };
    fixture.node.write(to, script)?;
    fixture.sh(&format!("chmod 755 {to} && bash -n {to} && sh -n {to}")).map(drop)
}

#[test]
fn veritas_page_programs_start_monitor_stop_and_clean() -> TestResult {
    let fixture = fixture(AgentKind::Ec).without_platform().commands().build()?;
    let main_cf =
        code_blocks(&read_page("veritas.md"), "text").pop().expect("main.cf is the last block");
    let run = |attribute: &str, of: &str| -> Result<NodeCommandOutput, TestkitError> {
        let mut lines = main_cf
            .lines()
            .filter_map(|line| line.trim().strip_prefix(attribute)?.strip_prefix(" = \""));
        let line = lines.find(|line| line.contains(of)).expect("the attribute");
        // Only the paths of the simulated installation are changed.
        let line =
            line.trim_end_matches('"').replace("/usr/sbin/mz-ha-scripts", HA_SCRIPTS_PROGRAM);
        let line = line.replace("/usr/lib/jvm/java-17", JAVA_HOME).replace("/opt/mzec", MZ_HOME);
        let line = line.replace("mzadmin", fixture.node.owner());
        fixture.node.command("sh").args(["-c", &line]).run()
    };
    for (pico, port) in [(" platform", " 26000"), (" ec1", " 26001")] {
        run("MonitorProgram", port)?.expect_code(100)?;
        run("StartProgram", pico)?.expect_code(0)?;
        run("MonitorProgram", port)?.expect_code(110)?;
        fixture.single_pico(pico.trim())?;
    }
    for (pico, port, attribute) in
        [(" ec1", " 26001", "StopProgram"), (" platform", " 26000", "CleanProgram")]
    {
        run(attribute, pico)?.expect_code(0)?;
        run("MonitorProgram", port)?.expect_code(100)?;
        assert!(fixture.pico_processes(pico.trim())?.is_empty());
    }
    fixture.assert_nothing_left()
}

#[test]
fn serviceguard_page_script_starts_watches_and_stops() -> TestResult {
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    let package = "/opt/mz-platform.sh";
    install_page_script(&fixture, "serviceguard.md", package)?;
    let run = |word: &str| {
        let call =
            fixture.node.command(package).arg(word).env("JAVA_HOME", JAVA_HOME).env("PAUSE", "0.1");
        call.env("MZ_USER", fixture.node.owner()).env("SCRIPTS", HA_SCRIPTS_PROGRAM).run()
    };
    run("validate")?.expect_code(0)?;
    run("start")?.expect_code(0)?;
    let jvm = fixture.single_pico("platform")?;
    let (ended, ()) = fixture.run_during(
        || run("loop"),
        |fixture| {
            fixture.wait_until("the loop between two looks", |fixture| {
                let all = fixture.processes()?;
                let sleeps = all.iter().any(|process| process.argv == ["sleep", "0.1"]);
                Ok(if sleeps && fixture.is_alive(&jvm)? {
                    Ok(())
                } else {
                    Err("no pause".to_owned())
                })
            })?;
            fixture.signal(jvm.pid, "KILL")
        },
    )?;
    let ended = ended.expect_code(1)?;
    let said: Vec<&str> = ended.stdout.lines().collect();
    assert!(
        said.iter().filter(|line| **line == "FAILED").count() == 2 && said.len() == 4,
        "{ended}"
    );
    run("stop")?.expect_code(0)?;
    run("restart")?.expect_code(1)?;
    // A failed start that leaves nothing: another node may try.
    fixture.set(&["startup_outcome=dies"])?;
    run("start")?.expect_code(2)?;
    fixture.assert_nothing_left()
}

/// Records its arguments, one a line.
const ARGUMENT_RECORDER: &str =
    "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done >>/opt/called/${0##*/}\n";

#[test]
fn amazon_page_check_sends_emf_and_reports_only_lasting_failure() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let check = "/opt/mz-health-to-aws";
    install_page_script(&fixture, "amazon.md", check)?;
    fixture.node.write("/opt/fake/aws", ARGUMENT_RECORDER)?;
    fixture
        .node
        .write("/opt/fake/curl", format!("{ARGUMENT_RECORDER}echo i-0123456789abcdef0\n"))?;
    fixture.sh("mkdir /opt/called && chmod 755 /opt/fake/*")?;
    let run = |code: i32| -> Result<Vec<String>, TestkitError> {
        fixture.sh("rm -f /opt/called/*")?;
        let path = "/opt/fake:/run/testkit/bin:/usr/bin:/bin";
        fixture.node.command(check).env("PATH", path).run()?.expect_code(code)?;
        let said = fixture.node.read("/opt/called/aws")?;
        Ok(said.lines().map(str::to_owned).collect())
    };
    let sent = |called: &[String]| {
        let at = called.iter().position(|word| word == "--log-events").expect("put-log-events");
        let events: Value = serde_json::from_str(&called[at + 1]).expect("JSON");
        assert!(
            events[0]["timestamp"].as_u64().is_some_and(|ms| ms > 1_600_000_000_000),
            "{events}"
        );
        let message = events[0]["message"].as_str().expect("text");
        serde_json::from_str::<Value>(message).expect("the message is the line")
    };
    let reported = |called: &[String]| called.iter().any(|word| word == "Unhealthy");

    let jvm = fixture.start()?;
    let called = run(0)?;
    assert_eq!(sent(&called)["Healthy"], 1);
    assert!(
        !reported(&called)
            && called.iter().filter(|word| *word == "i-0123456789abcdef0").count() == 2
    );
    let metadata = fixture.node.read("/opt/called/curl")?;
    assert!(metadata.contains("X-aws-ec2-metadata-token: i-0123456789abcdef0\n"), "{metadata}");

    fixture.signal(jvm.pid, "KILL")?;
    for (failures, expected) in [(1, false), (2, false), (3, true)] {
        let called = run(0)?;
        assert_eq!(sent(&called)["Healthy"], 0);
        assert_eq!(reported(&called), expected, "{failures}: {called:?}");
    }
    fixture.start()?;
    assert!(!reported(&run(0)?));
    fixture.signal(fixture.single_pico("ec1")?.pid, "STOP")?;
    assert!(!reported(&run(0)?), "the count begins anew");

    // An unknown state (here: which pico) is no failure, however often.
    fixture.sh("rm -f /opt/called/aws")?;
    for _ in 0..4 {
        let path = "/opt/fake:/run/testkit/bin:/usr/bin:/bin";
        fixture.node.command(check).env("PATH", path).env("PICO", "-").run()?.expect_code(2)?;
    }
    assert!(!fixture.node.host_path("/opt/called/aws").exists());
    Ok(())
}
