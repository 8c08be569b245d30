//! The installation: findings of validate-all at level 10, and a row for each check without findings, so that an
//! operator sees that it was made.

use super::check_result::{Area, CheckResult, Level};
use super::{mzsh_platform, server_host};
use crate::cib::Cib;
use crate::cib::ConfiguredResource;
use host::addresses::Lookup;
use pico::actions::{KERNEL_PROBLEM, NodeProblem, Severity, TEMPLATE, ValidationReport};
use pico::addresses::HostProperty;
use pico::product::{FileState, HomeState, Inspection, PicoFacts, RegistryState, UserState};
use pico::{HaCheck, Settings};
use std::path::Path;

const AREAS: [Area; 5] =
    [Area::Installation, Area::User, Area::Java, Area::Registry, Area::HaMonitor];

pub(super) type ExaminationResult = Result<ValidationReport, String>;

/// The host in the `MZ_PLATFORM` of `bin/mzsh`.
pub(super) fn host_of_mzsh(looked: &ExaminationResult) -> Option<&str> {
    mzsh_platform::host(looked.as_ref().ok()?.inspection.script.platform.as_deref()?)
}

/// `platform_of_mzsh`: lookup of [`host_of_mzsh`].
pub(super) fn check(
    settings: &Settings,
    looked: &ExaminationResult,
    platform_of_mzsh: Option<&Lookup>,
    configured: Option<&ConfiguredResource>,
    cib: Option<&Cib>,
) -> Vec<CheckResult> {
    let looked = match looked {
        Ok(looked) => looked,
        Err(why) => {
            let todo =
                "repair the storage of the installation or the name service, then run this again";
            return vec![CheckResult::error(Area::Installation, "mz_home", why, todo)];
        }
    };
    let mounted_by = mounting_resource_if_absent(settings, &looked.inspection, cib);
    // The kernel has its own row.
    let findings = looked.problems.iter().filter(|finding| finding.name != KERNEL_PROBLEM);
    let mut rows: Vec<CheckResult> = findings
        .map(|finding| result_from_finding(finding, &looked.inspection, mounted_by))
        .collect();
    rows.extend(check_os_user(settings, &looked.inspection, cib));
    for area in AREAS {
        if !rows.iter().any(|row| row.area == area) {
            rows.extend(ok_result(area, settings, &looked.inspection));
        }
    }
    let unbound = server_host::row(settings, configured, cib, &looked.host_names);
    let well = looked.host_names.iter().filter(|name| {
        name.problems.is_empty() && (unbound.is_none() || name.property != HostProperty::ServerHost)
    });
    rows.extend(well.map(|name| {
        let demand = name
            .host
            .as_ref()
            .map_or_else(String::new, |_| format!("; {}", name.describe_rule(settings)));
        let seen = name.describe() + &demand;
        CheckResult::ok(Area::Addresses, name.property.name(), seen)
    }));
    rows.extend(unbound);
    let url = looked.inspection.script.platform.as_deref();
    rows.extend(mzsh_platform::row(settings.pico_type, url, platform_of_mzsh, &looked.host_names));
    rows
}

fn mounting_resource_if_absent<'a>(
    settings: &Settings,
    inspection: &Inspection,
    cib: Option<&'a Cib>,
) -> Option<&'a str> {
    mounting_resource(settings, inspection, cib).filter(|_| is_absent(inspection))
}

fn is_absent(inspection: &Inspection) -> bool {
    matches!(inspection.home, HomeState::Missing | HomeState::Empty | HomeState::Foreign)
}

fn mounting_resource<'a>(
    settings: &Settings,
    inspection: &Inspection,
    cib: Option<&'a Cib>,
) -> Option<&'a str> {
    let literal = settings.target.as_ref().ok()?.home.path();
    let of = |point: &Path| {
        [Some(literal), inspection.resolved.as_deref()]
            .iter()
            .flatten()
            .any(|home| home.starts_with(point))
    };
    Some(cib?.file_systems.iter().find(|storage| of(Path::new(&storage.directory)))?.name.as_str())
}

