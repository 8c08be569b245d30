//! The table of parameters.
//!
//! Names follow the agent `ocf:heartbeat:mediationzone` that resource-agents ships, so that a site can move by changing
//! the agent's name only.

use ocf::{Parameter, trace};
use pico::PicoType;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const SECOND: Duration = Duration::from_secs(1);

/// `mz_home`
pub const MZ_HOME: Parameter = Parameter::text("mz_home").default_to("/opt/mz").unique_group("pico").describe(
    "Installation directory",
    "The directory of the installation (MZ_HOME). bin/mzsh is below it. It may be on storage that is mounted only \
     where the resource runs.",
);

/// `os_user`
pub const OS_USER: Parameter = Parameter::text("os_user").describe(
    "User that owns the installation",
    "The user that mzsh is run as. Default: the owner of the installation. mzsh refuses all others.",
);

/// `java_home`
pub const JAVA_HOME: Parameter = Parameter::text("java_home").describe(
    "Java installation",
    "Handed to mzsh as JAVA_HOME, and used for the HA client. Default: what the installation itself uses.",
);

/// `pico_name`, which must be set.
pub const PICO_NAME: Parameter = Parameter::text("pico_name").required().unique_group("pico").describe(
    "Name of the pico instance",
    "The name as mzsh status shows it, with upper and lower case as there. Letters, digits, '_', '-' and '.'; it can't \
     begin with '-', and has at most 250 characters, as the product's own file <name>.conf allows.",
);

/// `container`
pub const CONTAINER: Parameter = Parameter::text("container").describe(
    "Container of the pico instance",
    "MZ_CONTAINER. Default: the container of the installation that has a pico of this name; it must be set only where \
     more than one has.",
);

/// `mzsh_timeout`
pub const MZSH_TIMEOUT: Parameter =
    Parameter::duration("mzsh_timeout", SECOND, DAY).default_to("90s").reloadable().describe(
        "Longest query of mzsh",
        "How long mzsh status, or another query, may take. mzsh startup and mzsh shutdown are bounded by the time-out \
         of the operation, not by this.",
    );

/// `monitor_retries`
pub const MONITOR_RETRIES: Parameter =
    Parameter::integer("monitor_retries", 0, 10).default_to("1").reloadable().describe(
        "Further tries of a failed check",
        "How often a check that failed is tried again, inside one monitor, before it counts.",
    );

/// `failures_tolerated`
pub const FAILURES_TOLERATED: Parameter =
    Parameter::integer("failures_tolerated", 0, 100).default_to("0").reloadable().describe(
        "Failed deep checks that are only warned of",
        "How many failed checks in a row, at depth 10 or 20 and counted for each, are answered with success and a \
         warning in the log. It never covers a process that is not there, stopped, or there twice.",
    );

/// `degraded`
pub const DEGRADED: Parameter = Parameter::boolean("degraded").default_to("no").reloadable().describe(
    "Answer degraded where a warning is due?",
    "If yes, a monitor that has had a warning twice in a row answers 190 (degraded) instead of 0, which cluster tools \
     show; so does one that could not check the pico instance (see unchecked_limit). The resource is not restarted.",
);

/// `unchecked_limit`
pub const UNCHECKED_LIMIT: Parameter =
    Parameter::integer("unchecked_limit", 1, 10_000).default_to("10").reloadable().describe(
        "Runs in a row in which a deep check can't be made",
        "A check of depth 10 or 20 that can't be made (the HA client or mzsh can't be run, the JVM was started before its HA \
         Monitor Server was switched on) is no failure, and is warned of in the log. From this many runs in a row on, \
         counted for each depth, the monitor says since when the pico instance has not been checked and why, and answers \
         190 if degraded is yes.",
    );

/// `wait`
pub const WAIT: Parameter = Parameter::duration("wait", Duration::ZERO, DAY)
    .default_to("20s")
    .reloadable()
    .describe(
        "How long a shallow monitor waits for a death",
        "A recurring monitor of depth 0 stays for this time and ends at once when the pico instance dies, so that its \
         death is noticed in a tenth of a second. A deeper monitor of the same resource waits for it; nothing else \
         does. A deeper one that finds a death which this one has told leaves it at that for as long, \
         so that one death is one failure. 0 turns it off. Never more than half of the operation's time-out.",
    );

/// `ha_check`
pub const HA_CHECK: Parameter =
    Parameter::select("ha_check", &["auto", "yes", "no"]).default_to("auto").reloadable().describe(
        "Ask the HA Monitor Server?",
        "auto: at depth 10 and deeper, if mz.ha.enabled is true for the pico instance. yes: always; a pico instance without it is not started. no: never; then \
         a JVM that hangs is found only by mzsh status, at depth 20.",
    );

/// `ha_host`
pub const HA_HOST: Parameter = Parameter::text("ha_host").reloadable().describe(
    "Address of the HA Monitor Server",
    "Default: mz.ha.host of the installation, which is 127.0.0.1 unless set.",
);

