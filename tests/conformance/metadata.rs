//! The metadata, which every tool reads first.

use crate::agent_fixture::AgentFixture;
use crate::{CheckOutcome, ensure};

/// The directory of the old DTD, to which Dummy's metadata refer; ours include their own.
const DTD_DIR: &str = "/usr/share/resource-agents";

const METADATA_FILE: &str = "/run/testkit/metadata.xml";

fn is_ours(stage: &AgentFixture) -> bool {
    stage.tested.provider == "mediationzone"
}

/// Valid by the DTD in the metadata.
pub(crate) fn is_valid(stage: &AgentFixture) -> CheckOutcome {
    let text = stage.metadata()?;
    stage.node.write(METADATA_FILE, &text)?;
    stage
        .tool("xmllint")
        .args(["--noout", "--valid", "--path", DTD_DIR, METADATA_FILE])
        .run()?
        .expect_code(0)?;
    ensure!(!is_ours(stage) || text.is_ascii(), "crmsh and old terminals want ASCII: {text}");
    Ok(())
}

/// Valid by the schema of the API's version, with which pcs checks every agent.
pub(crate) fn follows_schema(stage: &AgentFixture) -> CheckOutcome {
    stage.node.write(METADATA_FILE, stage.metadata()?)?;
    let schema = format!("/usr/share/pcs/data/ocf-{}.rng", stage.tested.api_version);
    stage
        .tool("xmllint")
        .args(["--noout", "--relaxng", &schema, METADATA_FILE])
        .directory(DTD_DIR)
        .run()?
        .expect_code(0)?;
    let named =
        stage.tool("xmllint").args(["--xpath", "string(/resource-agent/version)", METADATA_FILE]);
    let named = named.run()?.expect_code(0)?;
    ensure!(
        named.stdout.trim() == stage.tested.api_version,
        "<version> is not {}: {named}",
        stage.tested.api_version
    );
    Ok(())
}

/// The same bytes without an environment, as user nobody, and where nothing can be written.
pub(crate) fn is_independent_of_caller(stage: &AgentFixture) -> CheckOutcome {
    let program = stage.program();
    // A shell script finds its functions by OCF_ROOT and its commands by PATH.
    let command = || stage.node.command(&program).arg("meta-data").env("OCF_ROOT", "/usr/lib/ocf");
    let expected = command().run()?.expect_code(0)?.stdout;
    let read_only =
        "for dir in /run /tmp /opt /var/lib /var/log /dev/shm; do mount -o remount,bind,ro $dir; done
        ! touch /tmp/x /run/x 2>/dev/null && exec \"$0\" meta-data";
    let read_only =
        stage.node.command("unshare").args(["--mount", "bash", "-ec", read_only, &program]);
    let read_only = read_only.env("OCF_ROOT", "/usr/lib/ocf");
    let broken_host = command().env("OCF_TESTER_FAIL_HAVE_BINARY", "1");
    for (how, call) in [
        ("as nobody", command().user(65534)),
        ("with nothing writable", read_only),
        ("with OCF_TESTER_FAIL_HAVE_BINARY", broken_host),
    ] {
        let ran = call.run()?.expect_code(0)?;
        ensure!(ran.stdout == expected, "{how} the metadata differ: {ran}");
    }
    // A program of ours needs no environment and ignores it (Dummy's metadata contain the name of the
    // resource).
    if is_ours(stage) {
        ensure!(stage.metadata()? == expected, "under Pacemaker the metadata differ: {expected}");
        let ran = command().without_env("PATH").without_env("OCF_ROOT").run()?.expect_code(0)?;
        ensure!(ran.stdout == expected, "without an environment the metadata differ: {ran}");
        ensure!(ran.stderr.is_empty(), "meta-data say something on stderr: {ran}");
    }
    Ok(())
}
