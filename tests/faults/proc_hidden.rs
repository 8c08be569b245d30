//! A /proc that does not show the node's processes: who sees nothing there has not seen that nothing runs.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::imitation::{Imitation, JAVA};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{AgentCall, Done, Error};

use crate::cells::{CLASS, HOME, NAMED};

/// What a shell does, in a mount namespace of the agent's own, before it executes the agent.
const HIDDEN: [(&str, &str); 8] = [
    ("not mounted", "while umount -l /proc 2>/dev/null; do :; done; exec \"$@\""),
    ("an empty file system", "mount -t tmpfs tmpfs /proc; exec \"$@\""),
    // A caller that is in the group of the option sees all; gid=0, which is the default, is root's.
    (
        "hidepid=2, without CAP_SYS_PTRACE",
        "mount -t proc -o hidepid=2,gid=4713 proc /proc; exec setpriv --bounding-set -sys_ptrace \"$@\"",
    ),
    (
        "hidepid=ptraceable, without CAP_SYS_PTRACE",
        "mount -t proc -o hidepid=ptraceable proc /proc; exec setpriv --bounding-set -sys_ptrace \"$@\"",
    ),
    // This way of hiding exempts no group.
    (
        "hidepid=ptraceable with a group, without CAP_SYS_PTRACE",
        "mount -t proc -o hidepid=ptraceable,gid=4713 proc /proc;
        exec setpriv --groups 4713 --bounding-set -sys_ptrace \"$@\"",
    ),
    ("the /proc of the namespace around the agent's", "exec unshare --pid --fork --kill-child \"$@\""),
    (
        "the /proc of a namespace below the agent's",
        "unshare --pid --fork --kill-child sh -c 'mount -t proc proc /proc; exec sleep 1000001' >/dev/null 2>&1 &
        until [ \"$(cat /proc/1/comm)\" = sleep ]; do :; done; exec \"$@\"",
    ),
    (
        "the /proc of a namespace that has ended",
        "unshare --pid --fork mount -t proc proc /proc; exec \"$@\"",
    ),
];

/// The same agent behind that.
fn behind<'a>(call: AgentCall<'a>, first: &str) -> AgentCall<'a> {
    call.through(["unshare", "--mount", "--propagation", "private", "sh", "-c", first, "sh"])
}

/// What was wrong: each action has to say 1 and that it could not see the processes.
fn sees_nothing(site: &Site, what: &str, first: &str) -> Result<Vec<String>, Error> {
    let calls = [
        ("probe", site.agent(), "monitor"),
        ("depth 0", recurring(site.agent(), 0), "monitor"),
        ("depth 10", recurring(site.agent(), 10), "monitor"),
        ("stop", site.agent().meta_timeout(Duration::from_secs(4)), "stop"),
    ];
    let mut wrong = Vec::new();
    for (name, call, action) in calls {
        let ran = behind(call, first).run(action)?;
        let said = ran.reason().unwrap_or_default();
        if ran.code() != Some(GENERIC) || !said.contains("/proc") {
            wrong.push(format!("{what}: {name}: {}, not 1: {said}", ran.end));
        }
    }
    Ok(wrong)
}

