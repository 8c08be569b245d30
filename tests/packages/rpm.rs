//! The .rpm. No system with rpm as its package manager could be had, so it is installed into a Debian by rpm itself, with a database of
//! its own and --nodeps. So its scripts run, in rpm's order. Not shown: that the dependencies resolve by dnf and zypper, and
//! triggers of other packages.

use std::process::Command;

use testkit::{DebianRoot, packages_dir};

use crate::node::PackageNode;
use crate::{AGENTS_FOLDER, STAGED_FOLDER};

const INSTALL: &str =
    "rpm --upgrade --force --nodeps /packages/resource-agents-mediationzone-*.rpm";
const REMOVE: &str = "rpm --erase resource-agents-mediationzone";

fn query(what: &[&str]) -> String {
    let package = std::fs::read_dir(packages_dir())
        .expect("target/dist")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("resource-agents-mediationzone-") && name.ends_with(".rpm")
        });
    let output = Command::new("rpm")
        .args(["--query", "--package"])
        .args(what)
        .arg(package.expect("an .rpm"))
        .output();
    String::from_utf8(output.expect("rpm").stdout).expect("text")
}

#[test]
fn rpm_requires_the_oldest_c_library_in_use_and_no_cluster() {
    let requires = query(&["--requires"]);
    assert!(requires.contains("libc.so.6(GLIBC_2.28)(64bit)"), "{requires}");
    assert!(!requires.contains("pacemaker"), "{requires}");
    assert!(query(&["--recommends"]).contains("(pacemaker or pacemaker-remote)"));
    assert_eq!(
        query(&["--queryformat", "%{ARCH} %{BUILDHOST} %{PAYLOADCOMPRESSOR}"]),
        "x86_64 localhost xz"
    );
}

#[test]
fn rpm_and_deb_have_the_same_agents_and_pages() {
    let files = query(&["--list"]);
    for path in [
        "/usr/lib/resource-agents-mediationzone/platform",
        "/usr/lib/ocf/resource.d/mediationzone/ui",
        "/usr/lib/systemd/system/pacemaker.service.d/50-mediationzone.conf",
        "/usr/share/man/man7/ocf_mediationzone_sc.7.gz",
    ] {
        assert!(files.lines().any(|line| line == path), "no {path}: {files}");
    }
    assert!(!files.contains("needrestart"), "{files}");
}

#[test]
fn rpm_installs_upgrades_and_refuses_removal_as_the_deb_does() {
    let node = PackageNode::start(DebianRoot::Bookworm);
    node.ok("rpm --initdb");
    node.stub("getconf", "echo glibc 2.27");
    // rpm gives its scripts a path of its own.
    let with_stubs =
        format!("{INSTALL} --define '_install_script_path /usr/local/sbin:/usr/sbin:/usr/bin'");
    node.refused(&with_stubs, &["the agents need glibc 2.28 or newer"]);
    node.ok("rm /usr/local/sbin/getconf");
    // A copy that was made by hand.
    node.ok(&format!(
        "mkdir -p {AGENTS_FOLDER}; echo by hand >{AGENTS_FOLDER}/ec; chmod 755 {AGENTS_FOLDER}/ec"
    ));
    let installed_agents = format!(
        "for agent in platform ec sc ui; do
            cmp {AGENTS_FOLDER}/$agent {STAGED_FOLDER}/$agent; {AGENTS_FOLDER}/$agent meta-data >/dev/null
        done; test -z \"$(find {AGENTS_FOLDER} -name '.*')\""
    );
    node.ok(INSTALL);
    node.ok(&installed_agents);
    assert_eq!(node.ok(&format!("cat {STAGED_FOLDER}/ec.old")), "by hand\n");
    // The database owns the agents, though the script makes them.
    assert!(
        node.ok(&format!("rpm --query --file {AGENTS_FOLDER}/ui"))
            .starts_with("resource-agents-mediationzone-")
    );

    // rpm goes on after a script that fails at the end of an installation; the old agents do, too.
    node.ok(&format!(
        "printf older >>{AGENTS_FOLDER}/ui; mount --bind {AGENTS_FOLDER} {AGENTS_FOLDER}"
    ));
    node.ok(&format!("mount -o remount,bind,ro {AGENTS_FOLDER}"));
    let said = node.run(INSTALL).output;
    assert!(said.contains("cannot write") && said.contains("the old agents stay"), "{said}");
    node.ok(&format!(
        "test \"$(tail -c 5 {AGENTS_FOLDER}/ui)\" = older; {AGENTS_FOLDER}/ui meta-data >/dev/null"
    ));
    node.ok(&format!("umount {AGENTS_FOLDER}"));
    node.ok(INSTALL);
    node.ok(&installed_agents);

    node.ok("mkdir /run/mediationzone-ra; touch /run/mediationzone-ra/mz-ec1.json");
    // An upgrade is no removal.
    node.ok(&format!("printf older >>{AGENTS_FOLDER}/ui"));
    node.ok(INSTALL);
    node.ok(&installed_agents);
    node.refused(REMOVE, &["refused: resources need these agents: mz-ec1"]);
    node.ok(&installed_agents);
    node.ok(&format!("MEDIATIONZONE_RA_FORCE_REMOVAL=1 {REMOVE}"));
    let left = node.ok(&format!("ls -d {AGENTS_FOLDER} {STAGED_FOLDER} 2>/dev/null || true"));
    assert_eq!(left, "");
}

