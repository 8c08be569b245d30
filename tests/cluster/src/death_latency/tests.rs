//! Tests on synthetic logs and lives.

use super::*;

/// 2026-11-22 13:03:15.000, UTC.
const NOW: u64 = 1_795_352_595_000;

/// Two picos and the Dummy were killed at once; the SC again, two seconds later.
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

fn setup() -> DeathSetup {
    let groups = vec![vec![Victim::Ec, Victim::Sc, Victim::Dummy], vec![Victim::Sc]];
    DeathSetup { wait: true, interval: 10, groups, rounds: 1 }
}

fn watched(pico: &str, pid: u32) -> WatchedProcess {
    let (pico, node) = (pico.to_owned(), "n3".to_owned());
    WatchedProcess { pico, node, pid, start_time: u64::from(pid), began: NOW - 5000, ended: None }
}

fn lifetime(pico: &str, pid: u32, began: u64, ended: Option<u64>) -> PicoLifetime {
    let process = (pid, u64::from(pid));
    PicoLifetime {
        pico: pico.to_owned(),
        node: "n3".to_owned(),
        process,
        began,
        ready: Some(began + 200),
        ended,
    }
}

fn deaths() -> Vec<InjectedDeath> {
    let death = |of, killed, process| InjectedDeath { victim: of, killed, process };
    vec![
        death(Victim::Ec, NOW, Some(watched("ec1", 7))),
        death(Victim::Sc, NOW, Some(watched("sc1", 8))),
        death(Victim::Dummy, NOW, None),
        death(Victim::Sc, NOW + 2000, Some(watched("sc1", 10))),
    ]
}

fn lifetimes() -> Vec<PicoLifetime> {
    vec![
        lifetime("ec1", 7, NOW - 5000, Some(NOW + 10)),
        lifetime("sc1", 8, NOW - 5000, Some(NOW + 20)),
        lifetime("ec1", 9, NOW + 150, None),
        lifetime("sc1", 10, NOW + 160, Some(NOW + 2010)),
        lifetime("sc1", 11, NOW + 2100, None),
    ]
}

#[test]
fn each_death_has_its_own_times_since_its_kill() {
    let samples =
        collect_samples(&setup(), &deaths(), &timeline::parse_log(LOG, NOW), &lifetimes())
            .expect("all are told of");
    let times: Vec<_> = samples
        .iter()
        .map(|one| (one.of, one.wait, one.noticed, one.decided, one.running))
        .collect();
    let expected = [
        (Victim::Ec, true, 60, 110, 350),
        (Victim::Sc, true, 70, 100, 360),
        (Victim::Dummy, false, 700, 750, 900),
        (Victim::Sc, true, 50, 90, 300),
    ];
    assert_eq!(times, expected);
}

#[test]
fn log_clock_one_tick_slow_still_yields_times() {
    let mut deaths = deaths();
    deaths[3].killed = NOW + 2000 + 53;
    let samples = collect_samples(&setup(), &deaths, &timeline::parse_log(LOG, NOW), &lifetimes())
        .expect("all are told of");
    assert_eq!((samples[3].noticed, samples[3].decided), (0, 37));
}

#[test]
fn death_without_log_entry_is_an_error_that_names_it() {
    let told = |log: &str, lives: &[PicoLifetime]| {
        collect_samples(&setup(), &deaths(), &timeline::parse_log(log, NOW), lives)
    };
    let without_last = LOG.lines().take(7).collect::<Vec<_>>().join("\n");
    let said = told(&without_last, &lifetimes()).expect_err("the last one is in no log");
    assert!(said.starts_with("sc, killed 2026-11-22 13:03:17: "), "{said}");
    let said = told(LOG, &lifetimes()[..4]).expect_err("the last one is not back");
    assert!(said.starts_with("sc, killed 2026-11-22 13:03:17: "), "{said}");
}

