//! The agents before the tools of those who use them: ocf-tester, xmllint, pcs, crmsh and Pacemaker's own, as Debian ships
//! them, in each of their generations.
//!
//! A check is a function over a [`Stage`]: a node with one agent and what that agent manages. Each check runs for our four
//! agents, and for `ocf:heartbeat:Dummy`, which everybody knows to be right: that proves the check. And each check is shown
//! to fail, with an agent that is broken on purpose (broken.rs): that proves it too.

mod broken;
mod command_line;
mod crmsh;
mod generations;
mod metadata;
mod ocf_tester;
mod pacemaker;
mod pcs;
mod readme;
mod stage;

use stage::{DUMMY, EC, PLATFORM, SC, Stage, UI};

/// Why an agent does not conform, in words.
type Verdict = Result<(), Box<dyn std::error::Error>>;

/// Fails a check with what was seen.
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
                ocf_tester_passes_it = ocf_tester::passes,
                metadata_is_valid = metadata::is_valid,
                metadata_follows_the_schema = metadata::follows_the_schema,
                metadata_is_the_same_for_everybody = metadata::is_the_same_for_everybody,
                what_is_unknown_is_unimplemented = command_line::unknown_is_unimplemented,
                closed_descriptors_are_no_matter = command_line::closed_descriptors_are_no_matter,
                pcs_creates_a_resource = pcs::creates_a_resource,
                pcs_creates_it_with_validation = pcs::creates_it_with_validation,
                pcs_describes_it = pcs::describes_it,
                crm_configures_a_primitive = crmsh::configures_a_primitive,
                crm_tells_about_it = crmsh::tells_about_it,
                crm_resource_shows_its_metadata = pacemaker::shows_its_metadata,
                crm_resource_validates_it = pacemaker::validates_it,
                crm_resource_forces_its_actions = pacemaker::forces_its_actions,
            }
        }
    };
    ($subject:expr => $($name:ident = $check:path,)+) => {
        $(#[test]
        fn $name() -> Verdict {
            $check(&Stage::set(&$subject)?)
        })+
    };
}

suite!(platform = PLATFORM);
suite!(ec = EC);
suite!(sc = SC);
suite!(ui = UI);
suite!(heartbeat_dummy = DUMMY);
