//! Processes that imitate others: the pico, its mzsh, or a process that only claims to be one, by
//! any user and in any state.
//!
//! src/bin/imitator.rs describes the program's steps. Each case copies it to the path that it
//! needs. So `exe` and `comm` of the imitation are those of a java, a shell or another program.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::fixture::{Fixture, MZ_HOME, MZADMIN_UID, describe_processes};
use crate::sandbox::KIT_DIR;
use crate::{NodeProcess, TestkitError};

/// Path of a java outside any installation.
pub const FAKE_JAVA: &str = "/opt/imitated/bin/java";

/// Each imitation has its own file of steps.
static NEXT_STEPS_FILE: AtomicU32 = AtomicU32::new(0);

const IMITATOR: &str = "bin/imitator";

/// The state of an imitation after [`FakeProcess::start_group`] has returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FakeProcessState {
    /// It lives and waits.
    Live,
    /// Its main thread has exited, and another lives: a zombie thread-group leader.
    ZombieLeader,
    /// It hangs in the kernel with its memory locked, so nobody can read its command line. It needs
    /// a file whose writes hang.
    UnreadableMemory(&'static str),
    /// It was killed, hangs while exiting, and has no memory any more. It needs a file whose close
    /// hangs.
    Exiting(&'static str),
}

impl FakeProcessState {
    fn steps(self) -> String {
        match self {
            Self::Live => String::new(),
            Self::ZombieLeader => "zombie_leader\n".to_owned(),
            Self::UnreadableMemory(file) => format!("map {file}\nawait\nunmap\n"),
            Self::Exiting(file) => format!("hold {file}\nawait\nkill\n"),
        }
    }

    fn proc_state(self) -> char {
        match self {
            Self::Live => 'S',
            Self::ZombieLeader => 'Z',
            Self::UnreadableMemory(_) | Self::Exiting(_) => 'D',
        }
    }
}

/// The description of a process.
#[derive(Debug, Clone)]
#[must_use = "nothing runs before start()"]
pub struct FakeProcess {
    program: String,
    argv: Vec<String>,
    first_steps: String,
    state: FakeProcessState,
    user: Option<u32>,
    setuid: bool,
    directory: String,
    environment: Vec<(String, String)>,
    namespace: Option<String>,
}

impl FakeProcess {
    /// A java with this command line, which starts with the program's name.
    pub fn for_java(argv: &[&str]) -> Self {
        Self::for_program(FAKE_JAVA, argv)
    }

    /// Any other program.
    pub fn for_program(program: &str, argv: &[&str]) -> Self {
        Self {
            program: program.to_owned(),
            argv: argv.iter().map(|&word| word.to_owned()).collect(),
            first_steps: String::new(),
            state: FakeProcessState::Live,
            user: None,
            setuid: false,
            directory: "/".to_owned(),
            environment: Vec::new(),
            namespace: None,
        }
    }

    /// A pico as the simulator and the product start it.
    pub fn for_pico(name: &str) -> Self {
        let (home, named) = (format!("-Dmz.home={MZ_HOME}"), format!("-Dpico.configname={name}"));
        Self::for_java(&["java", &home, &named, "com.digitalroute.picostart.PicoStart", name])
    }

    /// Sets the state; the default is alive.
    pub fn state(mut self, state: FakeProcessState) -> Self {
        self.state = state;
        self
    }

    /// Adds steps of the imitator before that state.
    pub fn with_first_steps(mut self, steps: &str) -> Self {
        self.first_steps.push_str(steps);
        self
    }

    /// Sets the user; the default is the owner of the installation.
    pub fn user(mut self, uid: u32) -> Self {
        self.user = Some(uid);
        self
    }

    /// Makes its program belong to root and have the set-user-ID bit.
    pub fn setuid(mut self) -> Self {
        self.setuid = true;
        self.program = FAKE_JAVA.replace("imitated", "setuid");
        self
    }

    /// Sets its working directory; the default is `/`.
    pub fn directory(mut self, directory: &str) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// Adds a variable to its environment, which is empty by default.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it in a mount namespace of its own, in which root has run this line before.
    pub fn in_mount_namespace(mut self, line: &str) -> Self {
        self.namespace = Some(line.to_owned());
        self
    }

    /// Starts it, in a session of its own, and waits until it is in its state.
    pub fn start(&self, fixture: &Fixture) -> Result<NodeProcess, TestkitError> {
        let started = self.spawn(fixture)?;
        if matches!(
            self.state,
            FakeProcessState::UnreadableMemory(_) | FakeProcessState::Exiting(_)
        ) {
            // Hung storage may have kept it in state D before. After this signal it waits for
            // nothing else.
            wait_until_in_state(fixture, started.pid, 'S')?;
            fixture.signal(started.pid, "USR1")?;
        }
        wait_until_in_state(fixture, started.pid, self.state.proc_state())
    }

    /// Starts it without waiting for its state: returns once it has the name of its program and
    /// executes its steps.
    pub fn spawn(&self, fixture: &Fixture) -> Result<NodeProcess, TestkitError> {
        install_imitator(fixture, &self.program, if self.setuid { "4755" } else { "755" })?;
        let steps =
            format!("/opt/imitated/{}.steps", NEXT_STEPS_FILE.fetch_add(1, Ordering::Relaxed));
        fixture.node.write(&steps, format!("{}{}", self.first_steps, self.state.steps()))?;
        let mut line = "setsid ".to_owned();
        // Writing to a String can't fail.
        if let Some(first) = &self.namespace {
            let _ = write!(
                line,
                "unshare --mount --propagation private sh -c '{first}\nexec \"$@\"' sh "
            );
        }
        if let Some(uid) = self.user.or((fixture.node.owner() != "root").then_some(MZADMIN_UID)) {
            let _ = write!(line, "setpriv --reuid {uid} --regid {uid} --clear-groups ");
        }
        let _ = write!(line, "env -i -C {} ", self.directory);
        for (name, value) in &self.environment {
            let _ = write!(line, "'{name}={value}' ");
        }
        let _ = write!(line, "{KIT_DIR}/{IMITATOR} {steps} {}", self.program);
        for word in &self.argv {
            let _ = write!(line, " '{word}'");
        }
        let said = fixture.sh(&format!("{line} </dev/null >/dev/null 2>&1 & echo $!"))?;
        let pid: u32 = said.trim().parse().expect("a number");
        let name =
            Path::new(&self.program).file_name().map(|name| name.to_string_lossy().into_owned());
        fixture.wait_until(&format!("pid {pid} to be {}", self.program), |fixture| {
            let now = fixture.process_without_args(pid)?;
            Ok(now
                .clone()
                .filter(|now| Some(&now.comm) == name.as_ref())
                .ok_or_else(|| format!("{now:?}")))
        })
    }
}

/// Many imitations, forked by one process. They share its memory, whatever its size.
#[derive(Debug)]
pub struct FakeProcessGroup {
    first: NodeProcess,
    number: usize,
}

impl FakeProcess {
    /// Starts this many copies. They wait for a signal and then take these steps.
    pub fn start_group(
        &self,
        fixture: &Fixture,
        number: usize,
        then: &str,
    ) -> Result<FakeProcessGroup, TestkitError> {
        let first = self
            .clone()
            .with_first_steps(&format!("many {number}\nawait\n{then}\n"))
            .start(fixture)?;
        let crowd = FakeProcessGroup { first, number };
        crowd.wait_until_all_in(fixture, 'S')?;
        Ok(crowd)
    }
}

impl FakeProcessGroup {
    /// Signals the whole group and waits until each process hangs in the kernel.
    pub fn hang_all(&self, fixture: &Fixture) -> Result<(), TestkitError> {
        fixture.sh(&format!("kill -s USR1 -- -{}", self.first.pid))?;
        self.wait_until_all_in(fixture, 'D')
    }

    pub fn kill_all(self, fixture: &Fixture) -> Result<(), TestkitError> {
        fixture.sh(&format!("kill -s KILL -- -{}", self.first.pid))?;
        fixture.wait_until("the end of a crowd", |fixture| {
            let left = fixture
                .processes_without_args()?
                .iter()
                .filter(|process| process.group == self.first.pid)
                .count();
            Ok(if left == 0 { Ok(()) } else { Err(format!("{left} are left")) })
        })
    }

    pub fn members(&self, fixture: &Fixture) -> Result<Vec<NodeProcess>, TestkitError> {
        let mut all = fixture.processes_without_args()?;
        all.retain(|process| process.ppid == self.first.pid);
        Ok(all)
    }

    fn wait_until_all_in(&self, fixture: &Fixture, state: char) -> Result<(), TestkitError> {
        fixture.wait_until(&format!("{} processes in state {state}", self.number), |fixture| {
            let there =
                self.members(fixture)?.iter().filter(|process| process.state == state).count();
            Ok(if there == self.number { Ok(()) } else { Err(format!("{there} are")) })
        })
    }
}

fn wait_until_in_state(
    fixture: &Fixture,
    pid: u32,
    state: char,
) -> Result<NodeProcess, TestkitError> {
    fixture.wait_until(&format!("pid {pid} to be in state {state}"), |fixture| {
        let now = fixture.process_without_args(pid)?;
        let is = |now: &NodeProcess| now.state == state && !now.is_dead();
        Ok(now.clone().filter(is).ok_or_else(|| format!("{now:?}")))
    })
}

/// A copy of the imitator, executable by every user.
fn install_imitator(fixture: &Fixture, program: &str, mode: &str) -> Result<(), TestkitError> {
    let dir = Path::new(program).parent().unwrap_or(Path::new("/")).display().to_string();
    let copy = format!("cp {KIT_DIR}/{IMITATOR} {program} && chmod {mode} {program}");
    fixture.sh(&format!("[ -e {program} ] || {{ mkdir -p {dir} && {copy}; }}")).map(drop)
}

impl Fixture {
    /// A shell command that takes these steps of the imitator as a pico of the installation, under
    /// the caller's user.
    pub fn fake_pico_command(&self, pico: &str, steps: &str) -> Result<String, TestkitError> {
        install_imitator(self, FAKE_JAVA, "755")?;
        let file = format!("/opt/imitated/{pico}.steps");
        self.node.write(&file, steps)?;
        let looks = format!(
            "-Dmz.home={MZ_HOME} -Dpico.configname={pico} com.digitalroute.picostart.PicoStart {pico}"
        );
        Ok(format!("{KIT_DIR}/{IMITATOR} {file} {FAKE_JAVA} {MZ_HOME}/java/bin/java {looks}"))
    }

    /// The only process of a pico that its owner runs. Similar processes of other users are
    /// ignored. Any other number fails the test.
    #[track_caller]
    pub fn single_owned_pico(&self, name: &str) -> Result<NodeProcess, TestkitError> {
        let mut found = self.pico_processes(name)?;
        found.retain(|process| process.uid == self.owner_uid());
        assert_eq!(found.len(), 1, "{name}: {}", describe_processes(&found));
        Ok(found.remove(0))
    }

    /// A process without its arguments, because its memory may be locked. `None` if it is gone.
    pub fn process_without_args(&self, pid: u32) -> Result<Option<NodeProcess>, TestkitError> {
        Ok(NodeProcess::without_args(&self.node.host_path("/proc"), pid))
    }

    /// All live processes of the node without their arguments, in the order of their pids.
    pub fn processes_without_args(&self) -> Result<Vec<NodeProcess>, TestkitError> {
        let mut all = NodeProcess::all_without_args(&self.node.host_path("/proc"))?;
        all.retain(|process| process.pid != 1 && !process.is_dead());
        Ok(all)
    }
}
