//! All picos of an installation, for those who look at a whole node: `mzha doctor`, a script that knows no more than
//! a port.

use super::account;
use super::inspection::REGISTRY_MEMORY;
use super::registry::{self, Literals, PicoFacts};
use super::storage::{Storage, StorageError};
use crate::identity::Home;
use crate::settings::Target;
use host::helper::{self, HelperError};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::time::Instant;

/// What the registry of an installation holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The containers of the registry. Those of other nodes may be among them.
    pub containers: Vec<String>,
    /// What `bin/mzsh` sets: its `MZ_CONTAINER` is the container of this installation.
    pub script: Literals,
    /// The picos of all containers, in order of container and name.
    pub picos: Vec<SurveyedPico>,
}

/// One of the picos of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyedPico {
    /// Its container.
    pub container: String,
    /// Its name: that of its file.
    pub name: String,
    /// What the registry says of it; or why that can't be told.
    pub facts: Result<PicoFacts, String>,
}

/// Why there is no survey.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The storage did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no registry, or it is laid out otherwise.
    #[error("the registry can't be read: {0}")]
    Unreadable(String),
}

/// Looks at all picos of the installation by a helper, which first switches to `os_user`, or the owner of the installation.
///
/// # Errors
/// [`SurveyError`].
pub fn survey(home: &Home, os_user: Option<&str>, until: Instant) -> Result<Survey, SurveyError> {
    let question = || serde_json::to_vec(&look(home.path(), os_user)).unwrap_or_default();
    // Not under the name of one of them: that one's own question may hang where this does not, and the other way round.
    let name = "survey".parse().map_err(|why: &str| SurveyError::Unreadable(why.to_owned()))?;
    let target = Target { name, home: home.clone(), process_match: None };
    let said = Storage::of(&target).ask(until, question)?;
    let said: Result<Survey, String> = serde_json::from_slice(&said)
        .map_err(|e| StorageError::NoHelper(HelperError::Unavailable(io::Error::other(e))))?;
    said.map_err(SurveyError::Unreadable)
}

fn look(home: &Path, os_user: Option<&str>) -> Result<Survey, String> {
    let owner = account::owner(home);
    let user = account::user(os_user, home, &owner);
    account::switch_to(account::looker(&user, home, &owner)?.as_ref())?;
    helper::limit_memory(REGISTRY_MEMORY);
    registry::all(home)
}
