//! A small node of its own for one test: namespaces made with util-linux.
//!
//! `unshare` makes mount, network, process, IPC and host name namespaces, and bash furnishes them (node.sh) and stays as
//! process 1: bash and not dash, for bash reaps orphans. A normal user gets a user namespace too, in which that user is
//! root; there is no second user then, so the owner of an installation is root ([`Sandbox::owner`]).
//!
//! The kernel does the cleaning: when process 1 ends, all others in its namespace are killed, mounts and addresses vanish.
//! It ends when the pipe closes that [`Sandbox`] holds, and no process but the test's own has the other end.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::{AgentCall, Error, Generation, NodeCommand, Process, Programs, Ran};

/// Where the sandbox keeps its own things, in /run: a tmpfs that every user may enter.
pub(crate) const KIT: &str = "/run/testkit";

/// The provider directories as the tools know them.
const OCF_RESOURCES: &str = "/usr/lib/ocf/resource.d";

const NAMESPACES: [&str; 5] = ["--mount", "--net", "--pid", "--ipc", "--uts"];

/// A node; see the head of the module. Ends with all that runs in it when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    /// unshare, the parent of process 1.
    holder: Child,
    /// Open as long as the node shall live.
    leash: Option<ChildStdin>,
    /// Process 1, by its number outside.
    init: u32,
    root: bool,
    /// What its own root is made of.
    userland: PathBuf,
}

impl Sandbox {
    /// A node with the four agents and the simulated product.
    ///
    /// # Errors
    /// [`Error::NotBuilt`], [`Error::NoSandbox`].
    pub fn new() -> Result<Self, Error> {
        Self::with(&Programs::all()?)
    }

    /// A node that shows these programs.
    ///
    /// # Errors
    /// [`Error::NoSandbox`] with the words of unshare or of the furnishing script.
    pub fn with(programs: &Programs) -> Result<Self, Error> {
        Self::of(Generation::Machine, programs)
    }

    /// The same with the programs of this generation beside them.
    ///
    /// # Errors
    /// See [`Sandbox::with`]; [`Error::NotBuilt`].
    pub fn of(generation: Generation, programs: &Programs) -> Result<Self, Error> {
        let root = rustix::process::geteuid().is_root();
        let userland = generation.root()?;
        let no = |said: String| Error::NoSandbox {
            said,
            hint: if root { "" } else { "; as a normal user this needs user namespaces, root needs nothing" },
        };
        let mut unshare = Command::new("unshare");
        unshare.args(NAMESPACES);
        if !root {
            unshare.args(["--user", "--map-root-user"]);
        }
        unshare.args(["--fork", "--kill-child", "--mount-proc", "--propagation", "private"]);
        unshare.args(["bash", "-c", include_str!("node.sh"), "node", KIT]).arg(&userland);
        for (path, name) in &programs.shown {
            let mut pair = path.clone().into_os_string();
            pair.push(format!("={name}"));
            unshare.arg(pair);
        }
        unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = unshare.spawn().map_err(|e| no(format!("unshare (package util-linux): {e}")))?;
        let leash = holder.stdin.take();
        let mut said = String::new();
        if let Some(out) = holder.stdout.take() {
            // A line that cannot be read is a node that is not ready, and its error output tells why.
            let _ = BufReader::new(out).read_line(&mut said);
        }
        let mut node = Self { holder, leash, init: 0, root, userland };
        if said != "ready\n" {
            node.leash = None;
            if let Some(mut err) = node.holder.stderr.take() {
                let _ = err.read_to_string(&mut said);
            }
            return Err(no(said.trim().to_owned()));
        }
        node.init = node.find_init()?;
        Ok(node)
    }

    /// Process 1's number outside: unshare's only child.
    fn find_init(&self) -> Result<u32, Error> {
        let parent = self.holder.id();
        let path = PathBuf::from(format!("/proc/{parent}/task/{parent}/children"));
        let children = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        children.trim().parse().map_err(|_| Error::NoSandbox {
            said: format!("{} names no process: {children:?}", path.display()),
            hint: "",
        })
    }

    /// nsenter's arguments up to the program.
    pub(crate) fn way_in(&self) -> Vec<String> {
        let mut way = vec!["--target".to_owned(), self.init.to_string()];
        if !self.root {
            way.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        way.extend(NAMESPACES.map(str::to_owned));
        way
    }

    /// The user that owns installations here: `mzadmin` (4711), or `root` where the test is run by a normal user.
    #[must_use]
    pub fn owner(&self) -> &'static str {
        if self.root { "mzadmin" } else { "root" }
    }

    /// A program to be run in the node; found by `PATH` unless it has a slash.
    pub fn command(&self, program: impl AsRef<OsStr>) -> NodeCommand<'_> {
        NodeCommand::new(self, program.as_ref())
    }

    /// Runs a command that has to succeed.
    ///
    /// # Errors
    /// [`Error::Command`] when it does not end with 0, [`Error::NotRun`].
    ///
    /// # Panics
    /// Without a word: that is a mistake in the test.
    pub fn exec<A: AsRef<OsStr>>(&self, argv: impl IntoIterator<Item = A>) -> Result<Ran, Error> {
        let mut argv = argv.into_iter();
        let program = argv.next().expect("a command has a first word");
        self.command(program).args(argv).run()?.expect(0)
    }

    /// Runs the simulated product's own command, `mz-sim`, which has to succeed.
    ///
    /// # Errors
    /// As [`Sandbox::exec`].
    pub fn mz_sim<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Ran, Error> {
        self.command(format!("{KIT}/bin/mz-sim")).args(arguments).run()?.expect(0)
    }

    /// An agent, by its type (`platform`: ours) or in full (`ocf:heartbeat:Dummy`).
    pub fn agent(&self, name: &str) -> AgentCall<'_> {
        AgentCall::new(self, name)
    }

    /// Where the node keeps the agents of a provider, as seen from inside.
    #[must_use]
    pub fn agents_dir(&self, provider: &str) -> PathBuf {
        // The node shows them in the usual place where its userland has one.
        let usual = Path::new(OCF_RESOURCES);
        let dir = if self.userland.join(usual.strip_prefix("/").unwrap_or(usual)).is_dir() {
            usual.to_owned()
        } else {
            Path::new(KIT).join("resource.d")
        };
        dir.join(provider)
    }

    /// Puts an agent of the test's own beside the others, executable by everybody.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn put_agent(&self, provider: &str, name: &str, text: &str) -> Result<(), Error> {
        // The mount at KIT is the writable one; the usual place shows the same directories.
        let file = Path::new(KIT).join("resource.d").join(provider).join(name);
        self.write(&file, text)?;
        let outside = self.path(&file);
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o755)).map_err(Error::io("chmod", &outside))
    }

    /// A path of the node, as the test can open it from outside.
    #[must_use]
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        PathBuf::from(format!("/proc/{}/root", self.init)).join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Writes a file of the node, with its directories.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, inside: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<(), Error> {
        let path = self.path(inside);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(Error::io("mkdir", dir))?;
        }
        fs::write(&path, text).map_err(Error::io("write", &path))
    }

    /// Reads a file of the node.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read(&self, inside: impl AsRef<Path>) -> Result<String, Error> {
        let path = self.path(inside);
        fs::read_to_string(&path).map_err(Error::io("read", &path))
    }

    /// All processes of the node, from its /proc, in the order of their numbers; process 1 is the node's own.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn processes(&self) -> Result<Vec<Process>, Error> {
        Process::all(&self.path("/proc"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.leash.take());
        // Nothing to be done about an error here, and nothing to lose: the kernel cleans up.
        let _ = self.holder.wait();
    }
}
