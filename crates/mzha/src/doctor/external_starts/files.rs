//! Files that can hold such lines, read in a child.

use super::lines::{self, FileKind};
use host::credentials::is_root;
use host::files::{first_not_owned_by_root, read_regular};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const MAX_FILE_BYTES: usize = 256 << 10;

const MAX_DIRECTORY_ENTRIES: usize = 5000;

const CRONTABS: [&str; 6] = [
    "/etc/crontab",
    "/etc/anacrontab",
    "/etc/cron.d",
    // Debian, Red Hat, SUSE.
    "/var/spool/cron/crontabs",
    "/var/spool/cron",
    "/var/spool/cron/tabs",
];

const CRON_SCRIPTS: [&str; 4] =
    ["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"];

/// Unit directories of the system, with drop-in directories in them.
const UNIT_DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/etc/systemd/user",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// Scripts of the system's startup.
const BOOT_SCRIPTS: [&str; 3] = ["/etc/init.d", "/etc/rc.local", "/etc/rc.d/rc.local"];

/// Relative to the user's home directory.
const USER_UNIT_DIRECTORY: &str = ".config/systemd/user";

#[derive(Clone, Debug)]
pub(crate) enum SearchScope {
    System,
    /// Units below this home directory.
    User(PathBuf),
}

/// A line or link that names the product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mention {
    pub(super) file: String,
    /// From 1; 0: the file itself is a link into an installation.
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) kind: FileKind,
    /// Whether it starts or stops anything.
    pub(super) acts: bool,
    /// Whether it runs automatically; a unit that nothing wants does not.
    pub(super) enabled: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExternalStarts {
    pub(super) mentions: Vec<Mention>,
    /// Unreadable places with the error.
    pub(super) unread: Vec<(String, String)>,
    /// Number of files read.
    pub(super) files: usize,
}

impl ExternalStarts {
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.mentions.extend(other.mentions);
        self.unread.extend(other.unread);
        self.files += other.files;
        self
    }

    pub(crate) fn for_unread_place(place: &str, why: &dyn std::fmt::Display) -> Self {
        Self { unread: vec![(place.to_owned(), why.to_string())], ..Self::default() }
    }
}

/// Run in a child: any place may be on hung storage.
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
    /// Units that another unit wants.
    wanted: Vec<String>,
    found: ExternalStarts,
}

impl FileSearch<'_> {
    /// Links such as `multi-user.target.wants/NAME`.
    fn collect_wanted_units(&mut self, directory: &Path) {
        for path in sorted_entries(directory).unwrap_or_default() {
            let wants = path.extension().is_some_and(|end| end == "wants" || end == "requires");
            if wants {
                let names = sorted_entries(&path).unwrap_or_default();
                self.wanted.extend(
                    names.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())),
                );
            }
        }
    }

    /// A file, or the files of a directory; `deeper`: with its drop-in directories.
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
        // A link into an installation is not followed: its storage may hang, and the target is evidence enough.
        if let Ok(target) = fs::read_link(path)
            && self.homes.iter().any(|home| target.starts_with(home))
        {
            let text = format!("is a link to {}", target.display());
            self.found.mentions.push(mention(0, text, false));
            return;
        }
        if let Some(target) = insecure_link_target(path) {
            let why =
                format!("not followed (a link by {}, which not owned by root)", target.display());
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
                let lines =
                    lines::matching_lines(&String::from_utf8_lossy(&content), kind, self.homes);
                let mentions =
                    lines.into_iter().map(|line| mention(line.number, line.text, line.acts));
                self.found.mentions.extend(mentions);
            }
            Err(e) => self.found.unread.push((path.display().to_string(), e.to_string())),
        }
    }

    /// Whether a unit, its timer or an instance of it is wanted. A drop-in counts as its unit.
    fn is_wanted(&self, path: &Path) -> bool {
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let drop_in_of = path
            .parent()
            .and_then(name)
            .and_then(|name| name.strip_suffix(".d").map(str::to_owned));
        let Some(unit) = drop_in_of.or_else(|| name(path)) else { return false };
        let stem = unit.strip_suffix(".service").unwrap_or(&unit);
        self.wanted.iter().any(|wanted| {
            let wanted = wanted.rsplit_once('.').map_or(wanted.as_str(), |(stem, _)| stem);
            wanted == stem || stem.ends_with('@') && wanted.starts_with(stem)
        })
    }
}

/// The first component of the link's path that another user can replace.
fn insecure_link_target(path: &Path) -> Option<PathBuf> {
    let is_link = is_root() && fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
    if is_link { first_not_owned_by_root(path) } else { None }
}

/// Sorted directory entries.
fn sorted_entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?
        .take(MAX_DIRECTORY_ENTRIES)
        .filter_map(|entry| Some(entry.ok()?.path()));
    let mut entries: Vec<PathBuf> = entries.collect();
    entries.sort();
    Ok(entries)
}
