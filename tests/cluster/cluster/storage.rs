//! Storage that does not answer: every process that accesses it sleeps in state D, and no signal ends that.

use std::time::{Duration, Instant};

use lab::TestResult;
use lab::cluster_fixture::{EC_HOME, MZ_HOME, cluster_plan};

const HANG_TIME: Duration = Duration::from_secs(60);

/// The storage of the Platform, and that of an EC and an SC, hangs for a minute and comes back. Nothing is
/// restarted, and no monitor fails.
#[test]
fn storage_hung_for_a_minute_restarts_nothing() -> TestResult {
    let fixture = cluster_plan().up()?;
    let hung = [("n1", MZ_HOME), ("n3", EC_HOME)];
    fixture.note_fault("the installations on n1 and n3 hang");
    for (node, home) in hung {
        fixture.node(node).hang_storage(home, "all")?;
    }
    let since = Instant::now();
    // The scenario consists of this time.
    fixture.lab.wait_until("a minute to pass", 2 * HANG_TIME, |_| {
        Ok(if since.elapsed() < HANG_TIME { Err(format!("{:?}", since.elapsed())) } else { Ok(()) })
    })?;
    // A check met the hung storage and did not hang.
    fixture.wait_for_log_line("n1", &["platform", "WARNING", MZ_HOME, "has not answered"])?;
    fixture.wait_for_log_line("n3", &["ec1", "WARNING", EC_HOME, "has not answered"])?;
    fixture.note_fault("the storage is back");
    for (node, home) in hung {
        fixture.node(node).release_storage(home)?;
    }
    fixture.lab.wait_until_settled()?;
    fixture.assert_nothing_failed()?;
    fixture.finish(&[])
}

/// An EC that dies while its storage hangs fails to start there in time, and runs on the other node. Its
/// neighbour on the same storage goes on.
#[test]
fn ec_killed_on_hung_storage_moves_to_other_node() -> TestResult {
    let fixture = cluster_plan()
        .replace_in_resource("mz-ec1", "op start timeout=420s", "op start timeout=30s")
        .up()?;
    let before = fixture.single_process("ec1")?;
    fixture.node("n3").hang_storage(EC_HOME, "all")?;
    fixture.note_fault("kill -9 of ec1, whose installation on n3 hangs");
    fixture.signal(&before, "KILL")?;
    fixture.wait_until_ready("ec1", "n2")?;
    fixture.lab.wait_until_settled()?;
    let status = fixture.lab.status()?;
    let said = status.failures.iter().find(|failure| failure.starts_with("mz-ec1_start_0 on n3"));
    assert!(
        said.is_some_and(|said| said.contains(EC_HOME) && said.contains("has not answered")),
        "{status}"
    );
    assert_eq!(fixture.fencing_count("n3")?, 0);
    fixture.node("n3").release_storage(EC_HOME)?;
    fixture.finish(&[("ec1", &["n2"], 2)])
}
