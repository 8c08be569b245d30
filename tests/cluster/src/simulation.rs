//! Pacemaker's response to an agent's answer: every exit code of every operation, by the
//! scheduler's own simulator, on the README's configuration.
//!
//! - *One source.* Users get the same lines, and the scenarios run on them
//!   ([`ClusterPlan::crm_lines`]). In a sandbox, `crm` makes the CIB from them.
//! - *The initial state comes from the scheduler, too.* `crm_simulate` on an empty cluster yields
//!   the healthy state. So all values that Pacemaker compares (digests, call numbers) fit, unlike
//!   in a status written by hand.
//! - *Then one action answers with the code*. The scheduler runs repeatedly until it is idle; it
//!   runs six times if it orders only a stop that fails each time. A start or stop needs a
//!   fail-count, which the controller sets in a cluster; `answer.sh` inserts it.
//! - The results are committed ([`golden`]), for people to read. `tests/cluster/simulations`
//!   asserts those on which the agents rely by name.
//!
//! The simulator decides as the cluster does, and is fast. It does not show that an agent gives
//! this answer to this operation. The fault suite shows that, and the scenarios show both together.

pub mod golden;
mod outcome;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use testkit::{Generation, Programs, Sandbox, TestkitError};

pub use outcome::{SimulatedOutcome, TransitionStep};

use crate::cluster_fixture::{ClusterPlan, cluster_plan};

/// The directory of all files in the sandbox.
const WORK_DIR: &str = "/run/simulation";

/// A case needs a few calls of milliseconds each; the machine may be loaded.
const CASE_TIMEOUT: Duration = Duration::from_secs(60);

/// Number of concurrent cases.
const WORKERS: usize = 2;

/// The exit codes under test. Pacemaker also decides their meaning for operations for which our
/// agents do not use them.
pub const EXIT_CODES: [u8; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 190];

/// The resource whose agent answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulatedResource {
    /// The Platform, last in its group, on n1; it may run on n2.
    Platform,
    /// An EC, alone, on n3; it may run on n2.
    Ec,
}

impl SimulatedResource {
    pub const ALL: [Self; 2] = [Self::Platform, Self::Ec];

    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Platform => "mz-platform",
            Self::Ec => "mz-ec1",
        }
    }

    #[must_use]
    pub fn active_node(self) -> &'static str {
        match self {
            Self::Platform => "n1",
            Self::Ec => "n3",
        }
    }

    /// The node that may take it over.
    #[must_use]
    pub fn passive_node(self) -> &'static str {
        "n2"
    }
}

/// The operation that the agent answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulatedOperation {
    /// The cluster starts, nothing runs, and the passive node is probed.
    FirstProbe,
    /// It runs well on the active node, and the passive node is probed after a join or a refresh.
    Probe,
    /// The recurring monitor on the active node.
    Monitor,
    /// The same, configured with `on-fail=fence`.
    MonitorFence,
    /// The start on the active node.
    Start,
    /// The stop on the active node after a failure.
    Stop,
    /// A stop at any time in a cluster without fencing, which is a misconfiguration.
    StopUnfenced,
}

impl SimulatedOperation {
    /// In the order of a lifecycle.
    pub const ALL: [Self; 7] = [
        Self::FirstProbe,
        Self::Probe,
        Self::Monitor,
        Self::MonitorFence,
        Self::Start,
        Self::Stop,
        Self::StopUnfenced,
    ];

