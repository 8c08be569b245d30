//! Which address a host name must stand for, by deployment, type of pico and property.
//!
//! The product's own table has a column for the host of the Platform and one for the others; the name is one and the same in
//! the whole cell, so on OpenStack and Amazon, where no address is the same from everywhere, each host has to resolve it in its
//! own way (hosts file, split DNS).

use super::HostProperty;
use crate::settings::{Deployment, PicoType};

/// What an address must be for this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRule {
    /// Of this node where the pico runs: an address that moves with it, or one that stays.
    OnThisNode,
    /// The local address of this node, which stays.
    LocalAddress,
    /// The Platform's virtual address, wherever that is now; or for the web UI, which may stand beside the Platform or elsewhere,
    /// whatever leads to the Platform from here.
    LeadsToPlatform,
    /// The address by which others reach the Platform's node: floating on OpenStack, elastic on Amazon; none of this node.
    PlatformExternal,
}

impl AddressRule {
    /// The table.
    #[must_use]
    pub fn for_property(deployment: Deployment, kind: PicoType, property: HostProperty) -> Self {
        use HostProperty::{PlatformHost, ServerHost};
        use PicoType::{ExecutionContext, Platform, ServiceContext};
        let moves = deployment == Deployment::Virtual;
        match (property, kind) {
            (_, Platform) | (ServerHost, _) if moves => Self::OnThisNode,
            (_, Platform) | (ServerHost, _) => Self::LocalAddress,
            (PlatformHost, ExecutionContext | ServiceContext) if !moves => Self::PlatformExternal,
            (PlatformHost, _) => Self::LeadsToPlatform,
        }
    }

    /// As a demand, for a person.
    #[must_use]
    pub fn describe(self, deployment: Deployment, kind: PicoType) -> String {
        let (who, at) = (with_article(kind), deployment_phrase(deployment));
        match self {
            Self::OnThisNode => format!("{who} needs an address that is on this node when it runs here"),
            Self::LocalAddress => format!("{at} {who} needs its local address here"),
            Self::LeadsToPlatform => format!("{who} needs an address that leads to the Platform"),
            Self::PlatformExternal => {
                format!("{at} {who} needs the Platform's {} address here", floating_adjective(deployment))
            }
        }
    }
}

/// With its article.
pub(super) fn with_article(kind: PicoType) -> &'static str {
    match kind {
        PicoType::Platform => "the Platform",
        PicoType::ExecutionContext => "an Execution Context",
        PicoType::ServiceContext => "a Service Context",
        PicoType::Ui => "the web UI",
    }
}

fn deployment_phrase(deployment: Deployment) -> &'static str {
    match deployment {
        Deployment::Virtual => "with virtual addresses",
        Deployment::OpenStack => "on OpenStack",
        Deployment::Aws => "on Amazon",
    }
}

/// How the kind of address is called that is moved from node to node.
fn floating_adjective(deployment: Deployment) -> &'static str {
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
    fn address_rules_match_the_product_table() {
        use Deployment::{Aws, OpenStack, Virtual};
        use HostProperty::{PlatformHost, ServerHost};
        use PicoType::{ExecutionContext, Platform, ServiceContext, Ui};
        for (deployments, kinds, property, rule) in [
            (&[Virtual][..], &[Platform][..], PlatformHost, AddressRule::OnThisNode),
            (&[Virtual], &[Platform], ServerHost, AddressRule::OnThisNode),
            (&[Virtual], &[ExecutionContext, ServiceContext, Ui], PlatformHost, AddressRule::LeadsToPlatform),
            (&[Virtual], &[ExecutionContext, ServiceContext, Ui], ServerHost, AddressRule::OnThisNode),
            (&[OpenStack, Aws], &[Platform], PlatformHost, AddressRule::LocalAddress),
            (&[OpenStack, Aws], &[Platform], ServerHost, AddressRule::LocalAddress),
            (
                &[OpenStack, Aws],
                &[ExecutionContext, ServiceContext],
                PlatformHost,
                AddressRule::PlatformExternal,
            ),
            (&[OpenStack, Aws], &[Ui], PlatformHost, AddressRule::LeadsToPlatform),
            (
                &[OpenStack, Aws],
                &[ExecutionContext, ServiceContext, Ui],
                ServerHost,
                AddressRule::LocalAddress,
            ),
        ] {
            for &deployment in deployments {
                for &kind in kinds {
                    assert_eq!(
                        AddressRule::for_property(deployment, kind, property),
                        rule,
                        "{deployment:?} {kind} {property}"
                    );
                }
            }
        }
    }

    #[test]
    fn rule_description_names_deployment_and_pico() {
        let words = |rule: AddressRule| rule.describe(Deployment::OpenStack, PicoType::Platform);
        assert_eq!(
            words(AddressRule::LocalAddress),
            "on OpenStack the Platform needs its local address here"
        );
        let words = AddressRule::PlatformExternal.describe(Deployment::Aws, PicoType::ServiceContext);
        assert_eq!(words, "on Amazon a Service Context needs the Platform's elastic address here");
    }
}
