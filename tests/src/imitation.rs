//! Processes that imitate others: the pico, its mzsh, or what only claims to be one, by any user and in any state.
//!
//! What the program can do is told in src/bin/imitator.rs. It is copied to where the case wants it, so that `exe` and `comm` of
//! the imitation are those of a java, a shell or whatever it is to be.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::sandbox::KIT;
use crate::site::{HOME, MZADMIN, Site, in_short};
use crate::{Error, Process};

/// Where a java of no installation is.
pub const JAVA: &str = "/opt/imitated/bin/java";

/// Each has a file of its own for its steps.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Where the imitator itself is.
const IMITATOR: &str = "bin/imitator";

/// The state that an imitation is in, and stays in, when [`Imitation::start`] comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It lives and waits.
    Live,
    /// Its main thread has ended, and another lives.
    Leaderless,
    /// It hangs in the kernel with the lock of its memory: nobody can read its command line. It needs a file whose writes hang.
    Stuck(&'static str),
    /// It was killed and hangs in its exit: it has no memory any more. It needs a file whose close hangs.
    Exiting(&'static str),
}

impl State {
    fn steps(self) -> String {
        match self {
            Self::Live => String::new(),
            Self::Leaderless => "leaderless\n".to_owned(),
            Self::Stuck(file) => format!("map {file}\nawait\nunmap\n"),
            Self::Exiting(file) => format!("hold {file}\nawait\nkill\n"),
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Live => 'S',
            Self::Leaderless => 'Z',
            Self::Stuck(_) | Self::Exiting(_) => 'D',
        }
    }
}

/// A process that shall be.
#[derive(Debug, Clone)]
#[must_use = "nothing runs before start()"]
pub struct Imitation {
    program: String,
    argv: Vec<String>,
    before: String,
    state: State,
    user: Option<u32>,
    setuid: bool,
    directory: String,
    environment: Vec<(String, String)>,
    namespace: Option<String>,
}

impl Imitation {
    /// A java with this command line, which begins with the program's name.
    pub fn java(argv: &[&str]) -> Self {
        Self::of(JAVA, argv)
    }

    /// Any other program.
    pub fn of(program: &str, argv: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            before: String::new(),
            state: State::Live,
            user: None,
            setuid: false,
            directory: "/".to_owned(),
            environment: Vec::new(),
            namespace: None,
        }
    }

    /// A pico as the simulator and the product start it.
    pub fn pico(name: &str) -> Self {
        let (home, named) = (format!("-Dmz.home={HOME}"), format!("-Dpico.configname={name}"));
        Self::java(&["java", &home, &named, "com.digitalroute.picostart.PicoStart", name])
    }

    /// In this state instead of alive.
    pub fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// Steps of the imitator's to take before that.
    pub fn before(mut self, steps: &str) -> Self {
        self.before.push_str(steps);
        self
    }

    /// Run by this user; by the owner of the installation if not set.
    pub fn user(mut self, uid: u32) -> Self {
        self.user = Some(uid);
        self
    }

    /// Its program is root's and has the set-user-ID bit.
    pub fn setuid(mut self) -> Self {
        self.setuid = true;
        self.program = JAVA.replace("imitated", "setuid");
        self
    }

    /// Its working directory; `/` if not set.
    pub fn directory(mut self, directory: &str) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// A variable of its environment, which has nothing else.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// In a mount namespace of its own, in which root has done this before.
    pub fn in_mount_namespace(mut self, line: &str) -> Self {
        self.namespace = Some(line.to_owned());
        self
    }

    /// Starts it, in a session of its own, and waits until it is in its state.
    pub fn start(&self, site: &Site) -> Result<Process, Error> {
        let started = self.begin(site)?;
        if matches!(self.state, State::Stuck(_) | State::Exiting(_)) {
            // A file of storage that hangs may have it in state D before; there is no other wait after this signal.
            until_in(site, started.pid, 'S')?;
            site.signal(started.pid, "USR1")?;
        }
        until_in(site, started.pid, self.state.letter())
    }

    /// The same without the wait: once it has the name of its program and goes through its steps.
    pub fn begin(&self, site: &Site) -> Result<Process, Error> {
        lay_out(site, &self.program, if self.setuid { "4755" } else { "755" })?;
        let steps = format!("/opt/imitated/{}.steps", NUMBER.fetch_add(1, Ordering::Relaxed));
        site.node.write(&steps, format!("{}{}", self.before, self.state.steps()))?;
        let mut line = "setsid ".to_owned();
        // Writing to a String does not fail.
        if let Some(first) = &self.namespace {
            let _ = write!(line, "unshare --mount --propagation private sh -c '{first}\nexec \"$@\"' sh ");
        }
        if let Some(uid) = self.user.or((site.node.owner() != "root").then_some(MZADMIN)) {
            let _ = write!(line, "setpriv --reuid {uid} --regid {uid} --clear-groups ");
        }
        let _ = write!(line, "env -i -C {} ", self.directory);
        for (name, value) in &self.environment {
            let _ = write!(line, "'{name}={value}' ");
        }
        let _ = write!(line, "{KIT}/{IMITATOR} {steps} {}", self.program);
        for word in &self.argv {
            let _ = write!(line, " '{word}'");
        }
        let said = site.sh(&format!("{line} </dev/null >/dev/null 2>&1 & echo $!"))?;
        let pid: u32 = said.trim().parse().expect("a number");
        let name = Path::new(&self.program).file_name().map(|name| name.to_string_lossy().into_owned());
        site.until(&format!("pid {pid} to be {}", self.program), |site| {
            let now = site.brief(pid)?;
            Ok(now.clone().filter(|now| Some(&now.comm) == name.as_ref()).ok_or_else(|| format!("{now:?}")))
        })
    }
}

