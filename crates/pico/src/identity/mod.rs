//! Which processes of this node are the pico.
//!
//! The truth is in /proc: owner, executable, command line, environment and namespaces, compared exactly. `ec1` is not `ec10`;
//! a pico of another installation is another pico; mzsh, which has the pico's name among its arguments, never is one. Anybody
//! can run a process that calls itself the pico, so that only root's processes count, and those of the installation's people
//! ([`Surroundings::counts`]).
//!
//! The product's pid file is not read: it could only nominate a pid, and [`Search::look`] looks at every process there is.
//! So a stale, empty or foreign pid file can do no harm, and no shared storage is touched to know what runs.

pub mod daemons;
mod home;
mod installation;
mod java;
mod lines;
mod look;
mod markers;
mod nameless;
mod names;
mod possible;
mod script;
mod strangers;

pub use home::Home;
pub(crate) use lines::{program, stranger};
pub use look::{Bystander, Candidate, Found, Search, Surroundings, Suspect};
pub use markers::{
    Arguments, HomeClaim, Role, home_claim, may_be_of_the_product, name_of_pico, pico_of_anyone, role,
};
pub use names::of_all;
pub use possible::{Possible, possible};
pub use strangers::strangers;
