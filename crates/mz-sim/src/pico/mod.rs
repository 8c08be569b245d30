//! A native pico instance: one thread, blocked in `poll` on its signals, listeners and connections.
//!
//! A pico binds its ports, writes its pid file and its entry for mzsh, and waits for `start_time`.
//! It then opens its HA Monitor Server, reports to the waiting mzsh, and serves until SIGTERM or a
//! shutdown over RCP. It then takes `stop_time` and removes its files. A fixed port in use is a
//! critical error. An address that is not on this node leaves the pico "started with errors". A
//! killed pico leaves its files, as the product does.

mod bind;
pub(crate) mod ha_server;
pub(crate) mod launch_spec;
pub(crate) mod remote;
mod serve;

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::duration::parse_duration;
use crate::ha;
use crate::installation::{critical_log_path, log_path};
use crate::settings::{HEARTBEATS, PLATFORM_RETRY, SIGTERM_ORDERLY, STOP_TIME, SimSettings};
use crate::{heartbeat, history, process, rcp};
use bind::{PortBindError, Sockets};
use launch_spec::LaunchSpec;
use remote::RemoteEntry;
use serve::ServeEvent;

/// The maximum time of a connection attempt to the Platform; the pico serves no client meanwhile.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);

/// The answer to `status` over RCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SimPicoState {
    Starting,
    Running,
    /// Running without contact to the Platform's RCP service.
    WithoutPlatform,
    Stopping,
}

impl SimPicoState {
    const NAMES: [(Self, &str); 4] = [
        (Self::Starting, "starting"),
        (Self::Running, "running"),
        (Self::WithoutPlatform, "running-without-platform"),
        (Self::Stopping, "stopping"),
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, word)| *word == text).map(|(state, _)| *state)
    }

    fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }
}