    /// Describes it, with the nodes of this resource.
    #[must_use]
    pub fn describe(self, subject: SimulatedResource) -> String {
        let (active, passive) = (subject.active_node(), subject.passive_node());
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

    /// The configuration of the operation.
    fn configuration(self) -> (&'static str, ClusterPlan) {
        let fence = |plan: ClusterPlan, subject: SimulatedResource| {
            let monitor = "op monitor interval=1s timeout=60s";
            plan.replace_in_resource(
                subject.resource(),
                monitor,
                &format!("{monitor} on-fail=fence"),
            )
        };
        match self {
            Self::MonitorFence => {
                ("fencing-monitor", SimulatedResource::ALL.into_iter().fold(cluster_plan(), fence))
            }
            Self::StopUnfenced => {
                let property = "property cluster-recheck-interval=60s";
                (
                    "no-fencing",
                    cluster_plan().replace_in_configuration(
                        property,
                        &format!("{property} stonith-enabled=false"),
                    ),
                )
            }
            _ => ("readme", cluster_plan()),
        }
    }
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedAnswer {
    pub subject: SimulatedResource,
    pub occasion: SimulatedOperation,
    pub code: u8,
}

impl fmt::Display for SimulatedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, occasion, code } = self;
        write!(f, "{}: {} answers {code}", subject.resource(), occasion.describe(*subject))
    }
}

impl SimulatedAnswer {
    #[must_use]
    pub fn all() -> Vec<Self> {
        let occasions = SimulatedResource::ALL
            .into_iter()
            .flat_map(|subject| SimulatedOperation::ALL.map(|occasion| (subject, occasion)));
        occasions
            .flat_map(|(subject, occasion)| EXIT_CODES.map(|code| Self { subject, occasion, code }))
            .collect()
    }

    /// The arguments of `answer.sh` from the second one on.
    fn arguments(self) -> Vec<String> {
        let (resource, active) = (self.subject.resource(), self.subject.active_node());
        let (key, node, how) = match self.occasion {
            SimulatedOperation::FirstProbe | SimulatedOperation::Probe => {
                ("monitor_0", self.subject.passive_node(), "asked")
            }
            SimulatedOperation::Monitor | SimulatedOperation::MonitorFence => {
                ("monitor_1000", active, "recurring")
            }
            SimulatedOperation::Start => ("start_0", active, "asked"),
            SimulatedOperation::Stop | SimulatedOperation::StopUnfenced => {
                ("stop_0", active, "asked")
            }
        };
        let (variant, _) = self.occasion.configuration();
        let base = match self.occasion {
            SimulatedOperation::FirstProbe | SimulatedOperation::Start => {
                format!("{WORK_DIR}/{variant}-empty.xml")
            }
            SimulatedOperation::Probe => format!("{WORK_DIR}/{variant}-{resource}-unknown.xml"),
            _ => format!("{WORK_DIR}/{variant}-runs.xml"),
        };
        let answer = format!("{resource}_{key}@{node}={}", self.code);
        // A failed start or stop counts as INFINITY; a probe does not count.
        let counts = matches!(key, "start_0" | "stop_0") && self.code != 0;
        let count =
            if counts { fail_count(node, &format!("{resource}#{key}")) } else { String::new() };
        // Without fencing Pacemaker only repeats the same stop. It may succeed then, but nothing
        // depends on that.
        let again = if self.occasion == SimulatedOperation::StopUnfenced {
            answer.clone()
        } else {
            String::new()
        };
        let mut arguments = vec![base, how.to_owned(), count, again];
        if how == "recurring" {
            arguments.extend(["--op-inject".to_owned(), answer]);
        } else {
            arguments.extend(["--op-fail".to_owned(), answer]);
        }
        if key == "stop_0" {
            // The stop comes after a hang.
            arguments
                .extend(["--op-inject".to_owned(), format!("{resource}_monitor_1000@{active}=1")]);
        }
        arguments
    }
}

/// Simulates every answer.
///
/// # Errors
/// [`TestkitError::NotBuilt`], [`TestkitError::SandboxFailed`]; [`TestkitError::Command`] with the
/// output of a tool.
pub fn simulate(programs: &Programs) -> Result<Vec<SimulatedOutcome>, TestkitError> {
    let node = Sandbox::with_generation(Generation::from_environment(), programs)?;
    // The simulator keeps its copies here.
    node.exec(["mkdir", "-p", "/var/lib/pacemaker/cib"])?;
    for occasion in [
        SimulatedOperation::Monitor,
        SimulatedOperation::MonitorFence,
        SimulatedOperation::StopUnfenced,
    ] {
        let (variant, plan) = occasion.configuration();
        prepare_cibs(&node, variant, &plan)?;
    }
    node.write(format!("{WORK_DIR}/answer.sh"), include_str!("simulation/answer.sh"))?;
    let (answers, next) = (SimulatedAnswer::all(), AtomicUsize::new(0));
    let worker = || -> Result<Vec<(usize, SimulatedOutcome)>, TestkitError> {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(answer) = answers.get(number) else { return Ok(done) };
            done.push((number, simulate_answer(&node, number, *answer)?));
        }
    };
    let mut outcomes = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok::<_, TestkitError>(all)
    })?;
    outcomes.sort_by_key(|(number, _)| *number);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// The CIBs of one configuration: no known state; all healthy; healthy without the state of one
