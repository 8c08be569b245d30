//! The registry (STR): the HOCON files of an installation, read again by each mzsh.
//!
//! The active registry is `common/config/cell/default/.active`. It holds `cell.conf`,
//! `containers/<container>/container.conf` and `containers/<container>/picos/<pico>.conf`. A pico's
//! file overrides its template in `master/templates`. A property of a pico comes from its own
//! `config.properties`, then from the container's `common`, then from the cell's.
//! `mz { ha { port : 1 } }`, `mz.ha.port : 1` and `"mz.ha.port" : 1` are the same property here, as
//! in the product.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use hocon::{Config, Document, Include, IncludeLoader, IncludeTarget, IncludedText, Value};

use crate::SimError;

/// The active registry below `MZ_HOME`.
pub const ACTIVE: &str = "common/config/cell/default/.active";
/// The master registry below `MZ_HOME`.
pub const MASTER: &str = "common/config/cell/default/master";

/// The types of pico instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PicoKind {
    /// The Platform.
    Platform,
    /// An Execution Context.
    Ec,
    /// A Service Context.
    Sc,
    /// The Web UI.
    Ui,
}

impl PicoKind {
    pub const ALL: [Self; 4] = [Self::Platform, Self::Ec, Self::Sc, Self::Ui];

    /// `platform`, `ec`, `sc`, `ui`; the name of the standard template ends with it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Ec => "ec",
            Self::Sc => "sc",
            Self::Ui => "ui",
        }
    }

    /// The property with the port of the web interface, and that port's default.
    #[must_use]
    pub fn web_port_property(self) -> Option<(&'static str, u16)> {
        match self {
            Self::Platform => Some(("mz.webserver.port", 9000)),
            Self::Ui => Some(("mz.webserver.port", 9001)),
            Self::Ec => Some(("ec.webserver.port", 9090)),
            Self::Sc => None,
        }
    }
}

impl fmt::Display for PicoKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Values by their dotted path; newlines separate the elements of a list.
pub type FlatValues = BTreeMap<String, String>;

/// A pico as the registry defines it.
#[derive(Debug, Clone)]
pub struct SimPicoDefinition {
    pub name: String,
    /// The type, from the end of the template's name.
    pub kind: PicoKind,
    /// All values, including those of the template.
    pub values: FlatValues,
}

impl SimPicoDefinition {
    /// `config.properties.<name>`.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        self.values.get(&format!("config.properties.{name}")).map(String::as_str)
    }

    pub fn jvm_args(&self) -> impl Iterator<Item = &str> {
        self.values.get("config.jvmargs.args").map(String::as_str).unwrap_or_default().lines()
    }
}

/// The registry of one container.
#[derive(Debug, Clone)]
pub struct SimRegistry {
    home: PathBuf,
    dir: PathBuf,
    /// `cell.conf`.
    pub cell: FlatValues,
    /// `container.conf`.
    pub container: FlatValues,
}

impl SimRegistry {
    /// Reads the values that all picos of the container share.
    ///
    /// # Errors
    /// [`SimError`] if a file can't be read or is not HOCON.
    pub fn load(home: &Path, container: &str) -> Result<Self, SimError> {
        let active = home.join(ACTIVE);
        let dir = active.join("containers").join(container);
        Ok(Self {
            cell: load_flat(&[active.join("cell.conf")], home, "")?,
            container: load_flat(
                &[dir.join("container.conf"), active.join("cell.conf")],
                home,
                "",
            )?,
            home: home.to_owned(),
            dir,
        })
    }

    /// The names of the container's picos, sorted.
    ///
    /// # Errors
    /// [`SimError::File`] if the directory can't be read.
    pub fn picos(&self) -> Result<Vec<String>, SimError> {
        let path = self.dir.join("picos");
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(SimError::file("read", &path))? {
            let name = entry.map_err(SimError::file("read", &path))?.file_name();
            names.extend(
                name.to_str().and_then(|name| name.strip_suffix(".conf")).map(str::to_owned),
            );
        }
        names.sort();
        Ok(names)
    }

    /// One pico; `None` if the container has no such pico.
    ///
    /// # Errors
    /// [`SimError`] if its file, or its template's, can't be read or is not HOCON.
    pub fn pico(&self, name: &str) -> Result<Option<SimPicoDefinition>, SimError> {
        let path = self.dir.join("picos").join(format!("{name}.conf"));
        if name.contains('/') || !path.exists() {
            return Ok(None);
        }
        let own = read_document(&path)?;
        let template =
            Config::from_documents([&own]).text(&["template"]).map_err(malformed(&path))?;
        let template = template.map(|found| found.text).unwrap_or_default();
        let (namespace, short) = template.split_once('.').unwrap_or(("mz", &template));
        let template_path = format!("{MASTER}/templates/{namespace}/picos/{short}.conf");
        let active = self.home.join(ACTIVE);
        let files = [
            path,
            self.home.join(template_path),
            self.dir.join("container.conf"),
            active.join("cell.conf"),
        ];
        let values = load_flat(&files, &self.home, name)?;
        let kind = PicoKind::ALL.into_iter().find(|kind| template.ends_with(&format!("-{kind}")));
        Ok(Some(SimPicoDefinition {
            name: name.to_owned(),
            kind: kind.unwrap_or(PicoKind::Ec),
            values,
        }))
    }

