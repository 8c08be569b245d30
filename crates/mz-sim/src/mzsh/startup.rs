//! `startup [-e <property=value>] [-f] [-q] <server process>...`: blocks until the pico reports.
//!
//! Exit codes: 0 up, already up, **or** up with errors, **or** unknown (the text differs); 1 the
//! JVM failed; 102 the pico did not report in time (and lives on); 104 critical errors; 255 an old
//! instance lives but does not answer, or its entry can't be removed. `-f` ignores an old instance
//! that does not answer, so two may run if no port conflicts.

use std::fs;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::MzshCall;
use crate::pico::SimPicoState;
use crate::pico::remote;
use crate::registry::SimPicoDefinition;
use crate::settings::{
    EC_STARTUP_WITHOUT_PLATFORM, OLD_INSTANCE_CODE, STARTUP_TIMEOUT, SimStartupOutcome,
};
use crate::{PicoKind, SimError, history, process};

/// The interval of the progress dots.
const DOT_INTERVAL: Duration = Duration::from_secs(1);
const STARTED_WITH_ERRORS: &str =
    "Started with errors, Only Codeserver service is guaranteed to be running.";

/// The result of a JVM launch.
#[derive(Debug)]
enum StartupCallback {
    Ready,
    Errors,
    Critical(String),
    Died,
    Silent,
}

impl MzshCall {
    pub(super) fn startup(&self, name: &str) -> Result<u8, SimError> {
        let mut outcome = self.settings.startup_outcome(name);
        let pico = match self.registry.pico(name)? {
            Some(pico) if outcome != SimStartupOutcome::NoSuch => pico,
            _ => return Ok(self.report_unknown_pico(name, 0)),
        };
        if let Some(code) = self.check_old_instance(name) {
            return Ok(code);
        }
        self.print(&format!("Starting {name}..."));
        if let SimStartupOutcome::Code(code) = outcome {
            return Ok(self.report_failure(name, code, &format!("set to fail with {code}")));
        }
        if pico.kind != PicoKind::Platform && !self.platform_answers() {
            match self.settings.text(&EC_STARTUP_WITHOUT_PLATFORM, name) {
                "fail" => {
                    return Ok(self.report_failure(
                        name,
                        1,
                        &format!("No open connection to {}", self.platform_address()),
                    ));
                }
                "errors" => outcome = SimStartupOutcome::Errors,
                _ => {}
            }
        }
        self.launch_and_wait(&pico, outcome)
    }

    /// The exit code if the pico already runs or an old instance blocks the start.
    fn check_old_instance(&self, name: &str) -> Option<u8> {
        if let Some(old) = self.running_entry(name) {
            let answer = self.query_pico(&old, name, "status").ok();
            match answer.as_deref().and_then(SimPicoState::parse) {
                Some(SimPicoState::Running | SimPicoState::WithoutPlatform) => {
                    self.print(&format!("{name} is already running\n"));
                    return Some(0);
                }
                // The entry stays the old instance's until a new one has its ports.
                _ if self.options.has("-f") => return None,
                _ => {
                    self.print(&format!("Starting {name}..."));
                    let why = format!("an old instance is still running, process {}", old.pid);
                    let code = self.settings.text(&OLD_INSTANCE_CODE, name).parse().unwrap_or(255);
                    return Some(self.report_failure(name, code, &why));
                }
            }
        }
        let entry = remote::entry_path(&self.home, name);
        match fs::remove_file(&entry) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.print(&format!("Starting {name}..."));
                Some(self.report_failure(
                    name,
                    255,
                    &format!("can't delete {}: {error}", entry.display()),
                ))
            }
            _ => None,
        }
    }

    fn report_failure(&self, name: &str, code: u8, why: &str) -> u8 {
        history::record(&self.home, "refused", name, why);
        self.print(&format!("FAILED\n{name}: {why}\n"));
        code
    }

    fn launch_and_wait(
        &self,
        pico: &SimPicoDefinition,
        outcome: SimStartupOutcome,
    ) -> Result<u8, SimError> {
        let name = &pico.name;
        let callback = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let callback =
            callback.map_err(SimError::file("open a port for", "the callback of startup"))?;
        let mut child = self.launch(pico, outcome, &callback)?;
        let report = self.wait_for_report(
            &callback,
            &mut child,
            self.settings.duration(&STARTUP_TIMEOUT, name),
        );
        let (text, code) = match report.map_err(SimError::file("wait for", name))? {
            StartupCallback::Ready => ("done.".to_owned(), 0),
            StartupCallback::Errors => (format!("done.\n{STARTED_WITH_ERRORS}"), 0),
            StartupCallback::Died => (format!("FAILED\nStartable {name} exited unexpectedly"), 1),
            StartupCallback::Silent => {
                (format!("FAILED\nTimed out waiting for a callback from {name}"), 102)
            }
            StartupCallback::Critical(why) => {
                // The process ends by itself. Reap it, so that an observer after us finds no
                // zombie.
                let _ = child.wait();
                (format!("FAILED\nCritical error in {name}: {why}"), 104)
            }
        };
        self.print(&format!("{text}\n"));
        Ok(code)
    }

    fn wait_for_report(
        &self,
        callback: &TcpListener,
        child: &mut Child,
        limit: Duration,
    ) -> io::Result<StartupCallback> {
        let deadline = Instant::now() + limit;
        let death = process::open_pidfd(child.id());
        let step = if death.is_some() { DOT_INTERVAL } else { process::POLL_INTERVAL };
        let mut dot = Instant::now() + DOT_INTERVAL;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(StartupCallback::Silent);
            }
            let mut fds = vec![PollFd::new(callback, PollFlags::IN)];
            fds.extend(death.as_ref().map(|death| PollFd::new(death, PollFlags::IN)));
            let wait = Timespec::try_from(left.min(step)).map_err(io::Error::other)?;
            poll(&mut fds, Some(&wait))?;
            if Instant::now() >= dot {
                self.print(".");
                dot += DOT_INTERVAL;
            }
            if !fds[0].revents().is_empty() {
                let mut text = String::new();
                let (mut stream, _) = callback.accept()?;
                stream.set_read_timeout(Some(left))?;
                let _ = stream.read_to_string(&mut text);
                let (word, why) = text.trim_end().split_once(' ').unwrap_or((text.trim_end(), ""));
                return Ok(match word {
                    "ready" => StartupCallback::Ready,
                    "errors" => StartupCallback::Errors,
                    _ => StartupCallback::Critical(why.to_owned()),
                });
            } else if child.try_wait()?.is_some() {
                return Ok(StartupCallback::Died);
            }
        }
    }
}
