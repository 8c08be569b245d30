//! Which resources share a node and start after each other, through groups, sets, tags and chains of constraints.

use super::{Cib, CibXml, is_true};
use roxmltree::Node;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Primitives by their own name and by the names of the group, clone or bundle around them.
    stands_for: BTreeMap<String, Vec<String>>,
    groups: BTreeMap<String, Group>,
    /// Primitives that can run on several nodes.
    cloned: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    members: Vec<String>,
    ordered: bool,
    collocated: bool,
}

impl Placement {
    fn primitives(&self, name: &str) -> &[String] {
        self.stands_for.get(name).map_or(&[], Vec::as_slice)
    }

    fn includes(&self, name: &str, primitive: &str) -> bool {
        self.primitives(name).iter().any(|one| one == primitive)
    }
}

impl<'a> CibXml<'a> {
    pub(super) fn place(&self, placement: &mut Placement, name: &str, containers: &[Node<'a, 'a>]) {
        let mut stands = |whole: &str| {
            placement.stands_for.entry(whole.to_owned()).or_default().push(name.to_owned());
        };
        stands(name);
        for container in containers {
            let whole = container.attribute("id").unwrap_or_default();
            stands(whole);
            if container.has_tag_name("group") {
                let meta = self.attributes(&[*container], "meta_attributes").values;
                let unless_off = |name: &str| meta.get(name).is_none_or(|value| is_true(value));
                let group = placement.groups.entry(whole.to_owned()).or_default();
                group.members.push(name.to_owned());
                (group.ordered, group.collocated) =
                    (unless_off("ordered"), unless_off("collocated"));
            } else {
                placement.cloned.insert(name.to_owned());
            }
        }
    }
}

impl Cib {
    /// The chain of forced colocations that keeps one primitive on the node of another, from the one to the other. An instance of a clone
    /// leads on to what it follows, and not to what follows it, which may be beside another instance.
    #[must_use]
    pub fn together<'a>(&'a self, one: &'a str, other: &str) -> Option<Vec<&'a str>> {
        chain(one, other, |primitive| {
            let cloned = |name: &str| self.placement.cloned.contains(name);
            let groups = self
                .placement
                .groups
                .values()
                .filter(|group| group.collocated && has(&group.members, primitive));
            let mut next: Vec<&str> =
                groups.flat_map(|group| &group.members).map(String::as_str).collect();
            for colocation in self.colocations.iter().filter(|colocation| colocation.forced) {
                if self.placement.includes(&colocation.follower, primitive) {
                    next.extend(
                        self.placement.primitives(&colocation.anchor).iter().map(String::as_str),
                    );
                }
                if !cloned(primitive) && self.placement.includes(&colocation.anchor, primitive) {
                    let followers = self.placement.primitives(&colocation.follower).iter();
                    next.extend(followers.map(String::as_str).filter(|follower| !cloned(follower)));
                }
            }
            next
        })
    }

    /// The chain of symmetrical orders by which one primitive starts after another and stops before it.
    #[must_use]
    pub fn starts_after<'a>(&'a self, one: &'a str, other: &str) -> Option<Vec<&'a str>> {
        chain(one, other, |primitive| self.starts_directly_after(primitive))
    }

    #[must_use]
    pub fn all_before<'a>(&'a self, one: &'a str) -> Vec<&'a str> {
        reached(one, |primitive| self.starts_directly_after(primitive))
            .into_keys()
            .filter(|name| *name != one)
            .collect()
    }

    fn starts_directly_after(&self, primitive: &str) -> Vec<&str> {
        let groups = self.placement.groups.values().filter(|group| group.ordered);
        let mut before: Vec<&str> = groups
            .filter(|group| has(&group.members, primitive))
            .flat_map(|group| {
                group.members.iter().map(String::as_str).take_while(|member| *member != primitive)
            })
            .collect();
        let orders = self.orders.iter().filter(|order| order.restarts);
        let orders = orders.filter(|order| self.placement.includes(&order.then, primitive));
        before.extend(
            orders.flat_map(|order| self.placement.primitives(&order.first)).map(String::as_str),
        );
        before
    }
}

fn has(members: &[String], name: &str) -> bool {
    members.iter().any(|member| member == name)
}

/// The shortest path from one name to another, both ends included.
fn chain<'a>(from: &'a str, to: &str, next: impl Fn(&str) -> Vec<&'a str>) -> Option<Vec<&'a str>> {
    let reached = reached(from, next);
    let (&end, _) = reached.get_key_value(to)?;
    let mut way: Vec<&str> = std::iter::successors(Some(end), |name| reached[name]).collect();
    way.reverse();
    Some(way)
}

