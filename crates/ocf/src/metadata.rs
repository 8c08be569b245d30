//! The metadata: XML that says what the agent is, the same bytes in any environment.
//!
//! It is OCF 1.1 (groups of unique parameters, `reloadable`, `deprecated`, `select`), which the DTD that `ocf-tester`
//! validates with does not know; that DTD is of 2008. A document type with a subset of its own satisfies everybody:
//! a validating parser reads ours, and the schemas of OCF 1.1, pcs and Pacemaker don't look at it. Attributes in it
//! are all `#IMPLIED`: a default there would be put into the parsed tree. There is no encoding in the XML declaration
//! because crmsh hands the text to its parser as a string, which then refuses it; so everything is ASCII.

use crate::definition::Definition;
use crate::parameter::{Kind, spelled};
use crate::{Operation, Parameter};
use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

/// What OCF 1.1 allows an agent to say, as far as this crate says it.
const DTD: &str = "resource-agent [
<!ELEMENT resource-agent (version,longdesc,shortdesc,parameters,actions)>
<!ATTLIST resource-agent name CDATA #REQUIRED version CDATA #IMPLIED>
<!ELEMENT version (#PCDATA)>
<!ELEMENT longdesc (#PCDATA)>
<!ATTLIST longdesc lang NMTOKEN #IMPLIED>
<!ELEMENT shortdesc (#PCDATA)>
<!ATTLIST shortdesc lang NMTOKEN #IMPLIED>
<!ELEMENT parameters (parameter*)>
<!ELEMENT parameter (deprecated?,longdesc,shortdesc,content)>
<!ATTLIST parameter name CDATA #REQUIRED required (0|1) #IMPLIED unique-group CDATA #IMPLIED reloadable (0|1) #IMPLIED>
<!ELEMENT deprecated (replaced-with?,desc)>
<!ELEMENT replaced-with EMPTY>
<!ATTLIST replaced-with name CDATA #REQUIRED>
<!ELEMENT desc (#PCDATA)>
<!ATTLIST desc lang NMTOKEN #IMPLIED>
<!ELEMENT content (option*)>
<!ATTLIST content type (string|integer|boolean|select) #REQUIRED default CDATA #IMPLIED>
<!ELEMENT option EMPTY>
<!ATTLIST option value CDATA #REQUIRED>
<!ELEMENT actions (action+)>
<!ELEMENT action EMPTY>
<!ATTLIST action name NMTOKEN #REQUIRED timeout CDATA #REQUIRED interval CDATA #IMPLIED depth CDATA #IMPLIED>
]";

impl Definition {
    /// The metadata.
    #[must_use]
    pub fn metadata(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::with_capacity(32 * 1024), b' ', 2);
        // A vector takes every write, and every piece of text comes from a `str`.
        match self.write(&mut writer) {
            Ok(()) => String::from_utf8(writer.into_inner()).unwrap_or_default() + "\n",
            Err(_) => String::new(),
        }
    }

    fn write(&self, xml: &mut Xml) -> io::Result<()> {
        xml.write_event(Event::Decl(BytesDecl::new("1.0", None, None)))?;
        xml.write_event(Event::DocType(BytesText::from_escaped(DTD)))?;
        xml.create_element("resource-agent")
            .with_attributes([("name", self.name), ("version", self.version)])
            .write_inner_content(|xml| {
                // Which OCF API the agent speaks.
                text(xml, "version", None, "1.1")?;
                text(xml, "longdesc", LANG, self.longdesc)?;
                text(xml, "shortdesc", LANG, self.shortdesc)?;
                xml.create_element("parameters")
                    .write_inner_content(|xml| self.parameters.iter().try_for_each(|p| parameter(xml, p)))?;
                xml.create_element("actions")
                    .write_inner_content(|xml| self.operations.iter().try_for_each(|o| operation(xml, o)))?;
                Ok(())
            })?;
        Ok(())
    }
}

type Xml = Writer<Vec<u8>>;

const LANG: Option<(&str, &str)> = Some(("lang", "en"));

fn text(xml: &mut Xml, tag: &str, attribute: Option<(&str, &str)>, text: &str) -> io::Result<()> {
    let text = BytesText::from_escaped(partial_escape(text));
    xml.create_element(tag).with_attributes(attribute).write_text_content(text)?;
    Ok(())
}

fn parameter(xml: &mut Xml, parameter: &Parameter) -> io::Result<()> {
    let mut element = xml.create_element("parameter").with_attribute(("name", parameter.name));
    if parameter.required {
        element = element.with_attribute(("required", "1"));
    }
    if let Some(group) = parameter.unique_group {
        element = element.with_attribute(("unique-group", group));
    }
    if parameter.reloadable {
        element = element.with_attribute(("reloadable", "1"));
    }
    element.write_inner_content(|xml| {
        if let Some(deprecated) = parameter.deprecated {
            xml.create_element("deprecated").write_inner_content(|xml| {
                if let Some(other) = deprecated.replaced_with {
                    xml.create_element("replaced-with").with_attribute(("name", other)).write_empty()?;
                }
                text(xml, "desc", LANG, deprecated.desc)
            })?;
        }
        text(xml, "longdesc", LANG, parameter.longdesc)?;
        text(xml, "shortdesc", LANG, parameter.shortdesc)?;
        content(xml, parameter)
    })?;
    Ok(())
}

fn content(xml: &mut Xml, parameter: &Parameter) -> io::Result<()> {
    let element = xml
        .create_element("content")
        .with_attribute(("type", parameter.kind.content_type()))
        .with_attributes(parameter.default.map(|default| ("default", default)));
    match parameter.kind {
        Kind::Select(words) => element.write_inner_content(|xml| {
            words.iter().try_for_each(|word| {
                xml.create_element("option").with_attribute(("value", *word)).write_empty().map(drop)
            })
        }),
        _ => element.write_empty(),
    }?;
    Ok(())
}

fn operation(xml: &mut Xml, operation: &Operation) -> io::Result<()> {
    let timeout = spelled(operation.timeout);
    let interval = operation.interval.map(spelled);
    let depth = operation.depth.map(|depth| depth.to_string());
    xml.create_element("action")
        .with_attributes([("name", operation.action.name()), ("timeout", &timeout)])
        .with_attributes(interval.as_deref().map(|interval| ("interval", interval)))
        .with_attributes(depth.as_deref().map(|depth| ("depth", depth)))
        .write_empty()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Values};
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
            Parameter::text("greeting").default_to("\"hi\" & 'bye' <x>").describe("Greeting", "Odd text."),
            Parameter::integer("tries", 0, 9).default_to("1").reloadable().describe("Tries", "A number."),
            Parameter::boolean("deep").default_to("no").describe("Deep", "A choice of two."),
            Parameter::duration("wait", Duration::ZERO, Duration::from_secs(60))
                .default_to("20s")
                .describe("Wait", "A time."),
            LEVEL,
            Parameter::text("lvl").deprecated(Some("level"), "It was too short.").describe("Level", "Old."),
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
    fn it_is_as_last_agreed_on() {
        insta::assert_snapshot!(DEFINITION.metadata());
    }

    #[test]
    fn it_is_ascii_without_an_encoding_and_valid_by_its_own_dtd() {
        let xml = DEFINITION.metadata();
        assert!(xml.starts_with("<?xml version=\"1.0\"?>\n<!DOCTYPE resource-agent [\n"), "{xml}");
        assert!(xml.is_ascii() && xml.ends_with("</resource-agent>\n"));
        assert_eq!(DEFINITION.check(), [""; 0]);
        assert_eq!(xmllint(&xml), (true, String::new()));
        // It can fail.
        assert!(!xmllint(&xml.replace("reloadable=\"1\"", "reloadable=\"2\"")).0);
    }

    #[test]
    fn a_parser_reads_the_very_defaults_that_the_code_uses() {
        let xml = DEFINITION.metadata();
        for parameter in DEFINITION.parameters.iter().filter(|p| p.default.is_some()) {
            let path = format!("string(//parameter[@name='{}']/content/@default)", parameter.name);
            let read = piped(Command::new("xmllint").args(["--xpath", &path, "-"]), &xml).1;
            let values = Values::default();
            assert_eq!(Some(read.trim_end_matches('\n')), values.text(parameter).unwrap());
        }
    }

    fn xmllint(xml: &str) -> (bool, String) {
        piped(Command::new("xmllint").args(["--noout", "--valid", "-"]), xml)
    }

    /// Success, and all output.
    fn piped(command: &mut Command, input: &str) -> (bool, String) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("xmllint is installed (libxml2-utils)");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }
}
