//! The HA client, a program of the product that may do anything, and the HA Monitor Server behind it.

use std::time::Duration;

use testkit::answer::{Answer, DEGRADED, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, recurring, site};
use testkit::{AgentCall, Done, Error};

/// A monitor of depth 10 with that client, past the time in which a FAILED does not count.
fn deep<'a>(site: &'a Site, client: &str) -> Result<AgentCall<'a>, Error> {
    let java = site.ha_client(client)?;
    let deep = recurring(site.agent(), 10).param("java_home", java).param("monitor_retries", "0");
    Ok(deep.param("ha_grace", "0").param("ha_timeout", "3").meta_timeout(Duration::from_secs(20)))
}

fn nothing_but_the_pico(site: &Site) -> Done {
    let left = site.processes()?;
    assert_eq!(left.len(), 1, "{}", in_short(&left));
    Ok(())
}

/// What the client does, and words of the reason that it is a failure for.
const FAILURES: [(&str, &[&str]); 7] = [
    ("exec 3<>/dev/tcp/127.0.0.1/26000; exec sleep 1000001", &["hangs", "no answer in 3 s"]),
    (
        "trap '' TERM; exec 3<>/dev/tcp/127.0.0.1/26000; sleep 1000001 & wait; sleep 1000001",
        &["hangs", "does not answer", "no answer in 3 s"],
    ),
    ("exec 3<>/dev/tcp/127.0.0.1/26000; exec yes FAILED", &["hangs", "no answer in 3 s"]),
    ("echo FAILED; exit 100", &["says FAILED", "exit code 100"]),
    ("echo 'FAILED: too many aborts'; exit 1", &["says FAILED: too many aborts"]),
    ("exit 1", &["can't be read", "exit code 1, and not a word"]),
    ("echo Connection refused; exit 1", &["does not answer", "Connection refused"]),
];

/// An HA client that fails, dies by a signal, or says FAILED with or without a reason: the failure is told in its
/// own words with the JVM's number, in time, and nothing of the client is left.
#[test]
fn what_an_ha_client_does_instead_of_an_answer_is_told() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    for (client, words) in FAILURES {
        let monitor =
            deep(&site, client)?.run("monitor")?.answers(GENERIC).because(&["platform"]).because(words);
        if words.contains(&"hangs") {
            monitor.because(&[&format!("pid {pid} is alive")]);
        }
        nothing_but_the_pico(&site)?;
    }
    site.monitor(0)?.answers(OK).silently();
    Ok(())
}

/// What happens to the client, and words of the warning.
const NO_VERDICTS: [(&str, &str); 7] = [
    ("kill -9 $$", "ended by signal 9"),
    ("kill -SEGV $$", "ended by signal 11"),
    ("exit 137", "ended by signal 9"),
    ("exit 127", "exit code 127"),
    ("echo 'sh: 1: /opt/jdk/bin/java: not found'; exit 127", "java: not found"),
    (
        "echo 'Error occurred during initialization of VM'; echo 'Could not reserve enough space for object heap'; exit 1",
        "Could not reserve",
    ),
    ("echo 'Cannot create VM thread. Out of system resources.'; exit 1", "Cannot create VM thread"),
];

/// An HA client that ends by a signal, or for which there is no memory, no thread or no java, has not asked: the monitor is well with a warning
/// in the log, however often that happens.
#[test]
fn ha_client_that_could_not_do_its_work_is_no_failure_of_the_pico() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    for (client, words) in NO_VERDICTS {
        for _ in 0..3 {
            deep(&site, client)?.run("monitor")?.answers(OK).silently();
        }
        let log = site.log()?;
        let warns = |line: &str| line.contains("could not be asked") && line.contains(words);
        assert!(log.lines().any(warns), "{client}: {log}");
        nothing_but_the_pico(&site)?;
    }
    Ok(())
}

