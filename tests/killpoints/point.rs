//! One action, from one beginning, killed again and again.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use testkit::answer::{NOT_RUNNING, OK};
use testkit::site::{self, Kind, SOON, Site, in_short};
use testkit::{AgentCall, Done, Error, Killed, Process, Ran, wait_until};

/// More calls than any action makes.
const NEVER: u64 = 1_000_000;

/// After so many points that went wrong it is clear enough.
const ENOUGH: usize = 5;

/// An action does not make the same number of calls each time; so often it must have ended before it came to the last point.
const SHORTER: usize = 3;

/// At every so many-eth point of a start mzsh takes so long that monitors are asked while there is no JVM yet, on a loaded
/// machine, too.
const SLOW_EVERY: u64 = 4;

/// Where records and locks are.
const DIRECTORY: &str = "/run/mediationzone-ra";

/// Most questions that one killed action and the stop after it can have left written down.
const QUESTIONS: usize = 4;

/// How the site is when the action begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The pico is not running.
    Nothing,
    /// It runs, and the record names it.
    Running,
    /// It runs, and there is no record.
    Unknown,
    /// It runs, and mzsh is gone for as long as the action lives.
    WithoutMzsh,
    /// It is stopped (SIGSTOP).
    Hung,
}

/// What is killed.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    action: &'static str,
    from: From,
    depth: Option<u32>,
    kind: Kind,
    switch: &'static str,
    jvm: bool,
}

impl Scenario {
    pub(crate) fn new(action: &'static str, from: From) -> Self {
        Self { action, from, depth: None, kind: Kind::Platform, switch: "jvm_detached=true", jvm: false }
    }

    /// The pico under test is another one than the Platform.
    pub(crate) fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// A switch of the simulator.
    pub(crate) fn set(self, switch: &'static str) -> Self {
        Self { switch, ..self }
    }

    /// The monitor is a recurring one of this depth; else it is a probe.
    pub(crate) fn recurring(self, depth: u32) -> Self {
        Self { depth: Some(depth), ..self }
    }

    /// The pico is a real JVM.
    pub(crate) fn jvm(self) -> Self {
        Self { jvm: true, ..self }
    }

    /// Kills it at each call, up to its end.
    pub(crate) fn each_call(&self) -> Done {
        self.run(1..NEVER)
    }

    /// Kills it at about so many calls, spread evenly.
    pub(crate) fn some_calls(&self, points: u64) -> Done {
        let site = self.site()?;
        self.prepare(&site)?;
        let Killed::Ended { calls, .. } = self.call(&site).killed_at(NEVER, self.action)? else {
            panic!("no action makes that many calls")
        };
        self.run((0..points).map(|point| 1 + point * calls / points))
    }

    fn run(&self, points: impl Iterator<Item = u64>) -> Done {
        let mut site = self.site()?;
        let mut wrong = String::new();
        let (mut killed, mut ended, mut failures) = (0, 0, 0);
        for number in points {
            self.prepare(&site)?;
            let slow = self.from == From::Nothing && number.is_multiple_of(SLOW_EVERY);
            if slow {
                site.set(&["mzsh_time=500ms"])?;
            }
            let at = self.call(&site).killed_at(number, self.action)?;
            if slow {
                // For the next mzsh; the one that has been started is slow.
                site.set(&["mzsh_time=0ms"])?;
            }
            if self.from == From::WithoutMzsh {
                site.sh("mv /opt/mz/bin/mzsh.away /opt/mz/bin/mzsh")?;
            }
            if let Err(what) = self.afterwards(&site, number) {
                failures += 1;
                // Writing to a String does not fail.
                let _ = writeln!(wrong, "{self:?}, {at}: {what}");
                site = self.site()?;
            }
            match at {
                Killed::At { .. } => killed += 1,
                Killed::Ended { .. } => ended += 1,
            }
            if ended == SHORTER || failures == ENOUGH {
                break;
            }
        }
        assert!(wrong.is_empty(), "{failures} of {killed} points:\n{wrong}");
        // Shown with --nocapture.
        println!("{self:?}: killed at {killed} points");
        Ok(())
    }

