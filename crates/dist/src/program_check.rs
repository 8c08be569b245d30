//! The gate on the programs that ship.

use std::fs;
use std::path::{Path, PathBuf};

use devtools::TaskError;
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::ElfFile;

use crate::table;
use crate::zig::GLIBC;

/// Parts of the C library itself; each system has them.
const LIBRARIES: &[&str] = &[
    "libc.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "libm.so.6",
    "librt.so.1",
    "ld-linux-x86-64.so.2",
];

/// What a program needs of the C library.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LibraryNeeds {
    libraries: Vec<String>,
    /// The highest version of its symbols.
    pub(crate) glibc: (u32, u32),
    /// Versions without a number, such as `GLIBC_ABI_DT_RELR` (glibc 2.36).
    unnumbered: Vec<String>,
}

/// Fails with a line for each finding; returns what all of them need together.
pub(crate) fn check_all(folder: &Path, build_paths: &[PathBuf]) -> Result<LibraryNeeds, TaskError> {
    let mut findings = Vec::new();
    let mut all = LibraryNeeds::default();
    for name in table::programs() {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(TaskError::file("read", &path))?;
        let needs = read_needs(&bytes).map_err(TaskError::unreadable(name))?;
        if needs.glibc > GLIBC {
            let ((major, minor), (most, most_minor)) = (needs.glibc, GLIBC);
            findings.push(format!(
                "{name} needs GLIBC_{major}.{minor}, at most GLIBC_{most}.{most_minor}"
            ));
        }
        let foreign =
            needs.libraries.iter().filter(|library| !LIBRARIES.contains(&library.as_str()));
        findings.extend(
            foreign.map(|library| format!("{name} needs {library}, which is not the C library's")),
        );
        findings.extend(needs.unnumbered.iter().map(|version| {
            format!("{name} needs {version}, at most GLIBC_{}.{}", GLIBC.0, GLIBC.1)
        }));
        let inside =
            build_paths.iter().filter(|path| contains(&bytes, path.as_os_str().as_encoded_bytes()));
        findings.extend(inside.map(|path| format!("{name} contains the path {}", path.display())));
        all.glibc = all.glibc.max(needs.glibc);
    }
    if findings.is_empty() { Ok(all) } else { Err(TaskError::InconsistentTable(findings)) }
}

fn read_needs(bytes: &[u8]) -> object::read::Result<LibraryNeeds> {
    let file = ElfFile::<FileHeader64<Endianness>>::parse(bytes)?;
    let (endian, sections) = (file.endian(), file.elf_section_table());
    let mut needs = LibraryNeeds::default();
    if let Some((mut files, link)) = sections.gnu_verneed(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        while let Some((_, mut versions)) = files.next()? {
            while let Some(version) = versions.next()? {
                let name = String::from_utf8_lossy(version.name(endian, strings)?);
                match glibc_version(&name) {
                    Some(version) => needs.glibc = needs.glibc.max(version),
                    None => needs.unnumbered.push(name.into_owned()),
                }
            }
        }
    }
    if let Some((entries, link)) = sections.dynamic(endian, bytes)? {
        let strings = sections.strings(endian, bytes, link)?;
        for entry in entries.iter().filter(|entry| entry.d_tag.get(endian) == DT_NEEDED) {
            let offset = u32::try_from(entry.d_val.get(endian)).unwrap_or(u32::MAX);
            let name = strings.get(offset).unwrap_or_default();
            needs.libraries.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(needs)
}

/// Major and minor version: 2.2 for `GLIBC_2.2.5`.
fn glibc_version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_version_compares_by_number() {
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some((2, 2)));
        assert!(glibc_version("GLIBC_2.34") > glibc_version("GLIBC_2.4"));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version("GCC_3.0"), None);
    }

    /// The test program itself is dynamic and linked with the C library.
    #[test]
    fn needs_of_a_program_are_read() {
        let own = std::env::current_exe().and_then(fs::read).unwrap();
        let needs = read_needs(&own).unwrap();
        assert!(needs.libraries.iter().any(|library| library == "libc.so.6"), "{needs:?}");
        assert!(needs.glibc >= (2, 2), "{needs:?}");
        assert!(read_needs(b"#!/bin/sh\n").is_err());
    }
}
