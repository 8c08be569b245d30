//! Answers to invalid calls.

use crate::agent_fixture::AgentFixture;
use crate::{CheckOutcome, ensure};

/// `OCF_ERR_UNIMPLEMENTED`.
const UNIMPLEMENTED: i32 = 3;

/// An unknown action, and none: exit code 3, with the usage.
pub(crate) fn unknown_action_is_unimplemented(stage: &AgentFixture) -> CheckOutcome {
    for action in stage.tested.unknown_actions {
        let ran = stage.agent().run(action)?.expect_code(UNIMPLEMENTED)?;
        ensure!(
            !(ran.stderr.is_empty() && ran.stdout.is_empty()),
            "not a word on how to call it: {ran}"
        );
    }
    stage
        .node
        .command(stage.program())
        .env("OCF_ROOT", "/usr/lib/ocf")
        .run()?
        .expect_code(UNIMPLEMENTED)?;
    Ok(())
}

/// A caller may close any of the three standard descriptors: the answer stays the same.
pub(crate) fn closed_descriptors_change_nothing(stage: &AgentFixture) -> CheckOutcome {
    for action in ["meta-data", "monitor", "validate-all", "stop", "xyzzy"] {
        let expected = stage.agent().run(action)?;
        let (_, environment) = stage.agent().argv_and_environment(action);
        for closing in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
            let script = format!("exec \"$0\" \"$1\" {closing}");
            let shell =
                stage.node.command("/bin/bash").args(["-c", &script, &stage.program(), action]);
            let call = environment.iter().fold(shell, |call, (name, value)| call.env(name, value));
            let ran = call.run()?;
            // A shell's own writes fail then, and its exit code is that failure.
            let excused = stage.tested.provider == "heartbeat" && closing.contains('>');
            ensure!(
                ran.exit_status == expected.exit_status || excused,
                "`{action} {closing}`: {ran}\nwhile open: {expected}"
            );
        }
    }
    Ok(())
}
