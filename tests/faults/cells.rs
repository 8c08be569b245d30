//! Tables of processes: each cell is a process that imitates something, and what every action has to make of it.
//!
//! The cells of a table share a node, one after the other; what is wrong is collected, and told by the name of the cell.

use std::time::Duration;

use testkit::answer::{GENERIC, NOT_RUNNING, OK};
use testkit::imitation::{Imitation, State};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{AgentCall, Done, Error, Held, Hung, Process, Ran};

/// The user of nobody's.
pub(crate) const STRANGER: u32 = 4712;

/// Its writes hang: for [`STUCK`].
pub(crate) const WRITTEN: &str = "/opt/written";
/// Its close hangs: for [`EXITING`].
pub(crate) const CLOSED: &str = "/opt/closed";
pub(crate) const STUCK: State = State::Stuck(WRITTEN);
pub(crate) const EXITING: State = State::Exiting(CLOSED);

/// Longest that any action but a start takes which has nothing to do with the process.
const QUICK: Duration = Duration::from_secs(5);

/// Words of command lines.
pub(crate) const HOME: &str = "-Dmz.home=/opt/mz";
pub(crate) const NAMED: &str = "-Dpico.configname=platform";
pub(crate) const OOM: &str =
    "-XX:OnOutOfMemoryError=oom platform /opt/mz/log/platform.log /opt/mz/log/critical.log";
pub(crate) const CLASS: &str = "com.digitalroute.picostart.PicoStart";
pub(crate) const MZSH: &str = "com.digitalroute.picostart.cmdline.CommandLine";

/// What a process is to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    /// Nothing: no action reports it, waits for it or touches it, with the Platform beside it or without.
    Ignored,
    /// The Platform, alive: it is found, adopted and ended.
    Pico,
    /// The Platform, which has lost its main thread: it has failed, and is ended.
    Failed,
    /// A startup of the Platform: it is told, and ended.
    Startup,
    /// Perhaps the Platform: nothing says that this is not running or stopped; it is named and left alone.
    Unknown,
}

/// A process by name.
pub(crate) struct Cell {
    name: String,
    imitation: Imitation,
    is: Is,
}

/// A cell.
pub(crate) fn cell(name: impl Into<String>, is: Is, imitation: Imitation) -> Cell {
    Cell { name: name.into(), imitation, is }
}

/// A node, and what was wrong on it.
pub(crate) struct Table {
    pub(crate) site: Site,
    wrong: Vec<String>,
    /// Storage of which something hangs.
    hung: Vec<Hung>,
}

/// A node with a second user has a table; one of a test that runs as a normal user has no such user.
pub(crate) fn table() -> Result<Option<Table>, Error> {
    let site = site(Kind::Platform).build()?;
    let has_other_users = site.node.owner() != "root";
    Ok(has_other_users.then_some(Table { site, wrong: Vec::new(), hung: Vec::new() }))
}

/// Checks the cells on one node.
pub(crate) fn check(cells: Vec<Cell>) -> Done {
    let Some(mut table) = table()? else { return Ok(()) };
    for cell in cells {
        table.check(&cell)?;
    }
    table.judge();
    Ok(())
}

