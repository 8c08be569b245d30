//! All picos of an installation, for `mzha doctor` and for a script that knows only a port.

use super::account;
use super::registry::{self, InstanceListing, REGISTRY_MEMORY_LIMIT};
use super::storage::{Storage, StorageError};
use crate::identity::MzHome;
use crate::settings::PicoInstance;
use host::worker::{self, WorkerError};
use std::io;
use std::path::Path;
use std::time::Instant;

/// Why there is no listing.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The storage did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no registry, or it is laid out otherwise.
    #[error("the registry can't be read: {0}")]
    Unreadable(String),
}

/// Lists all picos of the installation in a worker process, which first switches to `os_user` or the owner of the installation.
///
/// # Errors
/// [`ListingError`].
pub fn list_instances(
    home: &MzHome,
    os_user: Option<&str>,
    until: Instant,
) -> Result<InstanceListing, ListingError> {
    let question = || serde_json::to_vec(&list_in_child(home.path(), os_user)).unwrap_or_default();
    // Not under the name of a pico: its own queries may hang where this one does not, and vice versa.
    let name = "survey".parse().map_err(|why: &str| ListingError::Unreadable(why.to_owned()))?;
    let target = PicoInstance { name, home: home.clone(), process_match: None };
    let said = Storage::for_target(&target).run_in_child(until, question)?;
    let said: Result<InstanceListing, String> = serde_json::from_slice(&said)
        .map_err(|e| StorageError::WorkerFailed(WorkerError::Unavailable(io::Error::other(e))))?;
    said.map_err(ListingError::Unreadable)
}

fn list_in_child(home: &Path, os_user: Option<&str>) -> Result<InstanceListing, String> {
    let owner = account::installation_owner(home);
    let user = account::command_user(os_user, home, &owner);
    account::switch_user(account::inspecting_user(&user, home, &owner)?.as_ref())?;
    worker::limit_memory(REGISTRY_MEMORY_LIMIT);
    registry::list_all(home)
}
