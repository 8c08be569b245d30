//! Whose rights are used below `mz_home`: the owner's, as the name service knows that user, and never root's.

use testkit::answer::{ARGS, Answer, GENERIC, NOT_RUNNING, OK, PERM};
use testkit::imitation::Imitation;
use testkit::site::{HOME, Kind, Site, recurring, site};
use testkit::{AgentCall, Done, Error};

use crate::cells::{CLASS, NAMED};

const MZSH: &str = "/opt/mz/bin/mzsh";

/// The registry's file of the Platform.
const REGISTRY: &str = "/opt/mz/common/config/cell/default/.active/containers/main1/picos/platform.conf";

/// What a file of root's says that nobody else may read.
const TOKEN: &str = "token-4f2a";

/// A node of a test that runs as a normal user has no second user.
fn has_other_users(site: &Site) -> bool {
    site.node.owner() != "root"
}

/// All that people and the cluster are shown by actions that look at the installation.
fn shown(site: &Site) -> Result<String, Error> {
    let mut all = String::new();
    for action in ["explain", "validate-all", "monitor", "start"] {
        let ran = site.agent().level(10).run(action)?;
        all += &ran.stdout;
        all += &ran.stderr;
    }
    all += &recurring(site.agent(), 10).run("monitor")?.stderr;
    all += &site.command("mzha").args(["doctor", "--pico", "platform", "--type", "platform"]).run()?.stdout;
    Ok(all + &site.log()?)
}

