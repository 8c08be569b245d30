//! The installation of a process as that process sees it: in a mount namespace of its own, or on storage that
//! hangs.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, describe_processes, fixture};
use testkit::{HungOperation, HungStorage, NodeProcess, TestResult, TestkitError};

use crate::process_cases::{
    CONFIGNAME_OPTION, ExpectedRole, PICO_MAIN_CLASS, check_on_shared_node, process_case,
};

/// An action that accessed another user's hung storage would take longer.
const MAX_WALL_TIME: Duration = Duration::from_secs(3);

/// A java of the owner in a mount namespace of its own is the Platform if its home resolves there to our
/// directory, by whatever path. It is ignored if another directory is mounted there.
#[test]
fn java_in_other_mount_namespace_is_identified_by_location_of_its_home() -> TestResult {
    let named = |home: &str| {
        let home = format!("-Dmz.home={home}");
        FakeProcess::for_java(&["java", &home, CONFIGNAME_OPTION, PICO_MAIN_CLASS, "platform"])
    };
    check_on_shared_node(vec![
        process_case(
            "the same directory",
            ExpectedRole::Pico,
            named("/opt/mz").in_mount_namespace("true"),
        ),
        process_case(
            "the same directory, by MZ_HOME",
            ExpectedRole::Pico,
            FakeProcess::for_java(&["java", CONFIGNAME_OPTION, PICO_MAIN_CLASS])
                .env("MZ_HOME", "/opt/mz")
                .in_mount_namespace("true"),
        ),
        process_case(
            "the same directory by another path",
            ExpectedRole::Pico,
            named("/opt/there")
                .in_mount_namespace("mkdir -p /opt/there; mount --bind /opt/mz /opt/there"),
        ),
        process_case(
            "the same directory by a link that only leads there in that namespace",
            ExpectedRole::Pico,
            named("/srv/link/mz")
                .in_mount_namespace("mount -t tmpfs tmpfs /srv; ln -s /opt /srv/link"),
        ),
        process_case(
            "the same directory, to be in",
            ExpectedRole::Pico,
            named(".").directory("/opt/mz").in_mount_namespace("true"),
        ),
        process_case(
            "another file system under the same path",
            ExpectedRole::Ignored,
            named("/opt/mz").in_mount_namespace("mount -t tmpfs tmpfs /opt/mz"),
        ),
        process_case(
            "another directory of the same file system under the same path",
            ExpectedRole::Ignored,
            named("/opt/mz")
                .in_mount_namespace("mkdir -p /opt/theirs; mount --bind /opt/theirs /opt/mz"),
        ),
        process_case(
            "another file system under the same path, to be in",
            ExpectedRole::Ignored,
            named(".").directory("/opt/mz").in_mount_namespace("mount -t tmpfs tmpfs /opt/mz"),
        ),
    ])
}

/// Homes of another installation, and for each the directory that hangs.
const OTHER_HOMES: [(&str, &str); 2] =
    [("/opt/other", "/opt/other"), ("/opt/storage", "/opt/storage/other")];

/// A second installation of the same user, with a running Platform and storage that hangs.
fn fixture_beside_hung_installation(
    (storage, home): (&str, &str),
) -> Result<(Fixture, NodeProcess, HungStorage), TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh(&format!("mkdir -p {storage}"))?;
    fixture.install_second(home, &["--free-ports", "--set", "start_time=50ms"])?;
    fixture.mzsh_in(home, &["startup", "platform"])?.expect_code(0)?;
    let other = fixture.single_pico_in(home, "platform")?;
    let hung = fixture.node.hang_storage(storage, HungOperation::Everything)?;
    Ok((fixture, other, hung))
}

/// However many scans have met the other installation, at most one process waits for its storage.
#[track_caller]
fn assert_at_most_one_in_state_d(fixture: &Fixture) -> TestResult {
    let mut left = fixture.processes()?;
    left.retain(|process| process.state == 'D');
    assert!(left.len() <= 1, "{}", describe_processes(&left));
    Ok(())
}

/// The Platform of another installation with hung storage makes no answer about ours uncertain and is left
/// alone. Probe and monitors answer "not running" at once, and a stop succeeds at once. No action leaves a
/// process that waits for that storage.
#[test]
fn hung_storage_of_other_installation_leaves_own_state_certain() -> TestResult {
    for other in OTHER_HOMES {
        let (fixture, other, hung) = fixture_beside_hung_installation(other)?;
        for _ in 0..3 {
            for level in [0, 10] {
                let ran = fixture.monitor(level)?.assert_exit_code(OCF_NOT_RUNNING);
                assert!(ran.wall_time < MAX_WALL_TIME, "{ran}");
            }
            let probe = fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
            assert!(probe.wall_time < MAX_WALL_TIME, "{probe}");
            let stop = fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert!(stop.wall_time < MAX_WALL_TIME, "{stop}");
            assert_at_most_one_in_state_d(&fixture)?;
        }
        assert!(fixture.is_alive(&other)?);
        hung.release();
    }
    Ok(())
}

/// Beside another installation with hung storage our own Platform starts, is healthy at each depth, and
/// stops, as without it.
#[test]
fn hung_storage_of_other_installation_delays_no_own_action() -> TestResult {
    for other in OTHER_HOMES {
        let (fixture, other, hung) = fixture_beside_hung_installation(other)?;
        for _ in 0..2 {
            fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            for level in [0, 10, 20] {
                let ran = fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
                assert!(ran.wall_time < MAX_WALL_TIME, "{ran}");
            }
            // Without a record a scan has to find our Platform beside the other one.
            fixture.sh(&format!("rm {}", fixture.record_path()))?;
            let probe = fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert!(probe.wall_time < MAX_WALL_TIME, "{probe}");
            fixture.stop()?.assert_exit_code(OCF_SUCCESS);
            assert!(fixture.pico_processes("platform")?.is_empty());
            assert_at_most_one_in_state_d(&fixture)?;
        }
        assert!(fixture.is_alive(&other)?);
        hung.release();
    }
    Ok(())
}
