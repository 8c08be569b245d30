//! The server of a running pico, native or Java. It uses the pico's properties and the settings
//! `workload` and `ha_clock`.
//!
//! The only state between pings is the number of intervals in the HA log, which the server writes
//! at a ping. The Java pico has no parser for any of this, so it runs the native program
//! (`java mz-sim.HaMonitorServer`, see [`answer_for_java`]).

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::launch_spec::LaunchSpec;
use crate::ha::clock::Clock;
use crate::ha::{
    HEALTHY, HaThresholds, Interval, IntervalCounts, MinActivationsMeaning, PROPERTIES,
    load_workload, ping_answer,
};
use crate::settings::{
    HA_ANSWER, HA_CLOCK, HA_FIRST_INTERVAL, HA_MIN_ACTIVATIONS, SimSettings, WORKLOAD,
};
use crate::{PicoKind, history};

/// Maximum number of intervals that one ping logs: a clock can be set far ahead.
const MAX_LOGGED_INTERVALS: u32 = 1000;

/// Starts the server: checks the properties and starts the HA log. Returns lines for the pico's own
/// log.
///
/// # Errors
/// The reason why it can't start.
pub(crate) fn open(run: &LaunchSpec, settings: &SimSettings) -> Result<Vec<String>, String> {
    let (limits, mut remarks) =
        HaThresholds::from_properties(&run.ha_properties, min_activations_meaning(run, settings))
            .map_err(|bad| bad.to_string())?;
    for name in run.ha_properties.keys().filter(|name| !PROPERTIES.contains(&name.as_str())) {
        remarks.push(format!("mz.ha.{name}: there is no such property, it has no effect"));
    }
    if !has_thresholds(run) && !limits.have_no_limit() {
        remarks.push(format!(
            "thresholds have no effect on a pico of type {}, only on an ec",
            run.kind
        ));
    }
    let assignments = PROPERTIES.iter().filter_map(|name| {
        let value = run.ha_properties.get(*name)?;
        Some(format!("property mz.ha.{name} = {value}"))
    });
    let in_force = format!(
        "in force: {}",
        if has_thresholds(run) { limits } else { limits.without_limits() }.describe()
    );
    let lines: Vec<String> = assignments.chain(remarks.iter().cloned()).chain([in_force]).collect();
    if let Err(error) = append_to_ha_log(run, &lines) {
        remarks.push(format!("no HA log: {error}"));
    }
    Ok(remarks)
}

/// The answer to a ping at `passed` after the start of the server; the HA log has `logged`
/// intervals.
pub(crate) fn answer_ping(
    run: &LaunchSpec,
    settings: &SimSettings,
    passed: Duration,
    logged: &mut u32,
) -> String {
    let said = evaluate_ping(run, settings, passed, logged)
        .unwrap_or_else(|problem| format!("FAILED {problem}"));
    let set = settings.text(&HA_ANSWER, &run.name);
    if set == HEALTHY { said } else { set.to_owned() }
}

fn evaluate_ping(
    run: &LaunchSpec,
    settings: &SimSettings,
    passed: Duration,
    logged: &mut u32,
) -> Result<String, String> {
    let (limits, _) =
        HaThresholds::from_properties(&run.ha_properties, min_activations_meaning(run, settings))
            .map_err(|bad| bad.to_string())?;
    if !has_thresholds(run) {
        return Ok(HEALTHY.to_owned());
    }
    let workload = load_workload(settings.text(&WORKLOAD, &run.name))?;
    let now = Clock::parse(settings.text(&HA_CLOCK, &run.name)).unwrap_or(Clock::Real).now(passed);
    let ended = Interval::ended_count(&limits, now);
    let mut lines = Vec::new();
    let first = (*logged).max(ended.saturating_sub(MAX_LOGGED_INTERVALS));
    if first > *logged {
        lines.push(format!("{} intervals are left out", first - *logged));
    }
    for interval in (first..ended).map(|number| Interval::at_index(&limits, &workload, number)) {
        let (from, to) = (interval.from.as_secs(), interval.to.as_secs());
        lines.push(format!(
            "statistics of {from} s to {to} s: {}: {}",
            interval.counts,
            interval.answer()
        ));
    }
    // After the clock was set back, the log repeats its intervals.
    *logged = ended;
    let (on, said) = match ended.checked_sub(1) {
        Some(last) => {
            let last = Interval::at_index(&limits, &workload, last);
            (format!("{} s to {} s", last.from.as_secs(), last.to.as_secs()), last.answer())
        }
        None if settings.text(&HA_FIRST_INTERVAL, &run.name) == "ok" => {
            ("nothing yet".to_owned(), HEALTHY.to_owned())
        }
        None => {
            ("no counts yet".to_owned(), ping_answer(&limits.missed_by(&IntervalCounts::default())))
        }
    };
    lines.push(format!("debug: ping at {} s, judged on {on}: {said}", now.as_secs()));
    // The start of the server has already reported an unwritable log.
    let _ = append_to_ha_log(run, &lines);
    Ok(said)
}

/// A Java pico runs this as `mz-sim.HaMonitorServer open` or `... ping LOGGED MILLISECONDS`. It
/// prints the remarks, or the answer and the number of logged intervals. On an error it prints the
/// problem and exits with 1.
pub(crate) fn answer_for_java(args: &[String]) -> ExitCode {
    let run = LaunchSpec::decode(&std::env::var(LaunchSpec::VARIABLE).unwrap_or_default());
    let settings = SimSettings::load(&run.home).unwrap_or_default();
    let [logged, passed] =
        [1, 2].map(|at| args.get(at).and_then(|text| text.parse().ok()).unwrap_or(0_u64));
    let (text, code) = if args.first().is_some_and(|task| task == "open") {
        match open(&run, &settings) {
            Ok(remarks) => (remarks.join("\n"), ExitCode::SUCCESS),
            Err(problem) => (problem, ExitCode::FAILURE),
        }
    } else {
        let mut logged = u32::try_from(logged).unwrap_or(u32::MAX);
        let said = answer_ping(&run, &settings, Duration::from_millis(passed), &mut logged);
        (format!("{said}\n{logged}"), ExitCode::SUCCESS)
    };
    println!("{text}");
    code
}

fn min_activations_meaning(run: &LaunchSpec, settings: &SimSettings) -> MinActivationsMeaning {
    match settings.text(&HA_MIN_ACTIVATIONS, &run.name) {
        "gate" => MinActivationsMeaning::Gate,
        _ => MinActivationsMeaning::Threshold,
    }
}

fn has_thresholds(run: &LaunchSpec) -> bool {
    run.kind == PicoKind::Ec.name()
}

/// Appends to the HA log, if the properties configure one.
fn append_to_ha_log(run: &LaunchSpec, lines: &[String]) -> Result<(), String> {
    let Some(dir) = run.ha_properties.get("log_file").filter(|dir| !dir.is_empty()) else {
        return Ok(());
    };
    let dir = run.home.join(dir);
    let path: PathBuf = dir.join(format!("{}_ha.log", run.name));
    let say = |error: io::Error| {
        if dir.is_file() {
            return format!(
                "mz.ha.log_file = {}: expected a directory, it is a file",
                dir.display()
            );
        }
        format!("mz.ha.log_file: {}: {error}", path.display())
    };
    fs::create_dir_all(&dir).map_err(say)?;
    let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(say)?;
    let stamp = format!("{} {}", history::now_ms(), run.name);
    let mut text = String::new();
    for line in lines {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{stamp} {line}");
    }
    file.write_all(text.as_bytes()).map_err(say)
}
