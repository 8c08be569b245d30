//! The product as it lies on disk and answers to commands.
//!
//! All of this may be on shared storage, so all of it happens in children: [`inspect`] in a helper, `mzsh` and the HA
//! client as commands that look up what they need after the fork.

mod account;
mod ha;
mod inspection;
mod mzsh;
mod no_verdict;
mod people;
mod registry;
mod storage;
mod survey;
pub(crate) mod thread_dump;
mod topo;
mod trust;

pub use ha::{HaAnswer, HaClient, HaMonitor, listens};
pub use inspection::{FileState, HomeState, Inspection, UserState, inspect};
pub use mzsh::{Mzsh, StartupEnd, StatusAnswer, Verb};
pub(crate) use people::{People, are_one_directory, people, resolve};
pub(crate) use registry::list;
pub use registry::{Literals, PicoFacts, Problem, RegistryState, find as find_pico};
pub use storage::StorageError;
pub(crate) use storage::{Storage, launched};
pub use survey::{Survey, SurveyError, SurveyedPico, survey};
pub(crate) use topo::ask_mzsh;
