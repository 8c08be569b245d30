//! What the cluster makes of the agents: a real Corosync and Pacemaker, three nodes, fencing. Each scenario is one test, with its
//! own cluster, and ends with the witness's word.

mod away;
mod deaths;
mod dropped;
mod health;
mod jvm;
mod lab;
mod nodes;
mod numbers;
mod pages;
mod picos;
mod platform;
mod soak;
mod storage;
mod upkeep;
mod waiting;
