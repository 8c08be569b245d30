//! What an agent saw, for a person or for a program of one.

use crate::json;
use crate::visible::visible;
use std::fmt::{Display, Write as _};

/// What was seen, point by point, in the order in which it was added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    points: Vec<(String, String)>,
}

/// Width of the first column, for people.
const COLUMN: usize = 18;

impl Evidence {
    /// One more point: what was looked at, and what was seen. What is looked at has one point.
    pub fn add(&mut self, what: &str, seen: impl Display) {
        self.points.push((what.to_owned(), seen.to_string()));
    }

    /// A line a point.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (what, seen) in &self.points {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{:<COLUMN$}{}", visible(what), visible(seen));
        }
        text
    }

    /// A JSON object: a member a point.
    pub(crate) fn json(&self) -> String {
        let mut text = String::from("{");
        for (at, (what, seen)) in self.points.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            json::string(what, &mut text);
            text.push(':');
            json::string(seen, &mut text);
        }
        text + "}"
    }
}