#[derive(Debug)]
enum SimPicoPhase {
    Starting(Instant),
    Up,
    Stopping(Instant, &'static str, u8),
}

#[derive(Debug)]
struct SimulatedPico {
    run: LaunchSpec,
    log: Option<File>,
    phase: SimPicoPhase,
    sockets: Sockets,
    /// Why the pico is only partly up.
    errors: Option<String>,
    platform: Option<TcpStream>,
    next_try: Instant,
    /// When the HA Monitor Server started to count; `ha_logged` is the number of intervals in its
    /// log.
    ha_since: Instant,
    ha_logged: u32,
}

/// Runs a pico as [`LaunchSpec::VARIABLE`] describes it.
pub(crate) fn main() -> ExitCode {
    let Ok(text) = std::env::var(LaunchSpec::VARIABLE) else {
        eprintln!("{} is not set: picos are started by mzsh", LaunchSpec::VARIABLE);
        return ExitCode::FAILURE;
    };
    let run = LaunchSpec::decode(&text);
    match run_pico(run) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("pico: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_pico(run: LaunchSpec) -> std::io::Result<u8> {
    let mut mask = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        mask.add(signal);
    }
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;

    history::record(&run.home, "start", &run.name, "");
    let _ = fs::remove_file(critical_log_path(&run.home, &run.name));
    let start_time = parse_duration(&run.start_time).unwrap_or_default();
    let dies = run.outcome == "dies";
    let mut pico = SimulatedPico {
        log: File::options().append(true).create(true).open(log_path(&run.home, &run.name)).ok(),
        phase: SimPicoPhase::Starting(
            Instant::now() + if dies { start_time / 2 } else { start_time },
        ),
        sockets: Sockets::default(),
        errors: (run.outcome == "errors").then(|| "started without the Platform's part".to_owned()),
        platform: None,
        next_try: Instant::now(),
        ha_since: Instant::now(),
        ha_logged: 0,
        run,
    };
    // The heartbeat thread inherits the blocked signals, so it receives none of them.
    heartbeat::spawn_writer(pico.settings().text(&HEARTBEATS, &pico.run.name));
    pico.log("starting");
    if let Err(why) = pico.open_sockets() {
        return Ok(pico.fail_critically(&why));
    }
    loop {
        match pico.phase {
            SimPicoPhase::Starting(until) if until <= Instant::now() => {
                if dies {
                    pico.record_end("died during its start");
                    return Ok(1);
                }
                pico.finish_start();
            }
            SimPicoPhase::Stopping(until, why, code) if until <= Instant::now() => {
                pico.remove_files();
                pico.record_end(why);
                return Ok(code);
            }
            _ => {}
        }
        pico.reconnect_to_platform();
        for served in pico.poll_events(&signals)? {
            match served {
                ServeEvent::Signal(signal) if signal == Signal::SIGQUIT as u32 => {
                    pico.print_thread_dump();
                }
                ServeEvent::Signal(_)
                    if !pico.settings().is_on(&SIGTERM_ORDERLY, &pico.run.name) =>
                {
                    pico.record_end("died by a signal");
                    return Ok(143);
                }
                ServeEvent::Signal(_) => pico.begin_stop("signal", 143),
                ServeEvent::Shutdown => pico.begin_stop("shutdown", 0),
                ServeEvent::PlatformLost => pico.platform = None,
            }
        }
    }
}

impl SimulatedPico {
    /// Binds the ports, then writes the pico's entries. If an older instance holds the ports, its
    /// entries stay untouched.
    fn open_sockets(&mut self) -> Result<(), String> {
        self.sockets.own =
            Some(bind::listen_on_loopback().map_err(|error| format!("can't open RCP: {error}"))?);
        for (what, address) in [("RCP", &self.run.rcp), ("web interface", &self.run.web)] {
            match bind::listen(address) {
                Ok(listener) if what == "RCP" => self.sockets.rcp = listener,
                Ok(listener) => self.sockets.web = listener,
                Err(PortBindError::AddressInUse(why)) => return Err(format!("{what}: {why}")),
                Err(PortBindError::AddressUnavailable(why)) => {
                    self.errors = Some(format!("{what}: {why}"));
                }
            }
        }
        let pid = std::process::id();
        let port = self
            .sockets
            .own
            .as_ref()
            .and_then(|own| own.local_addr().ok())
            .map_or(0, |own| own.port());
        let remote =
            RemoteEntry { pid, start_time: process::start_time(pid).unwrap_or_default(), port };
        remote
            .write(&self.run.home, &self.run.name)
            .map_err(|error| format!("can't write tmp/.remote: {error}"))?;
        if !self.run.pid_file.as_os_str().is_empty() {
            fs::write(&self.run.pid_file, format!("{pid}\n"))
                .map_err(|error| format!("can't write {}: {error}", self.run.pid_file.display()))?;
        }
        Ok(())
    }

    fn finish_start(&mut self) {
        if self.errors.is_none()
            && let Err(why) = self.open_ha()
        {
            self.errors = Some(format!("HA Monitor Server: {why}"));
        }
        self.phase = SimPicoPhase::Up;
        // Make contact before the report, so that a status right after it finds the pico connected.
        self.next_try = Instant::now();
        self.reconnect_to_platform();
        let (event, why) = match &self.errors {
            None => ("ready", String::new()),
            Some(why) => ("errors", why.clone()),
        };
        self.log(if why.is_empty() { "up and running" } else { &why });
        history::record(&self.run.home, event, &self.run.name, &why);
        self.report_to_mzsh(event, &why);
    }

    fn open_ha(&mut self) -> Result<(), String> {
        if self.run.ha.is_empty() {
            if ha::is_enabled(&self.run.ha_properties) {
                self.log("HA Monitor Server: mz.ha.port is not set, nobody answers");
            }
            return Ok(());
        }
        for remark in ha_server::open(&self.run, &self.settings())? {
            self.log(&format!("HA Monitor Server: {remark}"));
        }
        let listener = bind::listen(&self.run.ha);
        self.sockets.ha = listener.map_err(
            |(PortBindError::AddressInUse(why) | PortBindError::AddressUnavailable(why))| why,
        )?;
        self.ha_since = Instant::now();
        Ok(())
    }

