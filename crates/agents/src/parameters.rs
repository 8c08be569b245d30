//! The table of parameters.
//!
//! Names are those of `ocf:heartbeat:mediationzone` in resource-agents, so that a site moves by changing only the agent's
//! name.

use ocf::{Parameter, trace};
use pico::PicoType;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const SECOND: Duration = Duration::from_secs(1);

/// `mz_home`
pub const MZ_HOME: Parameter = Parameter::text("mz_home").default_to("/opt/mz").unique_group("pico").describe(
    "Installation directory",
    "The directory of the installation (MZ_HOME), which holds bin/mzsh. It may be on storage that is mounted only \
     where the resource runs. Default: /opt/mz.",
);

/// `os_user`
pub const OS_USER: Parameter = Parameter::text("os_user").describe(
    "User that owns the installation",
    "The user that runs mzsh and the JVM. mzsh refuses any user but the owner of the installation. Default: that owner.",
);

/// `java_home`
pub const JAVA_HOME: Parameter = Parameter::text("java_home").describe(
    "Java installation",
    "The Java installation for mzsh (as JAVA_HOME) and for the HA client. Default: the one that the installation uses.",
);

/// `pico_name`, which must be set.
pub const PICO_NAME: Parameter = Parameter::text("pico_name").required().unique_group("pico").describe(
    "Name of the pico instance",
    "The name of the pico instance as mzsh status shows it; case matters. At most 250 letters, digits, '_', '-' and \
     '.'; the first character must not be '-'. The agents ec and sc require it. Default: platform (agent platform), \
     ui (agent ui).",
);

/// `container`
pub const CONTAINER: Parameter = Parameter::text("container").describe(
    "Container of the pico instance",
    "The container of the pico instance (MZ_CONTAINER). It must be set only if several containers have a pico of this \
     name. Default: the only container that has one.",
);

/// `mzsh_timeout`
pub const MZSH_TIMEOUT: Parameter =
    Parameter::duration("mzsh_timeout", SECOND, DAY).default_to("90s").reloadable().describe(
        "Longest query of mzsh",
        "The timeout of mzsh status and of other queries. The operation's timeout, not this parameter, limits mzsh \
         startup and mzsh shutdown. Default: 90s.",
    );

/// `monitor_retries`
pub const MONITOR_RETRIES: Parameter =
    Parameter::integer("monitor_retries", 0, 10).default_to("1").reloadable().describe(
        "Retries of a failed check",
        "How often one monitor retries a failed check of depth 10 or 20 before the failure counts. Default: 1.",
    );

/// `failures_tolerated`
pub const FAILURES_TOLERATED: Parameter =
    Parameter::integer("failures_tolerated", 0, 100).default_to("0").reloadable().describe(
        "Failed deep checks that are only warnings",
        "How many consecutive failed checks are only a warning in the log. Each of the depths 10 and 20 has its own \
         count. A process that is missing, stopped, or running twice is always a failure. Default: 0.",
    );

/// `degraded`
pub const DEGRADED: Parameter = Parameter::boolean("degraded").default_to("no").reloadable().describe(
    "Report warnings as degraded?",
    "If yes, a monitor returns 190 (degraded) instead of 0 at the second consecutive warning, or when unchecked_limit \
     is reached. Cluster tools show it; the resource is not restarted. Default: no.",
);

/// `unchecked_limit`
pub const UNCHECKED_LIMIT: Parameter =
    Parameter::integer("unchecked_limit", 1, 10_000).default_to("10").reloadable().describe(
        "Consecutive monitors without a deep check",
        "After this many consecutive monitors of depth 10 or 20 that could not check the pico instance, the monitor \
         reports why and since when, and returns 190 if degraded is yes. Before that, each one is a warning in the log; it \
         never is a failure. Causes: the HA client or mzsh can't be run, or the JVM was started before its HA Monitor \
         Server was enabled. Default: 10.",
    );

/// `wait`
pub const WAIT: Parameter = Parameter::duration("wait", Duration::ZERO, DAY)
    .default_to("20s")
    .reloadable()
    .describe(
        "How long a depth 0 monitor waits for a death",
        "A recurring monitor of depth 0 keeps running for this time and returns at once when the pico instance dies, so \
         that the cluster learns of the death within 0.1 s. It delays only deeper monitors of the same resource. A deeper \
         monitor holds back its report of a death that depth 0 has reported for up to this time, so that one death is \
         one failure. 0 turns the wait off; half of the operation's timeout is the maximum. Default: 20s.",
    );

