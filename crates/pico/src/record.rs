//! What one action leaves for the next: the instance record.
//!
//! One JSON file a resource, in `/run/mediationzone-ra`, which is local and gone after a reboot. It is never the
//! truth: it names a process by pid, start time and boot, and /proc is asked whether that one lives. Lost, torn or
//! foreign it costs a look at all processes, no wrong answer.

mod counts;
mod stem;

pub use counts::{Counts, Unchecked};
pub use stem::file_stem;

use crate::identity::Home;
use crate::reports::Reports;
use crate::rows::Rows;
use crate::settings::{Endpoint, PicoType, Settings, Target};
use host::{Pid, ProcessId, process};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where the records and locks are.
pub const DIRECTORY: &str = "/run/mediationzone-ra";

/// Form of the file; another number is another agent version's, and is ignored.
const FORMAT: u32 = 1;

/// How far the start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// mzsh was, or is about to be, executed.
    Starting,
    /// The process is known.
    Running,
    /// mzsh says that it runs, and no process looks like it.
    Unidentified,
}

/// A process, as it is written down.
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
    /// The process, if its number can be one.
    #[must_use]
    pub fn id(self) -> Option<ProcessId> {
        Pid::new(self.pid).map(|pid| ProcessId { pid, start: self.start })
    }
}

/// What the registry said of the HA Monitor Server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaFacts {
    /// `mz.ha.enabled`.
    pub enabled: bool,
    /// `mz.ha.host` and `mz.ha.port`, where a port is set.
    pub endpoint: Option<Endpoint>,
    /// `mz.ha.host`, or the product's default; `None`: it is set, and can't be understood. Known also where the port is not.
    #[serde(default = "HaFacts::default_host")]
    pub host: Option<String>,
    /// `mz.ha.interval` in seconds, its floor applied.
    pub interval: u64,
    /// What of it the registry says so that it can't be understood, so that it is not clear whether it is on, or where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear: Option<String>,
}

impl HaFacts {
    /// Where the product's HA Monitor Server listens unless it is told otherwise.
    #[expect(clippy::unnecessary_wraps, reason = "it is also what serde takes for a field that is not there")]
    pub(crate) fn default_host() -> Option<String> {
        Some("127.0.0.1".to_owned())
    }

    /// Is it said, and not just unclear, that nobody answers?
    #[must_use]
    pub fn is_off(&self) -> bool {
        !self.enabled && self.unclear.is_none()
    }
}

/// The record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
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
    pub phase: Phase,
    jvm: Option<RecordedProcess>,
    /// Does the JVM lead a session of its own?
    #[serde(default)]
    jvm_leads_session: bool,
    /// The mzsh that the start launched; it leads a session of its own.
    mzsh: Option<RecordedProcess>,
    /// Whose process the JVM is.
    pub uid: Option<u32>,
    /// The people of the installation, as far as they were known.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub people: BTreeSet<u32>,
    /// What is known of the HA Monitor Server; `None`: the registry was not read yet.
    pub ha: Option<HaFacts>,
    /// Where this JVM was seen to listen for questions to its HA Monitor Server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listened: Vec<Endpoint>,
    /// The Platform's RCP endpoint, where the registry named one.
    pub platform: Option<Endpoint>,
    /// The recurring monitors.
    #[serde(default)]
    pub rows: Rows,
    /// What the monitors have reported of the death of the JVM.
    #[serde(default, skip_serializing_if = "Reports::is_empty")]
    pub reports: Reports,
    /// By depth of the monitor.
    #[serde(default)]
    pub counts: BTreeMap<u32, Counts>,
    /// The parameters in force, for people: each action is given its own.
    parameters: Box<RawValue>,
}

impl Record {
    /// A new one for `target`, of this boot.
    ///
    /// # Errors
    /// The boot's name can't be read.
    pub fn new(settings: &Settings, target: &Target, phase: Phase) -> io::Result<Self> {
        Ok(Self {
            format: FORMAT,
            boot: process::boot_id()?,
            agent: settings.kind.agent().to_owned(),
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
            rows: Rows::default(),
            reports: Reports::default(),
            counts: BTreeMap::new(),
            parameters: in_words(settings)?,
        })
    }

    /// From the content of the file; `None`: it is of another boot than `boot`.
    ///
    /// # Errors
    /// It can't be understood, or is another agent version's.
    pub fn parse(content: &[u8], boot: &str) -> io::Result<Option<Self>> {
        let record: Self = serde_json::from_slice(content)?;
        if record.format != FORMAT {
            return Err(io::Error::other(format!("has format {}, not {FORMAT}", record.format)));
        }
        Ok(Some(record).filter(|record| record.boot == boot))
    }

