//! The lab: a real Corosync and Pacemaker cluster in namespaces of one machine, with fencing that cuts the
//! power, and the invariant checker of the picos' lives.
//!
//! - A [`Lab`] is built by the scripts beside this (see `script/lab.sh`). Its nodes are processes with
//!   namespaces of their own and the machine's packages; the agents under test are installed where Pacemaker
//!   expects them.
//! - *Nothing stays behind, however a test ends.* The lab's process 1 reads from a pipe that the test holds.
//!   When that closes, by a return, a panic or a SIGKILL, process 1 ends, and the kernel ends all that runs
//!   in the lab. A passed test ends with [`Lab::down`]; if a lab is dropped without it the test has failed:
//!   the logs of all nodes are kept, and the directory is named. (`LAB_KEEP_LOGS=1` keeps them in any case.)
//! - *The truth comes from outside.* The [`process_watcher`] holds a pidfd of each pico. So it knows the
//!   moment of its death, whatever killed it and whether it could log that. The pico's own history says when
//!   it was ready. [`invariants`] combines both and checks them; it is a pure function. No agent is queried,
//!   and `crm_mon` only for the cluster's view.
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
