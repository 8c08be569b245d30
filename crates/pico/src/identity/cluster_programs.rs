//! Programs of the cluster, which are never a pico, whatever `process_match` says: its daemons, init, the agents, and the configuration
//! tools, whose command lines may contain the pattern itself.

use host::command_lines::{CommandLine, read_command_lines};
use host::process::{self, ProcDir, Snapshot, Stat};
use host::{Pid, ProcessId};
use regex_lite::Regex;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

/// Program names of daemons.
const DAEMON_NAMES: [&str; 16] = [
    "systemd",
    "init",
    "pacemakerd",
    "pacemaker-based",
    "pacemaker-execd",
    "pacemaker-fenced",
    "pacemaker-attrd",
    "pacemaker-schedulerd",
    "pacemaker-controld",
    "pacemaker-remoted",
    "pacemaker_remoted",
    "corosync",
    "corosync-qdevice",
    "corosync-qnetd",
    "sbd",
    "pcsd",
];

/// Program names of tools.
const TOOL_NAMES: [&str; 12] = [
    "pcs",
    "crm",
    "crmadmin",
    "crm_attribute",
    "crm_mon",
    "crm_resource",
    "crm_simulate",
    "crm_verify",
    "cibadmin",
    "stonith_admin",
    "mzha",
    "mz-ha-scripts",
];

/// Interpreters of scripts.
const INTERPRETER_NAMES: [&str; 7] =
    ["sh", "bash", "dash", "python", "platform-python", "ruby", "perl"];

/// Directories of system programs. A program of the same name elsewhere may be a site's own.
const SYSTEM_DIRECTORIES: [&str; 5] = ["/usr/", "/sbin/", "/bin/", "/lib/", "/lib64/"];

/// Command lines of the agents.
macro_rules! agents {
    ($($kind:literal)*) => {
        [$(
            concat!("/usr/lib/ocf/resource.d/mediationzone/", $kind, " start"),
            concat!("/usr/lib/ocf/resource.d/mediationzone/", $kind, " stop"),
            concat!("/usr/lib/ocf/resource.d/mediationzone/", $kind, " monitor"),
            concat!("/usr/lib/ocf/resource.d/mediationzone/", $kind, " validate-all"),
            concat!("/usr/lib/ocf/resource.d/mediationzone/", $kind, " reload-agent"),
        )*]
    };
}
const AGENT_COMMAND_LINES: [&str; 20] = agents!["platform" "ec" "sc" "ui"];

/// Command lines of the others, on Debian and RHEL.
const TYPICAL_COMMAND_LINES: [&str; 33] = [
    "/sbin/init",
    "/lib/systemd/systemd --system --deserialize 31",
    "/usr/lib/systemd/systemd --switched-root --system --deserialize=31",
    "/usr/sbin/pacemakerd",
    "/usr/lib/pacemaker/pacemaker-based",
    "/usr/lib/pacemaker/pacemaker-execd",
    "/usr/lib/pacemaker/pacemaker-fenced",
    "/usr/lib/pacemaker/pacemaker-attrd",
    "/usr/lib/pacemaker/pacemaker-schedulerd",
    "/usr/lib/pacemaker/pacemaker-controld",
    "/usr/libexec/pacemaker/pacemaker-based",
    "/usr/libexec/pacemaker/pacemaker-execd",
    "/usr/libexec/pacemaker/pacemaker-fenced",
    "/usr/libexec/pacemaker/pacemaker-attrd",
    "/usr/libexec/pacemaker/pacemaker-schedulerd",
    "/usr/libexec/pacemaker/pacemaker-controld",
    "/usr/sbin/pacemaker-remoted",
    "/usr/sbin/pacemaker_remoted",
    "/usr/sbin/corosync -f",
    "/usr/sbin/corosync-qdevice -f",
    "/usr/bin/corosync-qnetd -f",
    "sbd: inquisitor",
    "sbd: watcher: Pacemaker",
    "sbd: watcher: Cluster",
    "/usr/bin/ruby /usr/sbin/pcsd",
    "/usr/bin/python3 -Es /usr/sbin/pcsd",
    "/usr/bin/python3 -Es /usr/sbin/pcs status",
    "pcs status",
    "/usr/bin/python3 /usr/sbin/crm status",
    "crm status",
    "crm_resource --resource",
    "sh -c",
    "/bin/sh -c",
];

