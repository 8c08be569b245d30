//! The product's own client: `java -cp lib/ha.jar com.digitalroute.ha.HAClient PORT HOST SECONDS`.

use super::listening::port_mismatch;
use super::{HaAnswer, HaMonitor};
use crate::product::account::run_as;
use crate::product::inspection::{check_executable, check_secure};
use crate::product::mzsh::{Language, command_environment};
use crate::product::registry::MzshVariables;
use crate::product::storage::Storage;
use crate::settings::{Endpoint, PicoInstance, Settings};
use host::command::{CommandEvent, Exec, FinishedCommand, Limits, RunAs, RunningCommand};
use host::credentials::Credentials;
use host::{ProcessHandle, ProcessId, listeners, process};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// These options make a JVM cheap that lives for one connection: one compiler tier, a small heap,
/// no file in /tmp. The JVM chooses the collector. The class data archive of JDK 17 has heap
/// objects only for G1. Without them the serial collector costs a fifth more CPU than it saves.
const CHEAP_JVM_FLAGS: [&str; 3] = ["-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xmx16m"];

/// The client of one HA Monitor Server.
#[derive(Clone, Debug)]
pub struct HaClient<'a> {
    pub settings: &'a Settings,
    pub target: &'a PicoInstance,
    /// The address of its HA Monitor Server.
    pub endpoint: Endpoint,
    /// The pico's JVM. Its java also runs the client, unless `java_home` is set.
    pub jvm: ProcessId,
}

impl HaMonitor for HaClient<'_> {
    fn ask(&self, limit: Duration, until: Instant) -> HaAnswer {
        if let Some(why) = port_mismatch(&self.endpoint, self.jvm.pid) {
            return HaAnswer::NoAnswer(why);
        }
        let begun = Instant::now();
        let until = until.min(begun + limit);
        let seconds = until.saturating_duration_since(begun).as_secs().max(1);
        let own_java = self.pico_java();
        let who = || Ok(RunAs { limits: Limits::default(), ..run_as(self.settings, self.target)? });
        Storage::for_target(self.target)
            .launch_query(who, |user| self.prepare_exec(user, own_java.clone(), seconds))
            .and_then(|client| self.supervise(client, seconds, until))
            .unwrap_or_else(|e| HaAnswer::NotAsked(e.to_string()))
    }
}

impl HaClient<'_> {
    /// Waits for the client, at most as long as the pico's JVM lives.
    fn supervise(
        &self,
        mut client: RunningCommand,
        seconds: u64,
        until: Instant,
    ) -> io::Result<HaAnswer> {
        let jvm = self.jvm.open()?;
        client.release()?;
        match client.wait(until, jvm.as_ref().map(ProcessHandle::pidfd))? {
            CommandEvent::Finished(finished) => Ok(HaAnswer::from_finished(&finished, seconds)),
            CommandEvent::OtherEnded(client) => {
                self.abort(client)?;
                Ok(HaAnswer::NoAnswer(format!("{} exited during the check", self.jvm)))
            }
            CommandEvent::DeadlineReached(client) => {
                let asked = listeners::has_connection_to_port(client.id().pid, self.endpoint.port);
                let finished = self.abort(client)?;
                if asked || finished.launch_error.is_some() {
                    return Ok(HaAnswer::from_finished(&finished, seconds));
                }
                let why = "the HA client did not connect: is the node overloaded?";
                Ok(HaAnswer::ClientTimedOut(why.to_owned()))
            }
        }
    }

    fn abort(&self, client: RunningCommand) -> io::Result<FinishedCommand> {
        let finished = client.kill()?;
        Storage::for_target(self.target).record_hung_processes(&finished.survivors);
        Ok(finished)
    }

    /// Runs in the child, after it has switched to `user`: everything that touches storage.
    fn prepare_exec(
        &self,
        user: &Credentials,
        own_java: Option<PathBuf>,
        seconds: u64,
    ) -> Result<Exec, String> {
        let jar = self.target.home.join("lib/ha.jar");
        check_secure(self.target, &jar, user)?;
        let of_mzsh = || {
            MzshVariables::from_home(self.target.home.path())
                .java_home
                .map(|home| home.join("bin/java"))
        };
        let mut programs = own_java.into_iter().chain(of_mzsh());
        let first = programs.next().ok_or("java of the pico not found: set java_home")?;
        let program = match check_executable(self.target, &first, user) {
            Ok(()) => first,
            // An administrator can replace a JDK under a running JVM. A configured `java_home` has
            // no fallback.
            Err(why) if self.settings.java_home.is_some() => return Err(why),
            Err(why) => programs
                .find(|next| check_executable(self.target, next, user).is_ok())
                .ok_or(why)?,
        };
        let mut arguments: Vec<OsString> = Vec::new();
        for flag in CHEAP_JVM_FLAGS.into_iter().chain(["-cp"]) {
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
        let environment = command_environment(self.settings, user, Language::English);
        Ok(Exec { program, arguments, environment, directory: "/".into() })
    }

    /// The java of `java_home`, otherwise the pico's own from /proc. `None` if /proc has no path;
    /// the caller then uses mzsh's java.
    fn pico_java(&self) -> Option<PathBuf> {
        if let Some(java_home) = &self.settings.java_home {
            return Some(java_home.join("bin/java"));
        }
        let own = process::read_exe_link(self.jvm.pid)
            .ok()
            .flatten()
            .filter(|own| own.has_file_name("java"));
        own.map(|own| own.0)
    }
}
