//! `mzha doctor --fence-test NODE`: fences a node once, and says how long that and the fail-over took.
//!
//! A fencing device that is registered and whose monitor succeeds can still be unable to fence; only this test shows it.

use crate::cib::{self, Cib, CibError};
use ocf::escape_unprintable;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

/// Of each query of the cluster.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
/// Of the fencing in Pacemaker; retries and other devices are in it.
const FENCING_TIMEOUT: Duration = Duration::from_secs(900);
/// Of the cluster to see that a fenced node is gone. A node that boots within one poll is never seen as lost.
const LOSS_TIMEOUT: Duration = Duration::from_secs(60);
/// Of the picos to run elsewhere and the node to join again.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(900);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The order of the exit codes is that of the other checks: 1 warnings, 2 errors.
const DONE: u8 = 0;
const INCOMPLETE: u8 = 1;
const REFUSED: u8 = 2;

/// What has to be known before.
struct FenceTest {
    node: String,
    devices: Vec<String>,
    /// Our resources that run on it.
    resources: Vec<String>,
}

pub(super) fn run(node: &str) -> ExitCode {
    let test = match FenceTest::prepare(node) {
        Ok(test) => test,
        Err(why) => return refuse(node, &why),
    };
    if !test.ask() {
        return refuse(node, "the name was not typed");
    }
    ExitCode::from(test.fence())
}

fn refuse(node: &str, why: &str) -> ExitCode {
    say(&format!("{node} was not fenced: {why}"));
    ExitCode::from(REFUSED)
}

impl FenceTest {
    /// Refuses what would not be a test, or would harm more than the node.
    fn prepare(node: &str) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("run it as root".to_owned());
        }
        let until = || Instant::now() + QUERY_TIMEOUT;
        let text = |e: CibError| e.to_string();
        let cib = Cib::query(until()).map_err(text)?;
        if !cib.nodes.iter().any(|name| name == node) {
            return Err(format!("no such node; the cluster has {}", cib.nodes.join(", ")));
        }
        let own = cib::this_node(until()).ok_or("the name of this node is unknown")?;
        if own == node {
            return Err("it is this node; run the test on another one, which stays up".to_owned());
        }
        if !cib::has_quorum(until()).map_err(text)? {
            return Err("this node has no quorum, so it may fence nobody".to_owned());
        }
        let members = cib::members(until()).map_err(text)?;
        let absent: Vec<&str> =
            cib.nodes.iter().filter(|name| !members.contains(name)).map(String::as_str).collect();
        if !absent.is_empty() {
            return Err(format!(
                "not a member now: {}; start with a whole cluster",
                absent.join(", ")
            ));
        }
        let devices = cib::devices_for(node, until()).map_err(text)?;
        if devices.is_empty() {
            return Err(
                "no fencing device says that it can fence it: see pcmk_host_map and pcmk_host_list, and the log of pacemaker-fenced"
                    .to_owned(),
            );
        }
        let mut resources = Vec::new();
        for resource in cib.resources.iter().map(cib::ConfiguredResource::name) {
            let on = cib::active_on(resource, until()).map_err(text)?;
            if on.iter().any(|name| name == node) {
                resources.push(resource.to_owned());
            }
        }
        Ok(Self { node: node.to_owned(), devices, resources })
    }

    /// The answer is the node's name: nobody types that by mistake.
    fn ask(&self) -> bool {
        let node = &self.node;
        say(&format!("{} would fence {node}.", self.devices.join(" or ")));
        say(&match self.resources.as_slice() {
            [] => format!("No pico runs on {node}."),
            running => format!(
                "On {node} run {}. They die with it and start on another node, if one may run them.",
                running.join(", ")
            ),
        });
        print!("The power of {node} is cut. Type its name to go on: ");
        let _ = std::io::stdout().flush();
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.is_ok() && answer.trim() == node
    }

    fn fence(&self) -> u8 {
        let node = &self.node;
        let begin = Instant::now();
        if let Err(e) = cib::fence(node, FENCING_TIMEOUT) {
            say(&format!("{}: fencing {node} FAILED: {e}", seconds(begin)));
            say(&format!(
                "Until this is mended, a lost {node} stops the fail-over: see stonith_admin --history {node} and the log of pacemaker-fenced"
            ));
            return REFUSED;
        }
        say(&format!("{}: {node} is fenced", seconds(begin)));
        let fenced = Instant::now();
        let mut missing: Vec<&str> = self.resources.iter().map(String::as_str).collect();
        let (mut is_lost, mut is_back) = (false, false);
        while fenced.elapsed() < RECOVERY_TIMEOUT && !(missing.is_empty() && is_back) {
            let until = Instant::now() + QUERY_TIMEOUT;
            // While the cluster elects, a query may fail; the next one answers.
            if !is_back && let Ok(members) = cib::members(until) {
                let is_member = members.contains(node);
                is_lost |= !is_member || fenced.elapsed() > LOSS_TIMEOUT;
                is_back = is_member && is_lost;
                if is_back {
                    say(&format!("{}: {node} is a member again", seconds(begin)));
                }
            }
            missing.retain(|resource| {
                let on = cib::active_on(resource, until).unwrap_or_default();
                // What ran there before is shown until the cluster has seen the end of the node.
                let new = on.iter().find(|name| *name != node || is_back);
                if let Some(new) = new {
                    say(&format!("{}: {resource} runs on {new}", seconds(begin)));
                }
                new.is_none()
            });
            thread::sleep(POLL_INTERVAL);
        }
        for resource in &missing {
            say(&format!("{}: {resource} runs nowhere: see pcs status", seconds(begin)));
        }
        if !is_back {
            say(&format!(
                "{}: {node} has not joined again: does Pacemaker start when it boots?",
                seconds(begin)
            ));
        }
        if missing.is_empty() && is_back { DONE } else { INCOMPLETE }
    }
}

fn seconds(begin: Instant) -> String {
    format!("{:7.1} s", begin.elapsed().as_secs_f64())
}

fn say(line: &str) {
    // A closed stdout is no reason to leave the test half done.
    let _ = writeln!(std::io::stdout(), "{}", escape_unprintable(line));
}