/// Each reachable name with its predecessor.
fn reached<'a>(
    from: &'a str,
    next: impl Fn(&str) -> Vec<&'a str>,
) -> BTreeMap<&'a str, Option<&'a str>> {
    let mut reached = BTreeMap::from([(from, None)]);
    let mut open = VecDeque::from([from]);
    while let Some(name) = open.pop_front() {
        for other in next(name) {
            if !reached.contains_key(other) {
                reached.insert(other, Some(name));
                open.push_back(other);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOURCES: &str = r#"<primitive id="a"/><primitive id="b"/><primitive id="c"/><group id="g"><primitive id="g1"/><primitive id="g2"/></group>
        <clone id="k"><primitive id="k1"/></clone><clone id="kg"><group id="q"><primitive id="q1"/><primitive id="q2"/></group></clone>"#;

    fn cib(constraints: &str) -> Cib {
        Cib::parse(&format!(
            r#"<configuration><resources>{RESOURCES}</resources><constraints>{constraints}</constraints>
            <tags><tag id="t"><obj_ref id="b"/><obj_ref id="c"/></tag></tags></configuration>"#
        ))
        .unwrap()
    }

    fn colocated(pairs: &[(&str, &str)]) -> Cib {
        let one = |&(rsc, with): &(&str, &str)| {
            format!(
                r#"<rsc_colocation id="{rsc}-{with}" rsc="{rsc}" with-rsc="{with}" score="INFINITY"/>"#
            )
        };
        cib(&pairs.iter().map(one).collect::<String>())
    }

    #[test]
    fn resources_are_together_by_any_chain_of_forced_colocations() {
        let chain = [
            (&[][..], "g2", "g1", Some(&["g2", "g1"][..])),
            (&[], "a", "b", None),
            (&[("a", "b"), ("b", "c")], "a", "c", Some(&["a", "b", "c"])),
            // Two that follow a third.
            (&[("a", "b"), ("c", "b")], "a", "c", Some(&["a", "b", "c"])),
            (&[("a", "g")], "a", "g1", Some(&["a", "g1"])),
            (&[("a", "g2")], "a", "g1", Some(&["a", "g2", "g1"])),
            (&[("a", "t")], "a", "c", Some(&["a", "c"])),
            (&[("a", "k")], "a", "k1", Some(&["a", "k1"])),
            // Each may be beside another instance.
            (&[("a", "k"), ("b", "k")], "a", "b", None),
            (&[("a", "kg"), ("kg", "k")], "a", "k1", Some(&["a", "q1", "k1"])),
        ];
        for (pairs, one, other, expected) in chain {
            assert_eq!(
                colocated(pairs).together(one, other).as_deref(),
                expected,
                "{pairs:?} {one} {other}"
            );
        }
        for loose in [
            r#"<rsc_colocation id="1" rsc="a" with-rsc="b" score="1000"/>"#,
            r#"<rsc_colocation id="1" rsc="a" with-rsc="b" score="-INFINITY"/>"#,
            r#"<rsc_colocation id="1" rsc="a" with-rsc="b" score="INFINITY" node-attribute="site"/>"#,
            r#"<rsc_colocation id="1" score="INFINITY"><resource_set id="s" sequential="false"><resource_ref id="a"/><resource_ref id="b"/></resource_set></rsc_colocation>"#,
            r#"<rsc_colocation id="1" score="INFINITY"><resource_set id="s" score="5"><resource_ref id="a"/><resource_ref id="b"/></resource_set></rsc_colocation>"#,
        ] {
            assert_eq!(cib(loose).together("a", "b"), None, "{loose}");
        }
        for forced in [
            r#"<rsc_colocation id="1" score="INFINITY"><resource_set id="s"><resource_ref id="a"/><resource_ref id="c"/><resource_ref id="b"/></resource_set></rsc_colocation>"#,
            r#"<rsc_colocation id="1" score="INFINITY"><resource_set id="s" sequential="false"><resource_ref id="a"/><resource_ref id="c"/></resource_set>
            <resource_set id="s2"><resource_ref id="b"/></resource_set></rsc_colocation>"#,
        ] {
            assert!(cib(forced).together("a", "b").is_some(), "{forced}");
        }
    }

    #[test]
    fn a_group_can_be_neither_ordered_nor_collocated() {
        let with = |name: &str| {
            let meta = format!(
                r#"<meta_attributes id="m"><nvpair id="n" name="{name}" value="false"/></meta_attributes>"#
            );
            let group = format!(
                r#"<resources><group id="g">{meta}<primitive id="a"/><primitive id="b"/></group></resources>"#
            );
            Cib::parse(&format!("<configuration>{group}</configuration>")).unwrap()
        };
        let (loose, unordered) = (with("collocated"), with("ordered"));
        assert_eq!(
            (loose.together("b", "a"), loose.starts_after("b", "a")),
            (None, Some(vec!["b", "a"]))
        );
        assert_eq!(
            (unordered.together("b", "a"), unordered.starts_after("b", "a")),
            (Some(vec!["b", "a"]), None)
        );
    }

    #[test]
    fn a_start_follows_another_by_mandatory_orders_that_hold_both_ways() {
        let order = |first: &str, then: &str, more: &str| {
            format!(r#"<rsc_order id="{first}-{then}" first="{first}" then="{then}" {more}/>"#)
        };
        assert_eq!(cib("").starts_after("g2", "g1"), Some(vec!["g2", "g1"]));
        assert_eq!(cib("").starts_after("g1", "g2"), None);
        let two = [order("a", "b", ""), order("b", "g", "")].concat();
        assert_eq!(cib(&two).starts_after("g1", "a"), Some(vec!["g1", "b", "a"]));
        assert_eq!(cib(&two).all_before("g2"), ["a", "b", "g1"]);
        assert_eq!(cib(&order("k", "a", "")).starts_after("a", "k1"), Some(vec!["a", "k1"]));
        for loose in [r#"kind="Optional""#, r#"symmetrical="false""#] {
            assert_eq!(cib(&order("a", "b", loose)).starts_after("b", "a"), None, "{loose}");
        }
    }
}
