//! The scan of all processes of the node.
//!
//! Its cost is bounded, whatever other users run. Owner, state and program are checked first: reading them takes no lock of the process's
//! memory, and the process can't choose them. Only for the rest is the command line read, all within one deadline
//! ([`host::command_lines::read_command_lines`]).

use super::command_lines::{JAVA_COMM, foreign_user, program_name};
use super::markers::{
    ProcessArguments, Role, home_from_command_line, home_from_environment, is_any_pico_or_mzsh,
    may_be_product_program, may_be_truncated_pico, mzsh_script_path, role,
};
use super::mzsh_script;
use super::unnamed_process::{MissingCommandLine, UnnamedProcess};
use crate::settings::PicoInstance;
use host::command_lines::{self, CommandLine};
use host::process::{self, ProcDir, ProcLink, Snapshot, Stat};
use host::{Pid, ProcessId, mounts};
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for the environment of one process.
const ENVIRONMENT_TIMEOUT: Duration = Duration::from_secs(2);

/// A live process that is the pico.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PicoProcess {
    /// The process.
    pub id: ProcessId,
    /// Its state during the scan.
    pub state: process::ProcessState,
    /// Its number of threads.
    pub threads: u32,
    /// Its index in [`ProcessSearch::targets`].
    pub target_index: usize,
}

/// A live process that may be the pico.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The process.
    pub id: ProcessId,
    /// Why it could not be identified.
    pub why: String,
    /// A stop of a recorded pico need not wait for it: it is exiting and can execute nothing, or has none of our files open.
    pub ignorable_by_stop: bool,
}

/// A live process that is not the pico, though it could be taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bystander {
    /// The process.
    pub id: ProcessId,
    /// What it is, or why it does not count.
    pub why: String,
}

/// Result of a scan. If the first three are empty, the pico is not on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanResult {
    /// Live instances, without their children.
    pub picos: Vec<PicoProcess>,
    /// Live `mzsh startup` processes of it, and their children that are not the pico yet.
    pub startups: Vec<ProcessId>,
    /// Processes that may be the pico.
    pub suspects: Vec<Suspect>,
    /// Other processes in the session of an instance. They are no evidence that the pico runs, but a stop ends them, too.
    pub leftovers: Vec<ProcessId>,
    /// Processes that do not count, for messages.
    pub bystanders: Vec<Bystander>,
    /// Every other java of a user that counts, and every bystander.
    pub unrelated_javas: Vec<ProcessId>,
}

impl ScanResult {
    fn mentions(&self, id: ProcessId) -> bool {
        let suspects = self.suspects.iter().map(|suspect| suspect.id);
        let picos = self.picos.iter().map(|pico| pico.id);
        picos.chain(self.startups.iter().copied()).chain(suspects).any(|named| named == id)
    }

    /// No pico, no startup of it, no suspect.
    #[must_use]
    pub fn shows_no_pico(&self) -> bool {
        self.picos.is_empty() && self.startups.is_empty() && self.suspects.is_empty()
    }
}

/// Queries for the few cases that /proc alone does not decide. Each may run in a worker process.
pub trait ScanContext {
    /// What a path resolves to; `None`: storage does not answer.
    fn resolve_path(&self, path: &Path) -> Option<PathBuf>;
    /// Do two paths lead to one directory? `None`: storage does not answer.
    fn is_same_directory(&self, one: &Path, other: &Path) -> Option<bool>;
    /// Can this user's processes be the pico's?
    fn is_pico_user(&self, user: u32) -> bool;
    /// The same without a query to storage or the name service; `None`: unknown without one.
    fn is_known_pico_user(&self, user: u32) -> Option<bool>;
    /// The JVMs that other resources' records name, and the leaders of their sessions.
    fn processes_of_other_resources(&self) -> Vec<ProcessId>;
    /// The commands of agents that still run on this node: mzsh and HA clients.
    fn running_agent_commands(&self) -> Vec<ProcessId>;
    /// The java processes of the last scan that found no pico.
    fn ruled_out_before(&self) -> Vec<ProcessId>;
}

