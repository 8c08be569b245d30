//! A small node for one test: namespaces made with util-linux.
//!
//! `unshare` creates mount, network, PID, IPC and UTS namespaces. bash sets them up (node.sh) and
//! stays as process 1. dash would not do, because it does not reap orphans. A normal user also gets
//! a user namespace and is root in it. No second user exists there, so root owns the installation
//! ([`Sandbox::owner`]).
//!
//! The kernel cleans up: when process 1 ends, it kills all other processes of the namespace and
//! removes mounts and addresses. Process 1 exits when [`Sandbox`] closes its pipe. Only the test
//! process holds the other end.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::systemd::Systemd;
use crate::{
    AgentCall, Generation, NodeCommand, NodeCommandOutput, NodeProcess, Programs, TestkitError,
};

/// The sandbox's own files, in /run: a tmpfs that every user may enter.
pub(crate) const KIT_DIR: &str = "/run/testkit";

/// The directory of all providers.
const OCF_RESOURCES: &str = "/usr/lib/ocf/resource.d";

const NAMESPACES: [&str; 5] = ["--mount", "--net", "--pid", "--ipc", "--uts"];

/// A node; see the module. A drop ends it with all its processes.
#[derive(Debug)]
pub struct Sandbox {
    /// unshare, the parent of process 1.
    unshare: Child,
    /// The node ends when this closes.
    keepalive_pipe: Option<ChildStdin>,
    /// The pid of process 1, as seen from outside.
    init_pid: u32,
    is_root: bool,
    /// The directory of its root.
    userland: PathBuf,
    /// Only with it the node has control groups of its own.
    systemd: Option<Systemd>,
}

impl Sandbox {
    /// A node with the four agents and the simulated product.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`], [`TestkitError::SandboxFailed`].
    pub fn new() -> Result<Self, TestkitError> {
        Self::with_programs(&Programs::with_agents()?)
    }

    /// A node with these programs.
    ///
    /// # Errors
    /// [`TestkitError::SandboxFailed`] with the output of unshare or of the setup script.
    pub fn with_programs(programs: &Programs) -> Result<Self, TestkitError> {
        Self::with_generation(Generation::Machine, programs)
    }

    /// The same with the programs of this generation.
    ///
    /// # Errors
    /// See [`Sandbox::with_programs`]; [`TestkitError::NotBuilt`].
    pub fn with_generation(
        generation: Generation,
        programs: &Programs,
    ) -> Result<Self, TestkitError> {
        let root = rustix::process::geteuid().is_root();
        let userland = generation.root()?;
        let no = |said: String| TestkitError::SandboxFailed {
            said,
            hint: if root {
                ""
            } else {
                "; as a normal user this needs user namespaces, root needs nothing"
            },
        };
        let mut unshare = Command::new("unshare");
        unshare.args(NAMESPACES);
        if !root {
            unshare.args(["--user", "--map-root-user"]);
        }
        unshare.args(["--fork", "--kill-child", "--mount-proc", "--propagation", "private"]);
        unshare.args(["bash", "-c", include_str!("node.sh"), "node", KIT_DIR]).arg(&userland);
        for (path, name) in &programs.entries {
            let mut pair = path.clone().into_os_string();
            pair.push(format!("={name}"));
            unshare.arg(pair);
        }
        unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder =
            unshare.spawn().map_err(|e| no(format!("unshare (package util-linux): {e}")))?;
        let leash = holder.stdin.take();
        let mut said = String::new();
        if let Some(out) = holder.stdout.take() {
            // Without a line the node is not ready, and stderr has the reason.
            let _ = BufReader::new(out).read_line(&mut said);
        }
        let mut node = Self {
            unshare: holder,
            keepalive_pipe: leash,
            init_pid: 0,
            is_root: root,
            userland,
            systemd: None,
        };
        if said != "ready\n" {
            node.keepalive_pipe = None;
            if let Some(mut err) = node.unshare.stderr.take() {
                let _ = err.read_to_string(&mut said);
            }
            return Err(no(said.trim().to_owned()));
        }
        node.init_pid = node.find_init_pid()?;
        Ok(node)
    }

    /// The pid of process 1 as seen from outside: unshare's only child.
    fn find_init_pid(&self) -> Result<u32, TestkitError> {
        let parent = self.unshare.id();
        let path = PathBuf::from(format!("/proc/{parent}/task/{parent}/children"));
        let children = fs::read_to_string(&path).map_err(TestkitError::io("read", &path))?;
        children.trim().parse().map_err(|_| TestkitError::SandboxFailed {
            said: format!("{} names no process: {children:?}", path.display()),
            hint: "",
        })
    }