/// Where the JDK that the pico's JVM was started from is gone (an update of its package), the client is run by that of mzsh.
#[test]
fn ha_client_is_run_by_the_java_of_mzsh_where_that_of_the_jvm_is_gone() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("cp -a /opt/mz/java /opt/mz/new && sed -i 's|/opt/mz/java|/opt/mz/new|' /opt/mz/bin/mzsh")?;
    site.start()?;
    let exe = site.sh(&format!("readlink /proc/{}/exe", site.one("platform")?.pid))?;
    assert!(exe.starts_with("/opt/mz/java/"), "{exe}");
    site.sh("rm /opt/mz/java/bin/java")?;
    site.monitor(10)?.answers(OK).silently();
    assert!(!site.log()?.contains("could not be asked"), "{}", site.log()?);
    site.set(&["ha_answer=silent"])?;
    let deep = || recurring(site.agent(), 10).param("monitor_retries", "0").param("ha_timeout", "2s");
    deep().run("monitor")?.answers(GENERIC).because(&["platform", "no answer in 2 s"]);
    // One that is set is meant.
    let other = deep().param("java_home", "/opt/mz/java").run("monitor")?.answers(OK);
    other.silently();
    assert!(site.log()?.contains("could not be asked: /opt/mz/java/bin/java"), "{}", site.log()?);
    Ok(())
}

/// An HA client that never comes to ask (an overloaded node, a JVM that does not start) is no witness: the monitor is well with a
/// warning in the log, in time, and nothing of the client is left.
#[test]
fn an_ha_client_that_does_not_come_to_ask_is_no_failure_of_the_pico() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    for client in ["sleep 1000001", "trap '' TERM; sleep 1000001 & wait; sleep 1000001", "yes FAILED"] {
        deep(&site, client)?.run("monitor")?.answers(OK).silently();
        nothing_but_the_pico(&site)?;
    }
    let log = site.log()?;
    assert_eq!(log.matches("the HA client did not come to ask").count(), 3, "{log}");
    Ok(())
}

/// A client that waits at a gate and then says FAILED, as the product's does when the connection ends under it.
const AT_THE_GATE: &str = "read -r _ </opt/gate; echo 'FAILED: no answer from 127.0.0.1'; exit 1";

/// While the agent is kept from running the JVM dies and the client ends, so that it sees both at once.
fn both_at_once(site: &Site) -> Done {
    site.sh("mkfifo -m 666 /opt/gate")?;
    let client = site.until("the client", |site| {
        let all = site.processes()?;
        let found =
            all.iter().find(|process| process.argv.get(1).is_some_and(|word| word == "/opt/jdk/bin/java"));
        Ok(found.cloned().ok_or_else(|| in_short(&all)))
    })?;
    site.signal(client.ppid, "STOP")?;
    site.signal(site.one("platform")?.pid, "KILL")?;
    site.sh("echo >/opt/gate")?;
    site.until("the client to end", |site| {
        Ok(if site.lives(&client)? { Err("it is at the gate".to_owned()) } else { Ok(()) })
    })?;
    site.signal(client.ppid, "CONT")
}

/// An HA client whose FAILED is only that the JVM died under it is no answer: a monitor says "not running".
#[test]
fn a_client_that_failed_because_the_jvm_died_makes_no_monitor_wrong() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    let call = deep(&site, AT_THE_GATE)?.param("ha_timeout", "50").meta_timeout(Duration::from_secs(120));
    let (monitor, ()) = site.meanwhile(|| call.run("monitor"), both_at_once)?;
    monitor.answers(NOT_RUNNING).because(&["platform", "has ended"]);
    site.nothing_left()
}

/// The same during a start is no answer of the pico, and no success.
#[test]
fn a_client_that_failed_because_the_jvm_died_makes_no_start_a_success() -> Done {
    let site = site(Kind::Platform).build()?;
    let java = site.ha_client(AT_THE_GATE)?;
    let call = site.agent().param("java_home", java).meta_timeout(Duration::from_secs(120));
    let (start, ()) = site.meanwhile(|| call.run("start"), both_at_once)?;
    start.answers(GENERIC).because(&["platform", "died"]);
    site.nothing_left()
}

