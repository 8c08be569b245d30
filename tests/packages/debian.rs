//! Installation, upgrade and removal of the .deb.

use testkit::DebianRoot;

use crate::node::PackageNode;
use crate::{AGENTS_FOLDER, INSTALL, OLDER_PACKAGE, STAGED_FOLDER, with_older_package};

/// The agents in their folder are those of the older package, and run.
const OLDER_AGENTS_WORK: &str = "for agent in platform ec sc ui; do
    test \"$(tail -c 5 /usr/lib/ocf/resource.d/mediationzone/$agent)\" = older
    /usr/lib/ocf/resource.d/mediationzone/$agent meta-data >/dev/null
done
test -z \"$(find /usr/lib/ocf/resource.d/mediationzone -name '.*.new')\"";

/// The agents in their folder are those that the package brought.
const NEW_AGENTS_WORK: &str = "for agent in platform ec sc ui; do
    cmp /usr/lib/ocf/resource.d/mediationzone/$agent /usr/lib/resource-agents-mediationzone/$agent
    /usr/lib/ocf/resource.d/mediationzone/$agent meta-data >/dev/null
done
test \"$(ls -A /usr/lib/ocf/resource.d/mediationzone | tr '\\n' ' ')\" = 'ec platform sc ui '";

/// A page of each kind, with what stands in it.
const PAGES: [(&str, &str); 6] = [
    ("7 mediationzone-ra", "SEE ALSO"),
    ("7 ocf_mediationzone_platform", "mz_home"),
    ("8 mzha", "doctor"),
    ("8 mzha-doctor", "SYNOPSIS"),
    ("8 mz-ha-scripts", "JAVA_HOME"),
    ("1 mz-sim", "install"),
];

