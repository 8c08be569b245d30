//! What users of the node wrote, on its way to a terminal or a log: nothing of it is obeyed there, and nothing is hidden.

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, site};
use testkit::{Done, Ran};

const MZSH: &str = "/opt/mz/bin/mzsh";

/// Sets a terminal's title, overwrites what stood there, colours, and turns the direction of the text.
const HOSTILE: &str = "\u{1b}]0;title\u{7}a\rb\u{8}c\u{9b}31md\u{202e}e";
/// The same as it is to be shown.
const SHOWN: &str = "\\u{1b}]0;title\\u{7}a\\rb\\u{8}c\\u{9b}31md\\u{202e}e";

/// Fails the test unless every character is one that a terminal shows as it is.
#[track_caller]
fn harmless(text: &str) {
    let odd = text.chars().find(|&c| c != '\n' && !(' '..='~').contains(&c));
    assert!(odd.is_none(), "{odd:?} in {text:?}");
}

#[track_caller]
fn shows(ran: &Ran, place: &str) {
    harmless(&ran.stdout);
    harmless(&ran.stderr);
    assert!(ran.stdout.contains(SHOWN), "{place} is not shown: {ran}");
}

/// `bin/mzsh` with this in the place of its `JAVA_HOME`.
fn write_into_mzsh(site: &Site) -> Done {
    let script = site.node.read(MZSH)?;
    let (before, after) = script.split_once("JAVA_HOME=").expect("mzsh sets JAVA_HOME");
    let rest = after.split_once('\n').map_or("", |(_, rest)| rest);
    site.node.write(MZSH, format!("{before}JAVA_HOME='/opt/{HOSTILE}'\n{rest}"))
}

/// Control characters, escape sequences and overrides of the direction in what `bin/mzsh` sets are shown by explain as escapes, and in
/// its JSON they are escaped as well.
#[test]
fn what_a_user_wrote_into_mzsh_is_shown_by_explain_and_not_obeyed() -> Done {
    let site = site(Kind::Platform).build()?;
    write_into_mzsh(&site)?;
    shows(&site.agent().run("explain")?.expect(NOT_RUNNING)?, "bin/mzsh");
    // The executor hands on only the action, so the shell gives the second argument.
    let (mut argv, environment) = site.agent().spelled_out("explain");
    argv.push("--json".to_owned());
    let call = site.node.command(&argv[0]).args(&argv[1..]);
    let ran = environment.into_iter().fold(call, |call, (name, value)| call.env(name, value)).run()?;
    harmless(&ran.stdout);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["evidence"]["JAVA_HOME of mzsh"], format!("/opt/{HOSTILE}"), "{ran}");
    Ok(())
}

/// The same in a value of the registry: explain, validation, doctor and the log show it, and no terminal obeys it.
#[test]
fn what_a_user_wrote_into_the_registry_is_shown_and_not_obeyed() -> Done {
    let registry = "/opt/mz/common/config/cell/default/.active/containers/main1/picos/platform.conf";
    let site = site(Kind::Platform).commands().build()?;
    let value = HOSTILE.replace('\u{1b}', "\\u001b").replace('\u{7}', "\\u0007");
    let value = value.replace('\r', "\\r").replace('\u{8}', "\\b");
    let text = site.node.read(registry)?;
    let set = |name: &str| format!("config.properties.\"{name}\" : \"{value}\"\n");
    site.node.write(registry, text + "\n" + &set("mz.ha.host") + &set("mz.ha.interval"))?;
    shows(&site.agent().run("explain")?, "the registry");
    let validated = site.agent().level(10).run("validate-all")?;
    harmless(&validated.stderr);
    assert!(validated.stderr.contains(SHOWN), "{validated}");
    let doctor = ["doctor", "--pico", "platform", "--type", "platform"];
    shows(&site.command("mzha").args(doctor).run()?, "the registry");
    site.agent().run("start")?;
    harmless(&site.log()?);
    assert!(site.log()?.contains(SHOWN), "{}", site.log()?);
    Ok(())
}

/// The same in what mzsh prints: the exit reason and the log show it, and no terminal obeys it.
#[test]
fn what_mzsh_prints_is_shown_and_not_obeyed() -> Done {
    let site = site(Kind::Platform).build()?;
    site.mzsh_does("startup", &format!("printf '%s' '{HOSTILE}'; exit 1"))?;
    let start = site.agent().run("start")?.answers(GENERIC).because(&[SHOWN]);
    harmless(&start.stderr);
    harmless(&site.log()?);
    Ok(())
}

/// The same in what the HA client says: `mzha health` shows it, and no terminal obeys it.
#[test]
fn what_the_ha_client_says_is_shown_by_health_and_not_obeyed() -> Done {
    let site = site(Kind::Platform).commands().build()?;
    site.agent().param("ha_grace", "0").run("start")?.answers(OK);
    site.set(&["platform.ha_answer=FAILED \u{202e}abc\u{200b}"])?;
    let ran = site.command("mzha").args(["health", "platform"]).run()?.expect(1)?;
    harmless(&ran.stdout);
    assert!(ran.stdout.contains("\\u{202e}abc\\u{200b}"), "{ran}");
    Ok(())
}

/// The same in a crontab and in the command line of a process that holds a port of the pico: doctor shows it, and no terminal
/// obeys it; its JSON says the same and holds nothing but printable characters.
#[test]
fn what_stands_in_a_crontab_or_a_command_line_is_shown_by_doctor_and_not_obeyed() -> Done {
    let site = site(Kind::Platform).commands().build()?;
    site.sh("mount -t tmpfs -o mode=755 tmpfs /etc/cron.d")?;
    site.node.write("/etc/cron.d/mz", format!("@reboot mzadmin mzsh startup {HOSTILE}\n"))?;
    site.node.write(
        "/opt/holder.py",
        "import signal, socket\ns = socket.socket(); s.bind(('127.0.0.1', 26000)); s.listen(); signal.pause()\n",
    )?;
    let line = format!("setsid python3 /opt/holder.py '{HOSTILE}' </dev/null >/dev/null 2>&1 &");
    site.sh(&line)?;
    site.until("somebody to hold the port", |site| {
        let sockets = site.sh("cat /proc/net/tcp")?;
        Ok(if sockets.contains(":6590 ") { Ok(()) } else { Err(sockets) })
    })?;
    let doctor = || site.command("mzha").args(["doctor", "--pico", "platform", "--type", "platform"]);
    let table = doctor().run()?;
    shows(&table, "the crontab");
    assert_eq!(table.stdout.matches(SHOWN).count(), 2, "{table}");
    let document = doctor().arg("--json").run()?;
    harmless(&document.stdout);
    let rows: serde_json::Value = serde_json::from_str(&document.stdout).expect("JSON");
    let seen = rows["rows"].as_array().expect("rows").iter().filter_map(|row| row["seen"].as_str());
    assert_eq!(seen.filter(|seen| seen.contains(HOSTILE)).count(), 2, "{document}");
    Ok(())
}
