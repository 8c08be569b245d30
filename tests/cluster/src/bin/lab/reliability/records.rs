//! The records: JSON with a line for each scenario or fault, so that a diff shows the changed ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use devtools::{TaskError, workspace};
use lab::death_latency;
use lab::report::ScenarioReport;
use lab::soak::SoakSummary;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use testkit::Generation;

use super::KEPT_PASSES;

/// Path in the repository.
const RECORDS_FOLDER: &str = "docs/evidence/reliability";

/// The file name of a pass before its date.
const PASS_PREFIX: &str = "pass-";

/// One run of all scenarios, all of which passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordedPass {
    /// End of the pass, in UTC.
    pub(super) date: String,
    pub(super) seconds: u64,
    /// Packages and the kernel, with their versions.
    pub(super) versions: BTreeMap<String, String>,
    /// Every test, including those without a report.
    pub(super) passed: Vec<String>,
    pub(super) scenarios: Vec<ScenarioReport>,
}

impl RecordedPass {
    /// The versions are recorded once for all scenarios.
    pub(super) fn new(
        seconds: u64,
        mut passed: Vec<String>,
        mut scenarios: Vec<ScenarioReport>,
    ) -> Self {
        let versions = scenarios.iter().flat_map(|report| report.versions.clone()).collect();
        for report in &mut scenarios {
            report.versions.clear();
        }
        scenarios.sort_by(|a, b| a.test.cmp(&b.test));
        passed.sort();
        let date = scenarios.iter().map(|report| report.date.clone()).max().unwrap_or_default();
        Self { date, seconds, versions, passed, scenarios }
    }

    /// Writes the record, removes outdated ones, and returns its name.
    pub(super) fn save(&self) -> Result<String, TaskError> {
        let name = format!("{PASS_PREFIX}{}.json", self.date.replace(' ', "-").replace(':', ""));
        write_record(
            &name,
            &format_record(self, &[("scenarios", format_rows(&self.scenarios)?)])?,
        )?;
        let mut all = pass_files()?;
        all.truncate(all.len().saturating_sub(KEPT_PASSES));
        for old in all {
            fs::remove_file(&old).map_err(TaskError::file("remove", &old))?;
        }
        Ok(format!("{RECORDS_FOLDER}/{name}"))
    }
}

/// All passes, the oldest first.
pub(super) fn passes() -> Result<Vec<RecordedPass>, TaskError> {
    pass_files()?.iter().map(|path| read(path)).collect()
}

const SOAK_FILE: &str = "soak.json";

/// Writes the record and returns its name.
pub(super) fn save_soak(summary: &SoakSummary) -> Result<String, TaskError> {
    write_record(SOAK_FILE, &format_record(summary, &[("steps", format_rows(&summary.steps)?)])?)?;
    Ok(format!("{RECORDS_FOLDER}/{SOAK_FILE}"))
}

pub(super) fn soak() -> Result<Option<SoakSummary>, TaskError> {
    let path = records_folder().join(SOAK_FILE);
    if path.exists() { read(&path).map(Some) } else { Ok(None) }
}

/// The file name of the deaths before their generation.
const DEATHS_PREFIX: &str = "deaths-";

/// Writes the record and returns its name.
pub(super) fn save_deaths(
    generation: Generation,
    summary: &death_latency::DeathSummary,
) -> Result<String, TaskError> {
    let name = format!("{DEATHS_PREFIX}{}.json", generation.name());
    let long = [("samples", format_rows(&summary.samples)?), ("held", format_rows(&summary.held)?)];
    write_record(&name, &format_record(summary, &long)?)?;
    Ok(format!("{RECORDS_FOLDER}/{name}"))
}

/// A generation and its deaths, if any.
pub(super) type RecordedDeaths = (Generation, Option<death_latency::DeathSummary>);

/// The deaths of each generation.
pub(super) fn deaths() -> Result<Vec<RecordedDeaths>, TaskError> {
    let of = |generation: Generation| {
        let path = records_folder().join(format!("{DEATHS_PREFIX}{}.json", generation.name()));
        Ok((generation, if path.exists() { Some(read(&path)?) } else { None }))
    };
    Generation::ALL.into_iter().map(of).collect()
}

fn records_folder() -> PathBuf {
    workspace::root().join(RECORDS_FOLDER)
}

/// The date is in the name, so this order is chronological.
fn pass_files() -> Result<Vec<PathBuf>, TaskError> {
    let folder = records_folder();
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&folder).map_err(TaskError::file("read", &folder))?.flatten();
    let mut all: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PASS_PREFIX))
        .map(|entry| entry.path())
        .collect();
    all.sort();
    Ok(all)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, TaskError> {
    let text = fs::read(path).map_err(TaskError::file("read", path))?;
    serde_json::from_slice(&text).map_err(TaskError::unreadable(&path.display().to_string()))
}

fn write_record(name: &str, text: &str) -> Result<(), TaskError> {
    let folder = records_folder();
    fs::create_dir_all(&folder).map_err(TaskError::file("make", &folder))?;
    let path = folder.join(name);
    fs::write(&path, text).map_err(TaskError::file("write", &path))
}

/// Formats JSON with a line for each field, and for each entry of the long fields, which come last.
fn format_record<T: Serialize>(all: &T, long: &[(&str, Vec<String>)]) -> Result<String, TaskError> {
    let value = serde_json::to_value(all).map_err(TaskError::unreadable("a record"))?;
    let is_short = |name: &str| long.iter().all(|(long, _)| *long != name);
    let short = value.as_object().into_iter().flatten().filter(|(name, _)| is_short(name));
    let short = short.map(|(name, value)| format!("  \"{name}\": {value}"));
    let long = long
        .iter()
        .map(|(name, rows)| format!("  \"{name}\": [\n    {}\n  ]", rows.join(",\n    ")));
    Ok(format!("{{\n{}\n}}\n", short.chain(long).collect::<Vec<_>>().join(",\n")))
}

fn format_rows<R: Serialize>(rows: &[R]) -> Result<Vec<String>, TaskError> {
    rows.iter()
        .map(|row| serde_json::to_string(row).map_err(TaskError::unreadable("a record")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_round_trips_with_one_line_per_scenario() {
        let report = |test: &str| ScenarioReport {
            test: test.to_owned(),
            date: "2026-11-22 13:00:00".to_owned(),
            seconds: 1.5,
            nodes: 3,
            versions: BTreeMap::from([("pacemaker".to_owned(), "2.1.5".to_owned())]),
            fenced: 1,
            faults: Vec::new(),
        };
        let names = || vec!["b::y".to_owned(), "a::x".to_owned()];
        let pass = RecordedPass::new(60, names(), vec![report("b::y"), report("a::x")]);
        assert_eq!(pass.versions.get("pacemaker").map(String::as_str), Some("2.1.5"));
        let text =
            format_record(&pass, &[("scenarios", format_rows(&pass.scenarios).unwrap())]).unwrap();
        assert_eq!(serde_json::from_str::<RecordedPass>(&text).unwrap(), pass);
        assert_eq!(text.lines().filter(|line| line.contains("\"test\":")).count(), 2, "{text}");
        assert_eq!(pass.scenarios[0].test, "a::x");
    }
}
