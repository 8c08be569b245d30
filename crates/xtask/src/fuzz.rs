//! `cargo xtask fuzz`: fuzzes every parser of external input.
//!
//! `tests/hostile` states the invariants. `fuzz/` has a target for each of its functions, seeds,
//! dictionaries and a corpus. The corpus is the smallest set of inputs that reaches all code ever
//! reached, as one archive for each target. A run starts with both and writes its findings below
//! `target/`, so it never changes the repository. `--keep` then makes the corpus again from
//! everything.
//!
//! There is no sanitizer: the code under test either forbids `unsafe` or calls the system, and a
//! run without one is twice as fast. Overflow and debug assertions are checked. Compares are not
//! traced, because the dictionaries have the words; that makes a run twice as fast again.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use devtools::TaskError;
use devtools::workspace::{self, Workspace};

/// Maximum input length in bytes.
const MAX_INPUT_BYTES: u32 = 1024;

/// Timeout of one input in seconds.
const INPUT_TIMEOUT_SECONDS: u32 = 10;

/// Memory limit of a target in MiB.
const MEMORY_LIMIT_MIB: u32 = 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct FuzzOptions {
    /// Fuzz target; default: all in turn
    target: Option<String>,
    /// Number of inputs for each target
    #[arg(long, default_value_t = 10_000_000)]
    runs: u64,
    /// Afterwards replace fuzz/corpus/ by a minimal corpus
    #[arg(long)]
    keep: bool,
}