/// What a scan searches for.
#[derive(Clone, Copy, Debug)]
pub struct ProcessSearch<'a> {
    /// The picos; more than one only where the parameters and the record differ.
    pub targets: &'a [PicoInstance],
    /// The recorded JVM: it is the pico, whatever its command line.
    pub recorded_jvm: Option<ProcessId>,
    /// The mzsh that the start launched, and its user. It leads a session; processes of that session are starting the pico.
    pub startup_mzsh: Option<(ProcessId, Option<u32>)>,
    /// Leaders, ended or not, of the sessions that the pico's processes are in, and their user.
    pub pico_sessions: &'a [(ProcessId, Option<u32>)],
}

impl ProcessSearch<'_> {
    /// Scans every process, twice before it reports no pico: a process that forks into the background while pids wrap around can
    /// escape one pass.
    ///
    /// # Errors
    /// /proc could not be read whole until the given instant, or does not show everything: nothing may be concluded.
    pub fn scan(&self, context: &dyn ScanContext, until: Instant) -> io::Result<ScanResult> {
        let mut found = self.scan_once(context, until)?;
        if found.shows_no_pico() {
            found = self.scan_once(context, until)?;
        }
        if found.shows_no_pico()
            && let Some(why) = mounts::hidepid_restriction()?
        {
            return Err(io::Error::other(why));
        }
        Ok(found)
    }

    /// If so, any program can be the pico.
    pub(super) fn uses_process_match(&self) -> bool {
        self.targets.iter().any(|target| target.process_match.is_some())
    }

    fn scan_once(&self, context: &dyn ScanContext, until: Instant) -> io::Result<ScanResult> {
        let all = process::snapshot()?;
        ScanPass::new(self, context, &all, until).run()
    }
}

/// One pass over all processes.
pub(super) struct ScanPass<'a> {
    pub(super) search: &'a ProcessSearch<'a>,
    pub(super) context: &'a dyn ScanContext,
    pub(super) snapshot: &'a Snapshot,
    until: Instant,
    other_resources: OnceCell<Vec<ProcessId>>,
    agent_commands: OnceCell<Vec<ProcessId>>,
}

/// A process of a user that counts.
struct EligibleProcess<'a> {
    stat: &'a Stat,
    owner: u32,
    source: ProcDir,
    /// File name of its executable; `None`: permission denied.
    program: Option<OsString>,
}

impl EligibleProcess<'_> {
    fn is_java(&self) -> bool {
        self.program.as_deref() == Some(OsStr::new("java"))
    }
}

/// What the command line of a process claims.
#[derive(Default)]
struct CommandLineClaim {
    /// Its role, by index of the target.
    roles: Vec<(usize, Role)>,
    home: Option<PathBuf>,
    /// It is a script `mzsh`, called by this path.
    script: Option<PathBuf>,
    /// It is a pico of any name, or an mzsh.
    is_product: bool,
    /// Its command line is too long to identify it.
    is_truncated: bool,
}

enum Identification {
    /// Which target it is.
    Pico(usize),
    Startup,
    Unclear(String),
}

impl<'a> ScanPass<'a> {
    pub(super) fn new(
        search: &'a ProcessSearch<'a>,
        context: &'a dyn ScanContext,
        all: &'a Snapshot,
        until: Instant,
    ) -> Self {
        Self {
            search,
            context,
            snapshot: all,
            until,
            other_resources: OnceCell::new(),
            agent_commands: OnceCell::new(),
        }
    }

    /// See [`ScanContext::processes_of_other_resources`].
    pub(super) fn other_resources(&self) -> &[ProcessId] {
        self.other_resources.get_or_init(|| self.context.processes_of_other_resources())
    }

    /// See [`ScanContext::running_agent_commands`].
    pub(super) fn agent_commands(&self) -> &[ProcessId] {
        self.agent_commands.get_or_init(|| self.context.running_agent_commands())
    }

