//! The lab: a real Corosync and Pacemaker cluster in namespaces of one machine, with fencing that pulls the plug, and the
//! witness of what the picos did there.
//!
//! - A [`Lab`] is built by the scripts beside this (`script/lab.sh` tells how). Its nodes are processes with namespaces of
//!   their own and the machine's packages; the agents under test stand where Pacemaker looks for them.
//! - *Nothing stays behind, however a test ends.* The lab's process 1 reads from a pipe that the test holds; when that closes,
//!   by a return, a panic or a SIGKILL, it ends, and the kernel ends all that runs in it. [`Lab::down`] is the end of a test
//!   that passed; a lab that is dropped without it was that of a test that failed: the logs of all nodes are kept, and the
//!   directory is named. (`LAB_KEEP_LOGS=1` keeps them in any case.)
//! - *The truth comes from outside.* When a pico lived is told by the [`process_watcher`], which holds a pidfd of each and so knows the
//!   moment of its death, whatever killed it and whether it could say so; when it was ready, by the history that it writes.
//!   [`invariants`] puts both together and judges; it is a pure function. No agent is asked, and `crm_mon` only for what the
//!   cluster believes.
//! - A test waits for a condition with a deadline ([`Lab::wait_until`]), and the error has the last status.
#![forbid(unsafe_code)]

pub mod cluster_fixture;
mod controller;
pub mod death_latency;
pub mod invariants;
mod node;
pub mod process_watcher;
pub mod report;
mod running_lab;
pub mod simulation;
pub mod soak;
pub mod status;
pub mod timeline;

pub use controller::LabController;
pub use node::LabNode;
pub use running_lab::{Lab, labs_directory};
pub use testkit::{NodeCommandOutput, TestResult, TestkitError};
