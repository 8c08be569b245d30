//! The HA Monitor Server of a pico, asked by the product's own client.
//!
//! Its wire protocol is not public, so none is spoken here: `java -cp lib/ha.jar com.digitalroute.ha.HAClient PORT
//! HOST SECONDS` asks, and its exit code and words are read. Exit 0 is well. What a non-zero code means is not
//! documented, so the difference between "did not answer" and "answered FAILED" is told by the words and the time.

use super::inspection::{credentials_for, executable, trustworthy};
use super::mzsh::{environment, last_line};
use super::storage::Storage;
use crate::settings::{Endpoint, Settings, Target};
use host::command::{Company, Event, Exec, Finished, Limits, Running};
use host::{End, ProcessHandle, ProcessId, listeners};
use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What the HA Monitor Server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HaAnswer {
    /// The pico is well.
    Ok,
    /// FAILED; with the reason, if it gave one.
    Failed(String),
    /// It did not answer: refused, out of time, or not to be understood.
    NoAnswer(String),
    /// It could not be asked: the client can't be run.
    NotAsked(String),
    /// The client ran out of time before it came to ask.
    NotReached(String),
}

impl HaAnswer {
    /// From what the client did, which was told to wait for `seconds`.
    #[must_use]
    pub fn of(finished: &Finished, seconds: u64) -> Self {
        if let Some(why) = &finished.refused {
            return Self::NotAsked(why.clone());
        }
        let words = String::from_utf8_lossy(&finished.output);
        let said = last_line(&words).unwrap_or("nothing");
        match finished.end {
            End::Exited(0) => Self::Ok,
            End::TimedOut => Self::NoAnswer(format!("no answer in {seconds} s")),
            // The client has its own limit, and may say FAILED when it is reached.
            End::Exited(_) if finished.took >= Duration::from_secs(seconds).mul_f32(0.9) => {
                Self::NoAnswer(format!("no answer in {seconds} s"))
            }
            End::Exited(code) if words.contains("FAILED") => {
                let why = words.lines().find_map(|l| l.split_once("FAILED")).map_or("", |(_, why)| why);
                let why = why.trim_matches(|c: char| c.is_whitespace() || c == ':');
                Self::Failed(if why.is_empty() { format!("exit code {code}") } else { why.to_owned() })
            }
            // The kernel short of memory, a JVM that crashed: that tells nothing of the pico.
            End::Signalled(_) => Self::NotAsked(format!("the HA client died: {}", finished.end)),
            // A JVM that could not start says so itself.
            End::Exited(1)
                if ["main class", "initialization of VM", "memory for the Java Runtime"]
                    .iter()
                    .any(|complaint| words.contains(complaint)) =>
            {
                Self::NotAsked(format!("the HA client did not start: {said}"))
            }
            End::Exited(_) => Self::NoAnswer(format!("{}: {said}", finished.end)),
        }
    }
}

/// A question to one HA Monitor Server.
#[derive(Clone, Debug)]
pub struct HaQuestion<'a> {
    /// The parameters.
    pub settings: &'a Settings,
    /// The pico.
    pub target: &'a Target,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Its JVM: the client is run by the same java, unless `java_home` is set.
    pub jvm: ProcessId,
}

