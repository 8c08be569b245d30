//! The product: its files and its commands.
//!
//! All of them may be on shared storage, so only child processes access them: [`inspect`] in a worker process, `mzsh` and the HA client as
//! commands that look up what they need after the fork.

mod account;
mod command_failure;
mod command_output;
mod ha;
mod inspection;
mod installation_users;
mod instance_listing;
mod mzsh;
mod mzsh_topo;
mod permission_check;
mod registry;
mod storage;
pub(crate) mod thread_dump;

pub use ha::{HaAnswer, HaClient, HaMonitor, listens};
pub use inspection::{FileState, HomeState, Inspection, UserState, inspect};
pub(crate) use installation_users::{
    InstallationUsers, is_same_directory, query_installation_users, resolve_path,
};
pub use instance_listing::{ListingError, list_instances};
pub use mzsh::{Mzsh, StartupResult, StatusAnswer, Verb};
pub(crate) use mzsh_topo::fill_from_mzsh_topo;
pub(crate) use registry::join_names;
pub use registry::{
    InstanceListing, ListedInstance, MzshVariables, PicoFacts, PropertyProblem, RegistryState,
    find as find_pico,
};
pub use storage::StorageError;
pub(crate) use storage::{Storage, running_agent_commands};
