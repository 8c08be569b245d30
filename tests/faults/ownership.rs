//! Whose processes can be the pico: root's and those of the installation's owner. A command line is anybody's to choose.

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::imitation::{Imitation, JAVA, State};
use testkit::site::{Kind, MZADMIN, Site, recurring, site};
use testkit::{AgentCall, Done, Process};

use crate::cells::{
    CLASS, Cell, EXITING, HOME, Is, MZSH, NAMED, OOM, STRANGER, STUCK, cell, check, check_each,
};

/// Each of these alone names the Platform.
const MARKERS: [(&str, &[&str]); 4] = [
    ("configname", &[NAMED, CLASS]),
    ("oom", &[OOM, CLASS]),
    ("main class", &[CLASS, "platform"]),
    ("all of them", &["-Xmx1g", "-classpath", "/opt/mz/lib/picostart.jar", NAMED, OOM, CLASS, "platform"]),
];

/// A way to name an installation.
struct Named {
    how: &'static str,
    /// On the command line.
    option: &'static [&'static str],
    /// `MZ_HOME`.
    variable: Option<&'static str>,
    /// Where the process is.
    directory: &'static str,
    /// What it is to an agent of `/opt/mz`.
    is: Is,
}

const HOMES: [Named; 7] = [
    Named { how: "-Dmz.home", option: &[HOME], variable: None, directory: "/", is: Is::Pico },
    Named { how: "MZ_HOME", option: &[], variable: Some("/opt/mz"), directory: "/", is: Is::Pico },
    Named {
        how: "relative -Dmz.home",
        option: &["-Dmz.home=../mz"],
        variable: None,
        directory: "/opt/imitated",
        is: Is::Pico,
    },
    Named { how: "relative MZ_HOME", option: &[], variable: Some("."), directory: "/opt/mz", is: Is::Pico },
    Named { how: "none", option: &[], variable: None, directory: "/", is: Is::Unknown },
    Named {
        how: "another's",
        option: &["-Dmz.home=/opt/imitated"],
        variable: None,
        directory: "/",
        is: Is::Ignored,
    },
    Named {
        how: "relative, another's",
        option: &["-Dmz.home=../mz/lib"],
        variable: None,
        directory: "/opt/imitated",
        is: Is::Ignored,
    },
];

/// A java by these markers and this home.
fn claims(markers: &[&str], home: &Named) -> Imitation {
    let argv: Vec<&str> = ["java"].iter().chain(home.option).chain(markers).copied().collect();
    let java = Imitation::java(&argv).directory(home.directory);
    home.variable.map_or(java.clone(), |value| java.env("MZ_HOME", value))
}

/// Every marker with every home, of one owner, and what it is by these.
fn each(owner: &str, by: impl Fn(Imitation) -> Imitation, is: impl Fn(Is) -> Is) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (marker, words) in MARKERS {
        for (at, home) in HOMES.iter().enumerate() {
            // All of the homes with one marker, all of the markers with one home.
            if at == 0 || marker == "configname" {
                let name = format!("{owner}, {marker}, home: {}", home.how);
                cells.push(cell(name, is(home.is), by(claims(words, home))));
            }
        }
    }
    cells
}

/// A live java of a stranger is ignored by every action, whichever marker of the Platform and whichever home it has on its command line
/// or in its environment: no action reports it, adopts it, waits for it or ends it, with the Platform beside it or without.
#[test]
fn live_java_of_a_stranger_is_ignored_whatever_it_claims() -> Done {
    check(each("a stranger's", |java| java.user(STRANGER), |_| Is::Ignored))
}

/// A set-user-ID program of root's that a stranger runs has chosen its command line no less: it is ignored.
#[test]
fn setuid_program_run_by_a_stranger_is_ignored() -> Done {
    let by = |java: Imitation| java.setuid().user(STRANGER);
    let mut cells = each("root's by a stranger", by, |_| Is::Ignored);
    let lost = by(Imitation::pico("platform")).state(State::Leaderless);
    cells.push(cell("root's by a stranger, without main thread", Is::Ignored, lost));
    check(cells)
}

