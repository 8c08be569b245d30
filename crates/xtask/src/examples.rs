//! docs/examples: the configurations of README.md and docs/operate/crm.md as files that the package
//! ships.

use std::fs;

use devtools::{TaskError, workspace};

const PCS_HEADER: &str = "\
# The recommended configuration of a cluster with MediationZone, for pcs. README.md explains each part.
# Made from README.md by `cargo xtask gen`.
#
# Copy this file, and replace fencing, device, address and names in the copy. Prepare the product as in README.md.
# Then run the copy once, as root, on one node of the running cluster: sh mz-pcs.sh
# Its last command loads the configuration in one step. If an earlier one fails, the cluster is unchanged.
set -eu
";

/// The files with their contents.
pub(crate) fn files() -> Result<[(String, Vec<u8>); 2], TaskError> {
    Ok([
        ("docs/examples/mz-pcs.sh".to_owned(), pcs_script(&read("README.md")?)?.into_bytes()),
        ("docs/examples/mz.crm".to_owned(), crm_lines(&read("docs/operate/crm.md")?)?.into_bytes()),
    ])
}

fn read(name: &str) -> Result<String, TaskError> {
    let path = workspace::root().join(name);
    fs::read_to_string(&path).map_err(TaskError::file("read", &path))
}

/// The fencing device of an IPMI controller is part of the script. Its alternatives are comments.
fn pcs_script(readme: &str) -> Result<String, TaskError> {
    let section = readme
        .split("\n## ")
        .find(|section| section.starts_with("Quick start with pcs"))
        .unwrap_or_default();
    let [file, ipmi, openstack, two_nodes] = indented_blocks(section)
        .try_into()
        .map_err(|_| unexpected("README.md, Quick start with pcs: not four indented commands"))?;
    let resources = fenced_block(section, "sh")?;
    let comment = |block: &str| format!("# {}\n", block.trim_end().replace('\n', "\n# "));
    Ok(format!(
        "{PCS_HEADER}{file}\
         # Fencing with IPMI: one command for each node.\n{ipmi}\
         # Or on OpenStack: one command.\n{}\
         # With two nodes, also a delay.\n{}\
         # Storage, address and picos.\n{resources}",
        comment(&openstack),
        comment(&two_nodes)
    ))
}

/// Without comments: crm would store them in the cluster's configuration.
fn crm_lines(page: &str) -> Result<String, TaskError> {
    let blocks = indented_blocks(page);
    let ipmi =
        blocks.first().ok_or_else(|| unexpected("docs/operate/crm.md: no command for fencing"))?;
    Ok(ipmi.clone() + fenced_block(page, "crm")?)
}

fn fenced_block<'a>(page: &'a str, language: &str) -> Result<&'a str, TaskError> {
    page.split_once(&format!("```{language}\n"))
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(block, _)| block)
        .ok_or_else(|| unexpected(&format!("no block of {language}")))
}

/// The blocks of a list's items that are indented as code.
fn indented_blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut in_block = false;
    for line in page.lines() {
        let code = line.strip_prefix("       ");
        match (code, in_block) {
            (Some(code), false) => blocks.push(format!("{code}\n")),
            (Some(code), true) => {
                if let Some(block) = blocks.last_mut() {
                    *block += code;
                    block.push('\n');
                }
            }
            (None, _) => {}
        }
        in_block = code.is_some();
    }
    blocks
}

fn unexpected(what: &str) -> TaskError {
    TaskError::InconsistentTable(vec![what.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_has_one_kind_of_fencing_before_the_resources() {
        let page = "# P\n\n## Quick start with pcs\n\n1. Start:\n\n       start\n\n2. Fence:\n\n       ipmi\n\n   Or:\n\n       \
                    open \\\n           stack\n\n       delay\n\n```sh\ncreate \\\n    x\npush\n```\n\n## Next\n";
        let script = pcs_script(page).unwrap();
        let commands: Vec<&str> = script.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(commands, ["set -eu", "start", "ipmi", "create \\", "    x", "push"]);
        assert!(script.contains("\n# open \\\n#     stack\n"), "{script}");
    }
}