/// `ha_port`
pub const HA_PORT: Parameter = Parameter::integer("ha_port", 1, 65535).reloadable().describe(
    "Port of the HA Monitor Server",
    "Default: mz.ha.port of the installation. It has no default there, and must be another for each pico instance of a \
     host.",
);

/// `ha_timeout`
pub const HA_TIMEOUT: Parameter = Parameter::duration("ha_timeout", SECOND, DAY)
    .default_to("10s")
    .reloadable()
    .describe("Longest question to the HA Monitor Server", "An answer that takes longer is none.");

/// `ha_grace`
pub const HA_GRACE: Parameter = Parameter::duration("ha_grace", Duration::ZERO, DAY).reloadable().describe(
    "Age up to which FAILED does not count",
    "The HA Monitor Server counts workflows in intervals, and has nothing to count in a young JVM. Default: mz.ha.interval \
     of the installation, plus 20 s.",
);

/// `on_ha_failed`
pub const ON_HA_FAILED: Parameter =
    Parameter::select("on_ha_failed", &["fail", "degrade", "ignore"]).default_to("fail").reloadable().describe(
        "What a FAILED of the HA Monitor Server means",
        "fail: the resource has failed. degrade: the monitor answers 190 (degraded). ignore: a line in the log. A FAILED \
         for want of traffic follows the resource to the next node: then degrade is better.",
    );

/// `deployment`
pub const DEPLOYMENT: Parameter =
    Parameter::select("deployment", &["virtual", "openstack", "aws"]).default_to("virtual").describe(
        "Kind of addresses that the host names must resolve to",
        "virtual: pico.rcp.platform.host and pico.rcp.server.host resolve to virtual addresses that move with the \
         resource. openstack, aws: to local addresses on the Platform's node, and to floating or elastic ones elsewhere.",
    );

/// `wait_for`
pub const WAIT_FOR: Parameter = Parameter::text("wait_for").reloadable().describe(
    "What must answer before a start",
    "A list of host:port, divided by spaces or commas; each must accept a connection before mzsh startup. The database's \
     listener belongs here. Default: the Platform's RCP port, for the Platform itself nothing.",
);

/// `wait_for_timeout`
pub const WAIT_FOR_TIMEOUT: Parameter =
    Parameter::duration("wait_for_timeout", Duration::ZERO, DAY).default_to("30s").reloadable().describe(
        "How long a start waits for that",
        "A start that is under way holds up every other decision of the cluster, so this should be short.",
    );

/// `process_match`
pub const PROCESS_MATCH: Parameter = Parameter::text("process_match").describe(
    "How the process is recognised",
    "A regular expression on the whole command line, for an installation whose processes look different. Default: java \
     with the pico's name and MZ_HOME in the product's own arguments. The pico's name or MZ_HOME should stand in it, else it \
     may match another pico; one that matches a program of the cluster, the agent itself among them, is refused.",
);

/// `republish_services`
pub const REPUBLISH_SERVICES: Parameter =
    Parameter::boolean("republish_services").default_to("no").reloadable().describe(
        "Republish the services of Service Contexts?",
        "Only for the platform agent: run mzsh service restart --publish-only after a start, which Service Contexts that \
         outlived the Platform need.",
    );

/// `post_start`
pub const POST_START: Parameter = Parameter::text("post_start").reloadable().describe(
    "Program to run after a start",
    "Run as os_user, with MZ_HOME and PICO_NAME set, for at most 60 s; for instance to start unscheduled workflows. That it \
     fails is a warning in the log. What it leaves running in its process group is ended with it.",
);

/// `limit_nofile`
pub const LIMIT_NOFILE: Parameter = Parameter::integer("limit_nofile", 256, 1_048_576).describe(
    "Open files of the JVM",
    "RLIMIT_NOFILE of mzsh and of the JVM that it starts. Default: as many as Pacemaker's hard limit allows.",
);

/// `limit_nproc`
pub const LIMIT_NPROC: Parameter = Parameter::integer("limit_nproc", 256, 4_194_304).describe(
    "Processes and threads of os_user",
    "RLIMIT_NPROC of mzsh and of the JVM that it starts; it counts all threads of the user on the node. Default: \
     Pacemaker's.",
);

/// `umask`
pub const UMASK: Parameter = Parameter::text("umask").default_to("0022").describe(
    "Permissions that new files don't get",
    "The umask of mzsh and of the JVM that it starts, in octal.",
);

/// `thread_dump`
pub const THREAD_DUMP: Parameter = Parameter::boolean("thread_dump").default_to("yes").reloadable().describe(
    "Thread dump before a JVM is killed?",
    "If a JVM does not follow mzsh shutdown, the state of all its threads is kept first, as a file in \
     /var/log/mediationzone-ra; the last ten of a resource are kept. Where that can't be had, the JVM writes it to its own log.",
);

/// `pico_port`, which ocf:heartbeat:mediationzone needs and these agents don't.
pub const PICO_PORT: Parameter = Parameter::integer("pico_port", 1, 65535)
    .deprecated(None, "The agents know the process itself, so no port is needed. Accepted and not used.")
    .describe("Not used", "Accepted so that a resource of ocf:heartbeat:mediationzone can be moved over.");

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
