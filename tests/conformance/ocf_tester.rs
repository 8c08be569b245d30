//! ocf-tester, of resource-agents.

use std::time::Duration;

use crate::agent_fixture::AgentFixture;
use crate::{CheckOutcome, ensure};

/// It passes all tests. Its exit code alone does not show that.
pub(crate) fn passes(stage: &AgentFixture) -> CheckOutcome {
    let options = stage.option_list().into_iter().flat_map(|option| ["-o".to_owned(), option]);
    let tester = stage.tool("ocf-tester").args(["-n", "tested"]).args(options).arg(stage.program());
    let ran = tester
        .without_env("CIB_file")
        .time_limit(Duration::from_secs(180))
        .run()?
        .expect_code(0)?;
    let expected = format!("{} passed all tests", stage.program());
    ensure!(ran.stdout.trim_end().ends_with(&expected), "no \"{expected}\": {ran}");
    Ok(())
}
