//! Only processes of root and of the installation's owner can be the pico, because any user can choose a
//! command line.

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::{FAKE_JAVA, FakeProcess, FakeProcessState};
use testkit::fixture::{AgentKind, Fixture, MZADMIN_UID, as_recurring_monitor, fixture};
use testkit::{AgentCall, NodeProcess, TestResult};

use crate::process_cases::{
    CONFIGNAME_OPTION, EXITING, ExpectedRole, FOREIGN_UID, HOME_OPTION, MZSH_MAIN_CLASS,
    OOM_OPTION, PICO_MAIN_CLASS, ProcessCase, UNREADABLE_MEMORY, check_on_separate_nodes,
    check_on_shared_node, process_case,
};

/// Each of these alone identifies the Platform.
const PLATFORM_MARKERS: [(&str, &[&str]); 4] = [
    ("configname", &[CONFIGNAME_OPTION, PICO_MAIN_CLASS]),
    ("oom", &[OOM_OPTION, PICO_MAIN_CLASS]),
    ("main class", &[PICO_MAIN_CLASS, "platform"]),
    (
        "all of them",
        &[
            "-Xmx1g",
            "-classpath",
            "/opt/mz/lib/picostart.jar",
            CONFIGNAME_OPTION,
            OOM_OPTION,
            PICO_MAIN_CLASS,
            "platform",
        ],
    ),
];

/// A way to specify an installation.
struct HomeSpec {
    description: &'static str,
    option: &'static [&'static str],
    mz_home: Option<&'static str>,
    /// The working directory of the process.
    directory: &'static str,
    /// The role of such a process for an agent of `/opt/mz`.
    role: ExpectedRole,
}

const HOME_SPECS: [HomeSpec; 7] = [
    HomeSpec {
        description: "-Dmz.home",
        option: &[HOME_OPTION],
        mz_home: None,
        directory: "/",
        role: ExpectedRole::Pico,
    },
    HomeSpec {
        description: "MZ_HOME",
        option: &[],
        mz_home: Some("/opt/mz"),
        directory: "/",
        role: ExpectedRole::Pico,
    },
    HomeSpec {
        description: "relative -Dmz.home",
        option: &["-Dmz.home=../mz"],
        mz_home: None,
        directory: "/opt/imitated",
        role: ExpectedRole::Pico,
    },
    HomeSpec {
        description: "relative MZ_HOME",
        option: &[],
        mz_home: Some("."),
        directory: "/opt/mz",
        role: ExpectedRole::Pico,
    },
    HomeSpec {
        description: "none",
        option: &[],
        mz_home: None,
        directory: "/",
        role: ExpectedRole::Unknown,
    },
    HomeSpec {
        description: "another's",
        option: &["-Dmz.home=/opt/imitated"],
        mz_home: None,
        directory: "/",
        role: ExpectedRole::Ignored,
    },
    HomeSpec {
        description: "relative, another's",
        option: &["-Dmz.home=../mz/lib"],
        mz_home: None,
        directory: "/opt/imitated",
        role: ExpectedRole::Ignored,
    },
];

fn java_claiming(markers: &[&str], home: &HomeSpec) -> FakeProcess {
    let argv: Vec<&str> = ["java"].iter().chain(home.option).chain(markers).copied().collect();
    let java = FakeProcess::for_java(&argv).directory(home.directory);
    home.mz_home.map_or(java.clone(), |value| java.env("MZ_HOME", value))
}

/// Every marker with every home, of one owner, and the expected role.
fn cases_for_owner(
    owner: &str,
    by: impl Fn(FakeProcess) -> FakeProcess,
    is: impl Fn(ExpectedRole) -> ExpectedRole,
) -> Vec<ProcessCase> {
    let mut cells = Vec::new();
    for (marker, words) in PLATFORM_MARKERS {
        for (at, home) in HOME_SPECS.iter().enumerate() {
            // All homes with one marker, and all markers with one home.
            if at == 0 || marker == "configname" {
                let name = format!("{owner}, {marker}, home: {}", home.description);
                cells.push(process_case(name, is(home.role), by(java_claiming(words, home))));
            }
        }
    }
    cells
}

