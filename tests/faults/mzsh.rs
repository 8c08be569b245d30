//! An mzsh that is no good: missing, broken, hanging, slow, cut off, with company.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, INSTALLED, NOT_RUNNING, OK, PERM};
use testkit::site::{Kind, Site, in_short, recurring, site};
use testkit::{Done, Ran};

/// The installation's.
const MZSH: &str = "/opt/mz/bin/mzsh";

/// A monitor of depth 20 whose only witness is mzsh.
fn by_mzsh_alone(site: &Site) -> testkit::AgentCall<'_> {
    recurring(site.agent(), 20).param("ha_check", "no").param("monitor_retries", "0")
}

/// What stands in the place of mzsh, by a line for the shell; what a start answers, and a word of its reason.
const BROKEN: [(&str, i32, &str); 8] = [
    ("rm $mzsh", INSTALLED, "does not exist"),
    ("ln -sf /opt/nowhere $mzsh", INSTALLED, "does not exist"),
    ("chmod 644 $mzsh", PERM, "not an executable file"),
    ("rm $mzsh; mkdir $mzsh", PERM, "not an executable file"),
    ("rm $mzsh; mkfifo -m 755 $mzsh", PERM, "not an executable file"),
    ("printf '#!/opt/no/shell\\n' >$mzsh", GENERIC, "/opt/mz/bin/mzsh"),
    (": >$mzsh", GENERIC, "/opt/mz/bin/mzsh"),
    ("head -c 4096 /dev/zero >$mzsh", GENERIC, "/opt/mz/bin/mzsh"),
];

/// An mzsh that is missing or can't be executed fails a start with the file's name and what is wrong with it; a pico that runs is
/// well for every monitor, and a stop ends it by signals.
#[test]
fn an_mzsh_that_cant_be_executed_fails_a_start_and_no_monitor_and_no_stop() -> Done {
    for (line, code, word) in BROKEN {
        let site = site(Kind::Platform).build()?;
        let line = line.replace("$mzsh", MZSH);
        site.sh(&format!("cp -a {MZSH} /opt/mzsh; {line}"))?;
        site.agent().run("start")?.answers(code).because(&[MZSH, word]);
        site.probe()?.answers(NOT_RUNNING);
        site.stop()?.answers(OK).silently();
        site.nothing_left()?;

        site.sh(&format!("rm -rf {MZSH}; cp -a /opt/mzsh {MZSH}"))?;
        site.start()?;
        site.sh(&line)?;
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        by_mzsh_alone(&site).run("monitor")?.answers(OK).silently();
        site.stop()?.answers(OK);
        assert_eq!(site.last_end("platform")?.as_deref(), Some("signal"), "{line}");
        site.nothing_left()?;
    }
    Ok(())
}

/// A mzsh that ignores signals and never ends, from now on.
fn hangs_in(site: &Site, verb: &str) -> Done {
    site.mzsh_does(verb, "trap '' TERM INT HUP; while :; do sleep 1000001; done")
}

/// An mzsh that hangs in its startup is ended with its children before the operation's time-out, and the reason says what hung.
#[test]
fn an_mzsh_that_hangs_in_startup_is_ended_in_time() -> Done {
    let site = site(Kind::Platform).build()?;
    hangs_in(&site, "startup")?;
    let start = site.agent().meta_timeout(Duration::from_secs(8)).run("start")?;
    start.answers(GENERIC).because(&["platform", "mzsh startup was not done in", " s"]);
    site.nothing_left()?;
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}

