//! The configurations that the README shows, run word for word.

use crate::stage::{CIB, PLATFORM, Stage};
use crate::{Verdict, ensure, generations};
use std::path::Path;

/// The block of shell commands in the README whose first word is `tool`.
fn block(tool: &str) -> Result<String, Box<dyn std::error::Error>> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"))?;
    let mut blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let found = blocks.find(|block| block.split_whitespace().next() == Some(tool));
    Ok(found.ok_or_else(|| format!("the README has no block of {tool} commands"))?.to_owned())
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
        let limit = std::time::Duration::from_secs(300);
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
    configures_all_four(&block("pcs")?.replace("pcs ", &format!("pcs -f {CIB} ")))
}

#[test]
fn the_commands_for_crm_do_what_they_say() -> Verdict {
    configures_all_four(&block("crm")?)
}
