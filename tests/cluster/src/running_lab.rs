//! A running lab for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::thread;
use std::time::{Duration, Instant};

use testkit::{
    Generation, Programs, TestResult, TestkitError, is_testing_packages, packages_dir, wait_until,
};

use crate::controller::io_error;
use crate::process_watcher::ProcessWatcher;
use crate::status::ClusterStatus;
use crate::{LabController, LabNode};

/// Each poll of the cluster costs tens of milliseconds of processor time.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// If set, a passed test keeps its logs, too.
const KEEP_LOGS_VARIABLE: &str = "LAB_KEEP_LOGS";

/// The longest time until the cluster is idle.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(90);

/// A cluster. A drop ends it with all its processes.
#[derive(Debug)]
pub struct Lab {
    control: LabController,
    watch: ProcessWatcher,
    nodes: Vec<String>,
    started: Instant,
    /// The pid of its process 1 on the machine.
    init_pid: u32,
    /// The lab ends when this closes.
    keepalive_pipe: Option<ChildStdin>,
    passed: bool,
}

impl Lab {
    /// A cluster of this many nodes of the generation under test, all online. Its only
    /// configuration is a quick election of the DC. The nodes have the programs of the build or,
    /// if the suite tests these, of the packages. Its directory is below `target/lab/`, with the
    /// name of the test.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`]; [`TestkitError::Command`] with the cluster's status if it did
    /// not form.
    pub fn up(nodes: u8) -> Result<Self, TestkitError> {
        Self::up_named(&name_of_test(), nodes)
    }

    /// The same with the programs of the packages in any suite.
    ///
    /// # Errors
    /// See [`Lab::up`].
    pub fn up_from_packages(nodes: u8) -> Result<Self, TestkitError> {
        let dir = labs_directory().join(name_of_test());
        Self::start(from_packages(dir), nodes, &Programs::kit_only()?, true)
    }

    /// The same in a directory with this name.
    ///
    /// # Errors
    /// See [`Lab::up`].
    pub fn up_named(name: &str, nodes: u8) -> Result<Self, TestkitError> {
        let generation = Generation::from_environment();
        if is_testing_packages() {
            let control = from_packages(labs_directory().join(name)).with_generation(generation)?;
            return Self::start(control, nodes, &Programs::kit_only()?, true);
        }
        Self::up_with(name, nodes, &Programs::with_commands()?, generation, true)
    }

    /// The same with these programs, on nodes of this generation. A lab that is not `leashed` stays
    /// up if its owner process ends before [`Lab::down`].
    ///
    /// # Errors
    /// See [`Lab::up`].
    pub fn up_with(
        name: &str,
        nodes: u8,
        programs: &Programs,
        generation: Generation,
        keepalive: bool,
    ) -> Result<Self, TestkitError> {
        let dir = generation_directory(generation).join(name);
        let control = LabController::new(dir).with_generation(generation)?;
        Self::start(control, nodes, programs, keepalive)
    }

    /// The same on nodes with the clients and fence agents of OpenStack.
    ///
    /// # Errors
    /// See [`Lab::up`].
    pub fn up_with_openstack_root(name: &str, nodes: u8) -> Result<Self, TestkitError> {
        let dir = generation_directory(Generation::Machine).join("openstack").join(name);
        let control = LabController::new(dir).with_openstack_root()?;
        Self::start(control, nodes, &Programs::with_commands()?, true)
    }

