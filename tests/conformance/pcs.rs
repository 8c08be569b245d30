//! pcs, with its configuration in a file.

use testkit::Ran;

use crate::stage::{CIB, Stage};
use crate::{Verdict, ensure};

fn create(stage: &Stage, more: &[&str]) -> Result<Ran, Box<dyn std::error::Error>> {
    stage.empty_cib()?;
    let pcs = stage.tool("pcs").args(["-f", CIB, "resource", "create", "tested"]).arg(stage.name());
    let ran = pcs.args(stage.options()).args(more).run()?.expect(0)?;
    ensure_quiet(&ran)?;
    stage.verify_cib()?;
    Ok(ran)
}

fn ensure_quiet(ran: &Ran) -> Verdict {
    let complaint = ["Warning:", "Error:"].into_iter().find(|word| ran.stderr.contains(word));
    ensure!(complaint.is_none(), "pcs complains: {ran}");
    Ok(())
}

/// `pcs resource create`: no warning, and a configuration that Pacemaker finds right.
pub(crate) fn creates_a_resource(stage: &Stage) -> Verdict {
    create(stage, &[])?;
    let config = stage.tool("pcs").args(["-f", CIB, "resource", "config", "tested"]).run()?.expect(0)?;
    for option in stage.options() {
        ensure!(config.stdout.contains(&option), "{option} is not in the configuration: {config}");
    }
    Ok(())
}

/// The same with `--agent-validation`: the agent itself has nothing to say against it.
pub(crate) fn creates_it_with_validation(stage: &Stage) -> Verdict {
    create(stage, &["--agent-validation"]).map(drop)
}

/// `pcs resource describe` names every parameter and every action.
pub(crate) fn describes_it(stage: &Stage) -> Verdict {
    let ran = stage.tool("pcs").args(["resource", "describe", &stage.name()]).run()?.expect(0)?;
    ensure_quiet(&ran)?;
    for (parameter, _) in stage.subject.parameters {
        ensure!(ran.stdout.contains(&format!("\n  {parameter}")), "{parameter} is not described: {ran}");
    }
    for action in ["start", "stop", "monitor"] {
        ensure!(ran.stdout.contains(&format!("\n  {action}:\n")), "{action} is not described: {ran}");
    }
    Ok(())
}
