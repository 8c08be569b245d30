//! One case: what is set, what the node has and knows, and what comes of it.

use testkit::answer::{Answer, OK};
use testkit::site::{Kind, Site, site};
use testkit::{Error, Ran};

/// An address that the case may put on the node.
pub(crate) const HERE: &str = "192.0.2.10";
/// An address that no node has.
pub(crate) const AWAY: &str = "203.0.113.7";

/// See the module.
#[derive(Debug)]
#[must_use = "nothing happens before build()"]
pub(crate) struct Case {
    kind: Kind,
    deployment: &'static str,
    properties: Vec<String>,
    here: Vec<&'static str>,
    hosts: Vec<&'static str>,
}

/// A case of the agent for this type, on virtual addresses, with the Platform at localhost.
pub(crate) fn case(kind: Kind) -> Case {
    Case { kind, deployment: "virtual", properties: Vec::new(), here: Vec::new(), hosts: Vec::new() }
}

impl Case {
    pub(crate) fn on(mut self, deployment: &'static str) -> Self {
        self.deployment = deployment;
        self
    }

    /// `pico.rcp.server.host`.
    pub(crate) fn server(mut self, host: &str) -> Self {
        self.properties.push(format!("pico.rcp.server.host={host}"));
        self
    }

    /// `pico.rcp.platform.host`.
    pub(crate) fn platform(mut self, host: &str) -> Self {
        self.properties.push(format!("pico.rcp.platform.host={host}"));
        self
    }

    /// The node has this address.
    pub(crate) fn here(mut self, address: &'static str) -> Self {
        self.here.push(address);
        self
    }

    /// A line of the hosts file.
    pub(crate) fn hosts(mut self, line: &'static str) -> Self {
        self.hosts.push(line);
        self
    }

    pub(crate) fn build(self) -> Result<Laid, Error> {
        let builder = site(self.kind).without_platform().set("ec_startup_without_platform=start");
        let site =
            self.properties.iter().fold(builder, |builder, property| builder.common(property)).build()?;
        for address in self.here {
            site.node.address(address)?;
        }
        site.node.hosts(&self.hosts)?;
        Ok(Laid { site, deployment: self.deployment })
    }

    /// Lays it out; see [`Laid::finds`].
    #[track_caller]
    pub(crate) fn finds(self, code: i32, lines: &[&str]) -> Result<Laid, Error> {
        self.build()?.finds(code, lines)
    }
}

/// A case that is laid out.
#[derive(Debug)]
pub(crate) struct Laid {
    pub(crate) site: Site,
    deployment: &'static str,
}

impl Laid {
    fn run(&self, action: &str, level: u32) -> Result<Ran, Error> {
        let call = self.site.agent().param("deployment", self.deployment).param("wait_for", ",");
        call.level(level).run(action)
    }

    /// validate-all looks at the node, ends with `code`, and what it says of host names are these lines, each by its beginning and
    /// in this order. Nothing is started for it.
    #[track_caller]
    pub(crate) fn finds(self, code: i32, lines: &[&str]) -> Result<Self, Error> {
        let ran = self.run("validate-all", 10)?.answers(code);
        let is_ours =
            |line: &&str| line.starts_with("ERROR: pico.rcp.") || line.starts_with("WARNING: pico.rcp.");
        let said: Vec<&str> = ran.stderr.lines().filter(is_ours).collect();
        let same =
            said.len() == lines.len() && said.iter().zip(lines).all(|(said, line)| said.starts_with(line));
        assert!(same, "expected {lines:#?}: {ran}");
        assert!(code == OK || ran.reason().unwrap_or_default().contains("pico.rcp."), "{ran}");
        assert_eq!(self.site.calls("")?, 0, "{ran}");
        Ok(self)
    }

    /// A start is refused with these words; mzsh is not called, and nothing is left.
    #[track_caller]
    pub(crate) fn refuses_to_start(self, code: i32, words: &[&str]) -> Result<Self, Error> {
        self.run("start", 0)?.answers(code).because(words);
        assert_eq!(self.site.calls("")?, 0, "mzsh was called");
        self.site.nothing_left()?;
        Ok(self)
    }

    /// A start succeeds, and all that was wrong with a host name is in the log in these words.
    #[track_caller]
    pub(crate) fn starts(self, words: &[&str]) -> Result<Self, Error> {
        // Of a start that was refused before, it tells too.
        let before = self.site.log().unwrap_or_default().len();
        self.run("start", 0)?.answers(OK).silently();
        self.site.one(self.site.pico())?;
        let log = self.site.log()?;
        let log = &log[before..];
        assert!(words.iter().all(|word| log.contains(word)), "expected {words:?}: {log}");
        assert!(!words.is_empty() || !log.contains("pico.rcp."), "{log}");
        Ok(self)
    }
}
