use super::*;
use crate::doctor::row::Level;
use crate::resource::Resource;

/// A monitor of this interval, time-out and depth.
fn monitor(interval: u64, timeout: u64, depth: u32) -> Operation {
    Operation { interval: Duration::from_secs(interval), depth, ..operation("monitor", Some(timeout)) }
}

fn operation(action: &str, timeout: Option<u64>) -> Operation {
    Operation {
        action: action.to_owned(),
        interval: Duration::ZERO,
        timeout: timeout.map(Duration::from_secs),
        depth: 0,
        on_fail: None,
        enabled: true,
        role: None,
    }
}

/// What the metadata advise.
fn advised() -> Configured {
    Configured {
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
        within: Vec::new(),
    }
}

/// The rows that are not well, after a change of what is advised.
fn found(change: impl FnOnce(&mut Configured)) -> Vec<(Level, String, String)> {
    let mut configured = advised();
    change(&mut configured);
    let (settings, errors) = configured.resource.settings();
    assert_eq!(errors, []);
    let rows = rows(&configured, &settings, Some(Duration::from_secs(40)));
    let bad = rows.into_iter().filter(|row| row.level != Level::Ok);
    bad.map(|row| (row.level, row.check, row.seen)).collect()
}

/// One row, of this level and check, that says this.
#[track_caller]
fn finds(level: Level, check: &str, words: &str, change: impl FnOnce(&mut Configured)) {
    let found = found(change);
    let [(its_level, its_check, seen)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((*its_level, its_check.as_str()), (level, check));
    assert!(seen.contains(words), "{seen}");
}

fn set(configured: &mut Configured, name: &str, value: &str) {
    configured.resource.parameters.insert(name.to_owned(), value.to_owned());
}

#[test]
fn what_the_metadata_advise_is_well_for_every_agent() {
    for kind in PicoType::ALL {
        assert_eq!(
            found(|c| {
                c.resource.kind = kind;
                set(c, "pico_name", "x");
            }),
            []
        );
    }
}

fn start_within(configured: &mut Configured, seconds: u64) {
    configured.operations[0].timeout = Some(Duration::from_secs(seconds));
}

#[test]
fn a_start_has_to_hold_its_waits_and_mzshs_own() {
    let ec = |c: &mut Configured| {
        c.resource.kind = PicoType::ExecutionContext;
        set(c, "pico_name", "ec1");
    };
    finds(Level::Error, "start", "Pacemaker's default", |c| {
        ec(c);
        c.operations[0].timeout = None;
    });
    finds(Level::Error, "start", "Pacemaker's default", |c| {
        ec(c);
        drop(c.operations.remove(0));
    });
    // That is no start to Pacemaker.
    finds(Level::Error, "start", "Pacemaker's default", |c| {
        ec(c);
        c.operations[0].interval = Duration::from_secs(60);
    });
    finds(Level::Error, "start", "a failed start for a running pico", |c| {
        c.operations[0].on_fail = Some("ignore".to_owned());
    });
    finds(Level::Warning, "start", "stays down", |c| c.operations[0].on_fail = Some("stop".to_owned()));
    finds(Level::Error, "start", "wait_for_timeout and ha_timeout alone may take 40s", |c| {
        ec(c);
        start_within(c, 40);
    });
    finds(Level::Warning, "start", "wait of 180s, beside wait_for_timeout and ha_timeout", |c| {
        ec(c);
        start_within(c, 288);
    });
    finds(Level::Warning, "start", "beside wait_for_timeout", |c| {
        ec(c);
        set(c, "wait_for_timeout", "5m");
    });
    finds(Level::Warning, "start", "needed", |c| {
        set(c, "ha_timeout", "60s");
        set(c, "monitor_retries", "3");
        c.operations[3].timeout = Some(Duration::from_secs(1000));
        c.operations[4].timeout = Some(Duration::from_secs(1000));
    });
}

#[test]
fn of_a_start_only_the_waits_count_that_there_are() {
    // A Platform waits for nothing, unless it is told to.
    assert_eq!(found(|c| set(c, "wait_for_timeout", "5m")), []);
    finds(Level::Error, "start", ": ha_timeout alone may take 10s", |c| start_within(c, 10));
    finds(Level::Warning, "start", "beside ha_timeout", |c| start_within(c, 40));
    finds(Level::Error, "start", "wait_for_timeout and ha_timeout alone may take 40s", |c| {
        set(c, "wait_for", "db1:1521");
        start_within(c, 40);
    });
    finds(Level::Warning, "start", "own wait of 180s", |c| {
        set(c, "ha_check", "no");
        start_within(c, 10);
    });
    // Only a Platform has services to republish.
    let needed = |kind| {
        let mut configured = advised();
        configured.resource.kind = kind;
        let least = |c: &Configured| needs::start(&c.resource.settings().0);
        let before = least(&configured);
        set(&mut configured, "republish_services", "yes");
        least(&configured).saturating_sub(before)
    };
    assert_eq!(needed(PicoType::Platform), Duration::from_secs(75));
    assert_eq!(needed(PicoType::Ui), Duration::ZERO);
}

#[test]
fn a_stop_has_to_outlast_mzsh_and_to_fence() {
    finds(Level::Warning, "stop", "76s", |c| c.operations[1].timeout = Some(Duration::from_secs(100)));
    finds(Level::Warning, "stop", "Pacemaker's default", |c| c.operations[1].timeout = None);
    assert_eq!(found(|c| c.operations[1].on_fail = Some("Fence".to_owned())), []);
    finds(Level::Warning, "stop", "block", |c| c.operations[1].on_fail = Some("block".to_owned()));
    finds(Level::Error, "stop", "ignore", |c| c.operations[1].on_fail = Some("ignore".to_owned()));
    assert_eq!(found(|c| c.operations[1].on_fail = Some("fence".to_owned())), []);
}

#[test]
fn monitors_are_there_apart_and_long_enough() {
    finds(Level::Error, "monitor", "none: ", |c| c.operations.truncate(2));
    finds(Level::Error, "monitor", "none: ", |c| c.operations.iter_mut().for_each(|o| o.enabled = false));
    finds(Level::Error, "monitor", "none: ", |c| {
        c.operations.truncate(3);
        c.operations[2].role = Some("Stopped".to_owned());
    });
    finds(Level::Warning, "monitor", "depth 0", |c| drop(c.operations.remove(2)));
    finds(Level::Warning, "monitor", "depth 10", |c| c.operations.truncate(3));
    finds(Level::Error, "monitor", "two have interval 1s, and Pacemaker runs neither", |c| {
        c.operations[3].interval = Duration::from_secs(1);
    });
    // Those that run elsewhere or are disabled count, too.
    finds(Level::Error, "monitor", "interval 1s", |c| {
        c.operations.push(Operation { role: Some("Stopped".to_owned()), ..monitor(1, 60, 0) });
    });
    finds(Level::Error, "monitor", "interval 30s", |c| {
        c.operations.push(Operation { enabled: false, ..monitor(30, 60, 0) });
    });
    finds(Level::Warning, "monitor", "depth 10", |c| {
        c.operations.truncate(4);
        c.operations[3].role = Some("Promoted".to_owned());
    });
    assert_eq!(found(|c| c.operations[3].role = Some("started".to_owned())), []);
    finds(Level::Warning, "monitor depth 0", "wait=20s", |c| {
        c.operations[2].timeout = Some(Duration::from_secs(30));
    });
    finds(Level::Warning, "monitor depth 0", "wait=31s", |c| set(c, "wait", "31s"));
    assert_eq!(found(|c| set(c, "wait", "30s")), []);
    finds(Level::Warning, "monitor depth 0", "not in the 21s between two runs", |c| {
        c.operations[2].interval = Duration::from_secs(21);
    });
    assert_eq!(
        found(|c| {
            set(c, "wait", "0");
            c.operations[2].interval = Duration::from_secs(21);
        }),
        []
    );
    finds(Level::Warning, "monitor depth 20", "mzsh_timeout", |c| set(c, "mzsh_timeout", "2m"));
    finds(Level::Warning, "monitor depth 10", "half of it", |c| {
        c.operations[3].timeout = Some(Duration::from_secs(41));
    });
    assert_eq!(
        found(|c| {
            set(c, "ha_check", "no");
            c.operations[3].timeout = Some(Duration::from_secs(41));
        }),
        []
    );
    finds(Level::Warning, "monitor depth 10", "on-fail=ignore", |c| {
        c.operations[3].on_fail = Some("ignore".to_owned());
    });
    finds(Level::Warning, "monitor depth 0", "on-fail=stop: after a failure the pico stays down", |c| {
        c.operations[2].on_fail = Some("stop".to_owned());
    });
    assert_eq!(found(|c| c.operations[2].on_fail = Some("restart".to_owned())), []);
    for on_fail in ["IGNORE", "nothing", "block", "standby"] {
        finds(Level::Warning, "monitor depth 0", "on-fail=", |c| {
            c.operations[2].on_fail = Some(on_fail.to_owned());
        });
    }
}

#[test]
fn a_window_that_is_asked_twice_counts_only_where_failures_are_counted() {
    finds(Level::Warning, "monitor depth 10", "mz.ha.interval (40s)", |c| set(c, "failures_tolerated", "2"));
    assert_eq!(
        found(|c| {
            set(c, "failures_tolerated", "2");
            c.operations[3].interval = Duration::from_secs(40);
        }),
        []
    );
}

#[test]
fn failures_lead_away_from_the_node_and_are_forgotten() {
    finds(Level::Warning, "migration-threshold", "not set", |c| c.meta.clear());
    for endless in ["INFINITY", "+INFINITY", "1000000", "0", "-1", "three"] {
        finds(Level::Warning, "migration-threshold", "not set", |c| {
            c.meta.insert("migration-threshold".to_owned(), endless.to_owned());
        });
    }
    for (time, words) in
        [("INFINITY", "INFINITY: Pacemaker can't read it"), ("P1D", "P1D: Pacemaker"), ("0", "0, with")]
    {
        finds(Level::Warning, "failure-timeout", words, |c| {
            c.meta.insert("failure-timeout".to_owned(), time.to_owned());
        });
    }
    assert_eq!(found(|c| drop(c.meta.insert("failure-timeout".to_owned(), "PT24H".to_owned()))), []);
    finds(Level::Warning, "failure-timeout", "migration-threshold=3", |c| {
        drop(c.meta.remove("failure-timeout"));
    });
    finds(Level::Warning, "is-managed", "leaves it alone", |c| {
        c.meta.insert("is-managed".to_owned(), "false".to_owned());
    });
    // Others than the Platform may be bound to one node; a start that failed bars that, too.
    assert_eq!(
        found(|c| {
            c.resource.kind = PicoType::Ui;
            drop(c.meta.remove("migration-threshold"));
        }),
        []
    );
    finds(Level::Warning, "failure-timeout", "a failed start", |c| {
        c.resource.kind = PicoType::Ui;
        c.meta.clear();
    });
}

#[test]
fn the_page_has_the_least_time_outs_as_they_are() {
    let page = include_str!("../../../../../docs/doctor.md");
    let (settings, _) = advised().resource.settings();
    let mut of_ec = advised().resource;
    of_ec.kind = PicoType::ExecutionContext;
    assert!(page.contains(&format!("time-out 420s (needs {}s)", needs::start(&settings).as_secs())));
    let platform = format!("; {} s of a Platform without `wait_for` |", needs::start(&settings).as_secs());
    assert!(
        page.lines().any(|line| line.starts_with("| start |") && line.ends_with(&platform)),
        "{platform}"
    );
    let page = page.replace(&platform, " |");
    for (operation, needed) in [
        ("start", needs::start(&of_ec.settings().0)),
        ("stop", needs::stop()),
        ("monitor depth 0", needs::monitor(&settings, 0)),
        ("monitor depth 10", needs::monitor(&settings, 10)),
        ("monitor depth 20", needs::monitor(&settings, 20)),
    ] {
        let row = page.lines().find(|line| line.starts_with(&format!("| {operation} |"))).unwrap();
        assert!(row.ends_with(&format!(" | {} s |", needed.as_secs())), "{row}: {needed:?}");
    }
}
