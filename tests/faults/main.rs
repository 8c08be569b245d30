//! Every fault that is known to have misled an agent, and what ours make of it.
//!
//! Each case has a node of its own with a simulated MediationZone in `/opt/mz` ([`testkit::site`]), runs the binaries that
//! ship as Pacemaker runs them, injects one fault, and takes its truth from /proc of the node and from the simulator's own
//! history, never from what an agent says. The line above a case says what it proves: `docs/behaviour.md` is made of these
//! lines, and `tests/faults/mutants.toml` names for each case a change to the agents that it catches.

mod at_once;
mod by_hand;
mod capabilities;
mod cells;
mod changed_since;
mod children;
mod clock;
mod exhausted;
mod exiting;
mod ha_client;
mod home;
mod hung;
mod identity;
mod inherited;
mod killed_start;
mod language;
mod leaderless;
mod logs;
mod look_bounds;
mod mzsh;
mod mzsh_words;
mod name_service;
mod names;
mod neighbours;
mod never_listened;
mod node;
mod old_kernel;
mod ownership;
mod parameters;
mod pid_file;
mod platform_lost;
mod privileges;
mod proc_hidden;
mod process;
mod process_match;
mod record;
mod startup;
mod stop_acts;
mod stopping;
mod storage;
mod thread_dump;
mod twice;
mod unchecked;
mod unkillable;
mod visible;