/// An mzsh that hangs in its status fails no monitor while the HA Monitor Server is well, is a failure where it is the only
/// witness, and is ended with its children in time.
#[test]
fn an_mzsh_that_hangs_in_status_is_ended_in_time() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    hangs_in(&site, "status")?;
    let ended = |ran: Ran| -> Result<Ran, testkit::Error> {
        let left = site.processes()?;
        assert_eq!(left.len(), 1, "{ran}{}", in_short(&left));
        Ok(ran)
    };
    let short = Duration::from_secs(5);
    ended(site.recurring(20).meta_timeout(short).run("monitor")?.answers(OK).silently())?;
    let log = site.log()?;
    assert!(log.contains("mzsh status: no answer in the time it has"), "{log}");
    let alone = ended(by_mzsh_alone(&site).meta_timeout(short).run("monitor")?.answers(GENERIC))?;
    alone.because(&["platform", "is alive", "mzsh status: no answer"]);
    // Its own limit is the shorter one.
    let limited = by_mzsh_alone(&site).param("mzsh_timeout", "1").meta_timeout(Duration::from_secs(120));
    let limited = ended(limited.run("monitor")?.answers(GENERIC).because(&["mzsh status: no answer"]))?;
    assert!(limited.wall < Duration::from_secs(40), "{limited}");
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// An mzsh that hangs in its shutdown is ended with its children, and the pico gets its SIGTERM and ends in order, in time.
#[test]
fn an_mzsh_that_hangs_in_shutdown_is_ended_in_time() -> Done {
    for real in [true, false] {
        let site = site(Kind::Ec).real(real).build()?;
        site.start()?;
        hangs_in(&site, "shutdown")?;
        site.agent().meta_timeout(Duration::from_secs(12)).run("stop")?.answers(OK);
        assert_eq!(site.last_end("ec1")?.as_deref(), Some("signal"));
        site.nothing_left()?;
    }
    Ok(())
}

/// An mzsh that takes its time is waited for, by a start, a deep monitor and a stop.
#[test]
fn a_slow_mzsh_is_waited_for() -> Done {
    let site = site(Kind::Platform).set("mzsh_time=2s").build()?;
    site.start()?;
    site.monitor(20)?.answers(OK).silently();
    site.stop()?.answers(OK).silently();
    assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
    Ok(())
}

/// An mzsh that dies by a signal is told as that by a start, is no verdict on a pico, and keeps no stop from its end.
#[test]
fn an_mzsh_that_dies_by_a_signal_is_told() -> Done {
    for (signal, number) in [("SEGV", "11"), ("KILL", "9"), ("TERM", "15")] {
        let site = site(Kind::Platform).build()?;
        site.wrap_mzsh(&format!("[ ! -e /opt/mz/tmp/dies ] || kill -s {signal} $$"))?;
        site.start()?;
        site.sh("touch /opt/mz/tmp/dies")?;
        site.monitor(20)?.answers(OK).silently();
        by_mzsh_alone(&site).run("monitor")?.answers(OK).silently();
        assert!(site.log()?.contains(&format!("mzsh ended by signal {number}")), "{}", site.log()?);
        site.stop()?.answers(OK);
        assert_eq!(site.last_end("platform")?.as_deref(), Some("signal"));
        site.nothing_left()?;
        let start = site.agent().run("start")?.answers(GENERIC);
        start.because(&["platform", "mzsh startup: ", "signal", number]);
        site.nothing_left()?;
    }
    Ok(())
}

/// An mzsh that closes its output before it begins its work is waited for until it ends, not until its output does.
#[test]
fn an_mzsh_that_closes_its_output_early_is_waited_for() -> Done {
    let site = site(Kind::Platform).set("start_time=1s").build()?;
    site.wrap_mzsh("exec >&- 2>&-")?;
    site.agent().run("start")?.answers(OK).silently();
    site.one("platform")?;
    site.monitor(20)?.answers(OK).silently();
    site.stop()?.answers(OK).silently();
    assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
    site.nothing_left()
}

/// An mzsh that asks a question finds nobody who answers and hangs on no terminal: its input is empty, whatever the agent's is.
#[test]
fn an_mzsh_that_reads_its_input_finds_nothing_there() -> Done {
    let site = site(Kind::Platform).build()?;
    site.wrap_mzsh("IFS= read -r answer && echo \"got: $answer\" >/opt/mz/tmp/got; cat >>/opt/mz/tmp/got")?;
    let (argv, environment) = site.agent().spelled_out("start");
    let line = format!("echo what a caller has to say | {}", argv.join(" "));
    let shell = site.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
    environment.into_iter().fold(shell, |call, (name, value)| call.env(name, value)).run()?.expect(OK)?;
    site.one("platform")?;
    site.monitor(20)?.answers(OK).silently();
    site.stop()?.answers(OK).silently();
    assert_eq!(site.node.read("/opt/mz/tmp/got")?, "");
    site.nothing_left()
}

