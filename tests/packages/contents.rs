//! The packages as files: checkers of both formats, checksums, and the same bytes again.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use testkit::packages_dir;

fn run(command: &mut Command) -> (bool, String) {
    let Output { status, stdout, stderr } = command.output().expect("a tool");
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn in_packages(script: &str) -> (bool, String) {
    run(Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(packages_dir()))
}

#[test]
fn lintian_has_nothing_to_say() {
    let (success, said) =
        in_packages("lintian --allow-root --fail-on error,warning --tag-display-limit 0 *.deb");
    // The name has the commit in it, and `.dirty` while something is not committed.
    let finding = said
        .lines()
        .find(|line| !line.contains("package-has-long-file-name") && line.starts_with(['E', 'W']));
    assert_eq!(finding, None, "{success}: {said}");
}

#[test]
fn rpmlint_has_nothing_to_say() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/rpmlint.toml");
    let (success, said) = in_packages(&format!("rpmlint --config {} *.rpm", config.display()));
    assert!(success && said.contains("0 errors, 0 warnings"), "{said}");
}

#[test]
fn checksums_name_each_file() {
    let (success, said) =
        in_packages("sha256sum --check --strict SHA256SUMS; ls | grep -v SHA256SUMS | wc -l");
    assert!(success, "{said}");
    let files: usize = said.lines().last().and_then(|line| line.parse().ok()).expect("a number");
    assert_eq!(said.lines().filter(|line| line.ends_with(": OK")).count(), files, "{said}");
    // .deb, .rpm and bill of materials.
    assert_eq!(files, 9, "{said}");
}

#[test]
fn bill_of_materials_names_each_crate_with_version_licence_and_checksum() {
    let file = fs::read_dir(packages_dir())
        .expect("target/dist")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut bills = file.filter(|path| path.to_string_lossy().ends_with(".cdx.json"));
    assert!(bills.all(|path| {
        let bill: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).expect("a bill")).expect("JSON");
        let components = bill["components"].as_array().expect("components");
        let own = ["agents", "host", "hocon", "mz-sim", "mzha", "ocf", "pico"];
        let complete = components.iter().all(|component| {
            let name = component["name"].as_str().unwrap_or_default();
            component["licenses"][0]["expression"].as_str().is_some_and(|text| !text.is_empty())
                && (own.contains(&name)
                    || component["hashes"][0]["content"]
                        .as_str()
                        .is_some_and(|sum| sum.len() == 64))
        });
        bill["specVersion"] == "1.5" && components.len() > 5 && complete
    }));
}

/// `dist` writes no bill that breaks it; this one does.
#[test]
fn bill_of_materials_that_breaks_the_schema_is_named() {
    let bill = fs::read_dir(packages_dir())
        .expect("target/dist")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.to_string_lossy().ends_with(".cdx.json"))
        .expect("a bill");
    let tool = packages_dir().parent().expect("target").join("tools/cyclonedx");
    let text = fs::read_to_string(bill).expect("a bill");
    let folder = tempfile::tempdir().expect("a folder");
    for (find, replace, finding) in [
        ("", "", None),
        ("\"SHA-256\"", "\"SHA-255\"", Some("hashes/0/alg: 'SHA-255' is not one of")),
        ("\"bom-ref\"", "\"reference\"", Some("Additional properties are not allowed")),
        ("\"timestamp\": \"2", "\"timestamp\": \"x", Some("is not a 'date-time'")),
    ] {
        let path = folder.path().join("bill.cdx.json");
        fs::write(&path, text.replacen(find, replace, 1)).expect("a bill");
        let mut validate = Command::new("python3");
        validate.args(["-c", include_str!("../../crates/dist/src/validate_bill.py")]);
        let (valid, said) = run(validate.arg(&tool).arg(&path));
        assert_eq!(valid, finding.is_none(), "{replace}: {said}");
        assert!(said.contains(finding.unwrap_or_default()), "{replace}: {said}");
    }
}

/// From the same programs: dates, owners, order and compression are the same at any time.
#[test]
fn packages_made_again_have_the_same_bytes() {
    let target = packages_dir().parent().expect("target").to_owned();
    let again = tempfile::tempdir().expect("a folder");
    let out = again.path().join("dist");
    let mut dist = Command::new(target.join("debug/dist"));
    dist.arg("--programs")
        .arg(target.join("x86_64-unknown-linux-gnu/release"))
        .arg("--out")
        .arg(&out);
    let (success, said) = run(dist.env("TZ", "Asia/Tokyo"));
    assert!(success, "{said}");
    let sums = |folder: &Path| fs::read_to_string(folder.join("SHA256SUMS")).expect("checksums");
    assert_eq!(sums(&out), sums(&packages_dir()));
}
