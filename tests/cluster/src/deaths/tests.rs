//! On made-up logs and lives.

use super::*;

/// 2026-11-22 13:03:15.000, UTC.
const NOW: u64 = 1_795_352_595_000;

/// Two picos and the Dummy, killed at once; the SC again, two seconds later.
const LOG: &str = "\
Nov 22 13:03:15.060 n3 pacemaker-controld  [87] (log_executor_event) \tnotice: Result of monitor operation for mz-ec1 on n3: not running (ec1 is not running) | CIB update 79
Nov 22 13:03:15.070 n3 pacemaker-controld  [87] (log_executor_event) \tnotice: Result of monitor operation for mz-sc1 on n3: not running (sc1 is not running) | CIB update 80
Nov 22 13:03:15.100 n1 pacemaker-controld  [87] (execute_rsc_action) \tnotice: Initiating stop operation mz-sc1_stop_0 on n3 | action 11
Nov 22 13:03:15.110 n1 pacemaker-controld  [87] (execute_rsc_action) \tnotice: Initiating stop operation mz-ec1_stop_0 on n3 | action 12
Nov 22 13:03:15.700 n1 pacemaker-controld  [87] (log_executor_event) \tnotice: Result of monitor operation for dummy on n1: not running | CIB update 81
Nov 22 13:03:15.750 n1 pacemaker-controld  [87] (execute_rsc_action) \tnotice: Initiating stop operation dummy_stop_0 locally on n1 | action 13
Nov 22 13:03:15.900 n1 pacemaker-execd     [84] (log_finished) \tinfo: dummy start (call 49, PID 667) exited with status 0 (execution time 20ms)
Nov 22 13:03:17.050 n3 pacemaker-controld  [87] (log_executor_event) \tnotice: Result of monitor operation for mz-sc1 on n3: not running (sc1 is not running) | CIB update 90
Nov 22 13:03:17.090 n1 pacemaker-controld  [87] (execute_rsc_action) \tnotice: Initiating stop operation mz-sc1_stop_0 on n3 | action 14
";

fn setting() -> Setting {
    let groups = vec![vec![Subject::Ec, Subject::Sc, Subject::Dummy], vec![Subject::Sc]];
    Setting { wait: true, interval: 10, groups, rounds: 1 }
}

fn seen(pico: &str, pid: u32) -> Seen {
    let (pico, node) = (pico.to_owned(), "n3".to_owned());
    Seen { pico, node, pid, start_time: u64::from(pid), began: NOW - 5000, ended: None }
}

fn life(pico: &str, pid: u32, began: u64, ended: Option<u64>) -> Life {
    let process = (pid, u64::from(pid));
    Life { pico: pico.to_owned(), node: "n3".to_owned(), process, began, ready: Some(began + 200), ended }
}

fn deaths() -> Vec<Death> {
    let death = |of, killed, process| Death { of, killed, process };
    vec![
        death(Subject::Ec, NOW, Some(seen("ec1", 7))),
        death(Subject::Sc, NOW, Some(seen("sc1", 8))),
        death(Subject::Dummy, NOW, None),
        death(Subject::Sc, NOW + 2000, Some(seen("sc1", 10))),
    ]
}

fn lives() -> Vec<Life> {
    vec![
        life("ec1", 7, NOW - 5000, Some(NOW + 10)),
        life("sc1", 8, NOW - 5000, Some(NOW + 20)),
        life("ec1", 9, NOW + 150, None),
        life("sc1", 10, NOW + 160, Some(NOW + 2010)),
        life("sc1", 11, NOW + 2100, None),
    ]
}

#[test]
fn each_death_has_its_own_times_since_the_kill() {
    let samples =
        samples(&setting(), &deaths(), &timeline::read(LOG, NOW), &lives()).expect("all are told of");
    let times: Vec<_> =
        samples.iter().map(|one| (one.of, one.wait, one.noticed, one.decided, one.running)).collect();
    let expected = [
        (Subject::Ec, true, 60, 110, 350),
        (Subject::Sc, true, 70, 100, 360),
        (Subject::Dummy, false, 700, 750, 900),
        (Subject::Sc, true, 50, 90, 300),
    ];
    assert_eq!(times, expected);
}

#[test]
fn a_log_whose_clock_is_a_tick_slow_tells_of_a_death_all_the_same() {
    let mut deaths = deaths();
    deaths[3].killed = NOW + 2000 + 53;
    let samples = samples(&setting(), &deaths, &timeline::read(LOG, NOW), &lives()).expect("all are told of");
    assert_eq!((samples[3].noticed, samples[3].decided), (0, 37));
}

