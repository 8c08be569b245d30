//! Paths and settings of an `MZ_HOME`.

use std::path::{Path, PathBuf};

use crate::history::{self, HistoryEvent};
use crate::layout::InstallationBuilder;
use crate::registry::SimRegistry;
use crate::{SimError, SimSettings};

/// A simulated installation on disk. A drop removes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    home: PathBuf,
    container: String,
}

impl Installation {
    /// Starts the description of a new installation at `home`, which must not contain files.
    pub fn builder(home: impl Into<PathBuf>) -> InstallationBuilder {
        InstallationBuilder::new(home.into())
    }

    /// Opens an existing installation.
    ///
    /// # Errors
    /// [`SimError`] if `home` has no installation.
    pub fn open(home: impl Into<PathBuf>) -> Result<Self, SimError> {
        let home = home.into();
        let path = home.join("sim/container");
        let container = std::fs::read_to_string(&path).map_err(SimError::file("read", path))?;
        Ok(Self { home, container: container.trim_end().to_owned() })
    }

    /// `MZ_HOME`.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// `MZ_CONTAINER`.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.container
    }

    /// `bin/mzsh`.
    #[must_use]
    pub fn mzsh(&self) -> PathBuf {
        self.home.join("bin/mzsh")
    }

    /// The simulator as a `java`. `JAVA_HOME` of a native installation is two levels up.
    #[must_use]
    pub fn java(&self) -> PathBuf {
        self.home.join("java/bin/java")
    }

    /// `lib/ha.jar`, the client of the HA Monitor Server.
    #[must_use]
    pub fn ha_jar(&self) -> PathBuf {
        self.home.join("lib/ha.jar")
    }

    /// The pid file of this pico, unless `pico.pid` names another.
    #[must_use]
    pub fn pid_file(&self, pico: &str) -> PathBuf {
        self.home.join("log").join(format!("{pico}.pid"))
    }

    #[must_use]
    pub fn log_path(&self, pico: &str) -> PathBuf {
        log_path(&self.home, pico)
    }

    /// The pico's file in the active registry.
    #[must_use]
    pub fn pico_config_path(&self, pico: &str) -> PathBuf {
        let active = self.home.join(crate::registry::ACTIVE);
        active.join("containers").join(&self.container).join("picos").join(format!("{pico}.conf"))
    }

    /// Reads the current registry files.
    ///
    /// # Errors
    /// [`SimError`] if a file can't be read or understood.
    pub fn registry(&self) -> Result<SimRegistry, SimError> {
        SimRegistry::load(&self.home, &self.container)
    }

    /// Reads the current settings.
    ///
    /// # Errors
    /// See [`SimSettings::load`].
    pub fn settings(&self) -> Result<SimSettings, SimError> {
        SimSettings::load(&self.home)
    }

    /// Changes settings: `key=value` for all picos, `PICO.key=value` for one.
    ///
    /// # Errors
    /// See [`SimSettings::set`], [`SimSettings::load`], [`SimSettings::save`].
    pub fn set<S: AsRef<str>>(
        &self,
        assignments: impl IntoIterator<Item = S>,
    ) -> Result<(), SimError> {
        let mut settings = self.settings()?;
        for assignment in assignments {
            settings.set(assignment.as_ref())?;
        }
        settings.save(&self.home)
    }

    /// Reads all events.
    ///
    /// # Errors
    /// See [`history::read`].
    pub fn history(&self) -> Result<Vec<HistoryEvent>, SimError> {
        history::read(&self.home)
    }
}

pub(crate) fn log_path(home: &Path, pico: &str) -> PathBuf {
    home.join("log").join(format!("{pico}_current.log"))
}

pub(crate) fn critical_log_path(home: &Path, pico: &str) -> PathBuf {
    home.join("log").join(format!("{pico}_criticalerror.log"))
}
