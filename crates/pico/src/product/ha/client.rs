//! The product's own client: `java -cp lib/ha.jar com.digitalroute.ha.HAClient PORT HOST SECONDS`.

use super::{HaAnswer, HaMonitor};
use crate::product::account::run_as;
use crate::product::inspection::{executable, trustworthy};
use crate::product::mzsh::{Language, environment};
use crate::product::registry::Literals;
use crate::product::storage::Storage;
use crate::settings::{Endpoint, Settings, Target};
use host::command::{Event, Exec, Finished, Limits, RunAs, Running};
use host::credentials::Credentials;
use host::{Pid, ProcessHandle, ProcessId, listeners, process};
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

/// Why an answer from there could not be the pico's: nobody listens, or somebody else. From /proc, so that no connection comes
/// to the server but the client's own. `None` also where that can't be told: the client will tell.
fn not_its_port(endpoint: &Endpoint, jvm: Pid) -> Option<String> {
    let Endpoint { host, port } = endpoint;
    let mut there = listeners::all().ok()?;
    there.retain(|l| l.port == *port);
    there.retain(|l| match host.parse::<IpAddr>() {
        Ok(address) => l.holds(address),
        Err(_) if host == "localhost" => l.address.is_unspecified() || l.address.is_loopback(),
        // A name, which only the resolver knows.
        Err(_) => true,
    });
    if there.is_empty() {
        return Some(format!("nothing listens on {endpoint}"));
    }
    if there.iter().any(|l| l.is_held_by(jvm).unwrap_or(true)) {
        return None;
    }
    let holders: Vec<Pid> = there.iter().filter_map(|l| l.process().ok().flatten()).collect();
    let holder = *holders.first()?;
    // By `process_match` the pico may be a script, and the JVM its child.
    let all = process::all().ok()?;
    if holders.iter().any(|&holder| all.ancestors(holder).any(|ancestor| ancestor == jvm)) {
        return None;
    }
    Some(format!("port {port} is held by {}, not by it", process::in_words(holder)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::OwnedFd;
    use std::process::{Command, Stdio};

    #[test]
    fn a_port_is_the_picos_if_it_or_a_child_of_it_listens_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port };
        assert_eq!(not_its_port(&endpoint, Pid::own()), None);
        let mut child =
            Command::new("sleep").arg("60").stdin(Stdio::from(OwnedFd::from(listener))).spawn().unwrap();
        let of_child = not_its_port(&endpoint, Pid::own());
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = |process: &std::process::Child| Pid::new(i32::try_from(process.id()).unwrap()).unwrap();
        let of_itself = not_its_port(&endpoint, pid(&child));
        let of_stranger = not_its_port(&endpoint, pid(&other));
        for process in [&mut child, &mut other] {
            process.kill().unwrap();
            process.wait().unwrap();
        }
        assert_eq!((of_child, of_itself), (None, None));
        let why = of_stranger.unwrap();
        assert!(why.contains("), not by it"), "{why}");
    }
}
