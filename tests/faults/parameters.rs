//! Parameters that cannot be parsed, or that have changed since the start: a configuration error for a start,
//! no obstacle for a monitor or a stop.

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

/// An unreadable `pico_name`, `mz_home` or `process_match` fails start and validation with 6, and the reason
/// names the parameter. A monitor answers "not running", a stop succeeds, and neither runs mzsh.
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

/// With unreadable parameters and a torn record a stop does not succeed, because it cannot know which process
/// to search for.
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

/// With an unreadable `pico_name`, `mz_home` or `process_match` and no record, a live pico that could be the
/// target is never reported as not running. Probe, monitor and stop answer 1, name it and leave it alone.
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

/// The `pico_name` of an EC is not set or unreadable while another EC runs that no record names: probe,
/// monitor and stop answer 1, name that EC and leave it alone.
#[test]
fn possible_target_of_missing_ec_name_is_named_and_left_alone() -> TestResult {
    for name in ["", "plat form"] {
        let fixture = fixture(AgentKind::Ec).build()?;
        let jvm = fixture.start_by_mzsh()?;
        let call = || fixture.agent().param("pico_name", name);
        let named = format!("pid {}", jvm.pid);
        call()
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["pico_name", &named]);
        call().run("stop")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["pico_name", &named]);
        assert!(fixture.is_alive(&jvm)?);
    }
    Ok(())
}

/// A pico that the record of another resource names, and another user's process, are no target of an
/// unreadable parameter. Nothing is running, and a stop succeeds.
#[test]
fn pico_of_other_resource_or_user_is_no_possible_target() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    // The Platform beside it belongs to another resource, too.
    fixture
        .agent_for(AgentKind::Platform)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
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

/// Probe, monitor and stop name the possible target first and leave it alone.
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

/// A live JVM, or an mzsh that starts one, with exactly the unreadable name is never reported as not running,
/// whatever the name. The reason shows control characters of the name as escapes. One of another installation
/// is not the target.
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
        let other =
            FakeProcess::for_java(&["java", "-Dmz.home=/opt/mz2", &named, PICO_MAIN_CLASS, name])
                .start(&fixture)?;
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(fixture.is_alive(&other)?, "{name}");
        fixture.signal(other.pid, "KILL")?;
        let pico = FakeProcess::for_java(&["java", HOME_OPTION, &named, PICO_MAIN_CLASS, name])
            .start(&fixture)?;
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
    // Its name does not show that it is a Platform, but it is exactly the configured name.
    let pico = FakeProcess::for_java(&[
        "java",
        HOME_OPTION,
        "-Dpico.configname=plat form",
        PICO_MAIN_CLASS,
    ])
    .start(&fixture)?;
    let platform = || {
        fixture.agent_for(AgentKind::Platform).instance("second").param("pico_name", "plat form")
    };
    fixture.agent_for(AgentKind::Platform).run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert_possible_target_is_named(&fixture, &pico, "\"plat form\" of /opt/mz", platform)
}

/// `process_match` is unreadable and there is no record. The pico by its markers may be the target, and so
/// may any unidentified java with an open file of the installation. Start and validation still answer 6.
#[test]
fn possible_target_of_unreadable_process_match_is_named() -> TestResult {
    let patterns: [&[u8]; 3] =
        [b"^/opt/imitated/bin/odd platform(", b"(a?){20000}b", b"platform\xff"];
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
            call()
                .run("start")?
                .assert_exit_code(OCF_ERR_CONFIGURED)
                .assert_reason(&["process_match: "]);
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

/// A java of another directory, of another pico or of another user, an mzsh, an HA client or a JDK tool is no
/// target of an unreadable `process_match`.
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

/// An EC or SC without `pico_name` is a configuration error for a start. For a monitor and a stop nothing is
/// running.
#[test]
fn missing_pico_name_of_ec_or_sc_fails_only_start() -> TestResult {
    for kind in [AgentKind::Ec, AgentKind::Sc] {
        let fixture = fixture(kind).build()?;
        // An empty value counts as not set.
        let call = || fixture.agent().param("pico_name", "");
        call()
            .run("start")?
            .assert_exit_code(OCF_ERR_CONFIGURED)
            .assert_reason(&["pico_name", "required"]);
        call().run("validate-all")?.assert_exit_code(OCF_ERR_CONFIGURED);
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    }
    Ok(())
}

/// An unreadable parameter that can be changed while the pico runs fails validation with 6 and no other
/// action. A start uses its default.
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
        let validated = with_parameter(fixture.agent(), wrong)
            .run("validate-all")?
            .assert_exit_code(OCF_ERR_CONFIGURED);
        validated.assert_reason(&[&format!("{}: ", wrong.0)]);
        with_parameter(fixture.agent(), wrong)
            .run("start")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
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

/// Any other unreadable parameter fails a start with 6 and its value in quotes, but neither a monitor nor a
/// stop of a running pico. Blanks around a path or a name are an error.
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
        as_recurring_monitor(call(), 10)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
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

/// The `pico_name` of a resource was changed while its pico ran: a monitor reports the new pico as not
/// running. The stop ends the old one.
#[test]
fn stop_after_pico_name_change_ends_started_pico() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec2:ec").build()?;
    fixture.start()?;
    let now = || fixture.agent().param("pico_name", "ec2");
    now().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    now().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A parameter that was changed while the pico runs, before the cluster has restarted it, and the answer of a
/// monitor of depth 0 about the started pico.
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

/// A parameter (user, java, container, match, home) that differs from its value at the start leaves the pico
/// monitored as started. A stop ends that pico, although mzsh may not work with it any more.
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

/// The parameter changes during the start of a real JVM: the stop ends the mzsh and the JVM of that start,
/// not of the new parameters.
#[test]
fn parameter_changed_during_start_leaves_no_process() -> TestResult {
    for (name, value) in [
        ("pico_name", "other"),
        ("mz_home", "/opt/elsewhere"),
        ("process_match", "no-such-process"),
    ] {
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

/// The new home already runs a pico of the same name. A monitor reports that one, and a stop ends both, the
/// started one and the configured one.
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

/// A user that is unknown or cannot run mzsh fails a start, whose reason names the user. It does not affect
/// the stop of a manually started pico.
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
        assert!(
            !fixture.is_alive(&jvm)?,
            "{user}: the owner of a process never makes it another's"
        );
    }
    Ok(())
}
