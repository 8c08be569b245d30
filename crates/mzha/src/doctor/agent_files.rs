//! The agents where Pacemaker looks for them: there, root's alone, and of one version.

use super::questions::{Question, run};
use super::row::{Area, Level, Row};
use pico::PicoType;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const AREA: Area = Area::Agents;

/// Where Pacemaker looks for agents of our provider.
const DIRECTORY: &str = "/usr/lib/ocf/resource.d/mediationzone";

/// What an agent's file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum File {
    Missing,
    Unreadable(String),
    There { mode: u32, uid: u32, directory_mode: u32, directory_uid: u32 },
}

/// What one agent says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Agent {
    kind: PicoType,
    path: PathBuf,
    file: File,
    /// By `--version`; `None`: it was not asked, for anybody could have written it.
    version: Option<Result<String, String>>,
    /// By `meta-data`.
    metadata: Option<Result<String, String>>,
}

/// Looks at the four files, of which the ones in `used` are needed by a resource.
pub(super) fn rows(used: &[PicoType], question: Question) -> Vec<Row> {
    let paths: Vec<PathBuf> =
        PicoType::ALL.iter().map(|kind| Path::new(DIRECTORY).join(kind.agent())).collect();
    let files = match question.ask(|| paths.iter().map(|path| look(path)).collect::<Vec<File>>()) {
        Ok(files) => files,
        Err(why) => {
            let todo = "Pacemaker waits for these files, too: they belong on a local disk";
            return vec![Row::error(AREA, DIRECTORY, format!("can't be looked at: {why}"), todo)];
        }
    };
    let agents: Vec<Agent> = PicoType::ALL
        .into_iter()
        .zip(paths.iter().zip(files))
        .map(|(kind, (path, file))| {
            let ask = trouble(&file).is_none();
            Agent {
                kind,
                path: path.clone(),
                file,
                version: ask.then(|| version(path, question)),
                metadata: ask.then(|| metadata(path, question)),
            }
        })
        .collect();
    judge(&agents, used, env!("CARGO_PKG_VERSION"))
}

fn look(path: &Path) -> File {
    let directory = path.parent().unwrap_or(path);
    match (std::fs::metadata(path), std::fs::metadata(directory)) {
        (Ok(file), Ok(directory)) => File::There {
            mode: file.mode(),
            uid: file.uid(),
            directory_mode: directory.mode(),
            directory_uid: directory.uid(),
        },
        (Err(e), _) | (_, Err(e)) if e.kind() == std::io::ErrorKind::NotFound => File::Missing,
        (Err(e), _) | (_, Err(e)) => File::Unreadable(e.to_string()),
    }
}

/// What is wrong with the file, and what to do.
fn trouble(file: &File) -> Option<(String, &'static str)> {
    match file {
        File::Missing => Some(("is not there".to_owned(), "install the package of the agents on this node")),
        File::Unreadable(why) => {
            Some((format!("can't be read: {why}"), "install the package of the agents anew"))
        }
        File::There { mode, .. } if mode & 0o170_000 != 0o100_000 || mode & 0o111 == 0 => {
            Some(("is not an executable file".to_owned(), "chmod 0755"))
        }
        File::There { mode, uid, directory_mode, directory_uid } => {
            let others = (mode | directory_mode) & 0o022 != 0;
            let owners = *uid != 0 || *directory_uid != 0;
            (others || owners).then(|| {
                let what = if others { "can be written by others" } else { "is not root's" };
                (
                    format!("{what}, it or its directory: it is run as root"),
                    "chown root:root and chmod 0755, both",
                )
            })
        }
    }
}

fn version(path: &Path, question: Question) -> Result<String, String> {
    let said = run(path, &["--version"], question)?;
    let version = said.trim().rsplit(' ').next().unwrap_or_default();
    Ok(version.to_owned())
}