#[test]
fn a_death_that_nothing_tells_of_is_an_error_that_names_it() {
    let told = |log: &str, lives: &[Life]| samples(&setting(), &deaths(), &timeline::read(log, NOW), lives);
    let without_last = LOG.lines().take(7).collect::<Vec<_>>().join("\n");
    let said = told(&without_last, &lives()).expect_err("the last one is in no log");
    assert!(said.starts_with("sc, killed 2026-11-22 13:03:17: "), "{said}");
    let said = told(LOG, &lives()[..4]).expect_err("the last one is not back");
    assert!(said.starts_with("sc, killed 2026-11-22 13:03:17: "), "{said}");
}

#[test]
fn a_death_is_one_failure_and_nothing_else_has_failed() {
    let status = |counts: &[(&str, &str)]| Status {
        fail_counts: counts
            .iter()
            .map(|(resource, count)| ((*resource).to_owned(), "n3".to_owned(), (*count).to_owned()))
            .collect(),
        ..Status::default()
    };
    let well = [("mz-ec1", "1"), ("mz-sc1", "2"), ("dummy", "1")];
    assert_eq!(as_many(&status(&well), &deaths()), Ok(()));
    assert_eq!(as_many(&status(&[]), &[]), Ok(()));
    for wrong in [
        vec![("mz-ec1", "2"), ("mz-sc1", "2"), ("dummy", "1")],
        vec![("mz-ec1", "1"), ("mz-sc1", "2")],
        [&well[..], &[("mz-ui", "1")]].concat(),
        [&well[..], &[("mz-ec1", "1")]].concat(),
        vec![("mz-ec1", "INFINITY"), ("mz-sc1", "2"), ("dummy", "1")],
    ] {
        let said = as_many(&status(&wrong), &deaths()).expect_err("it is not one failure each");
        assert!(said.starts_with("a death is one failure"), "{said}");
    }
}

#[test]
fn who_dies_without_being_killed_is_named() {
    let before = [seen("ec1", 7), seen("ec2", 8)];
    let now = [seen("ec1", 9), seen("ec2", 8)];
    assert_eq!(unharmed(&before, &now, &[Subject::Ec]), Ok(()));
    let said = unharmed(&before, &now, &[Subject::Sc]).expect_err("ec1 is another");
    assert_eq!(said, "ec1 on n3 (pid 7) died, and was not killed");
}

#[test]
fn a_whole_measurement_has_all_types_with_and_without_waiting_at_each_interval() {
    let (often, seldom) = Setting::all(30, 9, 5);
    let all = [often, seldom].concat();
    let times = |of, wait, interval| -> usize {
        let meant = all.iter().filter(|setting| (setting.wait, setting.interval) == (wait, interval));
        meant
            .map(|setting| setting.rounds * setting.groups.iter().flatten().filter(|one| **one == of).count())
            .sum()
    };
    for (interval, kills) in [(1, 30), (10, 9), (120, 5)] {
        for of in Subject::PICOS {
            assert_eq!(
                (times(of, true, interval), times(of, false, interval)),
                (kills, kills),
                "{of} {interval}"
            );
        }
        assert_eq!(times(Subject::Dummy, false, interval), kills);
    }
    let with_platform =
        all.iter().flat_map(|setting| &setting.groups).filter(|group| group.contains(&Subject::Platform));
    for group in with_platform {
        assert!(group.iter().all(|one| matches!(one, Subject::Platform | Subject::Dummy)), "{group:?}");
    }
    let mut names: Vec<String> = all.iter().map(Setting::name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all.len(), "a lab each: {names:?}");
    assert_eq!(Setting::all(0, 0, 0), (Vec::new(), Vec::new()));
}

#[test]
fn a_setting_is_what_its_site_has() {
    let of =
        |wait, interval| Setting { interval, ..Setting::often(wait, &Subject::PICOS, 1) }.plan().crm_lines();
    let count = |text: &str, word: &str| text.matches(word).count();
    let (readme, slow) = (of(true, 1), of(false, 120));
    assert_eq!(count(&readme, "op monitor interval=1s timeout=60s"), 5);
    assert_eq!((count(&readme, "OCF_CHECK_LEVEL"), count(&readme, "wait=0")), (6, 0));
    assert_eq!(count(&slow, "op monitor interval=120s timeout=60s"), 5);
    assert_eq!((count(&slow, "OCF_CHECK_LEVEL"), count(&slow, "wait=0")), (0, 5));
    assert_eq!(count(&slow, "Dummy params state=/srv/dummy.state op monitor interval=120s"), 1);
}

#[test]
fn a_pause_is_drawn_from_the_time_in_which_the_monitor_comes_round() {
    let round = |wait, interval| Setting { interval, ..Setting::often(wait, &[], 1) }.round().as_secs();
    assert_eq!([round(true, 1), round(false, 1), round(true, 10), round(false, 120)], [1, 1, 30, 120]);
}
