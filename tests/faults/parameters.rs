//! Parameters that can't be read, or are others than at the start: an error of the configuration for a start, no obstacle for a monitor or a stop.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use testkit::assertions::{
    AgentAssertions, OCF_ERR_CONFIGURED, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, MZADMIN_UID, as_recurring_monitor, fixture};
use testkit::{AgentCall, NodeProcess, TestResult};

use crate::process_cases::{FOREIGN_UID, HOME_OPTION, MZSH_MAIN_CLASS, PICO_MAIN_CLASS};

/// Each of them leaves open which pico is meant.
const UNREADABLE_PARAMETERS: [(&str, &[u8]); 6] = [
    ("pico_name", b"-f"),
    ("pico_name", b"plat form"),
    ("pico_name", b"pl\xe4tform"),
    ("mz_home", b"opt/mz"),
    ("mz_home", b"/opt/\xff\xfe"),
    ("process_match", b"("),
];

fn with_parameter<'a>(call: AgentCall<'a>, (name, value): (&str, &[u8])) -> AgentCall<'a> {
    call.param(name, OsStr::from_bytes(value))
}

/// A `pico_name`, `mz_home` or `process_match` that can't be read fails start and validation with 6 and its own
/// name; a monitor says not running, a stop succeeds, mzsh is never run by it.
#[test]
fn unreadable_identity_parameter_fails_start_and_validation_with_6() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for wrong in UNREADABLE_PARAMETERS {
        let call = || with_parameter(fixture.agent(), wrong);
        let name = format!("{}: ", wrong.0);
        call().run("start")?.assert_exit_code(OCF_ERR_CONFIGURED).assert_reason(&[&name]);
        for level in [0, 10] {
            let validated = call()
                .check_level(level)
                .run("validate-all")?
                .assert_exit_code(OCF_ERR_CONFIGURED)
                .assert_reason(&[&name]);
            assert!(validated.stderr.starts_with(&format!("ERROR: {name}")), "{validated}");
        }
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        call().run("reload-agent")?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.assert_nothing_left()?;
    }
    assert_eq!(fixture.mzsh_call_count("")?, 0);
    Ok(())
}

/// A pico that was started before its parameters became unreadable is monitored, reloaded and stopped as it
/// was started.
#[test]
fn running_pico_is_managed_when_parameters_become_unreadable() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for wrong in UNREADABLE_PARAMETERS {
        let pid = fixture.start()?.pid;
        for level in [0, 10] {
            as_recurring_monitor(with_parameter(fixture.agent(), wrong), level)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
        with_parameter(fixture.agent(), wrong)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        with_parameter(fixture.agent(), wrong)
            .run("reload-agent")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        assert_eq!(fixture.single_pico("platform")?.pid, pid);
        with_parameter(fixture.agent(), wrong).run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// With unreadable parameters and a torn record a stop does not claim success, for it can't know what to look
/// for.
#[test]
fn stop_with_unreadable_parameters_and_torn_record_fails() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    fixture.node.write(fixture.record_path(), "torn")?;
    let stop = with_parameter(fixture.agent(), UNREADABLE_PARAMETERS[0])
        .run("stop")?
        .assert_exit_code(OCF_ERR_GENERIC);
    stop.assert_reason(&["pico_name: ", "can't be read"]);
    assert_eq!(fixture.single_pico("platform")?.pid, pid);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// With an unreadable `pico_name`, `mz_home` or `process_match` and no record, a live pico that could be the one that is meant is never taken for
/// none: probe, monitor and stop answer 1 and name it, and leave it alone.
#[test]
fn possible_target_of_unreadable_parameter_is_named_and_left_alone() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for wrong in UNREADABLE_PARAMETERS {
        let jvm = fixture.start_by_mzsh()?;
        fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
        let call = || with_parameter(fixture.agent(), wrong);
        let named = [format!("{}: ", wrong.0), format!("pid {}", jvm.pid)];
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        call().run("monitor")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&named);
        as_recurring_monitor(call(), 0)
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&named[..1]);
        call().run("stop")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&named);
        assert!(fixture.is_alive(&jvm)?, "{wrong:?}");
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    }
    Ok(())
}

/// The same of an EC whose `pico_name` is not set or can't be read, while another EC runs that no record names.
#[test]
fn possible_target_of_missing_ec_name_is_named_and_left_alone() -> TestResult {
    for name in ["", "plat form"] {
        let fixture = fixture(AgentKind::Ec).build()?;
        let jvm = fixture.start_by_mzsh()?;
        let call = || fixture.agent().param("pico_name", name);
        let named = format!("pid {}", jvm.pid);
        call().run("monitor")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["pico_name", &named]);
        call().run("stop")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["pico_name", &named]);
        assert!(fixture.is_alive(&jvm)?);
    }
    Ok(())
}