/// The user must be known on a node without the storage, and must be the owner of the installation.
fn check_os_user(
    settings: &Settings,
    inspection: &Inspection,
    cib: Option<&Cib>,
) -> Option<CheckResult> {
    const CHECK: &str = "os_user";
    let home = settings.target.as_ref().ok()?.home.path().display();
    let is_here = inspection.home == HomeState::Filled;
    // A directory that its user cannot enter has an owner, too.
    let owner = inspection.owner.filter(|_| !is_absent(inspection));
    let (Some(set), Some(owner)) = (&settings.os_user, owner) else {
        let mounted_by = mounting_resource(settings, inspection, cib);
        if settings.os_user.is_some() || (mounted_by.is_none() && !is_absent(inspection)) {
            return None;
        }
        let mounted_by = mounted_by.map_or_else(String::new, |resource| format!(" by {resource}"));
        let seen = format!(
            "not set: the pico's user is unknown while {home} is not mounted{mounted_by} and this node has not started the pico"
        );
        let todo = match &inspection.user {
            UserState::Known { name, .. } if is_here => format!("os_user={name}"),
            _ => format!("set os_user to the user that owns {home}"),
        };
        return Some(CheckResult::warning(Area::User, CHECK, seen, todo));
    };
    let UserState::Known { uid, .. } = inspection.user else { return None };
    (uid != owner).then(|| {
        let seen = format!(
            "{set} ({uid}) is not the owner of {home}, user {owner}: mzsh refuses all but its owner, so no start succeeds"
        );
        let todo = format!("set os_user to the name of user {owner}, or correct the owner of {home}");
        CheckResult::error(Area::User, CHECK, seen, todo)
    })
}

fn result_from_finding(
    finding: &NodeProblem,
    inspection: &Inspection,
    mounted_by: Option<&str>,
) -> CheckResult {
    let hides_registry = hides_registry(finding, inspection);
    let area = if hides_registry { Area::Registry } else { finding_area(finding) };
    let row = match (finding.severity, mounted_by) {
        // Normal on nodes where the pico does not run.
        (_, Some(resource)) if area == Area::Installation => CheckResult::warning(
            area,
            finding.name,
            &finding.text,
            format!(
                "nothing on a node without the pico ({resource} mounts it); run this on the node that runs it"
            ),
        ),
        (Severity::Error(_), _) => CheckResult {
            level: Level::Error,
            ..CheckResult::ok(area, finding.name, &finding.text)
        },
        // No obstacle to a start, but all facts of the registry are unknown.
        (Severity::Warning, _) if hides_registry => CheckResult {
            level: Level::Error,
            ..CheckResult::ok(area, finding.name, &finding.text)
        },
        (Severity::Warning, _) => CheckResult {
            level: Level::Warning,
            ..CheckResult::ok(area, finding.name, &finding.text)
        },
    };
    CheckResult { todo: row.todo.or_else(|| finding_remedy(finding, area)), ..row }
}

/// Whether the finding says that the registry is unreadable: every other one of this name is an error.
fn hides_registry(finding: &NodeProblem, inspection: &Inspection) -> bool {
    let is_unreadable = matches!(inspection.registry, RegistryState::Unreadable(_));
    is_unreadable && finding.name == "mz_home" && finding.severity == Severity::Warning
}

/// A finding's name is a parameter or a property.
fn finding_area(finding: &NodeProblem) -> Area {
    match finding.name {
        "os_user" => Area::User,
        "process_match" | "scope" | "systemd_properties" => Area::Parameters,
        "java_home" | "JAVA_HOME" => Area::Java,
        "pico_name" | "container" | "registry" | "settings.state" | "pico.pid" | TEMPLATE => {
            Area::Registry
        }
        name if name.starts_with("mz.ha.") || name.starts_with("ha_") => Area::HaMonitor,
        name if name.split('.').any(|part| part == "port") => Area::Ports,
        name if name.starts_with("pico.rcp.") || name == "deployment" => Area::Addresses,
        _ => Area::Installation,
    }
}

