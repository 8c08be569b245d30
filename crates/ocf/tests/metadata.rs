//! Validates the metadata with an independent parser: xmllint (package libxml2-utils).

use ocf::{Action, Definition, Operation, Parameter, ParameterValues};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

const LEVEL: Parameter = Parameter::select("level", &["low", "high"])
    .default_to("low")
    .reloadable()
    .describe("Level", "A choice.");

const DEFINITION: Definition = Definition {
    name: "every",
    version: "1.2.3",
    shortdesc: "Every kind of parameter",
    longdesc: "The first paragraph, with <, > and & in it.\n\nThe second.",
    parameters: &[
        Parameter::text("home").required().unique_group("home").describe("Home", "A directory."),
        Parameter::text("greeting")
            .default_to("\"hi\" & 'bye' <x>")
            .describe("Greeting", "Odd text."),
        Parameter::integer("tries", 0, 9)
            .default_to("1")
            .reloadable()
            .describe("Tries", "A number."),
        Parameter::boolean("deep").default_to("no").describe("Deep", "A choice of two."),
        Parameter::duration("wait", Duration::ZERO, Duration::from_secs(60))
            .default_to("20s")
            .describe("Wait", "A time."),
        LEVEL,
        Parameter::text("lvl")
            .deprecated(Some("level"), "It was too short.")
            .describe("Level", "Old."),
        Parameter::text("old").deprecated(None, "It does nothing.").describe("Old", "Older."),
    ],
    operations: &[
        Operation::new(Action::Start, 420),
        Operation::new(Action::Stop, 360),
        Operation::monitor(0, 1, 60),
        Operation::monitor(10, 30, 60),
        Operation::new(Action::ValidateAll, 60),
        Operation::new(Action::ReloadAgent, 30),
        Operation::new(Action::MetaData, 5),
    ],
};

#[test]
fn metadata_matches_snapshot() {
    insta::assert_snapshot!(DEFINITION.metadata());
}

#[test]
fn metadata_is_ascii_and_valid_by_its_own_dtd() {
    let xml = DEFINITION.metadata();
    assert!(xml.starts_with("<?xml version=\"1.0\"?>\n<!DOCTYPE resource-agent [\n"), "{xml}");
    assert!(xml.is_ascii() && xml.ends_with("</resource-agent>\n"));
    assert_eq!(DEFINITION.check(), [""; 0]);
    assert_eq!(xmllint(&xml), (true, String::new()));
    // The validation can fail.
    assert!(!xmllint(&xml.replace("reloadable=\"1\"", "reloadable=\"2\"")).0);
}

#[test]
fn metadata_defaults_are_those_used_by_the_code() {
    let xml = DEFINITION.metadata();
    for parameter in DEFINITION.parameters.iter().filter(|p| p.default.is_some()) {
        let path = format!("string(//parameter[@name='{}']/content/@default)", parameter.name);
        let read = piped(Command::new("xmllint").args(["--xpath", &path, "-"]), &xml).1;
        let values = ParameterValues::default();
        assert_eq!(Some(read.trim_end_matches('\n')), values.text(parameter).unwrap());
    }
}

fn xmllint(xml: &str) -> (bool, String) {
    piped(Command::new("xmllint").args(["--noout", "--valid", "-"]), xml)
}

/// Returns success and all output.
fn piped(command: &mut Command, input: &str) -> (bool, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("xmllint is installed (libxml2-utils)");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}
