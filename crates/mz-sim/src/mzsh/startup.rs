//! `startup [-e <property=value>] [-f] [-q] <server process>...`: blocks until the pico reports back.
//!
//! 0 up, or up already, **or** up with errors, **or** unknown (the text tells); 1 the JVM failed; 102 it did not report in
//! time (and lives on); 104 critical errors; 255 an old instance lives but can't be asked, or its entry can't be removed.
//! With `-f` an old instance that can't be asked is passed over, so that two may run if no port is in the way.

use std::fs;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Shell;
use crate::pico::State;
use crate::pico::remote;
use crate::registry::Pico;
use crate::settings::{EC_STARTUP_WITHOUT_PLATFORM, OLD_INSTANCE_CODE, Outcome, STARTUP_TIMEOUT};
use crate::{Error, PicoKind, history, process};

/// A dot that often, while waiting.
const DOT: Duration = Duration::from_secs(1);
const WITH_ERRORS: &str = "Started with errors, Only Codeserver service is guaranteed to be running.";

/// What came of a JVM that was launched.
#[derive(Debug)]
enum Report {
    Ready,
    Errors,
    Critical(String),
    Died,
    Silent,
}

impl Shell {
    pub(super) fn startup(&self, name: &str) -> Result<u8, Error> {
        let mut outcome = self.settings.outcome(name);
        let pico = match self.registry.pico(name)? {
            Some(pico) if outcome != Outcome::NoSuch => pico,
            _ => return Ok(self.unknown(name, 0)),
        };
        if let Some(code) = self.old_instance(name) {
            return Ok(code);
        }
        self.say(&format!("Starting {name}..."));
        if let Outcome::Code(code) = outcome {
            return Ok(self.refuse(name, code, &format!("set to fail with {code}")));
        }
        if pico.kind != PicoKind::Platform && !self.platform_answers() {
            match self.settings.text(&EC_STARTUP_WITHOUT_PLATFORM, name) {
                "fail" => {
                    return Ok(self.refuse(name, 1, &format!("No open connection to {}", self.platform())));
                }
                "errors" => outcome = Outcome::Errors,
                _ => {}
            }
        }
        self.launch_and_wait(&pico, outcome)
    }

    /// The code that ends a startup because the pico runs already, or because an old one is in the way.
    fn old_instance(&self, name: &str) -> Option<u8> {
        if let Some(old) = self.running(name) {
            let answer = self.ask(&old, name, "status").ok();
            match answer.as_deref().and_then(State::parse) {
                Some(State::Running | State::WithoutPlatform) => {
                    self.say(&format!("{name} is already running\n"));
                    return Some(0);
                }
                // The entry stays the old one's until a new one has its ports.
                _ if self.options.has("-f") => return None,
                _ => {
                    self.say(&format!("Starting {name}..."));
                    let why = format!("an old instance is still running, process {}", old.pid);
                    let code = self.settings.text(&OLD_INSTANCE_CODE, name).parse().unwrap_or(255);
                    return Some(self.refuse(name, code, &why));
                }
            }
        }
        let entry = remote::path(&self.home, name);
        match fs::remove_file(&entry) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.say(&format!("Starting {name}..."));
                Some(self.refuse(name, 255, &format!("can't delete {}: {error}", entry.display())))
            }
            _ => None,
        }
    }

    fn refuse(&self, name: &str, code: u8, why: &str) -> u8 {
        history::record(&self.home, "refused", name, why);
        self.say(&format!("FAILED\n{name}: {why}\n"));
        code
    }

    fn launch_and_wait(&self, pico: &Pico, outcome: Outcome) -> Result<u8, Error> {
        let name = &pico.name;
        let callback = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let callback = callback.map_err(Error::file("open a port for", "the callback of startup"))?;
        let mut child = self.launch(pico, outcome, &callback)?;
        let report = self.wait(&callback, &mut child, self.settings.duration(&STARTUP_TIMEOUT, name));
        let (text, code) = match report.map_err(Error::file("wait for", name))? {
            Report::Ready => ("done.".to_owned(), 0),
            Report::Errors => (format!("done.\n{WITH_ERRORS}"), 0),
            Report::Died => (format!("FAILED\nStartable {name} exited unexpectedly"), 1),
            Report::Silent => (format!("FAILED\nTimed out waiting for a callback from {name}"), 102),
            Report::Critical(why) => {
                // It ends by itself; whoever looks after us shall find it gone.
                let _ = child.wait();
                (format!("FAILED\nCritical error in {name}: {why}"), 104)
            }
        };
        self.say(&format!("{text}\n"));
        Ok(code)
    }

    fn wait(&self, callback: &TcpListener, child: &mut Child, limit: Duration) -> io::Result<Report> {
        let deadline = Instant::now() + limit;
        let death = process::open(child.id());
        let step = if death.is_some() { DOT } else { process::LOOK_EVERY };
        let mut dot = Instant::now() + DOT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Report::Silent);
            }
            let mut fds = vec![PollFd::new(callback, PollFlags::IN)];
            fds.extend(death.as_ref().map(|death| PollFd::new(death, PollFlags::IN)));
            let wait = Timespec::try_from(left.min(step)).map_err(io::Error::other)?;
            poll(&mut fds, Some(&wait))?;
            if Instant::now() >= dot {
                self.say(".");
                dot += DOT;
            }
            if !fds[0].revents().is_empty() {
                let mut text = String::new();
                let (mut stream, _) = callback.accept()?;
                stream.set_read_timeout(Some(left))?;
                let _ = stream.read_to_string(&mut text);
                let (word, why) = text.trim_end().split_once(' ').unwrap_or((text.trim_end(), ""));
                return Ok(match word {
                    "ready" => Report::Ready,
                    "errors" => Report::Errors,
                    _ => Report::Critical(why.to_owned()),
                });
            } else if child.try_wait()?.is_some() {
                return Ok(Report::Died);
            }
        }
    }
}
