//! The files in which such lines can stand, read in a helper.

use super::lines::{self, FileKind};
use host::credentials::is_root;
use host::files::{first_not_owned_by_root, read_regular};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const MAX_FILE_BYTES: usize = 256 << 10;

/// Most files of one directory that are read.
const MAX_DIRECTORY_ENTRIES: usize = 5000;

/// Crontabs, and directories of them.
const CRONTABS: [&str; 6] = [
    "/etc/crontab",
    "/etc/anacrontab",
    "/etc/cron.d",
    // Debian, Red Hat, SUSE.
    "/var/spool/cron/crontabs",
    "/var/spool/cron",
    "/var/spool/cron/tabs",
];

/// Directories of scripts that cron runs.
const CRON_SCRIPTS: [&str; 4] =
    ["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"];

/// Where units of the system stand; each may hold drop-ins in directories.
const UNIT_DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/etc/systemd/user",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// What is run when the system starts.
const BOOT_SCRIPTS: [&str; 3] = ["/etc/init.d", "/etc/rc.local", "/etc/rc.d/rc.local"];

/// Where a user's own units are, below the home directory.
const USER_UNIT_DIRECTORY: &str = ".config/systemd/user";

/// Which places are looked at.
#[derive(Clone, Debug)]
pub(crate) enum SearchScope {
    /// Those of the system.
    System,
    /// Those of a user, who has this home directory.
    User(PathBuf),
}

/// A line, or a link, that names the product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mention {
    /// Where it stands.
    pub(super) file: String,
    /// In which line; 0: the file itself is a link into an installation.
    pub(super) line: usize,
    /// The line.
    pub(super) text: String,
    /// What kind of file it is.
    pub(super) kind: FileKind,
    /// Does it start or stop anything?
    pub(super) acts: bool,
    /// Is it run by itself? A unit that nothing wants is not.
    pub(super) enabled: bool,
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExternalStarts {
    /// The mentions.
    pub(super) mentions: Vec<Mention>,
    /// What could not be read, and why.
    pub(super) unread: Vec<(String, String)>,
    /// How many files were read.
    pub(super) files: usize,
}

impl ExternalStarts {
    /// Both together.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.mentions.extend(other.mentions);
        self.unread.extend(other.unread);
        self.files += other.files;
        self
    }

    /// That a place could not be looked at.
    pub(crate) fn for_unread_place(place: &str, why: &dyn std::fmt::Display) -> Self {
        Self { unread: vec![(place.to_owned(), why.to_string())], ..Self::default() }
    }
}

/// Reads these places. For a helper: any of it may be on storage that hangs.
pub(crate) fn find(places: &SearchScope, homes: &[String]) -> ExternalStarts {
    let mut search = FileSearch { homes, wanted: Vec::new(), found: ExternalStarts::default() };
    let units: Vec<PathBuf> = match places {
        SearchScope::System => UNIT_DIRECTORIES.iter().map(PathBuf::from).collect(),
        SearchScope::User(home) => vec![home.join(USER_UNIT_DIRECTORY)],
    };
    for directory in &units {
        search.collect_wanted_units(directory);
    }
    for directory in &units {
        search.scan(directory, FileKind::Unit, true);
    }
    if let SearchScope::System = places {
        let crontabs = CRONTABS.map(|place| (place, FileKind::Crontab));
        let cron_scripts = CRON_SCRIPTS.map(|place| (place, FileKind::CronScript));
        let scripts = BOOT_SCRIPTS.map(|place| (place, FileKind::Script));
        for (place, kind) in crontabs.into_iter().chain(cron_scripts).chain(scripts) {
            search.scan(Path::new(place), kind, false);
        }
    }
    search.found
}

struct FileSearch<'a> {
    homes: &'a [String],
    /// Names of units that something wants.
    wanted: Vec<String>,
    found: ExternalStarts,
}