/// Are these the arguments of a cluster daemon, init, or an agent?
#[must_use]
pub fn is_cluster_daemon(argv: &[OsString]) -> bool {
    // sbd sets its own process titles.
    let sbd = argv.first().is_some_and(|called| called.as_bytes().starts_with(b"sbd:"));
    sbd || program_and_script(argv)
        .any(|program| is_resource_agent(program) || is_system_program(&DAEMON_NAMES, program))
}

/// Are these the arguments of a tool that configures or queries the cluster?
#[must_use]
pub fn is_cluster_tool(argv: &[OsString]) -> bool {
    program_and_script(argv).any(|program| is_system_program(&TOOL_NAMES, program))
}

/// The program; and its script, for an interpreter.
fn program_and_script(argv: &[OsString]) -> impl Iterator<Item = &Path> {
    let program = argv.first().map(Path::new);
    let interprets = program.and_then(Path::file_name).is_some_and(|name| {
        // With a version: python3.11.
        let name = String::from_utf8_lossy(name.as_bytes());
        INTERPRETER_NAMES.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
    });
    let is_option = |argument: &&OsString| argument.as_bytes().starts_with(b"-");
    let script = argv.iter().skip(1).find(|argument| !is_option(argument)).map(Path::new);
    program.into_iter().chain(script.filter(|_| interprets))
}

fn is_system_program(names: &[&str], program: &Path) -> bool {
    let path = program.as_os_str().as_bytes();
    let of_the_system = !path.contains(&b'/')
        || SYSTEM_DIRECTORIES.iter().any(|directory| path.starts_with(directory.as_bytes()));
    let name = program.file_name().unwrap_or_default();
    of_the_system && names.iter().any(|own| name == *own)
}

/// `.../resource.d/PROVIDER/AGENT`.
fn is_resource_agent(program: &Path) -> bool {
    program
        .parent()
        .and_then(Path::parent)
        .is_some_and(|directory| directory.ends_with("resource.d"))
}

/// A program that the pattern matches on every node; `None`: the pattern is acceptable.
#[must_use]
pub fn cluster_program_matched_by(pattern: &Regex) -> Option<&'static str> {
    if pattern.is_match("") {
        return Some("anything");
    }
    TYPICAL_COMMAND_LINES.into_iter().chain(AGENT_COMMAND_LINES).find(|line| pattern.is_match(line))
}

/// A running cluster program that the pattern matches, with its command line. Programs of ordinary users do not count.
///
/// # Errors
/// /proc could not be read until the given instant.
pub fn find_matching_cluster_process(
    pattern: &Regex,
    until: Instant,
) -> io::Result<Option<(ProcessId, String)>> {
    let all = process::snapshot()?;
    let own = Pid::own();
    let is_first = |pid: Pid| pid.as_raw() == 1;
    let mut candidates: Vec<&Stat> = Vec::new();
    for stat in all.iter().filter(|stat| !stat.is_dead()) {
        if stat.pid == own
            || is_first(stat.pid)
            || (has_daemon_name(&stat.comm) && runs_for_root(stat, &all)?)
        {
            candidates.push(stat);
        }
    }
    let sources: Vec<ProcDir> = candidates.iter().map(|stat| stat.pid.into()).collect();
    let mut matched = None;
    read_command_lines(&sources, until, |at, line| {
        let (CommandLine::Complete(argv) | CommandLine::Truncated(argv)) = line else { return };
        let stat = candidates[at];
        let known = stat.pid == own || is_first(stat.pid) || is_cluster_daemon(&argv);
        let line = argv.join(OsStr::new(" ")).to_string_lossy().into_owned();
        if known && matched.is_none() && pattern.is_match(&line) {
            matched = Some((stat.id(), line));
        }
    })?;
    Ok(matched)
}

