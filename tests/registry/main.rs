//! Our HOCON parser compared with the reference implementation, file by file: the product reads its registry
//! with the latter.
//!
//! `same/` has files that both must parse alike, each named after the syntax that it uses; `layers/` has
//! directories of files that override each other, the first above; `refused/` has files that neither may
//! accept. The reference is Debian's, run on a JDK.

use hocon::{Config, Document, Include, IncludeLoader, IncludeTarget, IncludedText, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's path of the reference implementation.
const REFERENCE_JAR: &str = "/usr/share/java/typesafe-config.jar";

fn case_directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("registry").join(name)
}

/// The cases in a folder: its files, or its directories.
fn case_paths(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(case_directory(name)).expect("the folder is there");
    let entries = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| !path.ends_with("parts")).collect();
    cases.sort();
    cases
}

/// The reference's result of each case: its values, or nothing if it refuses it.
fn read_by_reference(cases: &[PathBuf]) -> BTreeMap<PathBuf, Result<String, String>> {
    let program = case_directory("Reference.java");
    let output = Command::new("java")
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", REFERENCE_JAR])
        .arg(program)
        .args(cases)
        .output()
        .expect("java runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    let said = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let mut all = BTreeMap::new();
    for said in said.split("== ").skip(1) {
        let (case, values) = said.split_once('\n').expect("a case, and its values");
        let answer = match values.strip_prefix("! ") {
            Some(why) => Err(why.trim().to_owned()),
            None => Ok(values.to_owned()),
        };
        all.insert(PathBuf::from(case), answer);
    }
    assert_eq!(all.len(), cases.len(), "{said}");
    all
}

/// Our result.
fn read_by_ours(case: &Path) -> Result<String, String> {
    let mut files = vec![case.to_owned()];
    if case.is_dir() {
        files = fs::read_dir(case)
            .expect("a directory")
            .map(|file| file.expect("a file").path())
            .collect();
        files.sort();
    }
    let documents: Result<Vec<Document>, hocon::Error> = files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file).expect("a text");
            Document::parse(
                &text,
                file.to_str().expect("a plain path"),
                &[],
                &mut IncludesBesideFile,
            )
        })
        .collect();
    let documents = documents.map_err(|e| e.to_string())?;
    let whole = Config::from_documents(&documents).value(&[]).map_err(|e| e.to_string())?;
    let mut printed = String::new();
    print_value("", &whole.expect("the whole is an object"), &mut printed);
    Ok(printed)
}

/// Includes as the reference finds them: beside the file, with the extensions that it knows.
struct IncludesBesideFile;

impl IncludeLoader for IncludesBesideFile {
    fn load(&mut self, include: &Include) -> Result<Vec<IncludedText>, String> {
        let IncludeTarget::Relative(name) = &include.target else {
            return Err("only files beside it".to_owned());
        };
        let directory =
            Path::new(include.location.origin()).parent().expect("a file is in a directory");
        let candidates =
            ["", ".conf", ".json"].map(|extension| directory.join(format!("{name}{extension}")));
        let found = candidates.iter().filter_map(|path| {
            let text = fs::read_to_string(path).ok()?;
            Some(IncludedText { origin: path.to_str().expect("a plain path").to_owned(), text })
        });
        Ok(found.collect())
    }
}

fn print_value(path: &str, value: &Value, to: &mut String) {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let line = match value {
        Value::Object(object) if object.is_empty() => "{}".to_owned(),
        Value::Object(object) => {
            for (name, value) in object {
                print_value(&format!("{path}/{}", escaped(name)), value, to);
            }
            return;
        }
        Value::List(list) if list.is_empty() => "[]".to_owned(),
        Value::List(list) => {
            for (at, value) in list.iter().enumerate() {
                print_value(&format!("{path}/[{at}]"), value, to);
            }
            return;
        }
        Value::Null => "null".to_owned(),
        Value::Text(text) => format!("\"{}\"", escaped(text)),
    };
    writeln!(to, "{path} = {line}").expect("a String takes all");
}

fn compare_with_reference(name: &str, at_least: usize) {
    let cases = case_paths(name);
    assert!(cases.len() >= at_least, "{cases:?}");
    let reference = read_by_reference(&cases);
    let different = cases.iter().filter_map(|case| {
        let (reference, ours) = (&reference[case], read_by_ours(case));
        let same = reference.is_ok() && *reference == ours;
        (!same).then(|| format!("{}\nreference: {reference:#?}\nours: {ours:#?}\n", case.display()))
    });
    let different: Vec<String> = different.collect();
    assert!(
        different.is_empty(),
        "{} of {} differ:\n{}",
        different.len(),
        cases.len(),
        different.concat()
    );
}

#[test]
fn each_file_is_read_like_the_reference() {
    compare_with_reference("same", 50);
}

#[test]
fn layered_files_are_read_like_the_reference() {
    compare_with_reference("layers", 7);
}

#[test]
fn files_refused_by_reference_are_refused_with_file_and_line() {
    let cases = case_paths("refused");
    assert!(cases.len() >= 45, "{cases:?}");
    let reference = read_by_reference(&cases);
    for case in cases {
        assert!(
            reference[&case].is_err(),
            "the reference reads {}: {:?}",
            case.display(),
            reference[&case]
        );
        let why = read_by_ours(&case).expect_err(&format!("{} must be refused", case.display()));
        let (file, rest) = why.split_once(".conf:").expect("it names a file");
        let (line, text) = rest.split_once(": ").expect("it names a line");
        assert!(Path::new(&format!("{file}.conf")).exists(), "{why}");
        assert!(line.parse::<u32>().is_ok_and(|line| line > 0) && !text.is_empty(), "{why}");
    }
}
