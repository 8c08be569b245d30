//! What else a node can be like: containers beside the pico, a caller that reads to the end, installations by several paths.

use std::time::Duration;

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, in_short, recurring, site};

/// The same pico in another pid namespace of the node (a container with the same paths) is none of ours: it is not running for a
/// probe and a monitor, a start names who holds its port, and a stop leaves it alone.
#[test]
fn the_same_pico_in_a_container_is_another() -> Done {
    for real in [false, true] {
        let site = site(Kind::Platform).real(real).build()?;
        let inside = "setpriv --reuid 4711 --regid 4711 --clear-groups /opt/mz/bin/mzsh startup platform; exec sleep 1000001";
        let inside = if site.node.owner() == "root" {
            inside.split_once("groups ").map_or(inside, |(_, rest)| rest)
        } else {
            inside
        };
        let container = "unshare --pid --fork --kill-child --mount --mount-proc";
        site.sh(&format!("setsid {container} sh -c '{inside}' </dev/null >/dev/null 2>&1 &"))?;
        site.until_runs(&["sleep", "1000001"])?;
        let theirs = site.one("platform")?;
        for _ in 0..2 {
            site.probe()?.answers(NOT_RUNNING);
            for level in [0, 10, 20] {
                site.monitor(level)?.answers(NOT_RUNNING);
            }
            site.stop()?.answers(OK).silently();
            assert!(site.lives(&theirs)?);
            site.agent().run("start")?.answers(GENERIC).because(&[
                "port ",
                "held by pid ",
                &theirs.pid.to_string(),
            ]);
            assert!(site.lives(&theirs)?);
        }
        assert_eq!((site.calls("startup")?, site.calls("shutdown")?), (1, 0));
    }
    Ok(())
}

/// A start returns at once to a caller that reads its output to the end, as `$(...)` does, although the JVM was started in the
/// session of mzsh and keeps what mzsh gave it.
#[test]
fn a_caller_that_reads_to_the_end_is_not_held_up_by_the_jvm() -> Done {
    for (detached, real) in [(false, false), (true, false), (false, true)] {
        let site = site(Kind::Platform).real(real).set(&format!("jvm_detached={detached}")).build()?;
        let (argv, environment) = site.agent().spelled_out("start");
        let line = format!("said=$({} 2>&1); code=$?; echo \"[$said]\"; exit $code", argv.join(" "));
        let shell = site.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
        let shell = environment.into_iter().fold(shell, |call, (name, value)| call.env(name, value));
        let ran = shell.run()?.expect(0)?;
        assert_eq!(ran.stdout, "[]\n", "{ran}");
        let jvm = site.one("platform")?;
        site.monitor(10)?.answers(OK).silently();
        assert_eq!(site.one("platform")?.pid, jvm.pid);
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// Paths by which the installation can be named; the second says how its JVM names it.
const PATHS: [(&str, &str); 6] = [
    ("/opt/link", "/opt/mz"),
    ("/opt/mz", "/opt/link"),
    ("/opt/mz/", "/opt/mz"),
    ("/opt//mz/.", "/opt/link"),
    ("/opt/mz", "/opt/bound"),
    ("/opt/bound", "/opt/link"),
];

/// An installation that is named through a link, a bind mount, with slashes too many or by another path than its JVM's is the same one: what was
/// started by one path is found, monitored and stopped by the other after the record was lost.
#[test]
fn an_installation_has_as_many_names_as_there_are_paths() -> Done {
    for (ours, theirs) in PATHS {
        let site = site(Kind::Platform).build()?;
        site.sh("ln -s mz /opt/link; mkdir /opt/bound && mount --bind /opt/mz /opt/bound")?;
        let by_hand = || site.as_owner("/opt/mz/bin/mzsh").env("MZ_HOME", theirs);
        by_hand().args(["startup", "platform"]).run()?.expect(0)?;
        let jvm = site.one_of(theirs, "platform")?;
        let call = || site.agent().param("mz_home", ours);
        let forget = || site.sh(&format!("rm -f {}", site.record()));
        call().run("monitor")?.answers(OK).silently();
        for level in [0, 10] {
            forget()?;
            recurring(call(), level).run("monitor")?.answers(OK).silently();
        }
        forget()?;
        call().run("start")?.answers(OK).silently();
        assert_eq!(site.one_of(theirs, "platform")?.pid, jvm.pid, "{ours} {theirs}");
        forget()?;
        call().run("stop")?.answers(OK);
        assert!(site.processes()?.is_empty(), "{}", in_short(&site.processes()?));
        call().run("monitor")?.answers(NOT_RUNNING);
    }
    Ok(())
}
