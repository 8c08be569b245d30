//! The product's own client: `java -cp lib/ha.jar com.digitalroute.ha.HAClient PORT HOST SECONDS`.

use super::listening::not_its_port;
use super::{HaAnswer, HaMonitor};
use crate::product::account::run_as;
use crate::product::inspection::{executable, trustworthy};
use crate::product::mzsh::{Language, environment};
use crate::product::registry::Literals;
use crate::product::storage::Storage;
use crate::settings::{Endpoint, Settings, Target};
use host::command::{Event, Exec, Finished, Limits, RunAs, Running};
use host::credentials::Credentials;
use host::{ProcessHandle, ProcessId, listeners, process};
use std::ffi::OsString;
use std::io;
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
        if let Some(why) = not_its_port(&self.endpoint, self.jvm.pid) {
            return HaAnswer::NoAnswer(why);
        }
        let begun = Instant::now();
        let until = until.min(begun + limit);
        let seconds = until.saturating_duration_since(begun).as_secs().max(1);
        let own_java = self.own_java();
        let who = || Ok(RunAs { limits: Limits::default(), ..run_as(self.settings, self.target)? });
        Storage::of(self.target)
            .question(who, |user| self.exec(user, own_java.clone(), seconds))
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

    /// For the child, once it is `user`: everything that touches storage.
    fn exec(&self, user: &Credentials, own_java: Option<PathBuf>, seconds: u64) -> Result<Exec, String> {
        let jar = self.target.home.join("lib/ha.jar");
        trustworthy(self.target, &jar, user)?;
        let of_mzsh = || Literals::of(self.target.home.path()).java_home.map(|home| home.join("bin/java"));
        let mut programs = own_java.into_iter().chain(of_mzsh());
        let first = programs.next().ok_or("the java of the pico can't be told: set java_home")?;
        let program = match executable(self.target, &first, user) {
            Ok(()) => first,
            // A JDK can be replaced under a JVM that runs. One that is set is meant.
            Err(why) if self.settings.java_home.is_some() => return Err(why),
            Err(why) => programs.find(|next| executable(self.target, next, user).is_ok()).ok_or(why)?,
        };
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
        let environment = environment(self.settings, user, Language::English);
        Ok(Exec { program, arguments, environment, directory: "/".into() })
    }

    /// That of `java_home`, or of the pico's own JVM, by /proc; where that can't be told by its name, mzsh's is taken.
    fn own_java(&self) -> Option<PathBuf> {
        if let Some(java_home) = &self.settings.java_home {
            return Some(java_home.join("bin/java"));
        }
        let own = process::executable(self.jvm.pid).ok().flatten().filter(|own| own.is_named("java"));
        own.map(|own| own.0)
    }
}
