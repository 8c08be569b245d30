//! A root that may not look into other users' processes: in a container or under a hardened service it has no `CAP_SYS_PTRACE`, and then
//! the links, the environment and the descriptors below `/proc/PID` of the installation's user can't be read.

use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::imitation::Imitation;
use testkit::site::{Kind, MZADMIN, Site, recurring, site};
use testkit::{AgentCall, Done, Error, Process};

use crate::cells::{CLASS, HOME, NAMED, STRANGER};

/// By a root without this capability, which no program can get back.
fn agent(site: &Site) -> AgentCall<'_> {
    site.agent().through(["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"])
}

/// Without `CAP_SYS_PTRACE` a pico that lives is well for a probe and for monitors of each depth, with its record and without, is adopted by
/// a start, and is ended in order by a stop.
#[test]
fn without_sys_ptrace_a_healthy_pico_is_well_is_adopted_and_can_be_stopped() -> Done {
    for (kind, real) in [(Kind::Platform, true), (Kind::Ec, false)] {
        let site = site(kind).real(real).build()?;
        for by_hand in [false, true] {
            let jvm = if by_hand { site.start_by_hand()? } else { site.start()? };
            agent(&site).run("monitor")?.answers(OK).silently();
            for level in [0, 10, 20] {
                recurring(agent(&site), level).run("monitor")?.answers(OK).silently();
            }
            site.sh(&format!("rm {}", site.record()))?;
            agent(&site).run("monitor")?.answers(OK).silently();
            site.sh(&format!("rm -f {}", site.record()))?;
            agent(&site).run("start")?.answers(OK);
            assert_eq!(site.one(site.pico())?.pid, jvm.pid, "it was adopted");
            agent(&site).run("stop")?.answers(OK);
            assert_eq!(site.last_end(site.pico())?.as_deref(), Some("shutdown"));
            site.nothing_left()?;
        }
    }
    Ok(())
}

/// Without `CAP_SYS_PTRACE` nothing is not running, beside other processes of the installation's user; a start brings the pico up, and its
/// death is found.
#[test]
fn without_sys_ptrace_nothing_is_not_running_and_a_start_brings_it_up() -> Done {
    let site = site(Kind::Ec).build()?;
    site.as_owner("sh").args(["-c", "sleep 1000001 >/dev/null 2>&1 &"]).run()?.expect(OK)?;
    let other = site.until_runs(&["sleep", "1000001"])?;
    agent(&site).run("monitor")?.answers(NOT_RUNNING);
    agent(&site).run("stop")?.answers(OK).silently();
    agent(&site).run("start")?.answers(OK);
    let jvm = site.one("ec1")?;
    recurring(agent(&site), 10).run("monitor")?.answers(OK).silently();
    site.signal(jvm.pid, "KILL")?;
    recurring(agent(&site), 0).run("monitor")?.answers(NOT_RUNNING).because(&[&format!("pid {} ", jvm.pid)]);
    agent(&site).run("monitor")?.answers(NOT_RUNNING);
    agent(&site).run("stop")?.answers(OK);
    assert!(site.lives(&other)?);
    Ok(())
}

/// Without `CAP_SYS_PTRACE` the same pico in a container is none of ours all the same: not running for probe and monitor, and left alone
/// by a stop.
#[test]
fn without_sys_ptrace_the_same_pico_in_a_container_is_another() -> Done {
    let site = site(Kind::Platform).build()?;
    let user =
        if site.node.owner() == "root" { "" } else { "setpriv --reuid 4711 --regid 4711 --clear-groups" };
    let inside = format!("{user} /opt/mz/bin/mzsh startup platform; exec sleep 1000001");
    let container = "unshare --pid --fork --kill-child --mount --mount-proc";
    site.sh(&format!("setsid {container} sh -c '{inside}' </dev/null >/dev/null 2>&1 &"))?;
    site.until_runs(&["sleep", "1000001"])?;
    let theirs = site.one("platform")?;
    agent(&site).run("monitor")?.answers(NOT_RUNNING);
    recurring(agent(&site), 10).run("monitor")?.answers(NOT_RUNNING);
    agent(&site).run("stop")?.answers(OK);
    assert!(site.lives(&theirs)?);
    Ok(())
}

