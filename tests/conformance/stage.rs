//! The stage: a node, one agent, and what it manages.

use std::error::Error;

use testkit::{AgentCall, Generation, NodeCommand, Programs, Ran, Sandbox};

/// An agent under test.
#[derive(Debug)]
pub(crate) struct Subject {
    /// As Pacemaker names it.
    pub(crate) provider: &'static str,
    /// The type.
    pub(crate) kind: &'static str,
    /// What a resource of it needs.
    pub(crate) parameters: &'static [(&'static str, &'static str)],
    /// The version of the API that its metadata names.
    pub(crate) api: &'static str,
    /// Actions that it does not know.
    pub(crate) unknown: &'static [&'static str],
    /// Lays out what it manages.
    install: fn(&Sandbox) -> Result<(), testkit::Error>,
}

const UNKNOWN: &[&str] =
    &["xyzzy", "", "reload", "promote", "demote", "notify", "migrate_to", "migrate_from", "Start", "start "];

pub(crate) const PLATFORM: Subject = Subject {
    provider: "mediationzone",
    kind: "platform",
    parameters: &[("mz_home", "/opt/mz")],
    api: "1.1",
    unknown: UNKNOWN,
    install: |node| install(node, &["--pico", "platform:platform"]),
};

pub(crate) const EC: Subject = Subject {
    kind: "ec",
    parameters: &[("mz_home", "/opt/mz"), ("pico_name", "ec1")],
    install: |node| beside_a_platform(node, "ec1:ec"),
    ..PLATFORM
};

pub(crate) const SC: Subject = Subject {
    kind: "sc",
    parameters: &[("mz_home", "/opt/mz"), ("pico_name", "sc1")],
    install: |node| beside_a_platform(node, "sc1:sc"),
    ..PLATFORM
};

pub(crate) const UI: Subject =
    Subject { kind: "ui", install: |node| beside_a_platform(node, "ui:ui"), ..PLATFORM };

/// The agent that the others learn from. It knows reload, migration and notifications.
pub(crate) const DUMMY: Subject = Subject {
    provider: "heartbeat",
    kind: "Dummy",
    parameters: &[("fake", "value")],
    api: "1.0",
    unknown: &["xyzzy", "", "promote", "demote"],
    install: |_| Ok(()),
};

fn install(node: &Sandbox, picos: &[&str]) -> Result<(), testkit::Error> {
    node.mz_sim(["install", "/opt/mz", "--owner", node.owner()].iter().chain(picos)).map(drop)
}

/// A pico that needs a Platform finds one running.
fn beside_a_platform(node: &Sandbox, pico: &str) -> Result<(), testkit::Error> {
    install(node, &["--pico", "platform:platform", "--pico", pico])?;
    node.exec(["runuser", "--user", node.owner(), "--", "/opt/mz/bin/mzsh", "startup", "platform"]).map(drop)
}

/// A node on which a subject can be tried.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) node: Sandbox,
    pub(crate) subject: &'static Subject,
    /// The type under which the agent is called: the subject's, or that of a broken one in its place.
    pub(crate) kind: String,
}

impl Stage {
    pub(crate) fn set(subject: &'static Subject) -> Result<Self, testkit::Error> {
        let programs = if subject.provider == "mediationzone" { Programs::all() } else { Programs::bare() };
        let node = Sandbox::of(Generation::under_test(), &programs?)?;
        (subject.install)(&node)?;
        Ok(Self { node, subject, kind: subject.kind.to_owned() })
    }

    /// The same subject behind a shell script, which finds the true agent in `$agent`.
    pub(crate) fn set_broken(subject: &'static Subject, script: &str) -> Result<Self, testkit::Error> {
        let mut stage = Self::set(subject)?;
        let script = format!("#!/bin/bash\nagent={}\n{script}\n", stage.program());
        stage.node.put_agent("mediationzone", "broken", &script)?;
        "broken".clone_into(&mut stage.kind);
        Ok(stage)
    }

    fn provider(&self) -> &str {
        // A broken agent stands among ours, for that directory can be written.
        if self.kind == self.subject.kind { self.subject.provider } else { "mediationzone" }
    }

    /// `ocf:provider:type`.
    pub(crate) fn name(&self) -> String {
        format!("ocf:{}:{}", self.provider(), self.kind)
    }

    /// The agent's file.
    pub(crate) fn program(&self) -> String {
        self.node.agents_dir(self.provider()).join(&self.kind).display().to_string()
    }

    /// A call as by Pacemaker, with the parameters of the subject.
    pub(crate) fn agent(&self) -> AgentCall<'_> {
        let call = self.node.agent(&self.name());
        self.subject.parameters.iter().fold(call, |call, (name, value)| call.param(name, value))
    }

    /// The subject's parameters, `name=value` each.
    pub(crate) fn options(&self) -> Vec<String> {
        self.subject.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// The selection that `crm_resource` wants when there is no resource yet.
    pub(crate) fn crm_resource(&self, what: &str) -> NodeCommand<'_> {
        let command = self.tool("crm_resource").arg(what);
        command.args(["--class", "ocf", "--provider", self.provider(), "--agent", &self.kind])
    }

    /// A command as an administrator has it: root's shell, and the cluster's configuration in a file.
    pub(crate) fn tool(&self, program: &str) -> NodeCommand<'_> {
        let command = self.node.command(program).env("HOME", "/run/testkit/home").env("LANG", "C.UTF-8");
        command.env("CIB_file", CIB).env("USER", "root").env("TERM", "dumb")
    }

    /// An empty configuration that needs no fencing, for there is no cluster.
    pub(crate) fn empty_cib(&self) -> Result<(), testkit::Error> {
        let empty = self.node.exec(["cibadmin", "--empty"])?;
        self.node.write(CIB, empty.stdout)?;
        let property = ["pcs", "-f", CIB, "property", "set", "stonith-enabled=false"];
        self.node.exec(property).map(drop)
    }

    /// What Pacemaker finds wrong with the configuration.
    pub(crate) fn verify_cib(&self) -> Result<Ran, testkit::Error> {
        self.tool("crm_verify").args(["--xml-file", CIB, "--verbose"]).run()?.expect(0)
    }

    /// The metadata, as the agent prints them.
    pub(crate) fn metadata(&self) -> Result<String, Box<dyn Error>> {
        Ok(self.agent().run("meta-data")?.expect(0)?.stdout)
    }
}

/// The configuration, in the node.
pub(crate) const CIB: &str = "/run/testkit/cib.xml";
