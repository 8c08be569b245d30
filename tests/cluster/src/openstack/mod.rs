//! The services of OpenStack beside the nodes of a running lab.
//!
//! Keystone, Placement, Glance, Neutron, Nova and Cinder are real, with the metadata service. The
//! nodes are servers in a customer's project. Nova's driver is the nodes' power switch. See
//! `script/cloud.sh`, and docs/operate/lab.md for what is fake.

mod fixture;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::{NodeCommandOutput, OPENSTACK_ROOT, TestResult, TestkitError};

use crate::LabController;
use crate::controller::{io_error, not_executed, replace_program, to_output};

pub use fixture::{CloudFixture, CloudOutage, fence_openstack};

/// The files below the lab's directory.
macro_rules! files {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!($name))),*] };
}
const FILES: [(&str, &str); 24] = files![
    "etc/cinder-paste.ini",
    "etc/cinder.conf",
    "etc/clouds.yaml",
    "etc/credentials",
    "etc/glance-api-paste.ini",
    "etc/glance-api.conf",
    "etc/keystone.conf",
    "etc/neutron-paste.ini",
    "etc/neutron.conf",
    "etc/nova-paste.ini",
    "etc/nova.conf",
    "etc/placement.conf",
    "service/catalog.py",
    "service/hold_volume.py",
    "service/init.py",
    "service/lab_openstack-1.dist-info/METADATA",
    "service/lab_openstack-1.dist-info/entry_points.txt",
    "service/lab_openstack/__init__.py",
    "service/lab_openstack/compute.py",
    "service/lab_openstack/guest.py",
    "service/lab_openstack/network.py",
    "service/lab_openstack/volume.py",
    "service/seed.py",
    "service/serve.py",
];

const SCRIPT: &str = "script/cloud.sh";

/// The longest startup of all services, on a loaded machine.
const UP_TIMEOUT: Duration = Duration::from_secs(480);

/// The longest time of a command. Nova's orderly stop of a server takes more than 60 s if the guest
/// does not react.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);

/// A service, which is one process here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CloudService {
    Keystone,
    Placement,
    Glance,
    Neutron,
    Nova,
    Cinder,
}

impl CloudService {
    pub const ALL: [Self; 6] =
        [Self::Keystone, Self::Placement, Self::Glance, Self::Neutron, Self::Nova, Self::Cinder];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keystone => "keystone",
            Self::Placement => "placement",
            Self::Glance => "glance",
            Self::Neutron => "neutron",
            Self::Nova => "nova",
            Self::Cinder => "cinder",
        }
    }
}

impl fmt::Display for CloudService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The services in the lab of a directory, started by any process. A lab that ends takes them with
/// it.
#[derive(Debug, Clone)]
pub struct OpenStack {
    lab: LabController,
}

impl OpenStack {
    #[must_use]
    pub fn new(lab: &LabController) -> Self {
        Self { lab: lab.clone() }
    }

    /// Starts the services in the running lab, and makes a server of each node.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`] without the services' root; [`TestkitError::Command`] with the
    /// last lines of all logs if they do not start; [`TestkitError::Io`].
    pub fn up(&self) -> Result<CloudProject, TestkitError> {
        let dir = self.lab.dir().join("openstack");
        for (name, text) in FILES {
            let file = dir.join(name);
            let parent = file.parent().unwrap_or(&dir);
            fs::create_dir_all(parent).map_err(io_error("mkdir", parent))?;
            replace_program(&file, |path| fs::write(path, text))?;
        }
        OPENSTACK_ROOT.require("--openstack")?;
        let ran = self.run_script(UP_TIMEOUT, &["up"])?.expect_code(0)?;
        eprint!("{}", ran.stderr);
        Ok(CloudProject::parse(&ran.stdout))
    }

    /// Ends the services. The nodes stay on.
    ///
    /// # Errors
    /// [`TestkitError::Command`].
    pub fn down(&self) -> TestResult {
        self.run_script(COMMAND_TIMEOUT, &["down"])?.expect_code(0).map(drop)
    }

