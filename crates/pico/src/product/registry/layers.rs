//! Merges the files about one pico. In order of precedence: its own file, its template, the
//! templates from which that one inherits, the container, the cell.
//!
//! HOCON searches substitutions in all layers, so the cell can refer to a value of a pico. A
//! running product also sets variables (`mz.home`, `pico.name`), which are known here as far as the
//! agent knows them. The agent's own environment is not used, because Pacemaker's environment
//! differs from the product's.

use super::files::RegistryReader;
use super::mzsh_variables::MzshVariables;
use super::{Registry, exists};
use hocon::{Config, Document, LocatedText};
use std::cell::Cell;
use std::path::PathBuf;

/// The prefixes of properties, highest precedence first: the pico and its templates, then container
/// and cell.
const OWN_PREFIX: &[&str] = &["config", "properties"];
const SHARED_PREFIX: &[&str] = &["common"];
const SEARCHED_PREFIXES: &[&[&str]] = &[OWN_PREFIX, SHARED_PREFIX];

/// Maximum number of templates that inherit from each other.
const MAX_TEMPLATES: usize = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct Layers {
    documents: Vec<Document>,
    /// The number of leading documents of the pico and its templates.
    own_count: usize,
    /// The templates, the nearest first.
    pub(super) templates: Vec<String>,
    /// Problems of the files: skipped includes, missing templates.
    pub(super) remarks: Vec<String>,
    known_variables: Vec<(&'static str, String)>,
}

impl Layers {
    pub(super) fn read(registry: &Registry, container: &str, pico: &str) -> Result<Self, String> {
        let mut files = RegistryReader::default();
        let own = files.read_document(&registry.pico_file(container, pico))?;
        let mut layers = Self {
            documents: vec![own],
            own_count: 1,
            templates: Vec::new(),
            remarks: Vec::new(),
            known_variables: known_variables(registry, container, pico),
        };
        layers.read_templates(registry, &mut files)?;
        layers.own_count = layers.documents.len();
        for path in [registry.container_file(container), registry.root.join("cell.conf")] {
            layers.documents.extend(files.read_document_if_present(&path)?);
        }
        layers.remarks.append(&mut files.skipped_includes);
        Ok(layers)
    }

    /// Reads the pico's template, the template of that one, and so on.
    fn read_templates(
        &mut self,
        registry: &Registry,
        files: &mut RegistryReader,
    ) -> Result<(), String> {
        loop {
            let last = self.documents.last();
            let named = self.text_in(last, &["template"])?;
            let Some(LocatedText { text: template, location: place }) = named else {
                return Ok(());
            };
            let place = place.map_or_else(String::new, |place| format!("{place}: "));
            if self.templates.contains(&template) {
                self.remarks.push(format!("{place}template {template} inherits from itself"));
                return Ok(());
            }
            if self.templates.len() == MAX_TEMPLATES {
                self.remarks.push(format!(
                    "{place}more than {MAX_TEMPLATES} templates inherit from each other"
                ));
                return Ok(());
            }
            let path = registry.template_files(&template).into_iter().find(|path| exists(path));
            let Some(path) = path else {
                self.remarks.push(format!("{place}template {template}: file not found"));
                self.templates.push(template);
                return Ok(());
            };
            self.templates.push(template);
            self.documents.push(files.read_document(&path)?);
        }
    }

    /// The text at a path in these documents. The product's own environment may set an optional
    /// substitution that is unknown here. The value below it would then be wrong.
    fn text_in<'a>(
        &'a self,
        documents: impl IntoIterator<Item = &'a Document>,
        path: &[&str],
    ) -> Result<Option<LocatedText>, String> {
        let unknown = Cell::new(None);
        let known = |name: &str| {
            let known = self
                .known_variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, text)| text.clone());
            if known.is_none() {
                unknown.set(Some(name.to_owned()));
            }
            known
        };
        let found = Config::from_documents(documents)
            .with_search_paths(SEARCHED_PREFIXES)
            .with_fallback(known)
            .text(path);
        match (found.map_err(|e| e.to_string())?, unknown.into_inner()) {
            (_, Some(name)) => Err(format!(
                "${{?{name}}} is not set in the registry, but may be in the product's environment"
            )),
            (found, None) => Ok(found),
        }
    }

    /// A property of the pico, otherwise of container or cell. An empty value counts as unset.
    pub(super) fn property(&self, name: &str) -> Result<Option<LocatedText>, String> {
        match self.property_below(OWN_PREFIX, name)? {
            Some(found) => Ok(Some(found)),
            None => self.property_below(SHARED_PREFIX, name),
        }
        .map(|found| found.filter(|found| !found.text.is_empty()))
    }

    /// A property that the pico itself or its template sets, not the whole container.
    pub(super) fn own_property(&self, name: &str) -> Result<Option<LocatedText>, String> {
        self.property_below(OWN_PREFIX, name)
            .map(|found| found.filter(|found| !found.text.is_empty()))
    }

    fn property_below(&self, prefix: &[&str], name: &str) -> Result<Option<LocatedText>, String> {
        let names = prefix.iter().copied().chain(name.split('.'));
        match self.text(&names.collect::<Vec<_>>())? {
            Some(found) => Ok(Some(found)),
            // The name is quoted, in an object that came from a substitution.
            None => self.text(&prefix.iter().copied().chain([name]).collect::<Vec<_>>()),
        }
    }

    /// A value of the pico or its template that is no property. Container and cell use the same
    /// names for themselves.
    pub(super) fn own_text(&self, path: &[&str]) -> Result<Option<LocatedText>, String> {
        match self.text_in(&self.documents[..self.own_count], path) {
            Ok(None) => Ok(None),
            // Its substitutions may refer to the other layers.
            _ => self.text(path),
        }
    }

    fn text(&self, path: &[&str]) -> Result<Option<LocatedText>, String> {
        self.text_in(&self.documents, path)
    }
}

/// The variables that the product sets before it reads its files: its properties and its
/// environment.
fn known_variables(
    registry: &Registry,
    container: &str,
    pico: &str,
) -> Vec<(&'static str, String)> {
    let home = registry.home.to_string_lossy().into_owned();
    let MzshVariables { java_home, platform, .. } = registry.script.clone();
    let java_home = java_home.map(|path: PathBuf| path.to_string_lossy().into_owned());
    let always = [
        ("mz.home", &home),
        ("MZ_HOME", &home),
        ("pico.name", &pico.to_owned()),
        ("pico.configname", &pico.to_owned()),
        ("mz.container", &container.to_owned()),
        ("MZ_CONTAINER", &container.to_owned()),
    ]
    .map(|(name, text)| (name, text.clone()));
    let perhaps = [("JAVA_HOME", java_home), ("MZ_PLATFORM", platform)];
    always
        .into_iter()
        .chain(perhaps.into_iter().filter_map(|(name, text)| Some((name, text?))))
        .collect()
}
