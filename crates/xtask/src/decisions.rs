//! docs/in-the-cluster.md: what Pacemaker makes of each answer of an agent, and what the agents rely on.
//!
//! The tables are made of the outcomes that are committed ([`golden`]), so the page is checked on every machine; that these are what
//! Pacemaker decides is checked by the suite `simulations` where Pacemaker's tools are. The sentences are those above its tests.

use std::fs;

use lab::simulation::{CODES, Occasion, Subject, golden, simulate};
use testkit::needs::{self, Need};
use testkit::{Generation, Programs};

use crate::behaviour::table;
use crate::faults::Case;
use crate::workspace::{self, Workspace};
use crate::{Error, faults, packages};

const PROMISES: &str = "tests/cluster/simulations/promises.rs";

const HEAD: &str = "\
<!-- Made by `cargo xtask gen` from tests/cluster/simulations: change those. -->

# What the cluster makes of an answer

What Pacemaker does when an agent answers with an exit code, at each occasion at which it can. For operators who ask why the healthy \
Platform was restarted when a node joined, and for authors of agents, who can read off which answers they must never give.

It was not thought out but decided: by Pacemaker's own scheduler (`crm_simulate`, 2.1.5 as on Debian 12), on the \
configuration of the README with fencing, and the suite `simulations` asks it again. The Platform is in a group with its storage and its \
address, on n1, and n2 may have it; the EC is alone, on n3, and n2 may have it. \"Banned\" means: it does not run there again until a \
cleanup, or until `failure-timeout`. The stop is that of a recovery: a monitor has answered 1. \
Without fencing, Pacemaker resets the `on-fail=fence` of the README to `stop`: all that is left to it is the same stop once more, and here \
that fails each time. What else is stopped or moved meanwhile stands in \
[`decisions.txt`](../tests/cluster/simulations/decisions.txt). What the agents themselves answer when is told in \
[behaviour.md](behaviour.md).

## What the agents rely on
";

const DIFFERENT: &str = "\
## What Pacemaker 3.0 makes otherwise

All else is the same with Debian 13's.

";

/// Asks Pacemaker's scheduler; what is to be committed.
pub(crate) fn ask(workspace: &Workspace) -> Result<String, Error> {
    let all: Vec<Need> = [needs::SANDBOX, needs::SIMULATIONS].concat();
    packages::provide(&all);
    let missing: Vec<String> = all.iter().filter(|need| !need.is_met()).map(Need::to_string).collect();
    if !missing.is_empty() {
        return Err(Error::Unmet { what: "a simulation".to_owned(), missing: missing.join(", ") });
    }
    let outcomes = simulate(&Programs::simulator()?.and_agents(&workspace.release())?)?;
    Ok(golden::text(&outcomes))
}

/// The whole page.
pub(crate) fn page() -> Result<String, Error> {
    let promises = faults::read_file("promises", &workspace::root().join(PROMISES))?;
    let promises = promises.cases.iter().map(|case| {
        let Case { name, proves, .. } = case;
        format!("- {} (`{name}`)", proves.trim_end_matches('.'))
    });
    let promises = promises.collect::<Vec<_>>().join("\n");
    let (told, told_by_3) = (told(Generation::Machine)?, told(Generation::Debian13)?);
    let tables = Subject::ALL.map(|subject| section(subject, &told));
    Ok(format!("{HEAD}\n{promises}\n\n{}\n{}", tables.join("\n"), differences(&told, &told_by_3)))
}

/// What is committed of a generation.
fn told(generation: Generation) -> Result<Vec<golden::Told>, Error> {
    let path = workspace::root().join(golden::file(generation));
    Ok(golden::told(&fs::read_to_string(&path).map_err(Error::file("read", &path))?))
}

/// What another Pacemaker makes otherwise.
fn differences(told: &[golden::Told], by_3: &[golden::Told]) -> String {
    let pairs = told.iter().filter_map(|one| {
        let other = by_3.iter().find(|other| (&other.heading, other.code) == (&one.heading, one.code))?;
        (other.words != one.words).then_some((one, other))
    });
    let rows = pairs.map(|(one, other)| {
        vec![one.heading.clone(), one.code.to_string(), one.words.clone(), other.words.clone()]
    });
    DIFFERENT.to_owned() + &table(&["when", "code", "Pacemaker 2.1", "Pacemaker 3.0"], rows)
}

/// What comes of one's answers: a row for each code, a column for each occasion.
fn section(subject: Subject, told: &[golden::Told]) -> String {
    let title = match subject {
        Subject::Platform => "The Platform, in its group",
        Subject::Ec => "An EC, alone",
    };
    let occasions = Occasion::ALL.map(|occasion| occasion.of(subject));
    let heads: Vec<&str> = std::iter::once("code").chain(occasions.iter().map(String::as_str)).collect();
    let rows = CODES.map(|code| {
        let cells = Occasion::ALL.map(|occasion| {
            let heading = golden::heading(subject, occasion);
            let found = told.iter().find(|told| told.heading == heading && told.code == code);
            found.map(|told| told.words.clone()).unwrap_or_default()
        });
        std::iter::once(code.to_string()).chain(cells).collect()
    });
    format!("## {title}\n\n{}", table(&heads, rows))
}
