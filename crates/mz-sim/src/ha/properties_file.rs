//! The `mz.ha.*` properties of an operator's file: a pico's file of the registry, a part of one, or
//! plain `key=value` lines, which also are HOCON.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hocon::{Config, Document, Location};

use super::{HaProperties, PROPERTIES};
use crate::registry::SiblingFiles;
use crate::{PicoKind, SimError};

/// The objects that may hold `mz.ha.*`, highest precedence first.
const PREFIXES: [&[&str]; 4] = [&["config", "properties"], &["properties"], &["common"], &[]];

#[derive(Debug)]
pub(super) struct PropertiesFile {
    pub(super) properties: HaProperties,
    /// From the name of the template.
    pub(super) kind: Option<PicoKind>,
    /// The line of each property.
    lines: BTreeMap<String, u32>,
}

/// Reads the file.
///
/// # Errors
/// The file is unreadable or malformed, has no such property, or has an unknown one. The error
/// names the line if there is one.
pub(super) fn read(path: &Path) -> Result<PropertiesFile, SimError> {
    let text = fs::read_to_string(path).map_err(SimError::file("read", path))?;
    let malformed = |problem: String| SimError::Malformed { path: path.to_owned(), problem };
    let at =
        |error: &hocon::Error| format!("line {}: {}", error.location().line(), error.message());
    let document = Document::parse(&text, &path.to_string_lossy(), &PREFIXES, &mut SiblingFiles);
    let document = document.map_err(|error| malformed(at(&error)))?;
    let config = Config::from_documents([&document]);
    // An unknown template counts as none.
    let template = config.text(&["template"]).ok().flatten().map(|found| found.text);
    let kind = template.and_then(|name| {
        PicoKind::ALL.into_iter().find(|kind| name.ends_with(&format!("-{kind}")))
    });
    let mut file = PropertiesFile { properties: HaProperties::new(), kind, lines: BTreeMap::new() };
    for place in PREFIXES {
        let place = [place, &["mz", "ha"]].concat();
        for name in config.names(&place).map_err(|error| malformed(at(&error)))? {
            let path = [&place[..], &[&name]].concat();
            let found = config.text(&path).map_err(|error| {
                let line = error.location().line();
                malformed(format!(
                    "line {line}: mz.ha.{name}: expected a plain value: {}",
                    error.message()
                ))
            })?;
            let line = found.as_ref().and_then(|found| found.location.as_ref()).map(Location::line);
            let is_object = config.names(&path).is_ok_and(|names| !names.is_empty());
            if is_object || found.is_some() && !PROPERTIES.contains(&name.as_str()) {
                let known = PROPERTIES.join(", ");
                let at = line.map_or_else(String::new, |line| format!("line {line}: "));
                return Err(malformed(format!(
                    "{at}mz.ha.{name}: no such property; there are: {known}"
                )));
            }
            let Some(found) = found else { continue };
            if !file.properties.contains_key(&name) {
                file.lines.extend(line.map(|line| (name.clone(), line)));
                file.properties.insert(name, found.text);
            }
        }
    }
    if file.properties.is_empty() {
        return Err(malformed(format!(
            "no mz.ha.* property in it, neither at the top nor below {}",
            PREFIXES[..3].iter().map(|place| place.join(".")).collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(file)
}

impl PropertiesFile {
    /// The line of a property, looked up by the last part of its name.
    pub(super) fn line_of(&self, name: &str) -> Option<u32> {
        self.lines.get(name.rsplit('.').next().unwrap_or(name)).copied()
    }
}
