//! What this node has: clouds.yaml and the client libraries.

use super::{AREA, Clouds, FENCE_AGENT, fence_devices};
use crate::cib::Cib;
use crate::doctor::check_result::CheckResult;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

const CHECK: &str = "clouds.yaml";
const PLACES: &str =
    "neither ~root/.config/openstack/clouds.yaml nor /etc/openstack/clouds.yaml is there";

/// What the fence agent reads of `auth`, and from this file only.
const LOG_IN_KEYS: [&str; 6] =
    ["auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name"];

/// The document of `local_facts.py`.
#[derive(Debug, Deserialize)]
pub(super) struct LocalFacts {
    /// Modules of Python; the error of its import, if it has one.
    missing: BTreeMap<String, Option<String>>,
    clouds_yaml: Option<CloudsYaml>,
}

#[derive(Debug, Deserialize)]
struct CloudsYaml {
    path: String,
    uid: u32,
    mode: u32,
    error: Option<YamlError>,
    /// All clouds of the file.
    #[serde(default)]
    known: Vec<String>,
    /// Those that were asked for.
    #[serde(default)]
    clouds: BTreeMap<String, CloudEntry>,
}

#[derive(Debug, Deserialize)]
struct YamlError {
    line: u32,
    column: u32,
    problem: String,
}

/// One cloud, without secrets.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CloudEntry {
    malformed: bool,
    verify: serde_json::Value,
    cacert: serde_json::Value,
    auth_type: serde_json::Value,
    /// Names of the keys of `auth` that have a value.
    auth: Vec<String>,
}

pub(super) fn check(facts: &LocalFacts, cib: &Cib, clouds: &Clouds<'_>) -> Vec<CheckResult> {
    let fences = fence_devices(cib).next().is_some();
    let mut rows = libraries(facts, fences, !clouds.by.is_empty());
    rows.extend(command_line(cib));
    if !clouds.by.is_empty() {
        rows.extend(clouds_yaml(facts.clouds_yaml.as_ref(), cib, clouds));
    }
    rows
}

fn libraries(facts: &LocalFacts, fences: bool, by_cloud: bool) -> Vec<CheckResult> {
    let missing = |name: &str| facts.missing.get(name).and_then(Option::as_ref);
    let mut rows = Vec::new();
    if fences {
        let keystone = missing("keystoneauth1.loading").and(missing("keystoneclient.session"));
        let yaml = missing("yaml").filter(|_| by_cloud);
        let all = [
            ("python3-novaclient", missing("novaclient.client")),
            ("python3-keystoneauth1", keystone),
            ("python3-yaml", yaml),
        ];
        rows.extend(all.into_iter().filter_map(|(package, error)| {
            let error = error?;
            let seen =
                format!("{error}: {FENCE_AGENT} can be configured, and fences no node from here");
            Some(CheckResult::error(AREA, package, seen, format!("install {package}")))
        }));
        if rows.is_empty() {
            let seen = format!("{FENCE_AGENT} has the libraries that it needs");
            rows.push(CheckResult::ok(AREA, "libraries", seen));
        }
    }
    rows
}

