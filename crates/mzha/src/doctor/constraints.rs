//! How the resources hang together: one Platform, and nobody restarted for it who need not be.
//!
//! An EC, SC or UI goes on without the Platform, and does not start without it. So exactly one kind of order is right: mandatory, else
//! it is started while the Platform is away, fails, and is barred from its node; and with `symmetrical=false`, else it is stopped and started
//! with the Platform. The web UI needs the Platform's address and storage, but not the Platform beside it: it is tied to the address.
//! Only a direct order counts: one by way of a third resource holds no longer once that runs.

use super::row::{Area, Row};
use crate::cib::{Cib, Configured, Container, Order};
use pico::PicoType;

const AREA: Area = Area::Constraints;

/// What the constraints, groups and clones make of these resources.
pub(super) fn rows<'a>(cib: &Cib, resources: impl IntoIterator<Item = &'a Configured>) -> Vec<Row> {
    resources
        .into_iter()
        .flat_map(|resource| {
            let rows = match resource.resource.kind {
                PicoType::Platform => platform(cib, resource),
                PicoType::ExecutionContext | PicoType::ServiceContext | PicoType::Ui => {
                    dependant(cib, resource)
                }
            };
            rows.into_iter().map(|row| row.of(resource.name()))
        })
        .collect()
}

fn platform(cib: &Cib, platform: &Configured) -> Vec<Row> {
    let mut rows = vec![match platform.cloned_by() {
        Some(clone) => Row::error(
            AREA,
            "clone",
            format!("it is in clone {}: several Platforms would run on one database", clone.name),
            "a Platform is a resource of its own, or in a group",
        ),
        None => Row::ok(AREA, "clone", "not cloned: one Platform in the cluster"),
    }];
    for other in &cib.resources {
        let same = |name: &str| platform.resource.parameters.get(name) == other.resource.parameters.get(name);
        if other.resource.kind == PicoType::Platform
            && other != platform
            && same("mz_home")
            && same("pico_name")
        {
            let seen = format!("{} manages the same pico", other.name());
            rows.push(Row::error(AREA, "one resource", seen, "remove one of the two"));
        }
    }
    rows
}

/// What a clone of one pico comes to: all its instances have the same parameters.
fn cloned(clone: &Container) -> Row {
    let name = &clone.name;
    if clone.globally_unique {
        let seen = format!(
            "it is in clone {name}, which is globally-unique: all its instances are one pico, and a start is refused"
        );
        return Row::error(AREA, "clone", seen, "a resource for each pico, without a clone");
    }
    let seen = format!("it is in clone {name}: several nodes run a pico of the same name");
    let todo = "a resource for each pico, without a clone, unless the product is known to bear that";
    Row::warning(AREA, "clone", seen, todo)
}

