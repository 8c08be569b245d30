//! The software bill of materials of a package, as CycloneDX 1.5: the crates that are in its programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use devtools::TaskError;
use devtools::workspace::{self, Workspace};
use serde_json::{Value, json};

use crate::pypi::PypiTool;
use crate::release::Release;
use crate::table::Package;

/// Name and version of a crate.
type CrateVersion = (String, String);

/// The schema.
pub(crate) const TOOL: PypiTool =
    PypiTool { name: "cyclonedx", requirements: "packaging/cyclonedx-requirements.txt" };

/// Returns the name of the file. It is valid by the schema.
pub(crate) fn write(
    workspace: &Workspace,
    package: &Package,
    release: &Release,
    out: &Path,
) -> Result<String, TaskError> {
    let checksums = checksums()?;
    let mut components = BTreeMap::new();
    for name in package.crates {
        for (key, component) in dependencies(name, &checksums)? {
            components.insert(key, component);
        }
    }
    let purl = format!("pkg:generic/{}@{}", package.name, release.package_version);
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": release.iso_date,
            "component": {
                "type": "application",
                "bom-ref": purl,
                "name": package.name,
                "version": release.package_version,
                "description": package.summary,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
                "purl": purl,
            },
        },
        "components": components.into_values().collect::<Vec<Value>>(),
    });
    let text =
        serde_json::to_string_pretty(&bill).map_err(TaskError::unreadable("bill of materials"))?;
    let name = format!("{}_{}.cdx.json", package.name, release.package_version);
    let path = out.join(&name);
    fs::write(&path, text + "\n").map_err(TaskError::file("write", &path))?;
    let mut validate = Command::new("python3");
    validate
        .args(["-c", include_str!("validate_bill.py")])
        .arg(TOOL.install(workspace)?)
        .arg(&path);
    workspace::run_checked(&mut validate)?;
    Ok(name)
}

/// Linked crates only: build scripts and macros are not part of a program.
fn dependencies(
    package: &str,
    checksums: &BTreeMap<CrateVersion, String>,
) -> Result<Vec<(CrateVersion, Value)>, TaskError> {
    let mut tree =
        workspace::cargo(["tree", "--quiet", "--locked", "--edges", "normal,no-proc-macro"]);
    tree.args(["--target", "x86_64-unknown-linux-gnu", "--prefix", "none", "--format", "{p}|{l}"]);
    let printed = workspace::printed(tree.args(["--package", package]))?;
    let mut all = Vec::new();
    for line in printed.lines() {
        let Some((described, license)) = line.split_once('|') else { continue };
        let mut words = described.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        let key = (name.to_owned(), version.trim_start_matches('v').to_owned());
        let purl = format!("pkg:cargo/{}@{}", key.0, key.1);
        let mut component = json!({
            "type": "library",
            "bom-ref": purl,
            "name": key.0,
            "version": key.1,
            // `/` is an old way to write OR.
            "licenses": [{ "expression": license.trim_end_matches(" (*)").replace('/', " OR ") }],
            "purl": purl,
        });
        if let Some(checksum) = checksums.get(&key) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        all.push((key, component));
    }
    Ok(all)
}

/// The checksums of Cargo.lock, by name and version.
fn checksums() -> Result<BTreeMap<CrateVersion, String>, TaskError> {
    let path = workspace::root().join("Cargo.lock");
    let text = fs::read_to_string(&path).map_err(TaskError::file("read", &path))?;
    let lock: toml::Table = text.parse().map_err(TaskError::unreadable("Cargo.lock"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let entry = |package: &toml::Value| {
        let text = |key| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        Some(((text("name")?, text("version")?), text("checksum")?))
    };
    Ok(packages.filter_map(entry).collect())
}
