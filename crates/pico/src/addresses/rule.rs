//! The address that a hostname must resolve to, by deployment, pico type and property.
//!
//! The product's own table has a column for the host of the Platform and one for the others. The
//! whole cell uses the same name. On OpenStack and Amazon no address is the same from everywhere.
//! So each host must resolve the name in its own way (hosts file, split DNS).

use super::HostProperty;
use crate::settings::{Deployment, PicoType};

/// The requirement on an address, as seen from this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRule {
    /// An address of this node while the pico runs here: a floating or a permanent one.
    OnThisNode,
    /// The permanent local address of this node.
    LocalAddress,
    /// The Platform's virtual address, on any node. The web UI may run next to the Platform or
    /// elsewhere, so it accepts any address that leads to the Platform from here.
    LeadsToPlatform,
    /// The external address of the Platform's node: floating on OpenStack, elastic on Amazon. It is
    /// not on this node.
    PlatformExternal,
}

impl AddressRule {
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

    /// The requirement as text.
    #[must_use]
    pub fn describe(self, deployment: Deployment, kind: PicoType) -> String {
        let (who, at) = (with_article(kind), deployment_phrase(deployment));
        match self {
            Self::OnThisNode => {
                format!("{who} needs an address that is on this node when it runs here")
            }
            Self::LocalAddress => format!("{at} {who} needs its local address here"),
            Self::LeadsToPlatform => format!("{who} needs an address that leads to the Platform"),
            Self::PlatformExternal => {
                format!(
                    "{at} {who} needs the Platform's {} address here",
                    floating_adjective(deployment)
                )
            }
        }
    }
}

/// The pico type with its article.
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

/// The adjective for an address that moves between nodes.
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

    /// The product's table; the rows of the web UI are ours.
    #[test]
    fn address_rules_match_the_product_table() {
        use Deployment::{Aws, OpenStack, Virtual};
        use HostProperty::{PlatformHost, ServerHost};
        use PicoType::{ExecutionContext, Platform, ServiceContext, Ui};
        for (deployments, kinds, property, rule) in [
            (&[Virtual][..], &[Platform][..], PlatformHost, AddressRule::OnThisNode),
            (&[Virtual], &[Platform], ServerHost, AddressRule::OnThisNode),
            (
                &[Virtual],
                &[ExecutionContext, ServiceContext, Ui],
                PlatformHost,
                AddressRule::LeadsToPlatform,
            ),
            (
                &[Virtual],
                &[ExecutionContext, ServiceContext, Ui],
                ServerHost,
                AddressRule::OnThisNode,
            ),
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
        let words =
            AddressRule::PlatformExternal.describe(Deployment::Aws, PicoType::ServiceContext);
        assert_eq!(words, "on Amazon a Service Context needs the Platform's elastic address here");
    }
}
