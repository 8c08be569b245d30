//! Which processes of this node are the pico.
//!
//! The truth is in /proc: command lines and environments, compared exactly. `ec1` is not `ec10`; a pico of another
//! installation is another pico; mzsh, which has the pico's name among its arguments, never is one.
//!
//! The product's pid file is not read: it could only nominate a pid, and [`Search::look`] examines every process there is.
//! So a stale, empty or foreign pid file can do no harm, and no shared storage is touched to know what runs.
//! For the same reason no process is passed over for its owner.

pub mod daemons;
mod home;
mod look;
mod markers;
mod names;

pub use home::Home;
pub use look::{Candidate, Found, Search, Surroundings, Suspect};
pub use markers::{Arguments, HomeClaim, Role, home_claim, name_of_pico, pico_of_anyone, role};
pub use names::of_all;