    /// The JVM.
    #[must_use]
    pub fn jvm(&self) -> Option<ProcessId> {
        self.jvm?.id()
    }

    /// Who leads the sessions that the pico's processes are in: the JVM, if it does, and the mzsh that started it.
    pub fn session_leaders(&self) -> impl Iterator<Item = ProcessId> {
        self.jvm().filter(|_| self.jvm_leads_session).into_iter().chain(self.mzsh())
    }

    /// The mzsh of the start.
    #[must_use]
    pub fn mzsh(&self) -> Option<ProcessId> {
        self.mzsh?.id()
    }

    /// Names the mzsh of the start.
    pub fn started_by(&mut self, mzsh: ProcessId) {
        self.mzsh = Some(mzsh.into());
    }

    /// Names the JVM, while mzsh is still at work on it.
    pub fn found(&mut self, jvm: ProcessId) {
        if self.jvm() != Some(jvm) {
            self.listened.clear();
            self.counts.clear();
        }
        self.jvm = Some(jvm.into());
        let leads = |stat: process::Stat| stat.session == jvm.pid.as_raw();
        self.jvm_leads_session = jvm.stat().ok().flatten().is_some_and(leads);
        self.uid = process::owner(jvm.pid).ok().flatten();
    }

    /// Names the JVM: the pico runs, and whose it is.
    pub fn runs_as(&mut self, jvm: ProcessId) {
        self.found(jvm);
        self.phase = Phase::Running;
        self.rows.begin();
        self.reports = Reports::default();
        self.forget_counts();
    }

    /// Forgets failed checks and warnings. A check that could not be made of this JVM is still to be made.
    pub fn forget_counts(&mut self) {
        self.counts.retain(|_, counts| {
            *counts = Counts { unchecked: counts.unchecked.take(), ..Counts::default() };
            counts.unchecked.is_some()
        });
    }

    /// What the record was written for; `None` when its name can't be one.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        Some(Target {
            name: self.pico.parse().ok()?,
            home: Home::new(&self.mz_home).resolved_as(self.mz_home_resolved.clone()),
            process_match: self.process_match.as_deref().and_then(|p| regex_lite::Regex::new(p).ok()),
        })
    }

    /// What `mz_home` resolves to, where that is known.
    #[must_use]
    pub fn resolved_home(&self) -> Option<PathBuf> {
        self.mz_home_resolved.clone()
    }

    /// What `mz_home` resolves to, where a helper found out.
    pub fn home_resolves_to(&mut self, path: Option<PathBuf>) {
        self.mz_home_resolved = path;
    }

    /// Tells which parameters are in force.
    ///
    /// # Errors
    /// None that is known.
    pub fn tell_parameters(&mut self, settings: &Settings) -> io::Result<()> {
        self.parameters = in_words(settings)?;
        Ok(())
    }

    /// The parameters in force when it was written.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        // Nothing but what `in_words` wrote is read here.
        serde_json::from_str(self.parameters.get()).unwrap_or_default()
    }

    /// Which agent wrote it; `None`: one that did not say.
    #[must_use]
    pub fn kind(&self) -> Option<PicoType> {
        PicoType::ALL.into_iter().find(|kind| kind.agent() == self.agent)
    }

    /// Does it say that it is of another resource than this?
    fn is_of_another(&self, resource: &str) -> bool {
        self.resource.as_deref().is_some_and(|own| own != resource)
    }

    /// Is it about the same pico instance as `target`?
    #[must_use]
    pub fn is_for(&self, target: &Target) -> bool {
        self.pico == target.name.as_str() && target.home.is_named(&self.mz_home)
    }
}

/// The parameters in force. As text: every monitor reads the record, and none needs these taken apart.
fn in_words(settings: &Settings) -> io::Result<Box<RawValue>> {
    let parameters: BTreeMap<&str, &str> =
        settings.in_force.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Ok(serde_json::value::to_raw_value(&parameters)?)
}

/// The record of one resource, on disk.
///
/// A call by hand that names no resource has none: two picos that are both called "default" must not find each
/// other's. A look at all processes tells the same.
#[derive(Clone, Debug)]
pub struct RecordFile {
    /// The resource, and where its record is.
    of: Option<(String, PathBuf)>,
}

impl RecordFile {
    /// Of the resource of this name.
    #[must_use]
    pub fn of(resource: Option<&str>) -> Self {
        Self { of: resource.map(|name| (name.to_owned(), path_of(name))) }
    }

    /// Where it is, in words.
    #[must_use]
    pub fn place(&self) -> String {
        self.of
            .as_ref()
            .map_or_else(|| "(the call names no resource)".to_owned(), |(_, path)| path.display().to_string())
    }

