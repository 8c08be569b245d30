//! Reading the files of a registry, and what they include.
//!
//! Whoever owns the installation may write into them what he likes: an include of `/dev/zero`, of a FIFO that nobody writes
//! to, of a file that includes itself. So only regular files are read, and of these so many and so much.

use crate::product::trust::may_open;
use hocon::{Document, Include, Includes, Source, What, limits};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Most files that are read for one pico, those that are included among them.
const MOST: usize = 64;

/// Most that is read for one pico, in bytes.
const LONGEST: usize = 1 << 20;

/// Below these a name in quotes is a path: the properties of a Java program.
const PROPERTIES: &[&[&str]] = &[&["config", "properties"], &["common"]];

/// What extensions an include without one may mean, the one that counts least first.
const EXTENSIONS: [&str; 2] = [".json", ".conf"];

/// The files that are read for one pico.
#[derive(Debug, Default)]
pub(super) struct Files {
    read: usize,
    bytes: usize,
    /// Includes that were passed over, and why.
    pub(super) passed_over: Vec<String>,
}

impl Files {
    /// Reads a file that has to be there.
    pub(super) fn document(&mut self, path: &Path) -> Result<Document, String> {
        let text = self.read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Document::parse(&text, &path.to_string_lossy(), PROPERTIES, self).map_err(|e| e.to_string())
    }

    /// Reads a file that need not be there.
    pub(super) fn document_if_there(&mut self, path: &Path) -> Result<Option<Document>, String> {
        match fs::symlink_metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => self.document(path).map(Some),
        }
    }

    fn read(&mut self, path: &Path) -> io::Result<String> {
        let other = |text: String| Err(io::Error::other(text));
        if let Some(kind) = host::files::other_kind(&fs::metadata(path)?) {
            return other(format!("is {kind}, not a regular file"));
        }
        self.read += 1;
        if self.read > MOST {
            return other(format!("is one file more than the {MOST} that are read for a pico"));
        }
        may_open(path)?;
        let content = host::files::read_regular(path, limits::TEXT + 1)?;
        self.bytes += content.len();
        if content.len() > limits::TEXT {
            return other(format!("is longer than {} KiB", limits::TEXT >> 10));
        }
        if self.bytes > LONGEST {
            return other(format!("is, with the files before it, longer than {} KiB", LONGEST >> 10));
        }
        // A letter of another encoding in a comment is no reason to know nothing.
        Ok(String::from_utf8_lossy(&content).into_owned())
    }
}

impl Includes for Files {
    fn read(&mut self, include: &Include) -> Result<Vec<Source>, String> {
        let place = &include.place;
        // A relative path is relative to the file that it stands in: in which directory an agent runs says nothing.
        let beside = |name: &str| Path::new(place.origin()).parent().unwrap_or(Path::new("/")).join(name);
        let candidates: Vec<PathBuf> = match &include.what {
            What::Beside(name) | What::File(name) if name.ends_with(".properties") => {
                return self.pass_over(include, &format!("{name}: Java's own properties are not read here"));
            }
            What::File(name) => vec![beside(name)],
            What::Beside(name) if EXTENSIONS.iter().any(|e| name.ends_with(e)) => vec![beside(name)],
            What::Beside(name) => EXTENSIONS.iter().map(|e| beside(&format!("{name}{e}"))).collect(),
            What::Url(name) => return self.pass_over(include, &format!("{name}: only files are read here")),
            What::Classpath(name) => {
                return self.pass_over(
                    include,
                    &format!("{name}: what JVMs have in their class path is not read here"),
                );
            }
        };
        let mut found = Vec::new();
        for path in &candidates {
            match Self::read(self, path) {
                Ok(text) => found.push(Source { origin: path.to_string_lossy().into_owned(), text }),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(format!("include of {}: {e}", path.display())),
            }
        }
        match candidates.last() {
            Some(path) if found.is_empty() && include.required => {
                Err(format!("{} is required, and not there", path.display()))
            }
            _ => Ok(found),
        }
    }
}

impl Files {
    fn pass_over(&mut self, include: &Include, why: &str) -> Result<Vec<Source>, String> {
        if include.required {
            return Err(format!("include of {why}, and it is required"));
        }
        self.passed_over.push(format!("{}: an include is passed over: {why}", include.place));
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// What comes of a file with this content, beside others.
    fn read(content: &str, others: &[(&str, &str)]) -> (Result<Document, String>, Files) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ec1.conf");
        fs::write(&path, content).unwrap();
        for (name, content) in others {
            fs::write(directory.path().join(name), content).unwrap();
        }
        fs::create_dir(directory.path().join("directory.conf")).unwrap();
        let fifo = std::process::Command::new("mkfifo").arg(directory.path().join("fifo.conf")).status();
        assert!(fifo.is_ok_and(|status| status.success()));
        let mut files = Files::default();
        let before = Instant::now();
        let read = files.document(&path);
        assert!(before.elapsed() < Duration::from_secs(20), "in a moment, on a machine however slow");
        let shorter = |why: String| why.replace(&format!("{}/", directory.path().display()), "");
        (read.map_err(shorter), files)
    }

