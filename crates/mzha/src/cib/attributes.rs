//! Attribute sets and their precedence.

use super::CibXml;
use roxmltree::Node;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub(super) values: BTreeMap<String, String>,
    pub(super) skipped: Vec<String>,
}

impl Attributes {
    /// Adds the values of `others` that are not set here.
    pub(super) fn with_defaults(mut self, others: &BTreeMap<String, String>) -> Self {
        for (name, value) in others {
            self.values.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self
    }
}

impl<'a> CibXml<'a> {
    /// All sets of this tag in these elements; later elements take precedence.
    pub(super) fn attributes(&self, elements: &[Node<'a, 'a>], tag: &str) -> Attributes {
        let mut sets: Vec<Node> =
            elements.iter().flat_map(|&element| self.children(element, tag)).collect();
        // The higher score counts, of equal ones the later set.
        sets.reverse();
        sets.sort_by_key(|set| std::cmp::Reverse(set.attribute("score").map_or(0, parse_score)));
        let mut found = Attributes::default();
        for set in sets {
            if set.children().any(|child| child.has_tag_name("rule")) {
                found.skipped.push(format!(
                    "{} depends on a rule, which is not evaluated",
                    set.attribute("id").unwrap_or(tag)
                ));
                continue;
            }
            for pair in set.children().filter(|child| child.has_tag_name("nvpair")) {
                let Some(definition) = self.dereference(pair) else { continue };
                let name = pair.attribute("name").or_else(|| definition.attribute("name"));
                if let (Some(name), Some(value)) = (name, definition.attribute("value")) {
                    found.values.entry(name.to_owned()).or_insert_with(|| value.to_owned());
                }
            }
        }
        found
    }
}

/// Pacemaker's INFINITY, the highest score.
pub const INFINITY: i64 = 1_000_000;

#[must_use]
pub fn parse_score(text: &str) -> i64 {
    match text.trim().to_ascii_uppercase().as_str() {
        "INFINITY" | "+INFINITY" => INFINITY,
        "-INFINITY" => -INFINITY,
        number => number.parse::<i64>().unwrap_or(0).clamp(-INFINITY, INFINITY),
    }
}
