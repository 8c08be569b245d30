//! `ocf_mediationzone_platform(7)`, `_ec`, `_sc` and `_ui`: the metadata as manual pages.

use agents::definition;
use ocf::time::format_duration;
use ocf::{Definition, Operation, Parameter};
use pico::PicoType;

use super::mdoc::{MdocPage, word};

pub(super) fn page(kind: PicoType, date: &str) -> String {
    let definition = definition(kind);
    let name = format!("ocf_mediationzone_{}", definition.name);
    let mut page = MdocPage::new(&name, 7, date);
    page.request("Sh NAME").request(&format!("Nm {name}"));
    page.request(&format!("Nd {}", definition.shortdesc));
    page.request("Sh SYNOPSIS");
    page.request(&format!("Nm ocf:mediationzone:{}", definition.name));
    page.request("Sh DESCRIPTION");
    for (number, paragraph) in definition.longdesc.split("\n\n").enumerate() {
        if number > 0 {
            page.request("Pp");
        }
        page.text(paragraph);
    }
    parameters(&mut page, definition);
    operations(&mut page, definition.operations);
    exit_status(&mut page);
    examples(&mut page, definition);
    page.request("Sh SEE ALSO");
    page.request("Xr mediationzone-ra 7 ,").request("Xr mzha 8 ,").request("Xr pcs 8");
    page.finish()
}

fn parameters(page: &mut MdocPage, definition: &Definition) {
    page.request("Ss Parameters");
    page.text(
        "Times are written as 90, 90s, 2m, 1500ms or 1h. \
         Pacemaker applies a change of a reloadable parameter without a restart. \
         A change of any other parameter restarts the resource.",
    );
    page.request("Bl -tag -width Ds");
    for parameter in definition.parameters {
        page.request(&format!("It Va {}", word(parameter.name)));
        page.text(&describe(parameter));
    }
    page.request("El");
}

fn describe(parameter: &Parameter) -> String {
    let mut facts = vec![parameter.kind.to_string()];
    if parameter.required {
        facts.push("required".to_owned());
    }
    if parameter.reloadable {
        facts.push("reloadable".to_owned());
    }
    let facts = facts.join("; ");
    match parameter.deprecated {
        Some(deprecated) => format!("({facts}) Deprecated. {}", deprecated.desc),
        None => format!("({facts}) {}", parameter.longdesc),
    }
}

fn operations(page: &mut MdocPage, operations: &[Operation]) {
    page.request("Ss Operations");
    page.text("These are the advised timeouts and intervals:");
    page.request("Bl -tag -width Ds");
    for Operation { action, timeout, interval, depth } in operations {
        let depth = depth.map(|depth| format!(", depth {depth}")).unwrap_or_default();
        page.request(&format!("It Cm {}", word(&format!("{}{depth}", action.name()))));
        let interval = interval
            .map(|interval| format!("interval {}, ", format_duration(interval)))
            .unwrap_or_default();
        page.text(&format!("{interval}timeout {}", format_duration(*timeout)));
    }
    page.request("El");
    page.request("Pp");
    page.text("The depth is set by OCF_CHECK_LEVEL. Two actions are for people:");
    page.request("Cm status").text("prints one line, and");
    page.request("Cm explain").text("prints all evidence and the verdict. Both take --json.");
}

fn exit_status(page: &mut MdocPage) {
    page.request("Sh EXIT STATUS");
    page.text("The codes are those of OCF:");
    page.request("Bl -tag -width Ds");
    for (code, meaning) in [
        ("0", "Success; for a monitor: running."),
        ("1", "An error, or a state that is unknown. The exit reason says which."),
        ("2", "A parameter is not right on this node."),
        ("4", "Permission denied."),
        ("5", "The installation or a program is not on this node."),
        ("6", "The configuration is wrong on each node."),
        ("7", "Not running: no process of the pico was found."),
        ("190", "Running, but degraded."),
    ] {
        page.request(&format!("It {code}")).text(meaning);
    }
    page.request("El");
}

fn examples(page: &mut MdocPage, definition: &Definition) {
    let name = definition.name;
    let required = definition.parameters.iter().filter(|parameter| parameter.required);
    let required: Vec<String> =
        required.map(|parameter| format!("{}={name}1", parameter.name)).collect();
    page.request("Sh EXAMPLES");
    page.text("All evidence that the agent has, without a change:");
    page.request("Bd -literal -offset indent");
    page.text("export OCF_RESKEY_mz_home=/opt/mz");
    for assignment in &required {
        page.text(&format!("export OCF_RESKEY_{assignment}"));
    }
    page.text(&format!("/usr/lib/ocf/resource.d/mediationzone/{name} explain"));
    page.request("Ed").request("Pp");
    page.text("A resource with pcs, in a file that is loaded at once:");
    page.request("Bd -literal -offset indent");
    page.text(&format!("pcs -f mz.xml resource create mz-{name} \\"));
    page.text(&format!("ocf:mediationzone:{name} mz_home=/opt/mz {} \\", required.join(" ")));
    for Operation { action, timeout, interval, depth } in definition.operations {
        let timeout = format_duration(*timeout);
        match (action.name(), interval, depth) {
            ("start", ..) => page.text(&format!("op start timeout={timeout} \\")),
            ("stop", ..) => page.text(&format!("op stop timeout={timeout} on-fail=fence \\")),
            (_, Some(interval), Some(depth)) => {
                let interval = format_duration(*interval);
                page.text(&format!(
                    "monitor interval={interval} timeout={timeout} OCF_CHECK_LEVEL={depth} \\"
                ))
            }
            _ => continue,
        };
    }
    page.text("meta failure-timeout=600s");
    page.request("Ed");
}
