//! Constraints: one Platform, and no needless restarts of the other picos with it.
//!
//! An EC, SC or UI keeps running without the Platform, but cannot start without it. Its order must be mandatory: else
//! it starts while the Platform is down, fails, and is barred from its node. The order must have `symmetrical=false`: else it restarts
//! with the Platform. The web UI needs the Platform's address and storage, not the Platform itself: it is colocated with the address
//! and moves with it. Only a direct order makes it wait: an order through a third resource is satisfied once that one runs. A restart
//! or a move can reach it through a third resource all the same.
//!
//! A pico needs the file system of its installation on its node, mounted from before its start until after its stop.

use super::check_result::{Area, CheckResult};
use crate::cib::{Cib, ConfiguredResource, EnclosingResource, Order};
use pico::PicoType;
use std::collections::BTreeMap;
use std::path::PathBuf;

const AREA: Area = Area::Constraints;

/// `resources`: each with the paths of its installation.
pub(super) fn check<'a>(
    cib: &Cib,
    resources: impl IntoIterator<Item = (&'a ConfiguredResource, Vec<PathBuf>)>,
) -> Vec<CheckResult> {
    let picos: Vec<Pico> = cib.resources.iter().filter_map(Pico::of).collect();
    resources
        .into_iter()
        .flat_map(|(resource, homes)| {
            let storage = StorageConstraints::of(cib, &homes);
            let mut rows = match resource.resource.kind {
                PicoType::Platform => check_platform(resource),
                PicoType::ExecutionContext | PicoType::ServiceContext | PicoType::Ui => {
                    check_dependent(cib, resource, &storage)
                }
            };
            rows.extend(same_pico(resource, &picos));
            rows.extend(storage.iter().filter_map(|storage| storage.row(cib, resource)));
            rows.into_iter().map(|row| row.for_resource(resource.name()))
        })
        .collect()
}

/// A mount point of the cluster that holds an installation.
struct StorageConstraints<'a> {
    directory: &'a str,
    /// Resources that mount it; a pico needs one of them.
    by: Vec<&'a str>,
}

impl<'a> StorageConstraints<'a> {
    fn of(cib: &'a Cib, homes: &[PathBuf]) -> Vec<Self> {
        let mut by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file_system in &cib.file_systems {
            let directory = file_system.directory.as_str();
            if directory.starts_with('/') && homes.iter().any(|home| home.starts_with(directory)) {
                by.entry(directory.trim_end_matches('/')).or_default().push(&file_system.name);
            }
        }
        by.into_iter().map(|(directory, by)| Self { directory, by }).collect()
    }

    fn row(&self, cib: &Cib, pico: &ConfiguredResource) -> Option<CheckResult> {
        const CHECK: &str = "storage";
        let name = pico.name();
        let missing =
            |by: &&str| (cib.together(name, by).is_none(), cib.starts_after(name, by).is_none());
        let ((no_colocation, no_order), by) = self.by.iter().map(|by| (missing(by), *by)).min()?;
        let directory = self.directory;
        let mut todo = Vec::new();
        if no_colocation {
            todo.push(format!("colocation of {name} with {by}, INFINITY"));
        }
        if no_order {
            todo.push(format!("order start {by} then start {name}, kind=Mandatory, symmetrical"));
        }
        let (lacks, becomes) = match (no_colocation, no_order) {
            (false, false) => {
                let seen = format!(
                    "{by} mounts {directory} where it runs, before it starts and until it has stopped"
                );
                return Some(CheckResult::ok(AREA, CHECK, seen));
            }
            (true, false) => {
                ("no colocation with that", "it can start on a node without that mount")
            }
            (false, true) => (
                "no mandatory, symmetrical order after that",
                "it can start before the mount and lose its files while it runs",
            ),
            (true, true) => (
                "neither colocation with nor mandatory order after that",
                "it can start without that mount",
            ),
        };
        let seen = format!(
            "its installation is on {directory}, which {by} mounts, and {lacks}: {becomes}"
        );
        Some(CheckResult::error(
            AREA,
            CHECK,
            seen,
            format!("{}; or a group with {by} before {name}", todo.join("; ")),
        ))
    }
}

