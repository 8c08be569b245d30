//! Facts about the installation that have changed since they were recorded: its owner, the target of its
//! link, the name of its program, its mount. A live pico is never reported as not running because of outdated
//! facts.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::{FAKE_JAVA, FakeProcess};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{AgentCall, HungOperation, NodeProcess, TestResult};

use crate::process_cases::{CONFIGNAME_OPTION, HOME_OPTION, PICO_MAIN_CLASS};

fn agent_without_ha_check(fixture: &Fixture) -> AgentCall<'_> {
    fixture.agent().param("ha_check", "no").meta_timeout(Duration::from_secs(10))
}

/// No probe and no monitor answers "not running", and no stop "stopped", while it lives.
#[track_caller]
fn assert_never_reported_as_absent<'a>(
    fixture: &Fixture,
    what: &str,
    pico: &NodeProcess,
    call: impl Fn() -> AgentCall<'a>,
) -> TestResult {
    for ran in [
        call().run("monitor")?,
        as_recurring_monitor(call(), 0).run("monitor")?,
        as_recurring_monitor(call(), 10).run("monitor")?,
    ] {
        assert!(ran.code().is_some_and(|code| code != OCF_NOT_RUNNING), "{what}: {ran}");
    }
    let stop = call().run("stop")?;
    assert!(stop.code() != Some(OCF_SUCCESS) || !fixture.is_alive(pico)?, "{what}: {stop}");
    Ok(())
}

/// The installation got another owner while its pico was down, and the record still names the previous one.
/// The new owner's pico is recognized, by the directory alone and by `os_user`.
#[test]
fn pico_of_changed_owner_is_found_despite_old_record() -> TestResult {
    for os_user in [None, Some("4712")] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.start()?;
        fixture.mzsh(&["shutdown", "platform"])?;
        fixture.sh("chown -R 4712:4712 /opt/mz")?;
        let pico = FakeProcess::for_pico("platform").user(4712).start(&fixture)?;
        assert_never_reported_as_absent(
            &fixture,
            &format!("{os_user:?}"),
            &pico,
            || match os_user {
                Some(user) => agent_without_ha_check(&fixture).param("os_user", user),
                None => agent_without_ha_check(&fixture),
            },
        )?;
    }
    Ok(())
}

/// An `os_user` that the name service does not know at the moment excludes no process from being the pico,
/// also where the files are root's.
#[test]
fn temporarily_unknown_os_user_excludes_no_process() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    fixture.sh("chown 0:0 /opt/mz /opt/mz/bin /opt/mz/bin/mzsh")?;
    let pico = FakeProcess::for_pico("platform").start(&fixture)?;
    fixture.sh("grep -v mzadmin /etc/passwd >/opt/passwd; mount --bind /opt/passwd /etc/passwd")?;
    assert_never_reported_as_absent(&fixture, "unknown", &pico, || {
        agent_without_ha_check(&fixture).param("os_user", "mzadmin")
    })
}

/// `mz_home` is a link, and its target changed after the record was written. The pico of the new target is
/// recognized.
#[test]
fn relinked_mz_home_is_followed_despite_old_record() -> TestResult {
    for home in ["/opt/mz", "/opt/mz2"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.sh("mv /opt/mz /opt/mz1 && ln -s mz1 /opt/mz && chown -h 4711 /opt/mz")?;
        fixture.start()?;
        fixture.signal(fixture.recorded_pid()?.expect("a record"), "KILL")?;
        fixture.sh("cp -a /opt/mz1 /opt/mz2 && ln -sfn mz2 /opt/mz && chown -h 4711 /opt/mz")?;
        let home = format!("-Dmz.home={home}");
        let pico =
            FakeProcess::for_java(&["java", &home, CONFIGNAME_OPTION, PICO_MAIN_CLASS, "platform"])
                .start(&fixture)?;
        assert_never_reported_as_absent(&fixture, &home, &pico, || {
            agent_without_ha_check(&fixture)
        })?;
    }
    Ok(())
}