/// What has to do with the Platform, and lives without it: an EC, an SC, a UI.
fn dependant(cib: &Cib, dependant: &Configured) -> Vec<Row> {
    let is_ui = dependant.resource.kind == PicoType::Ui;
    let platforms = || cib.resources.iter().filter(|other| other.resource.kind == PicoType::Platform);
    let mut rows: Vec<Row> = dependant.cloned_by().map(cloned).into_iter().collect();
    // Of several Platforms it belongs to one.
    let mut waits = false;
    for platform in platforms() {
        let group = |of: &Configured| of.within.iter().find(|c| c.kind == "group").map(|c| c.name.clone());
        if let Some(group) = group(platform).filter(|shared| group(dependant).as_ref() == Some(shared)) {
            rows.push(Row::warning(
                AREA,
                "group",
                format!("in one group with the Platform ({group}): it is restarted with it, and runs only beside it"),
                if is_ui {
                    "take it out of the group; tie it to the address, and order it after the Platform with symmetrical=false"
                } else {
                    "take it out of the group; an order with symmetrical=false is enough"
                },
            ));
            waits = true;
            continue;
        }
        waits |= orders(cib, platform, dependant).any(|order| order.mandatory);
        if let Some(order) = orders(cib, platform, dependant).find(|order| order.restarts) {
            rows.push(Row::warning(
                AREA,
                "order",
                format!("{} is mandatory: a restart of the Platform stops and starts it, too", order.id),
                "symmetrical=false: it goes on without the Platform, and connects again by itself",
            ));
        }
        let tied = cib.colocations.iter().find(|colocation| {
            let joins = |one: &Configured, other: &Configured| {
                one.answers_to(&colocation.follower) && other.answers_to(&colocation.anchor)
            };
            colocation.forced && (joins(dependant, platform) || joins(platform, dependant))
        });
        if let Some(colocation) = tied {
            rows.push(Row::warning(
                AREA,
                "colocation",
                format!(
                    "{} ties it to the Platform: where one can't run, the other is stopped",
                    colocation.id
                ),
                if is_ui {
                    "tie it to the address instead: that stays up while the Platform is stopped"
                } else {
                    "a score below INFINITY, or none: they belong on separate hosts"
                },
            ));
        }
    }
    if let Some(platform) = platforms().next().filter(|_| !waits) {
        let loose = platforms().find_map(|platform| orders(cib, platform, dependant).next());
        let seen = loose.map_or_else(
            || "no order has it wait for the Platform".to_owned(),
            |order| format!("{} is not mandatory", order.id),
        );
        rows.push(Row::warning(
            AREA,
            "order",
            format!("{seen}: it is started while the Platform is away, fails, and is barred from its node"),
            format!(
                "order start {} then start {}, kind=Mandatory symmetrical=false: it waits for the Platform, and is not stopped with it",
                platform.name(),
                dependant.name()
            ),
        ));
    }
    if rows.is_empty() {
        rows.push(Row::ok(AREA, "order, colocation", "nothing restarts or moves it with the Platform"));
    }
    rows
}