/// The openstack-* agents call this program.
fn command_line(cib: &Cib) -> Vec<CheckResult> {
    let absent = |agent: &&crate::cib::CloudAgent| {
        let program = agent.parameters.get("openstackcli").map_or("/usr/bin/openstack", |it| it);
        !Path::new(program).exists()
    };
    let names: Vec<&str> =
        cib.cloud_agents.iter().filter(absent).map(|agent| agent.name.as_str()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let seen = format!("not installed: each action of {} fails here", names.join(", "));
    let todo = "install python3-openstackclient";
    vec![CheckResult::error(AREA, "openstack", seen, todo)]
}

fn clouds_yaml(file: Option<&CloudsYaml>, cib: &Cib, clouds: &Clouds<'_>) -> Vec<CheckResult> {
    let Some(file) = file else {
        let users: Vec<&str> = clouds.by.iter().map(|(_, resource)| *resource).collect();
        let seen = format!("{PLACES}, and {} {} it", users.join(", "), needs(users.len()));
        let todo =
            "copy it from a node that has it to /etc/openstack/clouds.yaml, mode 0600, owner root";
        return vec![CheckResult::error(AREA, CHECK, seen, todo)];
    };
    let mut rows = Vec::new();
    let path = &file.path;
    if file.uid != 0 || file.mode & 0o077 != 0 {
        let seen = format!(
            "{path}: owner {}, mode {:04o}: others than root can read or replace the password in it",
            file.uid, file.mode
        );
        let todo = format!("chown root:root {path}; chmod 0600 {path}");
        rows.push(CheckResult::warning(AREA, CHECK, seen, todo));
    }
    if let Some(YamlError { line, column, problem }) = &file.error {
        let seen = format!("{path}:{line}:{column}: {problem}");
        let todo = "correct that line; YAML is indented by blanks, never by tabs";
        rows.push(CheckResult::error(AREA, CHECK, seen, todo));
        return rows;
    }
    for name in clouds.names() {
        let users = clouds.users(name);
        let fences = fence_devices(cib).any(|device| users.contains(&device.name.as_str()));
        let Some(entry) = file.clouds.get(name) else {
            let seen = format!(
                "{path}: no cloud {name:?}, which {} {}; it has {}",
                users.join(", "),
                needs(users.len()),
                file.known.join(", ")
            );
            let todo = "correct the name in one of the two";
            rows.push(CheckResult::error(AREA, CHECK, seen, todo));
            continue;
        };
        rows.extend(entry.check(name, path, fences));
    }
    if rows.is_empty() {
        let seen = format!("{path}: {}, readable by root only", clouds.names().join(", "));
        rows.push(CheckResult::ok(AREA, CHECK, seen));
    }
    rows
}

fn needs(number: usize) -> &'static str {
    if number == 1 { "needs" } else { "need" }
}

impl CloudEntry {
    fn check(&self, name: &str, path: &str, fences: bool) -> Vec<CheckResult> {
        let place = format!("{path}: clouds.{name}");
        if self.malformed {
            let todo = "indent auth and the others below the cloud's name";
            return vec![CheckResult::error(AREA, CHECK, format!("{place}: no mapping"), todo)];
        }
        let mut rows = Vec::new();
        if fences {
            rows.extend(self.log_in(&place));
        }
        rows.extend(self.certificates(&place, fences));
        rows
    }

    fn log_in(&self, place: &str) -> Option<CheckResult> {
        let missing: Vec<String> = LOG_IN_KEYS
            .iter()
            .filter(|key| !self.auth.iter().any(|set| set == *key))
            .map(|key| format!("auth.{key}"))
            .collect();
        if missing.is_empty() {
            return None;
        }
        let kind = self.auth_type.as_str().filter(|kind| !kind.ends_with("password"));
        let kind = kind.map_or_else(String::new, |kind| format!(" (auth_type: {kind})"));
        let seen = format!(
            "{place}: not set: {}{kind}: {FENCE_AGENT} logs in by user and password, with names, from this file only",
            missing.join(", ")
        );
        let todo = "set them, for a user of its own that may only start, stop and list servers";
        Some(CheckResult::error(AREA, CHECK, seen, todo))
    }

