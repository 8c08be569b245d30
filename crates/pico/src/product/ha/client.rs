//! The product's own client: `java -cp lib/ha.jar com.digitalroute.ha.HAClient PORT HOST SECONDS`.

use super::{HaAnswer, HaMonitor};
use crate::product::inspection::{credentials_for, executable, trustworthy};
use crate::product::mzsh::environment;
use crate::product::registry::Literals;
use crate::product::storage::Storage;
use crate::settings::{Endpoint, Settings, Target};
use host::command::{Company, Event, Exec, Finished, Limits, Running};
use host::{ProcessHandle, ProcessId, listeners, process};
use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What makes a JVM cheap that lives for one connection: one compiler tier, a small heap, no file in /tmp. The collector is the
/// JVM's own choice: the class data archive of JDK 17 has heap objects for G1 alone, and without them the serial collector costs a
/// fifth more CPU than it saves.
const CHEAP_JVM: [&str; 3] = ["-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xmx16m"];

/// One HA Monitor Server, and what is needed to run the client for it.
#[derive(Clone, Debug)]
pub struct HaClient<'a> {
    /// The parameters.
    pub settings: &'a Settings,
    /// The pico.
    pub target: &'a Target,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Its JVM: the client is run by the same java, unless `java_home` is set.
    pub jvm: ProcessId,
}

impl HaMonitor for HaClient<'_> {
    fn ask(&self, limit: Duration, until: Instant) -> HaAnswer {
        if let Some(why) = self.not_its_port() {
            return HaAnswer::NoAnswer(why);
        }
        let begun = Instant::now();
        let until = until.min(begun + limit);
        let seconds = until.saturating_duration_since(begun).as_secs().max(1);
        Storage::of(self.target)
            .launch(Company::Group, || self.exec(seconds))
            .and_then(|client| self.attend(client, seconds, until))
            .unwrap_or_else(|e| HaAnswer::NotAsked(e.to_string()))
    }
}

impl HaClient<'_> {
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

    /// Why an answer from there could not be the pico's: nobody listens, or somebody else. From /proc, so that no connection comes
    /// to the server but the client's own. `None` also where that can't be told: the client will tell.
    fn not_its_port(&self) -> Option<String> {
        let Endpoint { host, port } = &self.endpoint;
        let mut there = listeners::all().ok()?;
        there.retain(|l| l.port == *port);
        there.retain(|l| match host.parse::<IpAddr>() {
            Ok(address) => l.holds(address),
            Err(_) if host == "localhost" => l.address.is_unspecified() || l.address.is_loopback(),
            // A name, which only the resolver knows.
            Err(_) => true,
        });
        if there.is_empty() {
            return Some(format!("nothing listens on {}", self.endpoint));
        }
        if there.iter().any(|l| l.is_held_by(self.jvm.pid).unwrap_or(true)) {
            return None;
        }
        let holder = there.iter().find_map(|l| l.process().ok().flatten())?;
        Some(format!("port {port} is held by {}, not by it", process::in_words(holder)))
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
        for flag in CHEAP_JVM.into_iter().chain(["-cp"]) {
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

    /// The java of the pico's own JVM; where that can't be told by its name, the one that mzsh would take.
    fn java(&self) -> Option<PathBuf> {
        if let Some(java_home) = &self.settings.java_home {
            return Some(java_home.join("bin/java"));
        }
        let own = process::executable(self.jvm.pid).ok().flatten().filter(|own| own.is_named("java"));
        let of_mzsh = || Literals::of(self.target.home.path()).java_home.map(|home| home.join("bin/java"));
        own.map(|own| own.0).or_else(of_mzsh)
    }
}
