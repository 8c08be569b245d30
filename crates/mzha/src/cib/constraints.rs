//! Orders and colocations as pairs; a constraint over resource sets is expanded into pairs.

use super::attributes::{INFINITY, parse_score};
use super::{Cib, CibXml};
use roxmltree::Node;

/// `first` starts before `then`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// ID of the constraint.
    pub id: String,
    pub first: String,
    pub then: String,
    /// `then` starts only if `first` runs.
    pub mandatory: bool,
    /// A restart of `first` restarts `then`: the order is mandatory and symmetrical.
    pub restarts: bool,
}

/// `follower` runs on the node of `anchor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colocation {
    /// ID of the constraint.
    pub id: String,
    pub follower: String,
    pub anchor: String,
    /// Score INFINITY: the follower can run nowhere else.
    pub forced: bool,
}

impl<'a> CibXml<'a> {
    pub(super) fn read_constraints(&self, cib: &mut Cib) {
        for constraints in self.children(self.root, "constraints") {
            for order in self.children(constraints, "rsc_order") {
                cib.orders.extend(self.order(order));
            }
            for colocation in self.children(constraints, "rsc_colocation") {
                cib.colocations.extend(self.colocation(colocation));
            }
        }
    }

    fn order(&self, order: Node<'a, 'a>) -> Vec<Order> {
        let of = |name| order.attribute(name);
        let starts = |action: Option<&str>| action.is_none_or(|action| action == "start");
        let mandatory = match (of("kind"), of("score")) {
            (Some(kind), _) => kind.eq_ignore_ascii_case("mandatory"),
            (None, Some(text)) => parse_score(text) != 0,
            (None, None) => true,
        };
        let restarts = mandatory && of("symmetrical").is_none_or(super::is_true);
        let pairs = match (of("first"), of("then")) {
            (Some(first), Some(then))
                if starts(of("first-action")) && starts(of("then-action")) =>
            {
                product(&self.meant(first), &self.meant(then))
            }
            (Some(_), Some(_)) => Vec::new(),
            _ => self.ordered(order, |set| starts(set.attribute("action"))),
        };
        let id = of("id").unwrap_or_default();
        let one = |(first, then)| Order { id: id.to_owned(), first, then, mandatory, restarts };
        pairs.into_iter().map(one).collect()
    }

    fn colocation(&self, colocation: Node<'a, 'a>) -> Vec<Colocation> {
        let of = |name| colocation.attribute(name);
        let forced = |of: Option<&str>| of.is_some_and(|text| parse_score(text) >= INFINITY);
        // Another attribute than the node's name puts them on one site or in one rack, not on one node.
        let one_node = of("node-attribute").is_none_or(|attribute| attribute == "#uname");
        let id = of("id").unwrap_or_default();
        let all = |pairs: Vec<(String, String)>, forced: bool| {
            let one = move |(follower, anchor)| Colocation {
                id: id.to_owned(),
                follower,
                anchor,
                forced,
            };
            pairs.into_iter().map(one).collect::<Vec<_>>()
        };
        if let (Some(follower), Some(anchor)) = (of("rsc"), of("with-rsc")) {
            return all(
                product(&self.meant(follower), &self.meant(anchor)),
                forced(of("score")) && one_node,
            );
        }
        let sets = self.sets(colocation, |_| true);
        let mut found = Vec::new();
        for Set { element, in_sequence, members } in &sets {
            // In a set each follows the one before it, by the set's own score if it has one.
            let own = if *in_sequence { members.as_slice() } else { &[] };
            let pairs = own.windows(2).map(|two| (two[1].clone(), two[0].clone())).collect();
            found.extend(all(pairs, forced(element.attribute("score").or(of("score")))));
        }
        for two in sets.windows(2) {
            // The first of a sequence follows the last of the next set's; without a sequence each counts.
            let [one, next] = two else { continue };
            let followers =
                if one.in_sequence { one.members.get(..1) } else { None }.unwrap_or(&one.members);
            let last = next.members.len().saturating_sub(1);
            let anchors = if next.in_sequence { next.members.get(last..) } else { None }
                .unwrap_or(&next.members);
            found.extend(all(product(followers, anchors), forced(of("score"))));
        }
        found
    }

    /// Of the sets of an order: each member with each of the sets behind its own, and with those behind it in its own
    /// where the set is a sequence.
    fn ordered(
        &self,
        constraint: Node<'a, 'a>,
        counts: impl Fn(&Node<'a, 'a>) -> bool,
    ) -> Vec<(String, String)> {
        let sets = self.sets(constraint, counts);
        let mut pairs = Vec::new();
        for (at, Set { in_sequence, members, .. }) in sets.iter().enumerate() {
            for (place, one) in members.iter().enumerate() {
                let own = if *in_sequence { &members[place + 1..] } else { &[] };
                let behind = sets[at + 1..].iter().flat_map(|set| &set.members);
                pairs.extend(own.iter().chain(behind).map(|other| (one.clone(), other.clone())));
            }
        }
        pairs
    }

    fn sets(
        &self,
        constraint: Node<'a, 'a>,
        counts: impl Fn(&Node<'a, 'a>) -> bool,
    ) -> Vec<Set<'a>> {
        let sets = self.children(constraint, "resource_set").into_iter().filter(counts);
        sets.map(|element| {
            let members = element.children().filter(|child| child.has_tag_name("resource_ref"));
            let members = members.filter_map(|child| child.attribute("id"));
            let members = members.flat_map(|id| self.meant(id)).collect();
            let in_sequence = element.attribute("sequential").is_none_or(super::is_true);
            Set { element, in_sequence, members }
        })
        .collect()
    }

    /// Resources behind a name in a constraint; a tag or a template can stand for several.
    fn meant(&self, name: &str) -> Vec<String> {
        let ids = |nodes: &mut dyn Iterator<Item = Node<'a, 'a>>| -> Vec<String> {
            nodes.filter_map(|node| Some(node.attribute("id")?.to_owned())).collect()
        };
        match self.by_id.get(name) {
            Some(tag) if tag.has_tag_name("tag") => {
                ids(&mut tag.children().filter(|child| child.has_tag_name("obj_ref")))
            }
            Some(template) if template.has_tag_name("template") => {
                let primitives =
                    self.root.descendants().filter(|node| node.has_tag_name("primitive"));
                ids(&mut primitives.filter(|node| node.attribute("template") == Some(name)))
            }
            _ => vec![name.to_owned()],
        }
    }
}

struct Set<'a> {
    element: Node<'a, 'a>,
    in_sequence: bool,
    members: Vec<String>,
}

fn product(ones: &[String], others: &[String]) -> Vec<(String, String)> {
    ones.iter()
        .flat_map(|one| others.iter().map(move |other| (one.clone(), other.clone())))
        .collect()
}
