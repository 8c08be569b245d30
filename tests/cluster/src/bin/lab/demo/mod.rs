//! `cargo xtask demo --cluster`: a fail-over on a real cluster, as a live table and then as a time
//! line in milliseconds.
//!
//! The cluster has three nodes and the configuration of the scenarios, which is the README's. The
//! Platform is killed, and recovered in place. Then its node loses its power and is fenced, and the
//! Platform runs on another node. Then the node returns, and nothing moves. The sources are the
//! watcher, the picos' histories, the power switch and Pacemaker's logs. The invariant checker
//! gives the verdict, and no agent is queried.

mod fault_timeline;
mod live_table;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use devtools::transcript::Transcript;
use devtools::workspace::{self, Workspace};
use devtools::{TaskError, packages};
use lab::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture, cluster_plan};
use lab::invariants::{self, ExpectedPico, PicoLifetime};
use lab::process_watcher::{self, WatchedProcess};
use lab::{Lab, LabController, labs_directory};
use testkit::prerequisites;
use testkit::{Generation, Programs, TestkitError as LabError};

use crate::interactive::INTERACTIVE_LAB;
use live_table::LiveTable;

/// Each poll costs a call of `crm_mon`.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The message of `--keep`.
const CLUSTER_LEFT_UP: &str = "The cluster stays up, for four hours: cargo xtask lab status, lab exec n1 pcs status, lab down.";

/// The longest wait for a step of the demo, also on a loaded machine.
const WAIT_TIMEOUT: Duration = Duration::from_secs(2 * CLUSTER_TIMEOUT.as_secs());

#[derive(Debug, clap::Args)]
pub(crate) struct ClusterDemoOptions {
    /// Leave the cluster up, for `cargo xtask lab`
    #[arg(long)]
    keep: bool,
}

/// Runs the demo; it succeeds if all steps had the expected result.
pub(crate) fn run(
    &ClusterDemoOptions { keep }: &ClusterDemoOptions,
) -> Result<ExitCode, TaskError> {
    packages::require("a cluster", prerequisites::CLUSTER)?;
    eprintln!("building the agents and the simulated MediationZone...");
    workspace::build_programs()?;
    let programs = Programs::with_simulator()?.add_agents(&Workspace::read()?.release_dir())?;
    let name = if keep { INTERACTIVE_LAB } else { "demo" };
    if let Some(pid) = LabController::new(labs_directory().join(name)).init_pid() {
        eprintln!(
            "a lab is already up (process 1 is pid {pid}): {}",
            if keep { "cargo xtask lab down" } else { "is another demo running?" }
        );
        return Ok(ExitCode::FAILURE);
    }
    let begun = Instant::now();
    let transcript = Transcript::on_stdout();
    transcript
        .chapter("Three nodes, Corosync, Pacemaker and fencing, in namespaces of this machine.");
    let lab = Lab::up_with(name, 3, &programs, Generation::from_environment(), !keep)?;
    transcript.chapter(
        "The README's configuration: storage, address and Platform in a group, a UI, two ECs, an SC.",
    );
    let fixture = cluster_plan().start_in(lab)?;
    let mut story = ClusterDemo { fixture: &fixture, board: LiveTable::new(begun), transcript };
    let told = story.run_steps();
    let ClusterDemo { transcript, .. } = story;
    if keep {
        // `--keep` leaves the cluster up after a failure, too, for inspection.
        fixture.lab.detach();
        told?;
        return Ok(transcript.close_with(begun.elapsed(), CLUSTER_LEFT_UP));
    }
    told?;
    if transcript.all_as_expected() {
        fixture.lab.down()?;
    } else {
        // The drop keeps the logs of its nodes.
        drop(fixture);
    }
    Ok(transcript.close(begun.elapsed()))
}

struct ClusterDemo<'a> {
    fixture: &'a ClusterFixture,
    board: LiveTable,
    transcript: Transcript,
}

