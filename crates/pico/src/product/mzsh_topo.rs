//! `mzsh topo get`: the second way to what the registry says, where the files don't answer.
//!
//! It is a JVM for each value, some seconds long. So it is asked at a start and by validate-all only, never by a monitor or a
//! probe; only of the HA Monitor Server, which is checked by what it answers; and only when the registry can't be read, or for
//! those `mz.ha.*` properties in it that the files leave unresolved. What the files say stands: whether mzsh would say of a pico what its
//! template sets is not documented. A value that makes no sense is an answer: mzsh would give the same.

use super::command_output::{last_text_line, product_words};
use super::inspection::{FileState, HomeState, Inspection};
use super::mzsh::Mzsh;
use super::registry::{HaPropertyValues, PicoFacts, PropertyProblem, RegistryState};
use crate::record::HaFacts;
use crate::settings::{HaCheck, PicoInstance, Settings};
use host::ExitStatus;
use host::command::FinishedCommand;
use std::time::Instant;

/// Asks mzsh for what the registry's files did not tell, and puts it into `inspection`; or, beside what was wrong with the
/// files, why mzsh did not tell it either.
pub(crate) fn fill_from_mzsh_topo(
    settings: &Settings,
    target: &PicoInstance,
    inspection: &mut Inspection,
    until: Instant,
) {
    let can_run = inspection.home == HomeState::Filled && inspection.mzsh == FileState::Executable;
    if settings.ha_check == HaCheck::No || !can_run {
        return;
    }
    let mut topo = TopoQuery { settings, target, container: None, until };
    let of_mzsh = inspection.script.container.clone();
    match &mut inspection.registry {
        RegistryState::Unreadable(why) => {
            topo.container = settings.container.as_deref().map(str::to_owned).or(of_mzsh);
            match query_ha_facts(HaPropertyValues::default(), &|_| true, &|name| topo.get(name)) {
                Ok(ha) => {
                    let container = topo.container.unwrap_or_default();
                    let facts =
                        PicoFacts::from_mzsh_topo(&target.home, &container, &target.name, ha, why);
                    inspection.registry = RegistryState::Defined(Box::new(facts));
                }
                Err(neither) => *why = format!("{why}; {neither}"),
            }
        }
        RegistryState::Defined(facts) if needs_topo(facts) => {
            topo.container = Some(facts.container.clone());
            let unresolved = |name: &str| {
                facts.problems.iter().any(|p| is_unresolved_ha_property(p) && p.property == name)
            };
            match query_ha_facts(facts.ha_values.clone(), &unresolved, &|name| topo.get(name)) {
                Ok(mut ha) => {
                    facts.problems.retain(|problem| !is_unresolved_ha_property(problem));
                    // Of one that mzsh told, another may make no sense.
                    let nonsense =
                        facts.problems.iter().find(|problem| problem.property == "mz.ha.port");
                    ha.unclear = nonsense.filter(|_| ha.enabled).map(ToString::to_string);
                    facts.set_ha(ha);
                }
                Err(neither) => {
                    for problem in facts
                        .problems
                        .iter_mut()
                        .filter(|problem| is_unresolved_ha_property(problem))
                    {
                        problem.text = format!("{}; {neither}", problem.text);
                    }
                    facts.ha.unclear =
                        facts.ha.unclear.as_ref().map(|why| format!("{why}; {neither}"));
                }
            }
        }
        _ => {}
    }
}

/// Where one that is off would be is not worth a JVM.
fn needs_topo(facts: &PicoFacts) -> bool {
    let of_interest =
        |problem: &PropertyProblem| facts.ha.enabled || problem.property == "mz.ha.enabled";
    facts.problems.iter().any(|problem| is_unresolved_ha_property(problem) && of_interest(problem))
}

fn is_unresolved_ha_property(problem: &PropertyProblem) -> bool {
    problem.unresolved && problem.property.starts_with("mz.ha.")
}

/// mzsh, asked for the properties of one pico.
struct TopoQuery<'a> {
    settings: &'a Settings,
    target: &'a PicoInstance,
    container: Option<String>,
    until: Instant,
}

impl TopoQuery<'_> {
    /// A property; `None`: it is not set.
    fn get(&self, property: &str) -> Result<Option<String>, String> {
        let container = self.container.as_ref();
        let container =
            container.ok_or("mzsh topo get needs the name of the container: set container")?;
        let pico = &self.target.name;
        let path =
            format!("topo://container:{container}/pico:{pico}/val:config.properties.{property}");
        let until = self.until.min(Instant::now() + self.settings.mzsh_timeout);
        let mzsh = Mzsh::new(self.settings, self.target);
        let finished = mzsh.topo_get(&path, until).map_err(|e| format!("mzsh topo get: {e}"))?;
        parse_value(&finished).map_err(|why| format!("mzsh topo get: {why}"))
    }
}

