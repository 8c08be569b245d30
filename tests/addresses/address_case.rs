//! One case: settings, addresses and names of the node, and the result.

use testkit::assertions::{AgentAssertions, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{NodeCommandOutput, TestkitError};

/// An address that the case may put on the node.
pub(crate) const LOCAL_ADDRESS: &str = "192.0.2.10";
/// An address that no node has.
pub(crate) const REMOTE_ADDRESS: &str = "203.0.113.7";

/// See the module.
#[derive(Debug)]
#[must_use = "nothing happens before build()"]
pub(crate) struct AddressCase {
    kind: AgentKind,
    deployment: &'static str,
    properties: Vec<String>,
    local_addresses: Vec<&'static str>,
    hosts_lines: Vec<&'static str>,
}

/// A case of the agent for this type, on virtual addresses, with the Platform at localhost.
pub(crate) fn address_case(kind: AgentKind) -> AddressCase {
    AddressCase {
        kind,
        deployment: "virtual",
        properties: Vec::new(),
        local_addresses: Vec::new(),
        hosts_lines: Vec::new(),
    }
}

impl AddressCase {
    pub(crate) fn with_deployment(mut self, deployment: &'static str) -> Self {
        self.deployment = deployment;
        self
    }

    /// `pico.rcp.server.host`.
    pub(crate) fn server_host(mut self, host: &str) -> Self {
        self.properties.push(format!("pico.rcp.server.host={host}"));
        self
    }

    /// `pico.rcp.platform.host`.
    pub(crate) fn platform_host(mut self, host: &str) -> Self {
        self.properties.push(format!("pico.rcp.platform.host={host}"));
        self
    }

    /// The node has this address.
    pub(crate) fn local_address(mut self, address: &'static str) -> Self {
        self.local_addresses.push(address);
        self
    }

    /// A line of the hosts file.
    pub(crate) fn hosts_line(mut self, line: &'static str) -> Self {
        self.hosts_lines.push(line);
        self
    }

    pub(crate) fn build(self) -> Result<BuiltAddressCase, TestkitError> {
        let builder =
            fixture(self.kind).without_platform().set("ec_startup_without_platform=start");
        let fixture = self
            .properties
            .iter()
            .fold(builder, |builder, property| builder.common(property))
            .build()?;
        for address in self.local_addresses {
            fixture.node.add_address(address)?;
        }
        fixture.node.set_hosts(&self.hosts_lines)?;
        Ok(BuiltAddressCase { fixture, deployment: self.deployment })
    }

    /// Builds it; see [`BuiltAddressCase::assert_validation`].
    #[track_caller]
    pub(crate) fn assert_validation(
        self,
        code: i32,
        lines: &[&str],
    ) -> Result<BuiltAddressCase, TestkitError> {
        self.build()?.assert_validation(code, lines)
    }
}

/// A case on its node.
#[derive(Debug)]
pub(crate) struct BuiltAddressCase {
    pub(crate) fixture: Fixture,
    deployment: &'static str,
}

impl BuiltAddressCase {
    fn run_action(&self, action: &str, level: u32) -> Result<NodeCommandOutput, TestkitError> {
        let call = self.fixture.agent().param("deployment", self.deployment).param("wait_for", ",");
        call.check_level(level).run(action)
    }

    /// validate-all checks the node and ends with `code`. Its lines about host names begin like these, in
    /// this order. Nothing is started.
    #[track_caller]
    pub(crate) fn assert_validation(self, code: i32, lines: &[&str]) -> Result<Self, TestkitError> {
        let ran = self.run_action("validate-all", 10)?.assert_exit_code(code);
        let is_ours = |line: &&str| {
            line.starts_with("ERROR: pico.rcp.") || line.starts_with("WARNING: pico.rcp.")
        };
        let said: Vec<&str> = ran.stderr.lines().filter(is_ours).collect();
        let same = said.len() == lines.len()
            && said.iter().zip(lines).all(|(said, line)| said.starts_with(line));
        assert!(same, "expected {lines:#?}: {ran}");
        assert!(
            code == OCF_SUCCESS || ran.reason().unwrap_or_default().contains("pico.rcp."),
            "{ran}"
        );
        assert_eq!(self.fixture.mzsh_call_count("")?, 0, "{ran}");
        Ok(self)
    }

    /// A start is refused with this text; mzsh is not called, and nothing is left.
    #[track_caller]
    pub(crate) fn assert_start_refused(
        self,
        code: i32,
        words: &[&str],
    ) -> Result<Self, TestkitError> {
        self.run_action("start", 0)?.assert_exit_code(code).assert_reason(words);
        assert_eq!(self.fixture.mzsh_call_count("")?, 0, "mzsh was called");
        self.fixture.assert_nothing_left()?;
        Ok(self)
    }

    /// A start succeeds, and the log has this text about each problem of a host name.
    #[track_caller]
    pub(crate) fn assert_start_succeeds(self, words: &[&str]) -> Result<Self, TestkitError> {
        // The log also has lines of an earlier, refused start.
        let before = self.fixture.log().unwrap_or_default().len();
        self.run_action("start", 0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        self.fixture.single_pico(self.fixture.pico())?;
        let log = self.fixture.log()?;
        let log = &log[before..];
        assert!(words.iter().all(|word| log.contains(word)), "expected {words:?}: {log}");
        assert!(!words.is_empty() || !log.contains("pico.rcp."), "{log}");
        Ok(self)
    }
}