/// The file of the running java was renamed, as an administrator does for an update and NFS does for a
/// deleted file in use. The process is still the pico, with and without its record.
#[test]
fn running_java_with_renamed_file_is_the_pico() -> TestResult {
    for new in ["java.old", ".nfs0000000000a1b2c300000001"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let pico = FakeProcess::for_pico("platform").start(&fixture)?;
        fixture.sh(&format!(
            "mv {FAKE_JAVA} /opt/imitated/bin/{new}; cp -a /opt/imitated/bin/{new} {FAKE_JAVA}"
        ))?;
        agent_without_ha_check(&fixture)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        as_recurring_monitor(agent_without_ha_check(&fixture), 10)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
        assert_never_reported_as_absent(&fixture, new, &pico, || agent_without_ha_check(&fixture))?;
        assert!(!fixture.is_alive(&pico)?);
    }
    Ok(())
}

/// The directory that a relative `mz.home` refers to was removed and created again. A process with that path
/// is still the pico.
#[test]
fn pico_in_replaced_directory_is_still_the_pico() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let java = FakeProcess::for_java(&[
        "java",
        "-Dmz.home=.",
        CONFIGNAME_OPTION,
        PICO_MAIN_CLASS,
        "platform",
    ]);
    let pico = java.directory("/opt/mz").start(&fixture)?;
    fixture.sh("cp -a /opt/mz /opt/new && rm -rf /opt/mz && mv /opt/new /opt/mz")?;
    assert_never_reported_as_absent(&fixture, "replaced", &pico, || {
        agent_without_ha_check(&fixture)
    })
}

/// The storage is unmounted here but still mounted in the pico's own mount namespace. A process with the same
/// path may be the pico.
#[test]
fn pico_with_storage_mounted_only_in_its_namespace_may_be_the_pico() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh("mv /opt/mz /opt/storage && mkdir /opt/mz && mount --bind /opt/storage /opt/mz && mount --make-private /opt/mz")?;
    let pico = FakeProcess::for_pico("platform").in_mount_namespace("true").start(&fixture)?;
    fixture.sh("umount /opt/mz && mv /opt/storage /opt/.elsewhere")?;
    assert_never_reported_as_absent(&fixture, "unmounted", &pico, || {
        agent_without_ha_check(&fixture).param("os_user", "mzadmin")
    })
}

/// A pico in a chroot is identified by the directory that its home resolves to, although its path differs.
#[test]
fn chrooted_pico_is_identified_by_location_of_its_home() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    // Installs the program of the imitations.
    let other = FakeProcess::for_java(&["java"]).start(&fixture)?;
    fixture.signal(other.pid, "KILL")?;
    fixture.sh(
        "cd /opt && mkdir -p jail/opt && cp -a mz jail/opt/ && for d in usr lib lib64 bin; do
            [ ! -e /$d ] || { mkdir -p jail/$d && mount --bind /$d jail/$d; }
        done
        mkdir -p jail/opt/mz/java/bin && cp imitated/bin/java jail/opt/mz/java/bin/java && mount --bind jail/opt/mz mz",
    )?;
    let line = format!(
        "setsid chroot --userspec=4711:4711 /opt/jail /usr/bin/env -i IMITATE= /opt/mz/java/bin/java {HOME_OPTION} {CONFIGNAME_OPTION} {PICO_MAIN_CLASS} platform \
            </dev/null >/dev/null 2>&1 & echo $!"
    );
    let pid: u32 = fixture.sh(&line)?.trim().parse().expect("a number");
    let pico = fixture.wait_until("the pico in its chroot", |fixture| {
        let found = fixture
            .processes()?
            .into_iter()
            .find(|process| process.pid == pid && process.comm == "java");
        Ok(found.ok_or_else(|| "not yet".to_owned()))
    })?;
    assert_never_reported_as_absent(&fixture, "chroot", &pico, || {
        agent_without_ha_check(&fixture)
    })?;
    assert!(!fixture.is_alive(&pico)?);
    Ok(())
}

/// Our storage hangs, and the target of `mz_home` is known from the last start on this node. The pico of
/// another installation is ignored and makes no answer uncertain.
#[test]
fn other_installation_is_ignored_while_own_storage_hangs() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh("mkdir -p /opt/storage")?;
    fixture.install_second("/opt/storage/mz", &["--free-ports", "--set", "start_time=50ms"])?;
    let call = || agent_without_ha_check(&fixture).param("mz_home", "/opt/storage/mz");
    call().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    let other = FakeProcess::for_pico("platform").start(&fixture)?;
    let hung = fixture.node.hang_storage("/opt/storage", HungOperation::Everything)?;
    call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(fixture.is_alive(&other)?);
    hung.release();
    Ok(())
}