/// Megabytes from an HA client, bytes that are no text, and text that looks like an exit reason are no answer, whatever the exit code: never
/// well, and one reason of one line.
#[test]
fn what_an_ha_client_prints_never_passes_for_a_reason_of_ours() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    for flood in [
        "yes 'ocf-exit-reason:it is all the client' | head -c 8000000",
        "head -c 8000000 /dev/urandom",
        "head -c 8000000 /dev/zero | tr '\\0' x",
        "printf 'OK\\0FAILED\\r\\nocf-exit-reason:x'",
    ] {
        let told = |code: u32| format!("( {flood} ) 2>/dev/null; ( {flood} ) 2>/dev/null >&2; exit {code}");
        for code in [0, 1] {
            let failed = deep(&site, &told(code))?.param("ha_timeout", "8").run("monitor")?.answers(GENERIC);
            assert_eq!(failed.stderr.matches("ocf-exit-reason:").count(), 1, "{failed}");
            let ended = format!("exit code {code}, and what it printed is no text");
            failed.because(&["platform", "HA Monitor Server can't be read", &ended]);
            nothing_but_the_pico(&site)?;
        }
    }
    assert!(site.log()?.len() < 100_000);
    Ok(())
}

/// An HA client that is not there, or whose jar is not, says nothing about the pico: the monitor is a success with a warning that
/// names the file, and so is a start.
#[test]
fn an_ha_client_that_cant_be_run_is_a_warning_that_names_the_file() -> Done {
    for (line, file) in [
        ("rm /opt/mz/lib/ha.jar", "/opt/mz/lib/ha.jar"),
        ("mv /opt/mz/lib /opt/mz/away", "/opt/mz/lib/ha.jar"),
        ("rm /opt/jdk/bin/java", "/opt/jdk/bin/java"),
        ("chmod 644 /opt/jdk/bin/java", "/opt/jdk/bin/java"),
        ("printf '#!/opt/no/shell\\n' >/opt/jdk/bin/java", "/opt/jdk/bin/java"),
        (": >/opt/jdk/bin/java", "/opt/jdk/bin/java"),
    ] {
        let site = site(Kind::Ec).build()?;
        site.start()?;
        let asks = deep(&site, "echo FAILED; exit 1")?;
        site.sh(line)?;
        asks.clone().run("monitor")?.answers(OK).silently();
        let log = site.log()?;
        assert!(
            log.contains("its HA Monitor Server could not be asked: ") && log.contains(file),
            "{line}: {log}"
        );
        let told = asks.param("degraded", "yes").param("unchecked_limit", "2").run("monitor")?.expect(190)?;
        told.because(&["not checked since", file]);
        site.monitor(0)?.answers(OK).silently();
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A real JVM whose ha.jar is damaged or empty can't be asked: a warning with the client's own words, no failure.
#[test]
fn a_damaged_ha_jar_is_a_warning() -> Done {
    let site = site(Kind::Platform).jvm().build()?;
    site.start()?;
    site.monitor(10)?.answers(OK).silently();
    for damage in ["truncate -s 100 $jar", ": >$jar", "head -c 4096 /dev/zero >$jar"] {
        site.sh(&damage.replace("$jar", "/opt/mz/lib/ha.jar"))?;
        let before = site.log()?.len();
        site.monitor(10)?.answers(OK).silently();
        let log = site.log()?.split_off(before);
        assert!(log.contains("the HA client did not start: "), "{damage}: {log}");
    }
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// An HA client that ends with an error and without a word is, by the product's manual, one that says FAILED: a start goes on, within
/// the grace of a young JVM it does not count, and `on_ha_failed` says what it means.
#[test]
fn an_ha_client_that_says_nothing_is_treated_as_one_that_says_failed() -> Done {
    let site = site(Kind::Ec).build()?;
    let java = site.ha_client("exit 1")?;
    site.agent().param("java_home", java).run("start")?.answers(OK).silently();
    let pid = site.one("ec1")?.pid;
    site.recurring(10).param("java_home", java).run("monitor")?.answers(OK).silently();
    for (means, code) in [("ignore", OK), ("degrade", OK), ("degrade", DEGRADED), ("fail", GENERIC)] {
        let asked = deep(&site, "exit 1")?.param("on_ha_failed", means).run("monitor")?.answers(code);
        if code != OK {
            asked.because(&["ec1", "can't be read", "exit code 1, and not a word"]);
        }
    }
    // What runs is not started anew for it.
    site.agent().param("java_home", java).run("start")?.answers(OK).silently();
    assert_eq!(site.one("ec1")?.pid, pid);
    Ok(())
}

/// A call that asks elsewhere.
fn asks_there(call: AgentCall<'_>) -> AgentCall<'_> {
    call.param("ha_port", "25998").param("ha_timeout", "3").param("monitor_retries", "0")
}

/// A port of the HA Monitor Server that another process holds once the pico's own is gone is no answer of the pico, whatever is said there: a deep
/// monitor names that process, a probe and depth 0 say that the pico lives. Where the pico was never seen to listen, that is a warning.
#[test]
fn another_process_on_the_port_of_the_ha_monitor_server_is_named() -> Done {
    let site = site(Kind::Platform).build()?;
    let pico = site.start()?;
    site.close_ha("127.0.0.1", 26000)?;
    let server = "import socket, threading
servers = [socket.create_server(('127.0.0.1', port)) for port in (25998, 26000)]
open('/opt/other.up', 'w')
for server in servers:
    threading.Thread(target=lambda of=server: [of.accept()[0].sendall(b'OK\\n') for _ in iter(int, 1)]).start()
";
    site.node.write("/opt/other.py", server)?;
    site.sh("setsid python3 /opt/other.py </dev/null >/dev/null 2>&1 & until [ -e /opt/other.up ]; do sleep 0.01; done")?;
    let all = site.node.processes()?;
    let other = all.iter().find(|p| p.argv.iter().any(|word| word == "/opt/other.py")).expect("it is up").pid;
    let holder = |port: u16| format!("port {port} is held by pid {other} (python3), not by it");
    let monitor = site.recurring(10).param("monitor_retries", "0").run("monitor")?.answers(GENERIC);
    monitor.because(&["platform", &format!("pid {} is alive", pico.pid), &holder(26000)]);
    site.monitor(0)?.answers(OK).silently();
    site.probe()?.answers(OK).silently();
    asks_there(site.recurring(10)).run("monitor")?.answers(OK).silently();
    let log = site.log()?;
    assert!(log.contains(&holder(25998)) && log.contains("was never seen to listen on"), "{log}");
    Ok(())
}

/// A call that soon has no patience left.
fn quick(call: AgentCall<'_>) -> AgentCall<'_> {
    call.param("ha_timeout", "3").param("monitor_retries", "0").param("ha_grace", "0")
}

/// A pico that lives and whose HA Monitor Server takes connections and answers none hangs: a deep monitor says so, a probe and
/// depth 0 say that it lives, a start replaces it, and a stop ends it.
#[test]
fn a_pico_whose_ha_monitor_server_is_silent_hangs() -> Done {
    for jvm in [true, false] {
        let site = if jvm { site(Kind::Platform).jvm() } else { site(Kind::Platform) }.build()?;
        let hung = site.start()?;
        site.set(&["ha_answer=silent"])?;
        let monitor = quick(site.recurring(10)).run("monitor")?.answers(GENERIC);
        monitor.because(&["platform hangs", &format!("pid {} is alive", hung.pid), "no answer in 3 s"]);
        site.monitor(0)?.answers(OK).silently();
        quick(site.agent()).run("monitor")?.answers(OK).silently();

        if jvm {
            continue;
        }
        // Past its grace it is replaced, and the new one is no better: nothing of both is left.
        let start = || quick(site.agent()).meta_timeout(Duration::from_secs(16)).run("start");
        start()?.answers(GENERIC).because(&["platform", "HA Monitor Server does not answer"]);
        assert!(site.picos("platform")?.is_empty(), "neither the old nor the new one");
        site.probe()?.answers(NOT_RUNNING);
        site.set(&["ha_answer=OK"])?;
        start()?.answers(OK).silently();
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}