/// A live java of another user is ignored by every action, whichever marker of the Platform and whichever
/// home its command line or environment has. No action reports it, adopts it, waits for it or ends it, with
/// or without the Platform beside it.
#[test]
fn live_foreign_java_is_ignored_for_every_marker_and_home() -> TestResult {
    check_on_shared_node(cases_for_owner(
        "a stranger's",
        |java| java.user(FOREIGN_UID),
        |_| ExpectedRole::Ignored,
    ))
}

/// A set-user-ID program of root that another user runs is ignored, because that user has chosen its command
/// line.
#[test]
fn setuid_java_run_by_foreign_user_is_ignored() -> TestResult {
    let by = |java: FakeProcess| java.setuid().user(FOREIGN_UID);
    let mut cells = cases_for_owner("root's by a stranger", by, |_| ExpectedRole::Ignored);
    let lost = by(FakeProcess::for_pico("platform")).state(FakeProcessState::ZombieLeader);
    cells.push(process_case(
        "root's by a stranger, without main thread",
        ExpectedRole::Ignored,
        lost,
    ));
    check_on_shared_node(cells)
}

/// A live java of root counts like one of the installation's owner. By each marker and each way to specify
/// the installation it is found, adopted, reported as a duplicate, and ended.
#[test]
fn live_java_of_root_is_identified_by_markers_and_home() -> TestResult {
    check_on_shared_node(cases_for_owner("root's", |java| java.user(0), |is| is))
}

/// A live java of the installation's owner is the Platform by each marker and each way to specify the
/// installation: it is found, adopted, reported as a duplicate, and ended. With another home it is ignored;
/// without a home it cannot be identified.
#[test]
fn live_java_of_owner_is_identified_by_markers_and_home() -> TestResult {
    check_on_shared_node(cases_for_owner("the owner's", |java| java, |is| is))
}

/// A set-user-ID program of root that the installation's owner or root runs counts as theirs.
#[test]
fn setuid_java_run_by_owner_is_the_pico() -> TestResult {
    check_on_shared_node(vec![
        process_case(
            "by the owner",
            ExpectedRole::Pico,
            FakeProcess::for_pico("platform").setuid(),
        ),
        process_case(
            "by root",
            ExpectedRole::Pico,
            FakeProcess::for_pico("platform").setuid().user(0),
        ),
    ])
}

/// Name of the case, program, arguments.
const OTHER_PROGRAMS: [(&str, &str, &[&str]); 10] = [
    (
        "behind -jar",
        FAKE_JAVA,
        &["java", "-jar", "/opt/jmxterm.jar", CONFIGNAME_OPTION, HOME_OPTION],
    ),
    (
        "behind -jar, all",
        FAKE_JAVA,
        &[
            "java",
            "-Xmx64m",
            "-jar",
            "/opt/x.jar",
            HOME_OPTION,
            CONFIGNAME_OPTION,
            OOM_OPTION,
            PICO_MAIN_CLASS,
            "platform",
        ],
    ),
    (
        "behind a class",
        FAKE_JAVA,
        &["java", "-cp", "/opt/x.jar", "com.foo.Main", CONFIGNAME_OPTION, HOME_OPTION],
    ),
    (
        "behind a module",
        FAKE_JAVA,
        &["java", "-m", "foo/com.foo.Main", CONFIGNAME_OPTION, HOME_OPTION],
    ),
    (
        "jps",
        FAKE_JAVA,
        &["java", HOME_OPTION, CONFIGNAME_OPTION, "-m", "jdk.jcmd/sun.tools.jps.Jps", "-lv"],
    ),
    (
        "jcmd",
        FAKE_JAVA,
        &["java", HOME_OPTION, CONFIGNAME_OPTION, "sun.tools.jcmd.JCmd", "0", "VM.flags"],
    ),
    (
        "jshell",
        FAKE_JAVA,
        &["java", HOME_OPTION, CONFIGNAME_OPTION, "jdk.internal.jshell.tool.JShellToolProvider"],
    ),
    (
        "HA client",
        FAKE_JAVA,
        &[
            "java",
            "-cp",
            "/opt/mz/lib/ha.jar",
            HOME_OPTION,
            CONFIGNAME_OPTION,
            "com.digitalroute.ha.HAClient",
            "26000",
        ],
    ),
    (
        "mzsh status",
        FAKE_JAVA,
        &["java", HOME_OPTION, CONFIGNAME_OPTION, MZSH_MAIN_CLASS, "status", "platform"],
    ),
    (
        "perl called java",
        "/opt/imitated/bin/perl",
        &["java", HOME_OPTION, CONFIGNAME_OPTION, PICO_MAIN_CLASS, "platform"],
    ),
];

