//! Rights that are used below `mz_home`: the owner's, as the name service knows that user, and never root's.

use testkit::assertions::{
    AgentAssertions, OCF_ERR_ARGS, OCF_ERR_GENERIC, OCF_ERR_PERM, OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, MZ_HOME, as_recurring_monitor, fixture};
use testkit::{AgentCall, TestResult, TestkitError};

use crate::process_cases::{CONFIGNAME_OPTION, PICO_MAIN_CLASS};

const MZSH_PATH: &str = "/opt/mz/bin/mzsh";

const PLATFORM_REGISTRY_FILE: &str =
    "/opt/mz/common/config/cell/default/.active/containers/main1/picos/platform.conf";

/// Content of a file of root that no other user may read.
const SECRET: &str = "token-4f2a";

/// A node of a test that runs as a normal user has no second user.
fn has_second_user(fixture: &Fixture) -> bool {
    fixture.node.owner() != "root"
}

/// All output for people and the cluster of the actions that read the installation.
fn all_visible_output(fixture: &Fixture) -> Result<String, TestkitError> {
    let mut all = String::new();
    for action in ["explain", "validate-all", "monitor", "start"] {
        let ran = fixture.agent().check_level(10).run(action)?;
        all += &ran.stdout;
        all += &ran.stderr;
    }
    all += &as_recurring_monitor(fixture.agent(), 10).run("monitor")?.stderr;
    all += &fixture
        .command("mzha")
        .args(["doctor", "--pico", "platform", "--type", "platform"])
        .run()?
        .stdout;
    Ok(all + &fixture.log()?)
}

