//! Our reader of HOCON beside the reference implementation, file by file: the product reads its registry with that one.
//!
//! `same/` holds files that both must read alike, each named after what of the notation it uses; `layers/` directories of files
//! that lie over each other, the first above; `refused/` files that neither may read. The reference is Debian's, run on a JDK.

use hocon::{Config, Document, Include, Includes, Source, Value, What};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian puts the reference implementation.
const REFERENCE: &str = "/usr/share/java/typesafe-config.jar";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("registry").join(name)
}

/// The cases in a folder: its files, or its directories.
fn cases(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(name)).expect("the folder is there");
    let entries = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| !path.ends_with("parts")).collect();
    cases.sort();
    cases
}

/// What the reference makes of each case: its values, or nothing if it refuses it.
fn by_the_reference(cases: &[PathBuf]) -> BTreeMap<PathBuf, Result<String, String>> {
    let program = folder("Reference.java");
    let output = Command::new("java")
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", REFERENCE])
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

/// What ours makes of it.
fn by_ours(case: &Path) -> Result<String, String> {
    let mut files = vec![case.to_owned()];
    if case.is_dir() {
        files = fs::read_dir(case).expect("a directory").map(|file| file.expect("a file").path()).collect();
        files.sort();
    }
    let documents: Result<Vec<Document>, hocon::Error> = files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file).expect("a text");
            Document::parse(&text, file.to_str().expect("a plain path"), &[], &mut Beside)
        })
        .collect();
    let documents = documents.map_err(|e| e.to_string())?;
    let whole = Config::of(&documents).value(&[]).map_err(|e| e.to_string())?;
    let mut printed = String::new();
    print("", &whole.expect("the whole is an object"), &mut printed);
    Ok(printed)
}

/// Includes as the reference finds them: beside the file, with the extensions that it knows.
struct Beside;

impl Includes for Beside {
    fn read(&mut self, include: &Include) -> Result<Vec<Source>, String> {
        let What::Beside(name) = &include.what else { return Err("only files beside it".to_owned()) };
        let directory = Path::new(include.place.origin()).parent().expect("a file is in a directory");
        let candidates = ["", ".conf", ".json"].map(|extension| directory.join(format!("{name}{extension}")));
        let found = candidates.iter().filter_map(|path| {
            let text = fs::read_to_string(path).ok()?;
            Some(Source { origin: path.to_str().expect("a plain path").to_owned(), text })
        });
        Ok(found.collect())
    }
}

fn print(path: &str, value: &Value, to: &mut String) {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let line = match value {
        Value::Object(object) if object.is_empty() => "{}".to_owned(),
        Value::Object(object) => {
            for (name, value) in object {
                print(&format!("{path}/{}", escaped(name)), value, to);
            }
            return;
        }
        Value::List(list) if list.is_empty() => "[]".to_owned(),
        Value::List(list) => {
            for (at, value) in list.iter().enumerate() {
                print(&format!("{path}/[{at}]"), value, to);
            }
            return;
        }
        Value::Null => "null".to_owned(),
        Value::Text(text) => format!("\"{}\"", escaped(text)),
    };
    writeln!(to, "{path} = {line}").expect("a String takes all");
}

fn compare(name: &str, at_least: usize) {
    let cases = cases(name);
    assert!(cases.len() >= at_least, "{cases:?}");
    let reference = by_the_reference(&cases);
    let different = cases.iter().filter_map(|case| {
        let (reference, ours) = (&reference[case], by_ours(case));
        let same = reference.is_ok() && *reference == ours;
        (!same).then(|| format!("{}\nreference: {reference:#?}\nours: {ours:#?}\n", case.display()))
    });
    let different: Vec<String> = different.collect();
    assert!(different.is_empty(), "{} of {} differ:\n{}", different.len(), cases.len(), different.concat());
}

#[test]
fn every_file_is_read_as_the_reference_implementation_reads_it() {
    compare("same", 50);
}

#[test]
fn files_over_each_other_are_one_to_both() {
    compare("layers", 7);
}

#[test]
fn what_the_reference_refuses_is_refused_with_file_and_line() {
    let cases = cases("refused");
    assert!(cases.len() >= 45, "{cases:?}");
    let reference = by_the_reference(&cases);
    for case in cases {
        assert!(reference[&case].is_err(), "the reference reads {}: {:?}", case.display(), reference[&case]);
        let why = by_ours(&case).expect_err(&format!("{} must be refused", case.display()));
        let (file, rest) = why.split_once(".conf:").expect("it names a file");
        let (line, text) = rest.split_once(": ").expect("it names a line");
        assert!(Path::new(&format!("{file}.conf")).exists(), "{why}");
        assert!(line.parse::<u32>().is_ok_and(|line| line > 0) && !text.is_empty(), "{why}");
    }
}