/// A java with the Platform's options as arguments of its own program is not the Platform: after a class,
/// after `-jar`, in a JDK tool, in the HA client, in an mzsh query. A program that is only called java is not
/// the Platform either.
#[test]
fn java_with_pico_options_as_program_arguments_is_ignored() -> TestResult {
    let cells = OTHER_PROGRAMS.map(|(name, program, argv)| {
        process_case(name, ExpectedRole::Ignored, FakeProcess::for_program(program, argv))
    });
    let mut cells = Vec::from(cells);
    let called = ["mediationzone", HOME_OPTION, CONFIGNAME_OPTION, PICO_MAIN_CLASS, "platform"];
    cells.push(process_case(
        "java that is called otherwise",
        ExpectedRole::Pico,
        FakeProcess::for_java(&called),
    ));
    check_on_shared_node(cells)
}

/// Another user's java in a state in which it cannot be identified is ignored: as a zombie thread-group
/// leader, with locked memory, or killed and hanging while exiting.
#[test]
fn foreign_java_is_ignored_in_every_state() -> TestResult {
    let cells = [FakeProcessState::ZombieLeader, UNREADABLE_MEMORY, EXITING].map(|state| {
        let java = FakeProcess::for_pico("platform").user(FOREIGN_UID).state(state);
        process_case(format!("a stranger's, {state:?}"), ExpectedRole::Ignored, java)
    });
    check_on_separate_nodes(cells.into())
}

/// A java of the owner or of root in a state in which it cannot be identified is never reported as not
/// running. A zombie thread-group leader is identified by its other thread, and ended by a stop.
#[test]
fn java_of_owner_in_any_state_is_never_reported_as_not_running() -> TestResult {
    let mut cells = Vec::new();
    for (owner, uid) in [("owner", MZADMIN_UID), ("root", 0)] {
        for (state, is) in [
            (FakeProcessState::ZombieLeader, ExpectedRole::FailedPico),
            (UNREADABLE_MEMORY, ExpectedRole::Unknown),
            (EXITING, ExpectedRole::Unknown),
        ] {
            let java = FakeProcess::for_pico("platform").user(uid).state(state);
            cells.push(process_case(format!("the {owner}'s, {state:?}"), is, java));
        }
    }
    check_on_separate_nodes(cells)
}

fn fake_startups() -> [(&'static str, FakeProcess); 2] {
    let java =
        FakeProcess::for_java(&["java", HOME_OPTION, MZSH_MAIN_CLASS, "startup", "-f", "platform"]);
    let script = ["sh", "/opt/mz/bin/mzsh", "startup", "platform"];
    [("java", java), ("sh", FakeProcess::for_program("/opt/imitated/bin/sh", &script))]
}

/// Another user's process that looks like an mzsh that starts the Platform, as script or as JVM, is ignored.
/// One of the owner or root is reported, and ended by a stop.
#[test]
fn fake_mzsh_startup_of_foreign_user_is_ignored() -> TestResult {
    let mut cells = Vec::new();
    for (what, startup) in fake_startups() {
        for (owner, uid, is) in [
            ("a stranger's", FOREIGN_UID, ExpectedRole::Ignored),
            ("the owner's", MZADMIN_UID, ExpectedRole::Startup),
            ("root's", 0, ExpectedRole::Startup),
        ] {
            cells.push(process_case(
                format!("{owner} mzsh ({what})"),
                is,
                startup.clone().user(uid),
            ));
        }
    }
    check_on_shared_node(cells)
}

const UNMARKED_PROGRAM: &str = "/opt/imitated/bin/odd";

fn agent_with_process_match(fixture: &Fixture) -> AgentCall<'_> {
    fixture
        .agent()
        .param("ha_check", "no")
        .param("process_match", "^/opt/imitated/bin/odd platform( |$)")
}

