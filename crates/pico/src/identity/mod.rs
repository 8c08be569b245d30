//! Which processes of this node are the pico.
//!
//! The truth is in /proc: owner, executable, command line, environment and namespaces, compared exactly. `ec1` is not `ec10`;
//! a pico of another installation is another pico; mzsh, which has the pico's name among its arguments, never is one. Anybody
//! can run a process that calls itself the pico, so that only root's processes count, and those of the installation's people
//! ([`ScanContext::is_pico_user`]).
//!
//! The product's pid file is not read: it could only nominate a pid, and [`ProcessSearch::scan`] looks at every process there is.
//! So a stale, empty or foreign pid file can do no harm, and no shared storage is touched to know what runs.

pub mod cluster_programs;
mod command_lines;
mod foreign_processes;
mod home;
mod home_match;
mod java_command_line;
mod markers;
mod mzsh_script;
mod possible_picos;
mod process_search;
mod running_names;
mod unnamed_process;

pub(crate) use command_lines::{foreign_user, program_name};
pub use foreign_processes::find_foreign_processes;
pub use home::MzHome;
pub use markers::{
    HomeClaim, ProcessArguments, Role, home_claim, is_any_pico_or_mzsh, may_be_product_program,
    parse_pico_name, role,
};
pub use possible_picos::{PossiblePico, find_possible_picos};
pub use process_search::{Bystander, PicoProcess, ProcessSearch, ScanContext, ScanResult, Suspect};
pub use running_names::running_pico_names;
