//! A planned cluster: the README's configuration, and the changes of a scenario.

use std::cell::RefCell;
use std::fs;

use testkit::{TestResult, TestkitError};

use super::{ClusterFixture, EC_HOME, HEARTBEAT_DIR, MZ_HOME, SHARED_MZ_HOME, is_in_platform_home};
use crate::Lab;
use crate::controller::io_error;

/// The users' configuration, with the commands of each tool.
const WITH_PCS: &str = include_str!("../../../../README.md");
/// The same with pcs, as the package ships it.
const EXAMPLE: &str = include_str!("../../../../docs/examples/mz-pcs.sh");
const WITH_CRM: &str = include_str!("../../../../docs/operate/crm.md");

/// Texts of the README and their replacements. The storage here is a directory of all nodes, and
/// the address is on their network.
const README_REPLACEMENTS: [(&str, &str); 2] = [
    (
        "device=/dev/shared/mz directory=/opt/mz fstype=xfs",
        "device=/srv/mz directory=/opt/mz fstype=none options=bind",
    ),
    ("192.0.2.100", "10.99.0.100"),
];

/// The tool that creates the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigurationTool {
    /// `crm`, all lines at once.
    Crm,
    /// `pcs -f`, with one call for each line and one to push the result.
    Pcs,
}

#[derive(Debug, Clone)]
pub struct ClusterPlan {
    nodes: u8,
    tool: ConfigurationTool,
    jvm: bool,
    storage_in_cluster: bool,
    changes: Vec<(String, String)>,
    /// The crm line of the fencing device.
    fencing: String,
    extra_lines: String,
    /// Options of the simulator for the picos below `/opt/mz`, and for those below `/opt/ec`.
    simulator_options: [Vec<String>; 2],
}

/// A plan of three nodes and five simulated picos, configured by crm.
#[must_use]
pub fn cluster_plan() -> ClusterPlan {
    ClusterPlan {
        nodes: 3,
        tool: ConfigurationTool::Crm,
        jvm: false,
        storage_in_cluster: true,
        changes: Vec::new(),
        fencing: "primitive power stonith:fence_lab op monitor interval=30s timeout=20s".to_owned(),
        extra_lines: String::new(),
        simulator_options: [const { Vec::new() }; 2],
    }
}

impl ClusterPlan {
    /// Uses two nodes. The Platform and the UI prefer n1, all others n2. The power switch is on the
    /// nodes' network. Otherwise an isolated node might win the race and fence the healthy one.
    #[must_use]
    pub fn with_two_nodes(self) -> Self {
        let fencing = self.fencing.replace(" op ", " params lan=1 op ");
        Self { nodes: 2, fencing, ..self }
    }

    /// Uses another fencing device: a line for crm.
    #[must_use]
    pub fn with_fencing(self, line: &str) -> Self {
        Self { fencing: line.to_owned(), ..self }
    }

    #[must_use]
    pub fn with_tool(self, tool: ConfigurationTool) -> Self {
        Self { tool, ..self }
    }

    #[must_use]
    pub fn with_real_jvms(self) -> Self {
        Self { jvm: true, ..self }
    }

    /// Mounts the storage on all nodes permanently, as NFS often is. It is no resource of the
    /// cluster then.
    #[must_use]
    pub fn with_storage_on_all_nodes(self) -> Self {
        Self { storage_in_cluster: false, ..self }
    }

    /// Replaces text in the configuration: the first occurrence in each line.
    #[must_use]
    pub fn replace_in_configuration(mut self, was: &str, is: &str) -> Self {
        self.changes.push((was.to_owned(), is.to_owned()));
        self
    }

    /// Changes the timeout of the Platform's stop.
    #[must_use]
    pub fn stop_timeout(self, stop: &str) -> Self {
        self.replace_in_resource(
            "mz-platform",
            "op stop timeout=360s",
            &format!("op stop timeout={stop}"),
        )
    }

    /// Replaces text in the definition of one resource.
    #[must_use]
    pub fn replace_in_resource(mut self, resource: &str, was: &str, is: &str) -> Self {
        self.changes.push((format!("{resource}\0{was}"), is.to_owned()));
        self
    }

    /// Adds lines for crm at the end.
    #[must_use]
    pub fn with_crm_lines(mut self, lines: &str) -> Self {
        self.extra_lines.push_str(lines);
        self.extra_lines.push('\n');
        self
    }

    /// Sets a property of a pico in its registry: `property("ec1", "mz.ha.min_consumes=10")`.
    #[must_use]
    pub fn property(self, pico: &str, assignment: &str) -> Self {
        self.add_simulator_option(pico, &format!("--property {pico}:'{assignment}'"))
    }

