//! Upgrades under a cluster that executes the agents meanwhile.

use std::process::Stdio;

use testkit::DebianRoot;

use crate::{AGENTS_FOLDER, INSTALL, OLDER_PACKAGE, with_older_package};

/// Each upgrade and each way back replaces four files.
const ROUNDS: u32 = 25;

/// What Pacemaker sets for a recurring monitor.
const MONITOR: &str = "export OCF_ROOT=/usr/lib/ocf OCF_RA_VERSION_MAJOR=1 OCF_RA_VERSION_MINOR=1 OCF_RESOURCE_INSTANCE=mz \
    OCF_RESOURCE_TYPE=platform OCF_RESOURCE_PROVIDER=mediationzone OCF_RESKEY_mz_home=/opt/mz \
    OCF_RESKEY_CRM_meta_on_node=n1 OCF_RESKEY_CRM_meta_timeout=60000 OCF_RESKEY_CRM_meta_name=monitor";

/// One that asks at once, ten times a second, and one that waits: none of them fails while the package is upgraded again and again.
#[test]
fn no_monitor_fails_while_the_package_is_upgraded_again_and_again() {
    let node = with_older_package(DebianRoot::Bookworm);
    node.ok("dpkg -i --force-unsafe-io /packages/*.deb
        useradd --uid 4711 mzadmin
        mz-sim install /opt/mz --owner mzadmin --free-ports --pico platform:platform --set start_time=50ms");
    node.ok(&format!(
        "{MONITOR}; export OCF_RESKEY_CRM_meta_name=start; {AGENTS_FOLDER}/platform start"
    ));
    let pid = node.ok("pgrep -u mzadmin -o java || pgrep -o java");
    let monitors = |interval: &str, variables: &str| {
        let script = format!(
            "{MONITOR} {variables}
            count=0
            while [ ! -e /stop ]; do
                code=0; {AGENTS_FOLDER}/platform monitor 2>>/said || code=$?
                [ $code -eq 0 ] || echo \"$code\" >>/failed
                count=$((count + 1)); sleep {interval}
            done
            echo $count"
        );
        let mut command = node.command(&script);
        command.stdout(Stdio::piped()).spawn().expect("a shell")
    };
    // The interval of the first one differs, so that both are schedules of their own.
    let at_once =
        monitors("0.1", "OCF_RESKEY_CRM_meta_interval=30000 OCF_CHECK_LEVEL=0 OCF_RESKEY_wait=0");
    let waiting = monitors("1", "OCF_RESKEY_CRM_meta_interval=1000 OCF_RESKEY_wait=2s");
    node.ok(&format!(
        "for round in $(seq {ROUNDS}); do
            dpkg -i --force-unsafe-io --force-downgrade {OLDER_PACKAGE}
            {INSTALL}
        done
        touch /stop"
    ));
    let count = |child: std::process::Child| {
        let output = child.wait_with_output().expect("an end");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().expect("a number")
    };
    let counts = (count(at_once), count(waiting));
    let failed = node.run("cat /failed /said");
    assert!(!node.run("test -e /failed").success, "{counts:?}: {failed}");
    assert!(counts.0 >= ROUNDS && counts.1 > 0, "{counts:?}");
    assert_eq!(node.ok("pgrep -u mzadmin -o java || pgrep -o java"), pid, "the pico was restarted");
    println!("{} monitors, {} waiting monitors, {} replacements", counts.0, counts.1, ROUNDS * 8);
}
