//! `cargo xtask bench --look`: the cost of a scan of all processes of a node, in time and memory.
//!
//! A probe reads every process. It is measured next to a running Platform, among 150, 1,000 and
//! 10,000 processes of another user. It is also measured among processes that this user has made
//! costly. A thousand hang in the kernel, so that nobody can read their command lines. Four
//! thousand have 2 MiB of arguments each. As many plain processes in the same run are the
//! reference.

use std::time::Duration;

use devtools::TaskError;
use testkit::fake_process::{FakeProcess, FakeProcessGroup};
use testkit::fixture::{AgentKind, Fixture};
use testkit::{HungOperation, Sandbox};

use super::setup;

/// A user other than the owner of the installation.
const OTHER_UID: u32 = 4712;
/// The number of measurements of each case; the best one counts.
const ROUNDS: u32 = 10;
/// More memory than a scan may need, and less than would harm the machine.
const ADDRESS_SPACE_LIMIT: &str = "--as=2147483648";
/// Total numbers of processes.
const PROCESS_COUNTS: [usize; 3] = [150, 1000, 10_000];

/// The best result of a probe.
#[derive(Debug, Clone, Copy)]
struct ProbeCost {
    micros: u64,
    kib: u64,
}

/// Measures and prints; true if all results are within their limits.
pub(super) fn run(node: Sandbox) -> Result<bool, TaskError> {
    if node.owner() == "root" {
        println!("the scan is not measured: only root can start processes of another user");
        return Ok(false);
    }
    setup::start_platform(&node)?;
    let fixture = Fixture { node, kind: AgentKind::Platform };
    let without = probe(&fixture)?;
    print_cost("no others", without);
    let mut growth = Vec::new();
    for number in PROCESS_COUNTS {
        let others = number.saturating_sub(fixture.processes_without_args()?.len());
        let cost = probe_among(&fixture, &plain_process(), others)?;
        print_cost(&format!("{number} processes"), cost);
        growth.push((number, cost));
    }
    let mut fits = is_linear(&growth);
    let (beside, attacked) =
        (probe_among(&fixture, &plain_process(), 1000)?, probe_among_hung(&fixture, 1000)?);
    fits &= is_bounded("1,000 that hang", without, beside, attacked);
    let long = FakeProcess::for_java(&["java", "-Dmz.home=/opt/mz", "-Dpico.configname=platform"]);
    let long = long.user(OTHER_UID).with_first_steps("pad 2000000\n");
    let (beside, attacked) =
        (probe_among(&fixture, &plain_process(), 4000)?, probe_among(&fixture, &long, 4000)?);
    Ok(fits & is_bounded("4,000 with 2 MiB of arguments", without, beside, attacked))
}

fn plain_process() -> FakeProcess {
    FakeProcess::for_program("/opt/imitated/bin/plain", &["plain"]).user(OTHER_UID)
}

fn probe_among(
    fixture: &Fixture,
    imitation: &FakeProcess,
    number: usize,
) -> Result<ProbeCost, TaskError> {
    let crowd = imitation.start_group(fixture, number, "")?;
    let cost = probe(fixture)?;
    crowd.kill_all(fixture)?;
    Ok(cost)
}

fn probe_among_hung(fixture: &Fixture, number: usize) -> Result<ProbeCost, TaskError> {
    fixture.sh("truncate -s 4096 /opt/written && chmod 666 /opt/written")?;
    let hung = fixture.node.hang_storage("/opt/written", HungOperation::Write)?;
    let java =
        FakeProcess::for_pico("platform").user(OTHER_UID).with_first_steps("map /opt/written\n");
    let crowd: FakeProcessGroup = java.start_group(fixture, number, "unmap")?;
    crowd.hang_all(fixture)?;
    let cost = probe(fixture)?;
    hung.release();
    crowd.kill_all(fixture)?;
    Ok(cost)
}

/// A probe may fail under attack; only its cost counts.
fn probe(fixture: &Fixture) -> Result<ProbeCost, TaskError> {
    let mut best = ProbeCost { micros: u64::MAX, kib: u64::MAX };
    for _ in 0..ROUNDS {
        let call = setup::platform_call(&fixture.node).meta_timeout(Duration::from_secs(60));
        let ran = call.wrap_with(["prlimit", ADDRESS_SPACE_LIMIT]).run("monitor")?;
        if ran.code() != Some(0) {
            println!("the probe did not report the running Platform: {ran}");
        }
        best.micros = best.micros.min(u64::try_from(ran.wall_time.as_micros()).unwrap_or(u64::MAX));
        best.kib = best.kib.min(ran.peak_rss_kib);
        if ran.wall_time > Duration::from_secs(1) {
            break;
        }
    }
    Ok(best)
}

fn print_cost(what: &str, cost: ProbeCost) {
    println!(
        "{what:<44} {:>6}.{:03} ms {:>8} KiB",
        cost.micros / 1000,
        cost.micros % 1000,
        cost.kib
    );
}

/// The cost of one more process among ten thousand is at most 1.5 times its cost among a thousand.
fn is_linear(growth: &[(usize, ProbeCost)]) -> bool {
    let &[(few, first), (some, second), (many, third)] = growth else { return false };
    // The result is in nanoseconds.
    let of = |from: ProbeCost, to: ProbeCost, number: usize| {
        to.micros.saturating_sub(from.micros) * 1000 / u64::try_from(number).unwrap_or(1).max(1)
    };
    let (early, late) = (of(first, second, some - few), of(second, third, many - some));
    let fits = late <= early * 3 / 2;
    println!(
        "each additional process: {early} ns up to {some}, {late} ns up to {many} (at most 1.5 times): {}",
        describe_limit(fits)
    );
    fits
}

/// The time is at most 1.5 times that beside as many plain processes, and the memory at most 16 MiB
/// more than without any.
fn is_bounded(what: &str, without: ProbeCost, beside: ProbeCost, attacked: ProbeCost) -> bool {
    print_cost(&format!("{what}, plain processes"), beside);
    print_cost(what, attacked);
    let hundredths = attacked.micros * 100 / beside.micros.max(1);
    let more = attacked.kib.saturating_sub(without.kib);
    let fits = hundredths <= 150 && more <= 16 << 10;
    println!(
        "{what}: {}.{:02} x the time beside plain processes (at most 1.50), {more} KiB more than without (at most 16384): {}",
        hundredths / 100,
        hundredths % 100,
        describe_limit(fits)
    );
    fits
}

fn describe_limit(fits: bool) -> &'static str {
    if fits { "within its limits" } else { "OVER ITS LIMITS" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(micros: u64) -> ProbeCost {
        ProbeCost { micros, kib: 0 }
    }

    #[test]
    fn growth_check_compares_cost_per_process() {
        let of = |third| is_linear(&[(150, cost(1000)), (1000, cost(1850)), (10_000, cost(third))]);
        assert!(of(10_850) && of(15_000) && !of(16_000));
    }

    #[test]
    fn attack_check_compares_time_and_memory() {
        let kib = |kib| ProbeCost { micros: 1000, kib };
        assert!(is_bounded("", kib(2000), kib(2500), kib(18_384)));
        assert!(!is_bounded("", kib(2000), kib(2500), kib(18_385)));
        assert!(!is_bounded("", cost(500), cost(1000), cost(1510)));
    }
}
