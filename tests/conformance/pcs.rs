//! pcs, with its configuration in a file.

use testkit::NodeCommandOutput;

use crate::agent_fixture::{AgentFixture, CIB};
use crate::{CheckOutcome, ensure};

fn create_resource(
    stage: &AgentFixture,
    more: &[&str],
) -> Result<NodeCommandOutput, Box<dyn std::error::Error>> {
    stage.empty_cib()?;
    let pcs = stage.tool("pcs").args(["-f", CIB, "resource", "create", "tested"]).arg(stage.name());
    let ran = pcs.args(stage.option_list()).args(more).run()?.expect_code(0)?;
    ensure_no_complaint(&ran)?;
    stage.verify_cib()?;
    Ok(ran)
}

fn ensure_no_complaint(ran: &NodeCommandOutput) -> CheckOutcome {
    let complaint = ["Warning:", "Error:"].into_iter().find(|word| ran.stderr.contains(word));
    ensure!(complaint.is_none(), "pcs complains: {ran}");
    Ok(())
}

/// `pcs resource create`: no warning, and a configuration that Pacemaker accepts.
pub(crate) fn creates_resource(stage: &AgentFixture) -> CheckOutcome {
    create_resource(stage, &[])?;
    let config = stage
        .tool("pcs")
        .args(["-f", CIB, "resource", "config", "tested"])
        .run()?
        .expect_code(0)?;
    for option in stage.option_list() {
        ensure!(config.stdout.contains(&option), "{option} is not in the configuration: {config}");
    }
    Ok(())
}

/// The same with `--agent-validation`: the agent itself does not complain.
pub(crate) fn creates_resource_with_validation(stage: &AgentFixture) -> CheckOutcome {
    create_resource(stage, &["--agent-validation"]).map(drop)
}

/// `pcs resource describe` names every parameter and every action.
pub(crate) fn describes_agent(stage: &AgentFixture) -> CheckOutcome {
    let ran =
        stage.tool("pcs").args(["resource", "describe", &stage.name()]).run()?.expect_code(0)?;
    ensure_no_complaint(&ran)?;
    for (parameter, _) in stage.tested.parameters {
        ensure!(
            ran.stdout.contains(&format!("\n  {parameter}")),
            "{parameter} is not described: {ran}"
        );
    }
    for action in ["start", "stop", "monitor"] {
        ensure!(
            ran.stdout.contains(&format!("\n  {action}:\n")),
            "{action} is not described: {ran}"
        );
    }
    Ok(())
}