    /// Reads it. `None`: there is none of this boot that can be understood.
    #[must_use]
    pub fn read(&self) -> Option<Record> {
        match self.look() {
            Ok(record) => record,
            Err(e) => {
                tracing::warn!("{}: {e}; all processes are looked at instead", self.place());
                None
            }
        }
    }

    /// Is there one that can't be read or understood, or that is another resource's?
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.look().is_err()
    }

    fn look(&self) -> io::Result<Option<Record>> {
        let Some((resource, path)) = &self.of else { return Ok(None) };
        match read(path)? {
            Some(Record { resource: Some(other), .. }) if other != *resource => {
                Err(io::Error::other(format!("is the record of resource {other}")))
            }
            record => Ok(record),
        }
    }

    /// Writes it, in one step.
    ///
    /// # Errors
    /// No permission, no room, or the directory is not root's.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let Some((_, path)) = &self.of else { return Ok(()) };
        directory()?;
        let mut content = serde_json::to_vec(record)?;
        content.push(b'\n');
        host::files::replace(path, &content)
    }

    /// Writes it where that is a convenience: a failure is logged.
    pub fn note(&self, record: &Record) {
        if let Err(e) = self.write(record) {
            tracing::warn!("{} could not be written: {e}", self.place());
        }
    }

    /// Removes it, and what actions that were killed in the middle of writing have left beside it. Another resource's stays.
    pub fn remove(&self) {
        host::files::remove_unfinished(Path::new(DIRECTORY));
        let own = self.of.as_ref().filter(|(resource, path)| {
            !read(path).is_ok_and(|record| record.is_some_and(|record| record.is_of_another(resource)))
        });
        match own.map(|(_, path)| std::fs::remove_file(path)) {
            Some(Err(e)) if e.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("{} could not be removed: {e}", self.place());
            }
            _ => {}
        }
    }
}

fn path_of(resource: &str) -> PathBuf {
    const ENDING: &str = ".json";
    Path::new(DIRECTORY).join(file_stem(resource, ENDING.len()) + ENDING)
}

