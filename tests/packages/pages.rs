//! The manual pages, by those who read them.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::packages_dir;

/// All pages of all packages, unpacked.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut unpack = Command::new("bash");
    unpack.args([
        "-euc",
        "for deb in *.deb; do dpkg-deb -x $deb $0; done; find $0/usr/share/man -name '*.gz' | sort",
    ]);
    let output = unpack.arg(folder).current_dir(packages_dir()).output().expect("dpkg-deb");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("paths").lines().map(PathBuf::from).collect()
}

fn said(command: &mut Command) -> String {
    let output = command.output().expect("a tool");
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[test]
fn each_page_is_clean_for_mandoc_and_man_and_names_pages_that_exist() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = pages(folder.path());
    let name = |page: &PathBuf| page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<String> = pages.iter().map(name).collect();
    assert!(names.len() >= 10, "{names:?}");
    for page in &pages {
        let text = said(Command::new("zcat").arg(page));
        let plain = folder.path().join("page");
        std::fs::write(&plain, &text).expect("a page");
        // mandoc looks for the pages of others on this machine only, and has no database of Debian's.
        let unknown = |line: &&str| {
            !line.contains("referenced manual not found") && !line.contains("outdated mandoc.db")
        };
        let findings = said(Command::new("mandoc").arg("-Tlint").arg(&plain));
        assert_eq!(findings.lines().find(unknown), None, "{}", page.display());
        for reference in text.lines().filter_map(|line| line.strip_prefix(".Xr ")) {
            let mut words = reference.split(' ');
            let page_name = format!(
                "{}.{}",
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default()
            );
            assert!(
                page_name == "pcs.8" || names.contains(&page_name),
                "{}: {page_name}",
                page.display()
            );
        }
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"])
            .arg(page)
            .env("MANWIDTH", "80");
        man.env("LC_ALL", "C.UTF-8").env("MANROFFSEQ", "").stdout(std::process::Stdio::null());
        let output = man.stderr(std::process::Stdio::piped()).output().expect("man");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", page.display());
    }
}

/// As the metadata have them.
#[test]
fn page_of_an_agent_names_each_parameter() {
    let folder = tempfile::tempdir().expect("a folder");
    for agent in ["platform", "ec", "sc", "ui"] {
        let page = pages(folder.path());
        let page =
            page.iter().find(|page| page.ends_with(format!("ocf_mediationzone_{agent}.7.gz")));
        let text = said(Command::new("zcat").arg(page.expect("a page")));
        let metadata =
            folder.path().join(format!("usr/share/resource-agents-mediationzone/{agent}.xml"));
        let metadata = std::fs::read_to_string(metadata).expect("metadata");
        let names =
            metadata.split("<parameter name=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let mut count = 0;
        for name in names {
            assert!(text.contains(&format!(".It Va \\&{name}\n")), "{agent}: {name}");
            count += 1;
        }
        assert!(count > 20, "{agent}: {count}");
    }
}
