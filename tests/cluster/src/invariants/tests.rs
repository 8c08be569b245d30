//! Synthetic histories: one without a violation, and one for each violation.

use super::*;

/// A life of `pico` on `node`; its pid is its start.
fn lifetime(pico: &str, node: &str, began: u64, ended: Option<u64>) -> PicoLifetime {
    PicoLifetime {
        pico: pico.into(),
        node: node.into(),
        process: (u32::try_from(began).unwrap(), began),
        began,
        ready: Some(began + 10),
        ended,
    }
}

fn expected(lifetimes: usize, nodes: &'static [&'static str]) -> Vec<ExpectedPico<'static>> {
    vec![ExpectedPico { pico: "platform", nodes, lifetimes }]
}

fn assert_one_violation(lives: &[PicoLifetime], expected: &[ExpectedPico<'_>], words: &str) {
    let broken = check_lifetimes(lives, expected);
    assert!(broken.len() == 1 && broken[0].0.contains(words), "{words:?} expected of {broken:?}");
}

#[test]
fn fail_over_without_overlap_is_no_violation() {
    let lives = [lifetime("platform", "n1", 100, Some(500)), lifetime("platform", "n2", 500, None)];
    assert_eq!(check_lifetimes(&lives, &expected(2, &["n2"])), []);
}

#[test]
fn overlapping_lifetimes_are_a_violation_even_while_one_is_dying() {
    let lives = [lifetime("platform", "n1", 100, Some(501)), lifetime("platform", "n2", 500, None)];
    assert_one_violation(&lives, &expected(2, &["n2"]), "alive twice at once");
    let lives = [lifetime("platform", "n1", 100, None), lifetime("platform", "n1", 500, Some(510))];
    assert_one_violation(&lives, &expected(2, &["n1"]), "alive twice at once");
}

#[test]
fn two_living_processes_are_a_violation() {
    let lives = [lifetime("platform", "n1", 100, None), lifetime("platform", "n2", 500, None)];
    assert_one_violation(&lives, &expected(2, &["n2"]), "alive twice at once");
}

#[test]
fn different_picos_may_run_at_the_same_time() {
    let lives = [lifetime("platform", "n1", 100, None), lifetime("ec1", "n1", 100, None)];
    let ec = ExpectedPico { pico: "ec1", nodes: &["n1"], lifetimes: 1 };
    assert_eq!(check_lifetimes(&lives, &[expected(1, &["n1"]), vec![ec]].concat()), []);
    assert_one_violation(&lives, &expected(1, &["n1"]), "nobody expects");
}

#[test]
fn pico_not_running_at_the_end_is_a_violation() {
    assert_one_violation(
        &[lifetime("platform", "n1", 100, Some(500))],
        &expected(1, &["n1", "n2"]),
        "should, on n1 or n2",
    );
    let broken = check_lifetimes(&[], &expected(1, &["n1"]));
    assert_eq!(broken.len(), 2, "it does not run, and never did: {broken:?}");
}

#[test]
fn pico_on_wrong_node_or_unwanted_is_a_violation() {
    let lives = [lifetime("platform", "n1", 100, None)];
    assert_one_violation(&lives, &expected(1, &["n2"]), "runs on n1, and should on n2");
    assert_one_violation(&lives, &expected(1, &[]), "should not run");
}

#[test]
fn pico_never_ready_is_a_violation() {
    let lives = [PicoLifetime { ready: None, ..lifetime("platform", "n1", 100, None) }];
    assert_one_violation(&lives, &expected(1, &["n1"]), "never ready");
}

#[test]
fn restart_of_healthy_pico_is_a_violation() {
    let lives = [lifetime("platform", "n1", 100, Some(500)), lifetime("platform", "n1", 600, None)];
    assert_one_violation(&lives, &expected(1, &["n1"]), "2 lives, and should 1");
}

#[test]
fn outage_lasts_from_death_until_next_ready_process() {
    let failed = PicoLifetime { ready: None, ..lifetime("platform", "n1", 600, Some(650)) };
    let lives =
        [lifetime("platform", "n1", 100, Some(500)), failed, lifetime("platform", "n2", 700, None)];
    let away = outages(&lives);
    assert_eq!(away.len(), 1, "{away:?}");
    assert_eq!((away[0].until_began, away[0].until_ready), (200, 210));
}

fn heartbeats_of(of: &PicoLifetime, beats: impl IntoIterator<Item = u64>) -> ProcessHeartbeats {
    let (pid, starttime) = of.process;
    ProcessHeartbeats { node: of.node.clone(), pid, starttime, beats: beats.into_iter().collect() }
}

#[test]
fn heartbeat_until_the_end_is_fine_and_a_dying_pico_needs_none() {
    let dying = lifetime("platform", "n1", 100, Some(50_000));
    let alive = lifetime("platform", "n2", 50_000, None);
    let all = [
        heartbeats_of(&dying, (100..9000).step_by(100)),
        heartbeats_of(&alive, (50_000..60_000).step_by(100)),
    ];
    assert_eq!(check_heartbeats(&[dying, alive], &all, &[], 60_050), []);
}

#[test]
fn heartbeat_gap_is_a_violation_unless_excused() {
    let lives = [lifetime("ec1", "n1", 100, None)];
    let stood_still = (100..5000).step_by(100).chain((7100..9000).step_by(100));
    let stood_still = [heartbeats_of(&lives[0], stood_still)];
    let broken = check_heartbeats(&lives, &stood_still, &[], 9050);
    assert!(
        broken.len() == 1 && broken[0].0.contains("4800 ms after its first beat"),
        "{broken:?}"
    );
    assert!(broken[0].0.contains("for 2200 ms"), "{broken:?}");
    assert_eq!(check_heartbeats(&lives, &stood_still, &[("n1".to_owned(), 100, 100)], 9050), []);
    let elsewhere = [("n2".to_owned(), 100, 100)];
    assert_eq!(
        check_heartbeats(&lives, &stood_still, &elsewhere, 9050).len(),
        1,
        "the same number on another node"
    );
    let silent = [heartbeats_of(&lives[0], (100..5000).step_by(100))];
    assert_eq!(check_heartbeats(&lives, &silent, &[], 6900), [], "2 s are no illness");
    assert_eq!(
        check_heartbeats(&lives, &silent, &[], 6901).len(),
        1,
        "it lives, and does not beat any more"
    );
}

#[test]
fn heartbeat_after_death_is_a_violation() {
    let lives = [lifetime("ec1", "n1", 100, Some(500))];
    let broken = check_heartbeats(&lives, &[heartbeats_of(&lives[0], [100, 400, 501])], &[], 1000);
    assert!(broken.len() == 1 && broken[0].0.contains("1 ms after its death"), "{broken:?}");
}

#[test]
fn ready_pico_without_heartbeat_is_a_violation() {
    let lives = [lifetime("ec1", "n1", 100, None)];
    let broken = check_heartbeats(&lives, &[], &[], 1000);
    assert!(broken.len() == 1 && broken[0].0.contains("never beat"), "{broken:?}");
    let never_ready = [PicoLifetime { ready: None, ..lives[0].clone() }];
    assert_eq!(check_heartbeats(&never_ready, &[], &[], 1000), []);
}

fn event(time: u64, event: &str, pico: &str, node: &str, process: (u32, u64)) -> HistoryEvent {
    let (pid, starttime) = process;
    let (event, pico, node) = (event.into(), pico.into(), node.into());
    HistoryEvent { time, event, pico, node, pid, starttime, reason: String::new() }
}

#[test]
fn watched_process_and_history_merge_by_node_pid_and_start_time() {
    let seen = |node: &str, ended| {
        let (pico, node) = ("ec1".into(), node.into());
        WatchedProcess { pico, node, pid: 7, start_time: 70, began: 95, ended }
    };
    let history = [
        event(100, "start", "ec1", "n1", (7, 70)),
        event(110, "ready", "ec1", "n1", (7, 70)),
        event(200, "end", "ec1", "n1", (7, 70)),
    ];
    let both = lifetimes(&[seen("n1", Some(220)), seen("n2", None)], &history, 50);
    assert_eq!(both.len(), 2, "the same number on another node is another: {both:?}");
    let n1 = &both[0];
    assert_eq!(
        (n1.began, n1.ready, n1.ended),
        (95, Some(110), Some(220)),
        "it is dead when it is gone, not when it says so"
    );
}

#[test]
fn unwatched_process_counts_and_mzsh_call_does_not() {
    let history = [
        event(100, "mzsh", "", "n1", (5, 50)),
        event(105, "refused", "ec1", "n1", (5, 50)),
        event(110, "start", "ec1", "n1", (7, 70)),
    ];
    let lives = lifetimes(&[], &history, 50);
    assert_eq!(lives.len(), 1, "{lives:?}");
    assert_eq!((lives[0].ready, lives[0].ended), (None, Some(160)));
}
