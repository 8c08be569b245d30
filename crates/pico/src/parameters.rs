//! The parameters: one row each, from which the metadata, the validation, the documentation and a field of [`Settings`] come.
//!
//! Names are those of `ocf:heartbeat:mediationzone` in resource-agents, so that a site moves by changing only the agent's
//! name.

use crate::settings::{
    ContainerName, Deployment, EndpointList, HaCheck, OnHaFailed, PicoInstance, PicoType, Scope,
    SystemdProperties, Umask, UnreadableTarget,
};
use host::command::Limits;
use ocf::{Parameter, trace};
use std::path::PathBuf;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const SECOND: Duration = Duration::from_secs(1);

/// Only the last sentence depends on the agent.
macro_rules! pico_name_text {
    ($last_sentence:literal) => {
        concat!(
            "The name of the pico instance as mzsh status shows it; case matters. At most 250 letters, digits, '_', '-' and \
             '.'; the first character must not be '-'. ",
            $last_sentence
        )
    };
}

ocf::settings! {
    /// What is configured for one resource.
    #[derive(Clone, Debug)]
    pub struct Settings {
        /// The resource's name in the cluster; `None`: the call names none.
        pub resource: Option<String>,
        /// Which agent it is.
        pub pico_type: PicoType,
        /// Which pico is meant; or which parameter that says so can't be read, and why.
        pub target: Result<PicoInstance, UnreadableTarget>,
        /// The values in force as text, for the record.
        pub parameters_in_force: Vec<(String, String)>,
        /// ocf-tester asks to behave as on a node without the product (`OCF_TESTER_FAIL_HAVE_BINARY`).
        pub pretend_not_installed: bool,
    }
    parameters {
        // PICO_NAME must be the first row: `table` gives it the default of the agent. PICO_NAME, MZ_HOME and PROCESS_MATCH are read
        // together, into `target`.
        const PICO_NAME = Parameter::text("pico_name").required().unique_group("pico").describe(
            "Name of the pico instance",
            pico_name_text!("The parameter is required."),
        );

        const MZ_HOME = Parameter::text("mz_home").default_to("/opt/mz").unique_group("pico").describe(
            "Installation directory",
            "The directory of the installation (MZ_HOME), which holds bin/mzsh: an absolute path. \
             It may be on storage that is mounted only where the resource runs. Default: /opt/mz.",
        );

        /// `os_user`; `None`: the owner of the installation.
        pub os_user: Option<String> = Parameter::text("os_user").describe(
            "User that owns the installation",
            "The user that runs mzsh and the JVM. mzsh refuses any user but the owner of the installation. Default: that \
             owner.",
        );

        /// `java_home`; `None`: what the installation itself uses.
        pub java_home: Option<PathBuf> = Parameter::text("java_home").describe(
            "Java installation",
            "The Java installation for mzsh (as JAVA_HOME) and for the HA client. Default: the one that the installation uses.",
        );

        /// `container`; `None`: found in the installation.
        pub container: Option<ContainerName> = Parameter::text("container").describe(
            "Container of the pico instance",
            "The container of the pico instance (MZ_CONTAINER). Set it only if several containers \
             have a pico of this name. Default: the only container that has one.",
        );

        /// Longest query of mzsh.
        pub mzsh_timeout: Duration = Parameter::duration("mzsh_timeout", SECOND, DAY)
            .default_to("90s")
            .reloadable()
            .describe(
                "Longest query of mzsh",
                "The timeout of mzsh status and of other queries. The operation's timeout, not this parameter, limits mzsh \
                 startup and mzsh shutdown. Default: 90s.",
            );

        /// Further tries of a check that failed.
        pub monitor_retries: u32 = Parameter::integer("monitor_retries", 0, 10)
            .default_to("1")
            .reloadable()
            .describe(
                "Retries of a failed check",
                "How often one monitor retries a failed check of depth 10 or 20 before the failure counts. Default: 1.",
            );

        /// Failed deep checks in a row that are still answered with success.
        pub failures_tolerated: u32 = Parameter::integer("failures_tolerated", 0, 100)
            .default_to("0")
            .reloadable()
            .describe(
                "Failed deep checks that are only warnings",
                "How many consecutive failed checks are only a warning in the log. Each of the \
                 depths 10 and 20 has its own count. A process that is missing, stopped by a \
                 signal (state T) or running twice is always a failure. Default: 0.",
            );

        /// Answer degraded where a warning is due?
        pub degraded: bool = Parameter::boolean("degraded").default_to("no").reloadable().describe(
            "Report warnings as degraded?",
            "If yes, a monitor returns 190 (degraded) instead of 0 from the second consecutive \
             warning on, or when unchecked_limit is reached. pcs status then lists the monitor. \
             The resource is not restarted. Two things count as a warning here: a debugger holds \
             the process, or mzsh status reports a problem although the HA Monitor Server says \
             OK. Default: no.",
        );

        /// After so many runs of a deep check in a row that could not be made the pico counts as not checked.
        pub unchecked_limit: u32 = Parameter::integer("unchecked_limit", 1, 10_000)
            .default_to("10")
            .reloadable()
            .describe(
                "Consecutive monitors without a deep check",
                "A monitor of depth 10 or 20 may be unable to run its check. After this many such \
                 monitors in a row, the exit reason names the cause and the time of the first of \
                 these monitors, and the monitor returns 190 if degraded is yes. Before that, \
                 each such monitor logs a line. A monitor never fails for this reason alone. \
                 Causes: the HA client or mzsh cannot be run, or the JVM was started before its \
                 HA Monitor Server was enabled. Default: 10.",
            );

        /// How long a recurring monitor of depth 0 waits for the death of the pico, and one of another depth after a reported
        /// death.
        pub wait: Duration = Parameter::duration("wait", Duration::ZERO, DAY)
            .default_to("20s")
            .reloadable()
            .describe(
                "How long a depth 0 monitor waits for a death",
                "A recurring monitor of depth 0 keeps running for this time. If the pico dies, it \
                 returns at once, so that the cluster learns of the death within 0.1 s. It delays \
                 only deeper monitors of the same resource. After depth 0 has reported a death, a \
                 deeper monitor delays its own report by up to this time. By then the cluster has \
                 reacted and cancelled the deeper monitor, so the death counts as one failure. 0 \
                 disables the wait. The maximum is half of the operation's timeout. Default: 20s.",
            );

        /// Is the HA Monitor Server asked?
        pub ha_check: HaCheck = Parameter::select("ha_check", HaCheck::WORDS)
            .default_to("auto")
            .reloadable()
            .describe(
                "Ask the HA Monitor Server?",
                "Whether start and the monitors of depth 10 and 20 query the HA Monitor Server. \
                 auto: if mz.ha.enabled is true for the pico instance. yes: always; a start fails \
                 if the HA Monitor Server of the pico is not enabled. no: never; a hung JVM is \
                 then detected only by a monitor of depth 20 (mzsh status). Default: auto.",
            );

        /// Where it listens; `None`: as the registry says.
        pub ha_host: Option<String> = Parameter::text("ha_host").reloadable().describe(
            "Address of the HA Monitor Server",
            "The address of the HA Monitor Server. Default: mz.ha.host of the installation, which \
             is 127.0.0.1 unless set.",
        );

        /// On which port; `None`: as the registry says.
        pub ha_port: Option<u16> = Parameter::integer("ha_port", 1, 65535).reloadable().describe(
            "Port of the HA Monitor Server",
            "The port of the HA Monitor Server. Each pico instance of a host needs its own. \
             Default: mz.ha.port of the installation, which must be set there.",
        );

        /// Longest HA ping.
        pub ha_timeout: Duration = Parameter::duration("ha_timeout", SECOND, DAY)
            .default_to("10s")
            .reloadable()
            .describe(
                "Timeout of the HA Monitor Server",
                "How long the HA Monitor Server may take to answer. A later answer is a failed \
                 check. Default: 10s.",
            );

        /// Age of the JVM up to which a FAILED does not count; `None`: `mz.ha.interval` + 20 s.
        pub ha_grace: Option<Duration> = Parameter::duration("ha_grace", Duration::ZERO, DAY)
            .reloadable()
            .describe(
                "Age up to which FAILED does not count",
                "A monitor ignores FAILED while the JVM is younger than this. The HA Monitor \
                 Server counts events in intervals (mz.ha.interval). Until the first interval has \
                 ended, it may say FAILED without a cause. Default: mz.ha.interval of the \
                 installation plus 20 s.",
            );

        /// What a FAILED means.
        pub on_ha_failed: OnHaFailed = Parameter::select("on_ha_failed", OnHaFailed::WORDS)
            .default_to("fail")
            .reloadable()
            .describe(
                "Result if the HA Monitor Server says FAILED",
                "The result of a monitor when the HA Monitor Server says FAILED. fail: the \
                 resource has failed. degrade: 190 (degraded). ignore: a line in the log. Choose \
                 degrade if missing traffic causes FAILED: a restart or a move does not help \
                 then. Default: fail.",
            );

        /// Which addresses the host names must resolve to.
        pub deployment: Deployment = Parameter::select("deployment", Deployment::WORDS)
            .default_to("virtual")
            .describe(
                "Kind of addresses that the hostnames must resolve to",
                "The addresses to which pico.rcp.platform.host and pico.rcp.server.host must \
                 resolve. virtual: virtual addresses that move with the resource. openstack, aws: \
                 the local address on the Platform's node, and the floating or elastic address on \
                 other nodes. Default: virtual.",
            );

        /// What must answer before a start; `None`: the Platform, but for the Platform itself nothing.
        pub wait_for: Option<EndpointList> = Parameter::text("wait_for").reloadable().describe(
            "Endpoints that a start waits for",
            "A list of host:port, separated by spaces or commas. Each must accept a connection \
             before mzsh startup is run. For the Platform, list the database's listener. For an \
             EC, SC or UI, a list replaces the default: also list the Platform's RCP port. \
             Default: the Platform's RCP port; for the Platform itself none.",
        );

        /// How long a start waits for them.
        pub wait_for_timeout: Duration = Parameter::duration("wait_for_timeout", Duration::ZERO, DAY)
            .default_to("30s")
            .reloadable()
            .describe(
                "How long a start waits for wait_for",
                "How long a start waits for the endpoints of wait_for before it fails. Keep it short: the cluster makes no \
                 other decision while a start is running. Default: 30s.",
            );

        const PROCESS_MATCH = Parameter::text("process_match").describe(
            "Regular expression for the process",
            "A regular expression. The agent searches for it in the whole command line of each \
             process, and takes a match for the pico. Set it only if the agent does not recognise \
             the pico. It must contain the pico's name or MZ_HOME; otherwise it may match another \
             pico. An expression that matches a program of the cluster or the agent is refused. \
             Default: none; the agent looks for a java process that has the pico's name and \
             MZ_HOME in the arguments that the product sets.",
        );

        /// Platform only: republish the services of SCs after a start?
        pub republish_services: bool = Parameter::boolean("republish_services")
            .default_to("no")
            .reloadable()
            .describe(
                "Republish the services of Service Contexts?",
                "If yes, a start of the Platform also runs mzsh service restart --publish-only. \
                 Set it if Service Contexts (SCs) keep running during a restart of the Platform. \
                 The agents ec, sc and ui ignore this parameter. Default: no.",
            );

        /// Run as `os_user` after a start.
        pub post_start: Option<PathBuf> = Parameter::text("post_start").reloadable().describe(
            "Program to run after a start",
            "A program to run after a successful start, for instance to start unscheduled workflows. It runs as os_user, with \
             MZ_HOME and PICO_NAME set, for at most 60 s. Processes that it leaves in its process group are killed. Its \
             failure is a warning in the log. Default: none.",
        );

        /// Open files of mzsh and of the JVM; `None`: as many as the hard limit allows.
        pub limit_nofile: Option<u64> = Parameter::integer("limit_nofile", 256, 1_048_576).describe(
            "Open files of the JVM",
            "The number of open files (RLIMIT_NOFILE) of mzsh and of the JVM. Default: Pacemaker's hard limit.",
        );

        /// Processes and threads of the user of the JVM; `None`: the agent's limit.
        pub limit_nproc: Option<u64> = Parameter::integer("limit_nproc", 256, 4_194_304).describe(
            "Processes and threads of os_user",
            "The number of processes and threads (RLIMIT_NPROC) of mzsh and of the JVM; the kernel counts all threads of the \
             user on the node. Default: Pacemaker's limit.",
        );

        /// The umask of mzsh and of the JVM.
        pub umask: Umask = Parameter::text("umask").default_to("0022").describe(
            "umask of the JVM",
            "The umask of mzsh and of the JVM, in octal. Default: 0022.",
        );

        /// Does the pico get a scope of systemd of its own?
        pub scope: Scope = Parameter::select("scope", Scope::WORDS).default_to("no").describe(
            "Start the pico in a scope of systemd?",
            "The control group of the JVM. no: that of Pacemaker. auto: where systemd runs, a transient scope unit \
             (mediationzone-PICO-PID-START.scope), which ends after Pacemaker at shutdown; systemd then does not stop \
             Pacemaker if the JVM is OOM-killed. It needs systemd 236 or newer. If systemd does not make the scope within \
             5 s, the start goes on in Pacemaker's control group, with a warning in the log. A pico that runs already \
             stays where it is. no is the default because a start then needs neither systemd nor D-Bus, and the packaged \
             drop-in protects Pacemaker as well. Default: no.",
        );

        /// What the scope gets.
        pub systemd_properties: Option<SystemdProperties> = Parameter::text("systemd_properties").describe(
            "Properties of the scope",
            "Properties of systemd.resource-control(5) for the scope of the pico, separated by blanks, such as: \
             MemoryMax=8G CPUWeight=50. It needs scope=auto. systemctl set-property sets them before mzsh startup is run. If \
             systemd refuses one, none is set, the start goes on with a warning in the log, and validate-all of level 10 and \
             mzha doctor report an error. Default: none.",
        );

        /// A thread dump before a hung JVM is killed?
        pub thread_dump: bool = Parameter::boolean("thread_dump").default_to("yes").reloadable().describe(
            "Thread dump before a JVM is killed?",
            "Whether a stop takes a thread dump of a JVM that survives mzsh shutdown, before the \
             stop sends signals. The dump is a file in /var/log/mediationzone-ra. The last ten of \
             each resource are kept. If the dump fails, the JVM writes one to its own log. \
             Default: yes.",
        );

        // Only ocf:heartbeat:mediationzone needs it.
        const PICO_PORT = Parameter::integer("pico_port", 1, 65535)
            .deprecated(None, "Ignored: the agents identify the process itself and need no port.")
            .describe(
                "Not used",
                "Ignored; accepted so that a resource of ocf:heartbeat:mediationzone can be moved over.",
            );

        const TRACE_RA = trace::TRACE_RA;
        const TRACE_DIR = trace::TRACE_DIR;
        const TRACE_FILE = trace::TRACE_FILE;
    }
}

