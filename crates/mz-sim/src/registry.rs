//! The registry (STR): what is defined in the HOCON files of an installation, read anew by each mzsh.
//!
//! `common/config/cell/default/.active` holds what counts: `cell.conf`, `containers/<container>/container.conf` and
//! `containers/<container>/picos/<pico>.conf`. A pico's file stands over its template, which is found in `master/templates`.
//! A property of a pico is looked for in its own `config.properties`, then in the container's `common`, then in the cell's.
//! `mz { ha { port : 1 } }`, `mz.ha.port : 1` and `"mz.ha.port" : 1` are the same property here, as they are to the product.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use hocon::HoconValue;

use crate::Error;

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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Platform, Self::Ec, Self::Sc, Self::Ui];

    /// `platform`, `ec`, `sc`, `ui`: also the end of the standard template's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Ec => "ec",
            Self::Sc => "sc",
            Self::Ui => "ui",
        }
    }

    /// The property with the port of its web interface, and the port that it has by default.
    #[must_use]
    pub fn web(self) -> Option<(&'static str, u16)> {
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

/// Values by their path with dots; the elements of a list are joined by newlines.
pub type Flat = BTreeMap<String, String>;

/// A pico as the registry defines it.
#[derive(Debug, Clone)]
pub struct Pico {
    /// Its name.
    pub name: String,
    /// Its type, by the end of its template's name.
    pub kind: PicoKind,
    /// All values, those of the template included.
    pub values: Flat,
}

impl Pico {
    /// `config.properties.<name>`.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        self.values.get(&format!("config.properties.{name}")).map(String::as_str)
    }

    /// `config.jvmargs.args`.
    pub fn jvm_args(&self) -> impl Iterator<Item = &str> {
        self.values.get("config.jvmargs.args").map(String::as_str).unwrap_or_default().lines()
    }
}

/// The registry of one container.
#[derive(Debug, Clone)]
pub struct Registry {
    dir: PathBuf,
    master: PathBuf,
    /// `cell.conf`.
    pub cell: Flat,
    /// `container.conf`.
    pub container: Flat,
}

impl Registry {
    /// Reads what holds for all picos of the container.
    ///
    /// # Errors
    /// [`Error`] if a file can't be read or is not HOCON.
    pub fn load(home: &Path, container: &str) -> Result<Self, Error> {
        let active = home.join(ACTIVE);
        let dir = active.join("containers").join(container);
        Ok(Self {
            cell: flat(&active.join("cell.conf"))?,
            container: flat(&dir.join("container.conf"))?,
            master: home.join(MASTER),
            dir,
        })
    }

    /// The names of the picos of the container, sorted.
    ///
    /// # Errors
    /// [`Error::File`] if the directory can't be read.
    pub fn picos(&self) -> Result<Vec<String>, Error> {
        let path = self.dir.join("picos");
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(Error::file("read", &path))? {
            let name = entry.map_err(Error::file("read", &path))?.file_name();
            names.extend(name.to_str().and_then(|name| name.strip_suffix(".conf")).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// One pico, or none if the container has no such pico.
    ///
    /// # Errors
    /// [`Error`] if its file, or its template's, can't be read or is not HOCON.
    pub fn pico(&self, name: &str) -> Result<Option<Pico>, Error> {
        let path = self.dir.join("picos").join(format!("{name}.conf"));
        if name.contains('/') || !path.exists() {
            return Ok(None);
        }
        let mut values = flat(&path)?;
        let template = values.get("template").cloned().unwrap_or_default();
        let (namespace, short) = template.split_once('.').unwrap_or(("mz", &template));
        let path = self.master.join("templates").join(namespace).join("picos").join(format!("{short}.conf"));
        for (key, value) in flat(&path)? {
            values.entry(key).or_insert(value);
        }
        let kind = PicoKind::ALL.into_iter().find(|kind| template.ends_with(&format!("-{kind}")));
        Ok(Some(Pico { name: name.to_owned(), kind: kind.unwrap_or(PicoKind::Ec), values }))
    }

    /// `common.<name>` of the container, else of the cell.
    #[must_use]
    pub fn shared(&self, name: &str) -> Option<&str> {
        let key = format!("common.{name}");
        self.container.get(&key).or_else(|| self.cell.get(&key)).map(String::as_str)
    }

    /// A property of a pico: its own, else [`Registry::shared`].
    #[must_use]
    pub fn property<'a>(&'a self, pico: &'a Pico, name: &str) -> Option<&'a str> {
        pico.property(name).or_else(|| self.shared(name)).filter(|value| !value.is_empty())
    }

    /// All properties of a pico whose names begin so, by the rest of the name.
    #[must_use]
    pub fn properties_below(&self, pico: &Pico, prefix: &str) -> Flat {
        let names = |values: &Flat, place: &str| -> Vec<String> {
            let place = format!("{place}.{prefix}");
            values.keys().filter_map(|key| key.strip_prefix(&place)).map(str::to_owned).collect()
        };
        let mut all = names(&pico.values, "config.properties");
        all.extend([&self.container, &self.cell].into_iter().flat_map(|values| names(values, "common")));
        let value = |name: String| {
            let value = self.property(pico, &format!("{prefix}{name}"))?.to_owned();
            Some((name, value))
        };
        all.into_iter().filter_map(value).collect()
    }

    /// `host:port` of the Platform's RCP as the cell has it.
    #[must_use]
    pub fn platform_rcp(&self) -> (&str, &str) {
        let host = self.shared("pico.rcp.platform.host").unwrap_or("localhost");
        (host, self.shared("pico.rcp.platform.port").unwrap_or("6790"))
    }
}

fn flat(path: &Path) -> Result<Flat, Error> {
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let config = hocon::parse(&text)
        .map_err(|error| Error::Malformed { path: path.to_owned(), problem: error.to_string() })?;
    let mut flat = Flat::new();
    for key in config.keys() {
        if let Some(value) = config.get(&format!("\"{key}\"")).or_else(|| config.get(key)) {
            flatten(key, value, &mut flat);
        }
    }
    Ok(flat)
}

fn flatten(key: &str, value: &HoconValue, into: &mut Flat) {
    match value {
        HoconValue::Object(map) => {
            for (name, value) in map {
                flatten(&format!("{key}.{name}"), value, into);
            }
        }
        HoconValue::Array(items) => {
            let items: Vec<&str> = items.iter().filter_map(scalar).collect();
            into.insert(key.to_owned(), items.join("\n"));
        }
        value => {
            into.extend(scalar(value).map(|text| (key.to_owned(), text.to_owned())));
        }
    }
}

fn scalar(value: &HoconValue) -> Option<&str> {
    match value {
        HoconValue::Scalar(scalar) if !value.is_null() => Some(&scalar.raw),
        _ => None,
    }
}
