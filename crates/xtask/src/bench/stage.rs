//! The stage: a simulated product whose Platform is a real JVM, and the candidates.

use std::path::Path;
use std::time::Duration;

use devtools::Error;
use testkit::{AgentCall, Sandbox};

use super::inside::{Candidate, Plan};

/// The floor: nothing that is written in Rust can cost less.
pub(crate) const EMPTY: &str = "empty Rust program";
/// What the obvious way costs.
pub(crate) const DEPTH_0: &str = "platform monitor, depth 0";
pub(crate) const DEPTH_10: &str = "platform monitor, depth 10, HA client in a JVM";
pub(crate) const JVM: &str = "JVM that runs the HA client";

const HOME: &str = "/opt/mz";
const HA_PORT: &str = "26000";
const DUMMY: &str = "/usr/lib/ocf/resource.d/pacemaker/Dummy";

/// Installs and starts, and says what to measure.
pub(crate) fn set(node: &Sandbox, rounds: u32) -> Result<Plan, Error> {
    started(node)?;
    let recurring = || platform(node).interval(Duration::from_secs(1)).param("wait", "0");
    // The simulator's own launcher plays the HA client natively: what is left is the agent's own cost.
    let native = || recurring().param("java_home", format!("{HOME}/java"));
    let mut candidates = vec![
        plain(EMPTY, &["/run/testkit/bin/empty"]),
        agent(DEPTH_0, recurring(), "monitor")?,
        agent("platform monitor, depth 10, native HA client", native().level(10), "monitor")?,
        agent(DEPTH_10, recurring().level(10), "monitor")?,
        agent("platform meta-data", platform(node), "meta-data")?,
        agent("platform validate-all", platform(node), "validate-all")?,
        plain(JVM, &["java", "-cp", &format!("{HOME}/lib/ha.jar"), "com.digitalroute.ha.HAClient", HA_PORT]),
    ];
    if Path::new(DUMMY).is_file() {
        let dummy = || node.agent("ocf:pacemaker:Dummy");
        dummy().run("start")?.expect(0)?;
        candidates.push(agent("ocf:pacemaker:Dummy monitor", dummy(), "monitor")?);
    } else {
        println!("ocf:pacemaker:Dummy is not measured: {DUMMY} is not there (package pacemaker)");
    }
    Ok(Plan { rounds, candidates })
}

/// The Platform runs from now on.
pub(super) fn started(node: &Sandbox) -> Result<(), Error> {
    let pico = format!("platform:platform:{HA_PORT}");
    node.mz_sim(["install", HOME, "--owner", node.owner(), "--jvm", "--pico", &pico])?;
    platform(node).meta_timeout(Duration::from_secs(120)).run("start")?.expect(0)?;
    Ok(())
}

/// The Platform's agent.
pub(super) fn platform(node: &Sandbox) -> AgentCall<'_> {
    node.agent("platform").param("mz_home", HOME)
}

/// A candidate as Pacemaker would call it; it is run once before, so that a stage that is not right tells why.
fn agent(name: &str, call: AgentCall<'_>, action: &str) -> Result<Candidate, Error> {
    let (argv, environment) = call.spelled_out(action);
    call.run(action)?.expect(0)?;
    Ok(Candidate { name: name.to_owned(), argv, environment: environment.into_iter().collect() })
}

fn plain(name: &str, argv: &[&str]) -> Candidate {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    Candidate {
        name: name.to_owned(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        environment: [("PATH".to_owned(), path.to_owned())].into(),
    }
}