impl FileSearch<'_> {
    /// `multi-user.target.wants/NAME` and the like.
    fn collect_wanted_units(&mut self, directory: &Path) {
        for path in sorted_entries(directory).unwrap_or_default() {
            let wants = path.extension().is_some_and(|end| end == "wants" || end == "requires");
            if wants {
                let names = sorted_entries(&path).unwrap_or_default();
                self.wanted
                    .extend(names.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())));
            }
        }
    }

    /// A file, or the files of a directory; `deeper`: and those of its directories of drop-ins.
    fn scan(&mut self, place: &Path, kind: FileKind, deeper: bool) {
        let unread = |e: &io::Error| e.kind() != io::ErrorKind::NotFound;
        if fs::symlink_metadata(place).is_ok_and(|m| m.is_file()) {
            self.scan_file(place, kind);
            return;
        }
        let entries = match sorted_entries(place) {
            Ok(entries) => entries,
            Err(e) => {
                if unread(&e) {
                    self.found.unread.push((place.display().to_string(), e.to_string()));
                }
                return;
            }
        };
        for path in entries {
            let is_directory = fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir());
            let ends = |end: &str| path.extension().is_some_and(|extension| extension == end);
            if is_directory && deeper && ends("d") {
                self.scan(&path, kind, false);
            } else if !is_directory && (kind != FileKind::Unit || ends("service") || ends("conf")) {
                self.scan_file(&path, kind);
            }
        }
    }

    fn scan_file(&mut self, path: &Path, kind: FileKind) {
        let enabled = kind != FileKind::Unit || self.is_wanted(path);
        let mention = |line, text, acts| {
            let file = path.display().to_string();
            Mention { file, line, text, kind, acts, enabled }
        };
        // A link into an installation is not followed: its storage may hang, and what it leads to is enough.
        if let Ok(target) = fs::read_link(path)
            && self.homes.iter().any(|home| target.starts_with(home))
        {
            let text = format!("is a link to {}", target.display());
            self.found.mentions.push(mention(0, text, false));
            return;
        }
        if let Some(target) = insecure_link_target(path) {
            let why = format!("is a link by {}, which is not root's: not followed", target.display());
            self.found.unread.push((path.display().to_string(), why));
            return;
        }
        match fs::metadata(path) {
            Ok(m) if m.is_file() => {}
            _ => return,
        }
        self.found.files += 1;
        match read_regular(path, MAX_FILE_BYTES) {
            Ok(content) => {
                let lines = lines::matching_lines(&String::from_utf8_lossy(&content), kind, self.homes);
                let mentions = lines.into_iter().map(|line| mention(line.number, line.text, line.acts));
                self.found.mentions.extend(mentions);
            }
            Err(e) => self.found.unread.push((path.display().to_string(), e.to_string())),
        }
    }

    /// Is a unit, its timer, or one made from it, wanted? A drop-in counts as its unit does.
    fn is_wanted(&self, path: &Path) -> bool {
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let drop_in_of =
            path.parent().and_then(name).and_then(|name| name.strip_suffix(".d").map(str::to_owned));
        let Some(unit) = drop_in_of.or_else(|| name(path)) else { return false };
        let stem = unit.strip_suffix(".service").unwrap_or(&unit);
        self.wanted.iter().any(|wanted| {
            let wanted = wanted.rsplit_once('.').map_or(wanted.as_str(), |(stem, _)| stem);
            wanted == stem || stem.ends_with('@') && wanted.starts_with(stem)
        })
    }
}

/// What root would pass on the way to where a link leads, if another user could lay further links there.
fn insecure_link_target(path: &Path) -> Option<PathBuf> {
    let is_link = is_root() && fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
    if is_link { first_not_owned_by_root(path) } else { None }
}

/// What is in a directory, in order of names.
fn sorted_entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(directory)?.take(MAX_DIRECTORY_ENTRIES).filter_map(|entry| Some(entry.ok()?.path()));
    let mut entries: Vec<PathBuf> = entries.collect();
    entries.sort();
    Ok(entries)
}
