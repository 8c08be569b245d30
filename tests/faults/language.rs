//! The language of the node: what it makes mzsh, Java and the system say, and which one the pico gets.

use testkit::answer::{Answer, GENERIC, OK};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{AgentCall, Done};

/// In shell: does the environment ask for English?
const ENGLISH: &str = "case ${LC_ALL:-${LC_MESSAGES:-$LANG}} in C|C.*|POSIX|'') true;; *) false;; esac";

/// By a cluster whose node speaks this language.
fn speaks<'a>(call: AgentCall<'a>, language: &str) -> AgentCall<'a> {
    ["LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"].iter().fold(call, |call, name| call.env(name, language))
}

const LANGUAGES: [&str; 4] = ["de_DE.UTF-8", "tr_TR.UTF-8", "ja_JP.eucJP", "nonsense"];

/// A status that speaks the language it is asked in, or writes its words in capitals, says of an SC without contact with its Platform
/// what it says in English: the SC is well.
#[test]
fn a_status_in_the_nodes_language_is_read_as_in_english() -> Done {
    let site = site(Kind::Sc).build()?;
    site.start()?;
    let english = "echo sc1 is running without contact with the platform RCP service";
    site.mzsh_does(
        "status",
        &format!(
            "if {ENGLISH}; then {english}; else echo sc1 laeuft ohne Kontakt zum RCP-Dienst; fi; exit 1"
        ),
    )?;
    let deep = |site: &Site, language| {
        let deep = recurring(site.agent(), 20).param("ha_check", "no").param("monitor_retries", "0");
        speaks(deep, language).run("monitor")
    };
    for language in LANGUAGES {
        deep(&site, language)?.answers(OK).silently();
    }
    let site = testkit::site::site(Kind::Sc).build()?;
    site.start()?;
    site.mzsh_does("status", "echo SC1 is Running Without Contact with the Platform RCP service; exit 1")?;
    deep(&site, "C")?.answers(OK).silently();
    Ok(())
}

/// An HA client whose Java tells in the language it is run in that nobody answers tells it in English: the pico hangs, and that is no
/// FAILED which a parameter could have ignored.
#[test]
fn an_ha_client_in_the_nodes_language_is_read_as_in_english() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    let words = "if {}; then echo Connection refused; else echo Verbindungsaufbau abgelehnt; fi; exit 1";
    let java = site.ha_client(&words.replace("{}", ENGLISH))?;
    for language in LANGUAGES {
        let deep = recurring(site.agent(), 10).param("java_home", java).param("monitor_retries", "0");
        let deep = deep.param("ha_grace", "0").param("on_ha_failed", "ignore");
        let ran = speaks(deep, language).run("monitor")?;
        ran.answers(GENERIC).because(&["does not answer", "Connection refused"]);
    }
    Ok(())
}

/// The JVM is started in the node's language, for its encoding and its formats are those of the data, and in no more of the caller's
/// environment; every question is asked in English.
#[test]
fn the_pico_gets_the_nodes_language_and_every_question_english() -> Done {
    let site = site(Kind::Platform).build()?;
    site.wrap_mzsh("echo \"$1 ${LANG-unset} ${LC_ALL-unset} ${LANGUAGE-unset}\" >>/opt/mz/tmp/asked")?;
    let agent = |call| speaks(call, "de_DE.UTF-8");
    agent(site.agent()).run("start")?.answers(OK);
    let jvm = site.one("platform")?;
    let environment = site.node.read(format!("/proc/{}/environ", jvm.pid))?;
    let of_language: Vec<&str> = environment.split('\0').filter(|v| v.starts_with('L')).collect();
    assert!(of_language.contains(&"LANG=de_DE.UTF-8"), "{of_language:?}");
    assert!(!environment.contains("LC_ALL") && !environment.contains("LANGUAGE"), "{of_language:?}");
    agent(recurring(site.agent(), 20)).run("monitor")?.answers(OK).silently();
    agent(site.agent()).run("stop")?.answers(OK);
    let asked = site.node.read("/opt/mz/tmp/asked")?;
    let expected =
        ["startup de_DE.UTF-8 unset unset", "status C.UTF-8 C.UTF-8 unset", "shutdown C.UTF-8 C.UTF-8 unset"];
    assert_eq!(asked.lines().collect::<Vec<_>>(), expected);
    Ok(())
}
