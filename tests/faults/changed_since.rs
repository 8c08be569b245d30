//! What has changed since it was known: whose the installation is, where its link leads, what its program is called, where it is mounted. A live
//! pico is not taken for none by what was true before.

use std::time::Duration;

use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::imitation::{Imitation, JAVA};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{AgentCall, Done, Held, Process};

use crate::cells::{CLASS, HOME, NAMED};

fn call(site: &Site) -> AgentCall<'_> {
    site.agent().param("ha_check", "no").meta_timeout(Duration::from_secs(10))
}

/// No probe and no monitor says that nothing is running, and no stop "stopped" while it lives.
#[track_caller]
fn is_not_taken_for_none<'a>(
    site: &Site,
    what: &str,
    pico: &Process,
    call: impl Fn() -> AgentCall<'a>,
) -> Done {
    for ran in
        [call().run("monitor")?, recurring(call(), 0).run("monitor")?, recurring(call(), 10).run("monitor")?]
    {
        assert!(ran.code().is_some_and(|code| code != NOT_RUNNING), "{what}: {ran}");
    }
    let stop = call().run("stop")?;
    assert!(stop.code() != Some(OK) || !site.lives(pico)?, "{what}: {stop}");
    Ok(())
}

/// The installation got another owner while its pico was down, and the record still names the one before: the new owner's pico is the pico,
/// by the directory alone and by `os_user`.
#[test]
fn owner_that_changed_since_the_record_is_asked_for() -> Done {
    for os_user in [None, Some("4712")] {
        let site = site(Kind::Platform).build()?;
        site.start()?;
        site.mzsh(&["shutdown", "platform"])?;
        site.sh("chown -R 4712:4712 /opt/mz")?;
        let pico = Imitation::pico("platform").user(4712).start(&site)?;
        is_not_taken_for_none(&site, &format!("{os_user:?}"), &pico, || match os_user {
            Some(user) => call(&site).param("os_user", user),
            None => call(&site),
        })?;
    }
    Ok(())
}

/// An `os_user` that the name service does not know at the moment is no user of whom nothing runs, also where the files are root's.
#[test]
fn os_user_that_is_not_known_at_the_moment_excludes_nobody() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    site.sh("chown 0:0 /opt/mz /opt/mz/bin /opt/mz/bin/mzsh")?;
    let pico = Imitation::pico("platform").start(&site)?;
    site.sh("grep -v mzadmin /etc/passwd >/opt/passwd; mount --bind /opt/passwd /etc/passwd")?;
    is_not_taken_for_none(&site, "unknown", &pico, || call(&site).param("os_user", "mzadmin"))
}

/// `mz_home` is a link, and leads elsewhere since the record was written: the pico of where it leads now is the pico.
#[test]
fn link_that_leads_elsewhere_since_the_record_is_followed() -> Done {
    for home in ["/opt/mz", "/opt/mz2"] {
        let site = site(Kind::Platform).build()?;
        site.sh("mv /opt/mz /opt/mz1 && ln -s mz1 /opt/mz && chown -h 4711 /opt/mz")?;
        site.start()?;
        site.signal(site.recorded()?.expect("a record"), "KILL")?;
        site.sh("cp -a /opt/mz1 /opt/mz2 && ln -sfn mz2 /opt/mz && chown -h 4711 /opt/mz")?;
        let home = format!("-Dmz.home={home}");
        let pico = Imitation::java(&["java", &home, NAMED, CLASS, "platform"]).start(&site)?;
        is_not_taken_for_none(&site, &home, &pico, || call(&site))?;
    }
    Ok(())
}

/// The file of the java that runs was renamed, as an administrator does for an update and NFS for a file that is deleted while it is in use: it is
/// the pico, with its record and without.
#[test]
fn java_that_was_renamed_since_it_runs_is_the_pico() -> Done {
    for new in ["java.old", ".nfs0000000000a1b2c300000001"] {
        let site = site(Kind::Platform).build()?;
        let pico = Imitation::pico("platform").start(&site)?;
        site.sh(&format!("mv {JAVA} /opt/imitated/bin/{new}; cp -a /opt/imitated/bin/{new} {JAVA}"))?;
        call(&site).run("monitor")?.answers(OK).silently();
        recurring(call(&site), 10).run("monitor")?.answers(OK).silently();
        site.sh(&format!("rm -f {}", site.record()))?;
        is_not_taken_for_none(&site, new, &pico, || call(&site))?;
        assert!(!site.lives(&pico)?);
    }
    Ok(())
}

