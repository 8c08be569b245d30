//! The product's registry: files in HOCON that the owner of the installation writes.

use crate::{assertions::assert_valid_reason, split_input};
use ocf::exit_reason;
use pico::product::{RegistryState, find_pico};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of one file: larger ones find nothing else, but take longer.
const MAX_FILE_BYTES: usize = 1024;

/// Below the registry: the pico's own file first, then those from which it may inherit, and another pico's.
const REGISTRY_FILES: [&str; 5] = [
    ".active/containers/c/picos/ec1.conf",
    "master/templates/mz/picos/t.conf",
    ".active/containers/c/container.conf",
    ".active/cell.conf",
    ".active/containers/c/picos/ec2.conf",
];

/// `bytes` are the content of five files, with [`SEPARATOR`](crate::SEPARATOR) between them. An empty one
/// does not exist, except the first.
///
/// - Nothing panics, nothing takes long (the fuzzer detects that).
/// - A value is within its limits; an unreadable one is reported in a line.
///
/// Included files are read as well: only regular files, with limits of number and size.
pub fn registry(bytes: &[u8]) {
    let files: [&[u8]; 5] = split_input(bytes);
    if files.iter().any(|file| file.len() > MAX_FILE_BYTES) {
        return;
    }
    FILES_ON_DISK.with_borrow_mut(|installation| {
        installation.write(files);
        check_registry(&installation.home);
    });
}

fn check_registry(home: &Path) {
    let name = "ec1".parse().expect("a name");
    match find_pico(home, None, &name) {
        RegistryState::Defined(facts) => {
            assert_eq!(facts.container, "c");
            assert!(facts.ha.interval >= 40);
            let endpoints = [&facts.ha.endpoint, &facts.platform].into_iter().flatten();
            assert!(endpoints.clone().all(|e| e.port != 0 && !e.host.is_empty()));
            assert!(facts.ports.iter().all(|(_, port)| *port != 0));
            assert!(facts.same_ha_port.iter().all(|other| other == "ec2"));
            assert!(facts.same_ha_port.is_empty() || facts.ha.endpoint.is_some());
            assert_ne!(facts.server_host.as_deref(), Some(""));
            assert!(facts.service_ports.is_none_or(|(first, last)| 0 < first && first <= last));
            for problem in &facts.problems {
                assert_valid_reason(&problem.to_string(), exit_reason::PREFIX);
            }
            let named = |why| facts.problems.iter().any(|problem| problem.to_string() == why);
            assert!(facts.ha.unclear.is_none_or(named), "what is not clear is a problem");
        }
        RegistryState::Unreadable(why) => assert_valid_reason(&why, exit_reason::PREFIX),
        other => panic!("the pico is defined once: {other:?}"),
    }
}

/// The files on disk. Only a difference from the last input is written.
struct RegistryFiles {
    home: PathBuf,
    written: [Option<Vec<u8>>; 5],
    _directory: tempfile::TempDir,
}

thread_local! {
    static FILES_ON_DISK: RefCell<RegistryFiles> = RefCell::new(RegistryFiles::new());
}

impl RegistryFiles {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let home = directory.path().to_owned();
        for file in REGISTRY_FILES {
            let path = Self::path(&home, file);
            fs::create_dir_all(path.parent().expect("it is below home")).expect("a directory");
        }
        Self { home, written: Default::default(), _directory: directory }
    }

    fn path(home: &Path, file: &str) -> PathBuf {
        home.join("common/config/cell/default").join(file)
    }

    fn write(&mut self, files: [&[u8]; 5]) {
        for (at, content) in files.into_iter().enumerate() {
            let wanted = (at == 0 || !content.is_empty()).then_some(content);
            if self.written[at].as_deref() == wanted {
                continue;
            }
            let path = Self::path(&self.home, REGISTRY_FILES[at]);
            match wanted {
                Some(content) => fs::write(&path, content),
                None => fs::remove_file(&path),
            }
            .expect("the directory is ours");
            self.written[at] = wanted.map(<[u8]>::to_owned);
        }
    }
}
