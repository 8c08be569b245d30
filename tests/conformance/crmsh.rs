//! crmsh, with its configuration in a file.

use testkit::NodeCommandOutput;

use crate::agent_fixture::AgentFixture;
use crate::{CheckOutcome, ensure};

fn ensure_no_complaint(ran: &NodeCommandOutput) -> CheckOutcome {
    let said = [ran.stdout.as_str(), ran.stderr.as_str()].concat();
    let complaint = ["ERROR:", "WARNING:"].into_iter().find(|word| said.contains(word));
    ensure!(complaint.is_none(), "crm complains: {ran}");
    Ok(())
}

/// `crm configure primitive` with a line for each operation that the metadata advise: crmsh and Pacemaker do
/// not complain.
pub(crate) fn configures_primitive(stage: &AgentFixture) -> CheckOutcome {
    stage.empty_cib()?;
    let metadata = stage.metadata()?;
    let mut crm = stage.tool("crm").args(["configure", "primitive", "tested"]).arg(stage.name());
    crm = crm.arg("params").args(stage.option_list());
    for line in metadata.lines().filter(|line| line.contains("<action ")) {
        let attribute = |name: &str| {
            let (_, value) = line.split_once(&format!(" {name}=\""))?;
            Some(value.split('"').next().unwrap_or_default())
        };
        let name = attribute("name").unwrap_or_default();
        if !["start", "stop", "monitor"].contains(&name) {
            continue;
        }
        crm = crm.args(["op", name]);
        crm = crm.arg(format!("interval={}", attribute("interval").unwrap_or("0s")));
        crm = crm.arg(format!("timeout={}", attribute("timeout").unwrap_or("20s")));
        if let Some(depth) = attribute("depth").filter(|depth| *depth != "0") {
            crm = crm.arg(format!("OCF_CHECK_LEVEL={depth}"));
        }
    }
    ensure_no_complaint(&crm.run()?.expect_code(0)?)?;
    let shown = stage.tool("crm").args(["configure", "show", "tested"]).run()?.expect_code(0)?;
    let text = shown.stdout.replace('"', "");
    for option in stage.option_list() {
        ensure!(text.contains(&option), "{option} is not in the configuration: {shown}");
    }
    stage.verify_cib()?;
    Ok(())
}

/// `crm ra info` names every parameter and the advised operations.
pub(crate) fn shows_info(stage: &AgentFixture) -> CheckOutcome {
    let ran = stage.tool("crm").args(["ra", "info", &stage.name()]).run()?.expect_code(0)?;
    ensure_no_complaint(&ran)?;
    for (parameter, _) in stage.tested.parameters {
        ensure!(ran.stdout.contains(&format!("\n{parameter}")), "{parameter} is not told: {ran}");
    }
    ensure!(ran.stdout.contains("Operations' defaults"), "no word on operations: {ran}");
    Ok(())
}
