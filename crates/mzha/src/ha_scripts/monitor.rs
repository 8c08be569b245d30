//! `monitor`: the verdict of depth 10 as the product's script prints it.

use super::arguments::InstallationArguments;
use super::pico_by_port::{self, PicoLookup};
use super::{
    EXIT_UNKNOWN, describe_other_managers, install_log, one_line, online_marker,
    print_and_exit_code, print_error,
};
use crate::health_verdict::HealthVerdict;
use crate::resource::Resource;
use ocf::{Action, Deadline};
use pico::actions::{self, Audience, EvidencePoint, MonitorCall};
use pico::record::InstanceRecordFile;
use pico::verdict::{Verdict, VerdictKind};
use pico::{Endpoint, PicoName};
use std::fmt::Write as _;
use std::process::ExitCode;

/// Healthy.
const EXIT_OK: u8 = 110;
/// Unhealthy: dead; or hung or FAILED while it was online.
const EXIT_FAILED: u8 = 100;

#[derive(Debug)]
pub(super) struct MonitorArguments {
    pub(super) installation: InstallationArguments,
    pub(super) port: u16,
    pub(super) host: Option<String>,
    pub(super) seconds: Option<u32>,
    pub(super) debug: bool,
}

/// Prints one word on stdout, then the evidence with `debug`; the reason on stderr.
pub(super) fn run(question: &MonitorArguments, is_root: bool, deadline: Deadline) -> ExitCode {
    let (verdict, points) = if is_root {
        evaluate(question, deadline)
    } else {
        (
            HealthVerdict::Unknown(
                "monitor: permission denied (not root: other users do not see all of /proc); run it as root"
                    .to_owned(),
            ),
            Vec::new(),
        )
    };
    let (word, code) = match &verdict {
        HealthVerdict::Healthy(_) => ("OK", EXIT_OK),
        HealthVerdict::Unhealthy(_) => ("FAILED", EXIT_FAILED),
        HealthVerdict::Unknown(_) => ("UNKNOWN", EXIT_UNKNOWN),
    };
    if let Some(reason) = verdict.reason() {
        print_error(&format!("{}\n", one_line(reason)));
    }
    let mut text = format!("{word}\n");
    if question.debug {
        for (what, seen) in points {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{what}: {}", one_line(&seen));
        }
        if let Some(reason) = verdict.reason() {
            let _ = writeln!(text, "reason: {}", one_line(reason));
        }
    }
    print_and_exit_code(&text, code)
}

fn evaluate(
    question: &MonitorArguments,
    deadline: Deadline,
) -> (HealthVerdict, Vec<EvidencePoint>) {
    match pico_by_port::find_pico(&question.installation, question.port, deadline) {
        PicoLookup::Pico { name, is_off } => evaluate_pico(question, &name, is_off, deadline),
        PicoLookup::NothingRunning(why) => (HealthVerdict::Unhealthy(why), Vec::new()),
        PicoLookup::Unknown(why) => (HealthVerdict::Unknown(why), Vec::new()),
    }
}

/// `is_off`: the registry disables the HA Monitor Server.
fn evaluate_pico(
    question: &MonitorArguments,
    pico: &PicoName,
    is_off: bool,
    deadline: Deadline,
) -> (HealthVerdict, Vec<EvidencePoint>) {
    let is_mute =
        is_off && !is_listening(&question.installation.named_resource(pico, &[]), question.port);
    // The manager counts tolerated failures itself (ToleranceLimit of Veritas).
    let mut given = vec![
        ("ha_check", if is_mute { "no" } else { "yes" }.to_owned()),
        ("ha_port", question.port.to_string()),
        ("failures_tolerated", "0".to_owned()),
    ];
    given.extend(question.host.clone().map(|host| ("ha_host", host)));
    given.extend(question.seconds.map(|seconds| ("ha_timeout", format!("{seconds}s"))));
    let resource = question.installation.named_resource(pico, &given);
    install_log(&resource, Action::Monitor);
    let (settings, errors) = resource.settings();
    for error in errors {
        tracing::warn!("{error}; using the default");
    }
    let (points, verdict) = if question.debug {
        let (mut points, verdict) = actions::explain(&settings, deadline);
        points.extend(describe_other_managers(&settings).map(|others| ("other managers", others)));
        (points, verdict)
    } else {
        let call = MonitorCall::OneShot { depth: 10, audience: Audience::Log };
        (Vec::new(), actions::monitor_verdict(&settings, call, deadline))
    };
    let mute = if is_mute {
        Some(format!("mz.ha.enabled of {pico} is not true"))
    } else {
        never_listened(&resource, question).then(|| {
            let at = question.host.as_ref().map_or_else(String::new, |host| format!("{host}, "));
            let port = question.port;
            format!("never seen to listen on {at}port {port}; restart it unless it is starting")
        })
    };
    (verdict_for_manager(&resource, verdict, mute), points)
}

/// Whether the recorded JVM was never seen to listen on the requested endpoint.
fn never_listened(resource: &Resource, question: &MonitorArguments) -> bool {
    let is_asked = |endpoint: &Endpoint| match &question.host {
        Some(host) => *endpoint == Endpoint::on_this_node(host, question.port),
        None => endpoint.port == question.port,
    };
    let record = InstanceRecordFile::for_resource(resource.name.as_deref()).read();
    record.is_some_and(|record| !record.listened.iter().any(is_asked))
}

/// Whether the recorded JVM listens on this port.
fn is_listening(resource: &Resource, port: u16) -> bool {
    let record = InstanceRecordFile::for_resource(resource.name.as_deref()).read();
    let Some(jvm) = record.and_then(|record| record.jvm()) else { return false };
    let all = host::listeners::all().unwrap_or_default();
    all.iter()
        .any(|listener| listener.port == port && listener.is_open_in(jvm.pid).unwrap_or(false))
}

/// A live unhealthy pico is FAILED only if it was online; a running pico that cannot be asked (`mute`: the reason)
/// is never healthy.
fn verdict_for_manager(
    resource: &Resource,
    verdict: Verdict,
    mute: Option<String>,
) -> HealthVerdict {
    let name = resource.name.as_deref().unwrap_or_default();
    let is_there = verdict.kind != VerdictKind::NotRunning;
    match (HealthVerdict::from(verdict), mute) {
        (HealthVerdict::Unhealthy(why), _)
            if is_there && !online_marker::is_marked_online(name) =>
        {
            HealthVerdict::Unknown(format!("{why}; not online here before, and not offline"))
        }
        (HealthVerdict::Healthy(_), Some(why)) => {
            let pico = resource.parameters.get("pico_name").map_or("the pico", String::as_str);
            HealthVerdict::Unknown(format!("{pico}: running, health unknown ({why})"))
        }
        (verdict, _) => {
            if let HealthVerdict::Healthy(_) = verdict {
                online_marker::mark_online(name);
            }
            verdict
        }
    }
}
