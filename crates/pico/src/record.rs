//! The instance record: state that one action leaves for the next.
//!
//! One JSON file for each resource, in `/run/mediationzone-ra`, which is local and empty after a reboot. It names a process by pid, start
//! time and boot; /proc says whether that process lives. A lost, torn or foreign record costs a scan of all processes, never a wrong answer.

mod counts;
mod file_stem;

pub use counts::{CheckCounts, Unchecked};
pub use file_stem::file_stem;

use crate::identity::MzHome;
use crate::monitor_schedule::MonitorSchedule;
use crate::reports::DeathReports;
use crate::settings::{Endpoint, PicoInstance, PicoType, Settings};
use host::{Pid, ProcessId, process};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where the records and locks are.
pub const RUN_DIRECTORY: &str = "/run/mediationzone-ra";

/// Format of the file. A record of another format is ignored.
const FORMAT_VERSION: u32 = 1;

/// How far the start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartPhase {
    /// mzsh was, or is about to be, executed.
    Starting,
    /// The JVM is identified.
    Running,
    /// mzsh startup succeeded, without a matching process.
    Unidentified,
}

/// A process in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedProcess {
    pid: i32,
    start: u64,
}

impl From<ProcessId> for RecordedProcess {
    fn from(id: ProcessId) -> Self {
        Self { pid: id.pid.as_raw(), start: id.start }
    }
}

impl RecordedProcess {
    /// `None`: the pid is invalid.
    #[must_use]
    pub fn id(self) -> Option<ProcessId> {
        Pid::new(self.pid).map(|pid| ProcessId { pid, start: self.start })
    }
}

/// The HA Monitor Server in the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaFacts {
    /// `mz.ha.enabled`.
    pub enabled: bool,
    /// `mz.ha.host` and `mz.ha.port`, where a port is set.
    pub endpoint: Option<Endpoint>,
    /// `mz.ha.host`, or the product's default; `None`: its value is invalid. Known also without a port.
    #[serde(default = "HaFacts::default_host")]
    pub host: Option<String>,
    /// `mz.ha.interval` in seconds, its floor applied.
    pub interval: u64,
    /// The invalid property because of which it is unclear whether the server is on, or where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear: Option<String>,
}

impl HaFacts {
    /// The product's default.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "it is also what serde takes for a field that is not there"
    )]
    pub(crate) fn default_host() -> Option<String> {
        Some("127.0.0.1".to_owned())
    }

    /// Is it certainly disabled?
    #[must_use]
    pub fn is_off(&self) -> bool {
        !self.enabled && self.unclear.is_none()
    }
}

/// The record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceRecord {
    format: u32,
    boot: String,
    /// The agent's name; older agents did not write it.
    #[serde(default)]
    agent: String,
    /// The resource; older agents did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// The pico's name.
    pub pico: String,
    mz_home: PathBuf,
    mz_home_resolved: Option<PathBuf>,
    process_match: Option<String>,
    /// How far the start has come.
    pub phase: StartPhase,
    jvm: Option<RecordedProcess>,
    /// Does the JVM lead a session of its own?
    #[serde(default)]
    jvm_leads_session: bool,
    /// The mzsh that the start launched; it leads a session of its own.
    mzsh: Option<RecordedProcess>,
    /// User of the JVM.
    pub uid: Option<u32>,
    /// The users of the installation, as far as known.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub people: BTreeSet<u32>,
    /// The HA Monitor Server; `None`: the registry was not read yet.
    pub ha: Option<HaFacts>,
    /// Where this JVM was seen to listen as HA Monitor Server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listened: Vec<Endpoint>,
    /// The Platform's RCP endpoint, where the registry named one.
    pub platform: Option<Endpoint>,
    /// The recurring monitors.
    #[serde(default)]
    pub rows: MonitorSchedule,
    /// The monitors' reports of the death of the JVM.
    #[serde(default, skip_serializing_if = "DeathReports::is_empty")]
    pub reports: DeathReports,
    /// By depth of the monitor.
    #[serde(default)]
    pub counts: BTreeMap<u32, CheckCounts>,
    /// The parameters in force, for display only: each action gets its own.
    parameters: Box<RawValue>,
}

