//! A parameter is one row: what a row more in a table changes.

use ocf::{Action, Definition, Invocation, Operation, Parameter, ParameterReader};
use std::ffi::OsString;
use std::time::Duration;

#[path = "../examples/parameters.rs"]
#[expect(dead_code, reason = "main prints the page")]
mod parameters_page;

ocf::settings! {
    /// A table of one row.
    pub struct OneParameter {}
    parameters {
        /// What is there before.
        pub tries: u32 = Parameter::integer("tries", 0, 9).default_to("1").describe("Tries", "How often. Default: 1.");
    }
}

ocf::settings! {
    /// The same table with one more row.
    pub struct TwoParameters {}
    parameters {
        /// What is there before.
        pub tries: u32 = Parameter::integer("tries", 0, 9).default_to("1").describe("Tries", "How often. Default: 1.");
        /// The row.
        pub patience: Duration = Parameter::duration("patience", Duration::ZERO, Duration::from_secs(60))
            .default_to("7s")
            .reloadable()
            .describe("Patience", "How long somebody waits. Default: 7s.");
    }
}

fn definition(parameters: &'static [Parameter]) -> Definition {
    const OPERATIONS: &[Operation] = &[
        Operation::new(Action::Start, 20),
        Operation::new(Action::Stop, 20),
        Operation::monitor(0, 10, 20),
        Operation::new(Action::MetaData, 5),
    ];
    Definition {
        name: "x",
        version: "1",
        shortdesc: "x",
        longdesc: "x",
        parameters,
        operations: OPERATIONS,
    }
}

fn read_two(set: &[(&str, &str)]) -> (TwoParameters, Vec<String>) {
    let variables =
        set.iter().map(|(n, v)| (OsString::from(format!("OCF_RESKEY_{n}")), OsString::from(v)));
    let call = Invocation::new(&definition(TwoParameters::PARAMETERS), Action::Monitor, variables);
    let mut reader = ParameterReader::new(call.values());
    let settings = TwoParameters::read(&mut reader);
    let errors = reader.finish(TwoParameters::PARAMETERS);
    (settings, errors.iter().map(ToString::to_string).collect())
}

/// Lines of `with` that `without` has not.
fn added_lines<'a>(without: &str, with: &'a str) -> Vec<&'a str> {
    with.lines()
        .filter(|line| !without.lines().any(|other| other == *line))
        .map(str::trim)
        .collect()
}

#[test]
fn one_more_row_is_read_with_default_limits_and_fallback() {
    let read = |set: &[(&str, &str)]| {
        let (settings, errors) = read_two(set);
        (settings.patience.as_secs(), errors)
    };
    assert_eq!(read(&[]), (7, vec![]));
    assert_eq!(read(&[("patience", "1m")]), (60, vec![]));
    let too_long = "patience: is \"2m\", expected a time such as 90s or 2m, from 0s to 60s";
    assert_eq!(read(&[("patience", "2m"), ("tries", "3")]), (7, vec![too_long.to_owned()]));
    assert_eq!(read_two(&[("patience", "2m"), ("tries", "3")]).0.tries, 3);
}

#[test]
fn one_more_row_is_in_the_metadata_and_reloadable() {
    let (one, two) = (definition(OneParameter::PARAMETERS), definition(TwoParameters::PARAMETERS));
    assert_eq!(two.check(), Vec::<String>::new());
    assert!(two.is_reloadable("patience") && !two.is_reloadable("tries"));
    assert_eq!(
        added_lines(&one.metadata(), &two.metadata()),
        [
            r#"<parameter name="patience" reloadable="1">"#,
            r#"<longdesc lang="en">How long somebody waits. Default: 7s.</longdesc>"#,
            r#"<shortdesc lang="en">Patience</shortdesc>"#,
            r#"<content type="string" default="7s"/>"#,
        ]
    );
}

#[test]
fn one_more_row_is_one_line_of_the_documentation() {
    let (one, two) = (
        parameters_page::page(|_| OneParameter::PARAMETERS),
        parameters_page::page(|_| TwoParameters::PARAMETERS),
    );
    let line = "| `patience` | a time such as 90s or 2m, from 0s to 60s | `7s` | yes | How long somebody waits. |";
    assert_eq!(added_lines(&one, &two), [line]);
}