/// By `process_match`, too, another user's process is ignored, and the owner's is the pico.
#[test]
fn process_match_ignores_foreign_process() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let imitation = FakeProcess::for_program(UNMARKED_PROGRAM, &[UNMARKED_PROGRAM, "platform"]);
    let other = imitation.clone().user(FOREIGN_UID).start(&fixture)?;
    agent_with_process_match(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    as_recurring_monitor(agent_with_process_match(&fixture), 0)
        .run("monitor")?
        .assert_exit_code(OCF_NOT_RUNNING);
    agent_with_process_match(&fixture)
        .run("stop")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    assert!(fixture.is_alive(&other)?);
    let own = imitation.start(&fixture)?;
    agent_with_process_match(&fixture)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    as_recurring_monitor(agent_with_process_match(&fixture), 10)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    assert_eq!(fixture.recorded_pid()?, Some(own.pid));
    agent_with_process_match(&fixture).run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&own)? && fixture.is_alive(&other)?);
    Ok(())
}

/// explain names each process of another user that claims to be the pico or a startup of it: its pid, its
/// user, and its claim.
#[test]
fn explain_names_foreign_processes_and_their_claims() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let pico = FakeProcess::for_pico("platform").user(FOREIGN_UID).start(&fixture)?;
    let setuid = FakeProcess::for_pico("platform").setuid().user(FOREIGN_UID).start(&fixture)?;
    let [(_, java), _] = fake_startups();
    let startup = java.user(FOREIGN_UID).start(&fixture)?;
    let other = FakeProcess::for_pico("ec1").user(FOREIGN_UID).start(&fixture)?;
    let said = fixture.agent().run("explain")?;
    let line = |process: &NodeProcess| {
        let names = |line: &str, number: u32| {
            line.split(|c: char| !c.is_ascii_digit()).any(|n| n == number.to_string())
        };
        let of =
            said.stdout.lines().find(|line| names(line, process.pid) && names(line, FOREIGN_UID));
        of.unwrap_or_default().to_owned()
    };
    for (process, words) in [
        (&pico, ["platform", "pid"]),
        (&setuid, ["platform", "pid"]),
        (&startup, ["startup", "platform"]),
    ] {
        for word in words {
            assert!(
                line(process).contains(word),
                "{word:?} of pid {} is not in {said}",
                process.pid
            );
        }
    }
    assert_eq!(line(&other), "", "it claims nothing of this pico: {said}");
    Ok(())
}

const RECORD_FILES: &str = "/run/mediationzone-ra/*.json";
const STATE_DIRECTORY: &str = "/var/lib/mediationzone-ra";
/// Its storage is not mounted: the mount point is root's.
const UNMOUNT_STORAGE: &str = "mv /opt/mz /opt/away && mkdir /opt/mz";

/// Sources of the owner: shell commands that run after a start and the death of its JVM.
const OWNER_SOURCES: [(&str, &str, Option<&str>); 5] = [
    ("the record", "rm -rf /var/lib/mediationzone-ra", None),
    ("os_user", "rm -rf /run/mediationzone-ra /var/lib/mediationzone-ra", Some("mzadmin")),
    (
        "os_user, against the directory",
        "rm -rf /var/lib/mediationzone-ra /run/mediationzone-ra; chown 4712 /opt/mz",
        Some("mzadmin"),
    ),
    ("what a start has written down", "rm -rf /run/mediationzone-ra", None),
    (
        "the directory",
        "rm -rf /run/mediationzone-ra /var/lib/mediationzone-ra /opt/mz; mv /opt/away /opt/mz",
        None,
    ),
];