/// The HA Monitor Server: `told`, and what `get` says of those that are not; where it listens is asked of one that is on.
fn query_ha_facts(
    told: HaPropertyValues,
    is_unresolved: &dyn Fn(&str) -> bool,
    get: &dyn Fn(&str) -> Result<Option<String>, String>,
) -> Result<HaFacts, String> {
    let mut values = told;
    for name in HaPropertyValues::NAMES.into_iter().filter(|name| is_unresolved(name)) {
        if name != "mz.ha.enabled" && values.enabled != Some(true) {
            break;
        }
        let Some(text) = get(name)? else { continue };
        let nonsense = |expected| format!("mzsh topo get: {name} is {text:?}: {expected}");
        values.set(name, &text).map_err(nonsense)?;
    }
    Ok(values.into_facts())
}

/// What mzsh said. What it says of a property that is not set is not documented; that it is an error with these words is the
/// best guess, and any other error is one.
fn parse_value(finished: &FinishedCommand) -> Result<Option<String>, String> {
    if let Some(why) = &finished.launch_error {
        return Err(why.to_string());
    }
    if finished.exit_status == ExitStatus::Exited(0) {
        return Ok(last_text_line(&String::from_utf8_lossy(&finished.stdout)).map(str::to_owned));
    }
    let words = product_words(finished);
    let said = last_text_line(&words);
    match finished.exit_status {
        ExitStatus::Exited(_)
            if said.is_some_and(|said| said.to_lowercase().contains("not found")) =>
        {
            Ok(None)
        }
        end => Err(format!("{end}: {}", said.unwrap_or("nothing"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn topo_queries_only_unresolved_properties_of_an_enabled_server() {
        let asked = |told: &[(&str, &str)], unresolved: &[&str], mzsh: &[(&str, &str)]| {
            let mut values = HaPropertyValues::default();
            for (name, text) in told {
                values.set(name, text).unwrap();
            }
            let questions = std::cell::RefCell::new(Vec::new());
            let get = |name: &str| {
                questions.borrow_mut().push(name.to_owned());
                Ok(mzsh
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, text)| (*text).to_owned()))
            };
            let ha = query_ha_facts(values, &|name| unresolved.contains(&name), &get).unwrap();
            (ha.enabled, ha.endpoint.map(|e| e.to_string()), questions.take())
        };
        let told = [("mz.ha.enabled", "true"), ("mz.ha.host", "10.0.0.5")];
        let (enabled, endpoint, questions) =
            asked(&told, &["mz.ha.port"], &[("mz.ha.port", "26001")]);
        assert!(enabled, "mzsh was not asked for what the files tell");
        assert_eq!(
            (endpoint.as_deref(), questions),
            (Some("10.0.0.5:26001"), vec!["mz.ha.port".to_owned()])
        );
        let (enabled, _, questions) = asked(&[], &HaPropertyValues::NAMES, &[]);
        assert_eq!((enabled, questions), (false, vec!["mz.ha.enabled".to_owned()]));
        let (enabled, _, questions) =
            asked(&[], &HaPropertyValues::NAMES, &[("mz.ha.enabled", "true")]);
        assert_eq!((enabled, questions.len()), (true, 4));
    }

    #[test]
    fn topo_output_is_a_value_none_or_an_error() {
        let of = |end, output: &str| {
            parse_value(&FinishedCommand::new(end, output, Duration::from_secs(1)))
        };
        assert_eq!(of(ExitStatus::Exited(0), "26001\n"), Ok(Some("26001".to_owned())));
        assert_eq!(
            of(ExitStatus::Exited(0), "Some warning\n true \n\n"),
            Ok(Some("true".to_owned()))
        );
        assert_eq!(of(ExitStatus::Exited(0), "\n"), Ok(None));
        for stdout in ["26001\n", ""] {
            let finished =
                FinishedCommand::new(ExitStatus::Exited(0), stdout, Duration::from_secs(1));
            let stderr =
                "Picked up JAVA_TOOL_OPTIONS: -Xmx64m\nno contact with the Platform\n".into();
            let value = (!stdout.is_empty()).then(|| "26001".to_owned());
            assert_eq!(parse_value(&FinishedCommand { stderr, ..finished }), Ok(value));
        }
        assert_eq!(of(ExitStatus::Exited(1), "topo://...: not found\n"), Ok(None));
        assert!(
            of(ExitStatus::Exited(1), "mzsh: no contact\n")
                .is_err_and(|why| why.ends_with("mzsh: no contact"))
        );
        assert!(of(ExitStatus::TimedOut, "").is_err_and(|why| why.ends_with(": nothing")));
        assert!(of(ExitStatus::Exited(127), "").is_err());
    }
}