/// A live java of root's counts as one of the installation's owner does: by each marker and by each way to name the installation it is found,
/// adopted, told beside another one, and ended.
#[test]
fn live_java_of_root_is_the_pico_by_its_markers_and_home() -> Done {
    check(each("root's", |java| java.user(0), |is| is))
}

/// A live java of the installation's owner is the Platform by each marker and by each way to name the installation: it is found, adopted,
/// told beside another one, and ended; of another home it is ignored, and of none it can't be told.
#[test]
fn live_java_of_the_owner_is_the_pico_by_its_markers_and_home() -> Done {
    check(each("the owner's", |java| java, |is| is))
}

/// A set-user-ID program of root's that the installation's owner or root runs counts as theirs.
#[test]
fn setuid_program_run_by_the_owner_is_the_pico() -> Done {
    check(vec![
        cell("by the owner", Is::Pico, Imitation::pico("platform").setuid()),
        cell("by root", Is::Pico, Imitation::pico("platform").setuid().user(0)),
    ])
}

/// A java that is given the options of the Platform as arguments of its own program is not the Platform: after a class, after `-jar`, in
/// a tool of the JDK, in the HA client, in an mzsh that asks; nor is a program that is only called java.
#[test]
fn java_that_is_given_the_options_as_arguments_is_ignored() -> Done {
    let lines: [(&str, &str, &[&str]); 10] = [
        ("behind -jar", JAVA, &["java", "-jar", "/opt/jmxterm.jar", NAMED, HOME]),
        (
            "behind -jar, all",
            JAVA,
            &["java", "-Xmx64m", "-jar", "/opt/x.jar", HOME, NAMED, OOM, CLASS, "platform"],
        ),
        ("behind a class", JAVA, &["java", "-cp", "/opt/x.jar", "com.foo.Main", NAMED, HOME]),
        ("behind a module", JAVA, &["java", "-m", "foo/com.foo.Main", NAMED, HOME]),
        ("jps", JAVA, &["java", HOME, NAMED, "-m", "jdk.jcmd/sun.tools.jps.Jps", "-lv"]),
        ("jcmd", JAVA, &["java", HOME, NAMED, "sun.tools.jcmd.JCmd", "0", "VM.flags"]),
        ("jshell", JAVA, &["java", HOME, NAMED, "jdk.internal.jshell.tool.JShellToolProvider"]),
        (
            "HA client",
            JAVA,
            &["java", "-cp", "/opt/mz/lib/ha.jar", HOME, NAMED, "com.digitalroute.ha.HAClient", "26000"],
        ),
        ("mzsh status", JAVA, &["java", HOME, NAMED, MZSH, "status", "platform"]),
        ("perl called java", "/opt/imitated/bin/perl", &["java", HOME, NAMED, CLASS, "platform"]),
    ];
    let cells = lines.map(|(name, program, argv)| cell(name, Is::Ignored, Imitation::of(program, argv)));
    let mut cells = Vec::from(cells);
    let called = ["mediationzone", HOME, NAMED, CLASS, "platform"];
    cells.push(cell("java that is called otherwise", Is::Pico, Imitation::java(&called)));
    check(cells)
}

/// A java of a stranger in a state in which it can't be told is ignored: without main thread, with its memory locked, killed and hanging in its
/// exit.
#[test]
fn java_of_a_stranger_in_any_state_is_ignored() -> Done {
    let cells = [State::Leaderless, STUCK, EXITING].map(|state| {
        let java = Imitation::pico("platform").user(STRANGER).state(state);
        cell(format!("a stranger's, {state:?}"), Is::Ignored, java)
    });
    check_each(cells.into())
}