    fn run(&self) -> io::Result<ScanResult> {
        let mut found = ScanResult::default();
        let (mut eligible, mut nameless) = (Vec::new(), Vec::new());
        let own = Pid::own();
        // Init is no pico, whatever `process_match` says.
        let live =
            self.snapshot.iter().filter(|s| s.pid != own && s.pid.as_raw() != 1 && !s.is_dead());
        for stat in live {
            if self.search.recorded_jvm == Some(stat.id()) {
                found.picos.push(pico_process(stat, 0));
            } else if let Some(owner) = self.eligible_owner(stat)? {
                Self::classify(stat, owner, &mut eligible, &mut nameless)?;
            }
        }
        let claims = self.read_claims(&eligible, &mut nameless)?;
        let is_of_product = |pid: Pid| claims.get(&pid).is_some_and(|claim| claim.is_product);
        let without_name: HashSet<Pid> =
            nameless.iter().map(|one: &UnnamedProcess<'_>| one.stat.pid).collect();
        for process in eligible.iter().filter(|process| !without_name.contains(&process.stat.pid)) {
            let stat = process.stat;
            let claim = claims.get(&stat.pid);
            match claim.map_or(Ok(None), |claim| self.identify(process, claim))? {
                Some(Identification::Pico(target)) => found.picos.push(pico_process(stat, target)),
                Some(Identification::Startup) => found.startups.push(stat.id()),
                Some(Identification::Unclear(why)) => {
                    found.suspects.push(Suspect { id: stat.id(), why, ignorable_by_stop: false });
                }
                None if claim.is_some_and(|claim| claim.is_product) => {}
                None if self.belongs_to_startup(stat, process.owner) => {
                    found.startups.push(stat.id());
                }
                // A descendant of another pico belongs to that one.
                None if self.is_in_pico_session(stat, process.owner)
                    && !self.snapshot.ancestors(stat.pid).any(is_of_product) =>
                {
                    found.leftovers.push(stat.id());
                }
                None => {}
            }
        }
        // A java process never becomes another program.
        let javas =
            eligible.iter().filter(|one| claims.contains_key(&one.stat.pid) && one.is_java());
        let unmentioned =
            javas.map(|one| one.stat.id()).filter(|id| !found.mentions(*id)).collect::<Vec<_>>();
        found.unrelated_javas.extend(unmentioned);
        for one in nameless {
            self.classify_unnamed(&one, &mut found)?;
        }
        found.unrelated_javas.extend(found.bystanders.iter().map(|one| one.id));
        remove_children(&mut found.picos, self.snapshot);
        found.picos.sort_by_key(|c| c.id);
        found.startups.sort();
        Ok(found)
    }

    /// Its user, if that counts. Storage and name service are queried only for processes that may belong to the product.
    fn eligible_owner(&self, stat: &Stat) -> io::Result<Option<u32>> {
        if stat.is_kernel_thread() {
            return Ok(None);
        }
        let Some(owner) = process::effective_uid(stat.pid)? else { return Ok(None) };
        let counts = match self.context.is_known_pico_user(owner) {
            Some(counts) => counts,
            None => self.may_be_product_process(stat)? && self.context.is_pico_user(owner),
        };
        Ok(counts.then_some(owner))
    }

    fn may_be_product_process(&self, stat: &Stat) -> io::Result<bool> {
        Ok(self.search.uses_process_match()
            || match process::read_link(stat.pid.into(), "exe")? {
                ProcLink::Gone => stat.comm == JAVA_COMM,
                exe => program_name(stat, &exe).as_deref().is_none_or(may_be_product_program),
            })
    }

    fn classify<'s>(
        stat: &'s Stat,
        owner: u32,
        eligible: &mut Vec<EligibleProcess<'s>>,
        nameless: &mut Vec<UnnamedProcess<'s>>,
    ) -> io::Result<()> {
        match source_with_memory(stat)? {
            Ok((source, exe)) => {
                eligible.push(EligibleProcess {
                    stat,
                    owner,
                    source,
                    program: program_name(stat, &exe),
                });
            }
            Err(why) => {
                nameless.push(UnnamedProcess { stat, owner, source: stat.pid.into(), cause: why });
            }
        }
        Ok(())
    }

