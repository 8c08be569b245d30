//! The evidence of an `explain`, as text for people or as JSON.

use crate::escape::escape_unprintable;
use crate::json;
use std::fmt::{Display, Write as _};

/// What an agent saw, as points in the order of their addition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    points: Vec<(String, String)>,
}

/// Minimum width of the first column of the text.
const MIN_COLUMN_WIDTH: usize = 18;

impl Evidence {
    /// Adds a point: the name of the thing and the observation. Several points may share a name.
    pub fn add(&mut self, what: &str, seen: impl Display) {
        self.points.push((what.to_owned(), seen.to_string()));
    }

    /// One line for each point.
    pub(crate) fn to_text(&self) -> String {
        let lines: Vec<(String, String)> = self
            .points
            .iter()
            .map(|(what, seen)| (escape_unprintable(what), escape_unprintable(seen)))
            .collect();
        let longest = lines.iter().map(|(what, _)| what.chars().count() + 2).max().unwrap_or(0);
        let column = longest.max(MIN_COLUMN_WIDTH);
        let mut text = String::new();
        for (what, seen) in lines {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{what:<column$}{seen}");
        }
        text
    }

    /// A JSON object with a member for each name; a name with several points has an array.
    pub(crate) fn to_json(&self) -> String {
        let mut text = String::from("{");
        for (at, (what, _)) in self.points.iter().enumerate() {
            if self.points[..at].iter().any(|(before, _)| before == what) {
                continue;
            }
            if at > 0 {
                text.push(',');
            }
            json::push_string(what, &mut text);
            text.push(':');
            let all: Vec<&str> = self
                .points
                .iter()
                .filter(|(other, _)| other == what)
                .map(|(_, seen)| seen.as_str())
                .collect();
            match all.as_slice() {
                [seen] => json::push_string(seen, &mut text),
                several => {
                    for (at, seen) in several.iter().enumerate() {
                        text.push(if at == 0 { '[' } else { ',' });
                        json::push_string(seen, &mut text);
                    }
                    text.push(']');
                }
            }
        }
        text + "}"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(points: &[(&str, &str)]) -> Evidence {
        let mut evidence = Evidence::default();
        for (what, seen) in points {
            evidence.add(what, seen);
        }
        evidence
    }

    #[test]
    fn evidence_text_widens_the_first_column_for_a_long_name() {
        let said =
            evidence(&[("port", "26000"), ("pico.rcp.platform.host", "localhost")]).to_text();
        assert_eq!(said, "port                    26000\npico.rcp.platform.host  localhost\n");
    }

    #[test]
    fn evidence_json_joins_points_of_the_same_name_in_an_array() {
        let said = evidence(&[("port", "26000"), ("user", "mz"), ("port", "9000")]).to_json();
        assert_eq!(said, r#"{"port":["26000","9000"],"user":"mz"}"#);
        assert_eq!(evidence(&[]).to_json(), "{}");
    }
}