/// A java of the owner's or root's in a state in which it can't be told is never taken for none; without main thread it is told by its other
/// thread, and ended.
#[test]
fn java_of_the_owner_in_any_state_is_never_taken_for_none() -> Done {
    let mut cells = Vec::new();
    for (owner, uid) in [("owner", MZADMIN), ("root", 0)] {
        for (state, is) in [(State::Leaderless, Is::Failed), (STUCK, Is::Unknown), (EXITING, Is::Unknown)] {
            let java = Imitation::pico("platform").user(uid).state(state);
            cells.push(cell(format!("the {owner}'s, {state:?}"), is, java));
        }
    }
    check_each(cells)
}

fn startups() -> [(&'static str, Imitation); 2] {
    let java = Imitation::java(&["java", HOME, MZSH, "startup", "-f", "platform"]);
    let script = ["sh", "/opt/mz/bin/mzsh", "startup", "platform"];
    [("java", java), ("sh", Imitation::of("/opt/imitated/bin/sh", &script))]
}

/// A process of a stranger that looks like an mzsh which starts the Platform, as script or as JVM, is ignored; one of the owner's or root's is
/// told and ended.
#[test]
fn startup_imitated_by_a_stranger_is_ignored() -> Done {
    let mut cells = Vec::new();
    for (what, startup) in startups() {
        for (owner, uid, is) in [
            ("a stranger's", STRANGER, Is::Ignored),
            ("the owner's", MZADMIN, Is::Startup),
            ("root's", 0, Is::Startup),
        ] {
            cells.push(cell(format!("{owner} mzsh ({what})"), is, startup.clone().user(uid)));
        }
    }
    check(cells)
}

const ODD: &str = "/opt/imitated/bin/odd";

fn odd(site: &Site) -> AgentCall<'_> {
    site.agent().param("ha_check", "no").param("process_match", "^/opt/imitated/bin/odd platform( |$)")
}

/// By `process_match`, too, a stranger's process is ignored, and the owner's is the pico.
#[test]
fn process_match_finds_no_process_of_a_stranger() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let imitation = Imitation::of(ODD, &[ODD, "platform"]);
    let other = imitation.clone().user(STRANGER).start(&site)?;
    odd(&site).run("monitor")?.answers(NOT_RUNNING);
    recurring(odd(&site), 0).run("monitor")?.answers(NOT_RUNNING);
    odd(&site).run("stop")?.answers(OK).silently();
    assert!(site.lives(&other)?);
    let own = imitation.start(&site)?;
    odd(&site).run("monitor")?.answers(OK).silently();
    recurring(odd(&site), 10).run("monitor")?.answers(OK).silently();
    assert_eq!(site.recorded()?, Some(own.pid));
    odd(&site).run("stop")?.answers(OK);
    assert!(!site.lives(&own)? && site.lives(&other)?);
    Ok(())
}

/// explain names each stranger that claims to be the pico or a startup of it: its number, its user, and what it claims.
#[test]
fn explain_names_strangers_and_what_they_claim() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let pico = Imitation::pico("platform").user(STRANGER).start(&site)?;
    let setuid = Imitation::pico("platform").setuid().user(STRANGER).start(&site)?;
    let [(_, java), _] = startups();
    let startup = java.user(STRANGER).start(&site)?;
    let other = Imitation::pico("ec1").user(STRANGER).start(&site)?;
    let said = site.agent().run("explain")?;
    let line = |process: &Process| {
        let names = |line: &str, number: u32| {
            line.split(|c: char| !c.is_ascii_digit()).any(|n| n == number.to_string())
        };
        let of = said.stdout.lines().find(|line| names(line, process.pid) && names(line, STRANGER));
        of.unwrap_or_default().to_owned()
    };
    for (process, words) in
        [(&pico, ["platform", "pid"]), (&setuid, ["platform", "pid"]), (&startup, ["startup", "platform"])]
    {
        for word in words {
            assert!(line(process).contains(word), "{word:?} of pid {} is not in {said}", process.pid);
        }
    }
    assert_eq!(line(&other), "", "it claims nothing of this pico: {said}");
    Ok(())
}

