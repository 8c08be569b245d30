//! Every fault that is known to have misled an agent, and how ours respond.
//!
//! Each case has a node of its own with a simulated MediationZone in `/opt/mz` ([`testkit::fixture`]). It
//! runs the shipped binaries as Pacemaker runs them, injects one fault, and verifies the result by the node's
//! /proc and the simulator's own history, never by an agent's answer. The doc comment of a case says what it
//! proves and becomes a row of `docs/evidence/behaviour.md`. `tests/faults/mutants.toml` names for each case
//! a change to the agents that the case detects.

mod administrator;
mod capabilities;
mod changed_installation;
mod children;
mod clock;
mod concurrent_actions;
mod duplicate_pico;
mod exiting;
mod failed_start;
mod ha_client;
mod hung_pico;
mod identity;
mod inherited_attributes;
mod instance_record;
mod jvm_death;
mod killed_start;
mod locale;
mod logs;
mod mz_home;
mod mzsh;
mod mzsh_output;
mod name_service;
mod never_listened;
mod node_environment;
mod old_kernel;
mod other_picos;
mod ownership;
mod parameters;
mod pid_file;
mod platform_lost;
mod privileges;
mod proc_hidden;
mod process_cases;
mod process_match;
mod resource_exhaustion;
mod resource_names;
mod scan_cost;
mod scope;
mod stop_escalation;
mod stop_recorded_jvm;
mod storage;
mod terminal_escapes;
mod thread_dump;
mod unchecked;
mod uninterruptible_sleep;
mod zombie_leader;