/// The version that its metadata names.
fn metadata(path: &Path, question: Question) -> Result<String, String> {
    let said = run(path, &["meta-data"], question)?;
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document =
        roxmltree::Document::parse_with_options(&said, options).map_err(|e| format!("no XML: {e}"))?;
    let root = document.root_element();
    if !root.has_tag_name("resource-agent") {
        return Err(format!("begins with <{}>", root.tag_name().name()));
    }
    Ok(root.attribute("version").unwrap_or_default().to_owned())
}

/// From what was seen to rows. `own`: the version of this program.
fn judge(agents: &[Agent], used: &[PicoType], own: &str) -> Vec<Row> {
    const ANEW: &str = "install the package of the agents anew";
    let row = |agent: &Agent| {
        let (check, path) = (agent.kind.agent(), agent.path.display());
        let error = |seen: String| Row::error(AREA, check, format!("{path} {seen}"), ANEW);
        if let Some((seen, todo)) = trouble(&agent.file) {
            let row = Row::error(AREA, check, format!("{path} {seen}"), todo);
            let needed = used.contains(&agent.kind) || agent.file != File::Missing;
            return if needed { row } else { Row { level: Level::Warning, ..row } };
        }
        match (&agent.version, &agent.metadata) {
            (Some(Err(why)), _) => error(format!("does not run: {why}")),
            (_, Some(Err(why))) => error(format!("gives no metadata: {why}")),
            (Some(Ok(version)), Some(Ok(said))) if version != said => {
                error(format!("is version {version}, and its metadata say {said}"))
            }
            (Some(Ok(version)), _) if version != own => {
                let seen = format!("{path} is version {version}, this program {own}");
                Row::warning(AREA, check, seen, "install one version of all, on all nodes")
            }
            _ => Row::ok(AREA, check, format!("{path}: version {own}, root's, metadata can be read")),
        }
    };
    agents.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: File = File::There { mode: 0o100_755, uid: 0, directory_mode: 0o40_755, directory_uid: 0 };

    fn agent(file: File, version: &str, metadata: Result<&str, &str>) -> Agent {
        Agent {
            kind: PicoType::Platform,
            path: "/x/platform".into(),
            file,
            version: Some(Ok(version.to_owned())),
            metadata: Some(metadata.map(str::to_owned).map_err(str::to_owned)),
        }
    }

    fn level(agent: Agent) -> Level {
        judge(&[agent], &[], "1.0.0")[0].level
    }

    #[test]
    fn only_roots_own_executable_of_the_same_version_is_well() {
        let there = |mode, uid, directory_mode, directory_uid| {
            agent(File::There { mode, uid, directory_mode, directory_uid }, "1.0.0", Ok("1.0.0"))
        };
        assert_eq!(level(agent(WELL, "1.0.0", Ok("1.0.0"))), Level::Ok);
        assert_eq!(level(agent(WELL, "1.0.1", Ok("1.0.1"))), Level::Warning);
        assert_eq!(level(agent(WELL, "1.0.0", Ok("1.0.1"))), Level::Error);
        assert_eq!(level(agent(WELL, "1.0.0", Err("no XML"))), Level::Error);
        for wrong in [
            there(0o100_644, 0, 0o40_755, 0),
            there(0o100_775, 0, 0o40_755, 0),
            there(0o100_757, 0, 0o40_755, 0),
            there(0o100_755, 7, 0o40_755, 0),
            there(0o100_755, 0, 0o40_777, 0),
            there(0o100_755, 0, 0o40_755, 7),
            there(0o40_755, 0, 0o40_755, 0),
            agent(File::Unreadable("x".to_owned()), "1.0.0", Ok("1.0.0")),
        ] {
            assert_eq!(level(wrong.clone()), Level::Error, "{wrong:?}");
        }
    }

    #[test]
    fn one_that_is_missing_matters_where_a_resource_needs_it() {
        let missing = [agent(File::Missing, "", Ok(""))];
        assert_eq!(judge(&missing, &[], "1")[0].level, Level::Warning);
        assert_eq!(judge(&missing, &[PicoType::Platform], "1")[0].level, Level::Error);
    }
}