    /// Reads the command lines of processes that may belong to the product; adds those without one to `nameless`.
    fn read_claims<'s>(
        &self,
        eligible: &[EligibleProcess<'s>],
        nameless: &mut Vec<UnnamedProcess<'s>>,
    ) -> io::Result<HashMap<Pid, CommandLineClaim>> {
        let by_pattern = self.search.uses_process_match();
        let asked: Vec<&EligibleProcess<'_>> = eligible
            .iter()
            .filter(|one| by_pattern || one.program.as_deref().is_none_or(may_be_product_program))
            .collect();
        let sources: Vec<ProcDir> = asked.iter().map(|one| one.source).collect();
        let mut claims = HashMap::new();
        command_lines::read_command_lines(&sources, self.until, |at, line| {
            let one = asked[at];
            let mut unnamed = |why| {
                nameless.push(UnnamedProcess {
                    stat: one.stat,
                    owner: one.owner,
                    source: one.source,
                    cause: why,
                });
            };
            match line {
                CommandLine::Gone => {}
                CommandLine::Stuck => unnamed(MissingCommandLine::Stuck),
                CommandLine::Complete(argv) if argv.is_empty() => {
                    unnamed(MissingCommandLine::NoCommandLine);
                }
                CommandLine::Complete(argv) => {
                    drop(claims.insert(one.stat.pid, self.claim_of(one, &argv, false)));
                }
                CommandLine::Truncated(argv) => {
                    claims.insert(one.stat.pid, self.claim_of(one, &argv, true));
                }
            }
        })?;
        Ok(claims)
    }

    fn claim_of(
        &self,
        process: &EligibleProcess<'_>,
        argv: &[OsString],
        is_cut: bool,
    ) -> CommandLineClaim {
        let arguments = ProcessArguments { argv, program: process.program.as_deref() };
        let targets = self.search.targets.iter().enumerate();
        let roles =
            targets.filter_map(|(at, target)| Some((at, role(target, arguments)?))).collect();
        CommandLineClaim {
            roles,
            home: home_from_command_line(arguments),
            script: mzsh_script_path(arguments).map(Path::to_owned),
            is_product: is_any_pico_or_mzsh(arguments),
            is_truncated: is_cut && may_be_truncated_pico(arguments),
        }
    }

    fn identify(
        &self,
        process: &EligibleProcess<'_>,
        claim: &CommandLineClaim,
    ) -> io::Result<Option<Identification>> {
        let stat = process.stat;
        if claim.roles.is_empty() && !claim.is_truncated || !self.is_local_pico_user(stat)? {
            return Ok(None);
        }
        if claim.is_truncated && claim.roles.is_empty() {
            let why = format!(
                "is a java with more than {} KiB of options, too long to read",
                command_lines::MAX_COMMAND_LINE_BYTES >> 10
            );
            return Ok(Some(Identification::Unclear(why)));
        }
        for &(at, role) in &claim.roles {
            let target = &self.search.targets[at];
            let finding = match role {
                // The command lines of this agent's ancestors may contain the pattern.
                Role::PicoByMatch if self.snapshot.ancestors(Pid::own()).any(|a| a == stat.pid) => {
                    continue;
                }
                Role::PicoByMatch => return Ok(Some(Identification::Pico(at))),
                Role::Pico => Identification::Pico(at),
                Role::Startup => Identification::Startup,
            };
            let home = match &claim.home {
                Some(home) => Ok(Some(home.clone())),
                None => self.home_in_environment(process.source),
            };
            // It has exited, or its pid was reused.
            if stat.id().live_stat()?.is_none() {
                return Ok(None);
            }
            let script = claim.script.as_deref();
            let ours =
                mzsh_script::claim_matches(target, script, home, process.source, self.context);
            match ours {
                Ok(true) => return Ok(Some(finding)),
                Ok(false) => {}
                // It has exited, or is in the record of another resource.
                Err(_)
                    if stat.id().live_stat()?.is_none()
                        || self.other_resources().contains(&stat.id()) =>
                {
                    return Ok(None);
                }
                Err(why) => return Ok(Some(Identification::Unclear(why))),
            }
        }
        Ok(None)
    }