/// A pico that the record of another resource names, and a stranger's process, are not meant by a parameter that can't be read: nothing is running,
/// and a stop succeeds.
#[test]
fn pico_of_other_resource_or_user_is_no_possible_target() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    // The Platform beside it is another resource's, too.
    fixture.agent_for(AgentKind::Platform).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.start()?;
    let mut others = vec![fixture.single_pico("ec1")?, fixture.single_pico("platform")?];
    if fixture.node.owner() != "root" {
        others.push(FakeProcess::for_pico("ec1").user(4712).start(&fixture)?);
        others.push(FakeProcess::for_pico("ec2").user(4712).start(&fixture)?);
    }
    for wrong in UNREADABLE_PARAMETERS {
        let call = || with_parameter(fixture.agent().instance("second"), wrong);
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        for other in &others {
            assert!(fixture.is_alive(other)?, "{wrong:?}: {other:?}");
        }
    }
    Ok(())
}

/// What probe, monitor and stop say of a process that may be meant: it is named first, and left alone.
fn assert_possible_target_is_named<'a>(
    fixture: &Fixture,
    process: &NodeProcess,
    as_what: &str,
    call: impl Fn() -> AgentCall<'a>,
) -> TestResult {
    let user = if fixture.node.owner() == "root" { 0 } else { MZADMIN_UID };
    let evidence = format!("pid {} (user {user}) is {as_what}", process.pid);
    call().run("monitor")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[&evidence]);
    for level in [0, 10] {
        as_recurring_monitor(call(), level)
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&[&evidence]);
    }
    let stopped = call().run("stop")?.assert_exit_code(OCF_ERR_GENERIC);
    assert!(stopped.reason().is_some_and(|reason| reason.starts_with(&evidence)), "{stopped}");
    assert!(fixture.is_alive(process)?, "{as_what}");
    fixture.signal(process.pid, "KILL")?;
    call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    Ok(())
}

/// A live JVM, or an mzsh that starts one, with exactly the name that can't be read as a parameter is never taken for none, whatever the name,
/// and is shown with its control characters visible; one of another installation is not meant.
#[test]
fn pico_with_unreadable_name_is_never_reported_as_not_running() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
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
        let call = || fixture.agent().param("pico_name", name);
        let other = FakeProcess::for_java(&["java", "-Dmz.home=/opt/mz2", &named, PICO_MAIN_CLASS, name])
            .start(&fixture)?;
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(fixture.is_alive(&other)?, "{name}");
        fixture.signal(other.pid, "KILL")?;
        let pico =
            FakeProcess::for_java(&["java", HOME_OPTION, &named, PICO_MAIN_CLASS, name]).start(&fixture)?;
        assert_possible_target_is_named(
            &fixture,
            &pico,
            &format!("{quoted} of /opt/mz, which may be meant"),
            call,
        )?;
    }
    let startup = ["sh", "/opt/mz/bin/mzsh", "startup", "-f", "ec 1"];
    let startup = FakeProcess::for_program("/opt/imitated/bin/sh", &startup).start(&fixture)?;
    assert_possible_target_is_named(&fixture, &startup, "\"ec 1\"", || {
        fixture.agent().param("pico_name", "ec 1")
    })?;
    // Its name does not say that it is a Platform; that it is the one which is set does.
    let pico = FakeProcess::for_java(&["java", HOME_OPTION, "-Dpico.configname=plat form", PICO_MAIN_CLASS])
        .start(&fixture)?;
    let platform =
        || fixture.agent_for(AgentKind::Platform).instance("second").param("pico_name", "plat form");
    fixture.agent_for(AgentKind::Platform).run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert_possible_target_is_named(&fixture, &pico, "\"plat form\" of /opt/mz", platform)
}

/// Where `process_match` can't be read and there is no record, the pico by its markers may be meant, and any java that has a file of the
/// installation open and does not say what else it is; start and validation stay 6.
#[test]
fn possible_target_of_unreadable_process_match_is_named() -> TestResult {
    let patterns: [&[u8]; 3] = [b"^/opt/imitated/bin/odd platform(", b"(a?){20000}b", b"platform\xff"];
    for link in [false, true] {
        let fixture = fixture(AgentKind::Platform).build()?;
        if link {
            fixture.sh("mv /opt/mz /opt/mz1 && ln -s mz1 /opt/mz && chown -h 4711 /opt/mz")?;
        }
        for pattern in patterns {
            let call = || with_parameter(fixture.agent(), ("process_match", pattern));
            let marked = FakeProcess::for_pico("platform").start(&fixture)?;
            assert_possible_target_is_named(
                &fixture,
                &marked,
                "platform of /opt/mz, which may be meant: process_match",
                call,
            )?;
            let odd = ["java", "-cp", "odd.jar", "org.example.Odd", "platform"];
            let odd = FakeProcess::for_java(&odd).directory("/opt/mz/lib").start(&fixture)?;
            call().run("start")?.assert_exit_code(OCF_ERR_CONFIGURED).assert_reason(&["process_match: "]);
            call()
                .run("validate-all")?
                .assert_exit_code(OCF_ERR_CONFIGURED)
                .assert_reason(&["process_match: "]);
            assert_possible_target_is_named(
                &fixture,
                &odd,
                "a java, which may be meant: process_match",
                call,
            )?;
        }
    }
    Ok(())
}

