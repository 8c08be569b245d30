//! A native pico instance: one thread, blocked in `poll` on its signals, its listeners and its connections.
//!
//! Its life: it binds what it needs (a fixed port that is taken is a critical error, an address that is not on this node
//! leaves it "started with errors"), writes its pid file and its entry for mzsh, waits for `start_time`, opens its HA Monitor
//! Server, reports to the mzsh that waits, and serves until SIGTERM or a shutdown over RCP; then it takes `stop_time` and
//! removes its files. Killed, it leaves them behind, as the product does.

mod bind;
pub(crate) mod remote;
pub(crate) mod run;
mod serve;

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::ha::{self, server};
use crate::installation::{critical_log, log};
use crate::settings::{HEARTBEATS, PLATFORM_RETRY, SIGTERM_ORDERLY, STOP_TIME, Settings, parse_duration};
use crate::{heart, history, process, rcp};
use bind::{Problem, Sockets};
use remote::Remote;
use run::Run;
use serve::Served;

/// A connection to the Platform may take so long; the pico serves nobody meanwhile.
const CONNECT: Duration = Duration::from_millis(300);

/// What a pico answers to `status` over RCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Starting,
    Running,
    /// Running, but the Platform's RCP service can't be reached.
    WithoutPlatform,
    Stopping,
}

impl State {
    const WORDS: [(Self, &str); 4] = [
        (Self::Starting, "starting"),
        (Self::Running, "running"),
        (Self::WithoutPlatform, "running-without-platform"),
        (Self::Stopping, "stopping"),
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, word)| *word == text).map(|(state, _)| *state)
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }
}

/// Where it is in its life.
#[derive(Debug)]
enum Phase {
    Starting(Instant),
    Up,
    Stopping(Instant, &'static str, u8),
}

#[derive(Debug)]
struct Pico {
    run: Run,
    log: Option<File>,
    phase: Phase,
    sockets: Sockets,
    /// Up, but only in part.
    errors: Option<String>,
    platform: Option<TcpStream>,
    next_try: Instant,
    /// Since when the HA Monitor Server counts, and of how many intervals its log tells.
    ha_since: Instant,
    ha_logged: u32,
}

/// Lives the life that [`Run::VARIABLE`] describes.
pub(crate) fn main() -> ExitCode {
    let Ok(text) = std::env::var(Run::VARIABLE) else {
        eprintln!("{} is not set: picos are started by mzsh", Run::VARIABLE);
        return ExitCode::FAILURE;
    };
    let run = Run::decode(&text);
    match live(run) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("pico: {error}");
            ExitCode::FAILURE
        }
    }
}

fn live(run: Run) -> std::io::Result<u8> {
    let mut mask = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        mask.add(signal);
    }
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;

    history::record(&run.home, "start", &run.name, "");
    let _ = fs::remove_file(critical_log(&run.home, &run.name));
    let start_time = parse_duration(&run.start_time).unwrap_or_default();
    let dies = run.outcome == "dies";
    let mut pico = Pico {
        log: File::options().append(true).create(true).open(log(&run.home, &run.name)).ok(),
        phase: Phase::Starting(Instant::now() + if dies { start_time / 2 } else { start_time }),
        sockets: Sockets::default(),
        errors: (run.outcome == "errors").then(|| "started without the Platform's part".to_owned()),
        platform: None,
        next_try: Instant::now(),
        ha_since: Instant::now(),
        ha_logged: 0,
        run,
    };
    // With our signals blocked: none of them is the heart's.
    heart::beat(pico.settings().text(&HEARTBEATS, &pico.run.name));
    pico.log("starting");
    if let Err(why) = pico.open() {
        return Ok(pico.critical(&why));
    }
    loop {
        match pico.phase {
            Phase::Starting(until) if until <= Instant::now() => {
                if dies {
                    pico.end("died during its start");
                    return Ok(1);
                }
                pico.come_up();
            }
            Phase::Stopping(until, why, code) if until <= Instant::now() => {
                pico.remove_files();
                pico.end(why);
                return Ok(code);
            }
            _ => {}
        }
        pico.keep_contact();
        for served in pico.wait(&signals)? {
            match served {
                Served::Signal(signal) if signal == Signal::SIGQUIT as u32 => pico.dump(),
                Served::Signal(_) if !pico.settings().on(&SIGTERM_ORDERLY, &pico.run.name) => {
                    pico.end("died by a signal");
                    return Ok(143);
                }
                Served::Signal(_) => pico.begin_stop("signal", 143),
                Served::Shutdown => pico.begin_stop("shutdown", 0),
                Served::PlatformLost => pico.platform = None,
            }
        }
    }
}

impl Pico {
    /// Binds, and makes the pico known. The entries of an older instance that holds our ports stay untouched.
    fn open(&mut self) -> Result<(), String> {
        self.sockets.own = Some(bind::local().map_err(|error| format!("can't open RCP: {error}"))?);
        for (what, address) in [("RCP", &self.run.rcp), ("web interface", &self.run.web)] {
            match bind::listen(address) {
                Ok(listener) if what == "RCP" => self.sockets.rcp = listener,
                Ok(listener) => self.sockets.web = listener,
                Err(Problem::Taken(why)) => return Err(format!("{what}: {why}")),
                Err(Problem::NotHere(why)) => self.errors = Some(format!("{what}: {why}")),
            }
        }
        let pid = std::process::id();
        let port =
            self.sockets.own.as_ref().and_then(|own| own.local_addr().ok()).map_or(0, |own| own.port());
        let remote = Remote { pid, start_time: process::start_time(pid).unwrap_or_default(), port };
        remote
            .write(&self.run.home, &self.run.name)
            .map_err(|error| format!("can't write tmp/.remote: {error}"))?;
        if !self.run.pid_file.as_os_str().is_empty() {
            fs::write(&self.run.pid_file, format!("{pid}\n"))
                .map_err(|error| format!("can't write {}: {error}", self.run.pid_file.display()))?;
        }
        Ok(())
    }