impl InstanceRecord {
    /// A new one for `target`, of this boot.
    ///
    /// # Errors
    /// The boot id can't be read.
    pub fn new(settings: &Settings, target: &PicoInstance, phase: StartPhase) -> io::Result<Self> {
        Ok(Self {
            format: FORMAT_VERSION,
            boot: process::boot_id()?,
            agent: settings.pico_type.agent_name().to_owned(),
            resource: settings.resource.clone(),
            pico: target.name.to_string(),
            mz_home: target.home.path().to_owned(),
            mz_home_resolved: target.home.resolved().map(Path::to_owned),
            process_match: target.process_match.as_ref().map(|r| r.as_str().to_owned()),
            phase,
            jvm: None,
            jvm_leads_session: false,
            mzsh: None,
            uid: None,
            people: BTreeSet::new(),
            ha: None,
            listened: Vec::new(),
            platform: None,
            rows: MonitorSchedule::default(),
            reports: DeathReports::default(),
            counts: BTreeMap::new(),
            parameters: parameters_json(settings)?,
        })
    }

    /// From the content of the file; `None`: it is of another boot than `boot`.
    ///
    /// # Errors
    /// It is malformed, or of another format.
    pub fn parse(content: &[u8], boot: &str) -> io::Result<Option<Self>> {
        let record: Self = serde_json::from_slice(content)?;
        if record.format != FORMAT_VERSION {
            return Err(io::Error::other(format!(
                "has format {}, not {FORMAT_VERSION}",
                record.format
            )));
        }
        Ok(Some(record).filter(|record| record.boot == boot))
    }

    /// The JVM.
    #[must_use]
    pub fn jvm(&self) -> Option<ProcessId> {
        self.jvm?.id()
    }

    /// The leaders of the sessions of the pico's processes: the JVM, if it leads one, and the mzsh that started it.
    pub fn session_leaders(&self) -> impl Iterator<Item = ProcessId> {
        self.jvm().filter(|_| self.jvm_leads_session).into_iter().chain(self.mzsh())
    }

    /// The mzsh of the start.
    #[must_use]
    pub fn mzsh(&self) -> Option<ProcessId> {
        self.mzsh?.id()
    }

    /// Records the mzsh of the start.
    pub fn set_mzsh(&mut self, mzsh: ProcessId) {
        self.mzsh = Some(mzsh.into());
    }

    /// Records the JVM while the startup still runs.
    pub fn set_jvm(&mut self, jvm: ProcessId) {
        if self.jvm() != Some(jvm) {
            self.listened.clear();
            self.counts.clear();
        }
        self.jvm = Some(jvm.into());
        let leads = |stat: process::Stat| stat.session == jvm.pid.as_raw();
        self.jvm_leads_session = jvm.stat().ok().flatten().is_some_and(leads);
        self.uid = process::effective_uid(jvm.pid).ok().flatten();
    }

    /// Records the JVM of a running pico, and its user.
    pub fn set_running(&mut self, jvm: ProcessId) {
        self.set_jvm(jvm);
        self.phase = StartPhase::Running;
        self.rows.reset();
        self.reports = DeathReports::default();
        self.forget_counts();
    }

    /// Resets failures and warnings. The runs without a check remain: the check of this JVM is still due.
    pub fn forget_counts(&mut self) {
        self.counts.retain(|_, counts| {
            *counts = CheckCounts { unchecked: counts.unchecked.take(), ..CheckCounts::default() };
            counts.unchecked.is_some()
        });
    }

    /// The pico of the record; `None`: its name is invalid.
    #[must_use]
    pub fn target(&self) -> Option<PicoInstance> {
        Some(PicoInstance {
            name: self.pico.parse().ok()?,
            home: MzHome::new(&self.mz_home).with_resolved(self.mz_home_resolved.clone()),
            process_match: self
                .process_match
                .as_deref()
                .and_then(|p| regex_lite::Regex::new(p).ok()),
        })
    }

    /// What `mz_home` resolves to, where that is known.
    #[must_use]
    pub fn resolved_home(&self) -> Option<PathBuf> {
        self.mz_home_resolved.clone()
    }

