//! The requirements of the suites on the machine, and a check for missing ones.

use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{DebianRoot, OPENSTACK_ROOT, RootFolder, packages_dir};

/// A requirement of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prerequisite {
    /// The right to create namespaces: root, or a normal user where the kernel allows it.
    Namespaces,
    /// Root: some of the tools require it.
    Root,
    /// `/dev/fuse`, readable and writable: user-space file systems, for storage that hangs.
    Fuse,
    /// A program, and the Debian package that contains it.
    Program(&'static str, &'static str),
    /// A file or directory, and the Debian package that contains it.
    File(&'static str, &'static str),
    /// A folder that is another root, for example with another generation of the cluster's
    /// software.
    Folder(RootFolder),
    /// The folders with the releases of Debian in which packages are installed.
    DebianRoots,
    /// The packages that ship.
    Packages,
}

impl Prerequisite {
    /// True if the machine meets it.
    #[must_use]
    pub fn is_met(self) -> bool {
        match self {
            Self::Root => rustix::process::geteuid().is_root(),
            Self::Namespaces => can_make_namespaces(),
            Self::Fuse => OpenOptions::new().read(true).write(true).open("/dev/fuse").is_ok(),
            Self::Program(name, _) => is_program_installed(name),
            Self::File(path, _) => Path::new(path).exists(),
            Self::Folder(folder) => folder.is_available(),
            Self::DebianRoots => DebianRoot::ALL.into_iter().all(|root| root.root().is_available()),
            Self::Packages => packages_dir().join("SHA256SUMS").is_file(),
        }
    }

    /// The Debian package that contains it, if there is one.
    #[must_use]
    pub fn package(self) -> Option<&'static str> {
        match self {
            Self::Program(_, package) | Self::File(_, package) => Some(package),
            Self::Namespaces
            | Self::Root
            | Self::Fuse
            | Self::Folder(_)
            | Self::DebianRoots
            | Self::Packages => None,
        }
    }
}

impl fmt::Display for Prerequisite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Namespaces => f.write_str("namespaces (unshare refused)"),
            Self::Fuse => f.write_str("FUSE (/dev/fuse can't be opened)"),
            Self::Program(name, package) => write!(f, "{name} (package {package})"),
            Self::File(path, package) => write!(f, "{path} (package {package})"),
            Self::Folder(folder) => write!(f, "{} (not made)", folder.path().display()),
            Self::DebianRoots => f.write_str("roots of Debian 11, 12 and 13 (not made)"),
            Self::Packages => write!(f, "{} (cargo xtask dist makes it)", packages_dir().display()),
        }
    }
}

/// Every sandbox needs these.
pub const SANDBOX: &[Prerequisite] = &[
    Prerequisite::Program("unshare", "util-linux"),
    Prerequisite::Program("nsenter", "util-linux"),
    Prerequisite::Program("bash", "bash"),
    Prerequisite::Program("ip", "iproute2"),
    Prerequisite::Program("kill", "procps"),
    Prerequisite::Program("ps", "procps"),
    Prerequisite::Program("pgrep", "procps"),
    Prerequisite::Namespaces,
];

/// Storage that hangs.
pub const HUNG_STORAGE: &[Prerequisite] = &[Prerequisite::Fuse];