#[test]
fn agents_and_commands_run_on_each_debian_from_the_package() {
    for root in DebianRoot::ALL {
        let node = PackageNode::start(root);
        node.ok("dpkg -i --force-unsafe-io /packages/*.deb");
        node.ok(NEW_AGENTS_WORK);
        node.ok(&format!(
            "for agent in platform ec sc ui; do
                test \"$(stat -c '%a %U %G' {AGENTS_FOLDER}/$agent)\" = '755 root root'
                {AGENTS_FOLDER}/$agent meta-data | cmp - /usr/share/resource-agents-mediationzone/$agent.xml
                xmllint --noout --valid /usr/share/resource-agents-mediationzone/$agent.xml
            done"
        ));
        let versions = node.ok(&format!(
            "for agent in platform ec sc ui; do {AGENTS_FOLDER}/$agent --version; done
            mzha --version; mz-ha-scripts --version; mz-sim --version"
        ));
        let versions: Vec<_> = versions
            .lines()
            .map(|line| line.split_once(' ').map_or("", |(_, rest)| rest))
            .collect();
        let commit = versions[0].strip_prefix(concat!(env!("CARGO_PKG_VERSION"), "+"));
        let commit = commit.map(|commit| commit.trim_end_matches(".dirty"));
        assert!(
            commit.is_some_and(|commit| commit.len() == 12 && u64::from_str_radix(commit, 16).is_ok()),
            "{versions:?}"
        );
        assert!(versions.len() == 7, "{versions:?}");
        assert!(versions.iter().all(|version| *version == versions[0]), "{versions:?}");
        for (page, text) in PAGES {
            let shown = node.ok(&format!("MANPAGER=cat MANWIDTH=80 man {page} | col -b"));
            assert!(shown.contains(text), "{}: {page}: {shown}", root.codename());
        }
        let completed = node.ok(". /usr/share/bash-completion/completions/mz-ha-scripts
            COMP_WORDS=(mz-ha-scripts o) COMP_CWORD=1 COMPREPLY=()
            _mz__ha__scripts mz-ha-scripts o mz-ha-scripts; echo ${COMPREPLY[*]}");
        assert_eq!(completed, "online offline\n");
        node.ok("dpkg --purge resource-agents-mediationzone mzha mzha-sim");
        let left = node.ok(&format!(
            "ls -d {AGENTS_FOLDER} {STAGED_FOLDER} /usr/sbin/mz* 2>/dev/null || true"
        ));
        assert_eq!(left, "", "{}", root.codename());
    }
}

#[test]
fn ocf_tester_passes_with_the_installed_agents_on_each_debian() {
    for root in DebianRoot::ALL {
        let node = PackageNode::start(root);
        node.ok("dpkg -i --force-unsafe-io /packages/*.deb
            useradd --uid 4711 mzadmin
            mz-sim install /opt/mz --owner mzadmin --free-ports --pico platform:platform --set start_time=50ms \
                --set mzsh_time=0ms --set shutdown_retry=200ms");
        let tested = node.ok(&format!(
            "OCF_RESKEY_mz_home=/opt/mz OCF_CHECK_LEVEL=10 {AGENTS_FOLDER}/platform validate-all
            ocf-tester -n tested -o mz_home=/opt/mz {AGENTS_FOLDER}/platform"
        ));
        assert!(tested.contains("passed all tests"), "{}: {tested}", root.codename());
    }
}

#[test]
fn ocft_passes_each_case_of_the_package() {
    let node = PackageNode::start(DebianRoot::Bullseye);
    node.ok("dpkg -i --force-unsafe-io /packages/*.deb");
    // Debian makes it at boot.
    let cases = node.ok("mkdir -p /run/resource-agents
        ocft make mediationzone-platform
        ocft test mediationzone-platform");
    assert!(!cases.contains("FAILED") && !cases.contains("SKIPPED"), "{cases}");
    let runs =
        include_str!("../../packaging/ocft/mediationzone-platform").matches("AgentRun").count();
    assert_eq!(cases.matches("OK").count(), runs, "{cases}");
}

#[test]
fn upgrade_renames_new_agents_over_the_old_and_keeps_those_elsewhere() {
    for root in DebianRoot::ALL {
        let node = with_older_package(root);
        node.ok(&format!("dpkg -i --force-unsafe-io {OLDER_PACKAGE}"));
        node.ok(OLDER_AGENTS_WORK);
        // Whoever executes an agent during the upgrade has the old file, whole, until its end.
        let inode = node.ok(&format!("stat -c %i {AGENTS_FOLDER}/ec"));
        node.ok(INSTALL);
        node.ok(NEW_AGENTS_WORK);
        assert_ne!(node.ok(&format!("stat -c %i {AGENTS_FOLDER}/ec")), inode);
        assert_eq!(node.ok(&format!("tail -c 5 {STAGED_FOLDER}/ec.old")), "older");
        // And back.
        node.ok(&format!("dpkg -i --force-unsafe-io --force-downgrade {OLDER_PACKAGE}"));
        node.ok(OLDER_AGENTS_WORK);
    }
}

#[test]
fn agents_that_do_not_run_here_leave_the_old_ones() {
    let node = with_older_package(DebianRoot::Bullseye);
    node.ok(&format!("dpkg -i --force-unsafe-io {OLDER_PACKAGE}"));
    // The loader's own answer to a program that was built for a newer C library.
    node.ok(&format!(
        "dpkg-deb -R /packages/resource-agents-mediationzone_*.deb /tmp/new
        sed -i 's/GLIBC_2\\.28/GLIBC_9.99/' /tmp/new{STAGED_FOLDER}/ui
        dpkg-deb -Znone --build /tmp/new /tmp/new.deb"
    ));
    node.refused(
        "dpkg -i --force-unsafe-io /tmp/new.deb",
        &["the new ui does not run on this node", "GLIBC_9.99", "the old agents stay"],
    );
    node.ok(OLDER_AGENTS_WORK);
    node.ok(INSTALL);
    node.ok(NEW_AGENTS_WORK);
}

#[test]
fn old_c_library_and_other_machine_are_refused_before_anything_is_unpacked() {
    let node = with_older_package(DebianRoot::Bookworm);
    node.ok(&format!("dpkg -i --force-unsafe-io {OLDER_PACKAGE}"));
    let stubs = [
        ("getconf", "echo glibc 2.27", "the agents need glibc 2.28 or newer (this node has 2.27)"),
        ("getconf", "exit 1", "no GNU C library found"),
        ("uname", "echo aarch64", "the agents are for x86_64 (this node is aarch64)"),
    ];
    for (program, body, reason) in stubs {
        node.stub(program, body);
        node.refused(INSTALL, &["refused:", reason]);
        node.ok(&format!("rm /usr/local/sbin/{program}"));
        node.ok(OLDER_AGENTS_WORK);
        assert_eq!(node.ok("dpkg-query -W -f '${Version}' resource-agents-mediationzone"), "0.0.1");
        assert_eq!(node.ok(&format!("tail -c 5 {STAGED_FOLDER}/ec")), "older");
    }
    for libc in ["2.28", "2.9.9", "2.100", "3.0"] {
        node.stub("getconf", &format!("echo glibc {libc}"));
        assert_eq!(node.run(INSTALL).success, libc != "2.9.9", "{libc}");
    }
}

#[test]
fn package_for_another_machine_leaves_the_old_agents() {
    let node = with_older_package(DebianRoot::Bookworm);
    node.ok(&format!("dpkg -i --force-unsafe-io {OLDER_PACKAGE}"));
    node.ok("dpkg-deb -R /packages/resource-agents-mediationzone_*.deb /tmp/other
        sed -i 's/^Architecture: .*/Architecture: arm64/' /tmp/other/DEBIAN/control
        dpkg-deb -Znone --build /tmp/other /tmp/other.deb");
    let install = "--force-unsafe-io -i /tmp/other.deb";
    node.refused(
        &format!("dpkg {install}"),
        &["package architecture (arm64) does not match system (amd64)"],
    );
    node.ok(OLDER_AGENTS_WORK);
    // Who forces dpkg meets the package's own check. A package of that machine names it there.
    node.ok("sed -i s/x86_64/aarch64/g /tmp/other/DEBIAN/preinst
        dpkg-deb -Znone --build /tmp/other /tmp/other.deb");
    node.refused(
        &format!("dpkg --force-architecture {install}"),
        &["refused: the agents are for aarch64 (this node is x86_64); use a package for x86_64"],
    );
    node.ok(OLDER_AGENTS_WORK);
}

#[test]
fn read_only_or_full_usr_leaves_the_old_agents() {
    let node = with_older_package(DebianRoot::Bookworm);
    node.ok(&format!("dpkg -i --force-unsafe-io {OLDER_PACKAGE}"));
    node.ok("mount --bind /usr /usr; mount -o remount,bind,ro /usr");
    node.refused(INSTALL, &["refused: /usr/lib cannot be written", "mount -o remount,rw /usr"]);
    node.ok(OLDER_AGENTS_WORK);
    node.ok("mount -o remount,bind,rw /usr");
    node.stub("df", "echo Filesystem; echo '/dev/vda2 1000000 990000 10000 99% /usr'");
    node.refused(INSTALL, &["refused: /usr/lib has 10000 KiB free", "free some space"]);
    node.ok(OLDER_AGENTS_WORK);
    node.ok("rm /usr/local/sbin/df");
    // Full for dpkg itself, which then takes back what it has unpacked.
    node.ok(&format!(
        "cp -a {STAGED_FOLDER} /tmp/staged
        mount -t tmpfs -o size=$(($(du -sk /tmp/staged | cut -f1) + 64))k full {STAGED_FOLDER}
        cp -a /tmp/staged/. {STAGED_FOLDER}"
    ));
    node.refused(INSTALL, &["No space left on device"]);
    node.ok(OLDER_AGENTS_WORK);
    node.ok(&format!("umount {STAGED_FOLDER}"));
    node.ok(INSTALL);
    node.ok(NEW_AGENTS_WORK);
}

#[test]
fn hand_made_copy_is_replaced_and_kept_where_crm_lists_no_agents() {
    let node = PackageNode::start(DebianRoot::Bookworm);
    node.ok(&format!(
        "mkdir -p {AGENTS_FOLDER}
        for agent in platform ec; do printf '#!/bin/sh\\n# by hand\\n' >{AGENTS_FOLDER}/$agent; chmod 755 {AGENTS_FOLDER}/$agent; done"
    ));
    node.ok(INSTALL);
    node.ok(NEW_AGENTS_WORK);
    assert!(node.ok(&format!("cat {STAGED_FOLDER}/platform.old")).contains("by hand"));
    let kept = node.ok(&format!("ls {STAGED_FOLDER}"));
    assert_eq!(
        kept.split_whitespace().collect::<Vec<_>>(),
        ["ec", "ec.old", "platform", "platform.old", "sc", "ui"]
    );
}

#[test]
fn full_disk_and_read_only_folder_leave_the_old_agents() {
    let node = with_older_package(DebianRoot::Bookworm);
    node.ok(&format!("dpkg -i --force-unsafe-io {OLDER_PACKAGE}"));
    // The old agents fill it but for 64 KiB.
    node.ok(&format!(
        "cp -a {AGENTS_FOLDER} /tmp/agents
        mount -t tmpfs -o size=$(($(du -sk /tmp/agents | cut -f1) + 64))k full {AGENTS_FOLDER}
        cp -a /tmp/agents/. {AGENTS_FOLDER}"
    ));
    node.refused(INSTALL, &["cannot write", "the old agents stay", "free some space"]);
    node.ok(OLDER_AGENTS_WORK);
    node.ok(&format!("mount -o remount,ro,size=1g {AGENTS_FOLDER}"));
    node.refused(INSTALL, &["cannot write", "the old agents stay"]);
    node.ok(OLDER_AGENTS_WORK);
    node.ok(&format!("mount -o remount,rw {AGENTS_FOLDER}"));
    node.ok(INSTALL);
    node.ok(NEW_AGENTS_WORK);
}

/// Of Pacemaker 2.1.5: mz-ec1 and an instance of the clone mz-ui are active on n1, mz-platform and the other instance on n2, mz-sc1 is
/// stopped.
const CRM_MON: &str = include_str!("crm_mon.xml");

const REMOVE: &str = "dpkg --remove resource-agents-mediationzone";

/// Commands of a cluster, as they answer on this node.
fn cluster(node: &PackageNode, name: &str, crm_mon: &str) {
    node.stub("crm_node", &format!("echo {name}"));
    node.stub("crm_mon", &format!("cat <<'XML'\n{crm_mon}XML"));
    node.stub(
        "cibadmin",
        "echo '<primitive id=\"mz-ec1\" class=\"ocf\" provider=\"mediationzone\" type=\"ec\"/>'",
    );
}

#[test]
fn removal_is_refused_while_a_resource_is_active_here_unless_forced() {
    // Pacemaker 2.0 writes two colons.
    let of_2_0 = CRM_MON.replace("\"ocf:", "\"ocf::");
    // The history of n2 follows a resource that is active on n1.
    let ours_last = CRM_MON.replace(
        "id=\"other\" resource_agent=\"ocf:pacemaker:Dummy\"",
        "id=\"mz-ec2\" resource_agent=\"ocf:mediationzone:ec\"",
    );
    let (by_file, by_variable) =
        ("touch /run/mediationzone-ra.force-removal; ", "MEDIATIONZONE_RA_FORCE_REMOVAL=1 ");
    for (name, crm_mon, resources, force) in [
        ("n1", CRM_MON, "mz-ec1 mz-ui", by_file),
        ("n1", &of_2_0, "mz-ec1 mz-ui", by_variable),
        ("n2", &ours_last, "mz-platform mz-ui", by_file),
    ] {
        let node = with_older_package(DebianRoot::Bookworm);
        node.ok(&format!("dpkg -i --force-unsafe-io {OLDER_PACKAGE}"));
        cluster(&node, name, crm_mon);
        // An upgrade is no removal. dpkg would try once more by the new script if the old one refused.
        let upgraded = node.ok(INSTALL);
        assert!(!upgraded.contains("refused"), "{upgraded}");
        node.ok(NEW_AGENTS_WORK);
        for remove in [REMOVE, "dpkg --purge resource-agents-mediationzone"] {
            let reason = format!(
                "refused: resources need these agents: {resources} (Pacemaker runs them on this node)"
            );
            node.refused(remove, &[&reason]);
            node.ok(NEW_AGENTS_WORK);
        }
        node.ok(&format!("{force}{REMOVE}"));
        node.ok(&format!("test -z \"$(ls {AGENTS_FOLDER} 2>/dev/null)\""));
    }
}

#[test]
fn removal_warns_while_the_configuration_names_an_agent() {
    let node = PackageNode::start(DebianRoot::Bookworm);
    cluster(&node, "n3", CRM_MON);
    node.ok(INSTALL);
    let removed = node.ok(REMOVE);
    assert!(
        removed.contains("warning: the configuration of the cluster names these agents"),
        "{removed}"
    );
    // The configuration that Pacemaker left on the disk counts where it does not run.
    node.ok("rm /usr/local/sbin/crm_mon /usr/local/sbin/cibadmin /usr/local/sbin/crm_node");
    for (names, warned) in [("provider=\"mediationzone\"", true), ("provider=\"heartbeat\"", false)]
    {
        node.ok(&format!(
            "mkdir -p /var/lib/pacemaker/cib; echo '<primitive {names}/>' >/var/lib/pacemaker/cib/cib.xml"
        ));
        node.ok(INSTALL);
        assert_eq!(node.ok(REMOVE).contains("warning:"), warned, "{names}");
    }
}

#[test]
fn removal_is_refused_while_a_pico_has_a_record_and_the_cluster_does_not_answer() {
    let node = PackageNode::start(DebianRoot::Bookworm);
    node.ok(INSTALL);
    node.ok("mkdir /run/mediationzone-ra; touch /run/mediationzone-ra/mz-ec1.json");
    node.refused(
        REMOVE,
        &["refused: resources need these agents: mz-ec1 (/run/mediationzone-ra has their records"],
    );
    node.ok("rm /run/mediationzone-ra/mz-ec1.json");
    node.ok(REMOVE);
}

#[test]
fn package_asks_systemd_for_nothing_but_a_reload_of_units() {
    let node = PackageNode::start(DebianRoot::Bookworm);
    node.ok("mkdir -p /run/systemd/system");
    for program in [
        "systemctl",
        "service",
        "invoke-rc.d",
        "deb-systemd-invoke",
        "deb-systemd-helper",
        "update-rc.d",
    ] {
        node.stub(program, "echo \"${0##*/} $*\" >>/calls");
    }
    node.ok(INSTALL);
    node.ok(INSTALL);
    node.ok(REMOVE);
    let calls = node.ok("sort --unique /calls");
    assert_eq!(calls, "systemctl --system daemon-reload\n");
}

/// As needrestart reads its configuration: a hash of patterns for units, where 0 is "not selected".
#[test]
fn needrestart_does_not_select_pacemaker() {
    let node = PackageNode::start(DebianRoot::Bookworm);
    node.ok(INSTALL);
    node.ok(
        r#"perl -e '
            our %nrconf = (override_rc => {}, restart => "a");
            do "/etc/needrestart/conf.d/mediationzone.conf" // die $@;
            for my $unit ("pacemaker.service", "pacemaker_remote.service") {
                my @set = map { $nrconf{override_rc}->{$_} } grep { $unit =~ /$_/ } keys %{$nrconf{override_rc}};
                die $unit unless @set == 1 and $set[0] == 0;
            }
            die if grep { "cron.service" =~ /$_/ } keys %{$nrconf{override_rc}};'"#,
    );
}

/// A JVM in Pacemaker's control group maps a library that an update has replaced. systemd is not there: `systemctl` writes down what
/// it is asked, and the control groups are files.
#[test]
fn needrestart_restarts_another_service_and_not_pacemaker_after_an_update_of_java() {
    let node = PackageNode::start(DebianRoot::Bookworm);
    node.stub("systemctl", "echo \"systemctl $*\" >>/calls");
    let run = "mkdir -p /run/systemd/system; : >/calls; : >/pids
        mkdir -p /opt/jdk; cp /lib/x86_64-linux-gnu/libm.so.6 /opt/jdk/libjvm.so
        for unit in pacemaker cron; do
            # A child of process 1, as a daemon is: of another process, needrestart restarts the parent.
            LD_PRELOAD=/opt/jdk/libjvm.so setsid --fork bash -c 'echo $$ >/pid; exec sleep 1000' </dev/null >/dev/null 2>&1
            until [ -s /pid ] && pid=$(cat /pid) && grep -q bin/sleep /proc/$pid/maps && grep -q libjvm /proc/$pid/maps
            do sleep 0.05; done
            rm /pid; echo $pid >>/pids
            echo \"0::/system.slice/$unit.service\" >/tmp/cgroup.$unit
            mount --bind /tmp/cgroup.$unit /proc/$pid/cgroup
        done
        rm /opt/jdk/libjvm.so
        needrestart -r a -l 2>&1 || true
        cat /calls
        while read -r pid; do umount /proc/$pid/cgroup; kill $pid; done </pids";
    let without = node.ok(run);
    for unit in ["pacemaker.service", "cron.service"] {
        assert!(restarts(&without, unit), "{unit}: {without}");
    }
    node.ok(INSTALL);
    let with = node.ok(run);
    assert!(!restarts(&with, "pacemaker.service") && restarts(&with, "cron.service"), "{with}");
}

/// `systemctl restart` was called for this unit.
fn restarts(said: &str, unit: &str) -> bool {
    said.lines().any(|line| line.starts_with("systemctl restart ") && line.contains(unit))
}

/// Exit code 2: nothing could be checked that needs the cluster, and the remedies say what to do.
#[test]
fn doctor_on_a_node_without_a_cluster_says_what_is_missing() {
    for root in DebianRoot::ALL {
        let node = PackageNode::start(root);
        node.ok("dpkg -i --force-unsafe-io /packages/*.deb");
        let doctor = node.run("code=0; mzha doctor || code=$?; echo \"exit code $code\"").output;
        let words = doctor.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "ERROR configuration /usr/sbin/cibadmin: not found (install package pacemaker-cli-utils",
            "OK pidfd_open",
            "exit code 2",
        ] {
            assert!(words.contains(said), "{}: {said}: {doctor}", root.codename());
        }
        assert!(!words.contains("mediationzone/platform: not found"), "{doctor}");
    }
}

#[test]
fn node_without_pacemaker_is_told() {
    let node = PackageNode::start(DebianRoot::Bookworm);
    let told = "no Pacemaker found on this node: install pacemaker";
    let has = node.run("command -v pacemakerd || command -v pacemaker-remoted").success;
    assert_eq!(node.ok(INSTALL).contains(told), !has);
    node.stub("pacemakerd", "");
    assert!(!node.ok(INSTALL).contains(told));
}
