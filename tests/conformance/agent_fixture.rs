//! The fixture: a node, one agent, and the resource that it manages.

use std::error::Error;

use testkit::{AgentCall, Generation, NodeCommand, NodeCommandOutput, Programs, Sandbox};

/// An agent under test.
#[derive(Debug)]
pub(crate) struct TestedAgent {
    /// As Pacemaker names it.
    pub(crate) provider: &'static str,
    pub(crate) kind: &'static str,
    /// Required parameters of its resource.
    pub(crate) parameters: &'static [(&'static str, &'static str)],
    /// The version of the API in its metadata.
    pub(crate) api_version: &'static str,
    /// Actions that it does not support.
    pub(crate) unknown_actions: &'static [&'static str],
    /// Installs the software that it manages.
    install: fn(&Sandbox) -> Result<(), testkit::TestkitError>,
}

const UNKNOWN_ACTIONS: &[&str] = &[
    "xyzzy",
    "",
    "reload",
    "promote",
    "demote",
    "notify",
    "migrate_to",
    "migrate_from",
    "Start",
    "start ",
];

pub(crate) const PLATFORM: TestedAgent = TestedAgent {
    provider: "mediationzone",
    kind: "platform",
    parameters: &[("mz_home", "/opt/mz")],
    api_version: "1.1",
    unknown_actions: UNKNOWN_ACTIONS,
    install: |node| run_install(node, &["--pico", "platform:platform"]),
};

pub(crate) const EC: TestedAgent = TestedAgent {
    kind: "ec",
    parameters: &[("mz_home", "/opt/mz"), ("pico_name", "ec1")],
    install: |node| install_with_running_platform(node, "ec1:ec"),
    ..PLATFORM
};

pub(crate) const SC: TestedAgent = TestedAgent {
    kind: "sc",
    parameters: &[("mz_home", "/opt/mz"), ("pico_name", "sc1")],
    install: |node| install_with_running_platform(node, "sc1:sc"),
    ..PLATFORM
};

pub(crate) const UI: TestedAgent = TestedAgent {
    kind: "ui",
    install: |node| install_with_running_platform(node, "ui:ui"),
    ..PLATFORM
};

/// The reference agent. It supports reload, migration and notifications.
pub(crate) const DUMMY: TestedAgent = TestedAgent {
    provider: "heartbeat",
    kind: "Dummy",
    parameters: &[("fake", "value")],
    api_version: "1.0",
    unknown_actions: &["xyzzy", "", "promote", "demote"],
    install: |_| Ok(()),
};

fn run_install(node: &Sandbox, picos: &[&str]) -> Result<(), testkit::TestkitError> {
    node.mz_sim(["install", "/opt/mz", "--owner", node.owner()].iter().chain(picos)).map(drop)
}

/// A pico that needs a Platform finds one running.
fn install_with_running_platform(node: &Sandbox, pico: &str) -> Result<(), testkit::TestkitError> {
    run_install(node, &["--pico", "platform:platform", "--pico", pico])?;
    node.exec(["runuser", "--user", node.owner(), "--", "/opt/mz/bin/mzsh", "startup", "platform"])
        .map(drop)
}

/// A node on which an agent can be tested.
#[derive(Debug)]
pub(crate) struct AgentFixture {
    pub(crate) node: Sandbox,
    pub(crate) tested: &'static TestedAgent,
    /// The type under which the agent is called: its own, or that of a broken one in its place.
    pub(crate) kind: String,
}

impl AgentFixture {
    pub(crate) fn new(subject: &'static TestedAgent) -> Result<Self, testkit::TestkitError> {
        let programs = if subject.provider == "mediationzone" {
            Programs::with_agents()
        } else {
            Programs::kit_only()
        };
        let node = Sandbox::with_generation(Generation::from_environment(), &programs?)?;
        (subject.install)(&node)?;
        Ok(Self { node, tested: subject, kind: subject.kind.to_owned() })
    }

    /// The same agent behind a shell script, which finds the real agent in `$agent`.
    pub(crate) fn with_broken_agent(
        subject: &'static TestedAgent,
        script: &str,
    ) -> Result<Self, testkit::TestkitError> {
        let mut stage = Self::new(subject)?;
        let script = format!("#!/bin/bash\nagent={}\n{script}\n", stage.program());
        stage.node.install_agent("mediationzone", "broken", &script)?;
        "broken".clone_into(&mut stage.kind);
        Ok(stage)
    }

    fn provider(&self) -> &str {
        // A broken agent is installed among ours, because that directory is writable.
        if self.kind == self.tested.kind { self.tested.provider } else { "mediationzone" }
    }

    /// `ocf:provider:type`.
    pub(crate) fn name(&self) -> String {
        format!("ocf:{}:{}", self.provider(), self.kind)
    }

    /// The agent's file.
    pub(crate) fn program(&self) -> String {
        self.node.agents_dir(self.provider()).join(&self.kind).display().to_string()
    }

    /// A call as by Pacemaker, with the resource's parameters.
    pub(crate) fn agent(&self) -> AgentCall<'_> {
        let call = self.node.agent(&self.name());
        self.tested.parameters.iter().fold(call, |call, (name, value)| call.param(name, value))
    }

    /// The resource's parameters, `name=value` each.
    pub(crate) fn option_list(&self) -> Vec<String> {
        self.tested.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// The selection that `crm_resource` needs without a resource.
    pub(crate) fn crm_resource_command(&self, what: &str) -> NodeCommand<'_> {
        let command = self.tool("crm_resource").arg(what);
        command.args(["--class", "ocf", "--provider", self.provider(), "--agent", &self.kind])
    }

    /// A command as an administrator runs it: in root's shell, with the cluster's configuration in a file.
    pub(crate) fn tool(&self, program: &str) -> NodeCommand<'_> {
        let command =
            self.node.command(program).env("HOME", "/run/testkit/home").env("LANG", "C.UTF-8");
        command.env("CIB_file", CIB).env("USER", "root").env("TERM", "dumb")
    }

    /// An empty configuration that needs no fencing, because there is no cluster.
    pub(crate) fn empty_cib(&self) -> Result<(), testkit::TestkitError> {
        let empty = self.node.exec(["cibadmin", "--empty"])?;
        self.node.write(CIB, empty.stdout)?;
        let property = ["pcs", "-f", CIB, "property", "set", "stonith-enabled=false"];
        self.node.exec(property).map(drop)
    }

    /// Pacemaker's complaints about the configuration.
    pub(crate) fn verify_cib(&self) -> Result<NodeCommandOutput, testkit::TestkitError> {
        self.tool("crm_verify").args(["--xml-file", CIB, "--verbose"]).run()?.expect_code(0)
    }

    /// The metadata that the agent prints.
    pub(crate) fn metadata(&self) -> Result<String, Box<dyn Error>> {
        Ok(self.agent().run("meta-data")?.expect_code(0)?.stdout)
    }
}

/// The configuration, in the node.
pub(crate) const CIB: &str = "/run/testkit/cib.xml";
