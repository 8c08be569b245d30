//! What differs by right between the generations of the tools, and that the one that is under test is.

use std::process::Command;

use testkit::Generation;

use crate::stage::{CIB, EC, PLATFORM, Stage};
use crate::{Verdict, ensure};

/// Tools that tell their version, and how that begins on Debian 13.
const ON_DEBIAN_13: [(&str, &str); 3] =
    [("pcs", "0.12."), ("crm", "crm 5.0."), ("crm_resource", "Pacemaker 3.0.")];

/// Whether the stage's pcs asks an agent what it has against a resource, and says it as a warning, though nobody told it to.
pub(crate) fn asks_by_itself(stage: &Stage) -> Result<bool, testkit::Error> {
    let version = stage.tool("pcs").arg("--version").run()?.expect(0)?.stdout;
    Ok(!version.starts_with("0.11."))
}

#[test]
fn the_tools_are_those_of_the_generation() -> Verdict {
    let stage = Stage::set(&PLATFORM)?;
    for (tool, on_debian_13) in ON_DEBIAN_13 {
        let told = stage.tool(tool).arg("--version").run()?.expect(0)?.stdout;
        match Generation::under_test() {
            Generation::Machine => {
                let here = Command::new(tool).arg("--version").output()?.stdout;
                ensure!(told.as_bytes() == here, "{tool} is not the machine's: {told}");
            }
            Generation::Debian13 => ensure!(told.starts_with(on_debian_13), "{tool} is {told}"),
        }
    }
    Ok(())
}

#[test]
fn pcs_tells_what_the_agent_has_against_a_resource() -> Verdict {
    let stage = Stage::set(&PLATFORM)?;
    let why = "mz_home: is \"relative\", expected an absolute path";
    let create = |more: &[&str]| {
        stage.empty_cib()?;
        let pcs = stage.tool("pcs").args(["-f", CIB, "resource", "create", "tested"]).arg(stage.name());
        pcs.arg("mz_home=relative").args(more).run()
    };
    let asked = create(&["--agent-validation"])?.expect(1)?;
    ensure!(asked.stderr.contains(why), "pcs does not say why: {asked}");
    ensure!(!stage.node.read(CIB)?.contains("relative"), "the resource is there: {asked}");
    let not_asked = create(&[])?.expect(0)?;
    let told = not_asked.stderr.contains(why);
    ensure!(told == asks_by_itself(&stage)?, "pcs tells it or not: {not_asked}");
    Ok(())
}

#[test]
fn pcs_tells_that_a_parameter_is_deprecated() -> Verdict {
    let stage = Stage::set(&EC)?;
    stage.empty_cib()?;
    let pcs = stage.tool("pcs").args(["-f", CIB, "resource", "create", "tested"]).arg(stage.name());
    let ran = pcs.args(stage.options()).arg("pico_port=6790").run()?.expect(0)?;
    ensure!(ran.stderr.contains("option 'pico_port' is deprecated"), "pcs does not tell: {ran}");
    Ok(())
}
