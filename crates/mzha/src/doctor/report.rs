//! The table, and the same as one JSON document.

use super::check_result::{CheckResult, Level};
use ocf::{escape_unprintable, escape_unprintable_json};
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug)]
pub(super) struct TableStyle {
    /// Terminal columns.
    pub(super) width: usize,
    pub(super) colours: bool,
}

/// Rows in the order of their areas.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    node: String,
    version: &'static str,
    exit_code: u8,
    rows: Vec<CheckResult>,
}

impl Report {
    pub(super) fn new(node: String, mut rows: Vec<CheckResult>) -> Self {
        // Stable: rows of one area keep their order.
        rows.sort_by_key(|row| row.area);
        rows.dedup();
        let exit_code = match rows.iter().map(|row| row.level).max() {
            Some(Level::Error) => 2,
            Some(Level::Warning) => 1,
            _ => 0,
        };
        Self { node, version: agents::VERSION, exit_code, rows }
    }

    /// 0: OK; 1: warnings; 2: errors.
    pub(super) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    pub(super) fn to_json(&self) -> String {
        escape_unprintable_json(&serde_json::to_string_pretty(self).unwrap_or_default()) + "\n"
    }

    pub(super) fn to_table(&self, style: TableStyle) -> String {
        let mut text = String::new();
        let rows: Vec<CheckResult> = self.rows.iter().map(escape_for_terminal).collect();
        let columns = Columns {
            resource: max_width(rows.iter().filter_map(|row| row.resource.as_deref())).min(24),
            check: max_width(rows.iter().map(|row| row.check.as_str())).min(24),
            style,
        };
        let mut area = None;
        for row in &rows {
            if area.replace(row.area) != Some(row.area) {
                // Writing to a String does not fail.
                let _ = writeln!(text, "{}{}", if text.is_empty() { "" } else { "\n" }, row.area);
            }
            columns.write(&mut text, row);
        }
        let _ = writeln!(text, "\n{}: {}", escape_unprintable(&self.node), self.summary());
        text
    }

    fn summary(&self) -> String {
        let number = |level| self.rows.iter().filter(|row| row.level == level).count();
        let many = |number: usize, what: &str| {
            format!("{number} {what}{}", if number == 1 { "" } else { "s" })
        };
        format!(
            "{}, {}",
            many(number(Level::Error), "error"),
            many(number(Level::Warning), "warning")
        )
    }
}

/// With control characters escaped for a terminal.
fn escape_for_terminal(row: &CheckResult) -> CheckResult {
    CheckResult {
        resource: row.resource.as_deref().map(escape_unprintable),
        check: escape_unprintable(&row.check),
        seen: escape_unprintable(&row.seen),
        todo: row.todo.as_deref().map(escape_unprintable),
        ..*row
    }
}

fn max_width<'a>(words: impl Iterator<Item = &'a str>) -> usize {
    words.map(|word| word.chars().count()).max().unwrap_or(0)
}

struct Columns {
    resource: usize,
    check: usize,
    style: TableStyle,
}

impl Columns {
    fn write(&self, text: &mut String, row: &CheckResult) {
        let level = self.coloured(row.level);
        let resource = row.resource.as_deref().unwrap_or_default();
        let gap = if self.resource == 0 { 0 } else { self.resource + 2 };
        let _ = write!(text, "  {level}  {resource:gap$}");
        let indent = 2 + 7 + 2 + gap + self.check + 2;
        if row.check.chars().count() > self.check {
            // Too long for its column.
            let _ = write!(text, "{}\n{:indent$}", row.check, "");
        } else {
            let _ = write!(text, "{:width$}  ", row.check, width = self.check);
        }
        let width = self.style.width.saturating_sub(indent).max(20);
        let mut lines = wrap(&row.seen, width);
        lines.extend(row.todo.iter().flat_map(|todo| wrap(&format!("-> {todo}"), width)));
        let _ = writeln!(text, "{}", lines.join(&format!("\n{:indent$}", "")));
    }

    fn coloured(&self, level: Level) -> String {
        let word = format!("{:7}", level.to_string());
        let colour = match level {
            Level::Ok => "32",
            Level::Warning => "33",
            Level::Error => "1;31",
        };
        if self.style.colours { format!("\x1b[{colour}m{word}\x1b[0m") } else { word }
    }
}

/// Wraps at blanks; a longer word has its own line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check_result::Area;

    fn rows() -> Vec<CheckResult> {
        vec![
            CheckResult::warning(
                Area::Fencing,
                "stonith-enabled",
                "off, and that is bad",
                "switch it on",
            )
            .for_resource("mz"),
            CheckResult::ok(Area::Cluster, "configuration", "2 resources"),
            CheckResult::error(
                Area::Fencing,
                "a-name-that-is-longer-than-its-column",
                "seen",
                "do",
            ),
        ]
    }

    #[test]
    fn table_is_ordered_by_area_and_wrapped_to_terminal_width() {
        let report = Report::new("n1".to_owned(), rows());
        let table = report.to_table(TableStyle { width: 60, colours: false });
        assert_eq!(
            table,
            "cluster\n  OK           configuration             2 resources\n\n\
             fencing\n  warning  mz  stonith-enabled           off, and that is bad\n\
             \x20                                        -> switch it on\n\
             \x20 ERROR        a-name-that-is-longer-than-its-column\n\
             \x20                                        seen\n\
             \x20                                        -> do\n\n\
             n1: 1 error, 1 warning\n"
        );
        let narrow = report.to_table(TableStyle { width: 10, colours: true });
        assert!(narrow.contains("\x1b[33mwarning\x1b[0m"), "{narrow}");
    }

    #[test]
    fn exit_code_is_that_of_the_worst_result() {
        let code = |rows| Report::new("n1".to_owned(), rows).exit_code();
        assert_eq!(code(Vec::new()), 0);
        assert_eq!(code(rows()[1..2].to_vec()), 0);
        assert_eq!(code(rows()[..2].to_vec()), 1);
        assert_eq!(code(rows()), 2);
    }

    #[test]
    fn json_has_all_that_the_table_has() {
        let json: serde_json::Value =
            serde_json::from_str(&Report::new("n1".to_owned(), rows()).to_json()).unwrap();
        assert_eq!((json["node"].as_str(), json["exit_code"].as_u64()), (Some("n1"), Some(2)));
        assert_eq!(json["rows"][0]["area"], "cluster");
        assert_eq!(json["rows"][1]["level"], "warning");
        assert_eq!(json["rows"][1]["resource"], "mz");
        assert_eq!(json["rows"][2]["todo"], "do");
    }
}