#[test]
fn fail_counts_must_match_the_injected_deaths() {
    let status = |counts: &[(&str, &str)]| ClusterStatus {
        fail_counts: counts
            .iter()
            .map(|(resource, count)| ((*resource).to_owned(), "n3".to_owned(), (*count).to_owned()))
            .collect(),
        ..ClusterStatus::default()
    };
    let well = [("mz-ec1", "1"), ("mz-sc1", "2"), ("dummy", "1")];
    assert_eq!(check_fail_counts(&status(&well), &deaths()), Ok(()));
    assert_eq!(check_fail_counts(&status(&[]), &[]), Ok(()));
    for wrong in [
        vec![("mz-ec1", "2"), ("mz-sc1", "2"), ("dummy", "1")],
        vec![("mz-ec1", "1"), ("mz-sc1", "2")],
        [&well[..], &[("mz-ui", "1")]].concat(),
        [&well[..], &[("mz-ec1", "1")]].concat(),
        vec![("mz-ec1", "INFINITY"), ("mz-sc1", "2"), ("dummy", "1")],
    ] {
        let said =
            check_fail_counts(&status(&wrong), &deaths()).expect_err("it is not one failure each");
        assert!(said.starts_with("a death is one failure"), "{said}");
    }
}

#[test]
fn unexpected_death_is_named() {
    let before = [watched("ec1", 7), watched("ec2", 8)];
    let now = [watched("ec1", 9), watched("ec2", 8)];
    assert_eq!(check_bystanders(&before, &now, &[Victim::Ec]), Ok(()));
    let said = check_bystanders(&before, &now, &[Victim::Sc]).expect_err("ec1 is another");
    assert_eq!(said, "ec1 on n3 (pid 7) died, and was not killed");
}

#[test]
fn measurement_covers_each_type_wait_and_interval() {
    let (often, seldom) = DeathSetup::all(30, 9, 5);
    let all = [often, seldom].concat();
    let times = |of, wait, interval| -> usize {
        let meant =
            all.iter().filter(|setting| (setting.wait, setting.interval) == (wait, interval));
        meant
            .map(|setting| {
                setting.rounds * setting.groups.iter().flatten().filter(|one| **one == of).count()
            })
            .sum()
    };
    for (interval, kills) in [(1, 30), (10, 9), (120, 5)] {
        for of in Victim::PICOS {
            assert_eq!(
                (times(of, true, interval), times(of, false, interval)),
                (kills, kills),
                "{of} {interval}"
            );
        }
        assert_eq!(times(Victim::Dummy, false, interval), kills);
    }
    let with_platform = all
        .iter()
        .flat_map(|setting| &setting.groups)
        .filter(|group| group.contains(&Victim::Platform));
    for group in with_platform {
        assert!(
            group.iter().all(|one| matches!(one, Victim::Platform | Victim::Dummy)),
            "{group:?}"
        );
    }
    let mut names: Vec<String> = all.iter().map(DeathSetup::name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all.len(), "a lab each: {names:?}");
    assert_eq!(DeathSetup::all(0, 0, 0), (Vec::new(), Vec::new()));
}

#[test]
fn configuration_has_the_intervals_and_waits_of_its_setup() {
    let of = |wait, interval| {
        DeathSetup { interval, ..DeathSetup::every_second(wait, &Victim::PICOS, 1) }
            .plan()
            .crm_lines()
    };
    let count = |text: &str, word: &str| text.matches(word).count();
    let (readme, slow) = (of(true, 1), of(false, 120));
    assert_eq!(count(&readme, "op monitor interval=1s timeout=60s"), 5);
    assert_eq!((count(&readme, "OCF_CHECK_LEVEL"), count(&readme, "wait=0")), (6, 0));
    assert_eq!(count(&slow, "op monitor interval=120s timeout=60s"), 5);
    assert_eq!((count(&slow, "OCF_CHECK_LEVEL"), count(&slow, "wait=0")), (0, 5));
    assert_eq!(count(&slow, "Dummy params state=/srv/dummy.state op monitor interval=120s"), 1);
}

#[test]
fn monitor_period_is_interval_plus_wait() {
    let round = |wait, interval| {
        DeathSetup { interval, ..DeathSetup::every_second(wait, &[], 1) }.monitor_period().as_secs()
    };
    assert_eq!(
        [round(true, 1), round(false, 1), round(true, 10), round(false, 120)],
        [1, 1, 30, 120]
    );
}
