//! The `mz.ha.*` properties of a file that an operator has at hand: a pico's file of the registry, a piece of one, or plain
//! `key=value` lines, which are HOCON, too.

use std::fs;
use std::path::Path;

use hocon::{HoconError, HoconValue, ParseOptions};

use super::{PROPERTIES, Properties};
use crate::{Error, PicoKind};

/// Where `mz.ha.*` may stand, what counts more first.
const PLACES: [&str; 4] = ["config.properties.mz.ha.", "properties.mz.ha.", "common.mz.ha.", "mz.ha."];

/// What the file says.
#[derive(Debug)]
pub(super) struct PropertiesFile {
    pub(super) properties: Properties,
    /// By the template that it names.
    pub(super) kind: Option<PicoKind>,
    text: String,
}

/// Reads it.
///
/// # Errors
/// It can't be read or understood, holds no such property, or one that does not exist; with the line where there is one.
pub(super) fn read(path: &Path) -> Result<PropertiesFile, Error> {
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let malformed = |problem: String| Error::Malformed { path: path.to_owned(), problem };
    let options = ParseOptions::defaults().with_resolve_substitutions(false);
    let options = options.with_base_dir(path.parent().unwrap_or(path).to_owned());
    let config = hocon::parse_string_with_options(&text, options).map_err(|error| match error {
        HoconError::Parse(error) => malformed(format!("line {}: {}", error.line, error.message)),
        error => malformed(error.to_string()),
    })?;
    let mut leaves = Vec::new();
    for key in config.keys() {
        if let Some(value) = config.get(&format!("\"{key}\"")).or_else(|| config.get(key)) {
            collect(key, value, &mut leaves);
        }
    }
    let template = leaves.iter().find(|(key, _)| key == "template").and_then(|(_, value)| scalar(value));
    let kind =
        template.and_then(|name| PicoKind::ALL.into_iter().find(|kind| name.ends_with(&format!("-{kind}"))));
    let mut file = PropertiesFile { properties: Properties::new(), kind, text };
    for place in PLACES {
        for (key, value) in &leaves {
            let Some(name) = key.strip_prefix(place) else { continue };
            let at = file.line_of(name).map_or(String::new(), |line| format!("line {line}: "));
            if !PROPERTIES.contains(&name) {
                let known = PROPERTIES.join(", ");
                return Err(malformed(format!("{at}mz.ha.{name}: no such property; there are: {known}")));
            }
            let Some(value) = scalar(value) else {
                return Err(malformed(format!("{at}mz.ha.{name}: expected a plain value, without ${{...}}")));
            };
            file.properties.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    if file.properties.is_empty() {
        return Err(malformed(format!(
            "no mz.ha.* property in it, neither at the top nor below {}",
            PLACES[..3].iter().map(|place| place.trim_end_matches(".mz.ha.")).collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(file)
}

impl PropertiesFile {
    /// The last line that has this word of a property's name; the reader of HOCON keeps no places of values.
    pub(super) fn line_of(&self, name: &str) -> Option<usize> {
        let last = name.rsplit('.').next().unwrap_or(name);
        let has = |line: &str| {
            let line = line.split('#').next().unwrap_or_default();
            line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').any(|word| word == last)
        };
        self.text.lines().enumerate().filter(|(_, line)| has(line)).last().map(|(index, _)| index + 1)
    }
}

fn collect<'a>(path: &str, value: &'a HoconValue, leaves: &mut Vec<(String, &'a HoconValue)>) {
    if let HoconValue::Object(map) = value {
        for (name, value) in map {
            collect(&format!("{path}.{name}"), value, leaves);
        }
    } else {
        leaves.push((path.to_owned(), value));
    }
}

fn scalar(value: &HoconValue) -> Option<&str> {
    match value {
        HoconValue::Scalar(scalar) if !value.is_null() => Some(&scalar.raw),
        _ => None,
    }
}