/// The directory that a relative `mz.home` means was removed and made anew: its name is still that of the installation.
#[test]
fn directory_that_was_replaced_since_the_pico_runs_is_the_installation() -> Done {
    let site = site(Kind::Platform).build()?;
    let java = Imitation::java(&["java", "-Dmz.home=.", NAMED, CLASS, "platform"]);
    let pico = java.directory("/opt/mz").start(&site)?;
    site.sh("cp -a /opt/mz /opt/new && rm -rf /opt/mz && mv /opt/new /opt/mz")?;
    is_not_taken_for_none(&site, "replaced", &pico, || call(&site))
}

/// The storage was unmounted here, and is still mounted where the pico lives, in a mount namespace of its own: with the same path it may be the
/// pico.
#[test]
fn storage_that_is_mounted_only_where_the_pico_lives_is_no_other_one() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("mv /opt/mz /opt/storage && mkdir /opt/mz && mount --bind /opt/storage /opt/mz && mount --make-private /opt/mz")?;
    let pico = Imitation::pico("platform").in_mount_namespace("true").start(&site)?;
    site.sh("umount /opt/mz && mv /opt/storage /opt/.elsewhere")?;
    is_not_taken_for_none(&site, "unmounted", &pico, || call(&site).param("os_user", "mzadmin"))
}

/// A pico that lives in a chroot has our installation by another path.
#[test]
fn pico_in_a_chroot_is_told_by_the_place_of_its_home() -> Done {
    let site = site(Kind::Platform).build()?;
    // Makes the program of the imitations.
    let other = Imitation::java(&["java"]).start(&site)?;
    site.signal(other.pid, "KILL")?;
    site.sh(
        "cd /opt && mkdir -p jail/opt && cp -a mz jail/opt/ && for d in usr lib lib64 bin; do
            [ ! -e /$d ] || { mkdir -p jail/$d && mount --bind /$d jail/$d; }
        done
        mkdir -p jail/opt/mz/java/bin && cp imitated/bin/java jail/opt/mz/java/bin/java && mount --bind jail/opt/mz mz",
    )?;
    let line = format!(
        "setsid chroot --userspec=4711:4711 /opt/jail /usr/bin/env -i IMITATE= /opt/mz/java/bin/java {HOME} {NAMED} {CLASS} platform \
            </dev/null >/dev/null 2>&1 & echo $!"
    );
    let pid: u32 = site.sh(&line)?.trim().parse().expect("a number");
    let pico = site.until("the pico in its chroot", |site| {
        let found =
            site.processes()?.into_iter().find(|process| process.pid == pid && process.comm == "java");
        Ok(found.ok_or_else(|| "not yet".to_owned()))
    })?;
    is_not_taken_for_none(&site, "chroot", &pico, || call(&site))?;
    assert!(!site.lives(&pico)?);
    Ok(())
}

/// Our storage hangs, and where `mz_home` leads on it is known from the last start on this node: the pico of another installation is another, and
/// makes nothing of ours doubtful.
#[test]
fn home_on_storage_that_hangs_is_known_from_the_last_start() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("mkdir -p /opt/storage")?;
    site.second("/opt/storage/mz", &["--free-ports", "--set", "start_time=50ms"])?;
    let call = || call(&site).param("mz_home", "/opt/storage/mz");
    call().run("start")?.answers(OK).silently();
    call().run("stop")?.answers(OK);
    let other = Imitation::pico("platform").start(&site)?;
    let hung = site.node.hang("/opt/storage", Held::Everything)?;
    call().run("monitor")?.answers(NOT_RUNNING);
    call().run("stop")?.answers(OK);
    assert!(site.lives(&other)?);
    hung.release();
    Ok(())
}
