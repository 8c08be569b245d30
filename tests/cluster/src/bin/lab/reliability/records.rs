//! The records: JSON with a line for each scenario or fault, so that a diff shows what is different.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use devtools::{Error, workspace};
use lab::deaths;
use lab::report::Report;
use lab::soak::Summary;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use testkit::Generation;

use super::PASSES;

/// In the repository.
const FOLDER: &str = "docs/reliability";

/// What a pass is called, but for its date.
const PASS: &str = "pass-";

/// One run of all scenarios, all of which passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pass {
    /// When it ended, in UTC.
    pub(super) date: String,
    pub(super) seconds: u64,
    /// Package and version, the kernel's too.
    pub(super) versions: BTreeMap<String, String>,
    /// Every test, also those that leave no report.
    pub(super) passed: Vec<String>,
    pub(super) scenarios: Vec<Report>,
}

impl Pass {
    /// The versions are told once for all.
    pub(super) fn of(seconds: u64, mut passed: Vec<String>, mut scenarios: Vec<Report>) -> Self {
        let versions = scenarios.iter().flat_map(|report| report.versions.clone()).collect();
        for report in &mut scenarios {
            report.versions.clear();
        }
        scenarios.sort_by(|a, b| a.test.cmp(&b.test));
        passed.sort();
        let date = scenarios.iter().map(|report| report.date.clone()).max().unwrap_or_default();
        Self { date, seconds, versions, passed, scenarios }
    }

    /// Writes it, and removes those that are too old; its name.
    pub(super) fn keep(&self) -> Result<String, Error> {
        let name = format!("{PASS}{}.json", self.date.replace(' ', "-").replace(':', ""));
        keep(&name, &text(self, &[("scenarios", rows(&self.scenarios)?)])?)?;
        let mut all = passes_there()?;
        all.truncate(all.len().saturating_sub(PASSES));
        for old in all {
            fs::remove_file(&old).map_err(Error::file("remove", &old))?;
        }
        Ok(format!("{FOLDER}/{name}"))
    }
}

/// All passes, the oldest first.
pub(super) fn passes() -> Result<Vec<Pass>, Error> {
    passes_there()?.iter().map(|path| read(path)).collect()
}

const SOAK: &str = "soak.json";

/// Writes it; its name.
pub(super) fn keep_soak(summary: &Summary) -> Result<String, Error> {
    keep(SOAK, &text(summary, &[("steps", rows(&summary.steps)?)])?)?;
    Ok(format!("{FOLDER}/{SOAK}"))
}

/// The soak, if one was recorded.
pub(super) fn soak() -> Result<Option<Summary>, Error> {
    let path = folder().join(SOAK);
    if path.exists() { read(&path).map(Some) } else { Ok(None) }
}

/// What the measurements of deaths are called, but for their generation.
const DEATHS: &str = "deaths-";

/// Writes it; its name.
pub(super) fn keep_deaths(generation: Generation, summary: &deaths::Summary) -> Result<String, Error> {
    let name = format!("{DEATHS}{}.json", generation.name());
    let long = [("samples", rows(&summary.samples)?), ("held", rows(&summary.held)?)];
    keep(&name, &text(summary, &long)?)?;
    Ok(format!("{FOLDER}/{name}"))
}

/// A generation, and what was measured with it, if it was.
pub(super) type Deaths = (Generation, Option<deaths::Summary>);

/// Of each generation.
pub(super) fn deaths() -> Result<Vec<Deaths>, Error> {
    let of = |generation: Generation| {
        let path = folder().join(format!("{DEATHS}{}.json", generation.name()));
        Ok((generation, if path.exists() { Some(read(&path)?) } else { None }))
    };
    Generation::ALL.into_iter().map(of).collect()
}

fn folder() -> PathBuf {
    workspace::root().join(FOLDER)
}

/// In the order of their dates, which are their names.
fn passes_there() -> Result<Vec<PathBuf>, Error> {
    let folder = folder();
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&folder).map_err(Error::file("read", &folder))?.flatten();
    let mut all: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PASS))
        .map(|entry| entry.path())
        .collect();
    all.sort();
    Ok(all)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = fs::read(path).map_err(Error::file("read", path))?;
    serde_json::from_slice(&text).map_err(Error::unreadable(&path.display().to_string()))
}

fn keep(name: &str, text: &str) -> Result<(), Error> {
    let folder = folder();
    fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
    let path = folder.join(name);
    fs::write(&path, text).map_err(Error::file("write", &path))
}

/// As JSON, a line for each field, and for each row of the long ones, which are the last.
fn text<T: Serialize>(all: &T, long: &[(&str, Vec<String>)]) -> Result<String, Error> {
    let value = serde_json::to_value(all).map_err(Error::unreadable("a record"))?;
    let is_short = |name: &str| long.iter().all(|(long, _)| *long != name);
    let short = value.as_object().into_iter().flatten().filter(|(name, _)| is_short(name));
    let short = short.map(|(name, value)| format!("  \"{name}\": {value}"));
    let long = long.iter().map(|(name, rows)| format!("  \"{name}\": [\n    {}\n  ]", rows.join(",\n    ")));
    Ok(format!("{{\n{}\n}}\n", short.chain(long).collect::<Vec<_>>().join(",\n")))
}

fn rows<R: Serialize>(rows: &[R]) -> Result<Vec<String>, Error> {
    rows.iter().map(|row| serde_json::to_string(row).map_err(Error::unreadable("a record"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_with_a_line_for_each_scenario() {
        let report = |test: &str| Report {
            test: test.to_owned(),
            date: "2026-11-22 13:00:00".to_owned(),
            seconds: 1.5,
            nodes: 3,
            versions: BTreeMap::from([("pacemaker".to_owned(), "2.1.5".to_owned())]),
            fenced: 1,
            faults: Vec::new(),
        };
        let names = || vec!["b::y".to_owned(), "a::x".to_owned()];
        let pass = Pass::of(60, names(), vec![report("b::y"), report("a::x")]);
        assert_eq!(pass.versions.get("pacemaker").map(String::as_str), Some("2.1.5"));
        let text = text(&pass, &[("scenarios", rows(&pass.scenarios).unwrap())]).unwrap();
        assert_eq!(serde_json::from_str::<Pass>(&text).unwrap(), pass);
        assert_eq!(text.lines().filter(|line| line.contains("\"test\":")).count(), 2, "{text}");
        assert_eq!(pass.scenarios[0].test, "a::x");
    }
}