fn check_platform(platform: &ConfiguredResource) -> Vec<CheckResult> {
    vec![match platform.enclosing_clone() {
        Some(clone) => CheckResult::error(
            AREA,
            "clone",
            format!(
                "it is in {} {}: several Platforms would run on one database",
                clone.kind, clone.name
            ),
            "configure the Platform as a primitive, alone or in a group",
        ),
        None => CheckResult::ok(AREA, "clone", "not cloned: one Platform in the cluster"),
    }]
}

struct Pico<'a> {
    home: PathBuf,
    name: String,
    resource: &'a str,
}

impl<'a> Pico<'a> {
    fn of(resource: &'a ConfiguredResource) -> Option<Self> {
        let (settings, _) = resource.resource.settings();
        let home = settings.target.as_ref().ok()?.home.path().to_owned();
        Some(Self { home, name: settings.pico_label().to_owned(), resource: resource.name() })
    }
}

fn same_pico(resource: &ConfiguredResource, picos: &[Pico<'_>]) -> Vec<CheckResult> {
    let Some(own) = Pico::of(resource) else { return Vec::new() };
    let same = |other: &&Pico| {
        other.resource != own.resource && (&other.home, &other.name) == (&own.home, &own.name)
    };
    let row = |other: &Pico| {
        let seen = format!("{} manages the same pico", other.resource);
        if resource.resource.kind == PicoType::Platform {
            CheckResult::error(AREA, "one resource", seen, "remove one of the two")
        } else {
            let seen = format!("{seen}: on one node, the stop of either ends it for both");
            CheckResult::warning(
                AREA,
                "one resource",
                seen,
                "remove one of the two, or correct its pico_name or mz_home",
            )
        }
    };
    picos.iter().filter(same).map(row).collect()
}

/// All instances of a clone have the same parameters, so they are one pico.
fn check_clone(clone: &EnclosingResource) -> CheckResult {
    let name = format!("{} {}", clone.kind, clone.name);
    if clone.globally_unique {
        let seen = format!(
            "it is in {name}, which is globally-unique: all its instances are one pico, and a start is refused"
        );
        return CheckResult::error(
            AREA,
            "clone",
            seen,
            "configure a resource for each pico, without a clone",
        );
    }
    let seen = format!("it is in {name}: several nodes run a pico of the same name");
    let todo =
        "configure a resource for each pico, without a clone, unless the product supports that";
    CheckResult::warning(AREA, "clone", seen, todo)
}

/// Checks of an EC, SC or UI.
fn check_dependent(
    cib: &Cib,
    dependant: &ConfiguredResource,
    storage: &[StorageConstraints<'_>],
) -> Vec<CheckResult> {
    let is_ui = dependant.resource.kind == PicoType::Ui;
    let platforms =
        || cib.resources.iter().filter(|other| other.resource.kind == PicoType::Platform);
    let mut rows: Vec<CheckResult> =
        dependant.enclosing_clone().map(check_clone).into_iter().collect();
    // It belongs to one of several Platforms.
    let mut waits = false;
    let mut moves_with = None;
    for platform in platforms() {
        let group = |of: &ConfiguredResource| {
            of.enclosing.iter().find(|c| c.kind == "group").map(|c| c.name.clone())
        };
        if let Some(group) =
            group(platform).filter(|shared| group(dependant).as_ref() == Some(shared))
        {
            rows.push(CheckResult::warning(
                AREA,
                "group",
                format!("in one group with the Platform ({group}): it restarts with the Platform and runs only on its node"),
                if is_ui {
                    "take it out of the group; tie it to the address, and order it after the Platform with symmetrical=false"
                } else {
                    "take it out of the group; an order with symmetrical=false is enough"
                },
            ));
            waits = true;
            continue;
        }
        waits |= orders_between(cib, platform, dependant).any(|order| order.mandatory);
        let (rows_of_order, moved_by_order) = restarts(cib, platform, dependant, storage);
        let (rows_of_place, moved_by_place) = ties(cib, platform, dependant, storage);
        rows.extend(rows_of_order);
        rows.extend(rows_of_place);
        moves_with = moved_by_place.or(moved_by_order).or(moves_with);
    }
    if let Some(platform) = platforms().next().filter(|_| !waits) {
        let loose =
            platforms().find_map(|platform| orders_between(cib, platform, dependant).next());
        let seen = loose.map_or_else(
            || "no order makes it wait for the Platform".to_owned(),
            |order| format!("{} is not mandatory", order.id),
        );
        rows.push(CheckResult::warning(
            AREA,
            "order",
            format!("{seen}: it starts while the Platform is down, fails, and its node is banned"),
            format!(
                "order start {} then start {}, kind=Mandatory symmetrical=false: it waits for the Platform, and is not stopped with it",
                platform.name(),
                dependant.name()
            ),
        ));
    }
    if rows.is_empty() {
        let seen = match moves_with {
            _ if platforms().next().is_none() => "the cluster has no Platform".to_owned(),
            None => "nothing restarts or moves it with the Platform".to_owned(),
            Some(other) => format!(
                "it is stopped and started where {other} moves, which moves with the Platform; a restart of the Platform in place leaves it alone"
            ),
        };
        rows.push(CheckResult::ok(AREA, "order, colocation", seen));
    }
    rows
}

/// A UI must run on the node of the Platform's address, each pico on the node of its storage.
fn has_to_move(
    cib: &Cib,
    platform: &ConfiguredResource,
    dependant: &ConfiguredResource,
    storage: &[StorageConstraints<'_>],
) -> bool {
    let mut storage = storage.iter().flat_map(|storage| &storage.by);
    dependant.resource.kind == PicoType::Ui
        || storage.any(|by| cib.together(by, platform.name()).is_some())
}

/// Orders that restart it with the Platform, or with a resource that moves with the Platform. Resources that it must follow are no finding.
fn restarts<'a>(
    cib: &'a Cib,
    platform: &ConfiguredResource,
    dependant: &'a ConfiguredResource,
    storage: &[StorageConstraints<'_>],
) -> (Option<CheckResult>, Option<&'a str>) {
    let direct = orders_between(cib, platform, dependant).find(|order| order.restarts);
    let before = cib.all_before(dependant.name());
    let moving = before.into_iter().filter(|name| cib.together(name, platform.name()).is_some());
    let moving =
        moving.min_by_key(|name| cib.starts_after(dependant.name(), name).map(|chain| chain.len()));
    let seen = match (direct, cib.starts_after(dependant.name(), platform.name()), moving) {
        (Some(order), _, _) => {
            format!("{} is mandatory: a restart of the Platform stops and starts it, too", order.id)
        }
        (None, Some(chain), _) => format!(
            "started after {}: a restart of the Platform stops and starts it, too",
            chain[1..].join(", and that after ")
        ),
        (None, None, Some(moving)) if !has_to_move(cib, platform, dependant, storage) => {
            format!(
                "started after {moving}, which moves with the Platform: that stops and starts it, too"
            )
        }
        (None, None, moving) => return (None, moving),
    };
    let todo = "symmetrical=false: it goes on without the Platform, and connects again by itself";
    (Some(CheckResult::warning(AREA, "order", seen, todo)), None)
}

/// Colocations that keep it on the Platform's node. Resources that it must follow are no finding.
fn ties<'a>(
    cib: &'a Cib,
    platform: &ConfiguredResource,
    dependant: &'a ConfiguredResource,
    storage: &[StorageConstraints<'_>],
) -> (Option<CheckResult>, Option<&'a str>) {
    let direct = cib.colocations.iter().find(|colocation| {
        let joins = |one: &ConfiguredResource, other: &ConfiguredResource| {
            one.answers_to(&colocation.follower) && other.answers_to(&colocation.anchor)
        };
        colocation.forced && (joins(dependant, platform) || joins(platform, dependant))
    });
    let seen = match (direct, cib.together(dependant.name(), platform.name())) {
        (Some(colocation), _) => {
            format!(
                "{} ties it to the Platform: where one can't run, the other is stopped",
                colocation.id
            )
        }
        (None, Some(chain)) if has_to_move(cib, platform, dependant, storage) => {
            return (None, chain.get(1).copied());
        }
        (None, Some(chain)) => format!(
            "tied to {}: it runs only where the Platform does, and moves with it",
            chain[1..].join(", and that to ")
        ),
        (None, None) => return (None, None),
    };
    let todo = if dependant.resource.kind == PicoType::Ui {
        "tie it to the address instead: that stays up while the Platform is stopped"
    } else {
        "a score below INFINITY, or none: they belong on separate hosts"
    };
    (Some(CheckResult::warning(AREA, "colocation", seen, todo)), None)
}

fn orders_between<'a>(
    cib: &'a Cib,
    platform: &'a ConfiguredResource,
    dependant: &'a ConfiguredResource,
) -> impl Iterator<Item = &'a Order> {
    cib.orders
        .iter()
        .filter(|order| platform.answers_to(&order.first) && dependant.answers_to(&order.then))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check_result::Level;

    fn configuration(inner: &str, constraints: &str) -> Cib {
        let cib = Cib::parse(&format!(
            "<configuration><resources>{inner}</resources><constraints>{constraints}</constraints></configuration>"
        ));
        cib.unwrap()
    }

    fn all(cib: &Cib) -> Vec<CheckResult> {
        let homes = |resource: &ConfiguredResource| {
            let target = resource.resource.settings().0.target;
            target.map(|target| target.home.path().to_owned()).into_iter().collect()
        };
        check(cib, cib.resources.iter().map(|resource| (resource, homes(resource))))
    }

    fn check_results(inner: &str, constraints: &str) -> Vec<(Level, String)> {
        let cib = configuration(inner, constraints);
        all(&cib).into_iter().map(|row| (row.level, row.check)).collect()
    }

    const PLATFORM: &str =
        r#"<primitive id="mz" class="ocf" provider="mediationzone" type="platform"/>"#;
    const EC: &str = r#"<primitive id="ec" class="ocf" provider="mediationzone" type="ec"/>"#;

    fn result(level: Level, check: &str) -> (Level, String) {
        (level, check.to_owned())
    }

    /// As the README has it, for an EC.
    const ORDER: &str = r#"<rsc_order id="o" first="mz" then="ec" symmetrical="false"/>"#;

    #[test]
    fn one_platform_with_asymmetrical_mandatory_order_is_ok() {
        let well = [result(Level::Ok, "clone"), result(Level::Ok, "order, colocation")];
        for kind in ["ec", "sc", "ui"] {
            let both = [PLATFORM, &EC.replace("type=\"ec\"", &format!("type=\"{kind}\""))].concat();
            assert_eq!(check_results(&both, ORDER), well, "{kind}");
            let apart = r#"<rsc_colocation id="c" rsc="ec" with-rsc="mz" score="-INFINITY"/>"#;
            assert_eq!(check_results(&both, &[ORDER, apart].concat()), well, "{kind}");
            // By its group, and of several Platforms from its own.
            let grouped = both.replace(PLATFORM, &format!(r#"<group id="g">{PLATFORM}</group>"#));
            assert_eq!(check_results(&grouped, &ORDER.replace("\"mz\"", "\"g\"")), well, "{kind}");
            let home = r#"<nvpair id="n" name="mz_home" value="/opt/two"/>"#;
            let inner =
                format!("><instance_attributes id=\"i\">{home}</instance_attributes></primitive>");
            let other = PLATFORM.replace("id=\"mz\"", "id=\"mz2\"").replace("/>", &inner);
            let rows = check_results(&[&both, other.as_str()].concat(), ORDER);
            assert!(rows.iter().all(|(level, _)| *level == Level::Ok), "{kind}: {rows:?}");
        }
    }

    /// Each of these lets it be started while the Platform is away.
    #[test]
    fn missing_or_optional_order_is_warning_that_names_the_right_order() {
        let loose = [
            ("", "no order makes it wait"),
            (r#"<rsc_order id="o" first="mz" then="ec" kind="Optional"/>"#, "o is not mandatory"),
            (r#"<rsc_order id="o" first="mz" then="ec" kind="Serialize"/>"#, "o is not mandatory"),
            (r#"<rsc_order id="o" first="mz" then="ec" score="0"/>"#, "o is not mandatory"),
            (
                r#"<rsc_order id="o" first="ec" then="mz" symmetrical="false"/>"#,
                "no order makes it wait",
            ),
            (
                r#"<rsc_order id="o" first="mz" then="ec" first-action="stop"/>"#,
                "no order makes it wait",
            ),
        ];
        for kind in ["ec", "sc", "ui"] {
            let both = [PLATFORM, &EC.replace("type=\"ec\"", &format!("type=\"{kind}\""))].concat();
            for (constraint, seen) in loose {
                let cib = configuration(&both, constraint);
                let row = all(&cib).pop().unwrap();
                assert_eq!(
                    (row.level, row.check.as_str()),
                    (Level::Warning, "order"),
                    "{kind} {constraint}"
                );
                assert!(row.seen.starts_with(seen), "{kind} {constraint}: {}", row.seen);
                let todo = row.todo.unwrap();
                let right = "order start mz then start ec, kind=Mandatory symmetrical=false";
                assert!(todo.starts_with(right), "{todo}");
            }
        }
    }

    #[test]
    fn cloned_platform_is_error_cloned_context_only_if_globally_unique() {
        let cloned = |inner: &str| format!(r#"<clone id="c">{inner}</clone>"#);
        assert_eq!(check_results(&cloned(PLATFORM), ""), [result(Level::Error, "clone")]);
        let unique = |at: &str| {
            let meta = format!(
                r#"<meta_attributes id="m{at}"><nvpair id="n{at}" name="globally-unique" value="true"/></meta_attributes>"#
            );
            if at == "clone" {
                format!("{meta}{EC}")
            } else {
                EC.replace("/>", &format!(">{meta}</primitive>"))
            }
        };
        for kind in ["ec", "sc", "ui"] {
            let level = |inner: String| {
                let rows = check_results(
                    &cloned(&inner.replace("type=\"ec\"", &format!("type=\"{kind}\""))),
                    "",
                );
                assert!(rows.len() == 1 && rows[0].1 == "clone", "{rows:?}");
                rows[0].0
            };
            assert_eq!(level(EC.to_owned()), Level::Warning);
            assert_eq!(level(unique("clone")), Level::Error);
            // Pacemaker does not ask the resource in it.
            assert_eq!(level(unique("resource")), Level::Warning);
            assert_eq!(level(format!(r#"<group id="g">{EC}</group>"#)), Level::Warning);
        }
        let twice = [PLATFORM, &PLATFORM.replace("\"mz\"", "\"mz2\"")].concat();
        assert!(check_results(&twice, "").contains(&result(Level::Error, "one resource")));
    }

    #[test]
    fn restarting_order_or_colocation_of_context_or_its_group_is_warning() {
        let both = [PLATFORM, EC].concat();
        let last =
            |inner: &str, constraints: &str| check_results(inner, constraints).pop().unwrap();
        assert_eq!(
            last(&both, r#"<rsc_order id="o" first="mz" then="ec"/>"#),
            result(Level::Warning, "order")
        );
        let tied = r#"<rsc_colocation id="c" rsc="ec" with-rsc="mz" score="INFINITY"/>"#;
        assert_eq!(last(&both, &[ORDER, tied].concat()), result(Level::Warning, "colocation"));
        let turned = r#"<rsc_colocation id="c" rsc="mz" with-rsc="ec" score="INFINITY"/>"#;
        assert_eq!(last(&both, &[ORDER, turned].concat()), result(Level::Warning, "colocation"));
        let grouped = format!(r#"<group id="g">{both}</group>"#);
        assert_eq!(last(&grouped, ""), result(Level::Warning, "group"));
        let own_group = format!(r#"<group id="g">{PLATFORM}</group><clone id="c">{EC}</clone>"#);
        assert_eq!(
            last(&own_group, r#"<rsc_order id="o" first="g" then="c"/>"#),
            result(Level::Warning, "order")
        );
    }

    const STORED: &str = r#"<group id="g"><primitive id="fs" class="ocf" provider="heartbeat" type="Filesystem">
        <instance_attributes id="fi"><nvpair id="f1" name="directory" value="/opt/mz"/></instance_attributes></primitive>
        <primitive id="ip" class="ocf" provider="heartbeat" type="IPaddr2"/>PLATFORM</group>OTHER"#;

    /// A Platform behind storage and address in a group, and beside it a pico of this kind in this installation.
    fn beside(kind: &str, home: &str, constraints: &str) -> Vec<CheckResult> {
        let home = format!(
            r#"><instance_attributes id="a"><nvpair id="h" name="mz_home" value="{home}"/><nvpair id="p" name="pico_name" value="x"/></instance_attributes></primitive>"#
        );
        let other = EC.replace("type=\"ec\"", &format!("type=\"{kind}\"")).replace("/>", &home);
        let inner = STORED.replace("PLATFORM", PLATFORM).replace("OTHER", &other);
        let rows = all(&configuration(&inner, &[ORDER, constraints].concat()));
        rows.into_iter().filter(|row| row.resource.as_deref() == Some("ec")).collect()
    }

    #[test]
    fn a_ui_with_the_address_moves_and_is_well_and_an_ec_there_is_a_warning() {
        let tied = r#"<rsc_colocation id="c" rsc="ec" with-rsc="ip" score="INFINITY"/>"#;
        let after = r#"<rsc_order id="a" first="ip" then="ec"/>"#;
        for constraints in [tied.to_owned(), [tied, after].concat()] {
            let rows = beside("ui", "/opt/ui", &constraints);
            let [row] = rows.as_slice() else { panic!("{rows:?}") };
            assert!(
                row.level == Level::Ok && row.seen.contains("stopped and started where ip moves"),
                "{row:?}"
            );
            let rows = beside("ec", "/opt/ec", &constraints);
            assert!(
                rows.iter().any(|row| row.seen.contains("tied to ip, and that to mz")),
                "{rows:?}"
            );
            assert!(rows.iter().all(|row| row.level == Level::Warning), "{rows:?}");
        }
        let rows = beside("sc", "/opt/sc", after);
        assert!(
            matches!(rows.as_slice(), [row] if row.seen.contains("started after ip, which moves")),
            "{rows:?}"
        );
        let rows = beside("ec", "/opt/ec", "");
        assert!(
            matches!(rows.as_slice(), [row] if row.seen.starts_with("nothing restarts")),
            "{rows:?}"
        );
        // By way of the UI, which is restarted with the Platform.
        let ui =
            r#"<rsc_order id="a" first="g" then="ip2"/><rsc_order id="b" first="ip2" then="ec"/>"#;
        let inner = STORED
            .replace("PLATFORM", PLATFORM)
            .replace("OTHER", &[EC, r#"<primitive id="ip2"/>"#].concat());
        let rows = all(&configuration(&inner, &[ORDER, ui].concat()));
        assert!(
            rows.iter().any(|row| row.seen.contains("after ip2, and that after mz: a restart")),
            "{rows:?}"
        );
    }

    #[test]
    fn an_installation_on_a_file_system_of_the_cluster_is_behind_and_beside_it() {
        let with = |other: &str| {
            format!(r#"<rsc_colocation id="c" rsc="ec" with-rsc="{other}" score="INFINITY"/>"#)
        };
        let after = |other: &str| format!(r#"<rsc_order id="a" first="{other}" then="ec"/>"#);
        let cases = [
            (String::new(), "neither colocation with nor"),
            (after("fs"), "no colocation with that"),
            (
                [after("fs"), with("fs").replace("INFINITY", "500")].concat(),
                "no colocation with that",
            ),
            (with("fs"), "no mandatory, symmetrical order"),
            (
                [with("fs"), after("fs").replace("/>", " symmetrical=\"false\"/>")].concat(),
                "no mandatory, symmetrical order",
            ),
            ([with("fs"), after("fs")].concat(), ""),
            ([with("ip"), after("ip")].concat(), ""),
        ];
        for (constraints, words) in cases {
            let rows = beside("ec", "/opt/mz/inner", &constraints);
            let storage: Vec<_> = rows.iter().filter(|row| row.check == "storage").collect();
            let [row] = storage.as_slice() else { panic!("{constraints}: {rows:?}") };
            let level = if words.is_empty() { Level::Ok } else { Level::Error };
            assert!(row.level == level && row.seen.contains(words), "{constraints}: {row:?}");
            // It moves with its storage, as it has to.
            assert!(rows.iter().all(|row| row.level != Level::Warning), "{constraints}: {rows:?}");
        }
        assert!(beside("ec", "/opt/mzec", "").iter().all(|row| row.check != "storage"));
    }

    #[test]
    fn of_two_resources_for_one_pico_each_is_told_of_the_other() {
        let rows = beside("ec", "/opt/mz", "");
        assert!(rows.iter().all(|row| row.check != "one resource"));
        let set = |name: &str, value: &str| {
            format!(r#"<nvpair id="{name}" name="{name}" value="{value}"/>"#)
        };
        let ec = |id: &str, more: &str| {
            let pairs = [set("pico_name", "x"), more.to_owned()].concat();
            EC.replace("\"ec\" class", &format!("\"{id}\" class")).replace(
                "/>",
                &format!(
                    "><instance_attributes id=\"i\">{pairs}</instance_attributes></primitive>"
                ),
            )
        };
        // One by the default.
        let both = [ec("one", ""), ec("two", &set("mz_home", "/opt/mz"))].concat();
        let twice = check_results(&both, "")
            .into_iter()
            .filter(|row| *row == result(Level::Warning, "one resource"));
        assert_eq!(twice.count(), 2);
    }
}
