//! `cargo xtask demo --cluster`: a fail-over on a real cluster, watched in a table that is redrawn, and told afterwards in a time
//! line of milliseconds.
//!
//! Three nodes of the lab with the site of the scenarios, so the README's configuration. The Platform is killed, and recovered in place; then
//! its node loses its power, is fenced, and the Platform runs on another one; then the node returns, and nothing moves. The story is
//! told by the watch, the picos' histories, the power switch and Pacemaker's logs, and judged by the witness; no agent is asked.

mod board;
mod moments;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use devtools::transcript::Transcript;
use devtools::workspace::{self, Workspace};
use devtools::{Error, packages};
use lab::site::{SOON, Site, site};
use lab::watch::{self, Seen};
use lab::witness::{self, Expected, Life};
use lab::{Control, Lab, directory};
use testkit::needs;
use testkit::{Error as LabError, Generation, Programs};

use crate::by_hand::BY_HAND;
use board::Board;

/// Between two looks; each costs a call of `crm_mon`.
const PAUSE: Duration = Duration::from_millis(250);

/// What is said of it then.
const LEFT: &str =
    "The cluster stays up, for four hours: cargo xtask lab status, lab exec n1 pcs status, lab down.";

/// Longest wait for anything that the story tells, on a loaded machine too.
const LIMIT: Duration = Duration::from_secs(2 * SOON.as_secs());

/// What `demo` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Leave the cluster up, for `cargo xtask lab`
    #[arg(long)]
    keep: bool,
}

/// Runs the story; success when all came out as it should.
pub(crate) fn run(&Options { keep }: &Options) -> Result<ExitCode, Error> {
    packages::require("a cluster", needs::CLUSTER)?;
    eprintln!("building the agents and the simulated MediationZone...");
    workspace::build()?;
    let programs = Programs::simulator()?.and_agents(&Workspace::read()?.release())?;
    let name = if keep { BY_HAND } else { "demo" };
    if let Some(pid) = Control::new(directory(&programs).join(name)).init() {
        eprintln!(
            "a lab is up already (its process 1 is {pid}): {}",
            if keep { "cargo xtask lab down" } else { "is another demo running?" }
        );
        return Ok(ExitCode::FAILURE);
    }
    let begun = Instant::now();
    let transcript = Transcript::on_stdout();
    transcript.chapter("Three nodes, Corosync, Pacemaker and fencing, in namespaces of this machine.");
    let lab = Lab::of(name, 3, &programs, Generation::under_test(), !keep)?;
    transcript.chapter(
        "The README's configuration: storage, address and Platform in a group, a UI, two ECs, an SC.",
    );
    let site = site().begin_in(lab)?;
    let mut story = Story { site: &site, board: Board::new(begun), transcript };
    let told = story.tell();
    let Story { transcript, .. } = story;
    if keep {
        // Of a story that went wrong people will want to see the rest, too.
        site.lab.leave();
        told?;
        return Ok(transcript.close_with(begun.elapsed(), LEFT));
    }
    told?;
    if transcript.is_well() {
        site.lab.down()?;
    } else {
        // Dropped with the logs of its nodes kept.
        drop(site);
    }
    Ok(transcript.close(begun.elapsed()))
}

struct Story<'a> {
    site: &'a Site,
    board: Board,
    transcript: Transcript,
}