const RECORDS: &str = "/run/mediationzone-ra/*.json";
const MEMORY: &str = "/var/lib/mediationzone-ra";
/// Its storage is not mounted: the mount point is root's.
const AWAY: &str = "mv /opt/mz /opt/away && mkdir /opt/mz";

/// Where the owner is known from: by a line for the shell, after a start and the death of its JVM.
const KNOWN_BY: [(&str, &str, Option<&str>); 5] = [
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

/// The owner is taken from the record; else from `os_user`; else from the directory; else, where that is an empty mount point of root's, from
/// what a start has written down on the local disk: by each of these alone a stranger's java is ignored.
#[test]
fn owner_is_known_from_record_os_user_directory_or_memory() -> Done {
    for (what, line, user) in KNOWN_BY {
        let site = site(Kind::Platform).build()?;
        if site.node.owner() == "root" {
            return Ok(());
        }
        let own = site.start()?;
        site.signal(own.pid, "KILL")?;
        site.sh(&format!("{AWAY}; {line}"))?;
        let other = Imitation::pico("platform").user(STRANGER).start(&site)?;
        let call = || user.map_or(site.agent(), |user| site.agent().param("os_user", user));
        for ran in [recurring(call(), 0).run("monitor")?, call().run("monitor")?] {
            assert_eq!(ran.code(), Some(NOT_RUNNING), "{what}: {ran}");
        }
        let stop = call().run("stop")?;
        assert_eq!(stop.code(), Some(OK), "{what}: {stop}");
        assert!(site.lives(&other)?, "{what}");
    }
    Ok(())
}

/// An adoption writes the owner down as a start does.
#[test]
fn owner_is_written_down_by_an_adoption() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let own = site.start_by_hand()?;
    site.monitor(0)?.answers(OK).silently();
    site.signal(own.pid, "KILL")?;
    site.sh(&format!("{AWAY}; rm {RECORDS}"))?;
    let other = Imitation::pico("platform").user(STRANGER).start(&site)?;
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    assert!(site.lives(&other)?);
    Ok(())
}

/// Where nothing says whose the installation is, nobody is excluded: whoever looks like the pico is never taken for none.
#[test]
fn without_a_known_owner_nobody_is_excluded() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    site.sh(AWAY)?;
    let other = Imitation::pico("platform").user(STRANGER).start(&site)?;
    for ran in [site.probe()?, site.monitor(0)?] {
        assert!(matches!(ran.code(), Some(OK | GENERIC)), "{ran}");
        site.sh(&format!("rm -rf {RECORDS} {MEMORY}"))?;
    }
    assert!(site.lives(&other)?);
    Ok(())
}

/// What is remembered of the owner is root's own file, and a file or directory that others could have written is worth nothing.
#[test]
fn memory_of_the_owner_that_others_could_have_written_is_not_believed() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    site.start()?;
    site.stop()?.answers(OK);
    let writable = site.sh(&format!("find {MEMORY} ! -user root -o -perm /022 || :"))?;
    let files = site.sh(&format!("find {MEMORY} -type f || :"))?;
    assert!(writable.is_empty() && !files.is_empty(), "{writable} {files}");
    site.sh(&format!("{AWAY}; cp -rp {MEMORY} /opt/memory"))?;
    let other = Imitation::pico("platform").user(STRANGER).start(&site)?;
    for spoil in ["chmod 666 /var/lib/mediationzone-ra/*", "chown 4712 /var/lib/mediationzone-ra/*"] {
        site.sh(&format!("rm -rf {RECORDS} {MEMORY}; cp -rp /opt/memory {MEMORY}; {spoil}"))?;
        let probe = site.probe()?;
        assert_ne!(probe.code(), Some(NOT_RUNNING), "{spoil}: {probe}");
    }
    site.sh(&format!("rm -rf {RECORDS} {MEMORY}; cp -rp /opt/memory {MEMORY}"))?;
    site.probe()?.answers(NOT_RUNNING);
    assert!(site.lives(&other)?);
    Ok(())
}