    fn come_up(&mut self) {
        if self.errors.is_none()
            && let Err(why) = self.open_ha()
        {
            self.errors = Some(format!("HA Monitor Server: {why}"));
        }
        self.phase = Phase::Up;
        // With the first contact made before the report, a status that follows it finds the pico in contact.
        self.next_try = Instant::now();
        self.keep_contact();
        let (event, why) = match &self.errors {
            None => ("ready", String::new()),
            Some(why) => ("errors", why.clone()),
        };
        self.log(if why.is_empty() { "up and running" } else { &why });
        history::record(&self.run.home, event, &self.run.name, &why);
        self.report(event, &why);
    }

    fn open_ha(&mut self) -> Result<(), String> {
        if self.run.ha.is_empty() {
            if ha::is_on(&self.run.ha_properties) {
                self.log("HA Monitor Server: mz.ha.port is not set, nobody answers");
            }
            return Ok(());
        }
        for remark in server::open(&self.run, &self.settings())? {
            self.log(&format!("HA Monitor Server: {remark}"));
        }
        let listener = bind::listen(&self.run.ha);
        self.sockets.ha = listener.map_err(|(Problem::Taken(why) | Problem::NotHere(why))| why)?;
        self.ha_since = Instant::now();
        Ok(())
    }

    /// Tells the mzsh that waits; it may have given up.
    fn report(&self, word: &str, why: &str) {
        if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.run.callback)) {
            let _ = stream.write_all(format!("{word} {why}\n").as_bytes());
        }
    }

    fn critical(&mut self, why: &str) -> u8 {
        self.log(&format!("critical error: {why}"));
        history::record(&self.run.home, "end", &self.run.name, &format!("critical error: {why}"));
        self.report("critical", why);
        1
    }

    fn begin_stop(&mut self, why: &'static str, code: u8) {
        if !matches!(self.phase, Phase::Stopping(..)) {
            self.log(&format!("stopping: {why}"));
            self.sockets.ha = None;
            self.phase = Phase::Stopping(
                Instant::now() + self.settings().duration(&STOP_TIME, &self.run.name),
                why,
                code,
            );
        }
    }

    fn remove_files(&self) {
        let pid = std::process::id();
        Remote::remove(&self.run.home, &self.run.name, pid);
        let own = fs::read_to_string(&self.run.pid_file).is_ok_and(|text| text.trim() == pid.to_string());
        if own {
            let _ = fs::remove_file(&self.run.pid_file);
        }
    }

    fn end(&mut self, why: &str) {
        self.log(&format!("ended: {why}"));
        history::record(&self.run.home, "end", &self.run.name, why);
    }

    /// Tries to reach the Platform now and then while there is no contact.
    fn keep_contact(&mut self) {
        if self.without_contact() && matches!(self.phase, Phase::Up) && self.next_try <= Instant::now() {
            if let Ok(mut stream) = rcp::connect(&self.run.platform, Instant::now() + CONNECT) {
                let hello = format!("hello {}\n", self.run.name);
                self.platform = stream.write_all(hello.as_bytes()).is_ok().then_some(stream);
            }
            self.next_try = Instant::now() + self.settings().duration(&PLATFORM_RETRY, &self.run.name);
        }
    }

    fn without_contact(&self) -> bool {
        !self.run.platform.is_empty() && self.platform.is_none()
    }

    fn state(&self) -> State {
        match self.phase {
            Phase::Starting(_) => State::Starting,
            Phase::Stopping(..) => State::Stopping,
            Phase::Up if self.without_contact() => State::WithoutPlatform,
            Phase::Up => State::Running,
        }
    }

    /// When something is due without anybody asking.
    fn next_event(&self) -> Option<Instant> {
        match self.phase {
            Phase::Starting(until) | Phase::Stopping(until, ..) => Some(until),
            Phase::Up => self.without_contact().then_some(self.next_try),
        }
    }

    /// As in the file now; an unreadable file means defaults.
    fn settings(&self) -> Settings {
        Settings::load(&self.run.home).unwrap_or_default()
    }

    fn ha_answer(&mut self) -> String {
        let settings = self.settings();
        server::ping(&self.run, &settings, self.ha_since.elapsed(), &mut self.ha_logged)
    }

    fn log(&mut self, text: &str) {
        if let Some(log) = &mut self.log {
            let _ = log.write_all(format!("{} {} {text}\n", history::now(), self.run.name).as_bytes());
        }
    }

    /// What a JVM prints on SIGQUIT, in little.
    fn dump(&self) {
        // Its reader may be gone: stdout can be the pipe of an mzsh that has ended. A JVM does not mind.
        let _ = writeln!(
            std::io::stdout(),
            "Full thread dump mz-sim ({}):\n\n\"main\" #1 prio=5\n   java.lang.Thread.State: RUNNABLE",
            self.run.name
        );
    }
}
