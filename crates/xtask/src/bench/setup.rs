//! The sandbox of the benchmark: a simulated product whose Platform is a real JVM, and the
//! candidates.

use std::path::Path;
use std::time::Duration;

use devtools::TaskError;
use testkit::{AgentCall, Sandbox};

use super::runner::{BenchCandidate, BenchPlan};

/// The minimum: no Rust program can cost less.
pub(crate) const EMPTY_PROGRAM: &str = "empty Rust program";
/// The candidate whose cost is compared with the empty program's.
pub(crate) const DEPTH_0: &str = "platform monitor, depth 0";
pub(crate) const DEPTH_10: &str = "platform monitor, depth 10, HA client in a JVM";
pub(crate) const HA_CLIENT_JVM: &str = "JVM that runs the HA client";

const HOME: &str = "/opt/mz";
const HA_PORT: &str = "26000";
const DUMMY: &str = "/usr/lib/ocf/resource.d/pacemaker/Dummy";

/// Installs and starts the product; returns the plan.
pub(crate) fn prepare(node: &Sandbox, rounds: u32) -> Result<BenchPlan, TaskError> {
    start_platform(node)?;
    let recurring = || platform_call(node).interval(Duration::from_secs(1)).param("wait", "0");
    // The simulator's launcher runs the HA client natively, so the agent's own cost remains.
    let native = || recurring().param("java_home", format!("{HOME}/java"));
    let mut candidates = vec![
        plain_candidate(EMPTY_PROGRAM, &["/run/testkit/bin/empty"]),
        agent_candidate(DEPTH_0, recurring(), "monitor")?,
        agent_candidate(
            "platform monitor, depth 10, native HA client",
            native().check_level(10),
            "monitor",
        )?,
        agent_candidate(DEPTH_10, recurring().check_level(10), "monitor")?,
        agent_candidate("platform meta-data", platform_call(node), "meta-data")?,
        agent_candidate("platform validate-all", platform_call(node), "validate-all")?,
        plain_candidate(
            HA_CLIENT_JVM,
            &[
                "java",
                "-cp",
                &format!("{HOME}/lib/ha.jar"),
                "com.digitalroute.ha.HAClient",
                HA_PORT,
            ],
        ),
    ];
    if Path::new(DUMMY).is_file() {
        let dummy = || node.agent("ocf:pacemaker:Dummy");
        dummy().run("start")?.expect_code(0)?;
        candidates.push(agent_candidate("ocf:pacemaker:Dummy monitor", dummy(), "monitor")?);
    } else {
        println!(
            "ocf:pacemaker:Dummy is not measured: {DUMMY} not found (package pacemaker-resource-agents)"
        );
    }
    Ok(BenchPlan { rounds, candidates })
}

pub(super) fn start_platform(node: &Sandbox) -> Result<(), TaskError> {
    let pico = format!("platform:platform:{HA_PORT}");
    node.mz_sim(["install", HOME, "--owner", node.owner(), "--jvm", "--pico", &pico])?;
    platform_call(node).meta_timeout(Duration::from_secs(120)).run("start")?.expect_code(0)?;
    Ok(())
}

pub(super) fn platform_call(node: &Sandbox) -> AgentCall<'_> {
    node.agent("platform").param("mz_home", HOME)
}

/// A candidate as Pacemaker calls it. It runs once first, so that a wrong setup fails with its
/// reason.
fn agent_candidate(
    name: &str,
    call: AgentCall<'_>,
    action: &str,
) -> Result<BenchCandidate, TaskError> {
    let (argv, environment) = call.argv_and_environment(action);
    call.run(action)?.expect_code(0)?;
    Ok(BenchCandidate {
        name: name.to_owned(),
        argv,
        environment: environment.into_iter().collect(),
    })
}

fn plain_candidate(name: &str, argv: &[&str]) -> BenchCandidate {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    BenchCandidate {
        name: name.to_owned(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        environment: [("PATH".to_owned(), path.to_owned())].into(),
    }
}