/// A different wall clock for one program.
pub const FAKETIME: &[Prerequisite] =
    &[Prerequisite::File("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "libfaketime")];

/// Additional requirements of the conformance suite: the real tools.
pub const CONFORMANCE: &[Prerequisite] = &[
    Prerequisite::Root,
    Prerequisite::Program("ocf-tester", "resource-agents"),
    Prerequisite::File("/usr/lib/ocf/resource.d/heartbeat/Dummy", "resource-agents"),
    Prerequisite::File("/usr/lib/ocf/resource.d/pacemaker/Dummy", "pacemaker-resource-agents"),
    Prerequisite::Program("xmllint", "libxml2-utils"),
    Prerequisite::Program("pcs", "pcs"),
    Prerequisite::Program("crm", "crmsh"),
    Prerequisite::Program("crm_resource", "pacemaker-cli-utils"),
    Prerequisite::Program("crm_verify", "pacemaker-cli-utils"),
    // Its tools query the executor's library, and pcs queries the daemon's metadata.
    Prerequisite::Program("pacemakerd", "pacemaker"),
];

/// A real cluster in namespaces: the lab.
pub const CLUSTER: &[Prerequisite] = &[
    Prerequisite::Root,
    Prerequisite::Namespaces,
    Prerequisite::Program("unshare", "util-linux"),
    Prerequisite::Program("nsenter", "util-linux"),
    Prerequisite::Program("bash", "bash"),
    Prerequisite::Program("tar", "tar"),
    Prerequisite::Program("ip", "iproute2"),
    Prerequisite::Program("ping", "iputils-ping"),
    Prerequisite::Program("corosync", "corosync"),
    Prerequisite::Program("pacemakerd", "pacemaker"),
    Prerequisite::Program("crm_mon", "pacemaker-cli-utils"),
    Prerequisite::Program("pcs", "pcs"),
    Prerequisite::Program("crm", "crmsh"),
    Prerequisite::File("/usr/lib/ocf/resource.d/heartbeat/Filesystem", "resource-agents"),
    Prerequisite::File("/usr/lib/ocf/resource.d/heartbeat/IPaddr2", "resource-agents"),
];

/// The services of OpenStack beside a cluster.
pub const OPENSTACK: &[Prerequisite] = &[Prerequisite::Folder(OPENSTACK_ROOT)];

/// Creating the folder of another root.
pub const GENERATION_FOLDER: &[Prerequisite] = &[
    Prerequisite::Root,
    Prerequisite::Namespaces,
    Prerequisite::Program("unshare", "util-linux"),
    Prerequisite::Program("flock", "util-linux"),
    Prerequisite::Program("debootstrap", "debootstrap"),
    Prerequisite::File("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
];

/// The cluster's configuration in a file, written and read by the real tools.
pub const CONFIGURATION: &[Prerequisite] = &[
    Prerequisite::Program("cibadmin", "pacemaker-cli-utils"),
    Prerequisite::Program("crm_resource", "pacemaker-cli-utils"),
    Prerequisite::Program("pcs", "pcs"),
    Prerequisite::Program("pacemakerd", "pacemaker"),
];

/// The scheduler's simulator, and the tools that make a configuration for it.
pub const SIMULATIONS: &[Prerequisite] = &[
    Prerequisite::Root,
    Prerequisite::Program("crm", "crmsh"),
    Prerequisite::Program("cibadmin", "pacemaker-cli-utils"),
    Prerequisite::Program("crm_simulate", "pacemaker-cli-utils"),
    Prerequisite::Program("crm_mon", "pacemaker-cli-utils"),
    Prerequisite::Program("pacemakerd", "pacemaker"),
    Prerequisite::File("/usr/lib/ocf/resource.d/heartbeat/Filesystem", "resource-agents"),
    Prerequisite::File("/usr/lib/ocf/resource.d/heartbeat/IPaddr2", "resource-agents"),
];

/// systemd as process 1 of a node, and its bus.
pub const SYSTEMD: &[Prerequisite] = &[
    Prerequisite::Root,
    Prerequisite::File("/lib/systemd/systemd", "systemd"),
    Prerequisite::Program("busctl", "systemd"),
    Prerequisite::Program("dbus-daemon", "dbus-daemon"),
    Prerequisite::File("/lib/systemd/system/dbus.service", "dbus"),
    Prerequisite::File("/lib/systemd/system/pacemaker.service", "pacemaker"),
];

/// What writes packages.
pub const PACKAGE_TOOLS: &[Prerequisite] = &[
    Prerequisite::Program("dpkg-deb", "dpkg"),
    Prerequisite::Program("rpmbuild", "rpm"),
    Prerequisite::Program("git", "git"),
    Prerequisite::Program("gzip", "gzip"),
    Prerequisite::Program("python3", "python3"),
    // The schema of the bills of materials.
    Prerequisite::File("/usr/lib/python3/dist-packages/jsonschema", "python3-jsonschema"),
    // For the linker: ensurepip.
    Prerequisite::File("/usr/share/python-wheels", "python3-venv"),
];

/// What checks packages.
pub const PACKAGES: &[Prerequisite] = &[
    Prerequisite::Root,
    Prerequisite::Namespaces,
    Prerequisite::DebianRoots,
    Prerequisite::Packages,
    Prerequisite::Program("ip", "iproute2"),
    Prerequisite::Program("lintian", "lintian"),
    Prerequisite::Program("man", "man-db"),
    Prerequisite::Program("mandoc", "mandoc"),
    Prerequisite::Program("rpmlint", "rpmlint"),
];

/// A JDK, for picos that are real JVMs.
pub const JDK: &[Prerequisite] = &[
    Prerequisite::Program("java", "default-jdk-headless"),
    Prerequisite::Program("javac", "default-jdk-headless"),
];

/// The reference implementation of HOCON, the registry's format; it runs on a JDK.
pub const HOCON: &[Prerequisite] =
    &[Prerequisite::File("/usr/share/java/typesafe-config.jar", "libtypesafe-config-java")];

/// An independent parser for the metadata.
pub const XML: &[Prerequisite] = &[Prerequisite::Program("xmllint", "libxml2-utils")];

/// Other agents, which the benchmark compares with ours.
pub const BENCH: &[Prerequisite] =
    &[Prerequisite::File("/usr/lib/ocf/resource.d/pacemaker/Dummy", "pacemaker-resource-agents")];

/// Imitates a JVM as a zombie thread-group leader.
pub const PYTHON: &[Prerequisite] = &[Prerequisite::Program("python3", "python3")];

/// The tracer of the suite that shows the cost of a check.
pub const STRACE: &[Prerequisite] = &[Prerequisite::Program("strace", "strace")];

/// The node's name servers.
pub const NAME_SERVER: &[Prerequisite] = &[Prerequisite::Program("dnsmasq", "dnsmasq-base")];

fn is_program_installed(name: &str) -> bool {
    // A normal user's PATH may lack sbin, which contains some of the tools.
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|dir| Path::new(dir).join(name).is_file())
}

fn can_make_namespaces() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--net", "--pid", "--fork"]);
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare.arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    unshare.status().is_ok_and(|status| status.success())
}
