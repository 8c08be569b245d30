//! Calls an agent as Pacemaker calls it.
//!
//! Pacemaker 2.1.5 gives an agent the following (`lib/services/services_linux.c`, and the
//! transitions that `crm_simulate -G` shows):
//!
//! - the parameters as `OCF_RESKEY_<name>`, and the operation's own as `OCF_RESKEY_CRM_meta_*`;
//! - the resource's names, the version of the API, systemd's `PATH` and the cluster's logging
//!   variables;
//! - umask 0026 and its own directory for core dumps;
//! - no `HOME`, no `USER`, no `LANG`.
//!
//! A probe has neither interval nor name, by which an agent recognizes it.

use std::ffi::OsStr;
use std::time::Duration;

use crate::sandbox::KIT_DIR;
use crate::{KillAtResult, NodeCommand, NodeCommandOutput, Sandbox, TestkitError};

/// Pacemaker's log in the node. Agents append to it, because `HA_LOGFILE` names it.
const PACEMAKER_LOG: &str = "/var/log/pacemaker/pacemaker.log";

/// A call of an agent, built step by step.
#[derive(Debug, Clone)]
#[must_use = "nothing runs before run()"]
pub struct AgentCall<'a> {
    command: NodeCommand<'a>,
    recurring: bool,
}

impl<'a> AgentCall<'a> {
    pub(crate) fn new(node: &'a Sandbox, name: &str) -> Self {
        let (provider, kind) = name
            .strip_prefix("ocf:")
            .and_then(|full| full.split_once(':'))
            .unwrap_or(("mediationzone", name));
        let command = node
            .command(node.agents_dir(provider).join(kind))
            .umask(0o026)
            .directory("/var/lib/pacemaker/cores")
            .env("OCF_ROOT", "/usr/lib/ocf")
            .env("OCF_RA_VERSION_MAJOR", "1")
            .env("OCF_RA_VERSION_MINOR", "1")
            .env("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:")
            .env("OCF_RESOURCE_INSTANCE", kind)
            .env("OCF_RESOURCE_TYPE", kind)
            .env("OCF_RESOURCE_PROVIDER", provider)
            .env("OCF_RESKEY_crm_feature_set", "3.16.2")
            .env("OCF_RESKEY_CRM_meta_on_node", "node1")
            .env("OCF_RESKEY_CRM_meta_on_node_uuid", "1")
            .env("HA_LOGFACILITY", "daemon")
            .env("HA_LOGFILE", PACEMAKER_LOG)
            .env("HA_debug", "0");
        Self { command, recurring: false }.meta_timeout(Duration::from_secs(60))
    }

    pub fn param(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env(&format!("OCF_RESKEY_{name}"), value)
    }

    /// Sets the operation's timeout (default 60 s). The agent gets its value, and is killed when it
    /// expires.
    pub fn meta_timeout(mut self, timeout: Duration) -> Self {
        self.command = self
            .command
            .env("OCF_RESKEY_CRM_meta_timeout", timeout.as_millis().to_string())
            .time_limit(timeout);
        self
    }

    /// Makes a monitor recurring; without an interval it is a probe.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.recurring = true;
        self.env("OCF_RESKEY_CRM_meta_interval", interval.as_millis().to_string())
    }

    pub fn check_level(self, level: u32) -> Self {
        self.env("OCF_CHECK_LEVEL", level.to_string())
    }

    /// Sets the name of the resource; the default is the agent's type.
    pub fn instance(self, name: &str) -> Self {
        self.env("OCF_RESOURCE_INSTANCE", name)
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command = self.command.env(name, value);
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.command = self.command.without_env(name);
        self
    }

    /// Runs the agent as this user, as a person might.
    pub fn user(mut self, uid: u32) -> Self {
        self.command = self.command.user(uid);
        self
    }

    /// Runs the agent through another program, which gets the call as its last arguments
    /// (`prlimit --nofile=4`).
    pub fn wrap_with<A: AsRef<OsStr>>(mut self, runner: impl IntoIterator<Item = A>) -> Self {
        self.command = self.command.wrap_with(runner);
        self
    }

    /// Runs the agent and its descendants as on an older kernel (src/bin/old-kernel.rs). `ENOSYS`
    /// simulates a kernel before Linux 4.19; `EPERM` simulates a container's filter that is older
    /// than pidfds.
    pub fn on_old_kernel(mut self, refusal: &str) -> Self {
        self.command = self.command.on_old_kernel(refusal);
        self
    }

    /// Limits the agent's file descriptors, soft and hard.
    pub fn descriptor_limit(self, number: u32) -> Self {
        self.wrap_with(["prlimit", &format!("--nofile={number}")])
    }

    /// Runs one action and kills the agent as it enters its N-th system call. Processes that it
    /// started are not killed.
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`]; [`TestkitError::Command`] if it could not be traced.
    pub fn run_killed_at(self, number: u64, action: &str) -> Result<KillAtResult, TestkitError> {
        let kill_at = [format!("{KIT_DIR}/bin/kill-at"), number.to_string()];
        let ran = self.complete(action).wrap_with(kill_at).run()?.expect_code(0)?;
        let line = ran.stdout.lines().last().unwrap_or_default().parse();
        line.map_err(|said| TestkitError::NotExecuted { argv: ran.argv, said })
    }

    /// Runs one action.
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`]. The agent's exit code is not checked here.
    pub fn run(self, action: &str) -> Result<NodeCommandOutput, TestkitError> {
        self.complete(action).run()
    }

    /// The argv and the environment of the call, for a test that executes it itself.
    #[must_use]
    pub fn argv_and_environment(&self, action: &str) -> (Vec<String>, Vec<(String, String)>) {
        self.clone().complete(action).argv_and_environment()
    }

    fn complete(self, action: &str) -> NodeCommand<'a> {
        let probe = action == "monitor" && !self.recurring;
        let command =
            if probe { self.command } else { self.command.env("OCF_RESKEY_CRM_meta_name", action) };
        command.arg(action)
    }
}