    fn site(&self) -> Result<Site, Error> {
        let site = site::site(self.kind).set(self.switch);
        let site = if self.jvm { site.jvm() } else { site }.build()?;
        // The first start of a node makes calls that no later one makes: the points would shift after a failure.
        site.start()?;
        site.stop()?.expect(OK)?;
        Ok(site)
    }

    fn call<'a>(&self, site: &'a Site) -> AgentCall<'a> {
        self.depth.map_or_else(|| site.agent(), |depth| site.recurring(depth))
    }

    fn prepare(&self, site: &Site) -> Done {
        if self.from != From::Nothing {
            site.start()?;
        }
        match self.from {
            From::Nothing | From::Running => Ok(()),
            From::Unknown => site.sh(&format!("rm {}", site.record())).map(drop),
            From::WithoutMzsh => site.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.away").map(drop),
            From::Hung => site.signal(site.one(site.pico())?.pid, "STOP"),
        }
    }

    /// What must hold after the kill; else what did not.
    fn afterwards(&self, site: &Site, number: u64) -> Result<(), String> {
        let end = come_to_rest(site)?;
        if self.action == "monitor" && end != Rest::Runs {
            return Err("the pico that was only looked at is gone".to_owned());
        }
        stopped(site)?;
        if self.from == From::Nothing && number.is_multiple_of(10) {
            site.start().map_err(|e| format!("a start afterwards: {e}"))?;
            stopped(site).map_err(|e| format!("after a start afterwards: {e}"))?;
        }
        Ok(())
    }
}

/// What is left when nothing moves any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Runs,
    Hangs,
    Gone,
}

/// What /proc says of the pico.
#[derive(Debug, PartialEq, Eq)]
struct Truth {
    /// Its processes, and whether they are stopped.
    jvms: Vec<(u32, bool)>,
    /// Those of an mzsh that is at its startup.
    startups: Vec<u32>,
    /// Processes of a session that an agent has made, which have not become mzsh yet.
    unborn: Vec<u32>,
}

impl Truth {
    fn of(site: &Site) -> Result<Self, Error> {
        let pids = |found: Vec<Process>| found.into_iter().map(|process| process.pid).collect();
        let all = site.processes()?;
        let (mut startups, mut unborn) = (all.clone(), all);
        startups.retain(|process| is_startup(process, site.pico()));
        unborn.retain(is_unborn);
        let jvms = site.picos(site.pico())?;
        let jvms = jvms.into_iter().map(|process| (process.pid, process.state == 'T')).collect();
        Ok(Self { jvms, startups: pids(startups), unborn: pids(unborn) })
    }

    /// What it is, if no startup is at work.
    fn at_rest(&self) -> Option<Rest> {
        if !(self.startups.is_empty() && self.unborn.is_empty()) {
            return None;
        }
        Some(match self.jvms.as_slice() {
            [] => Rest::Gone,
            jvms if jvms.iter().any(|(_, stopped)| *stopped) => Rest::Hangs,
            _ => Rest::Runs,
        })
    }

    /// Whether this answer to a monitor is a lie.
    fn denies(&self, answer: Option<i32>) -> bool {
        match answer {
            Some(OK) => self.jvms.is_empty(),
            Some(NOT_RUNNING) => !(self.jvms.is_empty() && self.startups.is_empty()),
            Some(1) => false,
            _ => true,
        }
    }
}

fn is_startup(process: &Process, pico: &str) -> bool {
    process.argv.iter().any(|word| word.ends_with("mzsh") || word.ends_with(".CommandLine"))
        && process.argv.iter().any(|word| word == "startup")
        && process.argv.last().is_some_and(|last| last == pico)
}

fn is_unborn(process: &Process) -> bool {
    process.session == process.pid
        && process.argv.first().is_some_and(|first| first.contains("resource.d/mediationzone/"))
}

