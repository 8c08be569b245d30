//! Reads the files of a registry and their includes.
//!
//! The owner of the installation may write anything into them: an include of `/dev/zero`, of a FIFO
//! without a writer, or of the file itself. So only regular files are read, with limits on their
//! number and size.

use crate::product::permission_check::check_open_as_root;
use hocon::{Document, Include, IncludeLoader, IncludeTarget, IncludedText, limits};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Maximum number of files read for one pico, including included ones.
const MAX_FILES: usize = 64;

/// Maximum bytes read for one pico.
const MAX_TOTAL_BYTES: usize = 1 << 20;

/// Below these paths a quoted name with dots is a path, as in the properties of a Java program.
const PROPERTY_PATHS: &[&[&str]] = &[&["config", "properties"], &["common"]];

/// The extensions that an include without one may have, lowest precedence first.
const INCLUDE_EXTENSIONS: [&str; 2] = [".json", ".conf"];

#[derive(Debug, Default)]
pub(super) struct RegistryReader {
    files_read: usize,
    bytes_read: usize,
    /// The skipped includes, with the reason.
    pub(super) skipped_includes: Vec<String>,
}

impl RegistryReader {
    /// Reads a file that must exist.
    pub(super) fn read_document(&mut self, path: &Path) -> Result<Document, String> {
        let text = self.read_text(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Document::parse(&text, &path.to_string_lossy(), PROPERTY_PATHS, self)
            .map_err(|e| e.to_string())
    }

    /// Reads a file that may be missing.
    pub(super) fn read_document_if_present(
        &mut self,
        path: &Path,
    ) -> Result<Option<Document>, String> {
        match fs::symlink_metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            _ => self.read_document(path).map(Some),
        }
    }

    fn read_text(&mut self, path: &Path) -> io::Result<String> {
        let other = |text: String| Err(io::Error::other(text));
        if let Some(kind) = host::files::non_regular_kind(&fs::metadata(path)?) {
            return other(format!("is {kind}, not a regular file"));
        }
        self.files_read += 1;
        if self.files_read > MAX_FILES {
            return other(format!("exceeds the limit of {MAX_FILES} files per pico"));
        }
        check_open_as_root(path)?;
        let content = host::files::read_regular(path, limits::FILE_BYTES + 1)?;
        self.bytes_read += content.len();
        if content.len() > limits::FILE_BYTES {
            return other(format!("is longer than {} KiB", limits::FILE_BYTES >> 10));
        }
        if self.bytes_read > MAX_TOTAL_BYTES {
            return other(format!(
                "is, with the files before it, longer than {} KiB",
                MAX_TOTAL_BYTES >> 10
            ));
        }
        // Another encoding in a comment must not make the file unreadable.
        Ok(String::from_utf8_lossy(&content).into_owned())
    }
}

impl IncludeLoader for RegistryReader {
    fn load(&mut self, include: &Include) -> Result<Vec<IncludedText>, String> {
        let place = &include.location;
        // A relative path is relative to the including file. The working directory of an agent is
        // arbitrary.
        let beside =
            |name: &str| Path::new(place.origin()).parent().unwrap_or(Path::new("/")).join(name);
        let candidates: Vec<PathBuf> = match &include.target {
            IncludeTarget::Relative(name) | IncludeTarget::File(name)
                if name.ends_with(".properties") =>
            {
                return self.skip_include(
                    include,
                    &format!("{name}: Java .properties files are not supported"),
                );
            }
            IncludeTarget::File(name) => vec![beside(name)],
            IncludeTarget::Relative(name)
                if INCLUDE_EXTENSIONS.iter().any(|e| name.ends_with(e)) =>
            {
                vec![beside(name)]
            }
            IncludeTarget::Relative(name) => {
                INCLUDE_EXTENSIONS.iter().map(|e| beside(&format!("{name}{e}"))).collect()
            }
            IncludeTarget::Url(name) => {
                return self.skip_include(include, &format!("{name}: only files are supported"));
            }
            IncludeTarget::Classpath(name) => {
                return self
                    .skip_include(include, &format!("{name}: the class path is not supported"));
            }
        };
        let mut found = Vec::new();
        for path in &candidates {
            match Self::read_text(self, path) {
                Ok(text) => {
                    found.push(IncludedText { origin: path.to_string_lossy().into_owned(), text });
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(format!("include of {}: {e}", path.display())),
            }
        }
        match candidates.last() {
            Some(path) if found.is_empty() && include.required => {
                Err(format!("{} is required and does not exist", path.display()))
            }
            _ => Ok(found),
        }
    }
}

impl RegistryReader {
    fn skip_include(&mut self, include: &Include, why: &str) -> Result<Vec<IncludedText>, String> {
        if include.required {
            return Err(format!("include of {why}, and it is required"));
        }
        self.skipped_includes.push(format!("{}: include skipped: {why}", include.location));
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Parses a file with this content, next to the others.
    fn read_with(
        content: &str,
        others: &[(&str, &str)],
    ) -> (Result<Document, String>, RegistryReader) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ec1.conf");
        fs::write(&path, content).unwrap();
        for (name, content) in others {
            fs::write(directory.path().join(name), content).unwrap();
        }
        fs::create_dir(directory.path().join("directory.conf")).unwrap();
        let fifo =
            std::process::Command::new("mkfifo").arg(directory.path().join("fifo.conf")).status();
        assert!(fifo.is_ok_and(|status| status.success()));
        let mut files = RegistryReader::default();
        let before = Instant::now();
        let read = files.read_document(&path);
        assert!(
            before.elapsed() < Duration::from_secs(20),
            "in a moment, on a machine however slow"
        );
        let shorter = |why: String| why.replace(&format!("{}/", directory.path().display()), "");
        (read.map_err(shorter), files)
    }