    /// Changes a setting of the simulator for a pico on all nodes: `set("ec1", "stop_time=60m")`.
    #[must_use]
    pub fn set(self, pico: &str, assignment: &str) -> Self {
        self.add_simulator_option(pico, &format!("--set {pico}.'{assignment}'"))
    }

    fn add_simulator_option(mut self, pico: &str, words: &str) -> Self {
        self.simulator_options[usize::from(!is_in_platform_home(pico))].push(words.to_owned());
        self
    }

    /// The commands, one per line, without the name of the tool.
    fn readme_commands(&self) -> Vec<String> {
        let (page, fence, begin) = match self.tool {
            ConfigurationTool::Crm => (WITH_CRM, "```crm\n", ""),
            ConfigurationTool::Pcs => (WITH_PCS, "```sh\n", "pcs -f mz.xml "),
        };
        let mut blocks = page.split(fence).skip(1).filter_map(|rest| rest.split("```").next());
        let block =
            blocks.find(|block| block.starts_with(begin)).expect("the page has a configuration");
        let mut block = block.replace("\\\n", " ");
        for (theirs, ours) in README_REPLACEMENTS {
            assert!(block.contains(theirs), "the page has no {theirs:?} any more");
            block = block.replace(theirs, ours);
        }
        // The last line of pcs pushes the configuration.
        let mut lines: Vec<String> =
            block.lines().filter_map(|line| line.strip_prefix(begin)).map(str::to_owned).collect();
        // The second EC has the configuration of the first.
        let of_ec1: Vec<String> = lines
            .iter()
            .filter(|line| line.contains("ec1"))
            .map(|line| line.replace("ec1", "ec2"))
            .collect();
        assert_eq!(of_ec1.len(), 2, "a resource and its order");
        lines.extend(of_ec1);
        if !self.storage_in_cluster {
            lines.retain(|line| !line.contains("mz-storage ocf:"));
            for line in &mut lines {
                *line = line.replace("mz-storage ", "");
            }
        }
        for (was, is) in &self.changes {
            let (resource, was) = was.split_once('\0').unwrap_or(("", was));
            let mut changed = false;
            for line in lines
                .iter_mut()
                .filter(|line| line.contains(&format!("{resource} ")) || resource.is_empty())
            {
                changed |= line.contains(was);
                *line = line.replacen(was, is, 1);
            }
            assert!(changed, "nothing in {resource} of the configuration reads {was:?}");
        }
        lines
    }

    /// The preferred node of each resource, and the node that it must not use.
    fn node_preferences(&self) -> Vec<(&'static str, &'static str, Option<&'static str>)> {
        if self.nodes == 2 {
            return vec![
                ("mz", "n1", None),
                ("mz-ec1", "n2", None),
                ("mz-ec2", "n2", None),
                ("mz-sc1", "n2", None),
            ];
        }
        vec![
            ("mz", "n1", Some("n3")),
            ("mz-ec1", "n3", Some("n1")),
            ("mz-ec2", "n2", Some("n1")),
            ("mz-sc1", "n3", Some("n1")),
        ]
    }

    /// The crm lines beyond the README: fencing, and the preferred nodes.
    fn extra_crm_lines(&self) -> String {
        let places = self.node_preferences().into_iter().map(|(resource, prefers, never)| {
            let never = never.map(|node| {
                format!("location {resource}-never-on-{node} {resource} -inf: {node}\n")
            });
            format!("location {resource}-on-{prefers} {resource} 50: {prefers}\n")
                + &never.unwrap_or_default()
        });
        places.fold(format!("{}\n", self.fencing), |all, lines| all + &lines) + &self.extra_lines
    }

    /// The whole configuration, for `crm configure load`.
    #[must_use]
    pub fn crm_lines(&self) -> String {
        let crm = Self { tool: ConfigurationTool::Crm, ..self.clone() };
        crm.readme_commands().join("\n") + "\n" + &self.extra_crm_lines()
    }

    /// Starts the cluster and waits until all picos are ready on their nodes.
    pub fn up(self) -> Result<ClusterFixture, TestkitError> {
        let nodes = self.nodes;
        self.up_in(Lab::up(nodes)?)
    }

    /// The same in a running lab with the same number of nodes.
    pub fn up_in(self, lab: Lab) -> Result<ClusterFixture, TestkitError> {
        let fixture = self.start_in(lab)?;
        for (pico, node) in fixture.home_nodes {
            fixture.wait_until_ready(pico, node)?;
        }
        fixture.lab.wait_until_settled()?;
        Ok(fixture)
    }

    /// Installs everything in a running lab and lets the cluster start it.
    pub fn start_in(self, lab: Lab) -> Result<ClusterFixture, TestkitError> {
        let third = if self.nodes == 2 { "n2" } else { "n3" };
        let placed =
            [("platform", "n1"), ("ui", "n1"), ("ec1", third), ("ec2", "n2"), ("sc1", third)];
        let fixture = ClusterFixture {
            lab,
            home_nodes: placed,
            faults: RefCell::default(),
            excused_heartbeats: RefCell::default(),
            followed: RefCell::default(),
        };
        self.install(&fixture)?;
        self.configure(&fixture)?;
        Ok(fixture)
    }

