//! What the nodes have.

use lab::{Lab, TestResult};
use testkit::AGENTS;

use crate::{AGENTS_FOLDER, PACKAGES};

/// The commands that an administrator types.
const COMMANDS: [&str; 3] = ["/usr/bin/mz-sim", "/usr/sbin/mz-ha-scripts", "/usr/sbin/mzha"];

/// dpkg has installed all three packages on each node. The agents that Pacemaker executes and the
/// commands in the PATH are the files of the packages, compared with what dpkg-deb unpacks.
#[test]
fn nodes_execute_files_of_packages() -> TestResult {
    let lab = Lab::up_from_packages(2)?;
    for node in lab.nodes() {
        let installed = node.sh(
            "dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\\n' resource-agents-mediationzone mzha mzha-sim",
        )?;
        assert_eq!(installed, "ii mzha\nii mzha-sim\nii resource-agents-mediationzone\n");
        node.sh(&format!(
            "for deb in {PACKAGES}/*.deb; do dpkg-deb --extract $deb /tmp/content; done"
        ))?;
        let checksum = |path: &str| node.sh(&format!("sha256sum <{path}"));
        for agent in AGENTS {
            let packaged = format!("/tmp/content/usr/lib/resource-agents-mediationzone/{agent}");
            assert_eq!(
                checksum(&format!("{AGENTS_FOLDER}/{agent}"))?,
                checksum(&packaged)?,
                "{agent} on {}",
                node.name()
            );
        }
        for command in COMMANDS {
            assert_eq!(
                checksum(command)?,
                checksum(&format!("/tmp/content{command}"))?,
                "{command}"
            );
            let name = command.rsplit('/').next().unwrap_or_default();
            assert_eq!(node.sh(&format!("command -v {name}"))?.trim_end(), command);
        }
    }
    // A node keeps them when it boots again.
    lab.node("n2").cut_power()?;
    lab.node("n2").power_on()?;
    lab.wait_until("n2 to boot", lab::cluster_fixture::CLUSTER_TIMEOUT, |lab| {
        let agent =
            lab.node("n2").try_exec(&[&format!("{AGENTS_FOLDER}/platform"), "meta-data"])?;
        Ok(if agent.code() == Some(0) { Ok(()) } else { Err(agent.to_string()) })
    })?;
    lab.down()
}