/// The same of a java that is somewhere else, of another pico, of a stranger, an mzsh, an HA client or a tool of the JDK: it is not meant.
#[test]
fn identifiable_java_is_no_target_of_unreadable_process_match() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let call = || fixture.agent().param("process_match", "(");
    let own = |argv: &[&str]| FakeProcess::for_java(argv).directory("/opt/mz/lib");
    let mut others = vec![
        FakeProcess::for_java(&["java", "org.example.Odd"]),
        own(&["java", HOME_OPTION, "-Dpico.configname=ec1", PICO_MAIN_CLASS, "ec1"]),
        own(&["java", HOME_OPTION, MZSH_MAIN_CLASS, "status", "platform"]),
        own(&["java", "-cp", "ha.jar", "com.digitalroute.ha.HAClient", "26000"]),
        own(&["java", "com.sun.tools.jconsole.JConsole"]),
    ];
    if fixture.node.owner() != "root" {
        others.push(own(&["java", "org.example.Odd"]).user(FOREIGN_UID));
    }
    for other in others {
        let process = other.start(&fixture)?;
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(fixture.is_alive(&process)?, "{process:?}");
        fixture.signal(process.pid, "KILL")?;
    }
    Ok(())
}

/// An EC or SC without `pico_name` is an error of the configuration for a start, and nothing that runs for
/// monitor and stop.
#[test]
fn missing_pico_name_of_ec_or_sc_fails_only_start() -> TestResult {
    for kind in [AgentKind::Ec, AgentKind::Sc] {
        let fixture = fixture(kind).build()?;
        // Empty counts as not set.
        let call = || fixture.agent().param("pico_name", "");
        call().run("start")?.assert_exit_code(OCF_ERR_CONFIGURED).assert_reason(&["pico_name", "required"]);
        call().run("validate-all")?.assert_exit_code(OCF_ERR_CONFIGURED);
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    }
    Ok(())
}

