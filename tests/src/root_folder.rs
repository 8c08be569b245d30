//! A folder below the build directory with a minimal Debian and packages.

use std::fs;
use std::path::PathBuf;

use crate::TestkitError;
use crate::programs::build_dir;

/// The recipe of a folder. `cargo xtask` makes the folder with debootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootFolder {
    pub name: &'static str,
    /// The release in Debian's archive.
    pub codename: &'static str,
    /// Packages besides a minimal Debian.
    pub packages: &'static [&'static str],
}

impl RootFolder {
    /// The file in the folder that starts with the recipe; versions and date follow it.
    pub const RECIPE_FILE: &str = "etc/made-of";

    /// The path of the folder. It is below the build directory, so `cargo clean` removes it and
    /// nothing else does.
    #[must_use]
    pub fn path(self) -> PathBuf {
        let build = build_dir();
        build.parent().unwrap_or(&build).join("generations").join(self.name)
    }

    /// A text that identifies a folder from this recipe.
    #[must_use]
    pub fn recipe(self) -> String {
        format!("{} with {}", self.codename, self.packages.join(" "))
    }

    /// True if the folder is complete.
    #[must_use]
    pub fn is_available(self) -> bool {
        let text = fs::read_to_string(self.path().join(Self::RECIPE_FILE)).unwrap_or_default();
        text.lines().next() == Some(&self.recipe())
    }

    /// The path of a complete folder.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`] with the command that makes it.
    pub fn require(self, option: &str) -> Result<PathBuf, TestkitError> {
        if self.is_available() {
            return Ok(self.path());
        }
        let hint = format!("cargo xtask lab up {option} makes it, and cargo xtask test --all");
        Err(TestkitError::NotBuilt { path: self.path(), hint })
    }
}

/// Debian 12 with the services of OpenStack, its clients and the cluster's software: the root of
/// the OpenStack lab's services and of its nodes.
///
/// The services are libraries here. Debian's own packages of the daemons ask questions, add users
/// and want a message broker.
pub const OPENSTACK_ROOT: RootFolder = RootFolder {
    name: "openstack",
    codename: "bookworm",
    packages: &[
        "python3-cheroot",
        "python3-cinder",
        "python3-glance",
        "python3-keystone",
        "python3-neutron",
        "python3-nova",
        "python3-placement",
        // fence_openstack and the openstack-* agents need both clients; no dependency of their
        // packages says so.
        "fence-agents",
        "python3-novaclient",
        "python3-openstackclient",
        "corosync",
        "crmsh",
        "pacemaker",
        "pacemaker-cli-utils",
        "pcs",
        "resource-agents",
        // The recipe installs no recommended packages.
        "curl",
        "dnsmasq-base",
        "e2fsprogs",
        "iproute2",
        "iputils-arping",
        "iputils-ping",
        "kmod",
        "libxml2-utils",
        "nftables",
        "openssl",
        "procps",
        "psmisc",
    ],
};
