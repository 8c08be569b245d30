//! docs/evidence/reliability.md.

use std::collections::{BTreeMap, BTreeSet};

use devtools::cases::{TestCase, TestModule};
use devtools::markdown::table;
use lab::report::{FaultReport, Recovery, ScenarioReport};
use lab::soak::{SoakStep, SoakSummary};
use lab::timeline::median;

use super::records::{RecordedDeaths, RecordedPass};
use super::{deaths, request_delays};

const HEAD: &str = "\
<!-- Made by `cargo xtask gen` from docs/evidence/reliability/ and tests/cluster: change those, or record anew. -->

# What was proved on a real cluster

For whoever decides whether to trust a billing cluster to the agents: what was tried on real clusters, with times.

Corosync, Pacemaker and fencing are real. The nodes are namespaces of one machine. The agents are as they ship. MediationZone is simulated; some \
scenarios use real JVMs. A simulated pico takes 0.2 s to start, so the rest of a time is the cluster's and the agents'. Each scenario has a \
cluster of its own. It ends with the judgement of the invariant checker, which asks neither the agents nor the cluster:

- No pico was ever alive twice, not even while one was dying.
- Each pico that should run does, where it should.
- Nothing healthy was restarted, or stopped for as much as 2 s.

`cargo xtask reliability` runs all scenarios and records a pass, `cargo xtask soak --record` a soak, `cargo xtask deaths --record` the times of a death and of what waits for a monitor; `cargo xtask lab` gives you such a \
cluster to try things on.

