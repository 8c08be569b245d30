//! `pacemaker.service`: may the kernel's out-of-memory killer take the whole node with one JVM?
//!
//! The JVMs live in its control group. systemd's default is to stop a service when any process of it is killed for want of
//! memory, so one JVM that eats it stops Pacemaker, and the node is fenced.

use super::row::{Area, Row};
use std::collections::BTreeMap;
use std::path::Path;

const AREA: Area = Area::PacemakerService;

const CHECK: &str = "OOMPolicy";

/// Where units and their drop-ins stand, the least important first.
const PLACES: [&str; 4] =
    ["/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/system", "/etc/systemd/system"];

const UNIT: &str = "pacemaker.service";

/// The unit and its drop-ins as text, in the order in which they count; nothing: there is no such service. For a helper.
pub(super) fn texts() -> Vec<String> {
    let read = |path: &Path| {
        let content = host::files::read_capped(path, 64 << 10).ok()?;
        Some(String::from_utf8_lossy(&content).into_owned())
    };
    let units = PLACES.iter().rev().find_map(|place| read(&Path::new(place).join(UNIT)));
    // Of drop-ins of one name that of the more important place counts; otherwise they count in order of their names.
    let mut drop_ins = BTreeMap::new();
    for place in PLACES {
        let directory = Path::new(place).join(format!("{UNIT}.d"));
        for entry in std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            if path.extension().is_some_and(|end| end == "conf")
                && let Some(text) = read(&path)
            {
                drop_ins.insert(entry.file_name(), text);
            }
        }
    }
    units.map_or_else(Vec::new, |unit| std::iter::once(unit).chain(drop_ins.into_values()).collect())
}

/// The row where they could not be read.
pub(super) fn unread(why: &str) -> Row {
    Row::warning(AREA, CHECK, format!("can't be read: {why}"), "units belong on a local disk")
}

/// What the service's texts come to.
pub(super) fn row(texts: &[String]) -> Row {
    if texts.is_empty() {
        return Row::ok(AREA, CHECK, format!("there is no {UNIT} on this node"));
    }
    let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim);
    let mut policy =
        lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| name.trim_end() == CHECK);
    match policy.next_back().map(|(_, value)| value.trim()) {
        Some("continue") => Row::ok(AREA, CHECK, "continue"),
        set => Row::warning(
            AREA,
            CHECK,
            format!(
                "{}: a JVM that is killed for want of memory has systemd stop Pacemaker",
                set.map_or_else(|| "not set".to_owned(), |value| format!("is {value}"))
            ),
            "install packaging/systemd/pacemaker.service.d/50-mediationzone.conf, then systemctl daemon-reload",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::row::Level;

    #[test]
    fn the_drop_in_that_ships_makes_it_well_and_the_last_one_counts() {
        let ships = include_str!("../../../../packaging/systemd/pacemaker.service.d/50-mediationzone.conf");
        let level =
            |texts: &[&str]| row(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).level;
        let unit = "[Service]\nKillMode=process\n";
        assert_eq!(level(&[]), Level::Ok);
        assert_eq!(level(&[unit]), Level::Warning);
        assert_eq!(level(&[unit, ships]), Level::Ok);
        assert_eq!(level(&[unit, ships, "[Service]\nOOMPolicy=stop"]), Level::Warning);
        assert_eq!(level(&[unit, "[Service]\n#OOMPolicy=continue"]), Level::Warning);
    }
}
