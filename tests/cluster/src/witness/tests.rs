//! Made-up histories: one that breaks no rule, and one for each way to break one.

use super::*;

/// A life of `pico` on `node`; its number is its begin.
fn life(pico: &str, node: &str, began: u64, ended: Option<u64>) -> Life {
    Life {
        pico: pico.into(),
        node: node.into(),
        process: (u32::try_from(began).unwrap(), began),
        began,
        ready: Some(began + 10),
        ended,
    }
}

fn expected(lives: usize, on: &'static [&'static str]) -> Vec<Expected<'static>> {
    vec![Expected { pico: "platform", on, lives }]
}

fn one_rule(lives: &[Life], expected: &[Expected<'_>], words: &str) {
    let broken = judge(lives, expected);
    assert!(broken.len() == 1 && broken[0].0.contains(words), "{words:?} expected of {broken:?}");
}

#[test]
fn a_fail_over_without_overlap_is_right() {
    let lives = [life("platform", "n1", 100, Some(500)), life("platform", "n2", 500, None)];
    assert_eq!(judge(&lives, &expected(2, &["n2"])), []);
}

#[test]
fn two_at_once_are_found_also_while_one_is_dying() {
    let lives = [life("platform", "n1", 100, Some(501)), life("platform", "n2", 500, None)];
    one_rule(&lives, &expected(2, &["n2"]), "alive twice at once");
    let lives = [life("platform", "n1", 100, None), life("platform", "n1", 500, Some(510))];
    one_rule(&lives, &expected(2, &["n1"]), "alive twice at once");
}

#[test]
fn two_that_live_to_the_end_are_found() {
    let lives = [life("platform", "n1", 100, None), life("platform", "n2", 500, None)];
    one_rule(&lives, &expected(2, &["n2"]), "alive twice at once");
}

#[test]
fn different_picos_may_live_at_once() {
    let lives = [life("platform", "n1", 100, None), life("ec1", "n1", 100, None)];
    let ec = Expected { pico: "ec1", on: &["n1"], lives: 1 };
    assert_eq!(judge(&lives, &[expected(1, &["n1"]), vec![ec]].concat()), []);
    one_rule(&lives, &expected(1, &["n1"]), "nobody expects");
}

#[test]
fn one_that_does_not_run_in_the_end_is_found() {
    one_rule(&[life("platform", "n1", 100, Some(500))], &expected(1, &["n1", "n2"]), "should, on n1 or n2");
    let broken = judge(&[], &expected(1, &["n1"]));
    assert_eq!(broken.len(), 2, "it does not run, and never did: {broken:?}");
}

#[test]
fn one_that_runs_where_or_when_it_should_not_is_found() {
    let lives = [life("platform", "n1", 100, None)];
    one_rule(&lives, &expected(1, &["n2"]), "runs on n1, and should on n2");
    one_rule(&lives, &expected(1, &[]), "should not run");
}

#[test]
fn one_that_was_never_ready_is_found() {
    let lives = [Life { ready: None, ..life("platform", "n1", 100, None) }];
    one_rule(&lives, &expected(1, &["n1"]), "never ready");
}

#[test]
fn a_restart_of_what_was_healthy_is_found() {
    let lives = [life("platform", "n1", 100, Some(500)), life("platform", "n1", 600, None)];
    one_rule(&lives, &expected(1, &["n1"]), "2 lives, and should 1");
}

#[test]
fn away_is_from_the_death_until_the_next_is_ready_whatever_failed_between() {
    let failed = Life { ready: None, ..life("platform", "n1", 600, Some(650)) };
    let lives = [life("platform", "n1", 100, Some(500)), failed, life("platform", "n2", 700, None)];
    let away = away(&lives);
    assert_eq!(away.len(), 1, "{away:?}");
    assert_eq!((away[0].until_began, away[0].until_ready), (200, 210));
}

fn heart(of: &Life, beats: impl IntoIterator<Item = u64>) -> Heart {
    let (pid, starttime) = of.process;
    Heart { node: of.node.clone(), pid, starttime, beats: beats.into_iter().collect() }
}

#[test]
fn a_heart_that_beats_to_the_end_is_well_and_one_that_is_dying_need_not_beat() {
    let dying = life("platform", "n1", 100, Some(50_000));
    let alive = life("platform", "n2", 50_000, None);
    let all = [heart(&dying, (100..9000).step_by(100)), heart(&alive, (50_000..60_000).step_by(100))];
    assert_eq!(hearts(&[dying, alive], &all, &[], 60_050), []);
}

#[test]
fn a_heart_that_stands_still_is_found_unless_the_scenario_stopped_it() {
    let lives = [life("ec1", "n1", 100, None)];
    let stood_still = (100..5000).step_by(100).chain((7100..9000).step_by(100));
    let stood_still = [heart(&lives[0], stood_still)];
    let broken = hearts(&lives, &stood_still, &[], 9050);
    assert!(broken.len() == 1 && broken[0].0.contains("4800 ms after its first beat"), "{broken:?}");
    assert!(broken[0].0.contains("for 2200 ms"), "{broken:?}");
    assert_eq!(hearts(&lives, &stood_still, &[("n1".to_owned(), 100, 100)], 9050), []);
    let elsewhere = [("n2".to_owned(), 100, 100)];
    assert_eq!(hearts(&lives, &stood_still, &elsewhere, 9050).len(), 1, "the same number on another node");
    let silent = [heart(&lives[0], (100..5000).step_by(100))];
    assert_eq!(hearts(&lives, &silent, &[], 6900), [], "2 s are no illness");
    assert_eq!(hearts(&lives, &silent, &[], 6901).len(), 1, "it lives, and does not beat any more");
}

#[test]
fn a_heart_that_beats_after_death_is_found() {
    let lives = [life("ec1", "n1", 100, Some(500))];
    let broken = hearts(&lives, &[heart(&lives[0], [100, 400, 501])], &[], 1000);
    assert!(broken.len() == 1 && broken[0].0.contains("1 ms after its death"), "{broken:?}");
}

#[test]
fn a_pico_that_was_ready_and_never_beat_is_found() {
    let lives = [life("ec1", "n1", 100, None)];
    let broken = hearts(&lives, &[], &[], 1000);
    assert!(broken.len() == 1 && broken[0].0.contains("never beat"), "{broken:?}");
    let never_ready = [Life { ready: None, ..lives[0].clone() }];
    assert_eq!(hearts(&never_ready, &[], &[], 1000), []);
}

fn event(time: u64, event: &str, pico: &str, node: &str, process: (u32, u64)) -> Event {
    let (pid, starttime) = process;
    let (event, pico, node) = (event.into(), pico.into(), node.into());
    Event { time, event, pico, node, pid, starttime, reason: String::new() }
}

#[test]
fn what_was_seen_and_what_was_written_are_one_life_if_node_number_and_start_are_the_same() {
    let seen = |node: &str, ended| {
        let (pico, node) = ("ec1".into(), node.into());
        Seen { pico, node, pid: 7, start_time: 70, began: 95, ended }
    };
    let history = [
        event(100, "start", "ec1", "n1", (7, 70)),
        event(110, "ready", "ec1", "n1", (7, 70)),
        event(200, "end", "ec1", "n1", (7, 70)),
    ];
    let both = lives(&[seen("n1", Some(220)), seen("n2", None)], &history, 50);
    assert_eq!(both.len(), 2, "the same number on another node is another: {both:?}");
    let n1 = &both[0];
    assert_eq!(
        (n1.began, n1.ready, n1.ended),
        (95, Some(110), Some(220)),
        "it is dead when it is gone, not when it says so"
    );
}

#[test]
fn a_life_between_two_looks_is_one_and_a_call_of_mzsh_is_none() {
    let history = [
        event(100, "mzsh", "", "n1", (5, 50)),
        event(105, "refused", "ec1", "n1", (5, 50)),
        event(110, "start", "ec1", "n1", (7, 70)),
    ];
    let lives = lives(&[], &history, 50);
    assert_eq!(lives.len(), 1, "{lives:?}");
    assert_eq!((lives[0].ready, lives[0].ended), (None, Some(160)));
}