/// A process that mzsh startup leaves behind, with its output, does not hold the start up, and is no pico.
#[test]
fn what_mzsh_leaves_in_the_background_does_not_hold_a_start_up() -> Done {
    for detached in [true, false] {
        let site = site(Kind::Platform).set(&format!("jvm_detached={detached}")).build()?;
        site.mzsh_does("startup", "sleep 1000001 &")?;
        site.agent().run("start")?.answers(OK).silently();
        site.until_runs(&["sleep", "1000001"])?;
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        site.stop()?.answers(OK);
        assert!(site.picos("platform")?.is_empty());
    }
    Ok(())
}

/// A process that mzsh status or shutdown leaves behind goes with it: a monitor that comes every two minutes must not gather them.
#[test]
fn what_a_question_to_mzsh_leaves_in_the_background_is_ended() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.wrap_mzsh("[ \"$1\" = startup ] || sleep 1000001 >/dev/null 2>&1 &")?;
    site.monitor(20)?.answers(OK).silently();
    // What was killed takes a moment to be gone, after the stop as well: it leaves one by its mzsh shutdown.
    let until_left = |number| {
        site.until(&format!("{number} processes to be left"), |site| {
            let left = site.processes()?;
            Ok(if left.len() == number { Ok(()) } else { Err(in_short(&left)) })
        })
    };
    until_left(1)?;
    site.stop()?.answers(OK);
    until_left(0)
}

/// Who may have written mzsh, by a line for the shell, and the file that a refusal names with what to do.
const WRITTEN_BY_OTHERS: [(&str, &[&str]); 6] = [
    ("chmod o+w $mzsh", &[MZSH, "can be written by everybody", "chmod o-w"]),
    ("chgrp 100 $mzsh; chmod g+w $mzsh", &[MZSH, "can be written by group 100", "chmod g-w"]),
    ("chmod o+w ${mzsh%/*}", &["/opt/mz/bin can be written by everybody", "chmod o-w"]),
    ("chmod o+w /opt/mz", &["/opt/mz can be written by everybody", "chmod o-w"]),
    ("chown 65534 $mzsh", &[MZSH, "belongs to nobody", "chown"]),
    ("chown 65534 ${mzsh%/*}", &["/opt/mz/bin belongs to nobody", "chown"]),
];

/// An mzsh that others than the installation's owner and root can write, or that is another user's, is not run: a start is refused with
/// 4 and says which file and what to do; a monitor is none the worse, and a stop goes by signals.
#[test]
fn an_mzsh_that_others_could_have_written_is_refused() -> Done {
    for (line, words) in WRITTEN_BY_OTHERS {
        let site = site(Kind::Platform).build()?;
        if site.node.owner() == "root" {
            // A normal user's node has no second user.
            return Ok(());
        }
        site.start()?;
        let calls = site.calls("")?;
        site.sh(&format!("mzsh={MZSH}; {line}"))?;
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        site.stop()?.answers(OK);
        assert_eq!(site.last_end("platform")?.as_deref(), Some("signal"), "{line}");
        site.agent().run("start")?.answers(PERM).because(words);
        site.probe()?.answers(NOT_RUNNING);
        assert_eq!(site.calls("")?, calls, "{line}: it was not run");
        site.nothing_left()?;
    }
    Ok(())
}

/// An mzsh that root has edited, or that the owner's own group can write in which there is nobody else, is run.
#[test]
fn an_mzsh_that_nobody_else_could_have_written_is_run() -> Done {
    for line in ["chown 0 $mzsh", "chmod g+w $mzsh ${mzsh%/*}"] {
        let site = site(Kind::Platform).build()?;
        site.sh(&format!("mzsh={MZSH}; {line}"))?;
        site.start()?;
        site.stop()?.answers(OK).silently();
        assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"), "{line}");
    }
    Ok(())
}