    fn install(&self, fixture: &ClusterFixture) -> TestResult {
        fixture.node("n1").sh(&format!("install -d -o 4711 {HEARTBEAT_DIR}"))?;
        let jvm = if self.jvm { "--jvm" } else { "" };
        let [of_platform, of_others] =
            self.simulator_options.each_ref().map(|words| words.join(" "));
        for node in fixture.lab.nodes() {
            node.sh(&ec_installation(&format!(
                "--set heartbeats={HEARTBEAT_DIR} {jvm} {of_others}"
            )))?;
        }
        fixture.node("n1").sh(&platform_installation(&format!(
            "--set heartbeats={HEARTBEAT_DIR} {jvm} {of_platform}"
        )))?;
        if !self.storage_in_cluster {
            for node in fixture.lab.nodes() {
                node.sh(&format!("mount --bind {SHARED_MZ_HOME} {MZ_HOME}"))?;
            }
        }
        Ok(())
    }

    /// Applies all lines at once, because the cluster would act on a part of them.
    fn configure(&self, fixture: &ClusterFixture) -> TestResult {
        if self.tool == ConfigurationTool::Pcs {
            // Calls take seconds each on a loaded machine. All in one command would exceed its time
            // limit.
            fixture.node("n1").exec(&["pcs", "cluster", "cib", "/srv/mz.xml"])?;
            for line in self.readme_commands() {
                fixture.node("n1").sh(&format!("pcs -f /srv/mz.xml {line}"))?;
            }
            let crm = self.extra_crm_lines();
            fixture.node("n1").sh(&format!(
                "CIB_file=/srv/mz.xml crm -w -F configure load update /dev/stdin <<'END'\n{crm}END"
            ))?;
            fixture.node("n1").exec(&["pcs", "cluster", "cib-push", "/srv/mz.xml"])?;
            return Ok(());
        }
        let file = fixture.lab.host_path("n1", "/srv/mz.crm");
        fs::write(&file, self.crm_lines()).map_err(io_error("write", &file))?;
        fixture.node("n1").sh("crm -w -F configure load update /srv/mz.crm").map(drop)
    }
}

/// The example of the package with the lab's device, address and fencing.
///
/// # Panics
/// If the example has no such values.
#[must_use]
pub fn example_for_lab() -> String {
    let (_, commands) = EXAMPLE.split_once("set -eu\n").expect("the example has a header");
    let mut commands = commands.to_owned();
    for (theirs, ours) in README_REPLACEMENTS {
        assert!(commands.contains(theirs), "the example has no {theirs:?}");
        commands = commands.replace(theirs, ours);
    }
    let fencing = commands
        .lines()
        .find(|line| line.starts_with("pcs -f mz.xml stonith create "))
        .expect("the example has fencing")
        .to_owned();
    let commands = commands.replace(&fencing, "pcs -f mz.xml stonith create power fence_lab");
    format!(
        "# /usr/share/doc/resource-agents-mediationzone/examples/mz-pcs.sh, with the values of the lab.\nset -eu\n{commands}"
    )
}

/// The shell script that prepares a node for the picos: user, hostname of the address, mount point,
/// and the installation of the ECs and SCs.
#[must_use]
pub fn ec_installation(options: &str) -> String {
    format!(
        "set -e
        echo mzadmin:x:4711:4711::/home/mzadmin:/bin/bash >>/etc/passwd
        echo mzadmin:x:4711: >>/etc/group
        mkdir /home/mzadmin && chown 4711:4711 /home/mzadmin
        mkdir {MZ_HOME}
        echo 10.99.0.100 mzplat >>/etc/hosts
        mz-sim install {EC_HOME} --container exec1 --owner mzadmin \
            --pico ec1:ec:26001 --pico ec2:ec:26002 --pico sc1:sc:26003 \
            --common pico.rcp.platform.host=mzplat {options}"
    )
}

/// The script that installs the Platform on the shared disk, on one node. It runs at the final
/// mount point, so that every path in it is right.
#[must_use]
pub fn platform_installation(options: &str) -> String {
    format!(
        "set -e
        mkdir {SHARED_MZ_HOME}
        mount --bind {SHARED_MZ_HOME} {MZ_HOME}
        mz-sim install {MZ_HOME} --owner mzadmin --pico platform:platform:26000 --pico ui:ui:26004 \
            --common pico.rcp.server.host=mzplat --common pico.rcp.platform.host=mzplat {options}
        umount {MZ_HOME}"
    )
}