    /// Reports to the waiting mzsh, which may have given up.
    fn report_to_mzsh(&self, word: &str, why: &str) {
        if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.run.callback)) {
            let _ = stream.write_all(format!("{word} {why}\n").as_bytes());
        }
    }

    fn fail_critically(&mut self, why: &str) -> u8 {
        self.log(&format!("critical error: {why}"));
        history::record(&self.run.home, "end", &self.run.name, &format!("critical error: {why}"));
        self.report_to_mzsh("critical", why);
        1
    }

    fn begin_stop(&mut self, why: &'static str, code: u8) {
        if !matches!(self.phase, SimPicoPhase::Stopping(..)) {
            self.log(&format!("stopping: {why}"));
            self.sockets.ha = None;
            self.phase = SimPicoPhase::Stopping(
                Instant::now() + self.settings().duration(&STOP_TIME, &self.run.name),
                why,
                code,
            );
        }
    }

    fn remove_files(&self) {
        let pid = std::process::id();
        RemoteEntry::remove(&self.run.home, &self.run.name, pid);
        let own =
            fs::read_to_string(&self.run.pid_file).is_ok_and(|text| text.trim() == pid.to_string());
        if own {
            let _ = fs::remove_file(&self.run.pid_file);
        }
    }

    fn record_end(&mut self, why: &str) {
        self.log(&format!("ended: {why}"));
        history::record(&self.run.home, "end", &self.run.name, why);
    }

    /// Retries to reach the Platform while there is no contact.
    fn reconnect_to_platform(&mut self) {
        if self.is_cut_off_from_platform()
            && matches!(self.phase, SimPicoPhase::Up)
            && self.next_try <= Instant::now()
        {
            if let Ok(mut stream) =
                rcp::connect(&self.run.platform, Instant::now() + CONNECT_TIMEOUT)
            {
                let hello = format!("hello {}\n", self.run.name);
                self.platform = stream.write_all(hello.as_bytes()).is_ok().then_some(stream);
            }
            self.next_try =
                Instant::now() + self.settings().duration(&PLATFORM_RETRY, &self.run.name);
        }
    }

    fn is_cut_off_from_platform(&self) -> bool {
        !self.run.platform.is_empty() && self.platform.is_none()
    }

    fn state(&self) -> SimPicoState {
        match self.phase {
            SimPicoPhase::Starting(_) => SimPicoState::Starting,
            SimPicoPhase::Stopping(..) => SimPicoState::Stopping,
            SimPicoPhase::Up if self.is_cut_off_from_platform() => SimPicoState::WithoutPlatform,
            SimPicoPhase::Up => SimPicoState::Running,
        }
    }

    /// The time of the next event without a client.
    fn next_deadline(&self) -> Option<Instant> {
        match self.phase {
            SimPicoPhase::Starting(until) | SimPicoPhase::Stopping(until, ..) => Some(until),
            SimPicoPhase::Up => self.is_cut_off_from_platform().then_some(self.next_try),
        }
    }

    /// The current settings; an unreadable file means defaults.
    fn settings(&self) -> SimSettings {
        SimSettings::load(&self.run.home).unwrap_or_default()
    }

    fn ha_answer(&mut self) -> String {
        let settings = self.settings();
        ha_server::answer_ping(&self.run, &settings, self.ha_since.elapsed(), &mut self.ha_logged)
    }

    fn log(&mut self, text: &str) {
        if let Some(log) = &mut self.log {
            let _ = log
                .write_all(format!("{} {} {text}\n", history::now_ms(), self.run.name).as_bytes());
        }
    }

    /// A short form of a JVM's thread dump on SIGQUIT.
    fn print_thread_dump(&self) {
        // The reader may be gone: stdout can be the pipe of an mzsh that has ended. A JVM ignores
        // that.
        let _ = writeln!(
            std::io::stdout(),
            "Full thread dump mz-sim ({}):\n\n\"main\" #1 prio=5\n   java.lang.Thread.State: RUNNABLE",
            self.run.name
        );
    }
}