/// A parameter that can be changed while the pico runs, and that can't be read, fails validation with 6 and no other action, a start neither:
/// its default is taken.
#[test]
fn unreadable_reloadable_parameter_fails_only_validation() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
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
        let validated =
            with_parameter(fixture.agent(), wrong).run("validate-all")?.assert_exit_code(OCF_ERR_CONFIGURED);
        validated.assert_reason(&[&format!("{}: ", wrong.0)]);
        with_parameter(fixture.agent(), wrong).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let log = fixture.log()?;
        let warns = |line: &str| line.contains(wrong.0) && line.ends_with("; the default is taken");
        assert!(log.lines().any(warns), "{wrong:?}: {log}");
        with_parameter(fixture.agent(), wrong).run("stop")?.assert_exit_code(OCF_SUCCESS);
    }
    fixture.assert_nothing_left()?;
    fixture.start()?;
    for wrong in wrong {
        with_parameter(fixture.agent(), wrong).run("reload-agent")?.assert_exit_code(OCF_SUCCESS);
        for level in [0, 10, 20] {
            as_recurring_monitor(with_parameter(fixture.agent(), wrong), level)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
    }
    with_parameter(fixture.agent(), wrong[0]).run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// Any other parameter that can't be read fails a start with 6 and its value in quotes, and neither a monitor nor a stop of what runs. Blanks
/// around a path or a name are an error.
#[test]
fn unreadable_process_parameter_fails_start_but_no_monitor_or_stop() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let wrong: [(&str, &[u8], &str); 5] = [
        ("java_home", b"/opt/mz/java ", "\"/opt/mz/java \""),
        ("java_home", b"jdk", "\"jdk\""),
        ("os_user", b" mzadmin", "\" mzadmin\""),
        ("limit_nofile", b"many", "\"many\""),
        ("umask", b"9", "\"9\""),
    ];
    for (name, value, shown) in wrong {
        let call = || with_parameter(fixture.agent(), (name, value));
        for action in ["start", "validate-all"] {
            call()
                .run(action)?
                .assert_exit_code(OCF_ERR_CONFIGURED)
                .assert_reason(&[&format!("{name}: "), shown]);
        }
        fixture.assert_nothing_left()?;
        fixture.start()?;
        as_recurring_monitor(call(), 10).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    for blank in [("mz_home", b" /opt/mz"), ("mz_home", b"/opt/mz ")] {
        with_parameter(fixture.agent(), (blank.0, blank.1))
            .run("validate-all")?
            .assert_exit_code(OCF_ERR_CONFIGURED)
            .assert_reason(&["mz_home: "]);
    }
    Ok(())
}

/// A resource whose `pico_name` was changed while its pico ran says that the new one is not running, and its
/// stop ends the old one.
#[test]
fn stop_after_pico_name_change_ends_started_pico() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec2:ec").build()?;
    fixture.start()?;
    let now = || fixture.agent().param("pico_name", "ec2");
    now().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    now().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// One parameter, changed while the pico runs, as long as nobody has told the cluster to restart it: what a monitor of depth 0 says
/// of what was started before.
const CHANGED_PARAMETERS: [(&str, &str, i32); 9] = [
    ("os_user", "nobody", OCF_SUCCESS),
    ("os_user", "no-such-user", OCF_SUCCESS),
    ("java_home", "/opt/no/jdk", OCF_SUCCESS),
    ("java_home", "relative", OCF_SUCCESS),
    ("container", "elsewhere", OCF_SUCCESS),
    ("process_match", "no-such-process", OCF_SUCCESS),
    ("ha_port", "25999", OCF_SUCCESS),
    ("mz_home", "/opt/elsewhere", OCF_NOT_RUNNING),
    ("mz_home", "/opt/mz2", OCF_NOT_RUNNING),
];

/// A parameter that differs from that of the start (user, java, container, match, home) leaves the pico monitored as what it is, and a
/// stop ends what was started, although mzsh may not work with it any more.
#[test]
fn parameter_changed_between_start_and_stop_leaves_no_process() -> TestResult {
    for (name, value, code) in CHANGED_PARAMETERS {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.sh("mkdir /opt/mz2")?;
        let jvm = fixture.start()?;
        let changed = || fixture.agent().param(name, value);
        as_recurring_monitor(changed(), 0).run("monitor")?.assert_exit_code(code);
        assert!(fixture.is_alive(&jvm)?, "{name}={value}");
        changed().run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&jvm)?, "{name}={value}");
        fixture.assert_nothing_left()?;
        changed().run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// The same on a real JVM whose start is still under way: the stop ends mzsh and JVM of the start, not of the new parameters.
#[test]
fn parameter_changed_during_start_leaves_no_process() -> TestResult {
    for (name, value) in
        [("pico_name", "other"), ("mz_home", "/opt/elsewhere"), ("process_match", "no-such-process")]
    {
        let fixture = fixture(AgentKind::Ec).jvm().set("ec1.start_time=10m").build()?;
        let (start, stop) = fixture.run_during(
            || fixture.agent().meta_timeout(Duration::from_secs(120)).run("start"),
            |fixture| {
                let jvm = fixture.wait_for_pico()?;
                fixture.wait_until_recorded(&jvm)?;
                fixture.agent().param(name, value).run("stop")
            },
        )?;
        stop.assert_exit_code(OCF_SUCCESS);
        assert_ne!(start.code(), Some(OCF_SUCCESS), "{start}");
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A new home in which the pico of the same name runs already: the new one is monitored, and a stop ends both, what the resource started
/// and what it means now.
#[test]
fn stop_after_mz_home_change_ends_started_and_configured_pico() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.install_second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
    fixture.mzsh_in("/opt/mz2", &["startup", "platform"])?.expect_code(0)?;
    let (old, new) = (fixture.start()?, fixture.single_pico_in("/opt/mz2", "platform")?);
    let changed = || fixture.agent().param("mz_home", "/opt/mz2");
    changed().run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&old)? && !fixture.is_alive(&new)?);
    changed().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

/// A user that is unknown or can't run mzsh fails a start with its name, and is no obstacle for the stop of what somebody started by
/// hand.
#[test]
fn os_user_unable_to_run_mzsh_is_named_by_start() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for (user, words) in
        [("no-such-user", ["os_user", "no-such-user"]), ("nobody", ["mzsh startup", "owner"])]
    {
        let call = || fixture.agent().param("os_user", user);
        call().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&words);
        fixture.assert_nothing_left()?;
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        let jvm = fixture.start_by_mzsh()?;
        fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&jvm)?, "{user}: the owner of a process never makes it another's");
    }
    Ok(())
}