    /// Sets what `mz_home` resolves to.
    pub fn set_resolved_home(&mut self, path: Option<PathBuf>) {
        self.mz_home_resolved = path;
    }

    /// Records the parameters in force.
    ///
    /// # Errors
    /// None that is known.
    pub fn set_parameters(&mut self, settings: &Settings) -> io::Result<()> {
        self.parameters = parameters_json(settings)?;
        Ok(())
    }

    /// The parameters in force when it was written.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        // Only `parameters_json` writes this.
        serde_json::from_str(self.parameters.get()).unwrap_or_default()
    }

    /// The type of the agent that wrote it; `None`: an older agent, which did not write that.
    #[must_use]
    pub fn pico_type(&self) -> Option<PicoType> {
        PicoType::ALL.into_iter().find(|kind| kind.agent_name() == self.agent)
    }

    /// Does it name another resource?
    fn belongs_to_other_resource(&self, resource: &str) -> bool {
        self.resource.as_deref().is_some_and(|own| own != resource)
    }

    /// Is it about the same pico instance as `target`?
    #[must_use]
    pub fn is_for(&self, target: &PicoInstance) -> bool {
        self.pico == target.name.as_str() && target.home.matches(&self.mz_home)
    }
}

/// The parameters in force. As raw JSON: every monitor reads the record, and none needs to parse them.
fn parameters_json(settings: &Settings) -> io::Result<Box<RawValue>> {
    let parameters: BTreeMap<&str, &str> = settings
        .parameters_in_force
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Ok(serde_json::value::to_raw_value(&parameters)?)
}

/// The record of one resource, on disk.
///
/// A call by hand that names no resource has none: two picos that are both called "default" must not share one. A scan of all
/// processes gives the same answer.
#[derive(Clone, Debug)]
pub struct InstanceRecordFile {
    /// The resource, and where its record is.
    location: Option<(String, PathBuf)>,
}

impl InstanceRecordFile {
    /// The record of this resource.
    #[must_use]
    pub fn for_resource(resource: Option<&str>) -> Self {
        Self { location: resource.map(|name| (name.to_owned(), record_path(name))) }
    }

    /// Its path, for messages.
    #[must_use]
    pub fn display_path(&self) -> String {
        self.location.as_ref().map_or_else(
            || "(the call names no resource)".to_owned(),
            |(_, path)| path.display().to_string(),
        )
    }

    /// `None`: there is no valid record of this boot.
    #[must_use]
    pub fn read(&self) -> Option<InstanceRecord> {
        match self.try_read() {
            Ok(record) => record,
            Err(e) => {
                tracing::warn!("{}: {e}; scanning all processes instead", self.display_path());
                None
            }
        }
    }

    /// Is there a record that is unreadable, malformed or of another resource?
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.try_read().is_err()
    }

    fn try_read(&self) -> io::Result<Option<InstanceRecord>> {
        let Some((resource, path)) = &self.location else { return Ok(None) };
        match read_record(path)? {
            Some(InstanceRecord { resource: Some(other), .. }) if other != *resource => {
                Err(io::Error::other(format!("is the record of resource {other}")))
            }
            record => Ok(record),
        }
    }

    /// Replaces it atomically.
    ///
    /// # Errors
    /// No permission, no room, or the directory is not root's.
    pub fn write(&self, record: &InstanceRecord) -> io::Result<()> {
        let Some((_, path)) = &self.location else { return Ok(()) };
        create_run_directory()?;
        let mut content = serde_json::to_vec(record)?;
        content.push(b'\n');
        host::private_files::replace_atomically(path, &content)
    }

    /// Writes it; a failure is only logged.
    pub fn write_or_warn(&self, record: &InstanceRecord) {
        if let Err(e) = self.write(record) {
            tracing::warn!("{} could not be written: {e}", self.display_path());
        }
    }

    /// Removes it, and temporary files of killed actions. The record of another resource stays.
    pub fn remove(&self) {
        host::private_files::remove_stale_temporaries(Path::new(RUN_DIRECTORY));
        let own = self.location.as_ref().filter(|(resource, path)| {
            !read_record(path).is_ok_and(|record| {
                record.is_some_and(|record| record.belongs_to_other_resource(resource))
            })
        });
        match own.map(|(_, path)| std::fs::remove_file(path)) {
            Some(Err(e)) if e.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("{} could not be removed: {e}", self.display_path());
            }
            _ => {}
        }
    }
}

