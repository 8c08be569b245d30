//! Agent files: present, writable by root only, and of one version.

use super::check_result::{Area, CheckResult, Level};
use super::query::{QueryTimeout, run_program};
use pico::PicoType;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const AREA: Area = Area::Agents;

const AGENT_DIRECTORY: &str = "/usr/lib/ocf/resource.d/mediationzone";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum AgentFile {
    Missing,
    Unreadable(String),
    There { mode: u32, uid: u32, directory_mode: u32, directory_uid: u32 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct InstalledAgent {
    kind: PicoType,
    path: PathBuf,
    file: AgentFile,
    /// From `--version`; `None`: not run, because other users can write the file.
    version: Option<Result<String, String>>,
    /// Version in `meta-data`.
    metadata: Option<Result<String, String>>,
}

/// `used`: agents that a resource needs.
pub(super) fn check(used: &[PicoType], timeout: QueryTimeout) -> Vec<CheckResult> {
    let paths: Vec<PathBuf> = PicoType::ALL
        .iter()
        .map(|kind| Path::new(AGENT_DIRECTORY).join(kind.agent_name()))
        .collect();
    let files = match timeout
        .run_in_child(|| paths.iter().map(|path| inspect_file(path)).collect::<Vec<AgentFile>>())
    {
        Ok(files) => files,
        Err(why) => {
            let todo = "put these files on a local disk; Pacemaker waits for them, too";
            return vec![CheckResult::error(
                AREA,
                AGENT_DIRECTORY,
                format!("not readable: {why}"),
                todo,
            )];
        }
    };
    let agents: Vec<InstalledAgent> = PicoType::ALL
        .into_iter()
        .zip(paths.iter().zip(files))
        .map(|(kind, (path, file))| {
            let ask = file_problem(&file).is_none();
            InstalledAgent {
                kind,
                path: path.clone(),
                file,
                version: ask.then(|| query_version(path, timeout)),
                metadata: ask.then(|| query_metadata_version(path, timeout)),
            }
        })
        .collect();
    judge(&agents, used, agents::VERSION)
}

fn inspect_file(path: &Path) -> AgentFile {
    let directory = path.parent().unwrap_or(path);
    match (std::fs::metadata(path), std::fs::metadata(directory)) {
        (Ok(file), Ok(directory)) => AgentFile::There {
            mode: file.mode(),
            uid: file.uid(),
            directory_mode: directory.mode(),
            directory_uid: directory.uid(),
        },
        (Err(e), _) | (_, Err(e)) if e.kind() == std::io::ErrorKind::NotFound => AgentFile::Missing,
        (Err(e), _) | (_, Err(e)) => AgentFile::Unreadable(e.to_string()),
    }
}

/// Problem and remedy.
fn file_problem(file: &AgentFile) -> Option<(String, &'static str)> {
    match file {
        AgentFile::Missing => {
            Some(("not found".to_owned(), "install the agents' package on this node"))
        }
        AgentFile::Unreadable(why) => {
            Some((format!("can't be read: {why}"), "reinstall the agents' package"))
        }
        AgentFile::There { mode, .. } if mode & 0o170_000 != 0o100_000 || mode & 0o111 == 0 => {
            Some(("not an executable file".to_owned(), "chmod 0755"))
        }
        AgentFile::There { mode, uid, directory_mode, directory_uid } => {
            let others = (mode | directory_mode) & 0o022 != 0;
            let owners = *uid != 0 || *directory_uid != 0;
            (others || owners).then(|| {
                let what = if others { "writable by other users" } else { "not owned by root" };
                (
                    format!("{what} (it or its directory), and Pacemaker runs it as root"),
                    "chown root:root and chmod 0755 both",
                )
            })
        }
    }
}

fn query_version(path: &Path, timeout: QueryTimeout) -> Result<String, String> {
    let said = run_program(path, &["--version"], timeout)?;
    let version = said.trim().rsplit(' ').next().unwrap_or_default();
    Ok(version.to_owned())
}

fn query_metadata_version(path: &Path, timeout: QueryTimeout) -> Result<String, String> {
    let said = run_program(path, &["meta-data"], timeout)?;
    let options =
        roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(&said, options)
        .map_err(|e| format!("no XML: {e}"))?;
    let root = document.root_element();
    if !root.has_tag_name("resource-agent") {
        return Err(format!("root element is <{}>", root.tag_name().name()));
    }
    Ok(root.attribute("version").unwrap_or_default().to_owned())
}

/// `own`: version of this program.
fn judge(agents: &[InstalledAgent], used: &[PicoType], own: &str) -> Vec<CheckResult> {
    const REINSTALL: &str = "reinstall the agents' package";
    let row = |agent: &InstalledAgent| {
        let (check, path) = (agent.kind.agent_name(), agent.path.display());
        let error =
            |seen: String| CheckResult::error(AREA, check, format!("{path}: {seen}"), REINSTALL);
        if let Some((seen, todo)) = file_problem(&agent.file) {
            let row = CheckResult::error(AREA, check, format!("{path}: {seen}"), todo);
            let needed = used.contains(&agent.kind) || agent.file != AgentFile::Missing;
            return if needed { row } else { CheckResult { level: Level::Warning, ..row } };
        }
        match (&agent.version, &agent.metadata) {
            (Some(Err(why)), _) => error(format!("does not run: {why}")),
            (_, Some(Err(why))) => error(format!("no metadata: {why}")),
            (Some(Ok(version)), Some(Ok(said))) if version != said => {
                error(format!("version {version}, but its metadata say {said}"))
            }
            (Some(Ok(version)), _) if version != own => {
                let seen = format!("{path}: version {version}, but this program is {own}");
                CheckResult::warning(AREA, check, seen, "install the same version on all nodes")
            }
            _ => CheckResult::ok(
                AREA,
                check,
                format!("{path}: version {own}, owned by root, metadata readable"),
            ),
        }
    };
    agents.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID_FILE: AgentFile =
        AgentFile::There { mode: 0o100_755, uid: 0, directory_mode: 0o40_755, directory_uid: 0 };

    fn agent(file: AgentFile, version: &str, metadata: Result<&str, &str>) -> InstalledAgent {
        InstalledAgent {
            kind: PicoType::Platform,
            path: "/x/platform".into(),
            file,
            version: Some(Ok(version.to_owned())),
            metadata: Some(metadata.map(str::to_owned).map_err(str::to_owned)),
        }
    }

    fn level(agent: InstalledAgent) -> Level {
        judge(&[agent], &[], "1.0.0")[0].level
    }

    #[test]
    fn agent_file_is_ok_only_as_root_owned_executable_of_same_version() {
        let there = |mode, uid, directory_mode, directory_uid| {
            agent(
                AgentFile::There { mode, uid, directory_mode, directory_uid },
                "1.0.0",
                Ok("1.0.0"),
            )
        };
        assert_eq!(level(agent(VALID_FILE, "1.0.0", Ok("1.0.0"))), Level::Ok);
        assert_eq!(level(agent(VALID_FILE, "1.0.1", Ok("1.0.1"))), Level::Warning);
        assert_eq!(level(agent(VALID_FILE, "1.0.0", Ok("1.0.1"))), Level::Error);
        assert_eq!(level(agent(VALID_FILE, "1.0.0", Err("no XML"))), Level::Error);
        for wrong in [
            there(0o100_644, 0, 0o40_755, 0),
            there(0o100_775, 0, 0o40_755, 0),
            there(0o100_757, 0, 0o40_755, 0),
            there(0o100_755, 7, 0o40_755, 0),
            there(0o100_755, 0, 0o40_777, 0),
            there(0o100_755, 0, 0o40_755, 7),
            there(0o40_755, 0, 0o40_755, 0),
            agent(AgentFile::Unreadable("x".to_owned()), "1.0.0", Ok("1.0.0")),
        ] {
            assert_eq!(level(wrong.clone()), Level::Error, "{wrong:?}");
        }
    }

    #[test]
    fn missing_agent_is_error_only_if_a_resource_needs_it() {
        let missing = [agent(AgentFile::Missing, "", Ok(""))];
        assert_eq!(judge(&missing, &[], "1")[0].level, Level::Warning);
        assert_eq!(judge(&missing, &[PicoType::Platform], "1")[0].level, Level::Error);
    }
}
