//! What the suites need from the machine, and what of it is missing.

use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Generation;

/// Something that a suite can't do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The right to make namespaces: root, or a normal user where the kernel lets him.
    Namespaces,
    /// Root: some of the tools insist.
    Root,
    /// `/dev/fuse`, readable and writable: file systems of a program, for storage that hangs.
    Fuse,
    /// A program, and the Debian package that brings it.
    Program(&'static str, &'static str),
    /// A file or directory, and the Debian package that brings it.
    File(&'static str, &'static str),
    /// The folder with another generation of the cluster's software.
    Folder(Generation),
}

impl Need {
    /// True when the machine has it.
    #[must_use]
    pub fn is_met(self) -> bool {
        match self {
            Self::Root => rustix::process::geteuid().is_root(),
            Self::Namespaces => namespaces(),
            Self::Fuse => OpenOptions::new().read(true).write(true).open("/dev/fuse").is_ok(),
            Self::Program(name, _) => find(name),
            Self::File(path, _) => Path::new(path).exists(),
            Self::Folder(generation) => generation.is_there(),
        }
    }

    /// The Debian package that brings it, if one does.
    #[must_use]
    pub fn package(self) -> Option<&'static str> {
        match self {
            Self::Program(_, package) | Self::File(_, package) => Some(package),
            Self::Namespaces | Self::Root | Self::Fuse | Self::Folder(_) => None,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root"),
            Self::Namespaces => f.write_str("namespaces (unshare refused)"),
            Self::Fuse => f.write_str("FUSE (/dev/fuse can't be opened)"),
            Self::Program(name, package) => write!(f, "{name} (package {package})"),
            Self::File(path, package) => write!(f, "{path} (package {package})"),
            Self::Folder(generation) => write!(f, "{} (not made)", generation.folder().display()),
        }
    }
}

/// What every sandbox needs.
pub const SANDBOX: &[Need] = &[
    Need::Program("unshare", "util-linux"),
    Need::Program("nsenter", "util-linux"),
    Need::Program("bash", "bash"),
    Need::Program("ip", "iproute2"),
    Need::Program("kill", "procps"),
    Need::Program("ps", "procps"),
    Need::Program("pgrep", "procps"),
    Need::Namespaces,
];

/// For storage that hangs.
pub const HUNG_STORAGE: &[Need] = &[Need::Fuse];

/// Another wall clock for one program.
pub const FAKETIME: &[Need] =
    &[Need::File("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "libfaketime")];

/// What the conformance suite needs besides: the real tools.
pub const CONFORMANCE: &[Need] = &[
    Need::Root,
    Need::Program("ocf-tester", "resource-agents"),
    Need::File("/usr/lib/ocf/resource.d/heartbeat/Dummy", "resource-agents"),
    Need::File("/usr/lib/ocf/resource.d/pacemaker/Dummy", "pacemaker-resource-agents"),
    Need::Program("xmllint", "libxml2-utils"),
    Need::Program("pcs", "pcs"),
    Need::Program("crm", "crmsh"),
    Need::Program("crm_resource", "pacemaker-cli-utils"),
    Need::Program("crm_verify", "pacemaker-cli-utils"),
    // Its tools ask the executor's library, and pcs asks for the daemon's metadata.
    Need::Program("pacemakerd", "pacemaker"),
];

/// A real cluster in namespaces: the lab.
pub const CLUSTER: &[Need] = &[
    Need::Root,
    Need::Namespaces,
    Need::Program("unshare", "util-linux"),
    Need::Program("nsenter", "util-linux"),
    Need::Program("bash", "bash"),
    Need::Program("tar", "tar"),
    Need::Program("ip", "iproute2"),
    Need::Program("ping", "iputils-ping"),
    Need::Program("corosync", "corosync"),
    Need::Program("pacemakerd", "pacemaker"),
    Need::Program("crm_mon", "pacemaker-cli-utils"),
    Need::Program("pcs", "pcs"),
    Need::Program("crm", "crmsh"),
    Need::File("/usr/lib/ocf/resource.d/heartbeat/Filesystem", "resource-agents"),
    Need::File("/usr/lib/ocf/resource.d/heartbeat/IPaddr2", "resource-agents"),
];

/// What makes the folder of another generation.
pub const FOLDERS: &[Need] = &[
    Need::Root,
    Need::Namespaces,
    Need::Program("unshare", "util-linux"),
    Need::Program("flock", "util-linux"),
    Need::Program("debootstrap", "debootstrap"),
    Need::File("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
];

/// The cluster's configuration in a file, made and read by the real tools.
pub const CONFIGURATION: &[Need] = &[
    Need::Program("cibadmin", "pacemaker-cli-utils"),
    Need::Program("crm_resource", "pacemaker-cli-utils"),
    Need::Program("pcs", "pcs"),
    Need::Program("pacemakerd", "pacemaker"),
];

/// The scheduler's simulator, and what makes a configuration for it.
pub const SIMULATIONS: &[Need] = &[
    Need::Root,
    Need::Program("crm", "crmsh"),
    Need::Program("cibadmin", "pacemaker-cli-utils"),
    Need::Program("crm_simulate", "pacemaker-cli-utils"),
    Need::Program("crm_mon", "pacemaker-cli-utils"),
    Need::Program("pacemakerd", "pacemaker"),
    Need::File("/usr/lib/ocf/resource.d/heartbeat/Filesystem", "resource-agents"),
    Need::File("/usr/lib/ocf/resource.d/heartbeat/IPaddr2", "resource-agents"),
];

/// A JDK, for picos that are real JVMs.
pub const JDK: &[Need] =
    &[Need::Program("java", "default-jdk-headless"), Need::Program("javac", "default-jdk-headless")];

/// The reference implementation of the registry's notation; it runs on a JDK.
pub const HOCON: &[Need] = &[Need::File("/usr/share/java/typesafe-config.jar", "libtypesafe-config-java")];

/// The parser of somebody else, for the metadata.
pub const XML: &[Need] = &[Need::Program("xmllint", "libxml2-utils")];

/// What is measured beside our own agents.
pub const BENCH: &[Need] =
    &[Need::File("/usr/lib/ocf/resource.d/pacemaker/Dummy", "pacemaker-resource-agents")];

/// Plays a JVM whose main thread has ended.
pub const PYTHON: &[Need] = &[Need::Program("python3", "python3")];

/// The tracer, for the suite that shows what a check costs.
pub const STRACE: &[Need] = &[Need::Program("strace", "strace")];

/// A name server, for the node's own.
pub const NAME_SERVER: &[Need] = &[Need::Program("dnsmasq", "dnsmasq-base")];

fn find(name: &str) -> bool {
    // sbin is not on every normal user's PATH, but the tools live there.
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .any(|dir| Path::new(dir).join(name).is_file())
}

fn namespaces() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--net", "--pid", "--fork"]);
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare.arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    unshare.status().is_ok_and(|status| status.success())
}