/// A link to a file of root in place of mzsh or of a registry file reveals nothing of that file in any
/// action.
#[test]
fn link_to_root_file_reveals_nothing() -> TestResult {
    for file in [MZSH_PATH, PLATFORM_REGISTRY_FILE] {
        let fixture = fixture(AgentKind::Platform).commands().build()?;
        if !has_second_user(&fixture) {
            return Ok(());
        }
        let secret = format!(
            "JAVA_HOME='/opt/{SECRET}'\nMZ_CONTAINER='{SECRET}'\nconfig.properties.\"mz.ha.host\" : \"{SECRET}\"\n"
        );
        fixture.node.write("/opt/secret", secret)?;
        fixture.sh("chmod 700 /opt/secret")?;
        fixture.as_owner("ln").args(["-sfn", "/opt/secret", file]).run()?.expect_code(0)?;
        let shown = all_visible_output(&fixture)?;
        assert!(!shown.contains(SECRET), "{file}: {shown}");
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Shell commands that replace a file, and the name of the replacement.
const SPECIAL_FILES: [(&str, &str); 3] = [
    ("rm $file; mkfifo -m 755 $file", "is a FIFO"),
    ("ln -sfn /dev/zero $file", "is a device"),
    ("rm $file; mkdir $file", "is a directory"),
];

/// A FIFO, a device or a directory in place of mzsh is named by start, validation and explain, and never
/// opened. A running pico is healthy, and a stop ends it by signals.
#[test]
fn special_file_in_place_of_mzsh_is_named_and_never_opened() -> TestResult {
    for (line, word) in SPECIAL_FILES {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.start()?;
        fixture
            .as_owner("sh")
            .args(["-c", &line.replace("$file", MZSH_PATH)])
            .run()?
            .expect_code(0)?;
        if word == "is a FIFO" {
            // This process lives until something opens the FIFO to read.
            fixture.sh(&format!(
                "setsid sh -c 'echo x >{MZSH_PATH}; exec sleep 0' </dev/null >/dev/null 2>&1 &"
            ))?;
        }
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("signal"), "{word}");
        fixture
            .agent()
            .run("start")?
            .assert_exit_code(OCF_ERR_PERM)
            .assert_reason(&[MZSH_PATH, word]);
        fixture
            .agent()
            .check_level(10)
            .run("validate-all")?
            .assert_exit_code(OCF_ERR_PERM)
            .assert_reason(&[MZSH_PATH, word]);
        let explained = fixture.agent().run("explain")?.expect_code(OCF_NOT_RUNNING)?;
        assert!(explained.stdout.contains(word), "{explained}");
        if word == "is a FIFO" {
            let writers = fixture.processes()?;
            assert!(
                writers.iter().any(|p| p.command_line().contains("echo x")),
                "somebody opened the FIFO"
            );
        }
    }
    Ok(())
}

/// A FIFO or a directory in place of `ha.jar` or of a registry file is named in a warning. No monitor waits
/// for it, and none fails a running pico.
#[test]
fn special_file_in_place_of_jar_or_registry_is_a_warning() -> TestResult {
    for file in ["/opt/mz/lib/ha.jar", PLATFORM_REGISTRY_FILE] {
        for (line, word) in SPECIAL_FILES {
            let fixture = fixture(AgentKind::Platform).build()?;
            fixture.start()?;
            fixture.sh(&format!("rm {}", fixture.record_path()))?;
            fixture.sh(&format!("cp -p {file} /opt/file"))?;
            fixture
                .as_owner("sh")
                .args(["-c", &line.replace("$file", file)])
                .run()?
                .expect_code(0)?;
            fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            let log = fixture.log()?;
            assert!(log.contains(file) && log.contains(word), "{file} {word}: {log}");
            // The simulated mzsh would wait for it.
            fixture.sh(&format!("rm -rf {file}; cp -p /opt/file {file}"))?;
            fixture.stop()?.assert_exit_code(OCF_SUCCESS);
            fixture.assert_nothing_left()?;
        }
    }
    Ok(())
}

/// A process that reads an installation or runs its mzsh has the groups that the name service gives to the
/// user, but not root's groups. The group of the directory gives it no rights.
#[test]
fn mzsh_gets_groups_of_user_but_not_of_root_or_directory() -> TestResult {
    for group in [0, 6] {
        let fixture = fixture(AgentKind::Platform).commands().build()?;
        if !has_second_user(&fixture) {
            return Ok(());
        }
        fixture.sh(&format!(
            "chgrp {group} /opt/mz /opt/mz/bin; echo 'config.properties.\"mz.ha.host\" : \"{SECRET}\"' >/opt/secret.conf; \
             chgrp {group} /opt/secret.conf; chmod 640 /opt/secret.conf; \
             sed 's/^root:.*/root:x:0:mzadmin/; $ a mzusers:x:4720:mzadmin' /etc/group >/opt/group; mount --bind /opt/group /etc/group; \
             echo 'include file(\"/opt/secret.conf\")' >>{PLATFORM_REGISTRY_FILE}"
        ))?;
        let shown = all_visible_output(&fixture)?;
        assert!(!shown.contains(SECRET), "{group}: {shown}");
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.sh(&format!("sed -i '$ d' {PLATFORM_REGISTRY_FILE}"))?;
        fixture.wrap_mzsh("[ $1 != startup ] || id -G >/opt/mz/tmp/groups")?;
        fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.node.read("/opt/mz/tmp/groups")?.trim(), "4711 4720");
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A user whose primary group is root's is refused by a start and by validation, which say so. A running pico
/// is monitored without the deep check, and a stop uses signals.
#[test]
fn user_with_primary_group_root_is_refused() -> TestResult {
    for named in [false, true] {
        let fixture = fixture(AgentKind::Platform).build()?;
        if !has_second_user(&fixture) {
            return Ok(());
        }
        let call =
            || if named { fixture.agent().param("os_user", "mzadmin") } else { fixture.agent() };
        call().run("start")?.assert_exit_code(OCF_SUCCESS);
        fixture.sh("sed 's/^mzadmin:x:4711:4711:/mzadmin:x:4711:0:/' /etc/passwd >/opt/passwd; mount --bind /opt/passwd /etc/passwd")?;
        check_monitoring_without_user(&fixture, &call, "gid 0")?;
        call().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "user mzadmin",
            "refused",
            "gid 0",
            "usermod -g",
        ]);
        call()
            .check_level(10)
            .run("validate-all")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["user mzadmin", "gid 0"]);
    }
    Ok(())
}

/// The monitors of a running pico succeed, with a warning that contains `why` where mzsh or the HA client
/// would have been run. The stop uses signals.
fn check_monitoring_without_user<'a>(
    fixture: &'a Fixture,
    call: &dyn Fn() -> AgentCall<'a>,
    why: &str,
) -> TestResult {
    for level in [0, 10, 20] {
        as_recurring_monitor(call(), level)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
    }
    call().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(fixture.log()?.contains(why), "{}", fixture.log()?);
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.last_end_reason(fixture.pico())?.as_deref(), Some("signal"));
    fixture.assert_nothing_left()?;
    call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

