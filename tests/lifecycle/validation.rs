//! What is wrong with a node or an installation: what validate-all finds, and what it means for the other actions.

use std::time::Duration;

use testkit::Error;

use testkit::Done;
use testkit::answer::{ARGS, Answer, GENERIC, INSTALLED, NOT_RUNNING, OK, PERM};
use testkit::site::{Builder, Kind, Site, site};

/// Something that is wrong, and what has to come of it.
struct Wrong {
    /// For the reader of a failure.
    what: &'static str,
    site: fn() -> Builder,
    /// A line for the shell that makes it wrong.
    break_it: &'static str,
    /// Parameters that make it wrong.
    parameters: &'static [(&'static str, &'static str)],
    /// Exit code of validate-all at level 10.
    validate: i32,
    /// How its line begins.
    line: &'static str,
    /// Exit code of start.
    start: i32,
}

fn platform() -> Builder {
    site(Kind::Platform)
}

const RIGHT: Wrong = Wrong {
    what: "nothing",
    site: platform,
    break_it: "",
    parameters: &[],
    validate: OK,
    line: "",
    start: OK,
};

/// The registry's file of the Platform.
const REGISTRY: &str = "/opt/mz/common/config/cell/default/.active/containers/main1/picos/platform.conf";

const TABLE: &[Wrong] = &[
    Wrong {
        what: "mz_home is missing",
        parameters: &[("mz_home", "/opt/none")],
        validate: ARGS,
        line: "ERROR: mz_home: /opt/none does not exist",
        start: GENERIC,
        ..RIGHT
    },
    Wrong {
        what: "mz_home is a mount point without its mount",
        break_it: "mkdir /opt/empty",
        parameters: &[("mz_home", "/opt/empty")],
        validate: ARGS,
        line: "ERROR: mz_home: /opt/empty is empty",
        start: GENERIC,
        ..RIGHT
    },
    Wrong {
        what: "mz_home is a file",
        parameters: &[("mz_home", "/opt/mz/bin/mzsh")],
        validate: ARGS,
        line: "ERROR: mz_home: /opt/mz/bin/mzsh can't be read",
        start: GENERIC,
        ..RIGHT
    },
    Wrong {
        what: "mzsh is missing in an installation",
        break_it: "rm /opt/mz/bin/mzsh",
        validate: INSTALLED,
        line: "ERROR: mz_home: /opt/mz/bin/mzsh does not exist",
        start: INSTALLED,
        ..RIGHT
    },
    Wrong {
        what: "mzsh can't be executed",
        break_it: "chmod a-x /opt/mz/bin/mzsh",
        validate: PERM,
        line: "ERROR: mz_home: /opt/mz/bin/mzsh is not an executable file",
        start: PERM,
        ..RIGHT
    },
    Wrong {
        what: "the user is unknown here",
        parameters: &[("os_user", "mzstranger")],
        validate: ARGS,
        line: "ERROR: os_user: user mzstranger is unknown",
        start: GENERIC,
        ..RIGHT
    },
    Wrong {
        what: "there is no java",
        parameters: &[("java_home", "/opt/jdk")],
        validate: INSTALLED,
        line: "ERROR: java_home: /opt/jdk/bin/java does not exist",
        start: GENERIC,
        ..RIGHT
    },
    Wrong {
        what: "the pico is disabled",
        break_it: "sed -i 's/state : enabled/state : disabled/' $REGISTRY",
        validate: ARGS,
        line: "ERROR: pico_name: it is disabled in container main1",
        start: GENERIC,
        ..RIGHT
    },
    Wrong {
        what: "there is no such pico",
        parameters: &[("pico_name", "platfoam")],
        validate: ARGS,
        line: "ERROR: pico_name: no pico platfoam in the registry (containers: main1)",
        start: GENERIC,
        ..RIGHT
    },
    Wrong {
        what: "the registry can't be understood",
        break_it: "truncate --size=60 $REGISTRY",
        validate: OK,
        line: "WARNING: mz_home: the registry can't be read",
        // What the product makes of it is its own affair: this one says so and fails.
        start: GENERIC,
        ..RIGHT
    },
    Wrong {
        what: "the HA Monitor Server has no port",
        site: || platform().property("platform:mz.ha.port="),
        validate: ARGS,
        line: "ERROR: mz.ha.port: mz.ha.port is not set",
        ..RIGHT
    },
    Wrong {
        what: "another pico has the same HA port",
        site: || platform().pico("ec1:ec:26000"),
        validate: ARGS,
        line: "ERROR: mz.ha.port: ec1 of the same container has this port, too",
        ..RIGHT
    },
    Wrong {
        what: "the HA Monitor Server is off, and must not be",
        site: || platform().property("platform:mz.ha.enabled=false"),
        parameters: &[("ha_check", "yes"), ("monitor_retries", "0")],
        validate: ARGS,
        line: "ERROR: ha_check: mz.ha.enabled is not true",
        start: GENERIC,
        ..RIGHT
    },
    Wrong {
        what: "the HA Monitor Server is off",
        site: || platform().property("platform:mz.ha.enabled=false"),
        line: "WARNING: mz.ha.enabled: mz.ha.enabled is not true",
        ..RIGHT
    },
    RIGHT,
];