impl ClusterDemo<'_> {
    fn run_steps(&mut self) -> Result<(), LabError> {
        let placed = self.fixture.home_nodes().to_vec();
        self.wait_until("all picos ready where they belong", |lives| {
            placed
                .iter()
                .all(|(pico, node)| find_ready(lives, pico).is_some_and(|life| life.node == *node))
        })?;
        let others = [
            self.fixture.single_process("ec1")?,
            self.fixture.single_process("ec2")?,
            self.fixture.single_process("sc1")?,
        ];

        self.transcript
            .chapter("kill -9 of the Platform. Recovered in place; the UI and the ECs go on.");
        let platform = self.fixture.single_process("platform")?;
        let fault = process_watcher::now_ms();
        self.fixture.signal(&platform, "KILL")?;
        self.wait_until("the Platform to be ready again", |lives| is_back(lives, &platform, "n1"))?;
        self.print_timeline((fault, "kill -9 of the Platform"), &platform)?;
        self.fixture.lab.wait_until_settled()?;

        self.transcript.chapter(
            "The plug of n1 is pulled. It is fenced, and only then the Platform runs on n2.",
        );
        let platform = self.fixture.single_process("platform")?;
        let fault = process_watcher::now_ms();
        self.fixture.node("n1").cut_power()?;
        self.wait_until("the Platform and the UI to be ready on n2", |lives| {
            is_back(lives, &platform, "n2")
                && find_ready(lives, "ui").is_some_and(|life| life.node == "n2")
        })?;
        self.print_timeline((fault, "n1 loses its power"), &platform)?;

        self.transcript.chapter("n1 has booted and joins. The Platform stays where it is well.");
        self.wait_until_online("n1")?;
        self.check_invariants(&others)
    }

    /// Shows the table until `is` holds for the picos' lives.
    fn wait_until(
        &mut self,
        what: &str,
        is: impl Fn(&[PicoLifetime]) -> bool,
    ) -> Result<(), LabError> {
        let started = Instant::now();
        loop {
            let lives = self.fixture.lifetimes()?;
            let done = is(&lives);
            self.board.draw(self.fixture, &lives);
            if done {
                self.board.freeze();
                return Ok(());
            }
            if started.elapsed() > WAIT_TIMEOUT {
                self.board.freeze();
                let status = self.fixture.lab.status();
                let last_seen =
                    status.map_or_else(|error| error.to_string(), |status| status.to_string());
                return Err(LabError::TimedOut {
                    what: what.to_owned(),
                    waited: WAIT_TIMEOUT,
                    last_seen,
                });
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Waits until the node is a member and the cluster is idle.
    fn wait_until_online(&mut self, node: &str) -> Result<(), LabError> {
        let fixture = self.fixture;
        self.wait_until(&format!("{node} to be online"), |_| {
            let status = fixture.lab.status();
            status.is_ok_and(|status| status.member(node).is_some_and(|member| member.online))
        })?;
        fixture.lab.wait_until_settled()
    }

    /// Prints the time line of the fault that ended this process.
    fn print_timeline(
        &mut self,
        fault: (u64, &str),
        dead: &WatchedProcess,
    ) -> Result<(), LabError> {
        let (rows, complete) = fault_timeline::rows(self.fixture, fault, dead)?;
        for row in rows {
            self.transcript.note(&row, true);
        }
        if !complete {
            self.transcript
                .note("the logs and the watch do not tell all that has to be told here", false);
        }
        Ok(())
    }

    /// Checks the invariants, and that no other pico was restarted.
    fn check_invariants(&mut self, others: &[WatchedProcess]) -> Result<(), LabError> {
        let lives = self.fixture.lifetimes()?;
        self.transcript.chapter("What the witness says, who saw every process from outside.");
        let moved = [("platform", 3), ("ui", 2)].map(|(pico, lives)| ExpectedPico {
            pico,
            nodes: &["n2"],
            lifetimes: lives,
        });
        let nodes: Vec<(&str, [&str; 1])> =
            self.fixture.home_nodes().iter().map(|(pico, on)| (*pico, [*on])).collect();
        let stayed = nodes.iter().filter(|(pico, _)| others.iter().any(|seen| seen.pico == *pico));
        let stayed = stayed.map(|(pico, on)| ExpectedPico { pico, nodes: on, lifetimes: 1 });
        let broken = invariants::check_lifetimes(
            &lives,
            &moved.into_iter().chain(stayed).collect::<Vec<_>>(),
        );
        for broken in &broken {
            self.transcript.note(&broken.to_string(), false);
        }
        if broken.is_empty() {
            self.transcript
                .note("never two Platforms at once; all five picos run and are ready", true);
        }
        let same = others
            .iter()
            .filter(|seen| self.fixture.single_process(&seen.pico).is_ok_and(|now| now == **seen))
            .count();
        self.transcript.note(
            &format!(
                "{same} of {} ECs and SCs are in the process they were in at first",
                others.len()
            ),
            same == others.len(),
        );
        let fenced = self.fixture.fencing_count("n1")?;
        let times = if fenced == 1 { "once".to_owned() } else { format!("{fenced} times") };
        self.transcript.note(&format!("n1 was fenced {times}"), fenced == 1);
        Ok(())
    }
}

/// The life of a pico that is ready now.
fn find_ready<'a>(lives: &'a [PicoLifetime], pico: &str) -> Option<&'a PicoLifetime> {
    lives.iter().find(|life| life.pico == pico && life.ready.is_some() && life.ended.is_none())
}

/// True if the pico is ready on this node in another process.
fn is_back(lives: &[PicoLifetime], before: &WatchedProcess, node: &str) -> bool {
    find_ready(lives, &before.pico).is_some_and(|life| {
        life.node == node
            && (life.node != before.node || life.process != (before.pid, before.start_time))
    })
}
