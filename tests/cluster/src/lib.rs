//! The lab: a real Corosync and Pacemaker cluster in namespaces of one machine, with fencing that
//! cuts the power. It also has the invariant checker of the picos' lives.
//!
//! - The scripts beside this file build a [`Lab`] (see `script/lab.sh`). Its nodes are processes
//!   with namespaces of their own and the machine's packages. The agents under test are installed
//!   where Pacemaker expects them.
//! - *Nothing stays behind, however a test ends.* The lab's process 1 reads from a pipe that the
//!   test holds. A return, a panic or a SIGKILL closes it. Process 1 then exits, and the kernel
//!   kills all other processes of the lab. A passed test ends with [`Lab::down`]. A lab that is
//!   dropped without it keeps the logs of all nodes and names their directory, because the test has
//!   failed. (`LAB_KEEP_LOGS=1` keeps them always.)
//! - *The evidence comes from outside.* The [`process_watcher`] holds a pidfd of each pico. So it
//!   knows the time of its death, for any cause and without its log. The pico's own history has the
//!   time of its readiness. [`invariants`] combines both and checks them, as a pure function. No
//!   agent is queried, and `crm_mon` only for the cluster's view.
//! - A test waits for a condition with a deadline ([`Lab::wait_until`]). The error has the last
//!   status.
#![forbid(unsafe_code)]

pub mod cluster_fixture;
mod controller;
pub mod death_latency;
pub mod invariants;
mod node;
pub mod openstack;
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
