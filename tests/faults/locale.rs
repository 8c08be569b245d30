//! The node's language: its effect on messages of mzsh, Java and the system, and the language that the pico
//! gets.

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{AgentCall, TestResult};

/// A shell test that the environment asks for English.
const ASKS_FOR_ENGLISH: &str =
    "case ${LC_ALL:-${LC_MESSAGES:-$LANG}} in C|C.*|POSIX|'') true;; *) false;; esac";

/// The call of a cluster whose node has this language.
fn with_locale<'a>(call: AgentCall<'a>, language: &str) -> AgentCall<'a> {
    ["LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"]
        .iter()
        .fold(call, |call, name| call.env(name, language))
}

const LOCALES: [&str; 4] = ["de_DE.UTF-8", "tr_TR.UTF-8", "ja_JP.eucJP", "nonsense"];

/// `mzsh status` answers in the caller's language, or in capitals, that an SC has no contact to its Platform.
/// The agent has the answer in English and reports the SC as healthy.
#[test]
fn mzsh_status_in_node_language_is_read_like_english() -> TestResult {
    let fixture = fixture(AgentKind::Sc).build()?;
    fixture.start()?;
    let english = "echo sc1 is running without contact with the platform RCP service";
    fixture.override_mzsh_verb(
        "status",
        &format!(
            "if {ASKS_FOR_ENGLISH}; then {english}; else echo sc1 laeuft ohne Kontakt zum RCP-Dienst; fi; exit 1"
        ),
    )?;
    let deep = |fixture: &Fixture, language| {
        let deep = as_recurring_monitor(fixture.agent(), 20)
            .param("ha_check", "no")
            .param("monitor_retries", "0");
        with_locale(deep, language).run("monitor")
    };
    for language in LOCALES {
        deep(&fixture, language)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    let fixture = testkit::fixture::fixture(AgentKind::Sc).build()?;
    fixture.start()?;
    fixture.override_mzsh_verb(
        "status",
        "echo SC1 is Running Without Contact with the Platform RCP service; exit 1",
    )?;
    deep(&fixture, "C")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// The HA client's Java reports a missing answer in the caller's language. The agent gets the report in
/// English: the pico is hung, and this is no FAILED that `on_ha_failed` could ignore.
#[test]
fn ha_client_in_node_language_is_read_like_english() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    let words =
        "if {}; then echo Connection refused; else echo Verbindungsaufbau abgelehnt; fi; exit 1";
    let java = fixture.install_fake_java(&words.replace("{}", ASKS_FOR_ENGLISH))?;
    for language in LOCALES {
        let deep = as_recurring_monitor(fixture.agent(), 10)
            .param("java_home", java)
            .param("monitor_retries", "0");
        let deep = deep.param("ha_grace", "0").param("on_ha_failed", "ignore");
        let ran = with_locale(deep, language).run("monitor")?;
        ran.assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["does not answer", "Connection refused"]);
    }
    Ok(())
}

/// The JVM is started in the node's language, because encoding and formats of the data depend on it. It
/// inherits nothing else of the caller's environment. The agent runs each of its own commands in English.
#[test]
fn pico_gets_node_locale_and_agent_commands_get_english() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.wrap_mzsh(
        "echo \"$1 ${LANG-unset} ${LC_ALL-unset} ${LANGUAGE-unset}\" >>/opt/mz/tmp/asked",
    )?;
    let agent = |call| with_locale(call, "de_DE.UTF-8");
    agent(fixture.agent()).run("start")?.assert_exit_code(OCF_SUCCESS);
    let jvm = fixture.single_pico("platform")?;
    let environment = fixture.node.read(format!("/proc/{}/environ", jvm.pid))?;
    let of_language: Vec<&str> = environment.split('\0').filter(|v| v.starts_with('L')).collect();
    assert!(of_language.contains(&"LANG=de_DE.UTF-8"), "{of_language:?}");
    assert!(
        !environment.contains("LC_ALL") && !environment.contains("LANGUAGE"),
        "{of_language:?}"
    );
    agent(as_recurring_monitor(fixture.agent(), 20))
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    agent(fixture.agent()).run("stop")?.assert_exit_code(OCF_SUCCESS);
    let asked = fixture.node.read("/opt/mz/tmp/asked")?;
    let expected = [
        "startup de_DE.UTF-8 unset unset",
        "status C.UTF-8 C.UTF-8 unset",
        "shutdown C.UTF-8 C.UTF-8 unset",
    ];
    assert_eq!(asked.lines().collect::<Vec<_>>(), expected);
    Ok(())
}