/// An owner whom the name service does not know runs nothing: a start and a validation say so and which
/// parameter to set. A running pico is monitored without the deep check, and a stop uses signals. With
/// `os_user` set every action works.
#[test]
fn owner_unknown_to_name_service_is_refused() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if !has_second_user(&fixture) {
        return Ok(());
    }
    fixture.start()?;
    fixture.sh("sed 's/^mzadmin:x:4711:/mzadmin:x:4712:/' /etc/passwd >/opt/passwd; mount --bind /opt/passwd /etc/passwd")?;
    let unknown = "user 4711 (owner of /opt/mz): unknown to the name service; set os_user";
    check_monitoring_without_user(&fixture, &|| fixture.agent(), unknown)?;
    fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[unknown]);
    fixture
        .agent()
        .check_level(10)
        .run("validate-all")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&[unknown]);
    let explained = fixture.agent().run("explain")?.expect_code(OCF_NOT_RUNNING)?;
    assert!(explained.stdout.contains(unknown), "{explained}");
    fixture.assert_nothing_left()?;
    fixture.sh(
        "umount /etc/passwd && mount --bind /run/testkit/passwd /etc/passwd; chown -R 4799 /opt/mz",
    )?;
    fixture
        .agent()
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["user 4799 (owner of /opt/mz): unknown"]);
    fixture
        .agent()
        .param("os_user", "nobody-there")
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["nobody-there"]);
    fixture
        .agent()
        .param("os_user", "nobody-there")
        .check_level(10)
        .run("validate-all")?
        .assert_exit_code(OCF_ERR_ARGS);
    Ok(())
}

/// A numeric `os_user` is a login name if one exists, as for chown, and a uid only if none exists.
#[test]
fn numeric_os_user_is_a_login_name_first() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if !has_second_user(&fixture) {
        return Ok(());
    }
    fixture.sh(
        "{ grep -v ^mzadmin: /etc/passwd; echo '4799:x:4711:4711::/:/bin/sh'; echo 'other:x:4799:4799::/:/bin/sh'; } >/opt/passwd; \
         mount --bind /opt/passwd /etc/passwd",
    )?;
    for os_user in ["4799", "4711"] {
        fixture.agent().param("os_user", os_user).run("start")?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.single_pico("platform")?.uid, fixture.owner_uid(), "{os_user}");
        fixture.agent().param("os_user", os_user).run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
    }
    Ok(())
}

