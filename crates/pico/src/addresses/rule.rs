//! Which address a host name must stand for, by deployment, type of pico and property.
//!
//! The product's own table has a column for the host of the Platform and one for the others; the name is one and the same in
//! the whole cell, so on OpenStack and Amazon, where no address is the same from everywhere, each host has to resolve it in its
//! own way (hosts file, split DNS).

use super::Property;
use crate::settings::{Deployment, PicoType};

/// What an address must be for this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Of this node where the pico runs: an address that moves with it, or one that stays.
    HereWhenItRuns,
    /// The local address of this node, which stays.
    Local,
    /// The Platform's virtual address, wherever that is now; or for the web UI, which may stand beside the Platform or elsewhere,
    /// whatever leads to the Platform from here.
    LeadsToPlatform,
    /// The address by which others reach the Platform's node: floating on OpenStack, elastic on Amazon; none of this node.
    OutsidePlatform,
}

impl Rule {
    /// The table.
    #[must_use]
    pub fn of(deployment: Deployment, kind: PicoType, property: Property) -> Self {
        use PicoType::{ExecutionContext, Platform, ServiceContext};
        use Property::{PlatformHost, ServerHost};
        let moves = deployment == Deployment::Virtual;
        match (property, kind) {
            (_, Platform) | (ServerHost, _) if moves => Self::HereWhenItRuns,
            (_, Platform) | (ServerHost, _) => Self::Local,
            (PlatformHost, ExecutionContext | ServiceContext) if !moves => Self::OutsidePlatform,
            (PlatformHost, _) => Self::LeadsToPlatform,
        }
    }

    /// As a demand, for a person.
    #[must_use]
    pub fn in_words(self, deployment: Deployment, kind: PicoType) -> String {
        let (who, at) = (who(kind), place(deployment));
        match self {
            Self::HereWhenItRuns => format!("{who} needs an address that is on this node when it runs here"),
            Self::Local => format!("{at} {who} needs its local address here"),
            Self::LeadsToPlatform => format!("{who} needs an address that leads to the Platform"),
            Self::OutsidePlatform => {
                format!("{at} {who} needs the Platform's {} address here", moving(deployment))
            }
        }
    }
}

/// With its article.
pub(super) fn who(kind: PicoType) -> &'static str {
    match kind {
        PicoType::Platform => "the Platform",
        PicoType::ExecutionContext => "an Execution Context",
        PicoType::ServiceContext => "a Service Context",
        PicoType::Ui => "the web UI",
    }
}

fn place(deployment: Deployment) -> &'static str {
    match deployment {
        Deployment::Virtual => "with virtual addresses",
        Deployment::OpenStack => "on OpenStack",
        Deployment::Aws => "on Amazon",
    }
}

/// How the kind of address is called that is moved from node to node.
fn moving(deployment: Deployment) -> &'static str {
    match deployment {
        Deployment::Virtual => "virtual",
        Deployment::OpenStack => "floating",
        Deployment::Aws => "elastic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The product's table, and for the web UI ours.
    #[test]
    fn the_table_is_the_products() {
        use Deployment::{Aws, OpenStack, Virtual};
        use PicoType::{ExecutionContext, Platform, ServiceContext, Ui};
        use Property::{PlatformHost, ServerHost};
        for (deployments, kinds, property, rule) in [
            (&[Virtual][..], &[Platform][..], PlatformHost, Rule::HereWhenItRuns),
            (&[Virtual], &[Platform], ServerHost, Rule::HereWhenItRuns),
            (&[Virtual], &[ExecutionContext, ServiceContext, Ui], PlatformHost, Rule::LeadsToPlatform),
            (&[Virtual], &[ExecutionContext, ServiceContext, Ui], ServerHost, Rule::HereWhenItRuns),
            (&[OpenStack, Aws], &[Platform], PlatformHost, Rule::Local),
            (&[OpenStack, Aws], &[Platform], ServerHost, Rule::Local),
            (&[OpenStack, Aws], &[ExecutionContext, ServiceContext], PlatformHost, Rule::OutsidePlatform),
            (&[OpenStack, Aws], &[Ui], PlatformHost, Rule::LeadsToPlatform),
            (&[OpenStack, Aws], &[ExecutionContext, ServiceContext, Ui], ServerHost, Rule::Local),
        ] {
            for &deployment in deployments {
                for &kind in kinds {
                    assert_eq!(
                        Rule::of(deployment, kind, property),
                        rule,
                        "{deployment:?} {kind} {property}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_demand_names_deployment_and_pico() {
        let words = |rule: Rule| rule.in_words(Deployment::OpenStack, PicoType::Platform);
        assert_eq!(words(Rule::Local), "on OpenStack the Platform needs its local address here");
        let words = Rule::OutsidePlatform.in_words(Deployment::Aws, PicoType::ServiceContext);
        assert_eq!(words, "on Amazon a Service Context needs the Platform's elastic address here");
    }
}
