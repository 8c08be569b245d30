//! `mzsh topo get`: the second way to what the registry says, where the files don't answer.
//!
//! It is a JVM for each value, some seconds long. So it is asked at a start and by validate-all only, never by a monitor or a
//! probe; only of the HA Monitor Server, which is checked by what it answers; and only when the registry can't be read, or a
//! `mz.ha.*` property in it can't be told. A value that makes no sense is an answer: mzsh would give the same.

use super::inspection::{FileState, HomeState, Inspection};
use super::mzsh::{Mzsh, last_line};
use super::registry::{HaValues, PicoFacts, Problem, RegistryState};
use crate::record::HaFacts;
use crate::settings::{HaCheck, Settings, Target};
use host::End;
use host::command::Finished;
use std::time::Instant;

/// Asks mzsh for what the registry's files did not tell, and puts it into `inspection`; or, beside what was wrong with the
/// files, why mzsh did not tell it either.
pub(crate) fn ask_mzsh(settings: &Settings, target: &Target, inspection: &mut Inspection, until: Instant) {
    let can_run = inspection.home == HomeState::Filled && inspection.mzsh == FileState::Executable;
    if settings.ha_check == HaCheck::No || !can_run {
        return;
    }
    let mut topo = Topo { settings, target, container: None, until };
    let of_mzsh = inspection.script.container.clone();
    match &mut inspection.registry {
        RegistryState::Unreadable(why) => {
            topo.container = settings.container.clone().or(of_mzsh);
            match topo.ha() {
                Ok(ha) => {
                    let container = topo.container.unwrap_or_default();
                    let facts = PicoFacts::without_files(&target.home, &container, &target.name, ha, why);
                    inspection.registry = RegistryState::Defined(Box::new(facts));
                }
                Err(neither) => *why = format!("{why}; {neither}"),
            }
        }
        RegistryState::Defined(facts) if facts.problems.iter().any(is_wanted) => {
            topo.container = Some(facts.container.clone());
            match topo.ha() {
                Ok(ha) => {
                    facts.problems.retain(|problem| !is_wanted(problem));
                    facts.ha_is(ha);
                }
                Err(neither) => {
                    for problem in facts.problems.iter_mut().filter(|problem| is_wanted(problem)) {
                        problem.text = format!("{}; {neither}", problem.text);
                    }
                    facts.ha.unclear = facts.ha.unclear.as_ref().map(|why| format!("{why}; {neither}"));
                }
            }
        }
        _ => {}
    }
}

fn is_wanted(problem: &Problem) -> bool {
    problem.untold && problem.property.starts_with("mz.ha.")
}

/// mzsh, asked for the properties of one pico.
struct Topo<'a> {
    settings: &'a Settings,
    target: &'a Target,
    container: Option<String>,
    until: Instant,
}

impl Topo<'_> {
    /// The HA Monitor Server; where it listens is asked of one that is on.
    fn ha(&self) -> Result<HaFacts, String> {
        let mut values = HaValues::default();
        for name in HaValues::NAMES {
            let Some(text) = self.get(name)? else { continue };
            let nonsense = |expected| format!("mzsh topo get: {name} is {text:?}: {expected}");
            values.set(name, &text).map_err(nonsense)?;
            if values.enabled == Some(false) {
                break;
            }
        }
        Ok(values.facts())
    }

    /// A property; `None`: it is not set.
    fn get(&self, property: &str) -> Result<Option<String>, String> {
        let container = self.container.as_ref();
        let container = container.ok_or("mzsh topo get needs the name of the container: set container")?;
        let pico = &self.target.name;
        let path = format!("topo://container:{container}/pico:{pico}/val:config.properties.{property}");
        let until = self.until.min(Instant::now() + self.settings.mzsh_timeout);
        let mzsh = Mzsh::new(self.settings, self.target);
        let finished = mzsh.topo_get(&path, until).map_err(|e| format!("mzsh topo get: {e}"))?;
        value(&finished).map_err(|why| format!("mzsh topo get: {why}"))
    }
}

/// What mzsh said. What it says of a property that is not set is not documented; that it is an error with these words is the
/// best guess, and any other error is one.
fn value(finished: &Finished) -> Result<Option<String>, String> {
    if let Some(why) = &finished.refused {
        return Err(why.clone());
    }
    let words = String::from_utf8_lossy(&finished.output);
    let said = last_line(&words);
    match finished.end {
        End::Exited(0) => Ok(said.map(str::to_owned)),
        End::Exited(_) if said.is_some_and(|said| said.contains("not found")) => Ok(None),
        end => Err(format!("{end}: {}", said.unwrap_or("nothing"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_value_is_told_from_none_and_from_an_error() {
        let of = |end, output: &str| {
            value(&Finished {
                end,
                output: output.into(),
                refused: None,
                waited_for_storage: false,
                left: Vec::new(),
                took: Duration::from_secs(1),
            })
        };
        assert_eq!(of(End::Exited(0), "26001\n"), Ok(Some("26001".to_owned())));
        assert_eq!(of(End::Exited(0), "Some warning\n true \n\n"), Ok(Some("true".to_owned())));
        assert_eq!(of(End::Exited(0), "\n"), Ok(None));
        assert_eq!(of(End::Exited(1), "topo://...: not found\n"), Ok(None));
        assert!(of(End::Exited(1), "mzsh: no contact\n").is_err_and(|why| why.ends_with("mzsh: no contact")));
        assert!(of(End::TimedOut, "").is_err_and(|why| why.ends_with(": nothing")));
        assert!(of(End::Exited(127), "").is_err());
    }
}