/// `None`: not there, or of another boot.
fn read(path: &Path) -> io::Result<Option<Record>> {
    let content = match host::files::read_own(path) {
        Ok(content) => content,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    Record::parse(&content, &process::boot_id()?)
}

/// The JVMs that the records of other resources name, and who else leads a session of them.
#[must_use]
pub fn named_by_others(resource: Option<&str>) -> Vec<ProcessId> {
    let records = all_but(resource);
    records
        .flat_map(|(_, record)| record.jvm().into_iter().chain(record.mzsh()).collect::<Vec<_>>())
        .collect()
}

/// The records by which other resources than `resource` know the same pico: somebody else manages it, too.
#[must_use]
pub fn of_others(resource: Option<&str>, target: &Target) -> Vec<PathBuf> {
    let mut others: Vec<PathBuf> =
        all_but(resource).filter(|(_, record)| record.is_for(target)).map(|(path, _)| path).collect();
    others.sort();
    others
}

/// The records of all resources that know this pico.
#[must_use]
pub fn of_pico(target: &Target) -> Vec<Record> {
    all_but(None).map(|(_, record)| record).filter(|record| record.is_for(target)).collect()
}

/// The records of picos of `home` that had this port for their HA Monitor Server when they were started or adopted, whether it was on or
/// not ([`HaFacts::is_off`]), whichever resource they are of, and whether the pico still lives or not.
#[must_use]
pub fn at_ha_port(home: &Home, port: u16) -> Vec<Record> {
    let is_there = |record: &Record| {
        let endpoint = record.ha.as_ref().and_then(|ha| ha.endpoint.as_ref());
        home.is_named(&record.mz_home) && endpoint.is_some_and(|endpoint| endpoint.port == port)
    };
    all_but(None).map(|(_, record)| record).filter(is_there).collect()
}

/// The records of all resources but this one. What lies in its place and is another's by its own word is among them.
fn all_but(resource: Option<&str>) -> impl Iterator<Item = (PathBuf, Record)> {
    let own = resource.map(|name| (name, path_of(name)));
    let entries = std::fs::read_dir(DIRECTORY).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let records = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    records.filter_map(|path| Some((read(&path).ok()??, path))).filter_map(move |(record, path)| {
        let is_own = own.as_ref().is_some_and(|(name, own)| *own == path && !record.is_of_another(name));
        (!is_own).then_some((path, record))
    })
}

/// The lock file of a pico instance: one for all resources that mean the same pico.
///
/// # Errors
/// The directory can't be made.
pub fn lock_path(target: &Target) -> io::Result<PathBuf> {
    directory()?;
    Ok(Path::new(DIRECTORY).join(format!("{}.lock", name_of(target))))
}

/// Where it is written which helpers of a pico hang.
///
/// # Errors
/// The directory can't be made.
pub fn hung_path(target: &Target) -> io::Result<PathBuf> {
    directory()?;
    Ok(Path::new(DIRECTORY).join(format!("{}.hung", name_of(target))))
}

/// Where it is written until when the pico was known not to run.
///
/// # Errors
/// The directory can't be made.
pub(crate) fn absence_path(target: &Target) -> io::Result<PathBuf> {
    directory()?;
    Ok(Path::new(DIRECTORY).join(format!("{}.absent", name_of(target))))
}

/// Where it is written which commands agents have launched.
///
/// # Errors
/// The directory can't be made.
pub(crate) fn commands_path() -> io::Result<PathBuf> {
    directory()?;
    let path = Path::new(DIRECTORY).join("commands");
    host::files::own_directory(&path, 0o755)?;
    Ok(path)
}

/// One name for all resources that mean the same pico, and another for each other one; fit for a file's name.
#[must_use]
pub fn name_of(target: &Target) -> String {
    let mut text = target.home.path().as_os_str().to_owned();
    text.push("\0");
    text.push(target.name.as_str());
    hash(&text)
}

/// A name for a file by what may be too long or hold anything.
pub(crate) fn hash(text: &OsStr) -> String {
    // FNV-1a: stable over versions and builds, which std's hashers don't promise.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in text.as_bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// Where those who write to a log file take turns: see [`host::worker`]. It lies here, for the directory is root's and in memory.
pub(crate) fn turn_at(path: &Path) -> Option<PathBuf> {
    directory().ok()?;
    Some(Path::new(DIRECTORY).join(format!("{}.writer", hash(path.as_os_str()))))
}

fn directory() -> io::Result<()> {
    host::files::own_directory(Path::new(DIRECTORY), 0o755)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_the_same_pico_share_a_lock_and_no_others() {
        let target = |name: &str, home: &str| Target {
            name: name.parse().unwrap(),
            home: Home::new(Path::new(home)),
            process_match: None,
        };
        let first = name_of(&target("ec1", "/opt/mz/"));
        assert_eq!(name_of(&target("ec1", "/opt/mz")), first);
        assert_ne!(name_of(&target("ec2", "/opt/mz")), first);
        assert_ne!(name_of(&target("ec1", "/opt/mz2")), first);
    }

    #[test]
    fn what_was_learned_of_a_jvm_is_of_that_one_alone() {
        let id = |start| ProcessId { pid: Pid::own(), start };
        let text = OLDEST.replace("FORMAT", &FORMAT.to_string());
        let mut record = Record::parse(text.as_bytes(), "b").unwrap().unwrap();
        record.runs_as(id(1));
        let unchecked = Unchecked::one_more(None, "no java", std::time::UNIX_EPOCH);
        let counts = Counts { failed: 1, warned: 1, unchecked: Some(unchecked.clone()) };
        record.counts.insert(10, counts);
        record.counts.insert(20, Counts { failed: 1, warned: 0, unchecked: None });
        record.listened.push(Endpoint { host: "127.0.0.1".to_owned(), port: 26000 });
        record.runs_as(id(1));
        let left = [(10, Counts { unchecked: Some(unchecked), ..Counts::default() })];
        assert_eq!((record.listened.len(), &record.counts), (1, &left.into()));
        record.runs_as(id(2));
        assert!(record.listened.is_empty() && record.counts.is_empty());
    }

    /// As the first version wrote it.
    const OLDEST: &str = r#"{"format":FORMAT,"boot":"b","pico":"ec1","mz_home":"/opt/mz","mz_home_resolved":null,"process_match":null,
        "phase":"running","jvm":{"pid":4711,"start":99},"mzsh":null,"uid":4711,"ha":null,"platform":null,"seen":true,"parameters":{}}"#;

    #[test]
    fn a_record_of_an_older_agent_and_one_of_a_newer_can_be_read() {
        let oldest = OLDEST.replace("FORMAT", &FORMAT.to_string());
        let newer = oldest.replace("\"seen\":true", "\"rows\":{},\"of_a_later_version\":[1]");
        // As it was before checks that could not be made were counted.
        let counted = oldest.replace("\"seen\":true", r#""counts":{"10":{"failed":1,"warned":2}}"#);
        let one = Counts { failed: 1, warned: 2, unchecked: None };
        for (text, counts) in [(oldest, None), (newer, None), (counted, Some(one))] {
            let record = Record::parse(text.as_bytes(), "b").unwrap().unwrap();
            assert!(
                record.rows == Rows::default() && record.reports.is_empty() && record.listened.is_empty()
            );
            assert_eq!(record.counts.values().next(), counts.as_ref());
            assert_eq!(record.jvm().map(|id| id.start), Some(99));
        }
    }
}