/// `ha_check`
pub const HA_CHECK: Parameter =
    Parameter::select("ha_check", &["auto", "yes", "no"]).default_to("auto").reloadable().describe(
        "Ask the HA Monitor Server?",
        "Whether start and the monitors of depth 10 and 20 ask the HA Monitor Server. auto: if mz.ha.enabled is true \
         for the pico instance. yes: always; start refuses a pico instance without it. no: never; then only depth 20 \
         (mzsh status) detects a hung JVM. Default: auto.",
    );

/// `ha_host`
pub const HA_HOST: Parameter = Parameter::text("ha_host").reloadable().describe(
    "Address of the HA Monitor Server",
    "The address at which the HA Monitor Server is asked. Default: mz.ha.host of the installation, which is 127.0.0.1 \
     unless set.",
);

/// `ha_port`
pub const HA_PORT: Parameter = Parameter::integer("ha_port", 1, 65535).reloadable().describe(
    "Port of the HA Monitor Server",
    "The port at which the HA Monitor Server is asked. Each pico instance of a host needs its own. Default: mz.ha.port \
     of the installation, which must be set there.",
);

/// `ha_timeout`
pub const HA_TIMEOUT: Parameter =
    Parameter::duration("ha_timeout", SECOND, DAY).default_to("10s").reloadable().describe(
        "Timeout of the HA Monitor Server",
        "How long the HA Monitor Server may take to answer; a later answer counts as none. Default: 10s.",
    );

/// `ha_grace`
pub const HA_GRACE: Parameter = Parameter::duration("ha_grace", Duration::ZERO, DAY).reloadable().describe(
    "Age up to which FAILED does not count",
    "The age of the JVM up to which FAILED of the HA Monitor Server is ignored: it counts workflows in intervals, and a \
     young JVM has none to count. Default: mz.ha.interval of the installation plus 20 s.",
);

/// `on_ha_failed`
pub const ON_HA_FAILED: Parameter =
    Parameter::select("on_ha_failed", &["fail", "degrade", "ignore"]).default_to("fail").reloadable().describe(
        "Result if the HA Monitor Server says FAILED",
        "The result of a monitor when the HA Monitor Server says FAILED. fail: the resource has failed. degrade: 190 \
         (degraded). ignore: a line in the log. Choose degrade if missing traffic causes FAILED, since it follows the \
         resource to the next node. Default: fail.",
    );

/// `deployment`
pub const DEPLOYMENT: Parameter =
    Parameter::select("deployment", &["virtual", "openstack", "aws"]).default_to("virtual").describe(
        "Kind of addresses that the hostnames must resolve to",
        "The kind of addresses to which pico.rcp.platform.host and pico.rcp.server.host must resolve. virtual: virtual \
         addresses that move with the resource. openstack, aws: local addresses on the Platform's node, floating or \
         elastic addresses elsewhere. Default: virtual.",
    );

/// `wait_for`
pub const WAIT_FOR: Parameter = Parameter::text("wait_for").reloadable().describe(
    "Endpoints that a start waits for",
    "A list of host:port, separated by spaces or commas; each must accept a connection before mzsh startup is run. List \
     the database's listener here. Default: the Platform's RCP port; none for the Platform itself.",
);

/// `wait_for_timeout`
pub const WAIT_FOR_TIMEOUT: Parameter =
    Parameter::duration("wait_for_timeout", Duration::ZERO, DAY).default_to("30s").reloadable().describe(
        "How long a start waits for wait_for",
        "How long a start waits for the endpoints of wait_for before it fails. Keep it short: the cluster makes no other \
         decision while a start is running. Default: 30s.",
    );

/// `process_match`
pub const PROCESS_MATCH: Parameter = Parameter::text("process_match").describe(
    "Regular expression for the process",
    "A regular expression that the whole command line of the pico instance's process matches, for an installation with \
     unusual command lines. Put the pico's name or MZ_HOME in it, else it may match another pico. One that matches a \
     program of the cluster or the agent itself is refused. Default: java with the pico's name and MZ_HOME in the \
     product's own arguments.",
);