/// resource on its passive node.
fn prepare_cibs(node: &Sandbox, variant: &str, plan: &ClusterPlan) -> Result<(), TestkitError> {
    let file = |state: &str| format!("{WORK_DIR}/{variant}-{state}.xml");
    let (empty, runs) = (file("empty"), file("runs"));
    node.write(&empty, cib_with_three_online_nodes(&node.exec(["cibadmin", "--empty"])?.stdout))?;
    let lines = format!("{WORK_DIR}/{variant}.crm");
    node.write(&lines, plan.crm_lines())?;
    let tool = |name: &str, cib: &str| {
        let command = node.command(name).time_limit(CASE_TIMEOUT).env("CIB_file", cib);
        command.env("HOME", "/run/testkit/home").env("USER", "root").env("TERM", "dumb")
    };
    // -F skips the check for the lab's fence agent, which is not installed here.
    tool("crm", &empty)
        .args(["-F", "configure", "load", "update", &lines])
        .run()?
        .expect_code(0)?;
    // crm has validated it. Each repetition would triple the time of a call.
    let valid = node.read(&empty)?;
    let (before, after) = valid.split_once("validate-with=\"").ok_or_else(|| not_a_cib(&valid))?;
    let (_, after) = after.split_once('"').ok_or_else(|| not_a_cib(&valid))?;
    node.write(&empty, format!("{before}validate-with=\"none\"{after}"))?;
    node.exec(["crm_simulate", "--xml-file", &empty, "--simulate", "--save-output", &runs])?;
    for subject in SimulatedResource::ALL {
        let unknown = file(&format!("{}-unknown", subject.resource()));
        node.exec(["cp", &runs, &unknown])?;
        let (resource, passive) = (subject.resource(), subject.passive_node());
        let history = format!("//node_state[@uname='{passive}']//lrm_resource[@id='{resource}']");
        let forget = tool("cibadmin", &unknown).args(["--delete", "--force", "--xpath", &history]);
        forget.run()?.expect_code(0)?;
    }
    Ok(())
}

fn not_a_cib(text: &str) -> TestkitError {
    TestkitError::NotExecuted {
        argv: "crm configure load".to_owned(),
        said: format!("its CIB names no schema: {text}"),
    }
}

/// Uses the controller's notation.
fn fail_count(node: &str, of: &str) -> String {
    let id = node.trim_start_matches('n');
    format!(
        "<node_state id='{id}' uname='{node}'><transient_attributes id='{id}'><instance_attributes id='{id}'>\
         <nvpair id='{id}-fail-count' name='fail-count-{of}' value='INFINITY'/>\
         </instance_attributes></transient_attributes></node_state>"
    )
}

/// Three nodes, members of one cluster, without a known state.
fn cib_with_three_online_nodes(empty: &str) -> String {
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

fn simulate_answer(
    node: &Sandbox,
    number: usize,
    answer: SimulatedAnswer,
) -> Result<SimulatedOutcome, TestkitError> {
    let script = [format!("{WORK_DIR}/answer.sh"), format!("{WORK_DIR}/{number}")];
    let ran = node
        .command("bash")
        .time_limit(CASE_TIMEOUT)
        .args(script)
        .args(answer.arguments())
        .run()?
        .expect_code(0)?;
    SimulatedOutcome::parse(answer, &ran.stdout)
        .map_err(|said| TestkitError::NotExecuted { argv: format!("{answer}: {}", ran.argv), said })
}
