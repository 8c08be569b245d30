//! Who else would start or stop picos: cron, systemd, init scripts.
//!
//! What starts a pico that the cluster has stopped makes two of it; what stops one that the cluster runs makes a failure. A
//! line counts that names mzsh, `mz-ha-scripts`, the directory of an installation, or the product's own classes, and is no comment. Whether it
//! starts or stops anything is told by mzsh's words; a script below the installation could do either, so it is named, too.

mod files;
mod lines;

pub(super) use files::{Found, Places, look};
pub(super) use lines::Kind;

use super::row::{Area, Row};

const AREA: Area = Area::OtherStarters;

/// Longest line that is shown, in characters.
const SHOWN: usize = 100;

/// From what was found to rows.
pub(super) fn rows(found: &Found) -> Vec<Row> {
    let mut rows: Vec<Row> = found
        .mentions
        .iter()
        .map(|mention| {
            let check = match mention.line {
                0 => mention.file.clone(),
                line => format!("{}:{line}", mention.file),
            };
            let text: String = mention.text.chars().take(SHOWN).collect();
            let kind = mention.kind;
            if !mention.acts {
                let todo = format!("see that this {kind} starts and stops no pico of the cluster's");
                return Row::warning(AREA, check, text, todo);
            }
            if kind == Kind::Unit && !mention.enabled {
                let seen = format!("{text} (the unit is not enabled)");
                return Row::warning(AREA, check, seen, "remove the unit, so that nobody starts it by hand");
            }
            let todo = match kind {
                Kind::Unit => "systemctl disable --now for this unit and its timer",
                Kind::Crontab | Kind::CronScript => "take the line out",
                Kind::Script => "take it out of the start of the system",
            };
            let seen = format!("{text}: it starts or stops picos behind the cluster's back");
            Row::error(AREA, check, seen, todo)
        })
        .collect();
    rows.extend(found.unread.iter().map(|(place, why)| {
        let seen = format!("can't be read: {why}");
        Row::warning(AREA, place, seen, "look yourself whether it starts picos")
    }));
    if rows.is_empty() {
        let seen = format!("none in {} files of cron, systemd and init", found.files);
        rows.push(Row::ok(AREA, "mzsh", seen));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::files::Mention;
    use super::*;
    use crate::doctor::row::Level;

    #[test]
    fn a_line_that_acts_is_an_error_unless_nothing_runs_it() {
        let level = |kind, acts, enabled| {
            let mention =
                Mention { file: "/etc/x".to_owned(), line: 3, text: "mzsh".to_owned(), kind, acts, enabled };
            let found = Found { mentions: vec![mention], ..Found::default() };
            rows(&found)[0].level
        };
        assert_eq!(level(Kind::Crontab, true, true), Level::Error);
        assert_eq!(level(Kind::Script, true, true), Level::Error);
        assert_eq!(level(Kind::Unit, true, true), Level::Error);
        assert_eq!(level(Kind::Unit, true, false), Level::Warning);
        assert_eq!(level(Kind::Crontab, false, true), Level::Warning);
        assert_eq!(rows(&Found::default())[0].level, Level::Ok);
    }
}
