use super::*;
use crate::doctor::check_result::Level;
use crate::resource::Resource;

fn monitor(interval: u64, timeout: u64, depth: u32) -> ConfiguredOperation {
    ConfiguredOperation {
        interval: Duration::from_secs(interval),
        depth,
        ..operation("monitor", Some(timeout))
    }
}

fn operation(action: &str, timeout: Option<u64>) -> ConfiguredOperation {
    ConfiguredOperation {
        action: action.to_owned(),
        interval: Duration::ZERO,
        timeout: timeout.map(Duration::from_secs),
        depth: 0,
        on_fail: None,
        enabled: true,
        role: None,
    }
}

fn advised_resource() -> ConfiguredResource {
    ConfiguredResource {
        resource: Resource {
            name: Some("mz".to_owned()),
            kind: PicoType::Platform,
            parameters: [("mz_home".to_owned(), "/opt/mz".to_owned())].into(),
        },
        operations: vec![
            operation("start", Some(420)),
            operation("stop", Some(360)),
            monitor(1, 60, 0),
            monitor(30, 60, 10),
            monitor(120, 210, 20),
        ],
        meta: [("migration-threshold", "3"), ("failure-timeout", "3600s")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        enclosing: Vec::new(),
    }
}

/// Warnings and errors after a change of the advised configuration.
fn problems(change: impl FnOnce(&mut ConfiguredResource)) -> Vec<(Level, String, String)> {
    let mut configured = advised_resource();
    change(&mut configured);
    let (settings, errors) = configured.resource.settings();
    assert_eq!(errors, []);
    let rows = check(&configured, &settings, Some(Duration::from_secs(40)));
    let bad = rows.into_iter().filter(|row| row.level != Level::Ok);
    bad.map(|row| (row.level, row.check, row.seen)).collect()
}

#[track_caller]
fn assert_one_problem(
    level: Level,
    check: &str,
    words: &str,
    change: impl FnOnce(&mut ConfiguredResource),
) {
    let found = problems(change);
    let [(its_level, its_check, seen)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((*its_level, its_check.as_str()), (level, check));
    assert!(seen.contains(words), "{seen}");
}

fn set_parameter(configured: &mut ConfiguredResource, name: &str, value: &str) {
    configured.resource.parameters.insert(name.to_owned(), value.to_owned());
}

#[test]
fn operations_advised_by_metadata_are_ok_for_every_agent() {
    for kind in PicoType::ALL {
        assert_eq!(
            problems(|c| {
                c.resource.kind = kind;
                set_parameter(c, "pico_name", "x");
            }),
            []
        );
    }
}

fn set_start_timeout(configured: &mut ConfiguredResource, seconds: u64) {
    configured.operations[0].timeout = Some(Duration::from_secs(seconds));
}

#[test]
fn start_timeout_below_its_waits_is_error_below_mzsh_wait_is_warning() {
    let ec = |c: &mut ConfiguredResource| {
        c.resource.kind = PicoType::ExecutionContext;
        set_parameter(c, "pico_name", "ec1");
    };
    assert_one_problem(Level::Error, "start", "Pacemaker's default", |c| {
        ec(c);
        c.operations[0].timeout = None;
    });
    assert_one_problem(Level::Error, "start", "Pacemaker's default", |c| {
        ec(c);
        drop(c.operations.remove(0));
    });
    // That is no start to Pacemaker.
    assert_one_problem(Level::Error, "start", "Pacemaker's default", |c| {
        ec(c);
        c.operations[0].interval = Duration::from_secs(60);
    });
    assert_one_problem(Level::Error, "start", "a failed start for a running pico", |c| {
        c.operations[0].on_fail = Some("ignore".to_owned());
    });
    assert_one_problem(Level::Warning, "start", "stays down", |c| {
        c.operations[0].on_fail = Some("stop".to_owned());
    });
    assert_one_problem(
        Level::Error,
        "start",
        "wait_for_timeout and ha_timeout alone may take 40s",
        |c| {
            ec(c);
            set_start_timeout(c, 40);
        },
    );
    assert_one_problem(
        Level::Warning,
        "start",
        "wait of 180s, beside wait_for_timeout and ha_timeout",
        |c| {
            ec(c);
            set_start_timeout(c, 288);
        },
    );
    assert_one_problem(Level::Warning, "start", "beside wait_for_timeout", |c| {
        ec(c);
        set_parameter(c, "wait_for_timeout", "5m");
    });
    assert_one_problem(Level::Warning, "start", "needed", |c| {
        set_parameter(c, "ha_timeout", "60s");
        set_parameter(c, "monitor_retries", "3");
        c.operations[3].timeout = Some(Duration::from_secs(1000));
        c.operations[4].timeout = Some(Duration::from_secs(1000));
    });
}

#[test]
fn start_timeout_counts_only_waits_that_are_configured() {
    // A Platform waits for nothing, unless it is told to.
    assert_eq!(problems(|c| set_parameter(c, "wait_for_timeout", "5m")), []);
    assert_one_problem(Level::Error, "start", ": ha_timeout alone may take 10s", |c| {
        set_start_timeout(c, 10);
    });
    assert_one_problem(Level::Warning, "start", "beside ha_timeout", |c| set_start_timeout(c, 40));
    assert_one_problem(
        Level::Error,
        "start",
        "wait_for_timeout and ha_timeout alone may take 40s",
        |c| {
            set_parameter(c, "wait_for", "db1:1521");
            set_start_timeout(c, 40);
        },
    );
    assert_one_problem(Level::Warning, "start", "own wait of 180s", |c| {
        set_parameter(c, "ha_check", "no");
        set_start_timeout(c, 10);
    });
    // Only a Platform has services to republish.
    let needed = |kind| {
        let mut configured = advised_resource();
        configured.resource.kind = kind;
        let least = |c: &ConfiguredResource| minimum_timeout::start(&c.resource.settings().0);
        let before = least(&configured);
        set_parameter(&mut configured, "republish_services", "yes");
        least(&configured).saturating_sub(before)
    };
    assert_eq!(needed(PicoType::Platform), Duration::from_secs(75));
    assert_eq!(needed(PicoType::Ui), Duration::ZERO);
}

#[test]
fn short_stop_timeout_or_on_fail_other_than_fence_is_reported() {
    assert_one_problem(Level::Warning, "stop", "76s", |c| {
        c.operations[1].timeout = Some(Duration::from_secs(100));
    });
    assert_one_problem(Level::Warning, "stop", "Pacemaker's default", |c| {
        c.operations[1].timeout = None;
    });
    assert_eq!(problems(|c| c.operations[1].on_fail = Some("Fence".to_owned())), []);
    assert_one_problem(Level::Warning, "stop", "block", |c| {
        c.operations[1].on_fail = Some("block".to_owned());
    });
    assert_one_problem(Level::Error, "stop", "ignore", |c| {
        c.operations[1].on_fail = Some("ignore".to_owned());
    });
    assert_eq!(problems(|c| c.operations[1].on_fail = Some("fence".to_owned())), []);
}

#[test]
fn missing_overlapping_or_short_monitor_is_reported() {
    assert_one_problem(Level::Error, "monitor", "none: ", |c| c.operations.truncate(2));
    assert_one_problem(Level::Error, "monitor", "none: ", |c| {
        c.operations.iter_mut().for_each(|o| o.enabled = false);
    });
    assert_one_problem(Level::Error, "monitor", "none: ", |c| {
        c.operations.truncate(3);
        c.operations[2].role = Some("Stopped".to_owned());
    });
    assert_one_problem(Level::Warning, "monitor", "depth 0", |c| drop(c.operations.remove(2)));
    assert_one_problem(Level::Warning, "monitor", "depth 10", |c| c.operations.truncate(3));
    assert_one_problem(
        Level::Error,
        "monitor",
        "two have interval 1s, and Pacemaker runs neither",
        |c| {
            c.operations[3].interval = Duration::from_secs(1);
        },
    );
    // Those that run elsewhere or are disabled count, too.
    assert_one_problem(Level::Error, "monitor", "interval 1s", |c| {
        c.operations
            .push(ConfiguredOperation { role: Some("Stopped".to_owned()), ..monitor(1, 60, 0) });
    });
    assert_one_problem(Level::Error, "monitor", "interval 30s", |c| {
        c.operations.push(ConfiguredOperation { enabled: false, ..monitor(30, 60, 0) });
    });
    assert_one_problem(Level::Warning, "monitor", "depth 10", |c| {
        c.operations.truncate(4);
        c.operations[3].role = Some("Promoted".to_owned());
    });
    assert_eq!(problems(|c| c.operations[3].role = Some("started".to_owned())), []);
    assert_one_problem(Level::Warning, "monitor depth 0", "wait=20s", |c| {
        c.operations[2].timeout = Some(Duration::from_secs(30));
    });
    assert_one_problem(Level::Warning, "monitor depth 0", "wait=31s", |c| {
        set_parameter(c, "wait", "31s");
    });
    assert_eq!(problems(|c| set_parameter(c, "wait", "30s")), []);
    assert_one_problem(Level::Warning, "monitor depth 0", "not in the 21s between two runs", |c| {
        c.operations[2].interval = Duration::from_secs(21);
    });
    assert_eq!(
        problems(|c| {
            set_parameter(c, "wait", "0");
            c.operations[2].interval = Duration::from_secs(21);
        }),
        []
    );
    assert_one_problem(Level::Warning, "monitor depth 20", "mzsh_timeout", |c| {
        set_parameter(c, "mzsh_timeout", "2m");
    });
    assert_one_problem(Level::Warning, "monitor depth 10", "half of it", |c| {
        c.operations[3].timeout = Some(Duration::from_secs(41));
    });
    assert_eq!(
        problems(|c| {
            set_parameter(c, "ha_check", "no");
            c.operations[3].timeout = Some(Duration::from_secs(41));
        }),
        []
    );
    assert_one_problem(Level::Warning, "monitor depth 10", "on-fail=ignore", |c| {
        c.operations[3].on_fail = Some("ignore".to_owned());
    });
    assert_one_problem(
        Level::Warning,
        "monitor depth 0",
        "on-fail=stop: after a failure the pico stays down",
        |c| {
            c.operations[2].on_fail = Some("stop".to_owned());
        },
    );
    assert_eq!(problems(|c| c.operations[2].on_fail = Some("restart".to_owned())), []);
    for on_fail in ["IGNORE", "nothing", "block", "standby"] {
        assert_one_problem(Level::Warning, "monitor depth 0", "on-fail=", |c| {
            c.operations[2].on_fail = Some(on_fail.to_owned());
        });
    }
}

#[test]
fn monitor_faster_than_ha_interval_is_warning_if_failures_are_tolerated() {
    assert_one_problem(Level::Warning, "monitor depth 10", "mz.ha.interval (40s)", |c| {
        set_parameter(c, "failures_tolerated", "2");
    });
    assert_eq!(
        problems(|c| {
            set_parameter(c, "failures_tolerated", "2");
            c.operations[3].interval = Duration::from_secs(40);
        }),
        []
    );
}

#[test]
fn missing_migration_threshold_or_failure_timeout_is_warning() {
    assert_one_problem(Level::Warning, "migration-threshold", "not set", |c| c.meta.clear());
    for endless in ["INFINITY", "+INFINITY", "1000000", "0", "-1", "three"] {
        assert_one_problem(Level::Warning, "migration-threshold", "not set", |c| {
            c.meta.insert("migration-threshold".to_owned(), endless.to_owned());
        });
    }
    for (time, words) in [
        ("INFINITY", "INFINITY: Pacemaker can't read it"),
        ("P1D", "P1D: Pacemaker"),
        ("0", "0, with"),
    ] {
        assert_one_problem(Level::Warning, "failure-timeout", words, |c| {
            c.meta.insert("failure-timeout".to_owned(), time.to_owned());
        });
    }
    assert_eq!(
        problems(|c| drop(c.meta.insert("failure-timeout".to_owned(), "PT24H".to_owned()))),
        []
    );
    assert_one_problem(Level::Warning, "failure-timeout", "migration-threshold=3", |c| {
        drop(c.meta.remove("failure-timeout"));
    });
    assert_one_problem(Level::Warning, "is-managed", "leaves it alone", |c| {
        c.meta.insert("is-managed".to_owned(), "false".to_owned());
    });
    // Others than the Platform may be bound to one node; a start that failed bars that, too.
    assert_eq!(
        problems(|c| {
            c.resource.kind = PicoType::Ui;
            drop(c.meta.remove("migration-threshold"));
        }),
        []
    );
    assert_one_problem(Level::Warning, "failure-timeout", "a failed start", |c| {
        c.resource.kind = PicoType::Ui;
        c.meta.clear();
    });
}

#[test]
fn failure_timeout_not_above_the_longest_operation_is_warning() {
    let set = |time: &'static str| {
        move |c: &mut ConfiguredResource| {
            drop(c.meta.insert("failure-timeout".to_owned(), time.to_owned()));
        }
    };
    for short in ["60s", "420s"] {
        assert_one_problem(Level::Warning, "failure-timeout", "may take 420s", set(short));
    }
    assert_eq!(problems(set("421s")), []);
}

#[test]
fn doctor_page_states_the_minimum_timeouts() {
    let page = include_str!("../../../../../docs/operate/doctor.md");
    let (settings, _) = advised_resource().resource.settings();
    let mut of_ec = advised_resource().resource;
    of_ec.kind = PicoType::ExecutionContext;
    assert!(page.contains(&format!(
        "timeout 420s (needs {}s)",
        minimum_timeout::start(&settings).as_secs()
    )));
    let platform = format!(
        ". For a Platform without `wait_for`: {} s |",
        minimum_timeout::start(&settings).as_secs()
    );
    assert!(
        page.lines().any(|line| line.starts_with("| start |") && line.ends_with(&platform)),
        "{platform}"
    );
    let page = page.replace(&platform, " |");
    for (operation, needed) in [
        ("start", minimum_timeout::start(&of_ec.settings().0)),
        ("stop", minimum_timeout::stop()),
        ("monitor depth 0", minimum_timeout::monitor(&settings, 0)),
        ("monitor depth 10", minimum_timeout::monitor(&settings, 10)),
        ("monitor depth 20", minimum_timeout::monitor(&settings, 20)),
    ] {
        let row = page.lines().find(|line| line.starts_with(&format!("| {operation} |"))).unwrap();
        assert!(row.ends_with(&format!(" | {} s |", needed.as_secs())), "{row}: {needed:?}");
    }
}