/// One that an agent has forked, and that goes with it when it is killed: its threads (it looks up names) each need the processor
/// once more to be gone, and on a loaded machine that is after the stop. Of all else nothing may be left at that moment.
fn is_dying_helper(process: &Process, kind: Kind) -> bool {
    process.state == 'Z' && process.comm == kind.agent()
}

/// Asks monitors until no startup is at work any more, and holds each answer against what was true before and after it.
fn come_to_rest(site: &Site) -> Result<Rest, String> {
    let broken = |e: Error| e.to_string();
    let until = Instant::now() + SOON;
    let mut denied: Vec<u32> = Vec::new();
    loop {
        let mut settled = None;
        for probe in [false, true] {
            let before = Truth::of(site).map_err(broken)?;
            let ran = if probe { site.probe() } else { site.monitor(0) }.map_err(broken)?;
            let after = Truth::of(site).map_err(broken)?;
            if after.startups.iter().any(|pid| denied.contains(pid)) {
                return Err(format!("7 was answered while this was about to become mzsh: {}", story(site)));
            }
            if ran.code() == Some(NOT_RUNNING) {
                denied.extend(before.unborn.iter().chain(&after.unborn));
            }
            // What changed meanwhile may have been asked for in the midst of it.
            settled = if before == after { after.at_rest() } else { None };
            let right = match settled {
                Some(Rest::Gone) => Some(NOT_RUNNING),
                Some(Rest::Hangs) if !probe => Some(1),
                Some(Rest::Hangs | Rest::Runs) => Some(OK),
                None => ran.code(),
            };
            if before == after && (after.denies(ran.code()) || ran.code() != right) {
                return Err(format!("{ran}\nwhile this was true: {after:?}, {}", story(site)));
            }
        }
        if let Some(rest) = settled {
            return Ok(rest);
        }
        if Instant::now() >= until {
            return Err(format!("no rest within {SOON:?}: {:?}, {}", Truth::of(site), story(site)));
        }
    }
}

/// A stop, after which there is no process and no file.
fn stopped(site: &Site) -> Result<(), String> {
    let broken = |e: Error| e.to_string();
    let stop: Ran = site.agent().meta_timeout(Duration::from_secs(20)).run("stop").map_err(broken)?;
    if stop.code() != Some(OK) {
        return Err(format!("{stop}, {}", story(site)));
    }
    let left = wait_until("the end of the helpers of the killed agent", SOON, || {
        let mut left = site.processes().map_err(broken)?;
        if site.kind != Kind::Platform {
            let platform = site.picos("platform").map_err(broken)?;
            left.retain(|process| platform.iter().all(|platform| platform.pid != process.pid));
        }
        let said = in_short(&left);
        let dying = !left.is_empty() && left.iter().all(|process| is_dying_helper(process, site.kind));
        if dying { Err(said) } else { Ok((!left.is_empty()).then_some(said)) }
    });
    if let Some(left) = left.map_err(broken)? {
        return Err(format!("after the stop is left: {left}"));
    }
    let kept =
        |name: &&str| [".lock", ".absent", ".writer"].iter().any(|end| name.strip_suffix(end).is_some());
    let files = site.sh(&format!("cd {DIRECTORY} && find . -type f -printf '%P\\n'")).map_err(broken)?;
    // What a killed agent has written down of a question goes with the next question.
    let (questions, files): (Vec<&str>, Vec<&str>) =
        files.lines().filter(|name| !kept(name)).partition(|name| name.starts_with("commands/"));
    if questions.len() > QUESTIONS {
        return Err(format!("after the stop is left in {DIRECTORY}: {questions:?}"));
    }
    if files.is_empty() { Ok(()) } else { Err(format!("after the stop is left in {DIRECTORY}: {files:?}")) }
}

/// All that lives, and the record.
fn story(site: &Site) -> String {
    let record = site.node.read(site.record()).unwrap_or_else(|e| e.to_string());
    let all = site.processes().map_or_else(|e| e.to_string(), |all| in_short(&all));
    format!("record {record}, processes {all}")
}
