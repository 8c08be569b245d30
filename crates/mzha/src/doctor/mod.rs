//! `mzha doctor` checks this node and the cluster's configuration for the picos.
//!
//! It changes nothing, and starts or signals no pico. Two exceptions: for `scope=auto`, it asks systemd for a scope that ends at
//! once, and `--fence-test` fences a node. Queries that can hang
//! (storage, name service, cluster tools) run in a child with a timeout; a hung query
//! is a row like any other.
//!
//! Each module separates gathering facts from judging them; the judging functions read no file and no process.

mod agent_files;
mod check_result;
mod checked_resource;
mod constraints;
mod external_starts;
mod fence_test;
mod fencing;
mod installation;
mod kernel;
mod mzsh_platform;
mod nodes;
mod openstack;
mod operation_timeouts;
mod pacemaker_service;
mod ports;
mod query;
mod recheck_interval;
mod report;
mod running;
mod server_host;

use crate::cib::{Cib, CibError, ConfiguredResource};
use crate::health::{parse_absolute_path, parse_pico_type};
use check_result::{Area, CheckResult};
use checked_resource::{CheckedResource, CheckedResources};
use external_starts::{ExternalStarts, SearchScope};
use host::credentials::{Credentials, CredentialsError};
use pico::product::{UserState, list_instances};
use pico::{PicoType, Scope};
use query::QueryTimeout;
use report::{Report, TableStyle};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(crate) struct DoctorOptions {
    /// Resources, groups or clones to check; default: all of ocf:mediationzone
    resources: Vec<String>,
    /// Name of a pico that is not a resource yet
    #[arg(long, value_name = "NAME", requires = "kind")]
    pico: Option<String>,
    /// `MZ_HOME` of the pico
    #[arg(long, value_name = "DIR", requires = "pico", default_value = "/opt/mz", value_parser = parse_absolute_path)]
    mz_home: PathBuf,
    /// Type of the pico: platform, ec, sc or ui
    #[arg(long = "type", value_name = "TYPE", requires = "pico", value_parser = parse_pico_type)]
    kind: Option<PicoType>,
    /// Parameter of the future resource
    #[arg(long = "param", value_name = "NAME=VALUE", requires = "pico", value_parser = parse_name_value)]
    parameters: Vec<(String, String)>,
    /// Fence this node once, after a question, and show how long fencing and fail-over take
    #[arg(long, value_name = "NODE", conflicts_with_all = ["resources", "pico", "json", "timeout"])]
    fence_test: Option<String>,
    /// Timeout of each query in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
}

