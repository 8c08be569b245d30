//! Parameters that can't be read, or are others than at the start: an error of the configuration for a start, no obstacle for a monitor or a stop.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use testkit::answer::{Answer, CONFIGURED, GENERIC, NOT_RUNNING, OK};
use testkit::imitation::Imitation;
use testkit::site::{Kind, MZADMIN, Site, recurring, site};
use testkit::{AgentCall, Done, Process};

use crate::cells::{CLASS, HOME, MZSH, STRANGER};

/// Each of them leaves open which pico is meant.
const UNREADABLE: [(&str, &[u8]); 6] = [
    ("pico_name", b"-f"),
    ("pico_name", b"plat form"),
    ("pico_name", b"pl\xe4tform"),
    ("mz_home", b"opt/mz"),
    ("mz_home", b"/opt/\xff\xfe"),
    ("process_match", b"("),
];

fn with<'a>(call: AgentCall<'a>, (name, value): (&str, &[u8])) -> AgentCall<'a> {
    call.param(name, OsStr::from_bytes(value))
}

/// A `pico_name`, `mz_home` or `process_match` that can't be read fails start and validation with 6 and its own
/// name; a monitor says not running, a stop succeeds, mzsh is never run by it.
#[test]
fn an_identity_that_cant_be_read_is_named_by_start_and_validation_and_nothing_runs_by_it() -> Done {
    let site = site(Kind::Platform).build()?;
    for wrong in UNREADABLE {
        let call = || with(site.agent(), wrong);
        let name = format!("{}: ", wrong.0);
        call().run("start")?.answers(CONFIGURED).because(&[&name]);
        for level in [0, 10] {
            let validated = call().level(level).run("validate-all")?.answers(CONFIGURED).because(&[&name]);
            assert!(validated.stderr.starts_with(&format!("ERROR: {name}")), "{validated}");
        }
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
        call().run("reload-agent")?.answers(NOT_RUNNING);
        site.nothing_left()?;
    }
    assert_eq!(site.calls("")?, 0);
    Ok(())
}

