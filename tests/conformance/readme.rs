//! What the README and docs/operate/crm.md show, run word for word: the installation and the configurations.

use crate::stage::{CIB, PLATFORM, Stage};
use crate::{Verdict, ensure, generations};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use testkit::AgentCall;
use testkit::site::{Kind, recurring, site};

/// The block of shell commands in a page whose first word is `tool`.
fn block(page: &str, tool: &str) -> Result<String, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page))?;
    let mut blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let found = blocks.find(|block| block.split_whitespace().next() == Some(tool));
    Ok(found.ok_or_else(|| format!("{page} has no block of {tool} commands"))?.to_owned())
}

/// Runs the block and looks at what stands in the CIB afterwards.
fn configures_all_four(script: &str) -> Verdict {
    let stage = Stage::set(&PLATFORM)?;
    stage.empty_cib()?;
    // Storage and address come first, and are agents of others.
    let ours = script.find("mz-platform ocf:").and_then(|at| script[..at].rfind('\n')).unwrap_or_default();
    let (theirs, ours) = script.split_at(ours);
    for (commands, is_ours) in [(theirs, false), (ours, true)] {
        // Dozens of calls of tools that start an interpreter each.
        let limit = Duration::from_secs(300);
        let ran = stage.tool("bash").args(["-euc", commands]).time_limit(limit).run()?.expect(0)?;
        let said = [ran.stdout.as_str(), ran.stderr.as_str()].concat();
        // There is neither that device nor that network here, and a pcs that asks these agents by itself tells so.
        if !is_ours && script.starts_with("pcs ") && generations::asks_by_itself(&stage)? {
            ensure!(said.contains("Validation result from agent"), "they have nothing to say: {ran}");
            continue;
        }
        // pcs says that of each change of a default.
        let always =
            "Warning: Defaults do not apply to resources which override them with their own defined values";
        let said = said.replace(always, "");
        for word in ["Warning:", "WARNING:", "Error:", "ERROR:"] {
            ensure!(!said.contains(word), "it complains: {ran}");
        }
    }
    stage.verify_cib()?;
    let count = |what: &str| -> Result<String, Box<dyn std::error::Error>> {
        let path = format!("count({what})");
        Ok(stage.node.exec(["xmllint", "--xpath", &path, CIB])?.stdout.trim().to_owned())
    };
    for (agent, monitors) in [("platform", "3"), ("ec", "2"), ("sc", "2"), ("ui", "2")] {
        let primitive = format!("//primitive[@provider='mediationzone'][@type='{agent}']");
        ensure!(count(&primitive)? == "1", "no {agent} in {}", stage.node.read(CIB)?);
        for (operation, expected) in [("start", "1"), ("stop", "1"), ("monitor", monitors)] {
            let found = count(&format!("{primitive}/operations/op[@name='{operation}']"))?;
            ensure!(found == expected, "{agent} has {found} {operation} operations, not {expected}");
        }
        let fence = count(&format!("{primitive}/operations/op[@name='stop'][@on-fail='fence']"))?;
        ensure!(fence == "1", "a failed stop of {agent} does not fence");
    }
    let orders = count("//rsc_order[@first='mz-platform'][@symmetrical='false']")?;
    ensure!(orders == "3", "{orders} orders after the Platform");
    Ok(())
}

#[test]
fn the_commands_for_pcs_do_what_they_say() -> Verdict {
    // In a file instead of a cluster: that is all that is changed.
    let block = block("README.md", "pcs")?;
    let commands =
        block.lines().filter(|line| !line.starts_with("pcs cluster ")).collect::<Vec<_>>().join("\n");
    configures_all_four(&commands.replace("pcs -f mz.xml ", &format!("pcs -f {CIB} ")))
}

#[test]
fn the_commands_for_crm_do_what_they_say() -> Verdict {
    configures_all_four(&block("docs/operate/crm.md", "crm")?)
}

/// Where the agents stand, and how often they are replaced there.
const AGENTS: &str = "/usr/lib/ocf/resource.d/mediationzone";
const UPGRADES: usize = 200;

/// Calls one monitor after the other until all upgrades are done; how many there were, and those that failed.
fn monitors(call: &AgentCall<'_>, is_done: &AtomicBool) -> (usize, Vec<String>) {
    let (mut number, mut failed) = (0, Vec::new());
    while !is_done.load(Ordering::Relaxed) {
        number += 1;
        match call.clone().run("monitor") {
            Ok(ran) if ran.code() == Some(0) && ran.stderr.is_empty() => {}
            Ok(ran) => failed.push(ran.to_string()),
            Err(error) => failed.push(error.to_string()),
        }
    }
    (number, failed)
}

#[test]
fn upgrading_under_monitors_fails_none_of_them() -> Verdict {
    let site = site(Kind::Platform).commands().build()?;
    // A directory that can be replaced in, and what cargo would have left, with less to copy where it is no release build; only /usr/sbin
    // can't be written here.
    site.sh(&format!(
        "mkdir -p /opt/build/target/release && cd /opt/build/target/release &&
        cp {AGENTS}/* /run/testkit/bin/mzha . && strip * && mount -t tmpfs -o mode=755 tmpfs {AGENTS}"
    ))?;
    let install = block("README.md", "cargo")?.replace("/usr/sbin", "/opt/sbin");
    let install = |times: usize| {
        let script = format!("cargo() {{ :; }}; cd /opt/build; for n in $(seq {times}); do {install} done");
        site.node.command("bash").args(["-euc", &script]).time_limit(Duration::from_secs(300)).run()
    };
    install(1)?.expect(0)?;
    site.start()?;
    let plain = recurring(site.agent(), 0);
    let waiting =
        site.agent().instance("waiting").level(0).param("wait", "1s").interval(Duration::from_secs(1));
    let is_done = AtomicBool::new(false);
    let (upgraded, all) = thread::scope(|scope| {
        let at_work = [&plain, &waiting].map(|call| scope.spawn(|| monitors(call, &is_done)));
        let upgraded = install(UPGRADES);
        is_done.store(true, Ordering::Relaxed);
        (upgraded, at_work.map(|thread| thread.join().expect("the thread of the monitors does not panic")))
    });
    upgraded?.expect(0)?;
    for (number, failed) in all {
        ensure!(number > 2, "{number} monitors");
        ensure!(failed.is_empty(), "{} of {number} monitors failed: {}", failed.len(), failed[0]);
    }
    let left = site.sh(&format!("cd {AGENTS}; ls -A; cd /opt/sbin; ls -A"))?;
    ensure!(left.split_whitespace().eq(["ec", "platform", "sc", "ui", "mzha"]), "{left}");
    Ok(())
}
