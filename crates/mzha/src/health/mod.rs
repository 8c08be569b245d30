//! `mzha health`: how is one pico? The verdict of depth 10, for a person, or for a machine that is not Pacemaker.
//!
//! The exit code is 0 for well, 1 for not well, 2 for what can't be told. Three codes and not two: who replaces a machine for a 1
//! must not replace it because a registry could not be read.

mod emf;

use crate::cib::{Cib, PROVIDER};
use crate::resource::Resource;
use crate::verdict::Verdict;
use ocf::{visible, visible_json};
use pico::actions::{self, NOT_CHECKED, Request, not_checked};
use pico::verdict::Occasion;
use pico::{Budget, PicoName, PicoType, Settings};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What is asked.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Health {
    /// A resource of the cluster, by its name
    #[arg(conflicts_with = "pico", required_unless_present = "pico")]
    resource: Option<String>,
    /// A pico, by its name
    #[arg(long, value_name = "NAME")]
    pico: Option<PicoName>,
    /// Its installation
    #[arg(long, value_name = "DIR", requires = "pico", default_value = "/opt/mz", value_parser = absolute)]
    mz_home: PathBuf,
    /// Its type: platform, ec, sc or ui
    #[arg(long = "type", value_name = "TYPE", requires = "pico", value_parser = kind)]
    kind: Option<PicoType>,
    /// Seconds that the answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..=3600))]
    timeout: u64,
    /// One line of CloudWatch's embedded metric format
    #[arg(long)]
    aws: bool,
}

pub(crate) fn absolute(text: &str) -> Result<PathBuf, &'static str> {
    if Path::new(text).is_absolute() { Ok(text.into()) } else { Err("expected an absolute path") }
}

pub(crate) fn kind(text: &str) -> Result<PicoType, &'static str> {
    PicoType::ALL.into_iter().find(|kind| kind.agent() == text).ok_or("expected platform, ec, sc or ui")
}

/// Looks, and answers.
pub(crate) fn run(health: &Health) -> ExitCode {
    let begun = Instant::now();
    let (pico, verdict) = health.look(begun);
    let (code, state) = match &verdict {
        Verdict::Well(_) => (0, "well"),
        Verdict::NotWell(_) => (1, "not well"),
        Verdict::CantTell(_) => (2, "can't be told"),
    };
    let why = verdict.reason();
    let text = if health.aws {
        visible_json(&emf::line(&emf::Measured { pico: &pico, state, why, code, took: begun.elapsed() }))
    } else {
        let who = health.resource.as_deref().unwrap_or(&pico);
        visible(&match (why, &verdict) {
            (None, _) => format!("{who}: {state}"),
            (Some(why), Verdict::Well(_)) => format!("{who}: {state}, but {why}"),
            (Some(why), _) => format!("{who}: {state}: {why}"),
        })
    };
    // Nobody who reads it is no failure of the pico's.
    let _ = writeln!(io::stdout().lock(), "{text}");
    ExitCode::from(code)
}

impl Health {
    /// How it is; and how it is called.
    fn look(&self, begun: Instant) -> (String, Verdict) {
        let budget = Budget { begun, end: begun + Duration::from_secs(self.timeout) };
        let resource = match self.subject(budget) {
            Ok(resource) => resource,
            Err(why) => return (self.resource.clone().unwrap_or_default(), Verdict::CantTell(why)),
        };
        // A value that can't be read has its default, as in a monitor.
        let (settings, _) = resource.settings();
        let name = settings
            .target
            .as_ref()
            .map_or_else(|_| resource.name.clone().unwrap_or_default(), |t| t.name.to_string());
        if !rustix::process::geteuid().is_root() {
            return (
                name,
                Verdict::CantTell("must be run by root: others don't see all of /proc".to_owned()),
            );
        }
        let request = Request::once(Occasion::Recurring, 10);
        let verdict = Verdict::of(actions::monitor(&settings, request, budget));
        (name, with_not_checked(verdict, &settings))
    }

    fn subject(&self, budget: Budget) -> Result<Resource, String> {
        if let Some(name) = &self.resource {
            return of_cluster(name, budget);
        }
        let Some(pico) = &self.pico else { return Err("neither a resource nor a pico is named".to_owned()) };
        let kind = self.kind.unwrap_or_else(|| PicoType::by_name(pico));
        let home = self.mz_home.to_string_lossy().into_owned();
        let parameters = [("mz_home".to_owned(), home), ("pico_name".to_owned(), pico.to_string())].into();
        Ok(Resource { name: None, kind, parameters })
    }
}

/// Of one that is well, also which checks of it the cluster could not make.
fn with_not_checked(verdict: Verdict, settings: &Settings) -> Verdict {
    let Verdict::Well(warning) = verdict else { return verdict };
    // This one has counted itself.
    let is_told = warning.as_ref().is_some_and(|warning| warning.contains(NOT_CHECKED));
    let others = not_checked(settings).into_iter().filter(|one| one.depth > 10 || !is_told);
    let all: Vec<String> = warning.into_iter().chain(others.map(|one| one.to_string())).collect();
    Verdict::Well((!all.is_empty()).then(|| all.join("; ")))
}

/// The resource of this name: as it was started here, else as it is configured.
fn of_cluster(name: &str, budget: Budget) -> Result<Resource, String> {
    if let Some(resource) = Resource::recorded(name) {
        return Ok(resource);
    }
    let unknown = |why: String| {
        format!("{name} was not started on this node since its boot, and {why}; else use --pico")
    };
    let cib = Cib::query(budget.begun + budget.length() / 4).map_err(|e| unknown(e.to_string()))?;
    // Without its name: a record of what nobody has started would stand in for the configuration from then on.
    let configured = cib.resource(name).map(|of| Resource { name: None, ..of.resource.clone() });
    configured.ok_or_else(|| unknown(format!("the cluster has no resource of {PROVIDER} that is called so")))
}