/// `republish_services`
pub const REPUBLISH_SERVICES: Parameter =
    Parameter::boolean("republish_services").default_to("no").reloadable().describe(
        "Republish the services of Service Contexts?",
        "Whether a start of the Platform runs mzsh service restart --publish-only, which Service Contexts that outlived the \
         Platform need. The agents ec, sc and ui ignore it. Default: no.",
    );

/// `post_start`
pub const POST_START: Parameter = Parameter::text("post_start").reloadable().describe(
    "Program to run after a start",
    "A program to run after a successful start, for instance to start unscheduled workflows. It runs as os_user, with \
     MZ_HOME and PICO_NAME set, for at most 60 s. Processes that it leaves in its process group are killed. Its \
     failure is a warning in the log. Default: none.",
);

/// `limit_nofile`
pub const LIMIT_NOFILE: Parameter = Parameter::integer("limit_nofile", 256, 1_048_576).describe(
    "Open files of the JVM",
    "The number of open files (RLIMIT_NOFILE) of mzsh and of the JVM. Default: Pacemaker's hard limit.",
);

/// `limit_nproc`
pub const LIMIT_NPROC: Parameter = Parameter::integer("limit_nproc", 256, 4_194_304).describe(
    "Processes and threads of os_user",
    "The number of processes and threads (RLIMIT_NPROC) of mzsh and of the JVM; the kernel counts all threads of the \
     user on the node. Default: Pacemaker's limit.",
);

/// `umask`
pub const UMASK: Parameter = Parameter::text("umask")
    .default_to("0022")
    .describe("umask of the JVM", "The umask of mzsh and of the JVM, in octal. Default: 0022.");

/// `thread_dump`
pub const THREAD_DUMP: Parameter = Parameter::boolean("thread_dump").default_to("yes").reloadable().describe(
    "Thread dump before a JVM is killed?",
    "Whether a stop takes a thread dump of a JVM that survives mzsh shutdown, before it sends signals. The dump is a \
     file in /var/log/mediationzone-ra, which keeps the last ten of each resource. If that fails, the JVM writes one to \
     its own log. Default: yes.",
);

/// `pico_port`, which only `ocf:heartbeat:mediationzone` needs.
pub const PICO_PORT: Parameter = Parameter::integer("pico_port", 1, 65535)
    .deprecated(None, "Ignored: the agents identify the process itself and need no port.")
    .describe(
        "Not used",
        "Ignored; accepted so that a resource of ocf:heartbeat:mediationzone can be moved over.",
    );

/// How many parameters an agent has.
const COUNT: usize = 31;

/// The table of one agent.
const fn table(kind: PicoType) -> [Parameter; COUNT] {
    let pico_name = match kind {
        PicoType::Platform => Parameter { required: false, ..PICO_NAME }.default_to("platform"),
        PicoType::Ui => Parameter { required: false, ..PICO_NAME }.default_to("ui"),
        PicoType::ExecutionContext | PicoType::ServiceContext => PICO_NAME,
    };
    [
        pico_name,
        MZ_HOME,
        OS_USER,
        JAVA_HOME,
        CONTAINER,
        MZSH_TIMEOUT,
        MONITOR_RETRIES,
        FAILURES_TOLERATED,
        DEGRADED,
        UNCHECKED_LIMIT,
        WAIT,
        HA_CHECK,
        HA_HOST,
        HA_PORT,
        HA_TIMEOUT,
        HA_GRACE,
        ON_HA_FAILED,
        DEPLOYMENT,
        WAIT_FOR,
        WAIT_FOR_TIMEOUT,
        PROCESS_MATCH,
        REPUBLISH_SERVICES,
        POST_START,
        LIMIT_NOFILE,
        LIMIT_NPROC,
        UMASK,
        THREAD_DUMP,
        PICO_PORT,
        trace::TRACE_RA,
        trace::TRACE_DIR,
        trace::TRACE_FILE,
    ]
}

static PLATFORM: [Parameter; COUNT] = table(PicoType::Platform);
static EC: [Parameter; COUNT] = table(PicoType::ExecutionContext);
static SC: [Parameter; COUNT] = table(PicoType::ServiceContext);
static UI: [Parameter; COUNT] = table(PicoType::Ui);

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
                let sentence =
                    sentence.unwrap_or_else(|| panic!("{kind}: {name} does not end with its default"));
                let is_named = |default| sentence.split(' ').any(|word| word == default);
                assert!(default.is_none_or(is_named), "{kind}: {name}: {sentence}");
            }
        }
    }
}