    fn home_in_environment(&self, process: ProcDir) -> io::Result<Option<PathBuf>> {
        let until = self.until.min(Instant::now() + ENVIRONMENT_TIMEOUT);
        Ok(command_lines::read_environment(process, until)?
            .and_then(|all| home_from_environment(&all)))
    }

    /// Is it in this pid namespace, and of a user that counts?
    pub(super) fn is_local_pico_user(&self, stat: &Stat) -> io::Result<bool> {
        let counts = |user| self.context.is_pico_user(user);
        let ownership = process::ownership(stat.pid)?;
        Ok(ownership.is_some_and(|of| of.pid_namespaces == 1 && foreign_user(of, counts).is_none()))
    }

    /// Is it the mzsh of the start, or in its session, whatever it executes?
    pub(super) fn belongs_to_startup(&self, stat: &Stat, owner: u32) -> bool {
        let launched = self.search.startup_mzsh;
        launched.is_some_and(|(mzsh, uid)| {
            stat.id() == mzsh || self.is_in_session(stat, owner, mzsh, uid)
        })
    }

    /// Is it in a session of the pico?
    pub(super) fn is_in_pico_session(&self, stat: &Stat, owner: u32) -> bool {
        let mut sessions = self.search.pico_sessions.iter();
        sessions.any(|&(leader, uid)| self.is_in_session(stat, owner, leader, uid))
    }

    /// The kernel does not reuse a session id while the session has members. So a process of that session, not older than its leader and of
    /// the leader's user, was started by the leader.
    pub(super) fn is_in_session(
        &self,
        stat: &Stat,
        owner: u32,
        leader: ProcessId,
        uid: Option<u32>,
    ) -> bool {
        // The pid was reused, so this is another session.
        let reused = self.snapshot.get(leader.pid).is_some_and(|stat| stat.id() != leader);
        let is_member =
            stat.session == leader.pid.as_raw() && !reused && stat.start >= leader.start;
        is_member && uid.is_none_or(|uid| uid == owner)
    }
}

/// A thread that still has memory, and its executable. Where the main thread has exited or released its memory, another thread may still have
/// it. Where none has, all threads are exiting.
fn source_with_memory(stat: &Stat) -> io::Result<Result<(ProcDir, ProcLink), MissingCommandLine>> {
    let main = ProcDir::from(stat.pid);
    let is_zombie = stat.state == process::ProcessState::Zombie;
    if !is_zombie
        && let exe @ (ProcLink::To(_) | ProcLink::Denied) = process::read_link(main, "exe")?
    {
        return Ok(Ok((main, exe)));
    }
    let threads = process::live_threads(stat.pid);
    for &thread in &threads {
        let source = ProcDir { pid: stat.pid, thread: Some(thread) };
        if let exe @ (ProcLink::To(_) | ProcLink::Denied) = process::read_link(source, "exe")? {
            return Ok(Ok((source, exe)));
        }
    }
    Ok(Err(if is_zombie && threads.is_empty() {
        MissingCommandLine::NoMainThread
    } else {
        MissingCommandLine::NoMemory
    }))
}

fn pico_process(stat: &Stat, target: usize) -> PicoProcess {
    PicoProcess { id: stat.id(), state: stat.state, threads: stat.threads, target_index: target }
}

/// A descendant of another match is a fork before its exec.
fn remove_children(picos: &mut Vec<PicoProcess>, all: &Snapshot) {
    let matches: Vec<Pid> = picos.iter().map(|c| c.id.pid).collect();
    picos.retain(|c| !all.ancestors(c.id.pid).any(|a| matches.contains(&a)));
}