/// The scripts of both versions run, in rpm's order: those of the old one after the new agents are in place.
#[test]
fn rpm_upgrade_and_way_back_keep_the_agents() {
    let target = packages_dir().parent().expect("target").to_owned();
    let older = tempfile::tempdir().expect("a folder");
    let made = Command::new(target.join("debug/dist"))
        .args(["--package-version", "0.0.1", "--programs"])
        .arg(target.join("x86_64-unknown-linux-gnu/release"))
        .arg("--out")
        .arg(older.path().join("dist"))
        .output()
        .expect("dist");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let node = PackageNode::start(DebianRoot::Bookworm);
    node.ok("rpm --initdb");
    node.put(
        &older.path().join("dist/resource-agents-mediationzone-0.0.1-1.x86_64.rpm"),
        "/older.rpm",
    );
    let agents_run = format!(
        "for agent in platform ec sc ui; do {AGENTS_FOLDER}/$agent meta-data >/dev/null; done
        rpm --verify --nodeps resource-agents-mediationzone"
    );
    let version =
        || node.ok("rpm --query --queryformat '%{VERSION}' resource-agents-mediationzone");
    node.ok("rpm --install --nodeps /older.rpm");
    node.ok(&agents_run);
    assert_eq!(version(), "0.0.1");
    node.ok("mkdir /run/mediationzone-ra; touch /run/mediationzone-ra/mz-ec1.json");
    for (install, is_older) in [
        ("rpm --upgrade --nodeps /packages/resource-agents-mediationzone-*.rpm", false),
        ("rpm --upgrade --nodeps --oldpackage /older.rpm", true),
        ("rpm --freshen --nodeps /packages/resource-agents-mediationzone-*.rpm", false),
    ] {
        node.ok(install);
        node.ok(&agents_run);
        assert_eq!(version() == "0.0.1", is_older, "{install}");
    }
}

#[test]
fn rpm_refuses_another_machine_and_a_read_only_usr() {
    let node = PackageNode::start(DebianRoot::Bookworm);
    node.ok("rpm --initdb");
    node.ok(INSTALL);
    node.stub("uname", "echo aarch64");
    let with_stubs =
        format!("{INSTALL} --define '_install_script_path /usr/local/sbin:/usr/sbin:/usr/bin'");
    node.refused(&with_stubs, &["the agents are for x86_64 (this node is aarch64)"]);
    node.ok("rm /usr/local/sbin/uname; mount --bind /usr /usr; mount -o remount,bind,ro /usr");
    // rpm itself looks for space first, and finds none on a read-only file system.
    node.refused(INSTALL, &["more space on the"]);
    node.refused(&format!("{INSTALL} --ignoresize"), &["refused: /usr/lib cannot be written"]);
    node.ok(&format!(
        "for agent in platform ec sc ui; do {AGENTS_FOLDER}/$agent meta-data >/dev/null; done"
    ));
}