impl Settings {
    /// The name of the pico in messages.
    #[must_use]
    pub fn pico_label(&self) -> &str {
        self.target.as_ref().map_or("the pico", |t| t.name.as_str())
    }

    /// What mzsh, and so the JVM, may use.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { open_files: self.limit_nofile, processes: self.limit_nproc, umask: self.umask.0 }
    }
}

type Table = [Parameter; Settings::PARAMETERS.len()];

/// The table of one agent.
const fn table(kind: PicoType) -> Table {
    let mut table: Table = *Settings::PARAMETERS.first_chunk().unwrap();
    let (default, longdesc) = match kind {
        PicoType::Platform => ("platform", pico_name_text!("Default: platform.")),
        PicoType::Ui => ("ui", pico_name_text!("Default: ui.")),
        PicoType::ExecutionContext | PicoType::ServiceContext => return table,
    };
    table[0] = Parameter { required: false, longdesc, ..PICO_NAME }.default_to(default);
    table
}

static PLATFORM: Table = table(PicoType::Platform);
static EC: Table = table(PicoType::ExecutionContext);
static SC: Table = table(PicoType::ServiceContext);
static UI: Table = table(PicoType::Ui);

/// The parameters of the agent for this kind of pico.
#[must_use]
pub const fn for_type(kind: PicoType) -> &'static [Parameter] {
    match kind {
        PicoType::Platform => &PLATFORM,
        PicoType::ExecutionContext => &EC,
        PicoType::ServiceContext => &SC,
        PicoType::Ui => &UI,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// pcs 0.11 shows nothing but the long description.
    #[test]
    fn long_description_names_the_default() {
        for kind in PicoType::ALL {
            for Parameter { name, default, longdesc, .. } in
                for_type(kind).iter().filter(|p| !p.required && p.deprecated.is_none())
            {
                let sentence = longdesc.split_once("Default: ").map(|(_, rest)| rest);
                let sentence = sentence.and_then(|rest| rest.strip_suffix('.'));
                let sentence = sentence
                    .unwrap_or_else(|| panic!("{kind}: {name} does not end with its default"));
                let is_named = |default| sentence.split(' ').any(|word| word == default);
                assert!(default.is_none_or(is_named), "{kind}: {name}: {sentence}");
            }
        }
    }
}
