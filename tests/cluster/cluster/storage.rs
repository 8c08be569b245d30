//! Storage that does not answer: whoever asks for anything below it sleeps in state D, and no signal ends that.

use std::time::{Duration, Instant};

use lab::Done;
use lab::site::{EC_HOME, HOME, site};

/// For this long it hangs.
const HANGS: Duration = Duration::from_secs(60);

/// The storage of the Platform and that of an EC and an SC hang for a minute and come back: nothing is restarted, and no monitor has
/// failed.
#[test]
fn hangs_for_a_minute() -> Done {
    let site = site().up()?;
    let hung = [("n1", HOME), ("n3", EC_HOME)];
    site.fault("the installations on n1 and n3 hang");
    for (node, home) in hung {
        site.node(node).hang(home, "all")?;
    }
    let since = Instant::now();
    // The scenario is made of this time.
    site.lab.until("a minute to pass", 2 * HANGS, |_| {
        Ok(if since.elapsed() < HANGS { Err(format!("{:?}", since.elapsed())) } else { Ok(()) })
    })?;
    // That a check met it, and was not stopped by it.
    site.until_logged("n1", &["platform", "WARNING", HOME, "has not answered"])?;
    site.until_logged("n3", &["ec1", "WARNING", EC_HOME, "has not answered"])?;
    site.fault("the storage is back");
    for (node, home) in hung {
        site.node(node).release(home)?;
    }
    site.lab.settle()?;
    site.nothing_failed()?;
    site.witnessed(&[])
}

/// An EC that dies while its storage hangs fails to start there in its time, and runs on the other node; its neighbour on the same
/// storage goes on.
#[test]
fn ec_dies_while_it_hangs() -> Done {
    let site = site().in_primitive("mz-ec1", "op start timeout=420s", "op start timeout=30s").up()?;
    let before = site.one("ec1")?;
    site.node("n3").hang(EC_HOME, "all")?;
    site.fault("kill -9 of ec1, whose installation on n3 hangs");
    site.signal(&before, "KILL")?;
    site.until_ready("ec1", "n2")?;
    site.lab.settle()?;
    let status = site.lab.status()?;
    let said = status.failures.iter().find(|failure| failure.starts_with("mz-ec1_start_0 on n3"));
    assert!(said.is_some_and(|said| said.contains(EC_HOME) && said.contains("has not answered")), "{status}");
    assert_eq!(site.fenced("n3")?, 0);
    site.node("n3").release(EC_HOME)?;
    site.witnessed(&[("ec1", &["n2"], 2)])
}