fn finding_remedy(finding: &NodeProblem, area: Area) -> Option<String> {
    const TOPO_SET: &str =
        "mzsh topo set topo://container:CONTAINER/pico:PICO/val:config.properties.";
    Some(match (area, finding.name) {
        (_, "mz.ha.enabled" | "ha_check") => format!("{TOPO_SET}mz.ha.enabled true, and restart the pico"),
        (_, "mz.ha.port" | "ha_port") => {
            format!("{TOPO_SET}mz.ha.port PORT, one for each pico of a host, and restart the pico")
        }
        (Area::Installation, "mz_home") => "mount its storage, or correct the parameter mz_home".to_owned(),
        (Area::User, _) => "create the user on this node, or correct the parameter os_user".to_owned(),
        (Area::Registry, "mz_home") => {
            "repair it: until then the agents know neither the HA Monitor Server of the pico nor its ports and hostnames"
                .to_owned()
        }
        (_, "process_match") => "put pico_name or mz_home into process_match".to_owned(),
        (_, "systemd_properties") => "man systemd.resource-control lists them; correct the parameter".to_owned(),
        (_, "scope") => "systemctl status; a pico gets its scope at its next start".to_owned(),
        (Area::Java, "JAVA_HOME") => {
            "install that java, or correct JAVA_HOME in bin/mzsh; or set the parameter java_home".to_owned()
        }
        (Area::Java, _) => "install that java, or correct the parameter java_home".to_owned(),
        (_, TEMPLATE) => "use the agent of that type, or correct pico_name".to_owned(),
        (Area::Registry, "pico_name") => {
            "mzsh topo show container lists what there is: correct pico_name, or enable it".to_owned()
        }
        (Area::Addresses, _) => {
            "correct the name in /etc/hosts or DNS, or the address on this node".to_owned()
        }
        _ => return None,
    })
}

/// The row of an area without findings; `None` if another row covers it.
fn ok_result(area: Area, settings: &Settings, inspection: &Inspection) -> Option<CheckResult> {
    let facts = match &inspection.registry {
        RegistryState::Defined(facts) => Some(facts.as_ref()),
        _ => None,
    };
    // A java that bin/mzsh does not name by a plain word is not checked.
    if area == Area::Java
        && inspection.home == HomeState::Filled
        && inspection.java_home(settings).is_none()
    {
        let seen = "not checked (not set, and bin/mzsh does not name its java)";
        return Some(CheckResult::warning(area, "java_home", seen, "set the parameter java_home"));
    }
    let (check, seen) = match area {
        Area::Installation if inspection.home == HomeState::Filled => {
            let home = settings.target.as_ref().ok()?.home.path().display();
            ("mz_home", format!("{home} holds an installation, bin/mzsh {}", inspection.mzsh))
        }
        // The owner of an empty mount point need not be the owner of the mounted storage.
        Area::User
            if matches!(inspection.user, UserState::Known { .. })
                && (settings.os_user.is_some() || inspection.home == HomeState::Filled) =>
        {
            let compared = match inspection.owner {
                _ if settings.os_user.is_none() => "",
                Some(_) if !is_absent(inspection) => ", the owner of mz_home",
                _ => " (owner of mz_home unknown: run this on the node that mounts it)",
            };
            ("os_user", format!("{}{compared}", inspection.user))
        }
        Area::Java => {
            match (inspection.java_home(settings)?.join("bin/java").display(), &inspection.java) {
                (java, Some(FileState::Executable)) if settings.java_home.is_some() => {
                    ("java_home", format!("{java} is executable"))
                }
                (java, Some(FileState::Executable)) => {
                    ("java_home", format!("not set: by bin/mzsh itself, {java} is executable"))
                }
                _ => return None,
            }
        }
        Area::Registry => {
            let facts = facts?;
            if facts.kind.is_none() {
                let seen = format!(
                    "{}; type unknown, expected {} (no template names it)",
                    inspection.registry, settings.pico_type
                );
                let todo = "use a template of that type (mzsh topo show)";
                return Some(CheckResult::warning(area, TEMPLATE, seen, todo));
            }
            ("pico_name", inspection.registry.to_string())
        }
        Area::HaMonitor => ("mz.ha.enabled", describe_ha_monitor(settings, facts?)),
        _ => return None,
    };
    Some(CheckResult::ok(area, check, seen))
}

fn describe_ha_monitor(settings: &Settings, facts: &PicoFacts) -> String {
    match &facts.ha.endpoint {
        _ if settings.ha_check == HaCheck::No => "ha_check=no: it is not asked".to_owned(),
        Some(endpoint) => format!("on, at {endpoint}, mz.ha.interval {} s", facts.ha.interval),
        None => "on, at ha_host and ha_port of the resource".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Resource;
    use pico::PicoType;

    #[test]
    fn hung_installation_is_reported_as_error() {
        let parameters = [("mz_home".to_owned(), "/opt/mz".to_owned())].into();
        let resource = Resource { name: None, kind: PicoType::Platform, parameters };
        let (settings, _) = resource.settings();
        let why = "storage has not answered for 10 s: /opt/mz";
        let rows = check(&settings, &Err(why.into()), None, None, None);
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(
            (row.level, row.area, row.seen.as_str()),
            (Level::Error, Area::Installation, why)
        );
    }
}
