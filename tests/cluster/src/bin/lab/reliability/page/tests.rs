//! Tests on synthetic records.

use super::*;

fn family() -> TestModule {
    let case = |name: &str, proves: &str| TestCase {
        name: format!("platform::{name}"),
        proves: proves.to_owned(),
        ignored: false,
    };
    TestModule {
        module: "platform".to_owned(),
        title: "Faults of the Platform.".to_owned(),
        cases: vec![case("killed", "It comes back."), case("starts", "All come up in order.")],
    }
}

fn recovery(pico: &str, agents: u64) -> Recovery {
    Recovery {
        pico: pico.to_owned(),
        from: "n1".to_owned(),
        to: "n1".to_owned(),
        away: 400,
        since_noticed: Some(350),
        product: Some(220),
        agents: Some(agents),
    }
}

fn fault(what: &str, noticed: u64, back: Vec<Recovery>) -> FaultReport {
    FaultReport {
        what: what.to_owned(),
        noticed: Some(noticed),
        by: None,
        decided: Some(noticed + 50),
        action: None,
        running: Some(noticed + 300),
        back,
    }
}

fn pass(date: &str, noticed: u64, agents: u64) -> RecordedPass {
    let report = |test: &str, faults| ScenarioReport {
        test: test.to_owned(),
        date: date.to_owned(),
        seconds: 20.0,
        nodes: 3,
        versions: BTreeMap::from([("pacemaker".to_owned(), "2.1.5".to_owned())]),
        fenced: 1,
        faults,
    };
    let killed = fault("kill -9 of platform", noticed, vec![recovery("platform", agents)]);
    let dummy = fault("the state of a Dummy is removed", 900, vec![recovery("dummy", 30)]);
    let scenarios = vec![
        report("platform::killed", vec![killed.clone()]),
        report("platform::starts", Vec::new()),
        report(MEASUREMENT_TEST, vec![killed, dummy]),
    ];
    let passed = ["platform::killed", "platform::starts"].map(str::to_owned);
    RecordedPass::new(600, passed.to_vec(), scenarios)
}

#[test]
fn scenario_row_has_median_and_spread_of_all_passes() {
    let passes = [pass("1", 80, 60), pass("2", 100, 70), pass("3", 70, 80)];
    let page = page(&[family()], &passes, &[], None);
    let line = "| It comes back. | `platform::killed` | 0.08 (0.07-0.10) | 0.13 (0.12-0.15) | 0.38 (0.37-0.40) |";
    assert!(page.contains(line), "{page}");
    assert!(page.contains("| All come up in order. | `platform::starts` |  |  |  |"), "{page}");
    assert!(page.contains("### Faults of the Platform\n"), "{page}");
    assert!(page.contains("| 1 | 2 | 0 | 3 | 10:00 | pacemaker 2.1.5 |"), "{page}");
}

#[test]
fn agent_share_is_compared_with_its_bound() {
    let of = |agents| page(&[family()], &[pass("1", 80, agents)], &[], None);
    let page = of(70);
    assert!(
        page.contains("| kill -9 of platform | platform | 0.08 | 0.35 | 0.22 | 0.13 | 0.07 | 1 |"),
        "{page}"
    );
    assert!(page.contains("at most 0.07 s (promised: less than 0.30)"), "{page}");
    assert!(of(300).contains("more than the 0.30 s that were promised"));
}

#[test]
fn unrecorded_or_undocumented_scenario_is_reported() {
    let mut family = family();
    assert_eq!(unmet_promises(&[family.clone()], &[pass("1", 80, 70)]), Vec::<String>::new());
    family.cases[1].name = "platform::new".to_owned();
    family.cases[0].proves.clear();
    let missing = unmet_promises(&[family], &[pass("1", 80, 70)]);
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert!(missing[1].starts_with("platform::new is in no pass"), "{missing:?}");
}

#[test]
fn pass_that_breaks_a_bound_is_reported() {
    let mut pass = pass("1", 80, 70);
    pass.passed.push(MEASUREMENT_TEST.to_owned());
    let of = |what: &str, pico: &str, agents| fault(what, 80, vec![recovery(pico, agents)]);
    let cut = of("power cut of the node", "platform", 70);
    for report in pass.scenarios.iter_mut().filter(|report| report.test == MEASUREMENT_TEST) {
        report.faults.extend([
            of("kill -9 of ec1", "ec1", 300),
            cut.clone(),
            FaultReport { back: Vec::new(), ..cut.clone() },
        ]);
    }
    let said = unmet_promises(&[family()], &[pass]);
    let expected = [
        "the pass of 1: the share of ec1's agent of a kill -9 of ec1 is 0.30 s in the median, and 0.30 s were promised",
        "the pass of 1: the share of platform's agent of a power cut of the node is missing",
        "the pass of 1: the share of ui's agent of a power cut of the node is missing",
    ];
    assert_eq!(said, expected);
}

#[test]
fn soak_is_summed_by_kind_and_faults_without_effect_are_told_apart() {
    let step = |kind: &str, effects: &[&str], away: &[u64]| SoakStep {
        kind: kind.to_owned(),
        fault: kind.to_owned(),
        effects: effects.iter().map(|&effect| effect.to_owned()).collect(),
        away: away.to_vec(),
    };
    let steps = vec![
        step("power cut", &["n1 was fenced", "ec1 died"], &[5000]),
        step("power cut", &["n2 was fenced"], &[]),
        step("refresh", &[], &[]),
    ];
    let (date, versions) = ("2026-11-22 14:00:00".to_owned(), BTreeMap::new());
    let page = page(
        &[],
        &[],
        &[],
        Some(&SoakSummary { seed: 7, date, seconds: 130, versions, lives: 9, steps }),
    );
    assert!(page.contains("`cargo xtask soak --seed 7 --faults 3`"), "{page}");
    assert!(page.contains("3 faults, 2 of them with an effect"), "{page}");
    assert!(page.contains("9 processes of picos, 2 fencings"), "{page}");
    assert!(page.contains("| power cut | 2 | 2 | 1 | 5.00 |"), "{page}");
    assert!(page.contains("| refresh | 1 | 0 | 0 |  |"), "{page}");
}
