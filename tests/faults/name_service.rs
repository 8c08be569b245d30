//! Users and names: a name service that blocks, a resolver that never answers, a user that is not known.

use std::time::Duration;

use testkit::answer::{ARGS, Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{HOME, Kind, Site, recurring, site};
use testkit::{Done, Error};

/// Whoever looks for a user or a group waits until somebody writes to a FIFO, and nobody does.
fn block_users(site: &Site) -> Done {
    site.sh("mkfifo /opt/users && mount --bind /opt/users /etc/passwd && mount --bind /opt/users /etc/group")
        .map(drop)
}

/// Users can be looked for again.
fn unblock_users(site: &Site) -> Done {
    site.sh("umount /etc/passwd && umount /etc/group").map(drop)
}

/// Whoever looks for the address of a name waits for a server that takes the question and says nothing.
fn block_names(site: &Site) -> Done {
    site.sh(
        "echo 'nameserver 192.0.2.1' >/opt/resolv.conf && mount --bind /opt/resolv.conf /etc/resolv.conf",
    )?;
    site.sh(
        "echo 'hosts: files dns' >/opt/nsswitch.conf && mount --bind /opt/nsswitch.conf /etc/nsswitch.conf",
    )?;
    site.sh("echo '127.0.0.1 localhost' >/opt/hosts && mount --bind /opt/hosts /etc/hosts")?;
    // Nobody refuses what is sent there, for somebody has the port.
    site.sh("ip address add 192.0.2.1/32 dev lo")?;
    let server = "import socket, signal; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); \
        s.bind(('192.0.2.1', 53)); signal.pause()";
    site.sh(&format!("setsid python3 -c \"{server}\" </dev/null >/dev/null 2>&1 &"))?;
    site.until("the name server to listen", |site| {
        let sockets = site.sh("cat /proc/net/udp")?;
        Ok(if sockets.contains(":0035 ") { Ok(()) } else { Err(sockets) })
    })
}

/// All but the name server.
fn nothing_left(site: &Site) -> Result<bool, Error> {
    Ok(site.processes()?.iter().all(|process| process.argv.iter().any(|word| word.contains("192.0.2.1"))))
}

/// A name service that blocks is no matter for a live JVM at depth 0 and no failure at depth 10, where the client can't be run;
/// a stop ends the JVM within the shortest time that Pacemaker gives by default.
#[test]
fn a_user_database_that_blocks_fails_no_monitor_and_no_stop() -> Done {
    for recorded in [true, false] {
        let site = site(Kind::Platform).build()?;
        let jvm = site.start_by_hand()?;
        if recorded {
            site.monitor(0)?.answers(OK);
        }
        block_users(&site)?;
        site.monitor(0)?.answers(OK).silently();
        site.probe()?.answers(OK).silently();
        for level in [10, 20] {
            let short = site.recurring(level).param("ha_timeout", "2").param("mzsh_timeout", "2");
            short.run("monitor")?.answers(OK);
        }
        assert!(site.log()?.contains("could not be asked"), "{}", site.log()?);
        assert_eq!(site.one("platform")?.pid, jvm.pid);
        if !recorded {
            site.sh(&format!("rm {}", site.record()))?;
        }
        site.stop()?.answers(OK);
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(0)?.answers(NOT_RUNNING);
    }
    Ok(())
}

/// A start with a name service that blocks ends by itself in time, says what did not answer, and leaves nothing; it succeeds
/// when the name service is back.
#[test]
fn a_user_database_that_blocks_fails_a_start_in_time() -> Done {
    let site = site(Kind::Platform).build()?;
    block_users(&site)?;
    site.agent().run("start")?.answers(GENERIC).because(&[
        "platform",
        "name service",
        "has not answered for",
        " s",
    ]);
    site.nothing_left()?;
    assert_eq!(site.calls("")?, 0, "mzsh was not executed");
    site.stop()?.answers(OK).silently();
    unblock_users(&site)?;
    site.start()?;
    site.monitor(10)?.answers(OK).silently();
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// A resolver that never answers is no matter for a JVM that lives: monitors of each depth are well, and a stop ends it in time.
#[test]
fn a_resolver_that_never_answers_is_no_matter_for_a_live_jvm() -> Done {
    let site = site(Kind::Sc).common("pico.rcp.server.host=mz-node.example").without_platform();
    let site = site.set("ec_startup_without_platform=start").build()?;
    site.sh("echo '127.0.0.1 localhost mz-node.example' >/opt/known && mount --bind /opt/known /etc/hosts")?;
    site.agent().param("wait_for", ",").run("start")?.answers(OK);
    let jvm = site.one("sc1")?;
    block_names(&site)?;
    for _ in 0..2 {
        for level in [0, 10] {
            let monitor = site.monitor(level)?.answers(OK);
            assert!(monitor.wall < Duration::from_secs(20), "{monitor}");
        }
        site.probe()?.answers(OK);
        assert_eq!(site.one("sc1")?.pid, jvm.pid);
        // The second time nothing is known but what /proc and the registry say.
        site.sh(&format!("rm -f {}", site.record()))?;
    }
    site.stop()?.answers(OK);
    assert!(nothing_left(&site)?);
    Ok(())
}

/// A start that needs the address of what must answer first, and a resolver that never answers, ends by itself in time, says so,
/// and leaves nothing.
#[test]
fn a_resolver_that_never_answers_fails_a_start_in_time() -> Done {
    let site = site(Kind::Sc).common("pico.rcp.server.host=127.0.0.1").without_platform().build()?;
    block_names(&site)?;
    let start = site.agent().param("wait_for", "db.example:1521").run("start")?.answers(GENERIC);
    start.because(&["sc1", "needs db.example:1521", "the resolver has not answered for"]);
    assert!(nothing_left(&site)?);
    assert_eq!(site.calls("")?, 0, "mzsh was not executed");
    site.stop()?.answers(OK).silently();
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}

/// A start of a pico whose own name can't be checked, because the resolver never answers, goes on with a warning: whether the product
/// needs the name is the product's affair.
#[test]
fn a_resolver_that_never_answers_is_no_reason_not_to_start() -> Done {
    let site = site(Kind::Sc).common("pico.rcp.server.host=mz-node.example").without_platform();
    let site = site.set("ec_startup_without_platform=start").build()?;
    block_names(&site)?;
    site.agent().param("wait_for", ",").run("start")?.answers(OK).silently();
    site.one("sc1")?;
    let log = site.log()?;
    assert!(log.contains("mz-node.example can't be checked: the resolver has not answered for"), "{log}");
    site.stop()?.answers(OK);
    assert!(nothing_left(&site)?);
    Ok(())
}

/// An `os_user` that this node does not know fails a start with its name, and is no matter for a probe, a monitor of a live JVM or a
/// stop, which goes by signals.
#[test]
fn a_user_that_is_not_known_fails_a_start_and_nothing_that_runs() -> Done {
    let site = site(Kind::Platform).build()?;
    let unknown = || site.agent().param("os_user", "nobody-there");
    unknown().run("monitor")?.answers(NOT_RUNNING);
    recurring(unknown(), 0).run("monitor")?.answers(NOT_RUNNING);
    unknown().run("stop")?.answers(OK).silently();
    unknown().run("start")?.answers(GENERIC).because(&["os_user", "nobody-there", "unknown on this node"]);
    unknown().level(10).run("validate-all")?.answers(ARGS).because(&["os_user", "nobody-there"]);
    site.nothing_left()?;
    assert_eq!(site.calls("")?, 0);
    for recorded in [true, false] {
        let jvm = site.start()?;
        if !recorded {
            site.sh(&format!("rm {}", site.record()))?;
        }
        unknown().run("monitor")?.answers(OK).silently();
        recurring(unknown(), 0).run("monitor")?.answers(OK).silently();
        recurring(unknown(), 10).run("monitor")?.answers(OK);
        assert_eq!(site.one("platform")?.pid, jvm.pid);
        unknown().run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A user that was removed while the JVM lives is no matter for its monitors or its stop; a start is refused while the name service
/// does not know the user.
#[test]
fn a_user_that_was_removed_meanwhile_is_no_matter() -> Done {
    for named in [false, true] {
        let site = site(Kind::Platform).build()?;
        let call = || if named { site.agent().param("os_user", site.node.owner()) } else { site.agent() };
        call().run("start")?.answers(OK).silently();
        site.sh("grep -v ^mzadmin: /etc/passwd >/opt/passwd; mount --bind /opt/passwd /etc/passwd")?;
        for level in [0, 10] {
            recurring(call(), level).run("monitor")?.answers(OK);
        }
        call().run("monitor")?.answers(OK).silently();
        call().run("stop")?.answers(OK);
        site.nothing_left()?;
        call().run("monitor")?.answers(NOT_RUNNING);
        if site.node.owner() == "root" {
            call().run("start")?.answers(OK);
            assert_eq!(site.one("platform")?.uid, site.owner(), "{HOME}");
        } else {
            let who = if named { "user mzadmin is unknown" } else { "user 4711 (owner of /opt/mz): unknown" };
            call().run("start")?.answers(GENERIC).because(&["os_user", who]);
        }
    }
    Ok(())
}
