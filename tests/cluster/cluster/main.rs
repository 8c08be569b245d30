//! What the cluster makes of the agents: a real Corosync and Pacemaker, three nodes, fencing. Each scenario is one test, with its
//! own cluster, and ends with the witness's word.

mod health;
mod jvm;
mod lab;
mod numbers;
mod picos;
mod nodes;
mod platform;
mod storage;
mod without_platform;