/// A link to a file of root's in the place of mzsh or of a file of the registry shows nothing of that file in any action.
#[test]
fn a_link_of_the_owners_shows_nothing_of_a_file_of_roots() -> Done {
    for file in [MZSH, REGISTRY] {
        let site = site(Kind::Platform).commands().build()?;
        if !has_other_users(&site) {
            return Ok(());
        }
        let secret = format!(
            "JAVA_HOME='/opt/{TOKEN}'\nMZ_CONTAINER='{TOKEN}'\nconfig.properties.\"mz.ha.host\" : \"{TOKEN}\"\n"
        );
        site.node.write("/opt/secret", secret)?;
        site.sh("chmod 700 /opt/secret")?;
        site.as_owner("ln").args(["-sfn", "/opt/secret", file]).run()?.expect(0)?;
        let shown = shown(&site)?;
        assert!(!shown.contains(TOKEN), "{file}: {shown}");
        site.probe()?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// What stands in the place of a file, by a line for the shell, and what it is called.
const NO_FILES: [(&str, &str); 3] = [
    ("rm $file; mkfifo -m 755 $file", "is a FIFO"),
    ("ln -sfn /dev/zero $file", "is a device"),
    ("rm $file; mkdir $file", "is a directory"),
];

/// A FIFO, a device or a directory in the place of mzsh is named by start, validation and explain, and never opened; a pico that runs is
/// well, and a stop ends it by signals.
#[test]
fn what_is_no_file_in_the_place_of_mzsh_is_named_and_never_opened() -> Done {
    for (line, word) in NO_FILES {
        let site = site(Kind::Platform).build()?;
        site.start()?;
        site.as_owner("sh").args(["-c", &line.replace("$file", MZSH)]).run()?.expect(0)?;
        if word == "is a FIFO" {
            // It is there until somebody opens the FIFO to read.
            site.sh(&format!("setsid sh -c 'echo x >{MZSH}; exec sleep 0' </dev/null >/dev/null 2>&1 &"))?;
        }
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        site.stop()?.answers(OK);
        assert_eq!(site.last_end("platform")?.as_deref(), Some("signal"), "{word}");
        site.agent().run("start")?.answers(PERM).because(&[MZSH, word]);
        site.agent().level(10).run("validate-all")?.answers(PERM).because(&[MZSH, word]);
        let explained = site.agent().run("explain")?.expect(NOT_RUNNING)?;
        assert!(explained.stdout.contains(word), "{explained}");
        if word == "is a FIFO" {
            let writers = site.processes()?;
            assert!(writers.iter().any(|p| p.command_line().contains("echo x")), "somebody opened the FIFO");
        }
    }
    Ok(())
}

/// A FIFO or a directory in the place of `ha.jar` or of a file of the registry is named in a warning; no monitor waits for it, and none
/// says a word against a pico that runs.
#[test]
fn what_is_no_file_in_the_place_of_a_jar_or_of_the_registry_is_named_in_a_warning() -> Done {
    for file in ["/opt/mz/lib/ha.jar", REGISTRY] {
        for (line, word) in NO_FILES {
            let site = site(Kind::Platform).build()?;
            site.start()?;
            site.sh(&format!("rm {}", site.record()))?;
            site.sh(&format!("cp -p {file} /opt/file"))?;
            site.as_owner("sh").args(["-c", &line.replace("$file", file)]).run()?.expect(0)?;
            site.monitor(10)?.answers(OK).silently();
            let log = site.log()?;
            assert!(log.contains(file) && log.contains(word), "{file} {word}: {log}");
            // The simulated mzsh would wait for it.
            site.sh(&format!("rm -rf {file}; cp -p /opt/file {file}"))?;
            site.stop()?.answers(OK);
            site.nothing_left()?;
        }
    }
    Ok(())
}

/// Whoever looks at an installation and whoever runs its mzsh has the groups that the name service gives to the user, but not root's;
/// the group of the directory gives no right to anything.
#[test]
fn the_group_of_the_directory_and_of_root_are_nobodys() -> Done {
    for group in [0, 6] {
        let site = site(Kind::Platform).commands().build()?;
        if !has_other_users(&site) {
            return Ok(());
        }
        site.sh(&format!(
            "chgrp {group} /opt/mz /opt/mz/bin; echo 'config.properties.\"mz.ha.host\" : \"{TOKEN}\"' >/opt/secret.conf; \
             chgrp {group} /opt/secret.conf; chmod 640 /opt/secret.conf; \
             sed 's/^root:.*/root:x:0:mzadmin/; $ a mzusers:x:4720:mzadmin' /etc/group >/opt/group; mount --bind /opt/group /etc/group; \
             echo 'include file(\"/opt/secret.conf\")' >>{REGISTRY}"
        ))?;
        let shown = shown(&site)?;
        assert!(!shown.contains(TOKEN), "{group}: {shown}");
        site.stop()?.answers(OK);
        site.sh(&format!("sed -i '$ d' {REGISTRY}"))?;
        site.wrap_mzsh("[ $1 != startup ] || id -G >/opt/mz/tmp/groups")?;
        site.agent().run("start")?.answers(OK);
        assert_eq!(site.node.read("/opt/mz/tmp/groups")?.trim(), "4711 4720");
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A user whose primary group is root's is refused by a start and by validation, which say so; what runs is monitored without the deep
/// check, and a stop goes by signals.
#[test]
fn a_user_whose_primary_group_is_roots_is_refused() -> Done {
    for named in [false, true] {
        let site = site(Kind::Platform).build()?;
        if !has_other_users(&site) {
            return Ok(());
        }
        let call = || if named { site.agent().param("os_user", "mzadmin") } else { site.agent() };
        call().run("start")?.answers(OK);
        site.sh("sed 's/^mzadmin:x:4711:4711:/mzadmin:x:4711:0:/' /etc/passwd >/opt/passwd; mount --bind /opt/passwd /etc/passwd")?;
        goes_on_without_a_user(&site, &call, "gid 0")?;
        call().run("start")?.answers(GENERIC).because(&["user mzadmin", "refused", "gid 0", "usermod -g"]);
        call().level(10).run("validate-all")?.answers(GENERIC).because(&["user mzadmin", "gid 0"]);
    }
    Ok(())
}

/// The monitors of what runs are well, with a warning that holds `why` where mzsh or the HA client would have been run, and the stop
/// goes by signals.
fn goes_on_without_a_user<'a>(site: &'a Site, call: &dyn Fn() -> AgentCall<'a>, why: &str) -> Done {
    for level in [0, 10, 20] {
        recurring(call(), level).run("monitor")?.answers(OK).silently();
    }
    call().run("monitor")?.answers(OK).silently();
    assert!(site.log()?.contains(why), "{}", site.log()?);
    call().run("stop")?.answers(OK);
    assert_eq!(site.last_end(site.pico())?.as_deref(), Some("signal"));
    site.nothing_left()?;
    call().run("monitor")?.answers(NOT_RUNNING);
    Ok(())
}

/// An owner whom the name service does not know runs nothing: a start and a validation say so and what to set; what runs is monitored
/// without the deep check, and a stop goes by signals. With `os_user` set all is well again.
#[test]
fn an_owner_whom_the_name_service_does_not_know_is_refused() -> Done {
    let site = site(Kind::Platform).build()?;
    if !has_other_users(&site) {
        return Ok(());
    }
    site.start()?;
    site.sh("sed 's/^mzadmin:x:4711:/mzadmin:x:4712:/' /etc/passwd >/opt/passwd; mount --bind /opt/passwd /etc/passwd")?;
    let unknown = "user 4711 (owner of /opt/mz): unknown to the name service; set os_user";
    goes_on_without_a_user(&site, &|| site.agent(), unknown)?;
    site.agent().run("start")?.answers(GENERIC).because(&[unknown]);
    site.agent().level(10).run("validate-all")?.answers(GENERIC).because(&[unknown]);
    let explained = site.agent().run("explain")?.expect(NOT_RUNNING)?;
    assert!(explained.stdout.contains(unknown), "{explained}");
    site.nothing_left()?;
    site.sh("umount /etc/passwd && mount --bind /run/testkit/passwd /etc/passwd; chown -R 4799 /opt/mz")?;
    site.agent().run("start")?.answers(GENERIC).because(&["user 4799 (owner of /opt/mz): unknown"]);
    site.agent().param("os_user", "nobody-there").run("start")?.answers(GENERIC).because(&["nobody-there"]);
    site.agent().param("os_user", "nobody-there").level(10).run("validate-all")?.answers(ARGS);
    Ok(())
}

/// An `os_user` of digits is a login name where there is one, as to chown, and a number only where there is none.
#[test]
fn a_login_name_of_digits_is_a_name_first() -> Done {
    let site = site(Kind::Platform).build()?;
    if !has_other_users(&site) {
        return Ok(());
    }
    site.sh(
        "{ grep -v ^mzadmin: /etc/passwd; echo '4799:x:4711:4711::/:/bin/sh'; echo 'other:x:4799:4799::/:/bin/sh'; } >/opt/passwd; \
         mount --bind /opt/passwd /etc/passwd",
    )?;
    for os_user in ["4799", "4711"] {
        site.agent().param("os_user", os_user).run("start")?.answers(OK);
        assert_eq!(site.one("platform")?.uid, site.owner(), "{os_user}");
        site.agent().param("os_user", os_user).run("stop")?.answers(OK);
        assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
    }
    Ok(())
}

/// As on NFS that is exported with `root_squash`: root is bound by the mode bits like anybody.
fn squashed(call: AgentCall<'_>) -> AgentCall<'_> {
    const SETPRIV: [&str; 2] = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    call.through(SETPRIV)
}

/// Where root may not look (NFS with `root_squash`, and a home that only its owner may enter), every action works as the owner, whom the
/// directory itself tells, or as `os_user`.
#[test]
fn where_root_may_not_look_every_action_works_as_the_owner() -> Done {
    for os_user in ["", "mzadmin"] {
        let site = site(Kind::Platform).build()?;
        if !has_other_users(&site) {
            return Ok(());
        }
        site.sh("chmod 750 /opt/mz")?;
        let call = || squashed(site.agent().param("os_user", os_user));
        let recurring = |level| squashed(recurring(site.agent().param("os_user", os_user), level));
        call().level(10).run("validate-all")?.answers(OK).silently();
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("start")?.answers(OK).silently();
        let pid = site.one("platform")?.pid;
        for record in [true, false] {
            for level in [0, 10, 20] {
                recurring(level).run("monitor")?.answers(OK).silently();
            }
            call().run("monitor")?.answers(OK).silently();
            if record {
                site.sh(&format!("rm {}", site.record()))?;
            }
        }
        let explained = call().run("explain")?.expect(OK)?;
        for word in ["holds an installation", "in container main1", "asks 127.0.0.1:26000"] {
            assert!(explained.stdout.contains(word), "{word}: {explained}");
        }
        assert!(!site.log()?.contains("could not be asked"), "{}", site.log()?);
        assert_eq!(site.one("platform")?.pid, pid);
        call().run("stop")?.answers(OK).silently();
        assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
        site.nothing_left()?;
    }
    Ok(())
}

/// Where root may not even see whose the installation is, a start and a validation name `root_squash` and `os_user`; with that set they
/// succeed, and without it again what runs is monitored with a warning and stopped.
#[test]
fn where_root_cant_see_the_owner_the_reason_names_root_squash() -> Done {
    let site = site(Kind::Platform).build()?;
    if !has_other_users(&site) {
        return Ok(());
    }
    site.sh(&format!("mkdir -p /opt/closed/mz; chown mzadmin: /opt/closed; chmod 700 /opt/closed; mount --bind {HOME} /opt/closed/mz"))?;
    let call = || squashed(site.agent().param("mz_home", "/opt/closed/mz"));
    let words = ["/opt/closed/mz", "permission denied for root", "root_squash", "set os_user"];
    call().run("start")?.answers(GENERIC).because(&words);
    call().level(10).run("validate-all")?.answers(ARGS).because(&words);
    call().run("monitor")?.answers(NOT_RUNNING);
    call().run("stop")?.answers(OK);
    site.nothing_left()?;
    call().param("os_user", "mzadmin").run("start")?.answers(OK);
    for level in [0, 10] {
        recurring(call(), level).run("monitor")?.answers(OK);
    }
    call().run("stop")?.answers(OK);
    site.nothing_left()
}

/// A unit that is a link into a directory of a user, who may lay further links there, is named by doctor; root does not follow it.
#[test]
fn a_unit_that_leads_into_a_users_directory_is_named_and_not_followed() -> Done {
    let site = site(Kind::Platform).commands().build()?;
    if !has_other_users(&site) {
        return Ok(());
    }
    site.node.write("/opt/secret", format!("[Service]\nExecStart={MZSH} startup {TOKEN}\n"))?;
    site.sh("chmod 600 /opt/secret; mkdir -p /etc/systemd/system && mount -t tmpfs -o mode=755 tmpfs /etc/systemd/system")?;
    site.as_owner("ln").args(["-s", "/opt/secret", "/opt/mz/tmp/mz.service"]).run()?.expect(0)?;
    site.sh("ln -s /opt/mz/tmp/mz.service /etc/systemd/system/mz.service; ln -s /var/lib/mzadmin/a.service /etc/systemd/system/")?;
    site.as_owner("ln").args(["-s", "/opt/secret", "/var/lib/mzadmin/a.service"]).run()?.expect(0)?;
    let ran = site.command("mzha").args(["doctor", "--pico", "platform", "--type", "platform"]).run()?;
    assert!(!ran.stdout.contains(TOKEN), "{ran}");
    for unit in ["mz.service", "a.service"] {
        assert!(ran.stdout.contains(&format!("/etc/systemd/system/{unit}")), "{unit}: {ran}");
    }
    Ok(())
}

/// A directory of the owner's, in which `mz_home` is a link to a directory of root's that everybody can write, with the product in it.
const LINKED: &str = "mkdir -p /opt/srv/u /opt/srv/sticky && chown 4711:4711 /opt/srv/u && cp -a /opt/mz/. /opt/srv/sticky/ && \
     rm -rf /opt/srv/sticky/bin && chown 0:0 /opt/srv/sticky && chmod 1777 /opt/srv/sticky && \
     setpriv --reuid 4711 --regid 4711 --clear-groups ln -s /opt/srv/sticky /opt/srv/u/mz";

/// A directory that only looks like root's makes nobody root: where its owner laid the link to it, or others can write it, the reason
/// names that and asks for `os_user`, and no file is opened by a link in it.
#[test]
fn home_that_others_could_exchange_or_write_is_not_taken_for_roots() -> Done {
    let site = site(Kind::Platform).build()?;
    if !has_other_users(&site) {
        return Ok(());
    }
    site.sh(LINKED)?;
    let content = format!("JAVA_HOME=/opt/{TOKEN}\nconfig.properties.\"mz.ha.host\" : \"{TOKEN}\"\n");
    site.node.write("/opt/secret", content)?;
    site.sh(&format!(
        "chmod 600 /opt/secret; ln -sfn /opt/secret {}",
        REGISTRY.replace(HOME, "/opt/srv/sticky")
    ))?;
    for (home, why) in [
        ("/opt/srv/u/mz", "/opt/srv/u belongs to user 4711, not to root"),
        ("/opt/srv/sticky", "/opt/srv/sticky can be written by everybody"),
    ] {
        let call = || site.agent().param("mz_home", home).level(10);
        let because = [home, why, "set os_user"];
        call().run("start")?.answers(GENERIC).because(&because);
        call().run("validate-all")?.answers(GENERIC).because(&because);
        let explained = call().run("explain")?.expect(NOT_RUNNING)?;
        assert!(explained.stdout.contains(why), "{explained}");
        assert!(!explained.stdout.contains(TOKEN) && !site.log()?.contains(TOKEN), "{explained}");
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
    }
    Ok(())
}

/// Where the directory above `mz_home` is another's, or its group's, what runs is monitored without the deep check and stopped by
/// signals; with `os_user` set, be it root, all is well.
#[test]
fn home_of_roots_in_a_directory_of_anothers_asks_for_os_user() -> Done {
    for (line, why) in [
        ("chown 4711 /opt", "/opt belongs to user 4711, not to root"),
        ("chgrp 4711 /opt; chmod g+w /opt", "/opt can be written by group 4711"),
        ("setfacl -m u:4711:rwx /opt || chmod 777 /opt", "/opt can be written by "),
    ] {
        let site = site(Kind::Platform).build()?;
        if !has_other_users(&site) {
            return Ok(());
        }
        site.start()?;
        site.sh(&format!("chown 0 /opt/mz /opt/mz/bin /opt/mz/bin/mzsh; {line}"))?;
        goes_on_without_a_user(&site, &|| site.agent(), why)?;
        site.agent().run("start")?.answers(GENERIC).because(&[HOME, why, "set os_user"]);
        site.agent().level(10).run("validate-all")?.answers(GENERIC).because(&[why]);
        site.sh("chmod 755 /opt; chown -R 0:0 /opt/mz")?;
        site.agent().param("os_user", "root").run("start")?.answers(OK);
        site.agent().param("os_user", "root").run("stop")?.answers(OK);
    }
    Ok(())
}

/// Exchanges `mz` and `root` without end, each time after up to a millisecond: about what is between two looks of one child.
const SWAP: &str = "import ctypes,os,random,time\nlibc=ctypes.CDLL(None)\nos.chdir('/opt/srv/u')\nwhile True:\n    libc.syscall(316,-100,b'mz',-100,b'root',2)\n    time.sleep(random.random()/1000)\n";

/// An owner who exchanges `mz_home` with a link to a directory of root's, over and over, while monitors look, never has a program of
/// his run as root.
#[test]
fn home_that_is_exchanged_while_it_is_looked_at_runs_nothing_as_root() -> Done {
    let site = site(Kind::Platform).build()?;
    if !has_other_users(&site) {
        return Ok(());
    }
    site.sh(
        "mkdir -p /opt/srv/u/mz/bin /opt/srv/u/mz/lib && ln -s /usr /opt/srv/u/root && \
         printf '#!/bin/sh\\nid -u >>/opt/srv/u/who\\nexit 0\\n' >/opt/srv/u/mz/bin/mzsh && chmod 755 /opt/srv/u/mz/bin/mzsh && \
         : >/opt/srv/u/who && chmod 666 /opt/srv/u/who && chown -R -h 4711:4711 /opt/srv/u",
    )?;
    let java = ["java", "-Dmz.home=/opt/srv/u/mz", NAMED, CLASS, "platform"];
    let _pico = Imitation::java(&java).start(&site)?;
    let call = || recurring(site.agent().param("ha_check", "no"), 20).param("mz_home", "/opt/srv/u/mz");
    call().run("monitor")?;
    assert!(!site.node.read("/opt/srv/u/who")?.is_empty(), "it is run where nobody exchanges anything");
    site.node.write("/opt/swap.py", SWAP)?;
    site.sh("setsid setpriv --reuid 4711 --regid 4711 --clear-groups python3 /opt/swap.py </dev/null >/dev/null 2>&1 &")?;
    for _ in 0..100 {
        call().run("monitor")?;
    }
    let who = site.node.read("/opt/srv/u/who")?;
    assert!(who.lines().all(|user| user == "4711"), "{who}");
    Ok(())
}

/// Root, who runs what is root's own, executes and reads nothing that another could have written or exchanged: a java in another's directory
/// is refused, and a registry of another's is named and not read.
#[test]
fn whoever_runs_as_root_accepts_only_what_is_roots_alone() -> Done {
    let site = site(Kind::Platform).build()?;
    if !has_other_users(&site) {
        return Ok(());
    }
    site.sh("chown -R -h 0:0 /opt/mz; mkdir -p /opt/u/jdk/bin; ln -s /opt/mz/bin/mzsh /opt/u/jdk/bin/java; chown 4711 /opt/u")?;
    site.agent().run("start")?.answers(OK);
    recurring(site.agent(), 20).run("monitor")?.answers(OK).silently();
    site.stop()?.answers(OK);
    assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
    let refused = site.agent().param("java_home", "/opt/u/jdk").run("start")?;
    refused.answers(GENERIC).because(&["/opt/u belongs to user 4711, not to root"]);
    site.node.write("/opt/secret", format!("config.properties.\"mz.ha.host\" : \"{TOKEN}\"\n"))?;
    site.sh(&format!(
        "chmod 600 /opt/secret; chown 4711 $(dirname {REGISTRY}); ln -sfn /opt/secret {REGISTRY}"
    ))?;
    let explained = site.agent().run("explain")?.expect(NOT_RUNNING)?;
    assert!(!explained.stdout.contains(TOKEN), "{explained}");
    assert!(explained.stdout.contains("is not opened as root: "), "{explained}");
    Ok(())
}
