//! Cron jobs, systemd units and init scripts that start or stop picos.
//!
//! An external start of a stopped pico makes it run twice; an external stop is a failure to the cluster. A
//! line is relevant if it names mzsh, `mz-ha-scripts`, an installation or the product's classes, and is no comment. mzsh's command
//! tells whether it starts or stops anything; a script below an installation may do either, so it is named, too.

mod files;
mod lines;

pub(super) use files::{ExternalStarts, SearchScope, find};
pub(super) use lines::FileKind;

use super::check_result::{Area, CheckResult};

const AREA: Area = Area::OtherStarters;

const MAX_SHOWN_CHARS: usize = 100;

pub(super) fn check(found: &ExternalStarts) -> Vec<CheckResult> {
    let mut rows: Vec<CheckResult> = found
        .mentions
        .iter()
        .map(|mention| {
            let check = match mention.line {
                0 => mention.file.clone(),
                line => format!("{}:{line}", mention.file),
            };
            let text: String = mention.text.chars().take(MAX_SHOWN_CHARS).collect();
            let kind = mention.kind;
            if !mention.acts {
                let todo =
                    format!("make sure that this {kind} starts or stops no pico of the cluster");
                return CheckResult::warning(AREA, check, text, todo);
            }
            if kind == FileKind::Unit && !mention.enabled {
                let seen = format!("{text} (the unit is not enabled)");
                return CheckResult::warning(
                    AREA,
                    check,
                    seen,
                    "remove the unit, so that nobody starts it by hand",
                );
            }
            let todo = match kind {
                FileKind::Unit => "systemctl disable --now for this unit and its timer",
                FileKind::Crontab | FileKind::CronScript => "take the line out",
                FileKind::Script => "remove it from the system's startup",
            };
            let seen = format!("{text}: it starts or stops picos outside the cluster");
            CheckResult::error(AREA, check, seen, todo)
        })
        .collect();
    rows.extend(found.unread.iter().map(|(place, why)| {
        let seen = format!("not readable: {why}");
        CheckResult::warning(AREA, place, seen, "check by hand whether it starts picos")
    }));
    if rows.is_empty() {
        let seen = format!("none in {} files of cron, systemd and init", found.files);
        rows.push(CheckResult::ok(AREA, "mzsh", seen));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::files::Mention;
    use super::*;
    use crate::doctor::check_result::Level;

    #[test]
    fn line_that_starts_a_pico_is_error_unless_its_unit_is_disabled() {
        let level = |kind, acts, enabled| {
            let mention = Mention {
                file: "/etc/x".to_owned(),
                line: 3,
                text: "mzsh".to_owned(),
                kind,
                acts,
                enabled,
            };
            let found = ExternalStarts { mentions: vec![mention], ..ExternalStarts::default() };
            check(&found)[0].level
        };
        assert_eq!(level(FileKind::Crontab, true, true), Level::Error);
        assert_eq!(level(FileKind::Script, true, true), Level::Error);
        assert_eq!(level(FileKind::Unit, true, true), Level::Error);
        assert_eq!(level(FileKind::Unit, true, false), Level::Warning);
        assert_eq!(level(FileKind::Crontab, false, true), Level::Warning);
        assert_eq!(check(&ExternalStarts::default())[0].level, Level::Ok);
    }
}
