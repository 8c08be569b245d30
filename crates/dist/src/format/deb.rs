//! A .deb, by dpkg-deb.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use devtools::{TaskError, workspace};

use crate::program_check::LibraryNeeds;
use crate::release::{MAINTAINER, Release};
use crate::staging;
use crate::table::{Package, PackagedFile};

const ARCHITECTURE: &str = "amd64";

/// Returns the name of the file.
pub(crate) fn write(
    package: &Package,
    contents: &[(PackagedFile, Vec<u8>)],
    needs: &LibraryNeeds,
    release: &Release,
    work: &Path,
    out: &Path,
) -> Result<String, TaskError> {
    let root = work.join("deb").join(package.name);
    for directory in package.directories {
        staging::make_directory(&root.join(directory.trim_start_matches('/')))?;
    }
    for (file, bytes) in contents {
        staging::write(&root, file.path, file.mode, bytes)?;
    }
    let documents = format!("/usr/share/doc/{}", package.name);
    staging::write(&root, &format!("{documents}/copyright"), 0o644, copyright()?.as_bytes())?;
    let changelog = staging::gzip(changelog(package, release).as_bytes())?;
    staging::write(&root, &format!("{documents}/changelog.gz"), 0o644, &changelog)?;
    control_files(&root, package, contents, needs, release)?;
    let name = format!("{}_{}_{ARCHITECTURE}.deb", package.name, release.package_version);
    // xz, for Debian 11 knows no zstd; by one thread, for the number of threads would show in the bytes.
    let mut build = Command::new("dpkg-deb");
    build
        .args(["--root-owner-group", "-Zxz", "--threads-max=1", "--build"])
        .arg(&root)
        .arg(out.join(&name));
    workspace::run_checked(build.env("SOURCE_DATE_EPOCH", &release.epoch))?;
    Ok(name)
}

fn control_files(
    root: &Path,
    package: &Package,
    contents: &[(PackagedFile, Vec<u8>)],
    needs: &LibraryNeeds,
    release: &Release,
) -> Result<(), TaskError> {
    let mut size = Command::new("du");
    size.args(["--summarize", "--apparent-size", "--block-size=1024"]).arg(root);
    let size = workspace::printed(&mut size)?;
    let size = size.split_whitespace().next().unwrap_or("0");
    let control = control(package, needs, release, size);
    let mut sums = Command::new("bash");
    sums.args(["-c", "find * -type f | LC_ALL=C sort | xargs md5sum"]).current_dir(root);
    let sums = workspace::run_checked(&mut sums)?.stdout;
    staging::write(root, "/DEBIAN/control", 0o644, control.as_bytes())?;
    staging::write(root, "/DEBIAN/md5sums", 0o644, &sums)?;
    let paths = contents.iter().map(|(file, _)| file.path);
    let configuration: Vec<&str> = paths.filter(|path| path.starts_with("/etc/")).collect();
    if !configuration.is_empty() {
        let list = configuration.join("\n") + "\n";
        staging::write(root, "/DEBIAN/conffiles", 0o644, list.as_bytes())?;
    }
    if package.scripts {
        for name in ["preinst", "postinst", "prerm", "postrm"] {
            let script = format!("#!/bin/sh\nset -e\n{}", super::script("debian", name)?);
            staging::write(root, &format!("/DEBIAN/{name}"), 0o755, script.as_bytes())?;
        }
    }
    Ok(())
}

fn control(package: &Package, needs: &LibraryNeeds, release: &Release, size: &str) -> String {
    let (major, minor) = needs.glibc;
    let mut control = format!(
        "Package: {}\nVersion: {}\nArchitecture: {ARCHITECTURE}\nMaintainer: {MAINTAINER}\n\
         Installed-Size: {size}\nDepends: libc6 (>= {major}.{minor})\n",
        package.name, release.package_version
    );
    if let Some(recommends) = package.recommends {
        let _ = writeln!(control, "Recommends: {}", recommends.deb);
    }
    let _ = write!(
        control,
        "Section: {}\nPriority: optional\nDescription: {}\n",
        package.section, package.summary
    );
    for (number, paragraph) in package.description.iter().enumerate() {
        if number > 0 {
            control.push_str(" .\n");
        }
        for line in super::wrap(paragraph, 76) {
            let _ = writeln!(control, " {line}");
        }
    }
    control
}

fn changelog(package: &Package, release: &Release) -> String {
    format!(
        "{} ({}) unstable; urgency=medium\n\n  * {}.\n\n -- {MAINTAINER}  {}\n",
        package.name, release.package_version, release.program_version, release.deb_date
    )
}

/// In Debian's machine-readable form.
fn copyright() -> Result<String, TaskError> {
    let path = workspace::root().join("LICENSE-MIT");
    let mit = fs::read_to_string(&path).map_err(TaskError::file("read", &path))?;
    let holder =
        mit.lines().find(|line| line.starts_with("Copyright")).unwrap_or("Copyright the authors");
    let body: String = mit
        .lines()
        .skip_while(|line| !line.starts_with("Permission"))
        .map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
         Files: *\nCopyright: {}\nLicense: MIT or Apache-2.0\n\n\
         License: MIT\n{body}\n\
         License: Apache-2.0\n See /usr/share/common-licenses/Apache-2.0.\n",
        holder.trim_start_matches("Copyright").trim_start_matches(" (c)").trim()
    ))
}