    fn text(document: &Document, path: &[&str]) -> Option<String> {
        hocon::Config::of([document]).text(path).unwrap().map(|found| found.text)
    }

    #[test]
    fn files_beside_it_are_included_with_and_without_extension() {
        let others = [
            ("a.conf", "x : a, y : a"),
            ("b.conf", "y : b"),
            ("b.json", "{\"y\" : \"json\", \"z\" : \"json\"}"),
            ("c.conf", "include \"a\""),
        ];
        let content =
            "include \"a.conf\", include \"b\"\nin { include required(file(\"c.conf\")) }\ninclude \"none\"";
        let (document, files) = read(content, &others);
        let document = document.unwrap();
        for (path, value) in [(&["x"][..], "a"), (&["y"], "b"), (&["z"], "json"), (&["in", "x"], "a")] {
            assert_eq!(text(&document, path).as_deref(), Some(value), "{path:?}");
        }
        assert_eq!((files.read, files.passed_over.len()), (6, 0));
    }

    #[test]
    fn what_is_no_file_of_the_registry_is_refused_by_name() {
        for (content, said) in [
            ("include \"/dev/zero\"", None),
            (
                "include file(\"/dev/zero\")",
                Some("ec1.conf:1: include of /dev/zero: is a device, not a regular file"),
            ),
            (
                "include \"directory.conf\"",
                Some("ec1.conf:1: include of directory.conf: is a directory, not a regular file"),
            ),
            (
                "a : 1\ninclude \"fifo.conf\"",
                Some("ec1.conf:2: include of fifo.conf: is a FIFO, not a regular file"),
            ),
            ("include \"ec1.conf\"", Some("ec1.conf:1: ec1.conf includes itself")),
            ("include required(\"none\")", Some("ec1.conf:1: none.conf is required, and not there")),
            ("include \"long\"", Some("ec1.conf:1: include of long.conf: is longer than 256 KiB")),
            // A letter of another encoding does not make a file unknown.
            ("include \"latin\"", None),
            (
                "include required(url(\"http://x\"))",
                Some("ec1.conf:1: include of http://x: only files are read here, and it is required"),
            ),
            (
                "include \"broken\"",
                Some("broken.conf:2: expected '}' for that in line 1, found the end of the file"),
            ),
        ] {
            let long = "#".repeat(limits::TEXT + 1);
            let directory = tempfile::tempdir().unwrap();
            let latin = directory.path().join("latin.conf");
            fs::write(&latin, b"a : \xe4").unwrap();
            let content = content.replace("latin", latin.with_extension("").to_str().unwrap());
            let others = [("long.conf", long.as_str()), ("broken.conf", "a {\nb : 1\n")];
            let why = read(&content, &others).0.err();
            let why = why.map(|why| why.replace(&format!("{}/", directory.path().display()), ""));
            assert_eq!(why.as_deref(), said, "{content}");
        }
    }

    #[test]
    fn files_that_include_many_end_at_the_limit() {
        let others: Vec<(String, String)> = (0..70).map(|i| (format!("{i}.conf"), String::new())).collect();
        let others: Vec<(&str, &str)> = others.iter().map(|(n, c)| (n.as_str(), c.as_str())).collect();
        let content = (0..70).map(|i| format!("include \"{i}.conf\"")).collect::<Vec<_>>().join("\n");
        let why = read(&content, &others).0.unwrap_err();
        assert_eq!(
            why,
            "ec1.conf:64: include of 63.conf: is one file more than the 64 that are read for a pico"
        );
        let full = format!("x : \"{}\"", "x".repeat(200 << 10));
        let others: Vec<(&str, &str)> = others.iter().map(|(n, _)| (*n, full.as_str())).collect();
        let why = read(&content, &others).0.unwrap_err();
        assert_eq!(why, "ec1.conf:6: include of 5.conf: is, with the files before it, longer than 1024 KiB");
    }

    #[test]
    fn what_only_a_jvm_could_read_is_passed_over_with_words() {
        let content =
            "include url(\"http://x\")\ninclude classpath(\"y.conf\")\ninclude \"z.properties\"\na : 1";
        let (document, files) = read(content, &[]);
        assert_eq!(text(&document.unwrap(), &["a"]).as_deref(), Some("1"));
        let said = ["http://x: only files", "y.conf: what JVMs have", "z.properties: Java's own"];
        assert_eq!(files.passed_over.len(), said.len());
        for (passed_over, said) in files.passed_over.iter().zip(said) {
            assert!(passed_over.contains(said), "{passed_over}");
        }
    }
}
