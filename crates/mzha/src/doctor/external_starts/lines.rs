//! Selects the relevant lines of a file.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Prefix of the product's classes.
const PRODUCT_CLASS_PREFIX: &str = "com.digitalroute";

/// Commands of mzsh that start or stop a pico.
const MZSH_ACTIONS: [&str; 5] = ["startup", "shutdown", "restart", "kill", "system"];

/// HA scripts that start or stop a pico.
const HA_SCRIPT_ACTIONS: [&str; 3] = ["online", "offline", "clean"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FileKind {
    /// A backslash does not continue a line of a crontab.
    Crontab,
    CronScript,
    Unit,
    Script,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crontab | Self::CronScript => "cron job",
            Self::Unit => "unit",
            Self::Script => "script",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MatchingLine {
    /// From 1.
    pub(super) number: usize,
    /// Trimmed.
    pub(super) text: String,
    /// Whether it starts or stops anything.
    pub(super) acts: bool,
}

/// Lines that name mzsh, the HA scripts, one of the `homes`, or the product's classes.
pub(super) fn matching_lines(text: &str, kind: FileKind, homes: &[String]) -> Vec<MatchingLine> {
    let mut found = Vec::new();
    let mut begun: Option<(usize, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let (number, mut whole) = begun.take().unwrap_or((at + 1, String::new()));
        // A comment inside a continued line is not part of it.
        if whole.is_empty() && is_comment(line, kind) {
            continue;
        }
        if let Some(part) = line.strip_suffix('\\').filter(|_| kind != FileKind::Crontab) {
            whole.push_str(part);
            begun = Some((number, whole));
            continue;
        }
        whole.push_str(line);
        found.extend(starts_or_stops(&whole, kind, homes).map(|acts| MatchingLine {
            number,
            text: whole,
            acts,
        }));
    }
    if let Some((number, whole)) = begun {
        found.extend(starts_or_stops(&whole, kind, homes).map(|acts| MatchingLine {
            number,
            text: whole,
            acts,
        }));
    }
    found
}

fn is_comment(line: &str, kind: FileKind) -> bool {
    line.starts_with('#') || kind == FileKind::Unit && line.starts_with(';')
}

/// `None`: irrelevant; else whether it starts or stops anything.
fn starts_or_stops(line: &str, kind: FileKind, homes: &[String]) -> Option<bool> {
    // Other directives, such as RequiresMountsFor, start nothing.
    if kind == FileKind::Unit && !line.starts_with("Exec") {
        return None;
    }
    let mzsh = has_word(line, "mzsh");
    let scripts = has_word(line, "mz-ha-scripts");
    let class = line.contains(PRODUCT_CLASS_PREFIX);
    let home = homes.iter().any(|home| has_path(line, home));
    let any = |words: &[&str]| words.iter().any(|word| has_word(line, word));
    (mzsh || scripts || class || home)
        .then(|| class || mzsh && any(&MZSH_ACTIONS) || scripts && any(&HA_SCRIPT_ACTIONS))
}

fn has_word(line: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '.';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(inside) && !line[at + word.len()..].starts_with(inside)
    })
}

/// The directory or a path below it, not one with the same prefix.
fn has_path(line: &str, path: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let within = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    line.match_indices(path).any(|(at, _)| {
        !line[..at].ends_with(within) && !line[at + path.len()..].starts_with(goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers_and_effects(text: &str, kind: FileKind) -> Vec<(usize, bool)> {
        matching_lines(text, kind, &["/opt/mz".to_owned()])
            .into_iter()
            .map(|line| (line.number, line.acts))
            .collect()
    }

    #[test]
    fn line_that_starts_or_stops_a_pico_differs_from_mere_mention() {
        for (line, expected) in [
            ("@reboot mzadmin /opt/mz/bin/mzsh startup platform", Some(true)),
            ("* * * * * mzadmin mzsh restart ec1 >/dev/null", Some(true)),
            ("0 3 * * * root java -cp x com.digitalroute.picostart.PicoStart ec1", Some(true)),
            ("@reboot mzadmin mzsh system start container:.*/pico:.*", Some(true)),
            ("@reboot root /usr/sbin/mz-ha-scripts online /jdk /srv/mz mzadmin ec1", Some(true)),
            ("* * * * * root mz-ha-scripts monitor /jdk /srv/mz mzadmin 26000", Some(false)),
            ("0 3 * * * mzadmin mzsh status", Some(false)),
            ("0 3 * * * mzadmin /opt/mz/local/nightly.sh", Some(false)),
            ("0 3 * * * root tar cf /backup/mz.tar /opt/mz", Some(false)),
            ("0 3 * * * root /opt/mz2/startup.sh", None),
            ("0 3 * * * root /data/opt/mz/x", None),
            ("0 3 * * * root /usr/bin/mzsh-report startup", None),
            ("# @reboot mzadmin mzsh startup platform", None),
            ("   #mzsh startup platform", None),
            ("", None),
        ] {
            assert_eq!(
                numbers_and_effects(line, FileKind::Crontab).first().map(|l| l.1),
                expected,
                "{line}"
            );
        }
    }

    #[test]
    fn unit_exec_lines_count_with_continuation_lines_joined() {
        let unit = "[Unit]\nDescription=mzsh startup\nRequiresMountsFor=/opt/mz\n\n[Service]\n; ExecStart=mzsh startup a\n\
            ExecStart=/bin/sh -c \\\n  '/opt/mz/bin/mzsh \\\n   startup platform'\nExecStop=/opt/mz/bin/mzsh \\";
        assert_eq!(numbers_and_effects(unit, FileKind::Unit), [(7, true), (10, false)]);
        assert_eq!(numbers_and_effects("a\nmzsh kill ec1\n", FileKind::Script), [(2, true)]);
    }

    #[test]
    fn crontab_lines_are_never_continued() {
        let text = "@reboot mzadmin mzsh \\\n@reboot root mzsh startup ec1\n# mzsh \\\n@reboot root mzsh kill ec2\n";
        assert_eq!(
            numbers_and_effects(text, FileKind::Crontab),
            [(1, false), (2, true), (4, true)]
        );
        for kind in [FileKind::CronScript, FileKind::Script, FileKind::Unit] {
            assert_eq!(numbers_and_effects("ExecStart=mzsh \\\nstartup ec1\n", kind), [(1, true)]);
        }
    }
}