/// By `comm`, of which the kernel keeps 15 bytes.
fn has_daemon_name(comm: &[u8]) -> bool {
    DAEMON_NAMES.iter().any(|name| name.as_bytes().get(..15).unwrap_or(name.as_bytes()) == comm)
}

/// Does it run as root, or as a child of root's pacemakerd (as hacluster)?
fn runs_for_root(stat: &Stat, all: &Snapshot) -> io::Result<bool> {
    let parent = stat
        .parent
        .and_then(|parent| all.get(parent))
        .filter(|parent| parent.comm == b"pacemakerd");
    for pid in [Some(stat.pid), parent.map(|parent| parent.pid)].into_iter().flatten() {
        if process::effective_uid(pid)? == Some(0) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn cluster_programs_are_recognised_on_every_distribution() {
        let tools = |line: &&str| {
            ["pcs", "crm", "sh"].iter().any(|word| line.contains(&format!("{word} ")))
        };
        for line in
            TYPICAL_COMMAND_LINES.into_iter().chain(AGENT_COMMAND_LINES).filter(|line| !tools(line))
        {
            assert!(is_cluster_daemon(&argv(line)) || line.starts_with("crm_resource"), "{line}");
        }
        for line in [
            "/usr/bin/python3.11 -Es /usr/sbin/pcs resource update mz process_match=x",
            "crm_resource --force-start",
        ] {
            assert!(is_cluster_tool(&argv(line)) && !is_cluster_daemon(&argv(line)), "{line}");
        }
        let shell = "/bin/sh /usr/lib/ocf/resource.d/heartbeat/IPaddr2 monitor";
        assert!(is_cluster_daemon(&argv(shell)));
        assert!(is_cluster_daemon(&["sbd: watcher: /dev/sdb - slot: 0".into()]));
    }

    #[test]
    fn program_outside_system_directories_is_no_cluster_program() {
        for line in [
            "/opt/mz/bin/init ec1",
            "/opt/mz/jdk/bin/java -Dpico.configname=ec1",
            "java corosync",
            "/bin/sh /opt/mz/bin/corosync",
            "",
        ] {
            assert!(!is_cluster_daemon(&argv(line)) && !is_cluster_tool(&argv(line)), "{line}");
        }
        assert!(!is_cluster_daemon(&[]));
    }

    #[test]
    fn process_match_of_anything_or_a_cluster_program_is_refused() {
        let refused = |pattern: &str| cluster_program_matched_by(&Regex::new(pattern).unwrap());
        for any in ["", "^", "$", ".*", "x*", "(ec1)?", "^(java|)"] {
            assert_eq!(refused(any), Some("anything"), "{any}");
        }
        for (pattern, line) in [
            (".", "/sbin/init"),
            ("execd$", "/usr/lib/pacemaker/pacemaker-execd"),
            ("mediationzone/ec ", "/usr/lib/ocf/resource.d/mediationzone/ec start"),
            ("platform|ec1", "/usr/lib/ocf/resource.d/mediationzone/platform start"),
            ("pcsd", "/usr/bin/ruby /usr/sbin/pcsd"),
            ("^sbd", "sbd: inquisitor"),
        ] {
            assert_eq!(refused(pattern), Some(line), "{pattern}");
        }
        for fit in [
            "^/opt/mz/bin/odd ",
            "ec1",
            "(^|/)java .* com\\.example\\.Launcher( |$)",
            "no-such-process",
        ] {
            assert_eq!(refused(fit), None, "{fit}");
        }
    }
}
