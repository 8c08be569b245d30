//! The files that speak about one pico, as one: its own over its template's, over what that one inherits from, over the
//! container's, over the cell's.
//!
//! HOCON looks substitutions up in the whole, so that the cell can name what a pico sets. What only a running product has set
//! (`mz.home`, `pico.name`) is known here as far as the agent knows it. The agent's own environment is not asked: Pacemaker's
//! is not that of the product.

use super::files::RegistryReader;
use super::mzsh_variables::MzshVariables;
use super::{Registry, exists};
use hocon::{Config, Document, LocatedText};
use std::cell::Cell;
use std::path::PathBuf;

/// Where properties are, the nearest first: the pico's own and its templates', and those of container and cell.
const OWN_PREFIX: &[&str] = &["config", "properties"];
const SHARED_PREFIX: &[&str] = &["common"];
const SEARCHED_PREFIXES: &[&[&str]] = &[OWN_PREFIX, SHARED_PREFIX];

/// Most templates that inherit from each other.
const MAX_TEMPLATES: usize = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct Layers {
    documents: Vec<Document>,
    /// So many of them are the pico's own and its templates'.
    own_count: usize,
    /// The templates, the nearest first.
    pub(super) templates: Vec<String>,
    /// What is not as it should be with the files: includes that were passed over, templates that are not there.
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

    /// Reads the template that the pico names, the one that this names, and so on.
    fn read_templates(&mut self, registry: &Registry, files: &mut RegistryReader) -> Result<(), String> {
        loop {
            let last = self.documents.last();
            let named = self.text_in(last, &["template"])?;
            let Some(LocatedText { text: template, location: place }) = named else { return Ok(()) };
            let place = place.map_or_else(String::new, |place| format!("{place}: "));
            if self.templates.contains(&template) {
                self.remarks.push(format!("{place}template {template} inherits from itself"));
                return Ok(());
            }
            if self.templates.len() == MAX_TEMPLATES {
                self.remarks
                    .push(format!("{place}more than {MAX_TEMPLATES} templates inherit from each other"));
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

    /// The text of a path in these documents. An optional substitution that nobody here knows may be set in the product's own
    /// environment: then what stands below it is not what counts.
    fn text_in<'a>(
        &'a self,
        documents: impl IntoIterator<Item = &'a Document>,
        path: &[&str],
    ) -> Result<Option<LocatedText>, String> {
        let unknown = Cell::new(None);
        let known = |name: &str| {
            let known =
                self.known_variables.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone());
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

    /// A property: that of the pico, else that of container or cell. Empty is unset.
    pub(super) fn property(&self, name: &str) -> Result<Option<LocatedText>, String> {
        match self.property_below(OWN_PREFIX, name)? {
            Some(found) => Ok(Some(found)),
            None => self.property_below(SHARED_PREFIX, name),
        }
        .map(|found| found.filter(|found| !found.text.is_empty()))
    }

    /// A property that is set for this pico itself or by its template, and not for all of the container.
    pub(super) fn own_property(&self, name: &str) -> Result<Option<LocatedText>, String> {
        self.property_below(OWN_PREFIX, name).map(|found| found.filter(|found| !found.text.is_empty()))
    }

    fn property_below(&self, prefix: &[&str], name: &str) -> Result<Option<LocatedText>, String> {
        let names = prefix.iter().copied().chain(name.split('.'));
        match self.text(&names.collect::<Vec<_>>())? {
            Some(found) => Ok(Some(found)),
            // In quotes, within an object that came there by a substitution.
            None => self.text(&prefix.iter().copied().chain([name]).collect::<Vec<_>>()),
        }
    }

    /// A value that is no property, of the pico or its template. What container or cell call so is about themselves.
    pub(super) fn own_text(&self, path: &[&str]) -> Result<Option<LocatedText>, String> {
        match self.text_in(&self.documents[..self.own_count], path) {
            Ok(None) => Ok(None),
            // What it names may stand in the others.
            _ => self.text(path),
        }
    }

    fn text(&self, path: &[&str]) -> Result<Option<LocatedText>, String> {
        self.text_in(&self.documents, path)
    }
}

/// What the product has set when it reads its files, by the names of its properties and its environment.
fn known_variables(registry: &Registry, container: &str, pico: &str) -> Vec<(&'static str, String)> {
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
    always.into_iter().chain(perhaps.into_iter().filter_map(|(name, text)| Some((name, text?)))).collect()
}
