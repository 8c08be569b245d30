//! The lab of a directory, started by any process. Each command is one call of the script.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::{
    Generation, NodeCommandOutput, NodeExitStatus, OPENSTACK_ROOT, Programs, TestkitError,
};

/// The scripts. The lab's directory gets a copy of each, so an edit does not change a running lab.
const SCRIPTS: [(&str, &str); 7] = [
    ("lab.sh", include_str!("script/lab.sh")),
    ("live.sh", include_str!("script/live.sh")),
    ("power.sh", include_str!("script/power.sh")),
    ("node.sh", include_str!("script/node.sh")),
    ("systemctl", include_str!("script/systemctl")),
    ("fence_lab", include_str!("script/fence_lab")),
    ("cloud.sh", include_str!("script/cloud.sh")),
];

/// The directory of all programs except the agents, in each node.
pub(crate) const PROGRAMS_DIR: &str = "/usr/lib/mz-sim";

/// The directory of the agents, in each node.
const AGENTS_DIR: &str = "/usr/lib/ocf/resource.d/mediationzone";

/// The directory of the packages, in each node that has its programs from packages.
const PACKAGES_DIR: &str = "/packages";

/// Exit code of `timeout` after it has ended the program.
const TIMEOUT_EXIT_CODE: i32 = 124;

/// The longest startup of a lab, including its own waits.
const UP_TIMEOUT: Duration = Duration::from_secs(150);

/// The longest installation of the packages on a node.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(300);
/// The seconds that a server takes to boot. It must exceed the time that `fence_openstack` takes to
/// see the server on, otherwise the node is back before its fencing is known to the others.
const SERVER_BOOT_DELAY: u32 = 30;

/// See the module.
#[derive(Debug, Clone)]
pub struct LabController {
    dir: PathBuf,
    /// The directory of the nodes' root.
    root: PathBuf,
    /// The directory of the packages that are installed in the nodes.
    packages: Option<PathBuf>,
    /// The seconds of a boot; `None` for the shortest that works.
    boot_delay: Option<u32>,
}

