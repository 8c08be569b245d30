//! `cargo xtask bench --look`: what a look at all processes of a node costs, in time and in memory.
//!
//! A probe looks at every process. It is measured beside a Platform that runs, among 150, 1,000 and 10,000 processes of another user, and
//! among processes that this user has made costly: a thousand that hang in the kernel, so that their command lines can't be read, and
//! four thousand with 2 MiB of arguments each. These two are held against as many that are nothing special, in the same run.

use std::time::Duration;

use devtools::Error;
use testkit::imitation::{Crowd, Imitation};
use testkit::site::{Kind, Site};
use testkit::{Held, Sandbox};

use super::stage;

/// Another user than the owner of the installation.
const STRANGER: u32 = 4712;
/// How often each is measured; the best counts.
const ROUNDS: u32 = 10;
/// More memory than a look may need, and less than would harm the machine.
const LIMIT: &str = "--as=2147483648";
/// So many processes there are in all.
const NUMBERS: [usize; 3] = [150, 1000, 10_000];

/// What a probe took at best.
#[derive(Debug, Clone, Copy)]
struct Cost {
    micros: u64,
    kib: u64,
}

/// Measures and prints; true: all is within its limits.
pub(super) fn run(node: Sandbox) -> Result<bool, Error> {
    if node.owner() == "root" {
        println!("a look is measured among processes of another user, which only root can start");
        return Ok(false);
    }
    stage::started(&node)?;
    let site = Site { node, kind: Kind::Platform };
    let without = probe(&site)?;
    print("no others", without);
    let mut growth = Vec::new();
    for number in NUMBERS {
        let others = number.saturating_sub(site.briefly()?.len());
        let cost = among(&site, &plain(), others)?;
        print(&format!("{number} processes"), cost);
        growth.push((number, cost));
    }
    let mut fits = is_linear(&growth);
    let (beside, attacked) = (among(&site, &plain(), 1000)?, among_hung(&site, 1000)?);
    fits &= is_bounded("1,000 that hang", without, beside, attacked);
    let long = Imitation::java(&["java", "-Dmz.home=/opt/mz", "-Dpico.configname=platform"]);
    let long = long.user(STRANGER).before("pad 2000000\n");
    let (beside, attacked) = (among(&site, &plain(), 4000)?, among(&site, &long, 4000)?);
    Ok(fits & is_bounded("4,000 with 2 MiB of arguments", without, beside, attacked))
}

/// One that is nothing special.
fn plain() -> Imitation {
    Imitation::of("/opt/imitated/bin/plain", &["plain"]).user(STRANGER)
}

fn among(site: &Site, imitation: &Imitation, number: usize) -> Result<Cost, Error> {
    let crowd = imitation.crowd(site, number, "")?;
    let cost = probe(site)?;
    crowd.end(site)?;
    Ok(cost)
}

fn among_hung(site: &Site, number: usize) -> Result<Cost, Error> {
    site.sh("truncate -s 4096 /opt/written && chmod 666 /opt/written")?;
    let hung = site.node.hang("/opt/written", Held::Write)?;
    let java = Imitation::pico("platform").user(STRANGER).before("map /opt/written\n");
    let crowd: Crowd = java.crowd(site, number, "unmap")?;
    crowd.hang(site)?;
    let cost = probe(site)?;
    hung.release();
    crowd.end(site)?;
    Ok(cost)
}

/// A probe may fail where it is attacked; what it took counts.
fn probe(site: &Site) -> Result<Cost, Error> {
    let mut best = Cost { micros: u64::MAX, kib: u64::MAX };
    for _ in 0..ROUNDS {
        let call = stage::platform(&site.node).meta_timeout(Duration::from_secs(60));
        let ran = call.through(["prlimit", LIMIT]).run("monitor")?;
        if ran.code() != Some(0) {
            println!("a probe that should have found the Platform well: {ran}");
        }
        best.micros = best.micros.min(u64::try_from(ran.wall.as_micros()).unwrap_or(u64::MAX));
        best.kib = best.kib.min(ran.most_kib);
        if ran.wall > Duration::from_secs(1) {
            break;
        }
    }
    Ok(best)
}

fn print(what: &str, cost: Cost) {
    println!("{what:<44} {:>6}.{:03} ms {:>8} KiB", cost.micros / 1000, cost.micros % 1000, cost.kib);
}

/// What one more process costs among ten thousand is at most 1.5 times what it costs among a thousand.
fn is_linear(growth: &[(usize, Cost)]) -> bool {
    let &[(few, first), (some, second), (many, third)] = growth else { return false };
    // In nanoseconds.
    let of = |from: Cost, to: Cost, number: usize| {
        to.micros.saturating_sub(from.micros) * 1000 / u64::try_from(number).unwrap_or(1).max(1)
    };
    let (early, late) = (of(first, second, some - few), of(second, third, many - some));
    let fits = late <= early * 3 / 2;
    println!(
        "each process more: {early} ns up to {some}, {late} ns up to {many} (at most 1.5 times): {}",
        verdict(fits)
    );
    fits
}

/// At most 1.5 times the time beside as many others, and 16 MiB more than without any.
fn is_bounded(what: &str, without: Cost, beside: Cost, attacked: Cost) -> bool {
    print(&format!("{what}, as many others"), beside);
    print(what, attacked);
    let hundredths = attacked.micros * 100 / beside.micros.max(1);
    let more = attacked.kib.saturating_sub(without.kib);
    let fits = hundredths <= 150 && more <= 16 << 10;
    println!(
        "{what}: {}.{:02} x the time of others (at most 1.50), {more} KiB more than without (at most 16384): {}",
        hundredths / 100,
        hundredths % 100,
        verdict(fits)
    );
    fits
}

fn verdict(fits: bool) -> &'static str {
    if fits { "within its limits" } else { "OVER ITS LIMITS" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(micros: u64) -> Cost {
        Cost { micros, kib: 0 }
    }

    #[test]
    fn growth_is_judged_by_what_each_process_costs() {
        let of = |third| is_linear(&[(150, cost(1000)), (1000, cost(1850)), (10_000, cost(third))]);
        assert!(of(10_850) && of(15_000) && !of(16_000));
    }

    #[test]
    fn an_attack_is_judged_by_time_and_memory() {
        let kib = |kib| Cost { micros: 1000, kib };
        assert!(is_bounded("", kib(2000), kib(2500), kib(18_384)));
        assert!(!is_bounded("", kib(2000), kib(2500), kib(18_385)));
        assert!(!is_bounded("", cost(500), cost(1000), cost(1510)));
    }
}