/// As on NFS that is exported with `root_squash`: the mode bits restrict root like any user.
fn under_root_squash(call: AgentCall<'_>) -> AgentCall<'_> {
    const SETPRIV: [&str; 2] = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    call.wrap_with(SETPRIV)
}

/// Root has no access (NFS with `root_squash`, and a home that only its owner may enter). Every action works
/// as the owner of the directory, or as `os_user`.
#[test]
fn actions_work_as_owner_under_root_squash() -> TestResult {
    for os_user in ["", "mzadmin"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        if !has_second_user(&fixture) {
            return Ok(());
        }
        fixture.sh("chmod 750 /opt/mz")?;
        let call = || under_root_squash(fixture.agent().param("os_user", os_user));
        let recurring = |level| {
            under_root_squash(as_recurring_monitor(
                fixture.agent().param("os_user", os_user),
                level,
            ))
        };
        call()
            .check_level(10)
            .run("validate-all")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let pid = fixture.single_pico("platform")?.pid;
        for record in [true, false] {
            for level in [0, 10, 20] {
                recurring(level).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            }
            call().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            if record {
                fixture.sh(&format!("rm {}", fixture.record_path()))?;
            }
        }
        let explained = call().run("explain")?.expect_code(OCF_SUCCESS)?;
        for word in ["holds an installation", "in container main1", "asks 127.0.0.1:26000"] {
            assert!(explained.stdout.contains(word), "{word}: {explained}");
        }
        assert!(!fixture.log()?.contains("could not be asked"), "{}", fixture.log()?);
        assert_eq!(fixture.single_pico("platform")?.pid, pid);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Root cannot even see the owner of the installation: a start and a validation name `root_squash` and
/// `os_user`. With `os_user` set they succeed. When it is unset again, a running pico is monitored with a
/// warning and stopped.
#[test]
fn reason_names_root_squash_when_owner_is_invisible_to_root() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if !has_second_user(&fixture) {
        return Ok(());
    }
    fixture.sh(&format!("mkdir -p /opt/closed/mz; chown mzadmin: /opt/closed; chmod 700 /opt/closed; mount --bind {MZ_HOME} /opt/closed/mz"))?;
    let call = || under_root_squash(fixture.agent().param("mz_home", "/opt/closed/mz"));
    let words = ["/opt/closed/mz", "permission denied for root", "root_squash", "set os_user"];
    call().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&words);
    call()
        .check_level(10)
        .run("validate-all")?
        .assert_exit_code(OCF_ERR_ARGS)
        .assert_reason(&words);
    call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    call().param("os_user", "mzadmin").run("start")?.assert_exit_code(OCF_SUCCESS);
    for level in [0, 10] {
        as_recurring_monitor(call(), level).run("monitor")?.assert_exit_code(OCF_SUCCESS);
    }
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A systemd unit that is a link into a user's directory is named by doctor. Root does not follow it, because
/// that user may create further links there.
#[test]
fn unit_linked_into_user_directory_is_named_and_not_followed() -> TestResult {
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    if !has_second_user(&fixture) {
        return Ok(());
    }
    fixture
        .node
        .write("/opt/secret", format!("[Service]\nExecStart={MZSH_PATH} startup {SECRET}\n"))?;
    fixture.sh("chmod 600 /opt/secret; mkdir -p /etc/systemd/system && mount -t tmpfs -o mode=755 tmpfs /etc/systemd/system")?;
    fixture
        .as_owner("ln")
        .args(["-s", "/opt/secret", "/opt/mz/tmp/mz.service"])
        .run()?
        .expect_code(0)?;
    fixture.sh("ln -s /opt/mz/tmp/mz.service /etc/systemd/system/mz.service; ln -s /var/lib/mzadmin/a.service /etc/systemd/system/")?;
    fixture
        .as_owner("ln")
        .args(["-s", "/opt/secret", "/var/lib/mzadmin/a.service"])
        .run()?
        .expect_code(0)?;
    let ran = fixture
        .command("mzha")
        .args(["doctor", "--pico", "platform", "--type", "platform"])
        .run()?;
    assert!(!ran.stdout.contains(SECRET), "{ran}");
    for unit in ["mz.service", "a.service"] {
        assert!(ran.stdout.contains(&format!("/etc/systemd/system/{unit}")), "{unit}: {ran}");
    }
    Ok(())
}

/// A directory of the owner, in which `mz_home` is a link to a world-writable directory of root that contains
/// the product.
const LINK_HOME_TO_STICKY_DIRECTORY: &str = "mkdir -p /opt/srv/u /opt/srv/sticky && chown 4711:4711 /opt/srv/u && cp -a /opt/mz/. /opt/srv/sticky/ && \
     rm -rf /opt/srv/sticky/bin && chown 0:0 /opt/srv/sticky && chmod 1777 /opt/srv/sticky && \
     setpriv --reuid 4711 --regid 4711 --clear-groups ln -s /opt/srv/sticky /opt/srv/u/mz";

/// A directory that only looks like root's does not make the agent run the product as root. If the owner made
/// the link to it, or others can write it, the reason names that and asks for `os_user`. No file is opened
/// through a link in it.
#[test]
fn mz_home_replaceable_by_others_is_not_taken_for_root_owned() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if !has_second_user(&fixture) {
        return Ok(());
    }
    fixture.sh(LINK_HOME_TO_STICKY_DIRECTORY)?;
    let content =
        format!("JAVA_HOME=/opt/{SECRET}\nconfig.properties.\"mz.ha.host\" : \"{SECRET}\"\n");
    fixture.node.write("/opt/secret", content)?;
    fixture.sh(&format!(
        "chmod 600 /opt/secret; ln -sfn /opt/secret {}",
        PLATFORM_REGISTRY_FILE.replace(MZ_HOME, "/opt/srv/sticky")
    ))?;
    for (home, why) in [
        ("/opt/srv/u/mz", "/opt/srv/u belongs to user 4711, not to root"),
        ("/opt/srv/sticky", "/opt/srv/sticky can be written by everybody"),
    ] {
        let call = || fixture.agent().param("mz_home", home).check_level(10);
        let because = [home, why, "set os_user"];
        call().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&because);
        call().run("validate-all")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&because);
        let explained = call().run("explain")?.expect_code(OCF_NOT_RUNNING)?;
        assert!(explained.stdout.contains(why), "{explained}");
        assert!(
            !explained.stdout.contains(SECRET) && !fixture.log()?.contains(SECRET),
            "{explained}"
        );
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    }
    Ok(())
}