    /// `verify` as a boolean of either value makes the fence agent skip all checks of certificates, since it asks only whether
    /// the option is there (fence-agents 4.12.1 to 4.17).
    fn certificates(&self, place: &str, fences: bool) -> Option<CheckResult> {
        let (seen, todo) = match (&self.verify, &self.cacert) {
            (serde_json::Value::Bool(true), _) if fences => (
                format!(
                    "{place}.verify: true: {FENCE_AGENT} then verifies no certificate of the API: it asks only whether verify is a boolean"
                ),
                "remove the line; without it, certificates are verified",
            ),
            (serde_json::Value::Bool(false), _) => (
                format!(
                    "{place}.verify: false: nobody verifies the certificate of the API, and the password goes to whoever answers"
                ),
                "remove the line, and add the cloud's CA to the system's (update-ca-certificates, update-ca-trust)",
            ),
            (serde_json::Value::Null, serde_json::Value::String(_)) if fences => (
                format!("{place}.cacert: {FENCE_AGENT} ignores it"),
                "add the cloud's CA to the system's (update-ca-certificates, update-ca-trust), or write verify: FILE",
            ),
            _ => return None,
        };
        Some(CheckResult::warning(AREA, CHECK, seen, todo))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cib::Fencing;
    use crate::doctor::check_result::Level;
    use serde_json::json;

    /// The configuration has a device that uses cloud `mz`.
    fn rows(facts: serde_json::Value) -> Vec<CheckResult> {
        let parameters = BTreeMap::from([("cloud".to_owned(), "mz".to_owned())]);
        let fencing = Fencing {
            name: "fence".to_owned(),
            agent: FENCE_AGENT.to_owned(),
            parameters,
            disabled: false,
        };
        let cib = Cib { fencing: vec![fencing], ..Cib::default() };
        let facts: LocalFacts = serde_json::from_value(facts).unwrap();
        let rows = check(&facts, &cib, &Clouds::of(&cib));
        rows.into_iter().filter(|row| row.level != Level::Ok).collect()
    }

    fn extend(object: &mut serde_json::Value, more: serde_json::Value) {
        let serde_json::Value::Object(more) = more else { panic!("{more}") };
        object.as_object_mut().unwrap().extend(more);
    }

    fn entry(more: serde_json::Value) -> serde_json::Value {
        let mut entry =
            json!({ "verify": null, "cacert": null, "auth_type": null, "auth": LOG_IN_KEYS });
        extend(&mut entry, more);
        entry
    }

    fn file(more: serde_json::Value, cloud: &serde_json::Value) -> serde_json::Value {
        let mut file = json!({
            "path": "/etc/openstack/clouds.yaml", "uid": 0, "mode": 0o600,
            "known": ["mz"], "clouds": { "mz": cloud },
        });
        extend(&mut file, more);
        json!({ "missing": {}, "clouds_yaml": file })
    }

    #[test]
    fn each_problem_of_clouds_yaml_is_the_only_one_and_names_file_and_key() {
        let good = entry(json!({}));
        let keys =
            |auth: &[&str]| entry(json!({ "auth": auth, "auth_type": "v3applicationcredential" }));
        let with = |more| file(json!({}), &entry(more));
        let cases = [
            (
                json!({ "missing": {}, "clouds_yaml": null }),
                Level::Error,
                "/etc/openstack/clouds.yaml is there",
            ),
            (file(json!({ "mode": 0o644 }), &good), Level::Warning, "mode 0644"),
            (file(json!({ "uid": 1000 }), &good), Level::Warning, "owner 1000"),
            (
                file(
                    json!({ "error": { "line": 3, "column": 1, "problem": "found character '\\t'" } }),
                    &good,
                ),
                Level::Error,
                "/etc/openstack/clouds.yaml:3:1: found character",
            ),
            (
                file(json!({ "clouds": {}, "known": ["prod"] }), &good),
                Level::Error,
                "no cloud \"mz\", which fence needs; it has prod",
            ),
            (file(json!({}), &json!({ "malformed": true })), Level::Error, "clouds.mz: no mapping"),
            (
                file(json!({}), &keys(&["auth_url"])),
                Level::Error,
                "auth.username, auth.password, auth.project_name",
            ),
            (with(json!({ "verify": true })), Level::Warning, "clouds.mz.verify: true"),
            (with(json!({ "verify": false })), Level::Warning, "clouds.mz.verify: false"),
            (with(json!({ "cacert": "/etc/ca.pem" })), Level::Warning, "clouds.mz.cacert"),
        ];
        for (facts, level, words) in cases {
            let rows = rows(facts.clone());
            let [row] = rows.as_slice() else { panic!("{facts}: {rows:?}") };
            assert!(row.level == level && row.seen.contains(words), "{words}: {row:?}");
        }
        assert_eq!(rows(file(json!({}), &good)), []);
        assert_eq!(rows(with(json!({ "verify": "/etc/ca.pem", "cacert": "/etc/ca.pem" }))), []);
    }

    #[test]
    fn a_missing_library_names_its_package() {
        let without = |missing: serde_json::Value| {
            let mut facts = file(json!({}), &entry(json!({})));
            facts["missing"] = missing;
            rows(facts).into_iter().map(|row| row.check).collect::<Vec<_>>()
        };
        assert_eq!(without(json!({ "novaclient.client": "No module" })), ["python3-novaclient"]);
        assert_eq!(without(json!({ "yaml": "No module" })), ["python3-yaml"]);
        assert_eq!(without(json!({ "keystoneauth1.loading": "No module" })), Vec::<String>::new());
        assert_eq!(
            without(
                json!({ "keystoneauth1.loading": "No module", "keystoneclient.session": "No module" })
            ),
            ["python3-keystoneauth1"]
        );
    }
}