impl Story<'_> {
    fn tell(&mut self) -> Result<(), LabError> {
        let placed = self.site.placed().to_vec();
        self.until("all picos ready where they belong", |lives| {
            placed.iter().all(|(pico, node)| ready(lives, pico).is_some_and(|life| life.node == *node))
        })?;
        let others = [self.site.one("ec1")?, self.site.one("ec2")?, self.site.one("sc1")?];

        self.transcript.chapter("kill -9 of the Platform. Recovered in place; the UI and the ECs go on.");
        let platform = self.site.one("platform")?;
        let fault = watch::now();
        self.site.signal(&platform, "KILL")?;
        self.until("the Platform to be ready again", |lives| back(lives, &platform, "n1"))?;
        self.told((fault, "kill -9 of the Platform"), &platform)?;
        self.site.lab.settle()?;

        self.transcript
            .chapter("The plug of n1 is pulled. It is fenced, and only then the Platform runs on n2.");
        let platform = self.site.one("platform")?;
        let fault = watch::now();
        self.site.node("n1").kill()?;
        self.until("the Platform and the UI to be ready on n2", |lives| {
            back(lives, &platform, "n2") && ready(lives, "ui").is_some_and(|life| life.node == "n2")
        })?;
        self.told((fault, "n1 loses its power"), &platform)?;

        self.transcript.chapter("n1 has booted and joins. The Platform stays where it is well.");
        self.site_until_online("n1")?;
        self.judge(&others)
    }

    /// Shows the table until the lives of the picos are as wanted.
    fn until(&mut self, what: &str, is: impl Fn(&[Life]) -> bool) -> Result<(), LabError> {
        let started = Instant::now();
        loop {
            let lives = self.site.lives()?;
            let done = is(&lives);
            self.board.show(self.site, &lives);
            if done {
                self.board.leave();
                return Ok(());
            }
            if started.elapsed() > LIMIT {
                self.board.leave();
                let status = self.site.lab.status();
                let last_seen = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                return Err(LabError::NeverCame { what: what.to_owned(), waited: LIMIT, last_seen });
            }
            thread::sleep(PAUSE);
        }
    }

    /// Until a node is a member, and nothing is left to do.
    fn site_until_online(&mut self, node: &str) -> Result<(), LabError> {
        let site = self.site;
        self.until(&format!("{node} to be online"), |_| {
            let status = site.lab.status();
            status.is_ok_and(|status| status.member(node).is_some_and(|member| member.online))
        })?;
        site.lab.settle()
    }

    /// The time line of the fault that this process died of.
    fn told(&mut self, fault: (u64, &str), dead: &Seen) -> Result<(), LabError> {
        let (rows, complete) = moments::of(self.site, fault, dead)?;
        for row in rows {
            self.transcript.note(&row, true);
        }
        if !complete {
            self.transcript.note("the logs and the watch do not tell all that has to be told here", false);
        }
        Ok(())
    }

    /// The witness's word, and that nobody else was touched.
    fn judge(&mut self, others: &[Seen]) -> Result<(), LabError> {
        let lives = self.site.lives()?;
        self.transcript.chapter("What the witness says, who saw every process from outside.");
        let moved = [("platform", 3), ("ui", 2)].map(|(pico, lives)| Expected { pico, on: &["n2"], lives });
        let nodes: Vec<(&str, [&str; 1])> =
            self.site.placed().iter().map(|(pico, on)| (*pico, [*on])).collect();
        let stayed = nodes.iter().filter(|(pico, _)| others.iter().any(|seen| seen.pico == *pico));
        let stayed = stayed.map(|(pico, on)| Expected { pico, on, lives: 1 });
        let broken = witness::judge(&lives, &moved.into_iter().chain(stayed).collect::<Vec<_>>());
        for broken in &broken {
            self.transcript.note(&broken.to_string(), false);
        }
        if broken.is_empty() {
            self.transcript.note("never two Platforms at once; all five picos run and are ready", true);
        }
        let same =
            others.iter().filter(|seen| self.site.one(&seen.pico).is_ok_and(|now| now == **seen)).count();
        self.transcript.note(
            &format!("{same} of {} ECs and SCs are in the process they were in at first", others.len()),
            same == others.len(),
        );
        let fenced = self.site.fenced("n1")?;
        let times = if fenced == 1 { "once".to_owned() } else { format!("{fenced} times") };
        self.transcript.note(&format!("n1 was fenced {times}"), fenced == 1);
        Ok(())
    }
}

/// The life of a pico that is ready now.
fn ready<'a>(lives: &'a [Life], pico: &str) -> Option<&'a Life> {
    lives.iter().find(|life| life.pico == pico && life.ready.is_some() && life.ended.is_none())
}

/// The pico is ready on this node in another process.
fn back(lives: &[Life], before: &Seen, node: &str) -> bool {
    ready(lives, &before.pico).is_some_and(|life| {
        life.node == node && (life.node != before.node || life.process != (before.pid, before.start_time))
    })
}