/// The owner is taken from the record; else from `os_user`; else from the directory. If the directory is an
/// empty mount point of root, the owner is the one that a start has stored on the local disk. With each of
/// these alone another user's java is ignored.
#[test]
fn owner_is_taken_from_record_os_user_directory_or_local_state() -> TestResult {
    for (what, line, user) in OWNER_SOURCES {
        let fixture = fixture(AgentKind::Platform).build()?;
        if fixture.node.owner() == "root" {
            return Ok(());
        }
        let own = fixture.start()?;
        fixture.signal(own.pid, "KILL")?;
        fixture.sh(&format!("{UNMOUNT_STORAGE}; {line}"))?;
        let other = FakeProcess::for_pico("platform").user(FOREIGN_UID).start(&fixture)?;
        let call = || user.map_or(fixture.agent(), |user| fixture.agent().param("os_user", user));
        for ran in [as_recurring_monitor(call(), 0).run("monitor")?, call().run("monitor")?] {
            assert_eq!(ran.code(), Some(OCF_NOT_RUNNING), "{what}: {ran}");
        }
        let stop = call().run("stop")?;
        assert_eq!(stop.code(), Some(OCF_SUCCESS), "{what}: {stop}");
        assert!(fixture.is_alive(&other)?, "{what}");
    }
    Ok(())
}

/// An adoption stores the owner as a start does.
#[test]
fn adoption_remembers_owner() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let own = fixture.start_by_mzsh()?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.signal(own.pid, "KILL")?;
    fixture.sh(&format!("{UNMOUNT_STORAGE}; rm {RECORD_FILES}"))?;
    let other = FakeProcess::for_pico("platform").user(FOREIGN_UID).start(&fixture)?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(fixture.is_alive(&other)?);
    Ok(())
}

/// If the owner of the installation is unknown, no process is excluded: one that looks like the pico is never
/// reported as not running.
#[test]
fn unknown_owner_excludes_no_process() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    fixture.sh(UNMOUNT_STORAGE)?;
    let other = FakeProcess::for_pico("platform").user(FOREIGN_UID).start(&fixture)?;
    for ran in [fixture.probe()?, fixture.monitor(0)?] {
        assert!(matches!(ran.code(), Some(OCF_SUCCESS | OCF_ERR_GENERIC)), "{ran}");
        fixture.sh(&format!("rm -rf {RECORD_FILES} {STATE_DIRECTORY}"))?;
    }
    assert!(fixture.is_alive(&other)?);
    Ok(())
}

/// The stored owner is a file of root. A file or directory that others could have written is not used.
#[test]
fn remembered_owner_writable_by_others_is_not_used() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    fixture.start()?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    let writable =
        fixture.sh(&format!("find {STATE_DIRECTORY} ! -user root -o -perm /022 || :"))?;
    let files = fixture.sh(&format!("find {STATE_DIRECTORY} -type f || :"))?;
    assert!(writable.is_empty() && !files.is_empty(), "{writable} {files}");
    fixture.sh(&format!("{UNMOUNT_STORAGE}; cp -rp {STATE_DIRECTORY} /opt/memory"))?;
    let other = FakeProcess::for_pico("platform").user(FOREIGN_UID).start(&fixture)?;
    for spoil in ["chmod 666 /var/lib/mediationzone-ra/*", "chown 4712 /var/lib/mediationzone-ra/*"]
    {
        fixture.sh(&format!(
            "rm -rf {RECORD_FILES} {STATE_DIRECTORY}; cp -rp /opt/memory {STATE_DIRECTORY}; {spoil}"
        ))?;
        let probe = fixture.probe()?;
        assert_ne!(probe.code(), Some(OCF_NOT_RUNNING), "{spoil}: {probe}");
    }
    fixture.sh(&format!(
        "rm -rf {RECORD_FILES} {STATE_DIRECTORY}; cp -rp /opt/memory {STATE_DIRECTORY}"
    ))?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    assert!(fixture.is_alive(&other)?);
    Ok(())
}
