//! `mz-sim ha-replay`: the effect of thresholds on a workload, before they reach production.

use std::fmt::Write as _;
use std::fs;
use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::interval::ping_answer;
use super::workload::{self, Workload};
use super::{
    HaThresholds, Interval, IntervalCounts, MinActivationsMeaning, MissedThreshold, is_enabled,
    properties_file,
};
use crate::{PicoKind, SimError};

/// The longest replay, in intervals: more than a year of the shortest interval.
const MAX_INTERVALS: u32 = 1_000_000;

#[derive(Debug, Args)]
#[command(after_long_help = workload::FORMAT)]
pub(crate) struct ReplayOptions {
    /// File with the mz.ha.* properties: a pico's file of the registry, a part of one, or lines
    /// mz.ha.NAME=VALUE
    #[arg(long, value_name = "FILE")]
    properties: PathBuf,
    /// File with the workload of the pico
    #[arg(long, value_name = "FILE")]
    workload: PathBuf,
    /// Duration of the replay; by default until one interval after the last change of the workload
    #[arg(long = "for", value_name = "TIME", value_parser = workload::parse_time)]
    duration: Option<Duration>,
    /// Meaning of `mz.ha.min_activations`, which the manual leaves open
    #[arg(long, value_enum, default_value_t)]
    min_activations: MinActivationsArgument,
    /// Print a JSON object for each interval
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum MinActivationsArgument {
    /// Fewer activations are FAILED
    #[default]
    Threshold,
    /// Fewer activations disable the check of aborts
    Gate,
}

#[derive(Debug, Serialize)]
struct IntervalLine<'a> {
    from: u64,
    to: u64,
    #[serde(flatten)]
    counts: IntervalCounts,
    failed: bool,
    misses: &'a [MissedThreshold],
}

/// Prints the answer to a ping for each interval; returns 0 if no interval is FAILED, else 1.
///
/// # Errors
/// A file is unreadable or malformed.
pub(crate) fn run(options: &ReplayOptions) -> Result<ExitCode, SimError> {
    let (limits, notes) = read_thresholds(options)?;
    let workload = read_workload(&options.workload)?;
    let intervals = interval_count(options, &limits, &workload)?;
    let intervals = (0..intervals).map(|number| Interval::at_index(&limits, &workload, number));
    let (mut text, mut failed, mut all) = (String::new(), 0, 0);
    if options.json {
        for note in notes {
            eprintln!("mz-sim: note: {note}");
        }
    } else {
        write_header(&mut text, &limits, &notes);
    }
    for interval in intervals {
        all += 1;
        failed += u32::from(!interval.misses.is_empty());
        if options.json {
            text.push_str(&to_json_line(&interval));
        } else {
            write_row(&mut text, &interval);
        }
    }
    if !options.json {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{failed} of {all} intervals FAILED");
    }
    // A reader that closes the pipe early is no error.
    let _ = stdout().write_all(text.as_bytes());
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn read_thresholds(options: &ReplayOptions) -> Result<(HaThresholds, Vec<String>), SimError> {
    let file = properties_file::read(&options.properties)?;
    let reading = match options.min_activations {
        MinActivationsArgument::Threshold => MinActivationsMeaning::Threshold,
        MinActivationsArgument::Gate => MinActivationsMeaning::Gate,
    };
    let (mut limits, mut notes) = HaThresholds::from_properties(&file.properties, reading)
        .map_err(|bad| {
            let problem = match file.line_of(bad.name) {
                Some(line) => format!("line {line}: {bad}"),
                None => bad.to_string(),
            };
            SimError::Malformed { path: options.properties.clone(), problem }
        })?;
    if let Some(kind) = file.kind.filter(|kind| *kind != PicoKind::Ec) {
        notes.push(format!(
            "this is a pico of type {kind}: thresholds have an effect on an ec only"
        ));
        limits = limits.without_limits();
    }
    if !is_enabled(&file.properties) {
        notes.push(
            "mz.ha.enabled is not true here: without it nobody answers a ping at all".to_owned(),
        );
    }
    Ok((limits, notes))
}

fn read_workload(path: &Path) -> Result<Workload, SimError> {
    let text = fs::read_to_string(path).map_err(SimError::file("read", path))?;
    Workload::parse(&text)
        .map_err(|bad| SimError::Malformed { path: path.to_owned(), problem: bad.to_string() })
}

fn interval_count(
    options: &ReplayOptions,
    limits: &HaThresholds,
    workload: &Workload,
) -> Result<u32, SimError> {
    let intervals = match options.duration {
        Some(long) => long.as_millis().div_ceil(limits.interval.as_millis()),
        // The interval of the last change, and one that shows the steady state after it.
        None => {
            u128::from(Interval::ended_count(limits, workload.last_change().unwrap_or_default()))
                + 2
        }
    };
    let shown = u32::try_from(intervals).ok().filter(|shown| (1..=MAX_INTERVALS).contains(shown));
    shown.ok_or_else(|| {
        SimError::Invalid(format!(
            "{intervals} intervals of {} s: expected 1 to {MAX_INTERVALS}, set --for",
            limits.interval.as_secs()
        ))
    })
}

fn write_header(text: &mut String, limits: &HaThresholds, notes: &[String]) {
    for note in notes {
        let _ = writeln!(text, "note: {note}");
    }
    let at_first = ping_answer(&limits.missed_by(&IntervalCounts::default()));
    let _ =
        writeln!(text, "{}\nuntil the first interval has ended: {at_first}\n", limits.describe());
    let _ = writeln!(text, "  from s    to s  activations  aborts  transactions  consumes");
}

fn write_row(text: &mut String, interval: &Interval) {
    let IntervalCounts { activations, aborts, transactions, consumes } = interval.counts;
    let (from, to) = (interval.from.as_secs(), interval.to.as_secs());
    let _ = writeln!(
        text,
        "{from:8}{to:8}{activations:13}{aborts:8}{transactions:14}{consumes:10}  {}",
        interval.answer()
    );
}

fn to_json_line(interval: &Interval) -> String {
    let line = IntervalLine {
        from: interval.from.as_secs(),
        to: interval.to.as_secs(),
        counts: interval.counts,
        failed: !interval.misses.is_empty(),
        misses: &interval.misses,
    };
    // Numbers, booleans and our own names always are valid JSON.
    serde_json::to_string(&line).map(|line| line + "\n").unwrap_or_default()
}