fn run(wrong: &Wrong, site: &Site, action: &str, level: u32) -> Result<testkit::Ran, Error> {
    let call = wrong.parameters.iter().fold(site.agent(), |call, (name, value)| call.param(name, value));
    call.level(level).run(action)
}

fn check(wrong: &Wrong) -> Done {
    let site = (wrong.site)().build()?;
    if !wrong.break_it.is_empty() {
        site.sh(&format!("REGISTRY={REGISTRY}; {}", wrong.break_it))?;
    }
    // By themselves the parameters are right.
    run(wrong, &site, "validate-all", 0)?.answers(OK).silently();

    let validated = run(wrong, &site, "validate-all", 10)?.answers(wrong.validate);
    let mut lines = validated.stderr.lines().filter(|line| !line.starts_with("ocf-exit-reason:"));
    let found = lines.clone().any(|line| !wrong.line.is_empty() && line.starts_with(wrong.line));
    assert!(found || wrong.line.is_empty(), "{}: {validated}", wrong.what);
    assert!(
        lines.all(|line| line.starts_with("ERROR: ") || line.starts_with("WARNING: ")),
        "{}: {validated}",
        wrong.what
    );
    assert_eq!(validated.stderr.is_empty(), wrong.line.is_empty(), "{}: {validated}", wrong.what);

    // Nothing runs, so there is nothing that it could be in the way of.
    run(wrong, &site, "monitor", 0)?.answers(NOT_RUNNING);
    run(wrong, &site, "stop", 0)?.answers(OK);

    let start = run(wrong, &site, "start", 0)?.answers(wrong.start);
    assert!(start.wall < Duration::from_secs(5), "{}: {start}", wrong.what);
    if wrong.start == OK {
        site.one("platform")?;
        run(wrong, &site, "stop", 0)?.answers(OK);
    }
    site.nothing_left()
}

#[test]
fn each_thing_that_is_wrong_is_found_named_and_in_the_way_of_a_start_only() {
    let failed: Vec<String> = TABLE
        .iter()
        .filter_map(|wrong| {
            let story = std::panic::catch_unwind(|| check(wrong).map_err(|error| error.to_string()));
            let story = story.unwrap_or_else(|_| Err("see above".to_owned()));
            story.err().map(|story| format!("{}: {story}", wrong.what))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_wait_that_would_be_cut_is_told() -> Done {
    let site = platform().build()?;
    let of = |wait: &str| site.agent().param("wait", wait).level(0).run("validate-all")?.expect(0);
    assert!(!of("30s")?.stderr.contains("WARNING: wait"));
    assert!(of("31s")?.stderr.contains("WARNING: wait: 31s: "));
    Ok(())
}

#[test]
fn validation_at_level_0_looks_at_no_node() -> Done {
    let site = site(Kind::Platform).build()?;
    let call = || site.agent().param("mz_home", "/opt/none").param("os_user", "mzstranger");
    call().run("validate-all")?.answers(OK).silently();
    call().level(9).run("validate-all")?.answers(OK).silently();
    call().level(11).run("validate-all")?.answers(ARGS);
    Ok(())
}

#[test]
fn an_installation_that_vanishes_under_a_running_pico_hinders_neither_monitor_nor_stop() -> Done {
    for record in [true, false] {
        let site = site(Kind::Platform).build()?;
        site.start()?;
        site.sh("mv /opt/mz /opt/away")?;
        if !record {
            site.sh(&format!("rm {}", site.record()))?;
        }
        // Depth 10 has no client to ask with: a warning.
        for level in [0, 10] {
            site.monitor(level)?.answers(OK).silently();
        }
        site.probe()?.answers(OK).silently();
        site.stop()?.answers(OK);
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

#[test]
fn a_user_that_is_removed_while_the_pico_runs_hinders_neither_monitor_nor_stop() -> Done {
    let site = site(Kind::Platform).build()?;
    site.agent().param("os_user", site.node.owner()).run("start")?.answers(OK);
    let gone = || site.agent().param("os_user", "mzstranger");
    testkit::site::recurring(gone(), 0).run("monitor")?.answers(OK).silently();
    gone().run("monitor")?.answers(OK).silently();
    gone().run("stop")?.answers(OK);
    site.nothing_left()
}

/// `JAVA_HOME` and the like are set in it, so root edits it, and then it is root's. mzsh still obeys the owner alone.
#[test]
fn an_mzsh_that_root_has_edited_is_still_run_by_the_owner() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("chown 0:0 /opt/mz/bin/mzsh")?;
    site.agent().run("start")?.answers(OK).silently();
    site.one("platform").map(drop)
}

#[test]
fn ocf_tester_may_pretend_that_the_product_is_not_installed() -> Done {
    let site = site(Kind::Platform).build()?;
    let pretend = || site.agent().env("OCF_TESTER_FAIL_HAVE_BINARY", "1");
    pretend().run("monitor")?.answers(NOT_RUNNING);
    pretend().run("start")?.answers(INSTALLED);
    pretend().level(10).run("validate-all")?.answers(INSTALLED);
    site.nothing_left()
}