/// Checks each cell on a node of its own, on which files hang: no signal ends what waits for these.
pub(crate) fn check_each(cells: Vec<Cell>) -> Done {
    let mut wrong = Vec::new();
    for cell in cells {
        let Some(mut table) = table()? else { return Ok(()) };
        table.hang()?;
        table.check(&cell)?;
        wrong.append(&mut table.wrong);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

impl Table {
    /// The files that hang, from now on.
    pub(crate) fn hang(&mut self) -> Done {
        for (file, held) in [(WRITTEN, Held::Write), (CLOSED, Held::Close)] {
            self.site.sh(&format!("truncate -s 4096 {file} && chmod 666 {file}"))?;
            self.hung.push(self.site.node.hang(file, held)?);
        }
        Ok(())
    }

    /// Fails the test if anything was wrong.
    #[track_caller]
    pub(crate) fn judge(self) {
        assert!(self.wrong.is_empty(), "\n{}", self.wrong.join("\n"));
    }

    /// Runs every action with the process of the cell.
    pub(crate) fn check(&mut self, cell: &Cell) -> Done {
        let process = cell.imitation.start(&self.site)?;
        match cell.is {
            Is::Ignored => self.ignored(cell, &process)?,
            Is::Pico => self.pico(cell, &process)?,
            Is::Failed => self.failed(cell, &process)?,
            Is::Startup => self.ended(cell, &process, "start is under way")?,
            Is::Unknown => self.unknown(cell, &process)?,
        }
        self.clean(&process)
    }

    /// One line of the report, if this is not so.
    pub(crate) fn must(&mut self, is: bool, what: impl FnOnce() -> String) {
        if !is {
            self.wrong.push(what());
        }
    }

    fn answers(&mut self, cell: &Cell, action: &str, ran: &Ran, code: i32, words: &[&str]) {
        let said = ran.reason().unwrap_or_default();
        let told = words.iter().all(|word| said.contains(word));
        let so = ran.code() == Some(code) && told;
        self.must(so, || {
            let end = ran.end;
            format!("{}: {action}: {end}, not {code} {words:?}, after {:.1?}: {said}", cell.name, ran.wall)
        });
    }

    /// Probe, recurring monitors and stop.
    fn asked(&mut self, cell: &Cell, when: &str, codes: [i32; 4], words: &[&str]) -> Result<Vec<Ran>, Error> {
        let mut all = Vec::new();
        for (action, code) in ["probe", "depth 0", "depth 10", "stop"].into_iter().zip(codes) {
            let ran = run(&self.site, action)?;
            let words = if ran.code() == Some(OK) { &[] } else { words };
            self.answers(cell, &format!("{action}{when}"), &ran, code, words);
            all.push(ran);
        }
        Ok(all)
    }

    fn ignored(&mut self, cell: &Cell, process: &Process) -> Done {
        let alone = self.asked(cell, "", [NOT_RUNNING, NOT_RUNNING, NOT_RUNNING, OK], &[])?;
        for ran in alone {
            self.must(ran.wall < QUICK, || format!("{}: {ran}", cell.name));
        }
        let start = call(&self.site).run("start")?;
        self.answers(cell, "start", &start, OK, &[]);
        let started = recorded(&self.site);
        self.must(started.is_some_and(|pid| pid != process.pid), || {
            format!("{}: a start has recorded {started:?}", cell.name)
        });
        self.asked(cell, " beside the Platform", [OK; 4], &[])?;
        if let Some(pid) = started.filter(|&pid| pid != process.pid) {
            let left = self.site.brief(pid)?.filter(|left| !left.is_dead());
            self.must(left.is_none(), || format!("{}: stop left the Platform: {left:?}", cell.name));
        }
        let lives = self.site.lives(process)?;
        self.must(lives, || format!("{}: it was ended", cell.name));
        Ok(())
    }

    fn pico(&mut self, cell: &Cell, process: &Process) -> Done {
        let start = call(&self.site).run("start")?;
        self.answers(cell, "start", &start, OK, &[]);
        let adopted = recorded(&self.site);
        self.must(adopted == Some(process.pid), || {
            format!("{}: a start has recorded {adopted:?}", cell.name)
        });
        self.site.sh(&format!("rm -f {}", self.site.record()))?;
        self.asked(cell, "", [OK; 4], &[])?;
        let lives = self.site.lives(process)?;
        self.must(!lives, || format!("{}: a stop has left it", cell.name));
        // Beside the one of the cluster it is a second one.
        let first = call(&self.site).run("start")?;
        self.answers(cell, "start of another", &first, OK, &[]);
        let second = cell.imitation.start(&self.site)?;
        let pids = [second.pid.to_string()];
        self.asked(cell, " beside the Platform", [GENERIC, OK, GENERIC, OK], &[&pids[0]])?;
        let lives = self.site.lives(&second)?;
        self.must(!lives, || format!("{}: a stop has left the second", cell.name));
        self.clean(&second)
    }

    fn failed(&mut self, cell: &Cell, process: &Process) -> Done {
        self.ended(cell, process, "main thread")?;
        let next = cell.imitation.start(&self.site)?;
        let start = call(&self.site).run("start")?;
        self.answers(cell, "start", &start, OK, &[]);
        let lives = self.site.lives(&next)?;
        self.must(!lives, || format!("{}: a start has left it", cell.name));
        self.clean(&next)
    }

    /// One that is told and that a stop ends.
    fn ended(&mut self, cell: &Cell, process: &Process, word: &str) -> Done {
        let pid = process.pid.to_string();
        self.asked(cell, "", [GENERIC, GENERIC, GENERIC, OK], &[word, &pid])?;
        let lives = self.site.lives(process)?;
        self.must(!lives, || format!("{}: a stop has left it", cell.name));
        Ok(())
    }

    fn unknown(&mut self, cell: &Cell, process: &Process) -> Done {
        let pid = process.pid.to_string();
        self.asked(cell, "", [GENERIC; 4], &[&pid])?;
        let start = call(&self.site).run("start")?;
        self.answers(cell, "start", &start, GENERIC, &[&pid]);
        let lives = self.site.lives(process)?;
        self.must(lives, || format!("{}: it was ended", cell.name));
        Ok(())
    }

    /// Nothing of the cell is left for the next.
    fn clean(&mut self, process: &Process) -> Done {
        if self.site.brief(process.pid)?.is_some_and(|now| now.state != 'D' && !now.is_dead()) {
            self.site.signal(process.pid, "KILL")?;
        }
        self.site.stop()?;
        self.site.sh(&format!("rm -f {}", self.site.record())).map(drop)
    }
}

/// The agent with time for all that it might do; an imitation has no HA Monitor Server.
pub(crate) fn call(site: &Site) -> AgentCall<'_> {
    site.agent().param("ha_check", "no").meta_timeout(Duration::from_secs(20))
}

/// What the actions of a table are called.
pub(crate) fn run(site: &Site, action: &str) -> Result<Ran, Error> {
    match action {
        "probe" => call(site).run("monitor"),
        "depth 0" => recurring(call(site), 0).run("monitor"),
        "depth 10" => recurring(call(site), 10).run("monitor"),
        other => call(site).run(other),
    }
}

/// The JVM of the record, if there is one.
fn recorded(site: &Site) -> Option<u32> {
    site.recorded().ok().flatten()
}
