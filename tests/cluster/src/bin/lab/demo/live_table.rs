//! The live table of nodes and picos. A terminal redraws it in place; another output gets a line
//! for each change.

use std::io::{IsTerminal, Write, stdout};
use std::time::Instant;

use lab::cluster_fixture::ClusterFixture;
use lab::invariants::PicoLifetime;
use lab::process_watcher;
use lab::status::ClusterStatus;

/// Moves this many lines up and clears the rest of the screen.
fn cursor_up(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}A\x1b[J") }
}

/// Makes the terminal truncate a long line instead of wrapping it, so the number of lines is known.
const LINE_WRAP_OFF: &str = "\x1b[?7l";
const LINE_WRAP_ON: &str = "\x1b[?7h";

/// The state of one node or pico, and its start if that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LiveTableRow {
    text: String,
    since: Option<u64>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct LiveTable {
    begun: Instant,
    terminal: bool,
    /// Lines of the table above the cursor.
    drawn: usize,
    last: Vec<LiveTableRow>,
}

impl LiveTable {
    pub(super) fn new(begun: Instant) -> Self {
        Self { begun, terminal: stdout().is_terminal(), drawn: 0, last: Vec::new() }
    }

    /// Polls the cluster and draws the table.
    pub(super) fn draw(&mut self, fixture: &ClusterFixture, lives: &[PicoLifetime]) {
        let (nodes, picos) = (node_rows(fixture), pico_rows(fixture, lives));
        let text = if self.terminal {
            let mut table = vec![header("node  power  cluster", "resources")];
            table.extend(nodes.iter().map(format_row));
            table.push(header("pico      node  pid", "state"));
            table.extend(picos.iter().map(format_row));
            let text = format!(
                "{}{LINE_WRAP_OFF}{}\n{LINE_WRAP_ON}",
                cursor_up(self.drawn),
                table.join("\n")
            );
            self.drawn = table.len();
            text
        } else {
            let rows = nodes.iter().chain(&picos);
            let changed = rows.filter(|row| !self.last.iter().any(|last| last.text == row.text));
            let seconds = self.begun.elapsed().as_secs_f64();
            changed
                .map(|row| format!("  {seconds:5.1} s  {}\n", row.text.trim_end()))
                .collect::<Vec<_>>()
                .concat()
        };
        self.last = nodes.into_iter().chain(picos).collect();
        // A closed output does not end the demo.
        let _ = write!(stdout(), "{text}").and_then(|()| stdout().flush());
    }

    /// Leaves the table as it is. The next one starts below later output.
    pub(super) fn freeze(&mut self) {
        self.drawn = 0;
    }
}

fn header(names: &str, last: &str) -> String {
    format!("  {names:<26}{last}")
}

fn format_row(row: &LiveTableRow) -> String {
    let since = row.since.map(|since| process_watcher::now_ms().saturating_sub(since) / 1000);
    format!(
        "  {}{}",
        row.text,
        since.map(|seconds| format!(" for {seconds} s")).unwrap_or_default()
    )
}

/// The power comes from the switch, the rest from the cluster's status.
fn node_rows(fixture: &ClusterFixture) -> Vec<LiveTableRow> {
    // Without quorum no node answers the query.
    let status = fixture.lab.status().unwrap_or_default();
    let row = |node: lab::LabNode<'_>| {
        let name = node.name();
        let power = if node.is_on() { "on" } else { "off" };
        let text = format!(
            "{name:<6}{power:<7}{:<13}{}",
            describe_member(&status, name),
            resources(&status, name)
        );
        LiveTableRow { text, since: None }
    };
    fixture.lab.nodes().map(row).collect()
}

fn describe_member(status: &ClusterStatus, name: &str) -> String {
    let Some(member) = status.member(name) else { return "?".to_owned() };
    let word = if member.unclean {
        "UNCLEAN"
    } else if member.online {
        "online"
    } else {
        "offline"
    };
    if status.dc.as_deref() == Some(name) { format!("{word}, DC") } else { word.to_owned() }
}

/// Marks failed resources.
fn resources(status: &ClusterStatus, node: &str) -> String {
    let here = status.resources.iter().filter(|resource| resource.on.iter().any(|on| on == node));
    let names =
        here.map(|resource| format!("{}{}", resource.name, if resource.failed { "!" } else { "" }));
    names.collect::<Vec<_>>().join(" ")
}

/// Each pico where the watcher sees it; otherwise its last dead process.
fn pico_rows(fixture: &ClusterFixture, lives: &[PicoLifetime]) -> Vec<LiveTableRow> {
    let row = |(pico, _): &(&str, &str)| {
        let mut own: Vec<&PicoLifetime> = lives.iter().filter(|life| life.pico == *pico).collect();
        // The live process, at most one, comes last.
        own.sort_by_key(|life| (life.ended.is_none(), life.began));
        let Some(life) = own.last() else {
            return LiveTableRow { text: format!("{pico:<10}{:<6}{:<10}", "-", "-"), since: None };
        };
        let (state, since) = match (life.ended, life.ready) {
            (Some(ended), _) => ("dead", ended),
            (None, Some(ready)) => ("ready", ready),
            (None, None) => ("starting", life.began),
        };
        let text = format!("{pico:<10}{:<6}{:<10}{state}", life.node, life.process.0);
        LiveTableRow { text, since: Some(since) }
    };
    fixture.home_nodes().iter().map(row).collect()
}
