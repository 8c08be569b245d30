//! Pacemaker's own `crm_resource`, which runs agents with the same code as the cluster does.

use std::time::Duration;

use crate::agent_fixture::AgentFixture;
use crate::{CheckOutcome, ensure};

/// `crm_resource --validate`, in both of its output formats: pcs reads the XML.
pub(crate) fn validates_resource(stage: &AgentFixture) -> CheckOutcome {
    for format in ["text", "xml"] {
        let options =
            stage.option_list().into_iter().flat_map(|option| ["--option".to_owned(), option]);
        let ran = stage
            .crm_resource_command("--validate")
            .args(["--output-as", format])
            .args(options)
            .run()?
            .expect_code(0)?;
        let ours = stage.tested.provider == "mediationzone";
        ensure!(!ours || !ran.stdout.contains("<output source"), "the agent said something: {ran}");
    }
    Ok(())
}

/// `--force-check`, `--force-start`, `--force-stop` on a resource of the configuration: a whole lifecycle.
pub(crate) fn forces_actions(stage: &AgentFixture) -> CheckOutcome {
    stage.empty_cib()?;
    let cib = crate::agent_fixture::CIB;
    let create =
        stage.tool("pcs").args(["-f", cib, "resource", "create", "tested"]).arg(stage.name());
    create.args(stage.option_list()).run()?.expect_code(0)?;
    // crm_resource exits with the agent's exit code.
    for (what, expected) in [
        ("--force-check", 7),
        ("--force-start", 0),
        ("--force-check", 0),
        ("--force-start", 0),
        ("--force-stop", 0),
        ("--force-check", 7),
        ("--force-stop", 0),
    ] {
        let call = stage.tool("crm_resource").args(["--resource", "tested", what]);
        let ran = call.time_limit(Duration::from_secs(60)).run()?;
        ensure!(ran.code() == Some(expected), "{what}: {expected} expected: {ran}");
    }
    Ok(())
}

/// `crm_resource --show-metadata`: Pacemaker parses them with its own parser.
pub(crate) fn shows_metadata(stage: &AgentFixture) -> CheckOutcome {
    let ran = stage
        .tool("crm_resource")
        .args(["--show-metadata", &stage.name()])
        .run()?
        .expect_code(0)?;
    for (parameter, _) in stage.tested.parameters {
        ensure!(
            ran.stdout.contains(&format!("name=\"{parameter}\"")),
            "{parameter} is not shown: {ran}"
        );
    }
    ensure!(ran.stderr.trim().is_empty(), "it complains: {ran}");
    Ok(())
}