/// A pico that was started before its parameters became unreadable is monitored, reloaded and stopped as it
/// was started.
#[test]
fn what_was_started_before_it_became_unreadable_is_monitored_and_stopped() -> Done {
    let site = site(Kind::Platform).build()?;
    for wrong in UNREADABLE {
        let pid = site.start()?.pid;
        for level in [0, 10] {
            recurring(with(site.agent(), wrong), level).run("monitor")?.answers(OK).silently();
        }
        with(site.agent(), wrong).run("monitor")?.answers(OK).silently();
        with(site.agent(), wrong).run("reload-agent")?.answers(OK).silently();
        assert_eq!(site.one("platform")?.pid, pid);
        with(site.agent(), wrong).run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// With unreadable parameters and a torn record a stop does not claim success, for it can't know what to look
/// for.
#[test]
fn with_neither_parameters_nor_record_to_go_by_a_stop_does_not_claim_success() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    site.node.write(site.record(), "torn")?;
    let stop = with(site.agent(), UNREADABLE[0]).run("stop")?.answers(GENERIC);
    stop.because(&["pico_name: ", "can't be read"]);
    assert_eq!(site.one("platform")?.pid, pid);
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// With an unreadable `pico_name`, `mz_home` or `process_match` and no record, a live pico that could be the one that is meant is never taken for
/// none: probe, monitor and stop answer 1 and name it, and leave it alone.
#[test]
fn pico_that_could_be_meant_by_an_unreadable_parameter_is_named() -> Done {
    let site = site(Kind::Platform).build()?;
    for wrong in UNREADABLE {
        let jvm = site.start_by_hand()?;
        site.sh(&format!("rm -f {}", site.record()))?;
        let call = || with(site.agent(), wrong);
        let named = [format!("{}: ", wrong.0), format!("pid {}", jvm.pid)];
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        call().run("monitor")?.answers(GENERIC).because(&named);
        recurring(call(), 0).run("monitor")?.answers(GENERIC).because(&named[..1]);
        call().run("stop")?.answers(GENERIC).because(&named);
        assert!(site.lives(&jvm)?, "{wrong:?}");
        site.stop()?.answers(OK);
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
    }
    Ok(())
}

/// The same of an EC whose `pico_name` is not set or can't be read, while another EC runs that no record names.
#[test]
fn ec_that_could_be_meant_by_a_name_that_is_missing_is_named() -> Done {
    for name in ["", "plat form"] {
        let site = site(Kind::Ec).build()?;
        let jvm = site.start_by_hand()?;
        let call = || site.agent().param("pico_name", name);
        let named = format!("pid {}", jvm.pid);
        call().run("monitor")?.answers(GENERIC).because(&["pico_name", &named]);
        call().run("stop")?.answers(GENERIC).because(&["pico_name", &named]);
        assert!(site.lives(&jvm)?);
    }
    Ok(())
}

/// A pico that the record of another resource names, and a stranger's process, are not meant by a parameter that can't be read: nothing is running,
/// and a stop succeeds.
#[test]
fn pico_of_another_resource_or_user_is_not_meant_by_an_unreadable_parameter() -> Done {
    let site = site(Kind::Ec).build()?;
    // The Platform beside it is another resource's, too.
    site.agent_for(Kind::Platform).run("monitor")?.answers(OK).silently();
    site.start()?;
    let mut others = vec![site.one("ec1")?, site.one("platform")?];
    if site.node.owner() != "root" {
        others.push(Imitation::pico("ec1").user(4712).start(&site)?);
        others.push(Imitation::pico("ec2").user(4712).start(&site)?);
    }
    for wrong in UNREADABLE {
        let call = || with(site.agent().instance("second"), wrong);
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
        for other in &others {
            assert!(site.lives(other)?, "{wrong:?}: {other:?}");
        }
    }
    Ok(())
}

/// What probe, monitor and stop say of a process that may be meant: it is named first, and left alone.
fn may_be_meant<'a>(site: &Site, process: &Process, as_what: &str, call: impl Fn() -> AgentCall<'a>) -> Done {
    let user = if site.node.owner() == "root" { 0 } else { MZADMIN };
    let evidence = format!("pid {} (user {user}) is {as_what}", process.pid);
    call().run("monitor")?.answers(GENERIC).because(&[&evidence]);
    for level in [0, 10] {
        recurring(call(), level).run("monitor")?.answers(GENERIC).because(&[&evidence]);
    }
    let stopped = call().run("stop")?.answers(GENERIC);
    assert!(stopped.reason().is_some_and(|reason| reason.starts_with(&evidence)), "{stopped}");
    assert!(site.lives(process)?, "{as_what}");
    site.signal(process.pid, "KILL")?;
    call().run("monitor")?.answers(NOT_RUNNING);
    call().run("stop")?.answers(OK);
    Ok(())
}

/// A live JVM, or an mzsh that starts one, with exactly the name that can't be read as a parameter is never taken for none, whatever the name,
/// and is shown with its control characters visible; one of another installation is not meant.
#[test]
fn pico_of_a_name_that_cant_be_read_is_not_taken_for_none() -> Done {
    let site = site(Kind::Ec).build()?;
    let long = "x".repeat(251);
    let shown = format!("\"{}...\"", "x".repeat(30));
    for (name, quoted) in [
        ("ec 1", "\"ec 1\""),
        ("ec@1", "\"ec@1\""),
        ("ec:1", "\"ec:1\""),
        ("\u{e4}c", "\"?c\""),
        ("-ec1", "\"-ec1\""),
        ("a/b", "\"a/b\""),
        ("ec\u{1b}[1m", "\"ec\\u{1b}[1m\""),
        (&long, &shown),
    ] {
        let named = format!("-Dpico.configname={name}");
        let call = || site.agent().param("pico_name", name);
        let other = Imitation::java(&["java", "-Dmz.home=/opt/mz2", &named, CLASS, name]).start(&site)?;
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
        assert!(site.lives(&other)?, "{name}");
        site.signal(other.pid, "KILL")?;
        let pico = Imitation::java(&["java", HOME, &named, CLASS, name]).start(&site)?;
        may_be_meant(&site, &pico, &format!("{quoted} of /opt/mz, which may be meant"), call)?;
    }
    let startup = ["sh", "/opt/mz/bin/mzsh", "startup", "-f", "ec 1"];
    let startup = Imitation::of("/opt/imitated/bin/sh", &startup).start(&site)?;
    may_be_meant(&site, &startup, "\"ec 1\"", || site.agent().param("pico_name", "ec 1"))?;
    // Its name does not say that it is a Platform; that it is the one which is set does.
    let pico = Imitation::java(&["java", HOME, "-Dpico.configname=plat form", CLASS]).start(&site)?;
    let platform = || site.agent_for(Kind::Platform).instance("second").param("pico_name", "plat form");
    site.agent_for(Kind::Platform).run("stop")?.answers(OK);
    may_be_meant(&site, &pico, "\"plat form\" of /opt/mz", platform)
}

/// Where `process_match` can't be read and there is no record, the pico by its markers may be meant, and any java that has a file of the
/// installation open and does not say what else it is; start and validation stay 6.
#[test]
fn pico_that_only_an_unreadable_pattern_finds_is_not_taken_for_none() -> Done {
    let patterns: [&[u8]; 3] = [b"^/opt/imitated/bin/odd platform(", b"(a?){20000}b", b"platform\xff"];
    for link in [false, true] {
        let site = site(Kind::Platform).build()?;
        if link {
            site.sh("mv /opt/mz /opt/mz1 && ln -s mz1 /opt/mz && chown -h 4711 /opt/mz")?;
        }
        for pattern in patterns {
            let call = || with(site.agent(), ("process_match", pattern));
            let marked = Imitation::pico("platform").start(&site)?;
            may_be_meant(&site, &marked, "platform of /opt/mz, which may be meant: process_match", call)?;
            let odd = ["java", "-cp", "odd.jar", "org.example.Odd", "platform"];
            let odd = Imitation::java(&odd).directory("/opt/mz/lib").start(&site)?;
            call().run("start")?.answers(CONFIGURED).because(&["process_match: "]);
            call().run("validate-all")?.answers(CONFIGURED).because(&["process_match: "]);
            may_be_meant(&site, &odd, "a java, which may be meant: process_match", call)?;
        }
    }
    Ok(())
}

/// The same of a java that is somewhere else, of another pico, of a stranger, an mzsh, an HA client or a tool of the JDK: it is not meant.
#[test]
fn java_beside_an_unreadable_pattern_that_says_what_else_it_is_is_not_meant() -> Done {
    let site = site(Kind::Platform).build()?;
    let call = || site.agent().param("process_match", "(");
    let own = |argv: &[&str]| Imitation::java(argv).directory("/opt/mz/lib");
    let mut others = vec![
        Imitation::java(&["java", "org.example.Odd"]),
        own(&["java", HOME, "-Dpico.configname=ec1", CLASS, "ec1"]),
        own(&["java", HOME, MZSH, "status", "platform"]),
        own(&["java", "-cp", "ha.jar", "com.digitalroute.ha.HAClient", "26000"]),
        own(&["java", "com.sun.tools.jconsole.JConsole"]),
    ];
    if site.node.owner() != "root" {
        others.push(own(&["java", "org.example.Odd"]).user(STRANGER));
    }
    for other in others {
        let process = other.start(&site)?;
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
        assert!(site.lives(&process)?, "{process:?}");
        site.signal(process.pid, "KILL")?;
    }
    Ok(())
}

/// An EC or SC without `pico_name` is an error of the configuration for a start, and nothing that runs for
/// monitor and stop.
#[test]
fn a_name_that_has_to_be_set_and_is_not_is_told() -> Done {
    for kind in [Kind::Ec, Kind::Sc] {
        let site = site(kind).build()?;
        // Empty counts as not set.
        let call = || site.agent().param("pico_name", "");
        call().run("start")?.answers(CONFIGURED).because(&["pico_name", "required"]);
        call().run("validate-all")?.answers(CONFIGURED);
        call().run("monitor")?.answers(NOT_RUNNING);
        call().run("stop")?.answers(OK);
    }
    Ok(())
}

/// A parameter that can be changed while the pico runs, and that can't be read, fails validation with 6 and no other action, a start neither:
/// its default is taken.
#[test]
fn reloadable_parameter_that_cant_be_read_fails_validation_alone() -> Done {
    let site = site(Kind::Platform).build()?;
    let wrong: [(&str, &[u8]); 9] = [
        ("mzsh_timeout", b"soon"),
        ("ha_timeout", b"abc"),
        ("ha_check", b"\xff"),
        ("ha_port", b"99999"),
        ("ha_host", b" localhost"),
        ("wait_for", b"nonsense"),
        ("wait_for", b"::1"),
        ("wait_for", b"db1:1521;db2:1521"),
        ("wait_for", b"localhost:9 localhost:9"),
    ];
    for wrong in wrong {
        let validated = with(site.agent(), wrong).run("validate-all")?.answers(CONFIGURED);
        validated.because(&[&format!("{}: ", wrong.0)]);
        with(site.agent(), wrong).run("start")?.answers(OK).silently();
        let log = site.log()?;
        let warns = |line: &str| line.contains(wrong.0) && line.ends_with("; the default is taken");
        assert!(log.lines().any(warns), "{wrong:?}: {log}");
        with(site.agent(), wrong).run("stop")?.answers(OK);
    }
    site.nothing_left()?;
    site.start()?;
    for wrong in wrong {
        with(site.agent(), wrong).run("reload-agent")?.answers(OK);
        for level in [0, 10, 20] {
            recurring(with(site.agent(), wrong), level).run("monitor")?.answers(OK).silently();
        }
    }
    with(site.agent(), wrong[0]).run("stop")?.answers(OK);
    site.nothing_left()
}

/// Any other parameter that can't be read fails a start with 6 and its value in quotes, and neither a monitor nor a stop of what runs. Blanks
/// around a path or a name are an error.
#[test]
fn parameter_of_the_process_that_cant_be_read_fails_a_start_and_nothing_that_runs() -> Done {
    let site = site(Kind::Platform).build()?;
    let wrong: [(&str, &[u8], &str); 5] = [
        ("java_home", b"/opt/mz/java ", "\"/opt/mz/java \""),
        ("java_home", b"jdk", "\"jdk\""),
        ("os_user", b" mzadmin", "\" mzadmin\""),
        ("limit_nofile", b"many", "\"many\""),
        ("umask", b"9", "\"9\""),
    ];
    for (name, value, shown) in wrong {
        let call = || with(site.agent(), (name, value));
        for action in ["start", "validate-all"] {
            call().run(action)?.answers(CONFIGURED).because(&[&format!("{name}: "), shown]);
        }
        site.nothing_left()?;
        site.start()?;
        recurring(call(), 10).run("monitor")?.answers(OK).silently();
        call().run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    for blank in [("mz_home", b" /opt/mz"), ("mz_home", b"/opt/mz ")] {
        with(site.agent(), (blank.0, blank.1))
            .run("validate-all")?
            .answers(CONFIGURED)
            .because(&["mz_home: "]);
    }
    Ok(())
}

/// A resource whose `pico_name` was changed while its pico ran says that the new one is not running, and its
/// stop ends the old one.
#[test]
fn a_resource_that_now_means_another_pico_stops_that_which_it_started() -> Done {
    let site = site(Kind::Ec).pico("ec2:ec").build()?;
    site.start()?;
    let now = || site.agent().param("pico_name", "ec2");
    now().run("monitor")?.answers(NOT_RUNNING);
    now().run("stop")?.answers(OK);
    site.nothing_left()
}

/// One parameter, changed while the pico runs, as long as nobody has told the cluster to restart it: what a monitor of depth 0 says
/// of what was started before.
const CHANGED: [(&str, &str, i32); 9] = [
    ("os_user", "nobody", OK),
    ("os_user", "no-such-user", OK),
    ("java_home", "/opt/no/jdk", OK),
    ("java_home", "relative", OK),
    ("container", "elsewhere", OK),
    ("process_match", "no-such-process", OK),
    ("ha_port", "25999", OK),
    ("mz_home", "/opt/elsewhere", NOT_RUNNING),
    ("mz_home", "/opt/mz2", NOT_RUNNING),
];

/// A parameter that differs from that of the start (user, java, container, match, home) leaves the pico monitored as what it is, and a
/// stop ends what was started, although mzsh may not work with it any more.
#[test]
fn a_parameter_changed_between_start_and_stop_leaves_no_process() -> Done {
    for (name, value, code) in CHANGED {
        let site = site(Kind::Platform).build()?;
        site.sh("mkdir /opt/mz2")?;
        let jvm = site.start()?;
        let changed = || site.agent().param(name, value);
        recurring(changed(), 0).run("monitor")?.answers(code);
        assert!(site.lives(&jvm)?, "{name}={value}");
        changed().run("stop")?.answers(OK);
        assert!(!site.lives(&jvm)?, "{name}={value}");
        site.nothing_left()?;
        changed().run("stop")?.answers(OK);
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

/// The same on a real JVM whose start is still under way: the stop ends mzsh and JVM of the start, not of the new parameters.
#[test]
fn a_parameter_changed_during_a_start_leaves_no_process() -> Done {
    for (name, value) in
        [("pico_name", "other"), ("mz_home", "/opt/elsewhere"), ("process_match", "no-such-process")]
    {
        let site = site(Kind::Ec).jvm().set("ec1.start_time=10m").build()?;
        let (start, stop) = site.meanwhile(
            || site.agent().meta_timeout(Duration::from_secs(120)).run("start"),
            |site| {
                let jvm = site.until_there()?;
                site.until_recorded(&jvm)?;
                site.agent().param(name, value).run("stop")
            },
        )?;
        stop.answers(OK);
        assert_ne!(start.code(), Some(OK), "{start}");
        site.nothing_left()?;
    }
    Ok(())
}

/// A new home in which the pico of the same name runs already: the new one is monitored, and a stop ends both, what the resource started
/// and what it means now.
#[test]
fn a_stop_after_a_change_ends_what_was_started_and_what_is_meant_now() -> Done {
    let site = site(Kind::Platform).build()?;
    site.second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
    site.mzsh_of("/opt/mz2", &["startup", "platform"])?.expect(0)?;
    let (old, new) = (site.start()?, site.one_of("/opt/mz2", "platform")?);
    let changed = || site.agent().param("mz_home", "/opt/mz2");
    changed().run("stop")?.answers(OK);
    assert!(!site.lives(&old)? && !site.lives(&new)?);
    changed().run("monitor")?.answers(NOT_RUNNING);
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}

/// A user that is unknown or can't run mzsh fails a start with its name, and is no obstacle for the stop of what somebody started by
/// hand.
#[test]
fn an_os_user_that_cant_run_mzsh_is_told_by_a_start() -> Done {
    let site = site(Kind::Platform).build()?;
    for (user, words) in
        [("no-such-user", ["os_user", "no-such-user"]), ("nobody", ["mzsh startup", "owner"])]
    {
        let call = || site.agent().param("os_user", user);
        call().run("start")?.answers(GENERIC).because(&words);
        site.nothing_left()?;
        call().run("monitor")?.answers(NOT_RUNNING);
        let jvm = site.start_by_hand()?;
        site.sh(&format!("rm -f {}", site.record()))?;
        call().run("stop")?.answers(OK);
        assert!(!site.lives(&jvm)?, "{user}: the owner of a process never makes it another's");
    }
    Ok(())
}