fn parse_name_value(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn run(doctor: &DoctorOptions) -> ExitCode {
    if let Some(node) = &doctor.fence_test {
        return fence_test::run(node);
    }
    let report = Report::new(query::node_name(), doctor.run_checks());
    let mut out = std::io::stdout().lock();
    let text = if doctor.json {
        report.to_json()
    } else {
        let terminal = out.is_terminal();
        let width = rustix::termios::tcgetwinsize(&out).map_or(0, |size| usize::from(size.ws_col));
        let width = if width == 0 { 100 } else { width };
        report.to_table(TableStyle {
            width,
            colours: terminal && std::env::var_os("NO_COLOR").is_none(),
        })
    };
    // A closed stdout is no fault of the node.
    let _ = out.write_all(text.as_bytes());
    ExitCode::from(report.exit_code())
}

impl DoctorOptions {
    fn run_checks(&self) -> Vec<CheckResult> {
        let question = QueryTimeout { timeout: Duration::from_secs(self.timeout) };
        let mut rows = Vec::new();
        if !rustix::process::geteuid().is_root() {
            rows.push(CheckResult::warning(
                Area::Cluster,
                "user",
                "not root: no access to processes, crontabs and installations of other users",
                "run it as root",
            ));
        }
        let cib = Cib::query(question.deadline());
        rows.extend(self.check_configuration(&cib));
        let cib = cib.ok();
        if cib.is_some() {
            rows.extend(nodes::check(&crate::cib::stale_node_states(question.deadline())));
        }
        let (subjects, unknown) = self.select_resources(cib.as_ref());
        rows.extend(unknown);
        let mut subjects = CheckedResources::examine_all(subjects, question);
        let kinds: Vec<PicoType> =
            subjects.all.iter().map(|subject| subject.resource.kind).collect();
        rows.extend(agent_files::check(&kinds, question));
        rows.push(kernel::check());
        for subject in &mut subjects.all {
            rows.extend(subject.run_checks(cib.as_ref(), question));
        }
        rows.extend(check_ports(&subjects, question));
        if let Some(cib) = &cib {
            let homes = |subject: &CheckedResource| subject.homes();
            let configured =
                subjects.all.iter().filter_map(|s| Some((s.configured.as_ref()?, homes(s))));
            rows.extend(constraints::check(cib, configured));
            rows.extend(fencing::check(cib));
            rows.push(recheck_interval::check(cib));
            rows.extend(openstack::check(cib, &subjects.platform_hosts(), question));
        }
        rows.extend(external_starts::check(&find_external_starts(&subjects, question)));
        let has_scope = |c: &ConfiguredResource| c.resource.settings().0.scope == Scope::Auto;
        let in_scopes = cib
            .as_ref()
            .is_some_and(|cib| !cib.resources.is_empty() && cib.resources.iter().all(has_scope));
        rows.extend(match question.run_in_child(pacemaker_service::look) {
            Ok(seen) => {
                pacemaker_service::rows(&seen, cib.as_ref(), &query::node_name(), in_scopes)
            }
            Err(why) => vec![pacemaker_service::unreadable(&why)],
        });
        rows
    }

    fn check_configuration(&self, cib: &Result<Cib, CibError>) -> Vec<CheckResult> {
        const CHECK: &str = "configuration";
        const NAME_A_PICO: &str = "name a pico: --pico NAME --type TYPE --mz-home DIR";
        match cib {
            // The check of a named pico needs no cluster.
            Err(e) if self.pico.is_some() => {
                let todo = "operations, constraints and fencing were not checked; run this on a cluster node";
                vec![CheckResult::warning(Area::Cluster, CHECK, e.to_string(), todo)]
            }
            Err(e @ CibError::Named { variable, .. }) => {
                vec![CheckResult::error(
                    Area::Cluster,
                    CHECK,
                    e.to_string(),
                    format!("correct {variable}, or unset it; or {NAME_A_PICO}"),
                )]
            }
            Err(e) => vec![CheckResult::error(Area::Cluster, CHECK, e.to_string(), NAME_A_PICO)],
            Ok(cib) => {
                let mut rows = vec![match cib.resources.as_slice() {
                    [] if self.pico.is_none() && self.resources.is_empty() => {
                        let seen = "it has no resource of ocf:mediationzone";
                        CheckResult::error(
                            Area::Cluster,
                            CHECK,
                            seen,
                            format!("create one, or {NAME_A_PICO}"),
                        )
                    }
                    resources => {
                        let names: Vec<&str> =
                            resources.iter().map(ConfiguredResource::name).collect();
                        let names = if names.is_empty() { "none" } else { &names.join(", ") };
                        CheckResult::ok(
                            Area::Cluster,
                            CHECK,
                            format!("resources of ocf:mediationzone: {names}"),
                        )
                    }
                }];
                rows.extend(cib.misread.iter().map(|what| {
                    let todo = "write a whole number and a unit: 500ms, 90s, 7min, 24h";
                    CheckResult::warning(Area::Cluster, "duration", what, todo)
                }));
                rows.extend(cib.skipped.iter().map(|what| {
                    let todo = "check it by hand; the rows below ignore it";
                    CheckResult::warning(Area::Cluster, "not evaluated", what, todo)
                }));
                rows
            }
        }
    }

    /// Selected resources, and an error for each unknown name.
    fn select_resources(&self, cib: Option<&Cib>) -> (Vec<CheckedResource>, Vec<CheckResult>) {
        let all = cib.map_or(&[][..], |cib| &cib.resources);
        let mut subjects: Vec<CheckedResource> = all
            .iter()
            .filter(|configured| match self.resources.as_slice() {
                [] => self.pico.is_none(),
                names => names.iter().any(|name| configured.answers_to(name)),
            })
            .map(CheckedResource::from_configuration)
            .collect();
        let mut unknown = Vec::new();
        for name in self.resources.iter().filter(|name| !all.iter().any(|c| c.answers_to(name))) {
            // Instance records name resources started here since boot, also without the cluster.
            if let Some(subject) = CheckedResource::from_record(name) {
                subjects.push(subject);
            } else {
                let seen = match cib {
                    Some(_) => {
                        "the cluster's configuration has no such resource of ocf:mediationzone, nor has this node a record of it"
                    }
                    None => {
                        "the cluster's configuration could not be read, and this node has no record of such a resource"
                    }
                };
                let todo =
                    "correct the name, or name a pico: --pico NAME --type TYPE --mz-home DIR";
                unknown.push(
                    CheckResult::error(Area::Cluster, "resource", seen, todo).for_resource(name),
                );
            }
        }
        subjects.extend(self.pico.as_deref().zip(self.kind).map(|(pico, kind)| {
            CheckedResource::from_arguments(kind, pico, &self.mz_home, &self.parameters)
        }));
        (subjects, unknown)
    }
}

/// Checks all picos of the installations of these resources.
fn check_ports(subjects: &CheckedResources, timeout: QueryTimeout) -> Vec<CheckResult> {
    let mut rows = Vec::new();
    let mut claims = Vec::new();
    for home in subjects.homes() {
        match list_instances(home, subjects.os_user(home), timeout.deadline()) {
            Ok(listing) => {
                rows.extend(ports::check_readable(home.path(), &listing));
                claims.extend(ports::port_assignments(
                    home.path(),
                    &listing,
                    &subjects.containers(home),
                ));
            }
            Err(e) => {
                let seen = format!("ports of its picos unknown: {e}");
                let todo = "repair its registry, then run it again";
                rows.push(CheckResult::warning(
                    Area::Ports,
                    home.path().display().to_string(),
                    seen,
                    todo,
                ));
            }
        }
    }
    rows.extend(ports::check_conflicts(&claims));
    rows
}

/// On the system, and in the units of the installations' owners.
fn find_external_starts(subjects: &CheckedResources, timeout: QueryTimeout) -> ExternalStarts {
    let mut homes: BTreeSet<String> = BTreeSet::new();
    let mut users: BTreeSet<u32> = BTreeSet::new();
    for subject in &subjects.all {
        let literal =
            subject.settings.target.iter().map(|target| target.home.path().display().to_string());
        let resolved = subject
            .inspection()
            .and_then(|i| i.resolved.as_ref())
            .map(|path| path.display().to_string());
        homes.extend(literal.chain(resolved));
        if let Some(UserState::Known { uid, .. }) =
            subject.inspection().map(|inspection| &inspection.user)
        {
            users.insert(*uid);
        }
    }
    let homes: Vec<String> = homes.into_iter().collect();
    let ask = |place: &str, look: &dyn Fn() -> ExternalStarts| {
        timeout
            .run_in_child(look)
            .unwrap_or_else(|why| ExternalStarts::for_unread_place(place, &why))
    };
    let system =
        ask("cron, systemd and init", &|| external_starts::find(&SearchScope::System, &homes));
    users.iter().fold(system, |found, &uid| {
        let place = format!("units of user {uid}");
        // The home directory may be on the network. Its owner could place links in it to files that only root may read,
        // so the child reads it as its owner.
        let look = || match Credentials::from_uid(uid).map(|user| (user.switch_user(), user.home)) {
            Ok((Ok(()), home)) => external_starts::find(&SearchScope::User(home), &homes),
            Ok((Err(e), _)) => ExternalStarts::for_unread_place(&place, &e),
            // A uid without a name has no home directory.
            Err(CredentialsError::UnknownUser(_)) => ExternalStarts::default(),
            Err(e) => ExternalStarts::for_unread_place(&place, &e),
        };
        found.merge(ask(&place, &look))
    })
}