    fn text(document: &Document, path: &[&str]) -> Option<String> {
        hocon::Config::from_documents([document]).text(path).unwrap().map(|found| found.text)
    }

    #[test]
    fn include_finds_files_with_and_without_extension() {
        let others = [
            ("a.conf", "x : a, y : a"),
            ("b.conf", "y : b"),
            ("b.json", "{\"y\" : \"json\", \"z\" : \"json\"}"),
            ("c.conf", "include \"a\""),
        ];
        let content = "include \"a.conf\", include \"b\"\nin { include required(file(\"c.conf\")) }\ninclude \"none\"";
        let (document, files) = read_with(content, &others);
        let document = document.unwrap();
        for (path, value) in
            [(&["x"][..], "a"), (&["y"], "b"), (&["z"], "json"), (&["in", "x"], "a")]
        {
            assert_eq!(text(&document, path).as_deref(), Some(value), "{path:?}");
        }
        assert_eq!((files.files_read, files.skipped_includes.len()), (6, 0));
    }

    #[test]
    fn include_of_a_non_regular_or_broken_file_is_refused_by_name() {
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
            (
                "include required(\"none\")",
                Some("ec1.conf:1: none.conf is required and does not exist"),
            ),
            ("include \"long\"", Some("ec1.conf:1: include of long.conf: is longer than 256 KiB")),
            // Another encoding does not make a file unreadable.
            ("include \"latin\"", None),
            (
                "include required(url(\"http://x\"))",
                Some(
                    "ec1.conf:1: include of http://x: only files are supported, and it is required",
                ),
            ),
            (
                "include \"broken\"",
                Some("broken.conf:2: expected '}' for that in line 1, found the end of the file"),
            ),
        ] {
            let long = "#".repeat(limits::FILE_BYTES + 1);
            let directory = tempfile::tempdir().unwrap();
            let latin = directory.path().join("latin.conf");
            fs::write(&latin, b"a : \xe4").unwrap();
            let content = content.replace("latin", latin.with_extension("").to_str().unwrap());
            let others = [("long.conf", long.as_str()), ("broken.conf", "a {\nb : 1\n")];
            let why = read_with(&content, &others).0.err();
            let why = why.map(|why| why.replace(&format!("{}/", directory.path().display()), ""));
            assert_eq!(why.as_deref(), said, "{content}");
        }
    }

    #[test]
    fn includes_stop_at_the_limit_of_files_and_bytes() {
        let others: Vec<(String, String)> =
            (0..70).map(|i| (format!("{i}.conf"), String::new())).collect();
        let others: Vec<(&str, &str)> =
            others.iter().map(|(n, c)| (n.as_str(), c.as_str())).collect();
        let content =
            (0..70).map(|i| format!("include \"{i}.conf\"")).collect::<Vec<_>>().join("\n");
        let why = read_with(&content, &others).0.unwrap_err();
        assert_eq!(why, "ec1.conf:64: include of 63.conf: exceeds the limit of 64 files per pico");
        let full = format!("x : \"{}\"", "x".repeat(200 << 10));
        let others: Vec<(&str, &str)> = others.iter().map(|(n, _)| (*n, full.as_str())).collect();
        let why = read_with(&content, &others).0.unwrap_err();
        assert_eq!(
            why,
            "ec1.conf:6: include of 5.conf: is, with the files before it, longer than 1024 KiB"
        );
    }

    #[test]
    fn include_only_a_jvm_could_read_is_skipped_with_a_remark() {
        let content = "include url(\"http://x\")\ninclude classpath(\"y.conf\")\ninclude \"z.properties\"\na : 1";
        let (document, files) = read_with(content, &[]);
        assert_eq!(text(&document.unwrap(), &["a"]).as_deref(), Some("1"));
        let said = [
            "http://x: only files are",
            "y.conf: the class path is",
            "z.properties: Java .properties files are",
        ];
        assert_eq!(files.skipped_includes.len(), said.len());
        for (passed_over, said) in files.skipped_includes.iter().zip(said) {
            assert!(passed_over.contains(said), "{passed_over}");
        }
    }
}