    /// `common.<name>` of the container, else of the cell.
    #[must_use]
    pub fn common_value(&self, name: &str) -> Option<&str> {
        let key = format!("common.{name}");
        self.container.get(&key).or_else(|| self.cell.get(&key)).map(String::as_str)
    }

    /// A property of a pico: its own, otherwise [`SimRegistry::common_value`].
    #[must_use]
    pub fn property<'a>(&'a self, pico: &'a SimPicoDefinition, name: &str) -> Option<&'a str> {
        pico.property(name).or_else(|| self.common_value(name)).filter(|value| !value.is_empty())
    }

    /// All properties of a pico whose names start with `prefix`, by the rest of the name.
    #[must_use]
    pub fn properties_below(&self, pico: &SimPicoDefinition, prefix: &str) -> FlatValues {
        let names = |values: &FlatValues, place: &str| -> Vec<String> {
            let place = format!("{place}.{prefix}");
            values.keys().filter_map(|key| key.strip_prefix(&place)).map(str::to_owned).collect()
        };
        let mut all = names(&pico.values, "config.properties");
        all.extend(
            [&self.container, &self.cell].into_iter().flat_map(|values| names(values, "common")),
        );
        let value = |name: String| {
            let value = self.property(pico, &format!("{prefix}{name}"))?.to_owned();
            Some((name, value))
        };
        all.into_iter().filter_map(value).collect()
    }

    /// `host:port` of the Platform's RCP from the cell.
    #[must_use]
    pub fn platform_rcp(&self) -> (&str, &str) {
        let host = self.common_value("pico.rcp.platform.host").unwrap_or("localhost");
        (host, self.common_value("pico.rcp.platform.port").unwrap_or("6790"))
    }
}

fn read_document(path: &Path) -> Result<Document, SimError> {
    let text = fs::read_to_string(path).map_err(SimError::file("read", path))?;
    Document::parse(&text, &path.to_string_lossy(), &[], &mut SiblingFiles).map_err(malformed(path))
}

fn malformed(path: &Path) -> impl Fn(hocon::Error) -> SimError {
    let path = path.to_owned();
    move |error| SimError::Malformed { path: path.clone(), problem: error.to_string() }
}

/// Merges files, the first has precedence. Substitutions see mzsh's environment and the pico's own
/// values.
fn load_flat(paths: &[PathBuf], home: &Path, pico: &str) -> Result<FlatValues, SimError> {
    let documents = paths.iter().map(|path| read_document(path)).collect::<Result<Vec<_>, _>>()?;
    let known = |name: &str| match name {
        "mz.home" => Some(home.to_string_lossy().into_owned()),
        "pico.name" => Some(pico.to_owned()).filter(|pico| !pico.is_empty()),
        name => std::env::var(name).ok(),
    };
    let whole = Config::from_documents(&documents)
        .with_fallback(known)
        .value(&[])
        .map_err(malformed(&paths[0]))?;
    let mut flat = FlatValues::new();
    if let Some(Value::Object(values)) = whole {
        for (name, value) in &values {
            flatten(name, value, &mut flat);
        }
    }
    Ok(flat)
}

/// Resolves includes to files in the directory of the including file.
pub(crate) struct SiblingFiles;

impl IncludeLoader for SiblingFiles {
    fn load(&mut self, include: &Include) -> Result<Vec<IncludedText>, String> {
        let (IncludeTarget::Relative(name) | IncludeTarget::File(name)) = &include.target else {
            return Err("only files can be included".to_owned());
        };
        let path = Path::new(include.location.origin()).with_file_name(name);
        match fs::read_to_string(&path) {
            Ok(text) => {
                Ok(vec![IncludedText { origin: path.to_string_lossy().into_owned(), text }])
            }
            Err(_) if !include.required => Ok(Vec::new()),
            Err(e) => Err(format!("{}: {e}", path.display())),
        }
    }
}

fn flatten(key: &str, value: &Value, into: &mut FlatValues) {
    match value {
        Value::Object(values) => {
            for (name, value) in values {
                flatten(&format!("{key}.{name}"), value, into);
            }
        }
        Value::List(items) => {
            let texts = items.iter().filter_map(|item| match item {
                Value::Text(text) => Some(text.as_str()),
                _ => None,
            });
            into.insert(key.to_owned(), texts.collect::<Vec<_>>().join("\n"));
        }
        Value::Text(text) => {
            into.insert(key.to_owned(), text.clone());
        }
        Value::Null => {}
    }
}
