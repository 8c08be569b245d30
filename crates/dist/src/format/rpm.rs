//! An .rpm, by rpmbuild: its dependency generator names the versions of the C library that the programs need.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use devtools::{TaskError, workspace};

use crate::release::{MAINTAINER, Release};
use crate::staging;
use crate::table::{Package, PackagedFile};

/// Keeps the build host's name out of the package, and the files unchanged.
const MACROS: &[(&str, &str)] = &[
    ("_binary_filedigest_algorithm", "8"),
    // zstd came with rpm 4.14, and not everywhere.
    ("_binary_payload", "w6.xzdio"),
    ("_build_id_links", "none"),
    ("_buildhost", "localhost"),
    ("__os_install_post", "%{nil}"),
    ("_source_filedigest_algorithm", "8"),
    ("_unpackaged_files_terminate_build", "1"),
    ("clamp_mtime_to_source_date_epoch", "1"),
    ("debug_package", "%{nil}"),
    ("use_source_date_epoch_as_buildtime", "1"),
];

/// Returns the name of the file.
pub(crate) fn write(
    package: &Package,
    contents: &[(PackagedFile, Vec<u8>)],
    release: &Release,
    work: &Path,
    out: &Path,
) -> Result<String, TaskError> {
    let top = work.join("rpm").join(package.name);
    let root = top.join("root");
    let contents: Vec<_> = contents.iter().filter(|(file, _)| !file.only_deb).collect();
    for directory in package.directories {
        staging::make_directory(&root.join(directory.trim_start_matches('/')))?;
    }
    for (file, bytes) in &contents {
        staging::write(&root, &path(file), file.mode, bytes)?;
    }
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let text = workspace::root().join(license);
        let text = fs::read(&text).map_err(TaskError::file("read", &text))?;
        staging::write(&root, &license_path(package, license), 0o644, &text)?;
    }
    let files: Vec<PackagedFile> = contents.iter().map(|(file, _)| *file).collect();
    let spec = top.join(format!("{}.spec", package.name));
    fs::write(&spec, spec_text(package, &files, release)?)
        .map_err(TaskError::file("write", &spec))?;
    let mut build = Command::new("rpmbuild");
    build
        .args(["-bb", "--quiet", "--target", super::MACHINE, "--buildroot"])
        .arg(top.join("buildroot"));
    for (name, value) in MACROS {
        build.arg("--define").arg(format!("{name} {value}"));
    }
    build.arg("--define").arg(format!("_topdir {}", top.display()));
    build.arg("--define").arg(format!("contents {}", root.display()));
    workspace::run_checked(build.arg(&spec).env("SOURCE_DATE_EPOCH", &release.epoch))?;
    let name = format!("{}-{}-1.{}.rpm", package.name, release.package_version, super::MACHINE);
    let made: PathBuf = top.join("RPMS").join(super::MACHINE).join(&name);
    fs::copy(&made, out.join(&name)).map_err(TaskError::file("copy", &made))?;
    Ok(name)
}

/// RPM systems have another directory for completions of zsh than Debian.
fn path(file: &PackagedFile) -> String {
    file.path.replace("/zsh/vendor-completions/", "/zsh/site-functions/")
}

fn license_path(package: &Package, license: &str) -> String {
    format!("/usr/share/licenses/{}/{license}", package.name)
}

fn spec_text(
    package: &Package,
    files: &[PackagedFile],
    release: &Release,
) -> Result<String, TaskError> {
    let Package { name, summary, .. } = package;
    let version = &release.package_version;
    let mut spec = format!(
        "Name: {name}\nVersion: {version}\nRelease: 1\nSummary: {}\nLicense: MIT OR Apache-2.0\n\
         Group: Productivity/Clustering/HA\nPackager: {MAINTAINER}\n",
        capitalise(summary)
    );
    if let Some(recommends) = package.recommends {
        let _ = writeln!(spec, "Recommends: {}", recommends.rpm);
    }
    if package.scripts {
        spec.push_str("Requires(post): coreutils\nRequires(preun): coreutils, sed\n");
    }
    let description: Vec<String> =
        package.description.iter().map(|paragraph| super::wrap(paragraph, 76).join("\n")).collect();
    let _ = write!(spec, "\n%description\n{}\n", description.join("\n\n"));
    spec.push_str("\n%install\nmkdir -p %{buildroot}\ncp -a %{contents}/. %{buildroot}\n");
    for path in package.made_by_scripts {
        let _ = writeln!(spec, "touch %{{buildroot}}{path}");
    }
    if package.scripts {
        for script in ["pre", "post", "preun", "postun"] {
            // A percent sign would begin a macro.
            let text = super::script("rpm", script)?.replace('%', "%%");
            let _ = write!(spec, "\n%{script}\n{text}");
        }
    }
    spec.push_str("\n%files\n");
    for directory in package.directories {
        let _ = writeln!(spec, "%dir %attr(0755,root,root) {directory}");
    }
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let _ = writeln!(spec, "%license %attr(0644,root,root) {}", license_path(package, license));
    }
    for file in files {
        let _ = writeln!(spec, "%attr(0{:o},root,root) {}", file.mode, path(file));
    }
    for path in package.made_by_scripts {
        let _ = writeln!(spec, "%ghost %attr(0755,root,root) {path}");
    }
    let _ = write!(
        spec,
        "\n%changelog\n* {} {MAINTAINER} - {version}-1\n- {}\n",
        release.rpm_date, release.program_version
    );
    Ok(spec)
}

fn capitalise(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