impl LabController {
    /// The lab of this directory. Neither the lab nor the directory must exist.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), root: PathBuf::from("/"), packages: None, boot_delay: None }
    }

    /// The same with nodes of this generation.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn with_generation(self, generation: Generation) -> Result<Self, TestkitError> {
        Ok(Self { root: generation.root()?, ..self })
    }

    /// The same with nodes that install the .deb files of this directory. The programs of
    /// [`Self::up`] are then those that no package has.
    #[must_use]
    pub fn with_packages(self, packages: impl Into<PathBuf>) -> Self {
        Self { packages: Some(packages.into()), ..self }
    }

    /// The same with nodes that have the root of the OpenStack lab.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn with_openstack_root(self) -> Result<Self, TestkitError> {
        let root = OPENSTACK_ROOT.require("--openstack")?;
        Ok(Self { root, boot_delay: Some(SERVER_BOOT_DELAY), ..self })
    }

    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts the lab with these programs. A `leashed` lab ends when the returned pipe closes,
    /// another one after four hours. The result is not checked. If the cluster does not form, the
    /// output has its status, and the nodes still have their logs. Packages are installed in the
    /// running cluster, which has no resources yet; the output of a failed installation replaces
    /// that of the start.
    ///
    /// # Errors
    /// [`TestkitError::Io`], [`TestkitError::NotExecuted`].
    pub fn up(
        &self,
        nodes: u8,
        programs: &Programs,
        keepalive: bool,
    ) -> Result<(Option<ChildStdin>, NodeCommandOutput), TestkitError> {
        let mut arguments = vec!["up".to_owned(), nodes.to_string()];
        self.install_files(programs)?;
        let software = match self.packages {
            Some(_) => ("packages", PACKAGES_DIR),
            None => ("agents", AGENTS_DIR),
        };
        arguments.extend(
            [software, ("bin", PROGRAMS_DIR)]
                .map(|(name, at)| format!("{}:{at}", self.dir.join(name).display())),
        );
        let mut command = self.script_command(UP_TIMEOUT, &arguments);
        command.env("LAB_ROOT", &self.root);
        command.envs(self.boot_delay.map(|seconds| ("LAB_BOOT_DELAY", seconds.to_string())));
        command.env("LAB_LEASH", if keepalive { "yes" } else { "no" });
        command.stdin(if keepalive { Stdio::piped() } else { Stdio::null() });
        let started = Instant::now();
        let mut child = command.spawn().map_err(|e| not_executed(&arguments, &e))?;
        let leash = child.stdin.take();
        let output = child.wait_with_output().map_err(|e| not_executed(&arguments, &e))?;
        let mut output = to_output(&arguments, &output, started);
        if self.packages.is_some() && output.code() == Some(0) {
            // The deferred trigger of man-db takes a minute to index all pages of the machine.
            let install =
                format!("dpkg --install --force-unsafe-io --no-triggers {PACKAGES_DIR}/*.deb");
            for node in (1..=nodes).map(|number| format!("n{number}")) {
                let installed =
                    self.run_script(INSTALL_TIMEOUT, &["exec", &node, "sh", "-c", &install])?;
                if installed.code() != Some(0) {
                    output = installed;
                    break;
                }
            }
        }
        Ok((leash, output))
    }

    /// Ends the lab with all its processes and removes its directory. A missing lab is no error.
    ///
    /// # Errors
    /// [`TestkitError::Command`] if it does not end; [`TestkitError::Io`].
    pub fn down(&self) -> Result<(), TestkitError> {
        if !self.dir.exists() {
            return Ok(());
        }
        self.run_script(UP_TIMEOUT, &["down"])?.expect_code(0)?;
        fs::remove_dir_all(&self.dir).map_err(io_error("remove", &self.dir))
    }

    /// Installs the files of the nodes: scripts, agents, all other programs.
    fn install_files(&self, programs: &Programs) -> Result<(), TestkitError> {
        let script = self.dir.join("script");
        let dirs = ["agents", "bin", "packages"].map(|name| self.dir.join(name));
        for dir in dirs.iter().chain([&script]) {
            fs::create_dir_all(dir).map_err(io_error("mkdir", dir))?;
        }
        for (name, text) in SCRIPTS {
            replace_program(&script.join(name), |path| fs::write(path, text))?;
        }
        for (path, name) in programs.iter() {
            let to = match name.strip_prefix("agent/") {
                Some(agent) => self.dir.join("agents").join(agent),
                None => self.dir.join("bin").join(name),
            };
            replace_program(&to, |copy| fs::copy(path, copy).map(drop))?;
        }
        self.packages.as_deref().map_or(Ok(()), |from| self.copy_packages(from))
    }

    /// A copy, so that packages that are made again do not change a running lab.
    fn copy_packages(&self, from: &Path) -> Result<(), TestkitError> {
        let entries = fs::read_dir(from).map_err(io_error("read", from))?;
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        for path in paths.filter(|path| path.extension().is_some_and(|is| is == "deb")) {
            let to = self.dir.join("packages").join(path.file_name().unwrap_or_default());
            fs::copy(&path, to).map_err(io_error("copy", &path))?;
        }
        Ok(())
    }

    /// Calls the script. The result is not checked.
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`].
    pub fn run_script<A: AsRef<str>>(
        &self,
        limit: Duration,
        arguments: &[A],
    ) -> Result<NodeCommandOutput, TestkitError> {
        let started = Instant::now();
        let output = self
            .script_command(limit, arguments)
            .output()
            .map_err(|e| not_executed(arguments, &e))?;
        Ok(to_output(arguments, &output, started))
    }

    /// A call for a terminal, or for a program that has one.
    #[must_use]
    pub fn interactive_command<A: AsRef<str>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(self.dir.join("script/lab.sh"));
        command.args(arguments.iter().map(AsRef::as_ref)).env("LAB_DIR", &self.dir);
        command
    }

    /// The pid of the lab's process 1 on the machine; `None` if the lab is down.
    #[must_use]
    pub fn init_pid(&self) -> Option<u32> {
        let ran = self.run_script(Duration::from_secs(10), &["pids"]).ok()?;
        ran.stdout.trim().parse().ok()
    }

    fn script_command<A: AsRef<str>>(&self, limit: Duration, arguments: &[A]) -> Command {
        self.limited_command(limit, "script/lab.sh", arguments)
    }

    /// A call of a script in the lab's directory, which ends at the limit.
    pub(crate) fn limited_command<A: AsRef<str>>(
        &self,
        limit: Duration,
        script: &str,
        arguments: &[A],
    ) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", &format!("{}", limit.as_secs_f64())]);
        command.arg(self.dir.join(script)).args(arguments.iter().map(AsRef::as_ref));
        command.env("LAB_DIR", &self.dir);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Replaces a program and never writes to it, because it may be running.
pub(crate) fn replace_program(
    path: &Path,
    write: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), TestkitError> {
    let new = path.with_extension("new");
    write(&new)
        .and_then(|()| fs::set_permissions(&new, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&new, path))
        .map_err(io_error("write", path))
}

pub(crate) fn to_output<A: AsRef<str>>(
    arguments: &[A],
    output: &std::process::Output,
    started: Instant,
) -> NodeCommandOutput {
    use std::os::unix::process::ExitStatusExt;
    let end = match output.status.code() {
        Some(TIMEOUT_EXIT_CODE) => NodeExitStatus::TimedOut,
        Some(code) => NodeExitStatus::Code(code),
        None => NodeExitStatus::Signal(output.status.signal().unwrap_or_default()),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    NodeCommandOutput {
        argv: describe_command(arguments),
        exit_status: end,
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
        wall_time: started.elapsed(),
        // Unknown for processes on the nodes.
        peak_rss_kib: 0,
    }
}

fn describe_command<A: AsRef<str>>(arguments: &[A]) -> String {
    arguments.iter().fold("lab".to_owned(), |all, word| all + " " + word.as_ref())
}

pub(crate) fn not_executed<A: AsRef<str>>(arguments: &[A], error: &io::Error) -> TestkitError {
    TestkitError::NotExecuted { argv: describe_command(arguments), said: error.to_string() }
}

pub(crate) fn io_error<'a>(
    operation: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> TestkitError + 'a {
    move |source| TestkitError::Io { operation, path: path.to_owned(), source }
}
