//! What Pacemaker makes of an agent's answer: every exit code at every occasion, by the scheduler's own simulator, on the
//! configuration of the README.
//!
//! - *One source.* The lines are those that users get and the scenarios run on ([`Plan::crm_lines`]); `crm` makes the CIB of them,
//!   in a sandbox.
//! - *The state before is the scheduler's, too.* "It runs well" is what `crm_simulate` has made of an empty cluster; so all
//!   that Pacemaker compares (digests, call numbers) fits, which it would not in a status written by hand.
//! - *Then one action answers with the code*, and the scheduler is asked again and again until nothing is left to do (or, where all that
//!   it wants is the stop that fails each time, six times). What the controller adds in a cluster, the fail-count of a start or stop, is laid in (`answer.sh`).
//! - What comes out is committed ([`golden`]), for people to read; and what the agents rely on is asserted by name
//!   (`tests/cluster/simulations`).
//!
//! The simulator decides as the cluster does, and it is fast; whether the agent gives that answer at that occasion is no matter of
//! this. That is shown by the fault suite, and both together by the scenarios.

pub mod golden;
mod outcome;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use testkit::{Error, Generation, Programs, Sandbox};

pub use outcome::{Outcome, Step};

use crate::site::{Plan, site};

/// Where all files are, in the sandbox.
const ROOM: &str = "/run/simulation";

/// A case is a handful of calls that take milliseconds; the machine may be loaded.
const LIMIT: Duration = Duration::from_secs(60);

/// Cases that are simulated at once.
const AT_ONCE: usize = 2;

/// The exit codes that are tried; what these mean at other occasions than those of an agent is Pacemaker's matter, too.
pub const CODES: [u8; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 190];

/// The resource whose agent answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The Platform, last in its group, on n1; n2 may have it.
    Platform,
    /// An EC, alone, on n3; n2 may have it.
    Ec,
}

impl Subject {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Platform, Self::Ec];

    /// The resource.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Platform => "mz-platform",
            Self::Ec => "mz-ec1",
        }
    }

    /// The node where it runs.
    #[must_use]
    pub fn active(self) -> &'static str {
        match self {
            Self::Platform => "n1",
            Self::Ec => "n3",
        }
    }

    /// The node that would take it over.
    #[must_use]
    pub fn passive(self) -> &'static str {
        "n2"
    }
}

/// When the agent answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The cluster starts, nothing runs, and the passive node is probed.
    FirstProbe,
    /// It runs well on the active node, and the passive one is probed: it has joined, or somebody has called for a refresh.
    Probe,
    /// The recurring monitor on the active node.
    Monitor,
    /// The same, configured with `on-fail=fence`.
    MonitorFence,
    /// The start on the active node.
    Start,
    /// The stop on the active node, where it has failed.
    Stop,
    /// The same in a cluster without fencing, which nobody should have; whenever it is called.
    StopUnfenced,
}

impl Occasion {
    /// In the order of a life.
    pub const ALL: [Self; 7] = [
        Self::FirstProbe,
        Self::Probe,
        Self::Monitor,
        Self::MonitorFence,
        Self::Start,
        Self::Stop,
        Self::StopUnfenced,
    ];

    /// In words, with the nodes of this subject.
    #[must_use]
    pub fn of(self, subject: Subject) -> String {
        let (active, passive) = (subject.active(), subject.passive());
        match self {
            Self::FirstProbe => format!("probe of {passive}, nothing runs yet"),
            Self::Probe => format!("probe of {passive} while it runs well on {active}"),
            Self::Monitor => format!("monitor on {active}"),
            Self::MonitorFence => format!("monitor on {active} with on-fail=fence"),
            Self::Start => format!("start on {active}"),
            Self::Stop => format!("stop on {active}"),
            Self::StopUnfenced => format!("stop on {active} without fencing"),
        }
    }