/// Without `CAP_SYS_PTRACE` the file of a process's program can't be read; what the kernel calls it says that it is a java, whatever it calls
/// itself.
#[test]
fn without_sys_ptrace_a_java_that_calls_itself_otherwise_is_the_pico() -> Done {
    let site = site(Kind::Platform).build()?;
    let argv = ["mediationzone", "-Dmz.home=/opt/mz", "-Dpico.configname=platform", "PicoStart", "platform"];
    let pico = Imitation::java(&argv).start(&site)?;
    let call = || site.agent().through(["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]);
    call().run("monitor")?.answers(OK).silently();
    call().run("stop")?.answers(OK);
    assert!(!site.lives(&pico)?);
    Ok(())
}

/// Copies a program to a path of more than a page, which no system call takes at once, and executes it there.
const DEEP: &str = "import os,shutil,sys
os.chdir('/opt/deep')
for name in ['d'*200]*25:
    os.mkdir(name)
    os.chdir(name)
shutil.copy('/run/testkit/bin/imitator','java')
os.execve('./java',sys.argv[1:],{'IMITATE':'\\n'})
";

/// A live java of the Platform's looks and this user's, of whose program the kernel tells no path, not even to root.
fn without_a_path(site: &Site, user: u32) -> Result<Process, Error> {
    site.sh("mkdir -m 777 /opt/deep")?;
    site.node.write("/opt/deep.py", DEEP)?;
    let user = format!("setpriv --reuid {user} --regid {user} --clear-groups");
    let argv = format!("java {HOME} {NAMED} {CLASS} platform");
    site.sh(&format!("setsid {user} python3 /opt/deep.py {argv} </dev/null >/dev/null 2>/opt/said &"))?;
    let java = site.until_runs(&["java", HOME, NAMED, CLASS, "platform"])?;
    let link = format!("readlink /proc/{}/exe", java.pid);
    assert!(site.sh(&link).is_err(), "its path can be read");
    Ok(java)
}

/// A stranger's java at a path that is too long for the kernel to tell is none of ours, is named by explain, and fails no look at the
/// others: neither with parameters that can be read nor with one that can't.
#[test]
fn program_of_a_stranger_without_a_path_fails_no_look() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let theirs = without_a_path(&site, STRANGER)?;
    let start = || site.agent().run("start").map(|ran| ran.answers(OK));
    let unreadable = || site.agent().param("pico_name", "plat form");
    // From here on it is remembered whose the installation is.
    start()?;
    for call in [site.agent(), unreadable()] {
        call.clone().run("monitor")?.answers(OK).silently();
        call.run("stop")?.answers(OK);
        for call in [site.agent(), unreadable()] {
            call.clone().run("monitor")?.answers(NOT_RUNNING);
            call.run("stop")?.answers(OK);
        }
        let explained = site.agent().run("explain")?;
        assert!(explained.stdout.contains(&format!("pid {}", theirs.pid)), "{explained}");
        assert!(site.lives(&theirs)?);
        start()?;
    }
    Ok(())
}

/// A pico at such a path is told by what it calls itself: it is well, is adopted by a start, and ended by a stop.
#[test]
fn pico_whose_program_has_no_path_is_well_is_adopted_and_can_be_stopped() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let pico = without_a_path(&site, MZADMIN)?;
    site.probe()?.answers(OK).silently();
    let call = || site.agent().param("ha_check", "no");
    recurring(call(), 10).run("monitor")?.answers(OK).silently();
    site.sh(&format!("rm {}", site.record()))?;
    call().run("start")?.answers(OK);
    assert_eq!(site.one("platform")?.pid, pico.pid, "it was adopted");
    site.stop()?.answers(OK);
    site.nothing_left()
}