impl HaQuestion<'_> {
    /// Asks, and waits for the answer for at most `limit`, and not past `until`.
    #[must_use]
    pub fn ask(&self, limit: Duration, until: Instant) -> HaAnswer {
        if !self.is_listening() {
            return HaAnswer::NoAnswer(format!("nothing listens on {}", self.endpoint));
        }
        let begun = Instant::now();
        let until = until.min(begun + limit);
        let seconds = until.saturating_duration_since(begun).as_secs().max(1);
        Storage::of(self.target)
            .launch(Company::Group, || self.exec(seconds))
            .and_then(|client| self.attend(client, seconds, until))
            .unwrap_or_else(|e| HaAnswer::NotAsked(e.to_string()))
    }

    /// Waits for the client, but not for longer than the JVM lives that it asks.
    fn attend(&self, mut client: Running, seconds: u64, until: Instant) -> io::Result<HaAnswer> {
        let jvm = self.jvm.open()?;
        client.go()?;
        match client.wait(until, jvm.as_ref().map(ProcessHandle::pidfd))? {
            Event::Finished(finished) => Ok(HaAnswer::of(&finished, seconds)),
            Event::OtherEnded(client) => {
                self.give_up(client)?;
                Ok(HaAnswer::NoAnswer(format!("{} ended meanwhile", self.jvm)))
            }
            Event::Time(client) => {
                let asked = listeners::talks_to(client.id().pid, self.endpoint.port);
                let finished = self.give_up(client)?;
                if asked || finished.refused.is_some() {
                    return Ok(HaAnswer::of(&finished, seconds));
                }
                let why = "the HA client did not come to ask: is the node overloaded?";
                Ok(HaAnswer::NotReached(why.to_owned()))
            }
        }
    }

    fn give_up(&self, client: Running) -> io::Result<Finished> {
        let finished = client.kill_group()?;
        Storage::of(self.target).remember(&finished.left);
        Ok(finished)
    }

    /// Does anything listen there? From /proc, so that no connection comes to the server but the client's own.
    fn is_listening(&self) -> bool {
        // A table that can't be read: the client will tell.
        let Ok(all) = listeners::all() else { return true };
        let host = self.endpoint.host.as_str();
        all.iter().filter(|l| l.port == self.endpoint.port).any(|l| match host.parse::<IpAddr>() {
            Ok(address) => l.holds(address),
            Err(_) if host == "localhost" => l.address.is_unspecified() || l.address.is_loopback(),
            // A name, which only the resolver knows.
            Err(_) => true,
        })
    }

    /// For the child: everything that touches storage or the name service.
    fn exec(&self, seconds: u64) -> Result<Exec, String> {
        let jar = self.target.home.join("lib/ha.jar");
        match std::fs::metadata(&jar) {
            Ok(_) => {}
            Err(e) => return Err(format!("{}: {e}", jar.display())),
        }
        let program = self.java().ok_or("the java of the pico can't be told: set java_home")?;
        let user = credentials_for(self.settings, self.target)?;
        executable(self.target, &program, &user)?;
        trustworthy(self.target, &jar, &user)?;
        let mut arguments: Vec<OsString> = Vec::new();
        // The cheapest JVM there is for one connection: one collector thread, one compiler tier, a small heap, no file in /tmp.
        for flag in
            ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xms4m", "-Xmx16m", "-cp"]
        {
            arguments.push(flag.into());
        }
        arguments.push(jar.into());
        for word in [
            "com.digitalroute.ha.HAClient",
            &self.endpoint.port.to_string(),
            &self.endpoint.host,
            &seconds.to_string(),
        ] {
            arguments.push(word.into());
        }
        let environment = environment(self.settings, &user);
        Ok(Exec {
            program,
            arguments,
            environment,
            directory: "/".into(),
            user: Some(user),
            limits: Limits::default(),
        })
    }

    fn java(&self) -> Option<PathBuf> {
        if let Some(java_home) = &self.settings.java_home {
            return Some(java_home.join("bin/java"));
        }
        let link = host::process::executable(self.jvm.pid).ok()??.0;
        link.file_name().is_some_and(|name| name == "java").then_some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(end: End, output: &str, took: Duration) -> HaAnswer {
        HaAnswer::of(
            &Finished {
                end,
                output: output.into(),
                refused: None,
                waited_for_storage: false,
                left: Vec::new(),
                took,
            },
            10,
        )
    }

    #[test]
    fn failed_and_silent_are_two_things() {
        let quick = Duration::from_millis(300);
        assert_eq!(judged(End::Exited(0), "OK\n", quick), HaAnswer::Ok);
        assert_eq!(
            judged(End::Exited(1), "FAILED: too many aborts\n", quick),
            HaAnswer::Failed("too many aborts".into())
        );
        assert_eq!(judged(End::Exited(1), "FAILED\n", quick), HaAnswer::Failed("exit code 1".into()));
        assert!(matches!(judged(End::Exited(1), "FAILED\n", Duration::from_secs(10)), HaAnswer::NoAnswer(_)));
        assert!(matches!(judged(End::Exited(1), "Connection refused\n", quick), HaAnswer::NoAnswer(_)));
        assert!(matches!(judged(End::TimedOut, "", Duration::from_secs(10)), HaAnswer::NoAnswer(_)));
        assert!(matches!(judged(End::Signalled(11), "", quick), HaAnswer::NotAsked(_)));
        let missing = "Error: Could not find or load main class com.digitalroute.ha.HAClient";
        assert!(matches!(judged(End::Exited(1), missing, quick), HaAnswer::NotAsked(_)));
    }
}