    /// The configuration that it happens in.
    fn plan(self) -> (&'static str, Plan) {
        let fence = |plan: Plan, subject: Subject| {
            let monitor = "op monitor interval=1s timeout=60s";
            plan.in_primitive(subject.resource(), monitor, &format!("{monitor} on-fail=fence"))
        };
        match self {
            Self::MonitorFence => ("fencing-monitor", Subject::ALL.into_iter().fold(site(), fence)),
            Self::StopUnfenced => {
                let property = "property cluster-recheck-interval=60s";
                ("no-fencing", site().with(property, &format!("{property} stonith-enabled=false")))
            }
            _ => ("readme", site()),
        }
    }
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Whose.
    pub subject: Subject,
    /// When.
    pub occasion: Occasion,
    /// The exit code.
    pub code: u8,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, occasion, code } = self;
        write!(f, "{}: {} answers {code}", subject.resource(), occasion.of(*subject))
    }
}

impl Answer {
    /// Every one.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let occasions =
            Subject::ALL.into_iter().flat_map(|subject| Occasion::ALL.map(|occasion| (subject, occasion)));
        occasions.flat_map(|(subject, occasion)| CODES.map(|code| Self { subject, occasion, code })).collect()
    }

    /// The arguments of `answer.sh` from the second on.
    fn arguments(self) -> Vec<String> {
        let (resource, active) = (self.subject.resource(), self.subject.active());
        let (key, node, how) = match self.occasion {
            Occasion::FirstProbe | Occasion::Probe => ("monitor_0", self.subject.passive(), "asked"),
            Occasion::Monitor | Occasion::MonitorFence => ("monitor_1000", active, "recurring"),
            Occasion::Start => ("start_0", active, "asked"),
            Occasion::Stop | Occasion::StopUnfenced => ("stop_0", active, "asked"),
        };
        let (variant, _) = self.occasion.plan();
        let base = match self.occasion {
            Occasion::FirstProbe | Occasion::Start => format!("{ROOM}/{variant}-empty.xml"),
            Occasion::Probe => format!("{ROOM}/{variant}-{resource}-unknown.xml"),
            _ => format!("{ROOM}/{variant}-runs.xml"),
        };
        let answer = format!("{resource}_{key}@{node}={}", self.code);
        // A failed start or stop counts as INFINITY, a probe does not count.
        let counts = matches!(key, "start_0" | "stop_0") && self.code != 0;
        let count = if counts { fail_count(node, &format!("{resource}#{key}")) } else { String::new() };
        // Without fencing Pacemaker has nothing but the same stop once more; that it works then is nothing to build on.
        let again = if self.occasion == Occasion::StopUnfenced { answer.clone() } else { String::new() };
        let mut arguments = vec![base, how.to_owned(), count, again];
        if how == "recurring" {
            arguments.extend(["--op-inject".to_owned(), answer]);
        } else {
            arguments.extend(["--op-fail".to_owned(), answer]);
        }
        if key == "stop_0" {
            // What has it stopped: it hangs.
            arguments.extend(["--op-inject".to_owned(), format!("{resource}_monitor_1000@{active}=1")]);
        }
        arguments
    }
}

/// Simulates every answer.
///
/// # Errors
/// [`Error::NotBuilt`], [`Error::NoSandbox`]; [`Error::Command`] with what a tool said.
pub fn simulate(programs: &Programs) -> Result<Vec<Outcome>, Error> {
    let node = Sandbox::of(Generation::under_test(), programs)?;
    // Where the simulator keeps its copies.
    node.exec(["mkdir", "-p", "/var/lib/pacemaker/cib"])?;
    for occasion in [Occasion::Monitor, Occasion::MonitorFence, Occasion::StopUnfenced] {
        let (variant, plan) = occasion.plan();
        prepare(&node, variant, &plan)?;
    }
    node.write(format!("{ROOM}/answer.sh"), include_str!("simulation/answer.sh"))?;
    let (answers, next) = (Answer::all(), AtomicUsize::new(0));
    let worker = || -> Result<Vec<(usize, Outcome)>, Error> {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(answer) = answers.get(number) else { return Ok(done) };
            done.push((number, simulated(&node, number, *answer)?));
        }
    };
    let mut outcomes = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok::<_, Error>(all)
    })?;
    outcomes.sort_by_key(|(number, _)| *number);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// The CIBs of one configuration: nothing known yet; all runs well; the same, but nothing is known of one resource on its passive node.