/// The directory above `mz_home` belongs to another user, or a group can write it. A running pico is
/// monitored without the deep check and stopped by signals. With `os_user` set, even to root, every action
/// works.
#[test]
fn mz_home_of_root_in_foreign_directory_needs_os_user() -> TestResult {
    for (line, why) in [
        ("chown 4711 /opt", "/opt belongs to user 4711, not to root"),
        ("chgrp 4711 /opt; chmod g+w /opt", "/opt can be written by group 4711"),
        ("setfacl -m u:4711:rwx /opt || chmod 777 /opt", "/opt can be written by "),
    ] {
        let fixture = fixture(AgentKind::Platform).build()?;
        if !has_second_user(&fixture) {
            return Ok(());
        }
        fixture.start()?;
        fixture.sh(&format!("chown 0 /opt/mz /opt/mz/bin /opt/mz/bin/mzsh; {line}"))?;
        check_monitoring_without_user(&fixture, &|| fixture.agent(), why)?;
        fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            MZ_HOME,
            why,
            "set os_user",
        ]);
        fixture
            .agent()
            .check_level(10)
            .run("validate-all")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&[why]);
        fixture.sh("chmod 755 /opt; chown -R 0:0 /opt/mz")?;
        fixture.agent().param("os_user", "root").run("start")?.assert_exit_code(OCF_SUCCESS);
        fixture.agent().param("os_user", "root").run("stop")?.assert_exit_code(OCF_SUCCESS);
    }
    Ok(())
}

/// Exchanges `mz` and `root` endlessly, each time after up to a millisecond. That is about the time between
/// two accesses of one worker process.
const SWAP_HOME_SCRIPT: &str = "import ctypes,os,random,time\nlibc=ctypes.CDLL(None)\nos.chdir('/opt/srv/u')\nwhile True:\n    libc.syscall(316,-100,b'mz',-100,b'root',2)\n    time.sleep(random.random()/1000)\n";

/// An owner who exchanges `mz_home` with a link to a directory of root, over and over during monitors, never
/// has a program run as root.
#[test]
fn mz_home_swapped_during_checks_runs_nothing_as_root() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if !has_second_user(&fixture) {
        return Ok(());
    }
    fixture.sh(
        "mkdir -p /opt/srv/u/mz/bin /opt/srv/u/mz/lib && ln -s /usr /opt/srv/u/root && \
         printf '#!/bin/sh\\nid -u >>/opt/srv/u/who\\nexit 0\\n' >/opt/srv/u/mz/bin/mzsh && chmod 755 /opt/srv/u/mz/bin/mzsh && \
         : >/opt/srv/u/who && chmod 666 /opt/srv/u/who && chown -R -h 4711:4711 /opt/srv/u",
    )?;
    let java = ["java", "-Dmz.home=/opt/srv/u/mz", CONFIGNAME_OPTION, PICO_MAIN_CLASS, "platform"];
    let _pico = FakeProcess::for_java(&java).start(&fixture)?;
    let call = || {
        as_recurring_monitor(fixture.agent().param("ha_check", "no"), 20)
            .param("mz_home", "/opt/srv/u/mz")
    };
    call().run("monitor")?;
    assert!(
        !fixture.node.read("/opt/srv/u/who")?.is_empty(),
        "it is run where nobody exchanges anything"
    );
    fixture.node.write("/opt/swap.py", SWAP_HOME_SCRIPT)?;
    fixture.sh("setsid setpriv --reuid 4711 --regid 4711 --clear-groups python3 /opt/swap.py </dev/null >/dev/null 2>&1 &")?;
    for _ in 0..100 {
        call().run("monitor")?;
    }
    let who = fixture.node.read("/opt/srv/u/who")?;
    assert!(who.lines().all(|user| user == "4711"), "{who}");
    Ok(())
}

/// In an installation of root the agent executes and reads nothing that another user could have written or
/// exchanged. A java in another user's directory is refused; a registry of another user is named and not
/// read.
#[test]
fn root_owned_installation_accepts_only_files_of_root() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if !has_second_user(&fixture) {
        return Ok(());
    }
    fixture.sh("chown -R -h 0:0 /opt/mz; mkdir -p /opt/u/jdk/bin; ln -s /opt/mz/bin/mzsh /opt/u/jdk/bin/java; chown 4711 /opt/u")?;
    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS);
    as_recurring_monitor(fixture.agent(), 20)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
    let refused = fixture.agent().param("java_home", "/opt/u/jdk").run("start")?;
    refused
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["/opt/u belongs to user 4711, not to root"]);
    fixture
        .node
        .write("/opt/secret", format!("config.properties.\"mz.ha.host\" : \"{SECRET}\"\n"))?;
    fixture.sh(&format!(
        "chmod 600 /opt/secret; chown 4711 $(dirname {PLATFORM_REGISTRY_FILE}); ln -sfn /opt/secret {PLATFORM_REGISTRY_FILE}"
    ))?;
    let explained = fixture.agent().run("explain")?.expect_code(OCF_NOT_RUNNING)?;
    assert!(!explained.stdout.contains(SECRET), "{explained}");
    assert!(explained.stdout.contains("is not opened as root: "), "{explained}");
    Ok(())
}
