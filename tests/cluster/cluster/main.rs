//! What the cluster makes of the agents: a real Corosync and Pacemaker, three nodes, fencing. Each scenario is one test, with its
//! own cluster, and ends with the witness's word.

mod absent_platform;
mod administration;
mod death_latency;
mod dropped;
mod dummy_comparison;
mod health;
mod jvm;
mod lab;
mod nodes;
mod pages;
mod picos;
mod platform;
mod soak;
mod storage;
mod waiting_monitor;
