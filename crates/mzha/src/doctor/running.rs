//! Obstacles to the checks of a running pico.

use super::check_result::{Area, CheckResult};
use pico::Settings;
use pico::actions::{NOT_CHECKED, not_checked, not_listening};
use pico::product::PicoFacts;
use pico::verdict::PicoPresence;
use std::time::Instant;

/// `facts`: current facts of its registry; `None`: unknown.
pub(super) fn rows(
    settings: &Settings,
    facts: Option<&PicoFacts>,
    processes: &PicoPresence,
    until: Instant,
) -> Vec<CheckResult> {
    let mut rows: Vec<CheckResult> = not_checked(settings)
        .into_iter()
        .map(|one| {
            let check = format!("monitor depth {}", one.depth);
            let todo = "repair the cause: until then no monitor notices a hung JVM";
            CheckResult::warning(
                Area::Operations,
                check,
                format!("{NOT_CHECKED} {}", one.since),
                todo,
            )
        })
        .collect();
    if let (PicoPresence::One { id, .. }, Some(facts)) = (processes, facts)
        && let Some(endpoint) = not_listening(settings, &facts.ha, *id, until)
    {
        let seen =
            format!("{endpoint}: not listening ({id}): deep monitors fail or cannot check it");
        let todo = "restart the pico to make it effective: a JVM reads mz.ha.* when it starts";
        rows.push(CheckResult::warning(Area::HaMonitor, "mz.ha.port", seen, todo));
    }
    rows
}