/// With a /proc that is not mounted, that hides the processes, or that is of another pid namespace, no probe and no monitor says that nothing
/// runs, and no stop that it is stopped, be the pico alive or not: each answers 1, and its reason says what is wrong with /proc.
#[test]
fn proc_that_does_not_show_the_processes_is_no_proof_of_anything() -> Done {
    let mut wrong = Vec::new();
    for (what, first) in HIDDEN {
        let site = site(Kind::Platform).build()?;
        if site.node.owner() == "root" {
            return Ok(());
        }
        wrong.append(&mut sees_nothing(&site, &format!("{what}, nothing runs"), first)?);
        for recorded in [true, false] {
            let jvm = site.start_by_hand()?;
            if recorded {
                site.monitor(0)?.answers(OK).silently();
            }
            let what = format!("{what}, a JVM that a record names: {recorded}");
            wrong.append(&mut sees_nothing(&site, &what, first)?);
            site.stop()?.answers(OK);
            assert!(!site.lives(&jvm)?, "{what}");
            site.sh(&format!("rm -f {}", site.record()))?;
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

/// A /proc that hides processes from others (`hidepid`) hides nothing from an agent that has the right to see them.
#[test]
fn proc_with_hidepid_shows_everything_to_an_agent_with_its_rights() -> Done {
    let site = site(Kind::Platform).build()?;
    for option in ["hidepid=2,gid=4713", "hidepid=ptraceable"] {
        let first = format!("mount -t proc -o {option} proc /proc; exec \"$@\"");
        let call = || behind(site.agent(), &first);
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("start")?.answers(OK).silently();
        call().run("monitor")?.answers(OK).silently();
        behind(recurring(site.agent(), 10), &first).run("monitor")?.answers(OK).silently();
        call().run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A group that `hidepid` exempts shows everything to an agent that is in it, be it without `CAP_SYS_PTRACE`.
#[test]
fn proc_with_hidepid_shows_everything_to_an_agent_of_the_exempt_group() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let first = "mount -t proc -o hidepid=invisible,gid=4713 proc /proc;
        exec setpriv --groups 4713 --bounding-set -sys_ptrace \"$@\"";
    behind(site.agent(), first).run("monitor")?.answers(NOT_RUNNING);
    site.start()?;
    site.sh(&format!("rm {}", site.record()))?;
    behind(site.agent(), first).run("monitor")?.answers(OK).silently();
    behind(site.agent(), first).run("stop")?.answers(OK);
    site.nothing_left()
}

/// As many groups as a process can have: in its status they stand before the line of its pid namespaces.
const MANY_GROUPS: &str = "import os,sys
os.setgroups(range(4294967294-65536,4294967294))
os.execve(sys.argv[1],sys.argv[2:],{'IMITATE':'\\n'})
";

/// The same pico in a container, with as many groups as a process can have, is none of ours all the same: not running for probe and monitor,
/// and left alone by a stop.
#[test]
fn the_same_pico_in_a_container_with_as_many_groups_as_possible_is_another() -> Done {
    for home in [HOME, "-Dx=y"] {
        let site = site(Kind::Platform).build()?;
        // Lays the program.
        let warm = Imitation::java(&["java"]).start(&site)?;
        site.signal(warm.pid, "KILL")?;
        site.node.write("/opt/groups.py", MANY_GROUPS)?;
        let inside = format!("python3 /opt/groups.py {JAVA} java {home} {NAMED} {CLASS} platform");
        site.sh(&format!(
            "setsid unshare --pid --fork --kill-child {inside} </dev/null >/dev/null 2>/opt/said &"
        ))?;
        let theirs = site.until_runs(&["java", home, NAMED, CLASS, "platform"])?;
        let bytes = site.sh(&format!("wc -c </proc/{}/status", theirs.pid))?;
        assert!(bytes.trim().parse::<u32>().is_ok_and(|number| number > 700_000), "{bytes}");
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(10)?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
        assert!(site.lives(&theirs)?, "{home}");
    }
    Ok(())
}

/// What lies over a file of /proc so that it can't be opened: a socket.
const SOCKET: &str = "/opt/socket";

/// Where one file of /proc can't be read, no action says that nothing runs; each names that very file, with what the system says of it.
#[test]
fn a_file_of_proc_that_cant_be_read_is_named() -> Done {
    let site = site(Kind::Platform).build()?;
    let _socket = UnixListener::bind(site.node.path(SOCKET)).expect("a path for a socket");
    let mut wrong = Vec::new();
    // The shell becomes the agent.
    names(&site, "/proc/self/mountinfo", "/proc/$$/mountinfo", &mut wrong)?;
    // Nothing but its environment says of which installation it is.
    let jvm = Imitation::java(&["java", NAMED, CLASS, "platform"]).env("MZ_HOME", "/opt/mz").start(&site)?;
    for file in ["stat", "status", "cmdline", "environ"] {
        let file = format!("/proc/{}/{file}", jvm.pid);
        names(&site, &file, &file, &mut wrong)?;
        assert!(site.lives(&jvm)?, "{file}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Covers the file with the socket for each agent: what is wrong with the answers.
fn names(site: &Site, file: &str, over: &str, wrong: &mut Vec<String>) -> Done {
    let first = format!("mount --bind {SOCKET} {over}; exec \"$@\"");
    for action in ["monitor", "stop"] {
        let ran = behind(site.agent().meta_timeout(Duration::from_secs(6)), &first).run(action)?;
        let said = ran.reason().unwrap_or_default();
        if ran.code() != Some(GENERIC) || !said.contains(&format!("{file}: No such device")) {
            wrong.push(format!("{file}: {ran}"));
        }
    }
    Ok(())
}
