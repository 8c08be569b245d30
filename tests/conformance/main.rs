//! The agents tested by their users' tools: ocf-tester, xmllint, pcs, crmsh and Pacemaker's own, as Debian
//! ships them, in each of their generations.
//!
//! A check is a function over a [`AgentFixture`]: a node with one agent and the resource that it manages.
//! Each check runs for our four agents, and for `ocf:heartbeat:Dummy`, which is known to be right: that tests
//! the check. Each check also has to fail with an agent that is broken on purpose (`broken_agents.rs`).

mod agent_fixture;
mod broken_agents;
mod command_line;
mod crmsh;
mod generations;
mod metadata;
mod ocf_tester;
mod pacemaker;
mod pcs;
mod readme;

use agent_fixture::{AgentFixture, DUMMY, EC, PLATFORM, SC, UI};

/// The error describes why an agent does not conform.
type CheckOutcome = Result<(), Box<dyn std::error::Error>>;

/// Fails a check with a description of what was seen.
macro_rules! ensure {
    ($condition:expr, $($seen:tt)+) => {
        if !$condition {
            return Err(format!($($seen)+).into());
        }
    };
}
pub(crate) use ensure;

/// A module for the agent, in it a test for each check.
macro_rules! suite {
    ($agent:ident = $subject:expr) => {
        mod $agent {
            use super::*;
            suite! { $subject =>
                ocf_tester_passes = ocf_tester::passes,
                metadata_is_valid = metadata::is_valid,
                metadata_follows_schema = metadata::follows_schema,
                metadata_is_independent_of_caller = metadata::is_independent_of_caller,
                unknown_action_is_unimplemented = command_line::unknown_action_is_unimplemented,
                closed_descriptors_change_nothing = command_line::closed_descriptors_change_nothing,
                pcs_creates_resource = pcs::creates_resource,
                pcs_creates_resource_with_validation = pcs::creates_resource_with_validation,
                pcs_describes_agent = pcs::describes_agent,
                crm_configures_primitive = crmsh::configures_primitive,
                crm_ra_info_shows_agent = crmsh::shows_info,
                crm_resource_shows_metadata = pacemaker::shows_metadata,
                crm_resource_validates_agent = pacemaker::validates_resource,
                crm_resource_forces_actions = pacemaker::forces_actions,
            }
        }
    };
    ($subject:expr => $($name:ident = $check:path,)+) => {
        $(#[test]
        fn $name() -> CheckOutcome {
            $check(&AgentFixture::new(&$subject)?)
        })+
    };
}

suite!(platform = PLATFORM);
suite!(ec = EC);
suite!(sc = SC);
suite!(ui = UI);
suite!(heartbeat_dummy = DUMMY);
