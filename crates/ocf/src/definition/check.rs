//! The rules that a definition must obey, so that every tool accepts the metadata. An agent's tests
//! check them (`assert_eq!(DEFINITION.check(), [""; 0])`); nothing checks them at run time.
//!
//! The rules come from the tools. crmsh replaces `-` in a parameter's name with `_`. Pacemaker
//! masks parameters named `user`, `password` or `passwd` in reports. crmsh can't parse metadata
//! with an encoding declaration, so the text is ASCII. pcs shifts the second of two monitors with
//! the same interval by a second.

use super::Definition;
use crate::parameter::ParameterKind;
use crate::{Action, Parameter};
use std::collections::HashSet;

/// Pacemaker treats parameters with these names as secrets.
const SECRET_NAMES: [&str; 3] = ["user", "password", "passwd"];

impl Definition {
    /// Returns a message for each violation; empty if there is none.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let texts = [("name", self.name), ("version", self.version), ("shortdesc", self.shortdesc)];
        for (what, text) in texts.into_iter().chain([("longdesc", self.longdesc)]) {
            check_text(&format!("the agent's {what}"), text, &mut wrong);
        }
        let mut names = HashSet::new();
        for parameter in self.parameters {
            if !names.insert(parameter.name) {
                wrong.push(format!("{} is declared twice", parameter.name));
            }
            self.check_parameter(parameter, &mut wrong);
        }
        self.check_operations(&mut wrong);
        wrong
    }

    fn check_parameter(&self, parameter: &Parameter, wrong: &mut Vec<String>) {
        let name = parameter.name;
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins
            || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            wrong.push(format!(
                "{name:?} is not a name of a-z, 0-9 and _ that begins with a letter"
            ));
        }
        if SECRET_NAMES.contains(&name) {
            wrong.push(format!("{name} is taken for a secret by Pacemaker"));
        }
        check_text(&format!("{name}: shortdesc"), parameter.shortdesc, wrong);
        check_text(&format!("{name}: longdesc"), parameter.longdesc, wrong);
        let sound = match parameter.kind {
            ParameterKind::Text | ParameterKind::Boolean => true,
            ParameterKind::Integer { min, max } => min <= max,
            ParameterKind::Duration { min, max } => min <= max,
            ParameterKind::Select(words) => {
                for word in words {
                    check_text(&format!("{name}: option"), word, wrong);
                }
                !words.is_empty() && words.iter().collect::<HashSet<_>>().len() == words.len()
            }
        };
        if !sound {
            wrong.push(format!("{name}: nothing can be chosen, or something twice"));
        }
        if let Some(default) = parameter.default {
            check_text(&format!("{name}: default"), default, wrong);
            if let Err(error) = crate::ParameterValues::default().text(parameter) {
                wrong.push(format!("the default of {error}"));
            }
            if parameter.required {
                wrong.push(format!("{name} is required and has a default"));
            }
        }
        if let Some(deprecated) = parameter.deprecated {
            check_text(&format!("{name}: deprecation"), deprecated.desc, wrong);
            if let Some(other) = deprecated.replaced_with
                && !self.parameters.iter().any(|p| p.name == other && p.deprecated.is_none())
            {
                wrong.push(format!("{name} is replaced with {other}, which can't be set"));
            }
        }
    }

    fn check_operations(&self, wrong: &mut Vec<String>) {
        for needed in [Action::Start, Action::Stop, Action::Monitor, Action::MetaData] {
            if !self.implements(needed) {
                wrong.push(format!("{} is missing", needed.name()));
            }
        }
        let (mut seen, mut intervals) = (HashSet::new(), HashSet::new());
        for operation in self.operations {
            let name = operation.action.name();
            if !operation.action.is_operation() {
                wrong.push(format!("{name} is no operation of Pacemaker's"));
            }
            if operation.timeout.is_zero() {
                wrong.push(format!("{name} has no time"));
            }
            if !seen.insert((operation.action, operation.depth)) {
                wrong.push(format!("{name} is there twice at the same depth"));
            }
            if operation.interval.is_some_and(|interval| !intervals.insert(interval)) {
                wrong.push(format!("{name} has the interval of another"));
            }
            if operation.action == Action::Monitor && operation.interval.is_none_or(|i| i.is_zero())
            {
                wrong.push(format!("{name} has no interval"));
            }
        }
    }
}

fn check_text(what: &str, text: &str, wrong: &mut Vec<String>) {
    if text.trim().is_empty() {
        wrong.push(format!("{what} is empty"));
    }
    if let Some(odd) = text.chars().find(|&c| !(c == '\n' || (' '..='~').contains(&c))) {
        wrong.push(format!("{what} holds {odd:?}; only printable ASCII and line ends are safe"));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Action, Definition, Operation, Parameter};

    const VALID_OPERATIONS: &[Operation] = &[
        Operation::new(Action::Start, 20),
        Operation::new(Action::Stop, 20),
        Operation::monitor(0, 10, 20),
        Operation::new(Action::MetaData, 5),
    ];

    fn definition(
        parameters: &'static [Parameter],
        operations: &'static [Operation],
    ) -> Definition {
        Definition {
            name: "x",
            version: "1",
            shortdesc: "x",
            longdesc: "x",
            parameters,
            operations,
        }
    }

    #[test]
    fn definition_check_reports_each_violated_rule() {
        const A: Parameter = Parameter::text("a").describe("a", "a");
        const NOTHING: [&str; 0] = [];
        assert_eq!(definition(&[A], VALID_OPERATIONS).check(), NOTHING);
        let cases: [(&'static [Parameter], &str); 11] = const {
            [
                (&[A, A], "a is declared twice"),
                (&[Parameter { name: "a-b", ..A }], "\"a-b\" is not a name"),
                (&[Parameter { name: "1a", ..A }], "\"1a\" is not a name"),
                (&[Parameter { name: "passwd", ..A }], "passwd is taken for a secret"),
                (&[Parameter { longdesc: "\u{fc}ber", ..A }], "a: longdesc holds '\u{fc}'"),
                (&[Parameter::text("a").describe("", "a")], "a: shortdesc is empty"),
                (
                    &[Parameter::integer("a", 0, 9).default_to("10").describe("a", "a")],
                    "the default of a: is",
                ),
                (&[Parameter::integer("a", 9, 0).describe("a", "a")], "a: nothing can be chosen"),
                (&[Parameter::select("a", &[]).describe("a", "a")], "a: nothing can be chosen"),
                (&[A.required().default_to("x")], "a is required and has a default"),
                (&[A.deprecated(Some("b"), "gone")], "a is replaced with b, which can't be set"),
            ]
        };
        for (parameters, expected) in cases {
            let wrong = definition(parameters, VALID_OPERATIONS).check();
            assert!(wrong.len() == 1 && wrong[0].starts_with(expected), "{expected}: {wrong:?}");
        }
        let wrong = definition(
            &[A],
            const {
                &[
                    Operation::monitor(0, 10, 20),
                    Operation::monitor(10, 10, 0),
                    Operation::new(Action::Status, 5),
                    Operation::new(Action::Start, 5),
                    Operation::new(Action::Start, 5),
                ]
            },
        )
        .check();
        assert_eq!(
            wrong,
            [
                "stop is missing",
                "meta-data is missing",
                "monitor has no time",
                "monitor has the interval of another",
                "status is no operation of Pacemaker's",
                "start is there twice at the same depth",
            ]
        );
    }
}
