//! The configurations of the README and docs/operate/crm.md, and the installation without a package of docs/operate/upgrade.md, run word
//! for word.

use crate::agent_fixture::{AgentFixture, CIB, PLATFORM};
use crate::{CheckOutcome, ensure, generations};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use testkit::AgentCall;
use testkit::fixture::{AgentKind, as_recurring_monitor, fixture};

/// The block of this language in a page whose first word is `word`.
fn page_block(
    page: &str,
    language: &str,
    word: &str,
) -> Result<String, Box<dyn std::error::Error>> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page))?;
    let fence = format!("```{language}\n");
    let mut blocks = text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    let found = blocks.find(|block| block.split_whitespace().next() == Some(word));
    Ok(found.ok_or_else(|| format!("{page} has no block that begins with {word}"))?.to_owned())
}

/// Runs the lines of the block, `script` around them, and checks the CIB afterwards.
fn check_configuration(block: &str, script: impl Fn(&str) -> String) -> CheckOutcome {
    let stage = AgentFixture::new(&PLATFORM)?;
    stage.empty_cib()?;
    // Storage and address come first, and use agents of others.
    let ours =
        block.find("mz-platform ocf:").and_then(|at| block[..at].rfind('\n')).unwrap_or_default();
    let (theirs, ours) = block.split_at(ours);
    for (lines, is_ours) in [(theirs, false), (ours, true)] {
        let commands = script(lines);
        // Dozens of calls of tools, each of which starts an interpreter.
        let limit = Duration::from_secs(300);
        let ran =
            stage.tool("bash").args(["-euc", &commands]).time_limit(limit).run()?.expect_code(0)?;
        let said = [ran.stdout.as_str(), ran.stderr.as_str()].concat();
        // Neither that device nor that network exists here, and a pcs that validates with these agents by
        // default says so.
        if !is_ours && block.starts_with("pcs ") && generations::validates_by_default(&stage)? {
            ensure!(
                said.contains("Validation result from agent"),
                "they have nothing to say: {ran}"
            );
            continue;
        }
        // pcs prints that at each change of a default.
        let always = "Warning: Defaults do not apply to resources which override them with their own defined values";
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
            ensure!(
                found == expected,
                "{agent} has {found} {operation} operations, not {expected}"
            );
        }
        let fence = count(&format!("{primitive}/operations/op[@name='stop'][@on-fail='fence']"))?;
        ensure!(fence == "1", "a failed stop of {agent} does not fence");
    }
    let orders = count("//rsc_order[@first='mz-platform'][@symmetrical='false']")?;
    ensure!(orders == "3", "{orders} orders after the Platform");
    Ok(())
}

#[test]
fn readme_pcs_commands_configure_all_resources() -> CheckOutcome {
    // The only change: a file instead of a cluster.
    let block = page_block("README.md", "sh", "pcs")?;
    let block = block
        .lines()
        .filter(|line| !line.starts_with("pcs cluster "))
        .collect::<Vec<_>>()
        .join("\n");
    check_configuration(&block, |lines| lines.replace("pcs -f mz.xml ", &format!("pcs -f {CIB} ")))
}

#[test]
fn crm_page_lines_configure_all_resources() -> CheckOutcome {
    let block = page_block("docs/operate/crm.md", "crm", "property")?;
    check_configuration(&block, |lines| {
        format!("crm configure load update /dev/stdin <<'END'\n{lines}\nEND")
    })
}

/// The directory of the agents, and the number of replacements there.
const AGENTS_DIRECTORY: &str = "/usr/lib/ocf/resource.d/mediationzone";
const UPGRADES: usize = 200;

/// Runs monitors one after the other until all upgrades are done; returns their number, and those that
/// failed.
fn run_monitors_until(call: &AgentCall<'_>, is_done: &AtomicBool) -> (usize, Vec<String>) {
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
fn agent_upgrade_fails_no_running_monitor() -> CheckOutcome {
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    // A directory in which files can be replaced, and the copied programs, stripped where they are no release build. Only /usr/sbin is not writable here.
    fixture.sh(&format!(
        "mkdir /opt/build && cd /opt/build &&
        cp {AGENTS_DIRECTORY}/* /run/testkit/bin/mzha . && strip * && mount -t tmpfs -o mode=755 tmpfs {AGENTS_DIRECTORY}"
    ))?;
    let install =
        page_block("docs/operate/upgrade.md", "sh", "replace()")?.replace("/usr/sbin", "/opt/sbin");
    let install = |times: usize| {
        let script = format!("cd /opt/build; for n in $(seq {times}); do {install} done");
        fixture
            .node
            .command("bash")
            .args(["-euc", &script])
            .time_limit(Duration::from_secs(300))
            .run()
    };
    install(1)?.expect_code(0)?;
    fixture.start()?;
    let plain = as_recurring_monitor(fixture.agent(), 0);
    let waiting = fixture
        .agent()
        .instance("waiting")
        .check_level(0)
        .param("wait", "1s")
        .interval(Duration::from_secs(1));
    let is_done = AtomicBool::new(false);
    let (upgraded, all) = thread::scope(|scope| {
        let at_work =
            [&plain, &waiting].map(|call| scope.spawn(|| run_monitors_until(call, &is_done)));
        let upgraded = install(UPGRADES);
        is_done.store(true, Ordering::Relaxed);
        (
            upgraded,
            at_work.map(|thread| thread.join().expect("the thread of the monitors does not panic")),
        )
    });
    upgraded?.expect_code(0)?;
    for (number, failed) in all {
        ensure!(number > 2, "{number} monitors");
        ensure!(failed.is_empty(), "{} of {number} monitors failed: {}", failed.len(), failed[0]);
    }
    let left = fixture.sh(&format!("cd {AGENTS_DIRECTORY}; ls -A; cd /opt/sbin; ls -A"))?;
    ensure!(left.split_whitespace().eq(["ec", "platform", "sc", "ui", "mzha"]), "{left}");
    Ok(())
}
