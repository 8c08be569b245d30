//! The metadata: what every tool reads first.

use crate::stage::Stage;
use crate::{Verdict, ensure};

/// Where the DTD of old lies, which Dummy's metadata refer to; ours bring their own.
const DTD_DIR: &str = "/usr/share/resource-agents";

const FILE: &str = "/run/testkit/metadata.xml";

fn is_ours(stage: &Stage) -> bool {
    stage.subject.provider == "mediationzone"
}

/// Valid by the DTD that they name.
pub(crate) fn is_valid(stage: &Stage) -> Verdict {
    let text = stage.metadata()?;
    stage.node.write(FILE, &text)?;
    stage.tool("xmllint").args(["--noout", "--valid", "--path", DTD_DIR, FILE]).run()?.expect(0)?;
    ensure!(!is_ours(stage) || text.is_ascii(), "crmsh and old terminals want ASCII: {text}");
    Ok(())
}

/// Valid by the schema of the API's version, with which pcs looks at every agent.
pub(crate) fn follows_the_schema(stage: &Stage) -> Verdict {
    stage.node.write(FILE, stage.metadata()?)?;
    let schema = format!("/usr/share/pcs/data/ocf-{}.rng", stage.subject.api);
    stage
        .tool("xmllint")
        .args(["--noout", "--relaxng", &schema, FILE])
        .directory(DTD_DIR)
        .run()?
        .expect(0)?;
    let named = stage.tool("xmllint").args(["--xpath", "string(/resource-agent/version)", FILE]);
    let named = named.run()?.expect(0)?;
    ensure!(named.stdout.trim() == stage.subject.api, "<version> is not {}: {named}", stage.subject.api);
    Ok(())
}

/// The same bytes without an environment, for nobody, and where nothing can be written.
pub(crate) fn is_the_same_for_everybody(stage: &Stage) -> Verdict {
    let program = stage.program();
    // A shell script looks for its functions by OCF_ROOT and for its commands by PATH.
    let command = || stage.node.command(&program).arg("meta-data").env("OCF_ROOT", "/usr/lib/ocf");
    let expected = command().run()?.expect(0)?.stdout;
    let read_only =
        "for dir in /run /tmp /opt /var/lib /var/log /dev/shm; do mount -o remount,bind,ro $dir; done
        ! touch /tmp/x /run/x 2>/dev/null && exec \"$0\" meta-data";
    let read_only = stage.node.command("unshare").args(["--mount", "bash", "-ec", read_only, &program]);
    let read_only = read_only.env("OCF_ROOT", "/usr/lib/ocf");
    let broken_host = command().env("OCF_TESTER_FAIL_HAVE_BINARY", "1");
    for (how, call) in [
        ("as nobody", command().user(65534)),
        ("with nothing writable", read_only),
        ("with OCF_TESTER_FAIL_HAVE_BINARY", broken_host),
    ] {
        let ran = call.run()?.expect(0)?;
        ensure!(ran.stdout == expected, "{how} the metadata differ: {ran}");
    }
    // A program of ours needs nothing at all, and heeds nothing (Dummy's tell the name of the resource).
    if is_ours(stage) {
        ensure!(stage.metadata()? == expected, "under Pacemaker the metadata differ: {expected}");
        let ran = command().without("PATH").without("OCF_ROOT").run()?.expect(0)?;
        ensure!(ran.stdout == expected, "without an environment the metadata differ: {ran}");
        ensure!(ran.stderr.is_empty(), "meta-data say something on stderr: {ran}");
    }
    Ok(())
}
