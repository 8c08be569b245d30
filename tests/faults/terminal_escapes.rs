//! Text that users of the node wrote, on its way to a terminal or a log: no control sequence takes effect,
//! and none hides text.

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{NodeCommandOutput, TestResult};

const MZSH_PATH: &str = "/opt/mz/bin/mzsh";

/// Sets a terminal's title, overwrites text, changes colours, and reverses the text direction.
const CONTROL_CHARACTERS: &str = "\u{1b}]0;title\u{7}a\rb\u{8}c\u{9b}31md\u{202e}e";
/// The same characters as they are displayed.
const ESCAPED_CHARACTERS: &str = "\\u{1b}]0;title\\u{7}a\\rb\\u{8}c\\u{9b}31md\\u{202e}e";

/// Fails the test unless a terminal shows every character as it is.
#[track_caller]
fn assert_printable(text: &str) {
    let odd = text.chars().find(|&c| c != '\n' && !(' '..='~').contains(&c));
    assert!(odd.is_none(), "{odd:?} in {text:?}");
}

#[track_caller]
fn assert_escaped(ran: &NodeCommandOutput, place: &str) {
    assert_printable(&ran.stdout);
    assert_printable(&ran.stderr);
    assert!(ran.stdout.contains(ESCAPED_CHARACTERS), "{place} is not shown: {ran}");
}

/// Changes the `JAVA_HOME` that `bin/mzsh` sets to this text.
fn put_control_characters_into_mzsh(fixture: &Fixture) -> TestResult {
    let script = fixture.node.read(MZSH_PATH)?;
    let (before, after) = script.split_once("JAVA_HOME=").expect("mzsh sets JAVA_HOME");
    let rest = after.split_once('\n').map_or("", |(_, rest)| rest);
    fixture.node.write(MZSH_PATH, format!("{before}JAVA_HOME='/opt/{CONTROL_CHARACTERS}'\n{rest}"))
}

/// Explain displays control characters, escape sequences and direction overrides in settings of `bin/mzsh` as
/// escapes, also in its JSON.
#[test]
fn control_characters_in_mzsh_are_escaped_by_explain() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    put_control_characters_into_mzsh(&fixture)?;
    assert_escaped(&fixture.agent().run("explain")?.expect_code(OCF_NOT_RUNNING)?, "bin/mzsh");
    // The executor passes on only the action, so the shell gives the second argument.
    let (mut argv, environment) = fixture.agent().argv_and_environment("explain");
    argv.push("--json".to_owned());
    let call = fixture.node.command(&argv[0]).args(&argv[1..]);
    let ran =
        environment.into_iter().fold(call, |call, (name, value)| call.env(name, value)).run()?;
    assert_printable(&ran.stdout);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        document["evidence"]["JAVA_HOME of mzsh"],
        format!("/opt/{CONTROL_CHARACTERS}"),
        "{ran}"
    );
    Ok(())
}

/// Control characters in a registry value are displayed as escapes by explain, validation, doctor and the
/// log. None reaches a terminal.
#[test]
fn control_characters_in_registry_are_escaped_everywhere() -> TestResult {
    let registry =
        "/opt/mz/common/config/cell/default/.active/containers/main1/picos/platform.conf";
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    let value = CONTROL_CHARACTERS.replace('\u{1b}', "\\u001b").replace('\u{7}', "\\u0007");
    let value = value.replace('\r', "\\r").replace('\u{8}', "\\b");
    let text = fixture.node.read(registry)?;
    let set = |name: &str| format!("config.properties.\"{name}\" : \"{value}\"\n");
    fixture.node.write(registry, text + "\n" + &set("mz.ha.host") + &set("mz.ha.interval"))?;
    assert_escaped(&fixture.agent().run("explain")?, "the registry");
    let validated = fixture.agent().check_level(10).run("validate-all")?;
    assert_printable(&validated.stderr);
    assert!(validated.stderr.contains(ESCAPED_CHARACTERS), "{validated}");
    let doctor = ["doctor", "--pico", "platform", "--type", "platform"];
    assert_escaped(&fixture.command("mzha").args(doctor).run()?, "the registry");
    fixture.agent().run("start")?;
    assert_printable(&fixture.log()?);
    assert!(fixture.log()?.contains(ESCAPED_CHARACTERS), "{}", fixture.log()?);
    Ok(())
}

/// Control characters in mzsh's output are displayed as escapes in the exit reason and the log. None reaches
/// a terminal.
#[test]
fn control_characters_in_mzsh_output_are_escaped_in_reason_and_log() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture
        .override_mzsh_verb("startup", &format!("printf '%s' '{CONTROL_CHARACTERS}'; exit 1"))?;
    let start = fixture
        .agent()
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&[ESCAPED_CHARACTERS]);
    assert_printable(&start.stderr);
    assert_printable(&fixture.log()?);
    Ok(())
}

/// Control characters in the HA client's output are displayed as escapes by `mzha health`. None reaches a
/// terminal.
#[test]
fn control_characters_in_ha_answer_are_escaped_by_health() -> TestResult {
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    fixture.agent().param("ha_grace", "0").run("start")?.assert_exit_code(OCF_SUCCESS);
    fixture.set(&["platform.ha_answer=FAILED \u{202e}abc\u{200b}"])?;
    let ran = fixture.command("mzha").args(["health", "platform"]).run()?.expect_code(1)?;
    assert_printable(&ran.stdout);
    assert!(ran.stdout.contains("\\u{202e}abc\\u{200b}"), "{ran}");
    Ok(())
}

/// Control characters in a crontab, and in the command line of a process that holds a port of the pico, are
/// displayed as escapes by doctor. None reaches a terminal; its JSON has the same text and only printable
/// characters.
#[test]
fn control_characters_in_crontab_or_command_line_are_escaped_by_doctor() -> TestResult {
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    fixture.sh("mount -t tmpfs -o mode=755 tmpfs /etc/cron.d")?;
    fixture
        .node
        .write("/etc/cron.d/mz", format!("@reboot mzadmin mzsh startup {CONTROL_CHARACTERS}\n"))?;
    fixture.node.write(
        "/opt/holder.py",
        "import signal, socket\ns = socket.socket(); s.bind(('127.0.0.1', 26000)); s.listen(); signal.pause()\n",
    )?;
    let line = format!(
        "setsid python3 /opt/holder.py '{CONTROL_CHARACTERS}' </dev/null >/dev/null 2>&1 &"
    );
    fixture.sh(&line)?;
    fixture.wait_until("somebody to hold the port", |fixture| {
        let sockets = fixture.sh("cat /proc/net/tcp")?;
        Ok(if sockets.contains(":6590 ") { Ok(()) } else { Err(sockets) })
    })?;
    let doctor =
        || fixture.command("mzha").args(["doctor", "--pico", "platform", "--type", "platform"]);
    let table = doctor().run()?;
    assert_escaped(&table, "the crontab");
    assert_eq!(table.stdout.matches(ESCAPED_CHARACTERS).count(), 2, "{table}");
    let document = doctor().arg("--json").run()?;
    assert_printable(&document.stdout);
    let rows: serde_json::Value = serde_json::from_str(&document.stdout).expect("JSON");
    let seen = rows["rows"].as_array().expect("rows").iter().filter_map(|row| row["seen"].as_str());
    assert_eq!(seen.filter(|seen| seen.contains(CONTROL_CHARACTERS)).count(), 2, "{document}");
    Ok(())
}
