//! The metadata: the agent's description in XML. The same bytes result in any environment.
//!
//! The metadata uses OCF 1.1 (groups of unique parameters, `reloadable`, `deprecated`, `select`).
//! `ocf-tester` validates with a DTD of 2008, which does not know it. A document type with an
//! internal subset satisfies every tool. A validating parser reads our subset; the schemas of OCF
//! 1.1, pcs and Pacemaker ignore it. All attributes in it are `#IMPLIED`, because a parser would
//! add a default to the tree. The XML declaration has no encoding: crmsh passes the text to its
//! parser as a string, and the parser then refuses an encoding. So everything is ASCII.

use crate::definition::Definition;
use crate::parameter::ParameterKind;
use crate::time::format_duration;
use crate::{Operation, Parameter};
use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

/// The part of OCF 1.1 that this crate writes.
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
    /// The metadata in XML, with a line feed at the end.
    #[must_use]
    pub fn metadata(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::with_capacity(32 * 1024), b' ', 2);
        // Writing to a vector can't fail, and all text comes from a `str`.
        match self.write_xml(&mut writer) {
            Ok(()) => String::from_utf8(writer.into_inner()).unwrap_or_default() + "\n",
            Err(_) => String::new(),
        }
    }

    fn write_xml(&self, xml: &mut XmlWriter) -> io::Result<()> {
        xml.write_event(Event::Decl(BytesDecl::new("1.0", None, None)))?;
        xml.write_event(Event::DocType(BytesText::from_escaped(DTD)))?;
        xml.create_element("resource-agent")
            .with_attributes([("name", self.name), ("version", self.version)])
            .write_inner_content(|xml| {
                // The version of the OCF API.
                write_text(xml, "version", None, "1.1")?;
                write_text(xml, "longdesc", LANG, self.longdesc)?;
                write_text(xml, "shortdesc", LANG, self.shortdesc)?;
                xml.create_element("parameters").write_inner_content(|xml| {
                    self.parameters.iter().try_for_each(|p| write_parameter(xml, p))
                })?;
                xml.create_element("actions").write_inner_content(|xml| {
                    self.operations.iter().try_for_each(|o| write_operation(xml, o))
                })?;
                Ok(())
            })?;
        Ok(())
    }
}

type XmlWriter = Writer<Vec<u8>>;

const LANG: Option<(&str, &str)> = Some(("lang", "en"));

fn write_text(
    xml: &mut XmlWriter,
    tag: &str,
    attribute: Option<(&str, &str)>,
    text: &str,
) -> io::Result<()> {
    let text = BytesText::from_escaped(partial_escape(text));
    xml.create_element(tag).with_attributes(attribute).write_text_content(text)?;
    Ok(())
}

fn write_parameter(xml: &mut XmlWriter, parameter: &Parameter) -> io::Result<()> {
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
                    xml.create_element("replaced-with")
                        .with_attribute(("name", other))
                        .write_empty()?;
                }
                write_text(xml, "desc", LANG, deprecated.desc)
            })?;
        }
        write_text(xml, "longdesc", LANG, parameter.longdesc)?;
        write_text(xml, "shortdesc", LANG, parameter.shortdesc)?;
        write_content(xml, parameter)
    })?;
    Ok(())
}

fn write_content(xml: &mut XmlWriter, parameter: &Parameter) -> io::Result<()> {
    let element = xml
        .create_element("content")
        .with_attribute(("type", parameter.kind.content_type()))
        .with_attributes(parameter.default.map(|default| ("default", default)));
    match parameter.kind {
        ParameterKind::Select(words) => element.write_inner_content(|xml| {
            words.iter().try_for_each(|word| {
                xml.create_element("option")
                    .with_attribute(("value", *word))
                    .write_empty()
                    .map(drop)
            })
        }),
        _ => element.write_empty(),
    }?;
    Ok(())
}

fn write_operation(xml: &mut XmlWriter, operation: &Operation) -> io::Result<()> {
    let timeout = format_duration(operation.timeout);
    let interval = operation.interval.map(format_duration);
    let depth = operation.depth.map(|depth| depth.to_string());
    xml.create_element("action")
        .with_attributes([("name", operation.action.name()), ("timeout", &timeout)])
        .with_attributes(interval.as_deref().map(|interval| ("interval", interval)))
        .with_attributes(depth.as_deref().map(|depth| ("depth", depth)))
        .write_empty()?;
    Ok(())
}