- [Passes](#passes)
- [Scenarios](#scenarios)
- [A death](#a-death)
- [What waits for a monitor that waits](#what-waits-for-a-monitor-that-waits)
- [The agents' share](#the-agents-share)
- [Random faults](#random-faults)
";

const SCENARIOS: &str = "\
## Scenarios

Times are seconds since the fault, of a kill of picos since just before the signal: the median of the passes and the least and the most. *Noticed*: the cluster knows that something is not \
as it was, by a monitor's answer, a lost node, or a command. *Decided*: the first action that it orders. *Running*: all picos that died of \
it are ready again. The times depend on the machine, which carries several clusters at once. Where several things are \
done one after the other, each has its line.
";

const SHARE: &str = "\
## The agents' share

The same fault for our picos and for `ocf:pacemaker:Dummy`, which does nothing, with a monitor every second for both, in the same lab. Seconds, \
medians. *Until noticed* begins as above; a death our monitor tells at once, for it waits on the process, and the Dummy's \
at its next turn. *Since noticed* is from there until the start was done, with all that Pacemaker, the fencing, the storage and the \
address take. *Product* is the simulated product's own start, from the call of mzsh until the pico is ready. *Agents* is what our stops and starts \
took since noticed, as Pacemaker's executor measured them, less *Product*; in a standby the product's orderly stop is in it. The rest \
is Pacemaker's.
";

const FOOT: &str = "
Next: [each fault on one node](behaviour.md), and [a cluster to try things on](../operate/lab.md).
";

/// The maximum share of the agents in the recovery from a kill and from a node loss, in
/// milliseconds.
const MAX_AGENT_SHARE_MS: u64 = 300;

/// The test that compares our picos with a Dummy, and its names of the faults.
const MEASUREMENT_TEST: &str = "dummy_comparison::picos_and_dummy_recover_from_repeated_faults";
/// The faults with that limit, and the pico whose agent's share counts.
const BOUNDED_FAULTS: [(&str, &str); 4] = [
    ("kill -9 of platform", "platform"),
    ("kill -9 of ec1", "ec1"),
    ("power cut of the node", "platform"),
    ("power cut of the node", "ui"),
];

pub(super) fn page(
    families: &[TestModule],
    passes: &[RecordedPass],
    deaths: &[RecordedDeaths],
    soak: Option<&SoakSummary>,
) -> String {
    let scenarios = families.iter().map(|family| {
        // A heading is the first sentence of the module doc.
        let title = family.title.split(". ").next().unwrap_or_default().trim_end_matches('.');
        format!("### {title}\n\n{}", scenario_table(family, passes))
    });
    let soak = soak.map_or_else(|| "Not recorded yet.\n".to_owned(), soak_section);
    let parts =
        [HEAD.to_owned(), passes_table(passes), SCENARIOS.to_owned()].into_iter().chain(scenarios);
    let parts = parts.chain([
        deaths::section(deaths),
        request_delays::section(deaths),
        format!("{SHARE}\n{}", agent_share_section(passes)),
        format!("## Random faults\n\n{soak}{FOOT}"),
    ]);
    parts.collect::<Vec<_>>().join("\n")
}

/// Scenarios without a doc comment or in no pass, and promises that a pass does not keep.
pub(super) fn unmet_promises(families: &[TestModule], passes: &[RecordedPass]) -> Vec<String> {
    let known: BTreeSet<&str> =
        passes.iter().flat_map(|pass| &pass.passed).map(String::as_str).collect();
    let cases = || families.iter().flat_map(|family| &family.cases);
    let silent = cases().filter(|case| case.proves.is_empty());
    let silent = silent.map(|case| format!("{} does not say what it shows (///)", case.name));
    // Without any recorded pass no scenario is checked, and the page reports that.
    let recorded = !passes.is_empty();
    let unknown =
        cases().filter(|case| recorded && !case.ignored && !known.contains(case.name.as_str()));
    let unknown = unknown.map(|case| {
        format!(
            "{} is in no pass of docs/evidence/reliability: record one (cargo xtask reliability)",
            case.name
        )
    });
    silent.chain(unknown).chain(passes.iter().flat_map(broken_promises)).collect()
}

/// Promises about the agents' share that a pass does not keep.
fn broken_promises(pass: &RecordedPass) -> Vec<String> {
    let numbers: Vec<&FaultReport> = pass
        .scenarios
        .iter()
        .filter(|report| report.test == MEASUREMENT_TEST)
        .flat_map(|report| &report.faults)
        .collect();
    let shown = |(what, pico): (&str, &str)| -> Option<String> {
        let faults = numbers.iter().filter(|fault| fault.what == what);
        let share = |fault: &&FaultReport| {
            let mut of_pico = fault.back.iter().filter(|back| back.pico == pico);
            // A pico that died twice of the fault has no comparable share.
            of_pico.next()?.agents.filter(|_| of_pico.next().is_none())
        };
        let shares: Option<Vec<u64>> = faults.map(share).collect();
        let said = match shares.as_deref().and_then(median) {
            Some(middle) if middle < MAX_AGENT_SHARE_MS => return None,
            Some(middle) => {
                format!(
                    "is {} s in the median, and {} s were promised",
                    format_seconds(middle),
                    format_seconds(MAX_AGENT_SHARE_MS)
                )
            }
            None => "is missing".to_owned(),
        };
        Some(format!("the pass of {}: the share of {pico}'s agent of a {what} {said}", pass.date))
    };
    let is_recorded = pass.passed.iter().any(|test| test == MEASUREMENT_TEST);
    BOUNDED_FAULTS.into_iter().filter(|_| is_recorded).filter_map(shown).collect()
}

fn passes_table(passes: &[RecordedPass]) -> String {
    if passes.is_empty() {
        return "## Passes\n\nNone is recorded yet (`cargo xtask reliability` does it): the tables below have no times.\n".to_owned();
    }
    let rows = passes.iter().map(|pass| {
        let fenced: usize = pass.scenarios.iter().map(|report| report.fenced).sum();
        vec![
            pass.date.clone(),
            pass.passed.len().to_string(),
            "0".to_owned(),
            fenced.to_string(),
            format!("{}:{:02}", pass.seconds / 60, pass.seconds % 60),
            describe_versions(&pass.versions),
        ]
    });
    let heads = ["ended (UTC)", "passed", "failed", "fencings", "minutes", "with"];
    format!("## Passes\n\n{}", table(&heads, rows))
}

pub(super) fn describe_versions(versions: &BTreeMap<String, String>) -> String {
    versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// One line for each scenario, and for each fault in it.
fn scenario_table(family: &TestModule, passes: &[RecordedPass]) -> String {
    let heads = ["what is done, and what comes out", "scenario", "noticed", "decided", "running"];
    let rows = family.cases.iter().flat_map(|case| scenario_rows(case, passes));
    table(&heads, rows)
}

fn scenario_rows(case: &TestCase, passes: &[RecordedPass]) -> Vec<Vec<String>> {
    let reports: Vec<&ScenarioReport> = passes
        .iter()
        .flat_map(|pass| &pass.scenarios)
        .filter(|report| report.test == case.name)
        .collect();
    let none = || vec![String::new(); 3];
    let title = vec![case.proves.clone(), format!("`{}`", case.name)];
    let most = if case.name == MEASUREMENT_TEST {
        0
    } else {
        reports.iter().map(|report| report.faults.len()).max().unwrap_or(0)
    };
    if most == 0 {
        return vec![[title, none()].concat()];
    }
    let mut rows = Vec::new();
    for place in 0..most {
        let faults: Vec<&FaultReport> =
            reports.iter().filter_map(|report| report.faults.get(place)).collect();
        let of = |time: fn(&FaultReport) -> Option<u64>| {
            describe_spread(&faults.iter().filter_map(|fault| time(fault)).collect::<Vec<_>>())
        };
        let times =
            vec![of(|fault| fault.noticed), of(|fault| fault.decided), of(|fault| fault.running)];
        if most > 1 {
            if place == 0 {
                rows.push([title.clone(), none()].concat());
            }
            let what = faults.first().map(|fault| format!("- {}", fault.what)).unwrap_or_default();
            rows.push([vec![what, String::new()], times].concat());
        } else {
            rows.push([title.clone(), times].concat());
        }
    }
    rows
}

/// Formats milliseconds as `0.08 (0.07-0.10)`.
pub(super) fn describe_spread(times: &[u64]) -> String {
    match (median(times), times.iter().min(), times.iter().max()) {
        (Some(middle), Some(least), Some(most)) if least != most => {
            format!(
                "{} ({}-{})",
                format_seconds(middle),
                format_seconds(*least),
                format_seconds(*most)
            )
        }
        (Some(middle), ..) => format_seconds(middle),
        _ => String::new(),
    }
}

/// Formats milliseconds as seconds, rounded to hundredths.
pub(super) fn format_seconds(time: u64) -> String {
    let hundredths = (time + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn agent_share_section(passes: &[RecordedPass]) -> String {
    let reports = passes
        .iter()
        .flat_map(|pass| &pass.scenarios)
        .filter(|report| report.test == MEASUREMENT_TEST);
    let mut samples: BTreeMap<(&str, &str), Vec<(&FaultReport, &Recovery)>> = BTreeMap::new();
    for fault in reports.flat_map(|report| &report.faults) {
        for back in &fault.back {
            samples.entry((&fault.what, &back.pico)).or_default().push((fault, back));
        }
    }
    let middle = |samples: &[(&FaultReport, &Recovery)],
                  of: fn(&FaultReport, &Recovery) -> Option<u64>| {
        median(&samples.iter().filter_map(|(fault, back)| of(fault, back)).collect::<Vec<_>>())
    };
    let cell = |time: Option<u64>| time.map(format_seconds).unwrap_or_default();
    let rows = samples.iter().map(|((fault, pico), samples)| {
        let (since, product) = (
            middle(samples, |_, back| back.since_noticed),
            middle(samples, |_, back| back.product),
        );
        vec![
            (*fault).to_owned(),
            (*pico).to_owned(),
            cell(middle(samples, |fault, _| fault.noticed)),
            cell(since),
            cell(product.filter(|product| *product > 0)),
            cell(since.zip(product).map(|(since, product)| since.saturating_sub(product))),
            cell(middle(samples, |_, back| back.agents)),
            samples.len().to_string(),
        ]
    });
    let heads = [
        "fault",
        "of",
        "until noticed",
        "since noticed",
        "product",
        "less product",
        "agents",
        "samples",
    ];
    let table = table(&heads, rows);
    let bounded =
        samples.iter().filter(|((fault, pico), _)| BOUNDED_FAULTS.contains(&(*fault, *pico)));
    let worst = bounded.filter_map(|(_, samples)| middle(samples, |_, back| back.agents)).max();
    let words = match worst {
        Some(worst) if worst < MAX_AGENT_SHARE_MS => format!(
            "Of a kill -9 and of a node's loss the agents' share is, in the median, at most {} s (promised: less than {}).",
            format_seconds(worst),
            format_seconds(MAX_AGENT_SHARE_MS)
        ),
        Some(worst) => {
            format!(
                "The agents' share is {} s, which is more than the {} s that were promised.",
                format_seconds(worst),
                format_seconds(MAX_AGENT_SHARE_MS)
            )
        }
        None => "Not recorded yet.".to_owned(),
    };
    format!("{table}\n{words}\n")
}

fn soak_section(summary: &SoakSummary) -> String {
    let SoakSummary { seed, date, seconds: time, versions: with, lives, steps } = summary;
    let effective = steps.iter().filter(|step| !step.effects.is_empty()).count();
    let minutes = time / 60;
    let fenced: usize = steps
        .iter()
        .map(|step| step.effects.iter().filter(|e| e.ends_with("was fenced")).count())
        .sum();
    let words = format!(
        "`cargo xtask soak --seed {seed} --faults {}`, ended {date} (UTC) after {minutes} minutes: {} faults, {effective} of them with an \
        effect, one after the other on one cluster of three nodes with five picos. {lives} processes of picos, {fenced} fencings. After each \
        fault: all nodes and all picos were back, each pico once. **Double activations: 0. Needless restarts: 0. Picos missing at the end: 0.** \
        A soak ends at the first of these. With {}.\n",
        steps.len(),
        steps.len(),
        describe_versions(with)
    );
    let mut kinds: BTreeMap<&str, Vec<&SoakStep>> = BTreeMap::new();
    for step in steps {
        kinds.entry(&step.kind).or_default().push(step);
    }
    let rows = kinds.iter().map(|(kind, steps)| {
        let effective = steps.iter().filter(|step| !step.effects.is_empty()).count();
        let away: Vec<u64> = steps.iter().flat_map(|step| step.away.iter().copied()).collect();
        vec![
            (*kind).to_owned(),
            steps.len().to_string(),
            effective.to_string(),
            away.len().to_string(),
            describe_spread(&away),
        ]
    });
    let heads = ["fault", "times", "with an effect", "picos that came back", "away, in seconds"];
    format!(
        "{words}\n{}\nWhat each fault did is in `docs/evidence/reliability/soak.json`.\n",
        table(&heads, rows)
    )
}

#[cfg(test)]
mod tests;
