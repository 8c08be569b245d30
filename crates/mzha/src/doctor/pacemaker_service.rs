//! `OOMPolicy` of `pacemaker.service` or `pacemaker_remote.service`.
//!
//! The JVMs run in its control group. By default systemd stops a service when any of its processes is OOM-killed,
//! so one OOM-killed JVM stops Pacemaker, and the node is fenced.

use super::check_result::{Area, CheckResult};
use crate::cib::Cib;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const AREA: Area = Area::PacemakerService;

const CHECK: &str = "OOMPolicy";

/// Directories of units and drop-ins, in increasing precedence.
const UNIT_DIRECTORIES: [&str; 5] = [
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/local/lib/systemd/system",
    "/run/systemd/system",
    "/etc/systemd/system",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Service {
    Pacemaker,
    Remote,
}

impl Service {
    const ALL: [Self; 2] = [Self::Pacemaker, Self::Remote];

    fn unit(self) -> &'static str {
        match self {
            Self::Pacemaker => "pacemaker.service",
            Self::Remote => "pacemaker_remote.service",
        }
    }

    /// `comm` of the daemon.
    fn is_run_by(self, comm: &[u8]) -> bool {
        match self {
            Self::Pacemaker => comm == b"pacemakerd",
            // The kernel truncates it to 15 bytes; older releases have an underscore.
            Self::Remote => comm == b"pacemaker-remot" || comm == b"pacemaker_remot",
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ServiceUnits {
    /// The service whose daemon runs.
    running: Option<Service>,
    /// Text of each unit and its drop-ins, in increasing precedence.
    units: Vec<(Service, Vec<String>)>,
    booted_by_systemd: bool,
}

/// Run in a child: it reads files.
pub(super) fn look() -> ServiceUnits {
    let processes = host::process::snapshot();
    let runs = |service: &Service| {
        let is_it = |stat: &host::process::Stat| {
            service.is_run_by(&stat.comm)
                && host::process::effective_uid(stat.pid).is_ok_and(|owner| owner == Some(0))
        };
        processes.iter().flat_map(host::process::Snapshot::iter).any(is_it)
    };
    ServiceUnits {
        // A node with bundles also sees the pacemaker-remoted of their containers.
        running: Service::ALL.into_iter().find(runs),
        units: Service::ALL
            .into_iter()
            .filter_map(|service| Some((service, texts(service.unit())?)))
            .collect(),
        booted_by_systemd: Path::new("/run/systemd/system").is_dir(),
    }
}

fn texts(unit: &str) -> Option<Vec<String>> {
    let read = |path: &Path| {
        let content = host::files::read_capped(path, 64 << 10).ok()?;
        Some(String::from_utf8_lossy(&content).into_owned())
    };
    let text =
        UNIT_DIRECTORIES.iter().rev().find_map(|place| read(&Path::new(place).join(unit)))?;
    // Drop-ins apply in order of their names; one of the same name in a later directory replaces an earlier one.
    let mut drop_ins = BTreeMap::new();
    for place in UNIT_DIRECTORIES {
        let directory = Path::new(place).join(format!("{unit}.d"));
        for entry in std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            if path.extension().is_some_and(|end| end == "conf")
                && let Some(text) = read(&path)
            {
                drop_ins.insert(entry.file_name(), text);
            }
        }
    }
    Some(std::iter::once(text).chain(drop_ins.into_values()).collect())
}

pub(super) fn unreadable(why: &str) -> CheckResult {
    CheckResult::warning(AREA, CHECK, format!("not readable: {why}"), "put units on a local disk")
}

/// Checks the running service, else the configured one, else each installed one. `in_scopes`: each pico is to have a scope of its own.
pub(super) fn rows(
    seen: &ServiceUnits,
    cib: Option<&Cib>,
    node: &str,
    in_scopes: bool,
) -> Vec<CheckResult> {
    let is_in = |names: &[String]| names.iter().any(|name| name == node);
    let configured = || match cib? {
        cib if is_in(&cib.remote_nodes) => Some(Service::Remote),
        cib if is_in(&cib.nodes) => Some(Service::Pacemaker),
        _ => None,
    };
    let used = seen.running.or_else(configured);
    let units = seen.units.iter().filter(|(service, _)| used.is_none_or(|used| used == *service));
    let rows: Vec<CheckResult> =
        units.map(|(service, texts)| check(service.unit(), texts, in_scopes)).collect();
    if !rows.is_empty() {
        return rows;
    }
    let unit = used.map_or("pacemaker.service or pacemaker_remote.service", Service::unit);
    vec![if seen.booted_by_systemd {
        let todo = format!("make systemctl show --property=OOMPolicy {unit} print continue");
        CheckResult::warning(
            AREA,
            CHECK,
            format!("not checked (no {unit} in {})", UNIT_DIRECTORIES.join(", ")),
            todo,
        )
    } else {
        CheckResult::ok(AREA, CHECK, format!("no {unit}; systemd does not run here"))
    }]
}

fn check(unit: &str, texts: &[String], in_scopes: bool) -> CheckResult {
    let mut policy = None;
    for text in texts {
        let mut in_service = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                in_service = line == "[Service]";
            } else if let Some((name, value)) = line.split_once('=').filter(|_| in_service)
                && name.trim_end() == CHECK
            {
                policy = Some(value.trim());
            }
        }
    }
    match policy {
        Some("continue") => CheckResult::ok(AREA, CHECK, format!("continue, in {unit}")),
        set => {
            let set = set.unwrap_or("not set");
            if in_scopes {
                let seen = format!("{set} in {unit}; each pico has scope=auto");
                return CheckResult::ok(AREA, CHECK, seen);
            }
            let drop_in = format!("{unit}.d/50-mediationzone.conf");
            CheckResult::warning(
                AREA,
                CHECK,
                format!("{set} in {unit}: if the OOM killer ends a JVM, systemd stops Pacemaker"),
                format!(
                    "install the package resource-agents-mediationzone (/usr/lib/systemd/system/{drop_in}), or copy \
                     packaging/systemd/{drop_in} to /etc/systemd/system/{unit}.d; then systemctl daemon-reload"
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check_result::Level;

    const UNIT: &str = "[Service]\nKillMode=process\n";

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_drop_ins_that_ship_make_it_well_and_the_last_one_counts() {
        let ships = [
            include_str!("../../../../packaging/systemd/pacemaker.service.d/50-mediationzone.conf"),
            include_str!(
                "../../../../packaging/systemd/pacemaker_remote.service.d/50-mediationzone.conf"
            ),
        ];
        let level = |all: &[&str]| check("pacemaker.service", &texts(all), false).level;
        assert_eq!(level(&[UNIT]), Level::Warning);
        for ships in ships {
            assert_eq!(level(&[UNIT, ships]), Level::Ok);
            assert_eq!(level(&[UNIT, ships, "[Service]\nOOMPolicy=stop"]), Level::Warning);
        }
        assert_eq!(level(&[UNIT, "[Service]\n#OOMPolicy=continue"]), Level::Warning);
        assert_eq!(check("pacemaker.service", &texts(&[UNIT]), true).level, Level::Ok);
        // systemd ignores comments.
        assert_eq!(level(&["[Unit]\nOOMPolicy=continue\n[Service]\n"]), Level::Warning);
    }

    #[test]
    fn the_unit_is_that_of_the_running_daemon_or_of_the_kind_of_node() {
        use Service::{Pacemaker, Remote};
        let cib = Cib {
            nodes: vec!["n1".to_owned()],
            remote_nodes: vec!["far".to_owned()],
            ..Cib::default()
        };
        let units = vec![(Pacemaker, texts(&[UNIT])), (Remote, texts(&[UNIT]))];
        let named = |running, node: &str, cib: Option<&Cib>| {
            let seen = ServiceUnits { running, units: units.clone(), booted_by_systemd: true };
            let rows = rows(&seen, cib, node, false);
            let named = |row: &CheckResult| {
                if row.seen.contains("pacemaker_remote") { Remote } else { Pacemaker }
            };
            rows.iter().map(named).collect::<Vec<_>>()
        };
        assert_eq!(named(Some(Remote), "n1", Some(&cib)), [Remote]);
        assert_eq!(named(Some(Pacemaker), "far", Some(&cib)), [Pacemaker]);
        assert_eq!(named(None, "n1", Some(&cib)), [Pacemaker]);
        assert_eq!(named(None, "far", Some(&cib)), [Remote]);
        assert_eq!(named(None, "other", Some(&cib)), [Pacemaker, Remote]);
        assert_eq!(named(None, "n1", None), [Pacemaker, Remote]);
    }

    #[test]
    fn no_unit_is_well_only_where_systemd_does_not_run() {
        let level = |booted_by_systemd| {
            rows(&ServiceUnits { booted_by_systemd, ..ServiceUnits::default() }, None, "n1", false)
                [0]
            .level
        };
        assert_eq!((level(true), level(false)), (Level::Warning, Level::Ok));
    }
}
