//! The lab of a directory, whichever process brought it up: one call of the script for each command.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::{Generation, NodeCommandOutput, NodeExitStatus, Programs, TestkitError};

/// The scripts. Each is copied into the lab's directory, so that an edited one does not change under a
/// running lab.
const SCRIPTS: [(&str, &str); 6] = [
    ("lab.sh", include_str!("script/lab.sh")),
    ("live.sh", include_str!("script/live.sh")),
    ("power.sh", include_str!("script/power.sh")),
    ("node.sh", include_str!("script/node.sh")),
    ("systemctl", include_str!("script/systemctl")),
    ("fence_lab", include_str!("script/fence_lab")),
];

/// The directory in which each node shows all programs but the agents.
pub(crate) const PROGRAMS_DIR: &str = "/usr/lib/mz-sim";

/// The directories of the lab that each node shows, and their paths there.
const NODE_MOUNTS: [(&str, &str); 2] =
    [("agents", "/usr/lib/ocf/resource.d/mediationzone"), ("bin", PROGRAMS_DIR)];

/// Exit code of `timeout` when it had to end the program.
const TIMEOUT_EXIT_CODE: i32 = 124;

/// Longest startup of a lab, including its own waits.
const UP_TIMEOUT: Duration = Duration::from_secs(150);

/// See the module.
#[derive(Debug, Clone)]
pub struct LabController {
    dir: PathBuf,
    /// The source directory of the nodes' root.
    root: PathBuf,
}

impl LabController {
    /// The lab of this directory. Neither the lab nor the directory has to exist.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), root: PathBuf::from("/") }
    }

    /// The same with nodes of this generation.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn with_generation(self, generation: Generation) -> Result<Self, TestkitError> {
        Ok(Self { root: generation.root()?, ..self })
    }

    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Brings it up with these programs. If `leashed`, the lab ends when the returned pipe closes, else after
    /// four hours. The call's result is not checked: its output has the cluster's status when it did not
    /// form, and then the nodes still have their logs.
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
        arguments.extend(NODE_MOUNTS.map(|(name, at)| format!("{}:{at}", self.dir.join(name).display())));
        let mut command = self.script_command(UP_TIMEOUT, &arguments);
        command.env("LAB_ROOT", &self.root);
        command.env("LAB_LEASH", if keepalive { "yes" } else { "no" });
        command.stdin(if keepalive { Stdio::piped() } else { Stdio::null() });
        let started = Instant::now();
        let mut child = command.spawn().map_err(|e| not_executed(&arguments, &e))?;
        let leash = child.stdin.take();
        let output = child.wait_with_output().map_err(|e| not_executed(&arguments, &e))?;
        Ok((leash, to_output(&arguments, &output, started)))
    }

    /// Ends it with all its processes, and removes its directory. No error if there is none.
    ///
    /// # Errors
    /// [`TestkitError::Command`] when it does not end, [`TestkitError::Io`].
    pub fn down(&self) -> Result<(), TestkitError> {
        if !self.dir.exists() {
            return Ok(());
        }
        self.run_script(UP_TIMEOUT, &["down"])?.expect_code(0)?;
        fs::remove_dir_all(&self.dir).map_err(io_error("remove", &self.dir))
    }

    /// Installs the files that the nodes show: scripts, agents, all other programs.
    fn install_files(&self, programs: &Programs) -> Result<(), TestkitError> {
        let script = self.dir.join("script");
        for dir in [script.clone(), self.dir.join("agents"), self.dir.join("bin")] {
            fs::create_dir_all(&dir).map_err(io_error("mkdir", &dir))?;
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
        Ok(())
    }

    /// Calls the script. Its result is not checked.
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`].
    pub fn run_script<A: AsRef<str>>(
        &self,
        limit: Duration,
        arguments: &[A],
    ) -> Result<NodeCommandOutput, TestkitError> {
        let started = Instant::now();
        let output =
            self.script_command(limit, arguments).output().map_err(|e| not_executed(arguments, &e))?;
        Ok(to_output(arguments, &output, started))
    }

    /// A call for a person at a terminal, or for a program with one.
    #[must_use]
    pub fn interactive_command<A: AsRef<str>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(self.dir.join("script/lab.sh"));
        command.args(arguments.iter().map(AsRef::as_ref)).env("LAB_DIR", &self.dir);
        command
    }

    /// The pid of the lab's process 1 on the machine; none if no lab is up.
    #[must_use]
    pub fn init_pid(&self) -> Option<u32> {
        let ran = self.run_script(Duration::from_secs(10), &["pids"]).ok()?;
        ran.stdout.trim().parse().ok()
    }

    fn script_command<A: AsRef<str>>(&self, limit: Duration, arguments: &[A]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", &format!("{}", limit.as_secs_f64())]);
        command.arg(self.dir.join("script/lab.sh")).args(arguments.iter().map(AsRef::as_ref));
        command.env("LAB_DIR", &self.dir);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// A program that may be running is replaced, never written to.
fn replace_program(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), TestkitError> {
    let new = path.with_extension("new");
    write(&new)
        .and_then(|()| fs::set_permissions(&new, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&new, path))
        .map_err(io_error("write", path))
}

fn to_output<A: AsRef<str>>(
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
        // Not known for processes on the nodes.
        peak_rss_kib: 0,
    }
}

fn describe_command<A: AsRef<str>>(arguments: &[A]) -> String {
    arguments.iter().fold("lab".to_owned(), |all, word| all + " " + word.as_ref())
}

fn not_executed<A: AsRef<str>>(arguments: &[A], error: &io::Error) -> TestkitError {
    TestkitError::NotExecuted { argv: describe_command(arguments), said: error.to_string() }
}

pub(crate) fn io_error<'a>(
    operation: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> TestkitError + 'a {
    move |source| TestkitError::Io { operation, path: path.to_owned(), source }
}
