//! README.md, "Try it on a cluster": its commands as they stand there.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use testkit::wait_until;

const README: &str = include_str!("../../../README.md");

/// The picos of the example.
const RESOURCES: [&str; 4] = ["mz-platform", "mz-ui", "mz-ec1", "mz-sc1"];

/// Longer than a start or a fail-over of all picos.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(90);

/// A lab beside that of the developer. It ends by itself if this process is killed.
const ENVIRONMENT: [(&str, &str); 2] = [("LAB_NAME", "quick-start"), ("LAB_TTL", "600")];

fn run(command: &str) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    shell.envs(ENVIRONMENT).stdin(Stdio::null()).output().expect("a shell")
}

fn ok(command: &str) -> String {
    let begun = Instant::now();
    let Output { status, stdout, stderr } = run(command);
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command}: {status}\n{stdout}\n{stderr}");
    println!("{command}: {:.1} s", begun.elapsed().as_secs_f64());
    stdout.into_owned()
}

/// Ends the lab of a failed test.
struct LabGuard;

impl Drop for LabGuard {
    fn drop(&mut self) {
        run("cargo xtask lab down");
    }
}

fn commands() -> Vec<&'static str> {
    let section = README.split("\n## ").find(|part| part.starts_with("Try it on a cluster\n"));
    let section = section.expect("the README has this section");
    section.lines().filter_map(|line| line.strip_prefix("    ")).collect()
}

/// The node on which `pcs status` shows the resource as started.
fn node_of(status: &str, resource: &str) -> Option<String> {
    let line = status.lines().find(|line| line.contains(&format!("{resource}\t")))?;
    Some(line.split_once("Started ")?.1.trim().to_owned())
}

/// From no lab to a fail-over, with six commands.
#[test]
fn readme_commands_lead_to_running_platform_and_fail_over() {
    let commands = commands();
    assert!(commands.len() <= 6, "{commands:?}");
    let [up, load, status, kill, status_after, down] = commands[..] else {
        panic!("six commands: {commands:?}")
    };
    assert_eq!(up, "cargo xtask lab up --from-package --install");
    run("cargo xtask lab down");
    let _guard = LabGuard;
    ok(up);
    let example = "/usr/share/doc/resource-agents-mediationzone/examples/mz-pcs.sh";
    let shipped = ok(&format!("cargo xtask lab exec n1 cat {example}"));
    assert_eq!(shipped, include_str!("../../../docs/examples/mz-pcs.sh"));
    ok(load);
    let mut nodes = Vec::new();
    let started = wait_until("all picos to be started", RECOVERY_TIMEOUT, || {
        let seen = ok(status);
        nodes = RESOURCES.iter().filter_map(|resource| node_of(&seen, resource)).collect();
        if nodes.len() == RESOURCES.len() { Ok(()) } else { Err(seen) }
    });
    started.expect("a cluster");
    let first = nodes[0].clone();
    assert_eq!(kill, format!("cargo xtask lab kill {first}"), "the README names the node");
    ok(kill);
    let moved = wait_until("the Platform to be started on another node", RECOVERY_TIMEOUT, || {
        let seen = ok(status_after);
        match node_of(&seen, "mz-platform") {
            Some(node) if node != first => Ok(()),
            _ => Err(seen),
        }
    });
    moved.expect("a fail-over");
    ok(down);
    let after = run("cargo xtask lab status");
    assert!(!after.status.success(), "{}", String::from_utf8_lossy(&after.stdout));
}