    /// Runs a command beside the services, as this user of clouds.yaml. It must succeed.
    ///
    /// # Errors
    /// [`TestkitError::Command`], [`TestkitError::NotExecuted`].
    pub fn exec(&self, cloud: &str, argv: &[&str]) -> Result<NodeCommandOutput, TestkitError> {
        let words: Vec<&str> = ["exec", cloud].into_iter().chain(argv.iter().copied()).collect();
        self.run_script(COMMAND_TIMEOUT, &words)?.expect_code(0)
    }

    /// The output of the customer's `openstack` with these words.
    ///
    /// # Errors
    /// See [`Self::exec`].
    pub fn client(&self, words: &[&str]) -> Result<String, TestkitError> {
        let argv: Vec<&str> = ["openstack"].into_iter().chain(words.iter().copied()).collect();
        Ok(self.exec("mz", &argv)?.stdout.trim_end().to_owned())
    }

    /// Runs a shell command at a client outside of the cloud, in the network of the floating IPs. The
    /// result is not checked.
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`].
    pub fn try_outside(&self, line: &str) -> Result<NodeCommandOutput, TestkitError> {
        let words = ["exec", "mz", "ip", "netns", "exec", "outside", "sh", "-c", line];
        self.run_script(COMMAND_TIMEOUT, &words)
    }

    /// The state of a server as Nova reports it: ACTIVE, SHUTOFF and so on.
    ///
    /// # Errors
    /// See [`Self::exec`].
    pub fn server_status(&self, name: &str) -> Result<String, TestkitError> {
        self.client(&["server", "show", name, "-f", "value", "-c", "status"])
    }

    /// Sends KILL, TERM, STOP or CONT to a service. SLOW makes it slow until CONT.
    ///
    /// # Errors
    /// See [`Self::exec`].
    pub fn signal(&self, service: CloudService, signal: &str) -> TestResult {
        let words = ["signal", service.name(), signal];
        self.run_script(COMMAND_TIMEOUT, &words)?.expect_code(0).map(drop)
    }

    /// Starts a service that has ended, and waits until it answers.
    ///
    /// # Errors
    /// See [`Self::exec`].
    pub fn start(&self, service: CloudService) -> TestResult {
        self.run_script(COMMAND_TIMEOUT, &["start", service.name()])?.expect_code(0).map(drop)
    }

    /// A call for a terminal, or for a program that has one.
    #[must_use]
    pub fn interactive_command<A: AsRef<str>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(self.lab.dir().join(SCRIPT));
        command.args(arguments.iter().map(AsRef::as_ref)).env("LAB_DIR", self.lab.dir());
        command
    }

    fn run_script(
        &self,
        limit: Duration,
        arguments: &[&str],
    ) -> Result<NodeCommandOutput, TestkitError> {
        let started = Instant::now();
        let output = self
            .lab
            .limited_command(limit, SCRIPT, arguments)
            .env("OPENSTACK_ROOT", OPENSTACK_ROOT.path())
            .output()
            .map_err(|error| not_executed(arguments, &error))?;
        Ok(to_output(arguments, &output, started))
    }
}

/// What the customer has in the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudProject {
    ids: BTreeMap<String, String>,
}

impl CloudProject {
    fn parse(lines: &str) -> Self {
        let pairs = lines.lines().filter_map(|line| line.split_once('='));
        Self { ids: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// The server of a node.
    #[must_use]
    pub fn server(&self, node: &str) -> &str {
        self.id(&format!("SERVER_{node}"))
    }

    /// The port of a node.
    #[must_use]
    pub fn port(&self, node: &str) -> &str {
        self.id(&format!("PORT_{node}"))
    }

    /// One of `PORT_mzplat`, NETWORK, SUBNET, `FLOATING_IP`, `FLOATING_IP_ID`, VOLUME; empty if there is none.
    #[must_use]
    pub fn id(&self, name: &str) -> &str {
        self.ids.get(name).map_or("", String::as_str)
    }

    /// `pcmk_host_map` of `fence_openstack`, which knows a server by its id only.
    #[must_use]
    pub fn host_map(&self) -> String {
        let servers =
            self.ids.iter().filter_map(|(name, id)| Some((name.strip_prefix("SERVER_")?, id)));
        servers.map(|(node, id)| format!("{node}:{id}")).collect::<Vec<_>>().join(";")
    }
}
