//! Orders and colocations, as pairs: a constraint over sets of resources stands for all pairs that follow from it.

use super::attributes::score;
use super::{Cib, Xml};
use roxmltree::Node;

/// What must, or may, come before what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Name of the constraint.
    pub id: String,
    /// What is started first.
    pub first: String,
    /// What is started then.
    pub then: String,
    /// The other is not started unless the first runs.
    pub mandatory: bool,
    /// If the first is restarted, so is the other: the order is mandatory, and holds in both directions.
    pub restarts: bool,
}

/// What must run where something else runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Colocation {
    /// Name of the constraint.
    pub id: String,
    /// The one that follows.
    pub follower: String,
    /// The one that it must be with.
    pub anchor: String,
    /// Is it forced, so that the follower can run nowhere else?
    pub forced: bool,
}

impl<'a> Xml<'a> {
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
            (None, Some(text)) => score(text) != 0,
            (None, None) => true,
        };
        let restarts = mandatory && of("symmetrical").is_none_or(super::is_true);
        let pairs = match (of("first"), of("then")) {
            (Some(first), Some(then)) if starts(of("first-action")) && starts(of("then-action")) => {
                vec![(first.to_owned(), then.to_owned())]
            }
            (Some(_), Some(_)) => Vec::new(),
            _ => self.pairs(order, |set| starts(set.attribute("action"))),
        };
        let id = of("id").unwrap_or_default();
        let one = |(first, then)| Order { id: id.to_owned(), first, then, mandatory, restarts };
        pairs.into_iter().map(one).collect()
    }

    fn colocation(&self, colocation: Node<'a, 'a>) -> Vec<Colocation> {
        let of = |name| colocation.attribute(name);
        let forced = of("score").is_some_and(|text| score(text) >= score("INFINITY"));
        let pairs = match (of("rsc"), of("with-rsc")) {
            (Some(follower), Some(anchor)) => vec![(anchor.to_owned(), follower.to_owned())],
            // In a set each follows the one before it, and a set follows the one after it. Who follows whom matters less
            // here than that they are together.
            _ => self.pairs(colocation, |_| true),
        };
        let id = of("id").unwrap_or_default();
        let one = |(anchor, follower)| Colocation { id: id.to_owned(), follower, anchor, forced };
        pairs.into_iter().map(one).collect()
    }

    /// Of the sets of a constraint: each member with each of the sets behind its own, and with those behind it in its own
    /// where the set is a sequence.
    fn pairs(
        &self,
        constraint: Node<'a, 'a>,
        counts: impl Fn(&Node<'a, 'a>) -> bool,
    ) -> Vec<(String, String)> {
        let sets: Vec<(bool, Vec<String>)> = self
            .children(constraint, "resource_set")
            .into_iter()
            .filter(counts)
            .map(|set| {
                let members = set.children().filter(|child| child.has_tag_name("resource_ref"));
                let members = members.filter_map(|child| Some(child.attribute("id")?.to_owned()));
                (set.attribute("sequential").is_none_or(super::is_true), members.collect())
            })
            .collect();
        let mut pairs = Vec::new();
        for (at, (in_sequence, members)) in sets.iter().enumerate() {
            for (place, one) in members.iter().enumerate() {
                let own = if *in_sequence { &members[place + 1..] } else { &[] };
                let behind = sets[at + 1..].iter().flat_map(|(_, members)| members);
                pairs.extend(own.iter().chain(behind).map(|other| (one.clone(), other.clone())));
            }
        }
        pairs
    }
}