fn prepare(node: &Sandbox, variant: &str, plan: &Plan) -> Result<(), Error> {
    let file = |state: &str| format!("{ROOM}/{variant}-{state}.xml");
    let (empty, runs) = (file("empty"), file("runs"));
    node.write(&empty, three_online(&node.exec(["cibadmin", "--empty"])?.stdout))?;
    let lines = format!("{ROOM}/{variant}.crm");
    node.write(&lines, plan.crm_lines())?;
    let tool = |name: &str, cib: &str| {
        let command = node.command(name).time_limit(LIMIT).env("CIB_file", cib);
        command.env("HOME", "/run/testkit/home").env("USER", "root").env("TERM", "dumb")
    };
    // -F: the lab's fence agent is not there.
    tool("crm", &empty).args(["-F", "configure", "load", "update", &lines]).run()?.expect(0)?;
    // crm has seen that it is right; each call that sees it again takes three times as long.
    let valid = node.read(&empty)?;
    let (before, after) = valid.split_once("validate-with=\"").ok_or_else(|| not_a_cib(&valid))?;
    let (_, after) = after.split_once('"').ok_or_else(|| not_a_cib(&valid))?;
    node.write(&empty, format!("{before}validate-with=\"none\"{after}"))?;
    node.exec(["crm_simulate", "--xml-file", &empty, "--simulate", "--save-output", &runs])?;
    for subject in Subject::ALL {
        let unknown = file(&format!("{}-unknown", subject.resource()));
        node.exec(["cp", &runs, &unknown])?;
        let (resource, passive) = (subject.resource(), subject.passive());
        let history = format!("//node_state[@uname='{passive}']//lrm_resource[@id='{resource}']");
        let forget = tool("cibadmin", &unknown).args(["--delete", "--force", "--xpath", &history]);
        forget.run()?.expect(0)?;
    }
    Ok(())
}

fn not_a_cib(text: &str) -> Error {
    Error::NotRun { argv: "crm configure load".to_owned(), said: format!("its CIB names no schema: {text}") }
}

/// As the controller writes it.
fn fail_count(node: &str, of: &str) -> String {
    let id = node.trim_start_matches('n');
    format!(
        "<node_state id='{id}' uname='{node}'><transient_attributes id='{id}'><instance_attributes id='{id}'>\
         <nvpair id='{id}-fail-count' name='fail-count-{of}' value='INFINITY'/>\
         </instance_attributes></transient_attributes></node_state>"
    )
}

/// Three nodes, members of one cluster, of which nothing is known yet.
fn three_online(empty: &str) -> String {
    let numbers = [1, 2, 3];
    let nodes: String = numbers.map(|n| format!("<node id=\"{n}\" uname=\"n{n}\"/>")).concat();
    let member = "in_ccm=\"true\" crmd=\"online\" join=\"member\" expected=\"member\"";
    let states: String =
        numbers.map(|n| format!("<node_state id=\"{n}\" uname=\"n{n}\" {member}/>")).concat();
    empty
        .replace("<nodes/>", &format!("<nodes>{nodes}</nodes>"))
        .replace("<status/>", &format!("<status>{states}</status>"))
        .replacen("<cib ", "<cib have-quorum=\"1\" dc-uuid=\"1\" ", 1)
}

fn simulated(node: &Sandbox, number: usize, answer: Answer) -> Result<Outcome, Error> {
    let script = [format!("{ROOM}/answer.sh"), format!("{ROOM}/{number}")];
    let ran =
        node.command("bash").time_limit(LIMIT).args(script).args(answer.arguments()).run()?.expect(0)?;
    Outcome::read(answer, &ran.stdout)
        .map_err(|said| Error::NotRun { argv: format!("{answer}: {}", ran.argv), said })
}