/// The orders from the Platform, or what it is in, to this.
fn orders<'a>(
    cib: &'a Cib,
    platform: &'a Configured,
    dependant: &'a Configured,
) -> impl Iterator<Item = &'a Order> {
    cib.orders.iter().filter(|order| platform.answers_to(&order.first) && dependant.answers_to(&order.then))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::row::Level;

    fn configuration(inner: &str, constraints: &str) -> Cib {
        let cib = Cib::parse(&format!(
            "<configuration><resources>{inner}</resources><constraints>{constraints}</constraints></configuration>"
        ));
        cib.unwrap()
    }

    fn found(inner: &str, constraints: &str) -> Vec<(Level, String)> {
        let cib = configuration(inner, constraints);
        rows(&cib, &cib.resources).into_iter().map(|row| (row.level, row.check)).collect()
    }

    const PLATFORM: &str = r#"<primitive id="mz" class="ocf" provider="mediationzone" type="platform"/>"#;
    const EC: &str = r#"<primitive id="ec" class="ocf" provider="mediationzone" type="ec"/>"#;

    fn words(level: Level, check: &str) -> (Level, String) {
        (level, check.to_owned())
    }

    /// As the README has it, for an EC.
    const ORDER: &str = r#"<rsc_order id="o" first="mz" then="ec" symmetrical="false"/>"#;

    #[test]
    fn one_platform_and_a_mandatory_order_one_way_are_well() {
        let well = [words(Level::Ok, "clone"), words(Level::Ok, "order, colocation")];
        for kind in ["ec", "sc", "ui"] {
            let both = [PLATFORM, &EC.replace("type=\"ec\"", &format!("type=\"{kind}\""))].concat();
            assert_eq!(found(&both, ORDER), well, "{kind}");
            let apart = r#"<rsc_colocation id="c" rsc="ec" with-rsc="mz" score="-INFINITY"/>"#;
            assert_eq!(found(&both, &[ORDER, apart].concat()), well, "{kind}");
            // By its group, and of several Platforms from its own.
            let grouped = both.replace(PLATFORM, &format!(r#"<group id="g">{PLATFORM}</group>"#));
            assert_eq!(found(&grouped, &ORDER.replace("\"mz\"", "\"g\"")), well, "{kind}");
            let home = r#"<nvpair id="n" name="mz_home" value="/opt/two"/>"#;
            let inner = format!("><instance_attributes id=\"i\">{home}</instance_attributes></primitive>");
            let other = PLATFORM.replace("id=\"mz\"", "id=\"mz2\"").replace("/>", &inner);
            let rows = found(&[&both, other.as_str()].concat(), ORDER);
            assert!(rows.iter().all(|(level, _)| *level == Level::Ok), "{kind}: {rows:?}");
        }
    }

    /// Each of these lets it be started while the Platform is away.
    #[test]
    fn no_order_or_one_that_is_not_mandatory_is_a_warning_with_the_right_one() {
        let loose = [
            ("", "no order has it wait"),
            (r#"<rsc_order id="o" first="mz" then="ec" kind="Optional"/>"#, "o is not mandatory"),
            (r#"<rsc_order id="o" first="mz" then="ec" kind="Serialize"/>"#, "o is not mandatory"),
            (r#"<rsc_order id="o" first="mz" then="ec" score="0"/>"#, "o is not mandatory"),
            (r#"<rsc_order id="o" first="ec" then="mz" symmetrical="false"/>"#, "no order has it wait"),
            (r#"<rsc_order id="o" first="mz" then="ec" first-action="stop"/>"#, "no order has it wait"),
        ];
        for kind in ["ec", "sc", "ui"] {
            let both = [PLATFORM, &EC.replace("type=\"ec\"", &format!("type=\"{kind}\""))].concat();
            for (constraint, seen) in loose {
                let cib = configuration(&both, constraint);
                let row = rows(&cib, &cib.resources).pop().unwrap();
                assert_eq!((row.level, row.check.as_str()), (Level::Warning, "order"), "{kind} {constraint}");
                assert!(row.seen.starts_with(seen), "{kind} {constraint}: {}", row.seen);
                let todo = row.todo.unwrap();
                let right = "order start mz then start ec, kind=Mandatory symmetrical=false";
                assert!(todo.starts_with(right), "{todo}");
            }
        }
    }

    #[test]
    fn a_cloned_platform_is_an_error_and_a_cloned_context_is_one_where_it_is_globally_unique() {
        let cloned = |inner: &str| format!(r#"<clone id="c">{inner}</clone>"#);
        assert_eq!(found(&cloned(PLATFORM), ""), [words(Level::Error, "clone")]);
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
                let rows = found(&cloned(&inner.replace("type=\"ec\"", &format!("type=\"{kind}\""))), "");
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
        assert!(found(&twice, "").contains(&words(Level::Error, "one resource")));
    }

    #[test]
    fn what_restarts_or_ties_a_context_is_found_by_itself_or_by_its_group() {
        let both = [PLATFORM, EC].concat();
        let last = |inner: &str, constraints: &str| found(inner, constraints).pop().unwrap();
        assert_eq!(
            last(&both, r#"<rsc_order id="o" first="mz" then="ec"/>"#),
            words(Level::Warning, "order")
        );
        let tied = r#"<rsc_colocation id="c" rsc="ec" with-rsc="mz" score="INFINITY"/>"#;
        assert_eq!(last(&both, &[ORDER, tied].concat()), words(Level::Warning, "colocation"));
        let turned = r#"<rsc_colocation id="c" rsc="mz" with-rsc="ec" score="INFINITY"/>"#;
        assert_eq!(last(&both, &[ORDER, turned].concat()), words(Level::Warning, "colocation"));
        let grouped = format!(r#"<group id="g">{both}</group>"#);
        assert_eq!(last(&grouped, ""), words(Level::Warning, "group"));
        let own_group = format!(r#"<group id="g">{PLATFORM}</group><clone id="c">{EC}</clone>"#);
        assert_eq!(
            last(&own_group, r#"<rsc_order id="o" first="g" then="c"/>"#),
            words(Level::Warning, "order")
        );
    }
}
