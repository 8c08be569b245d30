//! The files in which such lines can stand, read in a helper.

use super::lines::{self, Kind};
use host::credentials::is_root;
use host::files::{of_another_on_the_way, read_regular};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const LONGEST: usize = 256 << 10;

/// Most files of one directory that are read.
const MOST: usize = 5000;

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
const UNITS: [&str; 5] = [
    "/etc/systemd/system",
    "/etc/systemd/user",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// What is run when the system starts.
const SCRIPTS: [&str; 3] = ["/etc/init.d", "/etc/rc.local", "/etc/rc.d/rc.local"];

/// Where a user's own units are, below the home directory.
const OF_A_USER: &str = ".config/systemd/user";

/// Which places are looked at.
#[derive(Clone, Debug)]
pub(crate) enum Places {
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
    pub(super) kind: Kind,
    /// Does it start or stop anything?
    pub(super) acts: bool,
    /// Is it run by itself? A unit that nothing wants is not.
    pub(super) enabled: bool,
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// The mentions.
    pub(super) mentions: Vec<Mention>,
    /// What could not be read, and why.
    pub(super) unread: Vec<(String, String)>,
    /// How many files were read.
    pub(super) files: usize,
}

impl Found {
    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.mentions.extend(other.mentions);
        self.unread.extend(other.unread);
        self.files += other.files;
        self
    }

    /// That a place could not be looked at.
    pub(crate) fn unanswered(place: &str, why: &dyn std::fmt::Display) -> Self {
        Self { unread: vec![(place.to_owned(), why.to_string())], ..Self::default() }
    }
}

/// Reads these places. For a helper: any of it may be on storage that hangs.
pub(crate) fn look(places: &Places, homes: &[String]) -> Found {
    let mut search = Search { homes, wanted: Vec::new(), found: Found::default() };
    let units: Vec<PathBuf> = match places {
        Places::System => UNITS.iter().map(PathBuf::from).collect(),
        Places::User(home) => vec![home.join(OF_A_USER)],
    };
    for directory in &units {
        search.learn_wanted(directory);
    }
    for directory in &units {
        search.read(directory, Kind::Unit, true);
    }
    if let Places::System = places {
        let crontabs = CRONTABS.map(|place| (place, Kind::Crontab));
        let cron_scripts = CRON_SCRIPTS.map(|place| (place, Kind::CronScript));
        let scripts = SCRIPTS.map(|place| (place, Kind::Script));
        for (place, kind) in crontabs.into_iter().chain(cron_scripts).chain(scripts) {
            search.read(Path::new(place), kind, false);
        }
    }
    search.found
}

struct Search<'a> {
    homes: &'a [String],
    /// Names of units that something wants.
    wanted: Vec<String>,
    found: Found,
}

impl Search<'_> {
    /// `multi-user.target.wants/NAME` and the like.
    fn learn_wanted(&mut self, directory: &Path) {
        for path in entries(directory).unwrap_or_default() {
            let wants = path.extension().is_some_and(|end| end == "wants" || end == "requires");
            if wants {
                let names = entries(&path).unwrap_or_default();
                self.wanted
                    .extend(names.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())));
            }
        }
    }

    /// A file, or the files of a directory; `deeper`: and those of its directories of drop-ins.
    fn read(&mut self, place: &Path, kind: Kind, deeper: bool) {
        let unread = |e: &io::Error| e.kind() != io::ErrorKind::NotFound;
        if fs::symlink_metadata(place).is_ok_and(|m| m.is_file()) {
            self.read_file(place, kind);
            return;
        }
        let entries = match entries(place) {
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
                self.read(&path, kind, false);
            } else if !is_directory && (kind != Kind::Unit || ends("service") || ends("conf")) {
                self.read_file(&path, kind);
            }
        }
    }

    fn read_file(&mut self, path: &Path, kind: Kind) {
        let enabled = kind != Kind::Unit || self.is_wanted(path);
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
        if let Some(target) = leads_to_others(path) {
            let why = format!("is a link by {}, which is not root's: not followed", target.display());
            self.found.unread.push((path.display().to_string(), why));
            return;
        }
        match fs::metadata(path) {
            Ok(m) if m.is_file() => {}
            _ => return,
        }
        self.found.files += 1;
        match read_regular(path, LONGEST) {
            Ok(content) => {
                let lines = lines::of(&String::from_utf8_lossy(&content), kind, self.homes);
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
fn leads_to_others(path: &Path) -> Option<PathBuf> {
    let is_link = is_root() && fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
    if is_link { of_another_on_the_way(path) } else { None }
}

/// What is in a directory, in order of names.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.take(MOST).filter_map(|entry| Some(entry.ok()?.path()));
    let mut entries: Vec<PathBuf> = entries.collect();
    entries.sort();
    Ok(entries)
}