    /// nsenter's arguments up to the program.
    pub(crate) fn nsenter_args(&self) -> Vec<String> {
        let mut way = vec!["--target".to_owned(), self.init_pid.to_string()];
        if !self.is_root {
            way.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        way.extend(NAMESPACES.map(str::to_owned));
        if self.systemd.is_some() {
            way.push("--cgroup".to_owned());
        }
        way
    }

    /// The pid of process 1 as seen from outside.
    #[must_use]
    pub fn init_pid(&self) -> u32 {
        self.init_pid
    }

    pub(crate) fn enter_systemd(&mut self, systemd: Systemd, init_pid: u32) {
        self.systemd = Some(systemd);
        self.init_pid = init_pid;
    }

    /// The user that owns installations here: `mzadmin` (4711), or `root` if a normal user runs the
    /// test.
    #[must_use]
    pub fn owner(&self) -> &'static str {
        if self.is_root { "mzadmin" } else { "root" }
    }

    /// A program to execute in the node. `PATH` finds it unless it has a slash.
    pub fn command(&self, program: impl AsRef<OsStr>) -> NodeCommand<'_> {
        NodeCommand::new(self, program.as_ref())
    }

    /// Runs a command, which must succeed.
    ///
    /// # Errors
    /// [`TestkitError::Command`] if it does not exit with 0; [`TestkitError::NotExecuted`].
    ///
    /// # Panics
    /// On an empty argument list, which is a mistake of the test.
    pub fn exec<A: AsRef<OsStr>>(
        &self,
        argv: impl IntoIterator<Item = A>,
    ) -> Result<NodeCommandOutput, TestkitError> {
        let mut argv = argv.into_iter();
        let program = argv.next().expect("a command has a first word");
        self.command(program).args(argv).run()?.expect_code(0)
    }

    /// Runs the simulated product's own command, `mz-sim`, which must succeed.
    ///
    /// # Errors
    /// As [`Sandbox::exec`].
    pub fn mz_sim<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<NodeCommandOutput, TestkitError> {
        self.command(format!("{KIT_DIR}/bin/mz-sim")).args(arguments).run()?.expect_code(0)
    }

    /// An agent, by its type (`platform` is ours) or its full name (`ocf:heartbeat:Dummy`).
    pub fn agent(&self, name: &str) -> AgentCall<'_> {
        AgentCall::new(self, name)
    }

    /// The node's directory of a provider's agents, as seen from inside.
    #[must_use]
    pub fn agents_dir(&self, provider: &str) -> PathBuf {
        // The node shows them at the usual path if its root has one.
        let usual = Path::new(OCF_RESOURCES);
        let dir = if self.userland.join(usual.strip_prefix("/").unwrap_or(usual)).is_dir() {
            usual.to_owned()
        } else {
            Path::new(KIT_DIR).join("resource.d")
        };
        dir.join(provider)
    }

    /// Installs an agent of the test beside the others, executable by every user.
    ///
    /// # Errors
    /// [`TestkitError::Io`].
    pub fn install_agent(
        &self,
        provider: &str,
        name: &str,
        text: &str,
    ) -> Result<(), TestkitError> {
        // The mount below KIT_DIR is writable; the usual path shows the same directories.
        let file = Path::new(KIT_DIR).join("resource.d").join(provider).join(name);
        self.write(&file, text)?;
        let outside = self.host_path(&file);
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o755))
            .map_err(TestkitError::io("chmod", &outside))
    }

    /// A path of the node as seen from outside.
    #[must_use]
    pub fn host_path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        PathBuf::from(format!("/proc/{}/root", self.init_pid))
            .join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Writes a file of the node, with its directories.
    ///
    /// # Errors
    /// [`TestkitError::Io`].
    pub fn write(
        &self,
        inside: impl AsRef<Path>,
        text: impl AsRef<[u8]>,
    ) -> Result<(), TestkitError> {
        let path = self.host_path(inside);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(TestkitError::io("mkdir", dir))?;
        }
        fs::write(&path, text).map_err(TestkitError::io("write", &path))
    }

    /// Reads a file of the node.
    ///
    /// # Errors
    /// [`TestkitError::Io`].
    pub fn read(&self, inside: impl AsRef<Path>) -> Result<String, TestkitError> {
        let path = self.host_path(inside);
        fs::read_to_string(&path).map_err(TestkitError::io("read", &path))
    }

    /// All processes of the node, from its /proc, in the order of their pids; process 1 is the
    /// node's own.
    ///
    /// # Errors
    /// [`TestkitError::Io`].
    pub fn processes(&self) -> Result<Vec<NodeProcess>, TestkitError> {
        NodeProcess::all(&self.host_path("/proc"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.systemd.take());
        drop(self.keepalive_pipe.take());
        // An error here has no remedy and does no harm: the kernel cleans up.
        let _ = self.unshare.wait();
    }
}