/// Succeeds if no target found a violation.
pub(crate) fn run(options: &FuzzOptions) -> Result<ExitCode, TaskError> {
    let all = targets()?;
    let chosen: Vec<&String> =
        all.iter().filter(|t| options.target.as_ref().is_none_or(|o| o == *t)).collect();
    if chosen.is_empty() {
        let what = format!("no fuzz target {}", options.target.as_deref().unwrap_or_default());
        return Err(TaskError::Unreadable { what, said: format!("there are {}", all.join(", ")) });
    }
    check_tools()?;
    let here = Workspace::read()?.fuzz_dir();
    build(&here)?;
    let mut clean = true;
    for target in chosen {
        let scratch = ScratchDirectory::new()?;
        let fuzzing = FuzzRun { target, here: &here, scratch: &scratch.0 };
        clean &= fuzzing.run(options.runs)?;
        if options.keep {
            fuzzing.minimise_corpus()?;
        }
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fuzz_folder() -> PathBuf {
    workspace::root().join("fuzz")
}

fn targets() -> Result<Vec<String>, TaskError> {
    let path = fuzz_folder().join("fuzz_targets");
    let entries = fs::read_dir(&path).map_err(TaskError::file("list", &path))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// The nightly cargo: stable compilers lack the options for instrumentation.
fn nightly_cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("rustup");
    cargo
        .args(["run", "nightly", "cargo"])
        .args(arguments)
        .current_dir(workspace::root())
        .stdin(Stdio::null());
    cargo
}

fn check_tools() -> Result<(), TaskError> {
    for (arguments, what, get) in [
        (&["--version"][..], "a nightly toolchain", "rustup toolchain install nightly"),
        (&["fuzz", "--version"], "cargo-fuzz", "cargo install --locked cargo-fuzz"),
    ] {
        if !workspace::run_output(&mut nightly_cargo(arguments))
            .is_ok_and(|output| output.status.success())
        {
            return Err(TaskError::Unreadable {
                what: format!("{what}: not found"),
                said: get.to_owned(),
            });
        }
    }
    Ok(())
}

fn build(here: &Path) -> Result<(), TaskError> {
    let mut cargo = nightly_cargo(&[
        "fuzz",
        "build",
        "--sanitizer",
        "none",
        "--no-trace-compares",
        "--target-dir",
    ]);
    workspace::run_checked(cargo.arg(here.join("build"))).map(drop)
}

/// A target's directory in memory; a drop removes it.
struct ScratchDirectory(PathBuf);

impl ScratchDirectory {
    fn new() -> Result<Self, TaskError> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = parent.join(format!("mediationzone-fuzz.{}", std::process::id()));
        fs::create_dir(&path).map_err(TaskError::file("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct FuzzRun<'a> {
    target: &'a str,
    /// The directory that is kept between runs, with build, findings and logs.
    here: &'a Path,
    scratch: &'a Path,
}

impl FuzzRun<'_> {
    /// True if no input violated an invariant.
    fn run(&self, runs: u64) -> Result<bool, TaskError> {
        let found = self.directory("found")?;
        let artifacts = self.directory("artifacts")?;
        let log = self.here.join(format!("{}.log", self.target));
        let mut fuzzer = self.fuzzer(&found);
        fuzzer
            .args(self.kept_inputs()?)
            .arg(format!(
                "-dict={}",
                fuzz_folder().join("dictionaries").join(format!("{}.dict", self.target)).display()
            ))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(format!("-runs={runs}"))
            .arg("-print_final_stats=1")
            .stderr(File::create(&log).map_err(TaskError::file("create", &log))?);
        let begun = Instant::now();
        let clean = workspace::run_output(&mut fuzzer)?.status.success();
        let said = FuzzerStatistics::read_log(&log)?;
        println!(
            "{:.<20} {} executions, {:.0} s, coverage {}, {} inputs",
            format!("{} ", self.target),
            said.executions,
            begun.elapsed().as_secs_f64(),
            said.coverage,
            said.inputs
        );
        if !clean {
            println!("    invariant violated: {}; input in {}", log.display(), artifacts.display());
        }
        Ok(clean)
    }

    /// Makes the smallest corpus that reaches all reached code. It ignores how often a place is
    /// reached.
    fn minimise_corpus(&self) -> Result<(), TaskError> {
        let found = self.directory("found")?;
        let new = self.empty_directory("minimal")?;
        let mut fuzzer = self.fuzzer(&new);
        workspace::run_checked(
            fuzzer.args(self.kept_inputs()?).arg(found).args(["-merge=1", "-use_counters=0"]),
        )?;
        // The archive is reproducible: the same inputs give the same bytes.
        let mut tar = Command::new("tar");
        tar.args([
            "--sort=name",
            "--mtime=@0",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--mode=u=rwX,go=rX",
        ])
        .args(["--use-compress-program", "gzip --no-name --best", "--create"])
        .arg("--file")
        .arg(self.archive())
        .arg("--directory")
        .arg(&new)
        .arg(".");
        workspace::run_checked(&mut tar).map(drop)
    }

    /// The fuzzer, which adds new inputs to `corpus`.
    fn fuzzer(&self, corpus: &Path) -> Command {
        // cargo-fuzz always uses the target triple in the path.
        let built = self
            .here
            .join("build")
            .join(format!("{}-unknown-linux-gnu/release", std::env::consts::ARCH));
        let mut fuzzer = Command::new(built.join(self.target));
        fuzzer.arg(corpus).env("TMPDIR", self.scratch).stdin(Stdio::null());
        fuzzer
            .arg(format!("-max_len={MAX_INPUT_BYTES}"))
            .arg(format!("-timeout={INPUT_TIMEOUT_SECONDS}"))
            .arg(format!("-rss_limit_mb={MEMORY_LIMIT_MIB}"));
        fuzzer
    }

    fn kept_inputs(&self) -> Result<Vec<PathBuf>, TaskError> {
        let seeds = fuzz_folder().join("seeds").join(self.target);
        let mut folders: Vec<PathBuf> =
            Some(seeds).filter(|path| path.is_dir()).into_iter().collect();
        if self.archive().exists() {
            let corpus = self.empty_directory("corpus")?;
            let mut tar = Command::new("tar");
            tar.arg("--extract").arg("--file").arg(self.archive()).arg("--directory").arg(&corpus);
            workspace::run_checked(&mut tar)?;
            folders.push(corpus);
        }
        Ok(folders)
    }

    fn archive(&self) -> PathBuf {
        fuzz_folder().join("corpus").join(format!("{}.tar.gz", self.target))
    }

    fn empty_directory(&self, name: &str) -> Result<PathBuf, TaskError> {
        let path = self.directory(name)?;
        fs::remove_dir_all(&path)
            .and_then(|()| fs::create_dir(&path))
            .map_err(TaskError::file("empty", &path))?;
        Ok(path)
    }

    fn directory(&self, name: &str) -> Result<PathBuf, TaskError> {
        let path = self.here.join(name).join(self.target);
        fs::create_dir_all(&path).map_err(TaskError::file("create", &path))?;
        Ok(path)
    }
}

/// Statistics of libFuzzer.
#[derive(Debug, Default, PartialEq)]
struct FuzzerStatistics {
    executions: u64,
    coverage: u64,
    inputs: u64,
}

impl FuzzerStatistics {
    fn read_log(log: &Path) -> Result<Self, TaskError> {
        let file = File::open(log).map_err(TaskError::file("read", log))?;
        let lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
        Ok(Self::parse(lines.map(|line| String::from_utf8_lossy(&line).into_owned())))
    }

    /// Parses lines such as `#1024 pulse cov: 203 ft: 446 corp: 268/15503b lim: 4096` and, at the
    /// end, `stat::number_of_executed_units: 1024`.
    fn parse(lines: impl Iterator<Item = String>) -> Self {
        let mut said = Self::default();
        for line in lines {
            let after = |word: &str| {
                let rest = line.split_once(word)?.1.trim_start();
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                rest[..end].parse::<u64>().ok()
            };
            said.executions = after("stat::number_of_executed_units:").unwrap_or(said.executions);
            if line.starts_with('#') {
                said.coverage = after(" cov:").unwrap_or(said.coverage);
                said.inputs = after(" corp:").unwrap_or(said.inputs);
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_statistics_in_the_log_count() {
        let lines = [
            "#2\tINITED cov: 90 ft: 91 corp: 1/1b exec/s: 0 rss: 25Mb",
            "#2946812\tDONE   cov: 203 ft: 446 corp: 268/15503b lim: 4096 exec/s: 140324 rss: 28Mb",
            "\"cov: 1\" # Uses: 12",
            "stat::number_of_executed_units: 2946812",
        ];
        let said = FuzzerStatistics::parse(lines.iter().map(ToString::to_string));
        assert_eq!(said, FuzzerStatistics { executions: 2_946_812, coverage: 203, inputs: 268 });
    }
}