    fn start(
        control: LabController,
        nodes: u8,
        programs: &Programs,
        keepalive: bool,
    ) -> Result<Self, TestkitError> {
        let dir = control.dir().to_owned();
        // The lab of a killed test ends by itself, because its keepalive pipe is closed.
        wait_until(
            &format!("the end of the lab in {}", dir.display()),
            POLL_INTERVAL * 100,
            || {
                control.init_pid().map_or(Ok(()), |pid| {
                Err(format!(
                    "its process 1 is {pid}. Unless this test runs a second time just now, `kill -KILL {pid}` ends it with all \
                     that runs there"
                ))
            })
            },
        )?;
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(io_error("remove", &dir))?;
        }
        fs::create_dir_all(&dir).map_err(io_error("mkdir", &dir))?;
        // From here on a drop of `lab` ends it.
        let mut lab = Self {
            watch: ProcessWatcher::for_lab(&dir),
            control,
            nodes: (1..=nodes).map(|number| format!("n{number}")).collect(),
            started: Instant::now(),
            init_pid: 0,
            keepalive_pipe: None,
            passed: false,
        };
        let (leash, ran) = lab.control.up(nodes, programs, keepalive)?;
        lab.keepalive_pipe = leash;
        ran.expect_code(0)?;
        lab.init_pid = lab.control.init_pid().unwrap_or_default();
        Ok(lab)
    }

    /// Ends the lab of a passed test and checks that it is gone.
    ///
    /// # Errors
    /// [`TestkitError::Command`] if it does not end.
    pub fn down(mut self) -> TestResult {
        self.passed = std::env::var_os(KEEP_LOGS_VARIABLE).is_none();
        if !self.passed {
            return Ok(());
        }
        self.control.down()
    }

    /// Lets the lab outlive its owner process, unless it is leashed.
    pub fn detach(mut self) {
        self.passed = true;
    }

    #[must_use]
    pub fn controller(&self) -> &LabController {
        &self.control
    }

    /// The pid of its process 1, as seen from outside.
    pub(crate) fn init_pid(&self) -> u32 {
        self.init_pid
    }

    /// The time since the start of the lab.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The watcher of its picos.
    #[must_use]
    pub fn watcher(&self) -> &ProcessWatcher {
        &self.watch
    }

    #[must_use]
    pub fn node<'a>(&'a self, name: &'a str) -> LabNode<'a> {
        LabNode { lab: self, name }
    }

    pub fn nodes(&self) -> impl Iterator<Item = LabNode<'_>> {
        self.nodes.iter().map(|name| self.node(name))
    }

    /// A file of a node's own disk, even while the node is off; below `/srv`, a file of the shared
    /// disk.
    #[must_use]
    pub fn host_path(&self, node: &str, inside: &str) -> PathBuf {
        let fs = format!("/proc/{}/root{}/fs", self.init_pid, self.control.dir().display());
        let fs = Path::new(&fs);
        let inside = inside.trim_start_matches('/');
        match inside.strip_prefix("srv/") {
            Some(shared) => fs.join("shared").join(shared),
            None => fs.join(node).join("disk").join(inside),
        }
    }

    /// The cluster's status, from the first node with quorum.
    ///
    /// # Errors
    /// [`TestkitError::TimedOut`] if no node has quorum.
    pub fn status(&self) -> Result<ClusterStatus, TestkitError> {
        let mut seen = Vec::new();
        for node in self.nodes() {
            let ran =
                node.try_exec(&["timeout", "10", "crm_mon", "-1", "-r", "-f", "--output-as=xml"])?;
            match ClusterStatus::parse(&ran.stdout) {
                Ok(status) if status.quorum => return Ok(status),
                Ok(status) => seen.push(format!("{}: {status}", node.name)),
                Err(_) => seen.push(format!("{}: {}", node.name, ran.stderr.trim())),
            }
        }
        Err(TestkitError::TimedOut {
            what: "a node that has quorum".to_owned(),
            waited: Duration::ZERO,
            last_seen: seen.join("\n"),
        })
    }

    /// Waits until the cluster is idle.
    ///
    /// # Errors
    /// [`TestkitError::TimedOut`] with the status.
    pub fn wait_until_settled(&self) -> TestResult {
        let limit = format!("--timeout={}s", SETTLE_TIMEOUT.as_secs());
        let mut said = Vec::new();
        for node in self.nodes() {
            let ran = node.try_exec(&["crm_resource", "--wait", &limit])?;
            if ran.code() == Some(0) {
                return Ok(());
            }
            said.push(format!("{}: {ran}", node.name));
        }
        Err(TestkitError::TimedOut {
            what: "the cluster to come to rest".to_owned(),
            waited: SETTLE_TIMEOUT,
            last_seen: said.join("\n"),
        })
    }

    /// Waits for a fixed time, which is part of the scenario.
    ///
    /// # Errors
    /// None at present.
    pub fn pause(&self, time: Duration) -> Result<(), TestkitError> {
        let over = Instant::now() + time;
        self.wait_until("a time to pass", time + POLL_INTERVAL * 100, |_| {
            let left = over.saturating_duration_since(Instant::now());
            Ok(if left.is_zero() { Ok(()) } else { Err(format!("{left:?} are left")) })
        })
    }

    /// Calls `look` until it returns a value, at most for `limit`. The error has the last state and
    /// the cluster's status.
    ///
    /// # Errors
    /// [`TestkitError::TimedOut`].
    pub fn wait_until<T>(
        &self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&Self) -> Result<Result<T, String>, TestkitError>,
    ) -> Result<T, TestkitError> {
        let started = Instant::now();
        loop {
            let seen = match look(self).unwrap_or_else(|error| Err(error.to_string())) {
                Ok(value) => return Ok(value),
                Err(seen) => seen,
            };
            if started.elapsed() >= limit {
                let status = self
                    .status()
                    .map_or_else(|error| error.to_string(), |status| status.to_string());
                let last_seen = format!("{seen}\n{status}");
                return Err(TestkitError::TimedOut {
                    what: what.to_owned(),
                    waited: limit,
                    last_seen,
                });
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.passed {
            return;
        }
        let logs = self.control.dir().join("logs");
        let _ = self.control.run_script(SETTLE_TIMEOUT, &["down", &logs.to_string_lossy()]);
        drop(self.keepalive_pipe.take());
        eprintln!("logs of all nodes: {}", logs.display());
        for node in &self.nodes {
            for line in last_log_messages(&logs.join(node).join("var/log/pacemaker/pacemaker.log"))
            {
                eprintln!("{line}");
            }
        }
    }
}

/// The last messages above level info in a node's Pacemaker log, for a reader who has only the
/// output of a test.
fn last_log_messages(log: &Path) -> Vec<String> {
    const LINES: usize = 15;
    const WIDTH: usize = 200;
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let told = |line: &&str| {
        ["\tnotice: ", "\twarning: ", "\terror: ", "\tcrit: "]
            .iter()
            .any(|level| line.contains(level))
    };
    let mut last: Vec<String> = log
        .lines()
        .rev()
        .filter(told)
        .take(LINES)
        .map(|line| line.chars().take(WIDTH).collect())
        .collect();
    last.reverse();
    last
}

/// A lab whose nodes install the packages of `cargo xtask dist`.
fn from_packages(dir: PathBuf) -> LabController {
    LabController::new(dir).with_packages(packages_dir())
}

fn name_of_test() -> String {
    thread::current().name().unwrap_or("lab").replace("::", "-")
}

/// The directory of all labs, beside the tested build: `target/lab`, with a subdirectory for each
/// other generation and for the packages.
#[must_use]
pub fn labs_directory() -> PathBuf {
    let labs = generation_directory(Generation::from_environment());
    if is_testing_packages() { labs.join("packages") } else { labs }
}

fn generation_directory(generation: Generation) -> PathBuf {
    let labs = packages_dir().with_file_name("lab");
    if generation == Generation::Machine { labs } else { labs.join(generation.name()) }
}
