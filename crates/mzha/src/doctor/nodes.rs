//! Nodes with a stale `expected=down`.

use super::check_result::{Area, CheckResult};
use crate::cib::{CibError, StaleNodeState};

pub(super) fn check(held: &Result<Vec<StaleNodeState>, CibError>) -> Vec<CheckResult> {
    const CHECK: &str = "nodes";
    let held = match held {
        Ok(held) => held,
        Err(e) => {
            let seen = format!("stale expected=down unknown: {e}");
            return vec![CheckResult::warning(Area::Cluster, CHECK, seen, "run it again")];
        }
    };
    let row = |StaleNodeState { name, id }: &StaleNodeState| {
        let seen = format!(
            "{name} has joined, but its state says expected=down, as if it were shutting down: Pacemaker shows it as pending and lets \
             it run nothing. A healed network partition can cause this; it does not end by itself"
        );
        let state = format!(r#"<node_state id="{id}" uname="{name}" expected="member"/>"#);
        CheckResult::error(
            Area::Cluster,
            CHECK,
            seen,
            format!("cibadmin --modify --scope status --xml-text '{state}'"),
        )
    };
    held.iter().map(row).collect()
}
