//! How the resources hang together: one Platform, and nobody restarted for it who need not be.

use super::row::{Area, Row};
use crate::cib::{Cib, Configured};
use pico::PicoType;

const AREA: Area = Area::Constraints;

/// What the constraints, groups and clones make of these resources.
pub(super) fn rows<'a>(cib: &Cib, resources: impl IntoIterator<Item = &'a Configured>) -> Vec<Row> {
    resources
        .into_iter()
        .flat_map(|resource| {
            let rows = match resource.resource.kind {
                PicoType::Platform => platform(cib, resource),
                // They go on without the Platform; the web UI does not, and is usually in one group with it.
                PicoType::ExecutionContext | PicoType::ServiceContext => context(cib, resource),
                PicoType::Ui => Vec::new(),
            };
            rows.into_iter().map(|row| row.of(resource.name()))
        })
        .collect()
}

fn platform(cib: &Cib, platform: &Configured) -> Vec<Row> {
    let clone =
        platform.within.iter().find(|container| ["clone", "master"].contains(&container.kind.as_str()));
    let mut rows = vec![match clone {
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

fn context(cib: &Cib, context: &Configured) -> Vec<Row> {
    let mut rows = Vec::new();
    let platforms = cib.resources.iter().filter(|other| other.resource.kind == PicoType::Platform);
    for platform in platforms {
        let group = |of: &Configured| of.within.iter().find(|c| c.kind == "group").map(|c| c.name.clone());
        if let Some(group) = group(platform).filter(|shared| group(context).as_ref() == Some(shared)) {
            rows.push(Row::warning(
                AREA,
                "group",
                format!("in one group with the Platform ({group}): it is restarted with it, and runs only beside it"),
                "take it out of the group; an order with symmetrical=false is enough",
            ));
            continue;
        }
        let restarts = cib.orders.iter().find(|order| {
            order.restarts && platform.answers_to(&order.first) && context.answers_to(&order.then)
        });
        if let Some(order) = restarts {
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
            colocation.forced && (joins(context, platform) || joins(platform, context))
        });
        if let Some(colocation) = tied {
            rows.push(Row::warning(
                AREA,
                "colocation",
                format!(
                    "{} ties it to the Platform: where one can't run, the other is stopped",
                    colocation.id
                ),
                "a score below INFINITY, or none: they belong on separate hosts",
            ));
        }
    }
    if rows.is_empty() {
        rows.push(Row::ok(AREA, "order, colocation", "nothing restarts or moves it with the Platform"));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::row::Level;

    fn found(inner: &str, constraints: &str) -> Vec<(Level, String)> {
        let cib = Cib::parse(&format!(
            "<configuration><resources>{inner}</resources><constraints>{constraints}</constraints></configuration>"
        ));
        let cib = cib.unwrap();
        rows(&cib, &cib.resources).into_iter().map(|row| (row.level, row.check)).collect()
    }

    const PLATFORM: &str = r#"<primitive id="mz" class="ocf" provider="mediationzone" type="platform"/>"#;
    const EC: &str = r#"<primitive id="ec" class="ocf" provider="mediationzone" type="ec"/>"#;

    fn words(level: Level, check: &str) -> (Level, String) {
        (level, check.to_owned())
    }

    #[test]
    fn one_platform_and_an_optional_order_are_well() {
        let well = [words(Level::Ok, "clone"), words(Level::Ok, "order, colocation")];
        let both = [PLATFORM, EC].concat();
        assert_eq!(found(&both, ""), well);
        assert_eq!(found(&both, r#"<rsc_order id="o" first="mz" then="ec" kind="Optional"/>"#), well);
        // The other way round it concerns nobody.
        assert_eq!(found(&both, r#"<rsc_order id="o" first="ec" then="mz"/>"#), well);
        assert_eq!(
            found(&both, r#"<rsc_colocation id="c" rsc="ec" with-rsc="mz" score="-INFINITY"/>"#),
            well
        );
    }

    #[test]
    fn a_cloned_platform_is_an_error_and_a_cloned_context_is_not() {
        let cloned = |inner| format!(r#"<clone id="c">{inner}</clone>"#);
        assert_eq!(found(&cloned(PLATFORM), ""), [words(Level::Error, "clone")]);
        assert_eq!(found(&cloned(EC), ""), [words(Level::Ok, "order, colocation")]);
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
        assert_eq!(last(&both, tied), words(Level::Warning, "colocation"));
        let turned = r#"<rsc_colocation id="c" rsc="mz" with-rsc="ec" score="INFINITY"/>"#;
        assert_eq!(last(&both, turned), words(Level::Warning, "colocation"));
        let grouped = format!(r#"<group id="g">{both}</group>"#);
        assert_eq!(last(&grouped, ""), words(Level::Warning, "group"));
        let own_group = format!(r#"<group id="g">{PLATFORM}</group><clone id="c">{EC}</clone>"#);
        assert_eq!(
            last(&own_group, r#"<rsc_order id="o" first="g" then="c"/>"#),
            words(Level::Warning, "order")
        );
    }
}
