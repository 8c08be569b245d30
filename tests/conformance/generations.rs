//! Expected differences between the generations of the tools, and a check that the selected generation is
//! under test.

use std::process::Command;

use testkit::Generation;

use crate::agent_fixture::{AgentFixture, CIB, EC, PLATFORM};
use crate::{CheckOutcome, ensure};

/// Tools that print their version, and its beginning on Debian 13.
const DEBIAN_13_VERSIONS: [(&str, &str); 3] =
    [("pcs", "0.12."), ("crm", "crm 5.0."), ("crm_resource", "Pacemaker 3.0.")];

/// Whether the fixture's pcs runs the agent's validation without being asked, and prints its complaints as
/// warnings.
pub(crate) fn validates_by_default(stage: &AgentFixture) -> Result<bool, testkit::TestkitError> {
    let version = stage.tool("pcs").arg("--version").run()?.expect_code(0)?.stdout;
    Ok(!version.starts_with("0.11."))
}

#[test]
fn tools_have_versions_of_tested_generation() -> CheckOutcome {
    let stage = AgentFixture::new(&PLATFORM)?;
    for (tool, on_debian_13) in DEBIAN_13_VERSIONS {
        let told = stage.tool(tool).arg("--version").run()?.expect_code(0)?.stdout;
        match Generation::from_environment() {
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
fn pcs_prints_validation_findings_of_agent() -> CheckOutcome {
    let stage = AgentFixture::new(&PLATFORM)?;
    let why = "mz_home: is \"relative\", expected an absolute path";
    let create = |more: &[&str]| {
        stage.empty_cib()?;
        let pcs =
            stage.tool("pcs").args(["-f", CIB, "resource", "create", "tested"]).arg(stage.name());
        pcs.arg("mz_home=relative").args(more).run()
    };
    let asked = create(&["--agent-validation"])?.expect_code(1)?;
    ensure!(asked.stderr.contains(why), "pcs does not say why: {asked}");
    ensure!(!stage.node.read(CIB)?.contains("relative"), "the resource is there: {asked}");
    let not_asked = create(&[])?.expect_code(0)?;
    let told = not_asked.stderr.contains(why);
    ensure!(told == validates_by_default(&stage)?, "pcs tells it or not: {not_asked}");
    Ok(())
}

#[test]
fn pcs_warns_about_deprecated_parameter() -> CheckOutcome {
    let stage = AgentFixture::new(&EC)?;
    stage.empty_cib()?;
    let pcs = stage.tool("pcs").args(["-f", CIB, "resource", "create", "tested"]).arg(stage.name());
    let ran = pcs.args(stage.option_list()).arg("pico_port=6790").run()?.expect_code(0)?;
    ensure!(ran.stderr.contains("option 'pico_port' is deprecated"), "pcs does not tell: {ran}");
    Ok(())
}