/// Many imitations that one process has forked. They share its memory, however much that is.
#[derive(Debug)]
pub struct Crowd {
    first: Process,
    number: usize,
}

impl Imitation {
    /// So many of it: they wait, and take these steps when they are told to.
    pub fn crowd(&self, site: &Site, number: usize, then: &str) -> Result<Crowd, Error> {
        let first = self.clone().before(&format!("many {number}\nawait\n{then}\n")).start(site)?;
        let crowd = Crowd { first, number };
        crowd.until_in(site, 'S')?;
        Ok(crowd)
    }
}

impl Crowd {
    /// Tells all of them, and waits until each hangs in the kernel.
    pub fn hang(&self, site: &Site) -> Result<(), Error> {
        site.sh(&format!("kill -s USR1 -- -{}", self.first.pid))?;
        self.until_in(site, 'D')
    }

    /// Ends all of them.
    pub fn end(self, site: &Site) -> Result<(), Error> {
        site.sh(&format!("kill -s KILL -- -{}", self.first.pid))?;
        site.until("the end of a crowd", |site| {
            let left = site.briefly()?.iter().filter(|process| process.group == self.first.pid).count();
            Ok(if left == 0 { Ok(()) } else { Err(format!("{left} are left")) })
        })
    }

    /// The members.
    pub fn members(&self, site: &Site) -> Result<Vec<Process>, Error> {
        let mut all = site.briefly()?;
        all.retain(|process| process.ppid == self.first.pid);
        Ok(all)
    }

    fn until_in(&self, site: &Site, state: char) -> Result<(), Error> {
        site.until(&format!("{} processes in state {state}", self.number), |site| {
            let there = self.members(site)?.iter().filter(|process| process.state == state).count();
            Ok(if there == self.number { Ok(()) } else { Err(format!("{there} are")) })
        })
    }
}

fn until_in(site: &Site, pid: u32, state: char) -> Result<Process, Error> {
    site.until(&format!("pid {pid} to be in state {state}"), |site| {
        let now = site.brief(pid)?;
        let is = |now: &Process| now.state == state && !now.is_dead();
        Ok(now.clone().filter(is).ok_or_else(|| format!("{now:?}")))
    })
}

/// A copy of the imitator, executable by everybody.
fn lay_out(site: &Site, program: &str, mode: &str) -> Result<(), Error> {
    let dir = Path::new(program).parent().unwrap_or(Path::new("/")).display().to_string();
    let copy = format!("cp {KIT}/{IMITATOR} {program} && chmod {mode} {program}");
    site.sh(&format!("[ -e {program} ] || {{ mkdir -p {dir} && {copy}; }}")).map(drop)
}

impl Site {
    /// The words that run these steps of the imitator's as a pico of the installation, by the caller's user.
    pub fn as_pico(&self, pico: &str, steps: &str) -> Result<String, Error> {
        lay_out(self, JAVA, "755")?;
        let file = format!("/opt/imitated/{pico}.steps");
        self.node.write(&file, steps)?;
        let looks =
            format!("-Dmz.home={HOME} -Dpico.configname={pico} com.digitalroute.picostart.PicoStart {pico}");
        Ok(format!("{KIT}/{IMITATOR} {file} {JAVA} {HOME}/java/bin/java {looks}"))
    }

    /// The one process of a pico that its owner runs, beside those of others that look like it; anything else fails the test.
    #[track_caller]
    pub fn one_by_owner(&self, name: &str) -> Result<Process, Error> {
        let mut found = self.picos(name)?;
        found.retain(|process| process.uid == self.owner());
        assert_eq!(found.len(), 1, "{name}: {}", in_short(&found));
        Ok(found.remove(0))
    }

    /// A process as it is told without its memory, which may be locked: it has no arguments. None: it is gone.
    pub fn brief(&self, pid: u32) -> Result<Option<Process>, Error> {
        Ok(Process::brief(&self.node.path("/proc"), pid))
    }

    /// All live processes of the node without their arguments, in the order of their numbers.
    pub fn briefly(&self) -> Result<Vec<Process>, Error> {
        let mut all = Process::all_briefly(&self.node.path("/proc"))?;
        all.retain(|process| process.pid != 1 && !process.is_dead());
        Ok(all)
    }
}