fn record_path(resource: &str) -> PathBuf {
    const ENDING: &str = ".json";
    Path::new(RUN_DIRECTORY).join(file_stem(resource, ENDING.len()) + ENDING)
}

/// `None`: not found, or of another boot.
fn read_record(path: &Path) -> io::Result<Option<InstanceRecord>> {
    let content = match host::private_files::read_private(path) {
        Ok(content) => content,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    InstanceRecord::parse(&content, &process::boot_id()?)
}

/// The JVMs that the records of other resources name, and their session leaders.
#[must_use]
pub fn processes_of_other_resources(resource: Option<&str>) -> Vec<ProcessId> {
    let records = records_except(resource);
    records
        .flat_map(|(_, record)| record.jvm().into_iter().chain(record.mzsh()).collect::<Vec<_>>())
        .collect()
}

/// The records of other resources that manage the same pico.
#[must_use]
pub fn records_of_other_resources(resource: Option<&str>, target: &PicoInstance) -> Vec<PathBuf> {
    let mut others: Vec<PathBuf> = records_except(resource)
        .filter(|(_, record)| record.is_for(target))
        .map(|(path, _)| path)
        .collect();
    others.sort();
    others
}

/// The records of all resources that manage this pico.
#[must_use]
pub fn of_pico(target: &PicoInstance) -> Vec<InstanceRecord> {
    records_except(None).map(|(_, record)| record).filter(|record| record.is_for(target)).collect()
}

/// The records of picos of `home` that had this HA Monitor Server port when they were started or adopted: of any resource, on or off
/// ([`HaFacts::is_off`]), with a live pico or not.
#[must_use]
pub fn records_with_ha_port(home: &MzHome, port: u16) -> Vec<InstanceRecord> {
    let is_there = |record: &InstanceRecord| {
        let endpoint = record.ha.as_ref().and_then(|ha| ha.endpoint.as_ref());
        home.matches(&record.mz_home) && endpoint.is_some_and(|endpoint| endpoint.port == port)
    };
    records_except(None).map(|(_, record)| record).filter(is_there).collect()
}

/// The records of all other resources. One in this resource's file that names another resource is among them.
fn records_except(resource: Option<&str>) -> impl Iterator<Item = (PathBuf, InstanceRecord)> {
    let own = resource.map(|name| (name, record_path(name)));
    let entries = std::fs::read_dir(RUN_DIRECTORY).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let records = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    records.filter_map(|path| Some((read_record(&path).ok()??, path))).filter_map(
        move |(record, path)| {
            let is_own = own
                .as_ref()
                .is_some_and(|(name, own)| *own == path && !record.belongs_to_other_resource(name));
            (!is_own).then_some((path, record))
        },
    )
}

/// The lock file of a pico instance, shared by all resources that manage the same pico.
///
/// # Errors
/// The directory can't be made.
pub fn lock_path(target: &PicoInstance) -> io::Result<PathBuf> {
    create_run_directory()?;
    Ok(Path::new(RUN_DIRECTORY).join(format!("{}.lock", instance_key(target))))
}

/// The list of hung worker processes of a pico.
///
/// # Errors
/// The directory can't be made.
pub fn hung_processes_path(target: &PicoInstance) -> io::Result<PathBuf> {
    create_run_directory()?;
    Ok(Path::new(RUN_DIRECTORY).join(format!("{}.hung", instance_key(target))))
}

/// The list of processes that were ruled out as the pico ([`crate::ruled_out`]).
///
/// # Errors
/// The directory can't be made.
pub(crate) fn ruled_out_path(target: &PicoInstance) -> io::Result<PathBuf> {
    create_run_directory()?;
    Ok(Path::new(RUN_DIRECTORY).join(format!("{}.absent", instance_key(target))))
}

/// The directory of the commands that agents have launched.
///
/// # Errors
/// The directory can't be made.
pub(crate) fn agent_commands_path() -> io::Result<PathBuf> {
    create_run_directory()?;
    let path = Path::new(RUN_DIRECTORY).join("commands");
    host::private_files::create_private_directory(&path, 0o755)?;
    Ok(path)
}

/// One name for all resources that mean the same pico, and another for each other one; fit for a file's name.
#[must_use]
pub fn instance_key(target: &PicoInstance) -> String {
    let mut text = target.home.path().as_os_str().to_owned();
    text.push("\0");
    text.push(target.name.as_str());
    file_name_hash(&text)
}

/// A name for a file by what may be too long or hold anything.
pub(crate) fn file_name_hash(text: &OsStr) -> String {
    // FNV-1a: stable over versions and builds, which std's hashers don't promise.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in text.as_bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// Where those who write to a log file take turns: see [`host::worker`]. It lies here, for the directory is root's and in memory.
pub(crate) fn turn_at(path: &Path) -> Option<PathBuf> {
    create_run_directory().ok()?;
    Some(Path::new(RUN_DIRECTORY).join(format!("{}.writer", file_name_hash(path.as_os_str()))))
}

fn create_run_directory() -> io::Result<()> {
    host::private_files::create_private_directory(Path::new(RUN_DIRECTORY), 0o755)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_key_is_shared_by_the_same_pico_alone() {
        let target = |name: &str, home: &str| PicoInstance {
            name: name.parse().unwrap(),
            home: MzHome::new(Path::new(home)),
            process_match: None,
        };
        let first = instance_key(&target("ec1", "/opt/mz/"));
        assert_eq!(instance_key(&target("ec1", "/opt/mz")), first);
        assert_ne!(instance_key(&target("ec2", "/opt/mz")), first);
        assert_ne!(instance_key(&target("ec1", "/opt/mz2")), first);
    }

    #[test]
    fn what_was_learned_of_a_jvm_is_of_that_one_alone() {
        let id = |start| ProcessId { pid: Pid::own(), start };
        let text = OLDEST.replace("FORMAT", &FORMAT_VERSION.to_string());
        let mut record = InstanceRecord::parse(text.as_bytes(), "b").unwrap().unwrap();
        record.set_running(id(1));
        let unchecked = Unchecked::one_more(None, "no java", std::time::UNIX_EPOCH);
        let counts = CheckCounts { failed: 1, warned: 1, unchecked: Some(unchecked.clone()) };
        record.counts.insert(10, counts);
        record.counts.insert(20, CheckCounts { failed: 1, warned: 0, unchecked: None });
        record.listened.push(Endpoint { host: "127.0.0.1".to_owned(), port: 26000 });
        record.set_running(id(1));
        let left = [(10, CheckCounts { unchecked: Some(unchecked), ..CheckCounts::default() })];
        assert_eq!((record.listened.len(), &record.counts), (1, &left.into()));
        record.set_running(id(2));
        assert!(record.listened.is_empty() && record.counts.is_empty());
    }

    /// As the first version wrote it.
    const OLDEST: &str = r#"{"format":FORMAT,"boot":"b","pico":"ec1","mz_home":"/opt/mz","mz_home_resolved":null,"process_match":null,
        "phase":"running","jvm":{"pid":4711,"start":99},"mzsh":null,"uid":4711,"ha":null,"platform":null,"seen":true,"parameters":{}}"#;

    #[test]
    fn record_of_older_and_newer_agent_versions_is_readable() {
        let oldest = OLDEST.replace("FORMAT", &FORMAT_VERSION.to_string());
        let newer = oldest.replace("\"seen\":true", "\"rows\":{},\"of_a_later_version\":[1]");
        // As it was before checks that could not be made were counted.
        let counted = oldest.replace("\"seen\":true", r#""counts":{"10":{"failed":1,"warned":2}}"#);
        let one = CheckCounts { failed: 1, warned: 2, unchecked: None };
        for (text, counts) in [(oldest, None), (newer, None), (counted, Some(one))] {
            let record = InstanceRecord::parse(text.as_bytes(), "b").unwrap().unwrap();
            assert!(
                record.rows == MonitorSchedule::default()
                    && record.reports.is_empty()
                    && record.listened.is_empty()
            );
            assert_eq!(record.counts.values().next(), counts.as_ref());
            assert_eq!(record.jvm().map(|id| id.start), Some(99));
        }
    }
}
