//! The agents on a real cluster: Corosync and Pacemaker, three nodes, fencing. Each scenario is one test with
//! its own cluster, and ends with the verdict of the invariant checker.

mod absent_platform;
mod administration;
mod death_latency;
mod dropped;
mod dummy_comparison;
mod fence_test;
mod health;
mod jvm;
mod lab;
mod nodes;
mod picos;
mod platform;
mod soak;
mod storage;
mod waiting_monitor;
