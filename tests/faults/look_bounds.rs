//! What a look at the node's processes may cost, whoever runs what: measured beside as many processes that are nothing special.

use std::time::Duration;

use testkit::answer::{Answer, OK};
use testkit::imitation::{Crowd, Imitation};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{AgentCall, Done, Error, Ran};

use crate::cells::{CLASS, HOME, Is, NAMED, STRANGER, cell, check};
use crate::stop_acts::many;

/// More memory than a look may need, and less than would harm the machine.
const LIMIT: &str = "--as=1073741824";
/// The best of so many runs is taken.
const RUNS: usize = 3;
/// What a look may need beyond what it needs without, in KiB.
const MORE: u64 = 16 << 10;
/// What is lost to a busy machine.
const NOISE: Duration = Duration::from_millis(30);
/// Longest wait for all that can't be read, with what a busy machine adds to it.
const ONE_DEADLINE: Duration = Duration::from_secs(3);

/// What an action took at best.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: Duration,
    kib: u64,
}

impl Cost {
    fn of(ran: &Ran) -> Self {
        Self { wall: ran.wall, kib: ran.most_kib }
    }

    fn best(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), kib: self.kib.min(other.kib) }
    }
}

fn limited(call: AgentCall<'_>) -> AgentCall<'_> {
    call.meta_timeout(Duration::from_secs(60)).through(["prlimit", LIMIT])
}

/// The costs of probe, depth 10 and stop, with the Platform running; each of these has to succeed.
fn costs(site: &Site, when: &str) -> Result<[Cost; 3], Error> {
    let mut best: Option<[Cost; 3]> = None;
    for _ in 0..RUNS {
        limited(site.agent()).run("start")?.expect(OK)?;
        let run = |call: AgentCall<'_>, action: &str| -> Result<Cost, Error> {
            let ran = limited(call).run(action)?;
            assert_eq!(ran.code(), Some(OK), "{when}: {ran}");
            Ok(Cost::of(&ran))
        };
        let now = [
            run(site.agent(), "monitor")?,
            run(recurring(site.agent(), 10), "monitor")?,
            run(site.agent(), "stop")?,
        ];
        best = Some(best.map_or(now, |best| [0, 1, 2].map(|at| best[at].best(now[at]))));
    }
    Ok(best.expect("it runs more than once"))
}

/// No action takes more than 1.5 times what it takes among as many that are nothing special, nor 16 MiB more than without any.
#[track_caller]
fn within(without: [Cost; 3], among: [Cost; 3], attacked: [Cost; 3]) {
    for (at, action) in ["probe", "depth 10", "stop"].into_iter().enumerate() {
        let (without, among, attacked) = (without[at], among[at], attacked[at]);
        let said =
            format!("{action}: {without:?} without, {among:?} among as many others, {attacked:?} attacked");
        assert!(attacked.wall <= among.wall * 3 / 2 + NOISE, "{said}");
        assert!(attacked.kib <= without.kib + MORE, "{said}");
        println!("{said}");
    }
}

/// A process of a stranger's that is nothing special.
fn plain() -> Imitation {
    Imitation::of("/opt/imitated/bin/plain", &["plain"]).user(STRANGER)
}

/// The look of these tests is right: of one the command line can be read, all of it.
#[track_caller]
fn can_be_read(site: &Site, crowd: &Crowd) -> Done {
    let pid = crowd.members(site)?[0].pid;
    let length = site.sh(&format!("wc -c </proc/{pid}/cmdline"))?;
    assert!(length.trim().parse::<u32>().is_ok_and(|bytes| bytes > 1_900_000), "{length}");
    Ok(())
}

/// The look of these tests is right: of one that hangs the command line can't be read.
#[track_caller]
fn cant_be_read(site: &Site, crowd: &Crowd) -> Done {
    let cmdline = format!("/proc/{}/cmdline", crowd.members(site)?[0].pid);
    let read = site.node.command("timeout").args(["0.5", "cat", &cmdline]).run()?;
    assert_eq!(read.code(), Some(124), "{read}");
    Ok(())
}

/// A thousand javas of a stranger's whose command lines can't be read, for they hang in the kernel with the lock of their memory, cost a look
/// no more than a thousand others, in time and in memory.
#[test]
fn thousand_processes_that_hang_cost_a_look_no_more_than_others() -> Done {
    const NUMBER: usize = 1000;
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let without = costs(&site, "without")?;
    let others = plain().crowd(&site, NUMBER, "")?;
    let among = costs(&site, "among others")?;
    others.end(&site)?;
    let (crowd, hung) = many(&site, NUMBER, Some(STRANGER))?;
    crowd.hang(&site)?;
    cant_be_read(&site, &crowd)?;
    let attacked = costs(&site, "attacked")?;
    hung.release();
    within(without, among, attacked);
    Ok(())
}

/// Four thousand javas of a stranger's with the Platform's options and 2 MiB of arguments each cost a look no more than four thousand
/// others, in time and in memory.
#[test]
fn four_thousand_processes_with_long_arguments_cost_a_look_no_more_than_others() -> Done {
    const NUMBER: usize = 4000;
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let without = costs(&site, "without")?;
    let others = plain().crowd(&site, NUMBER, "")?;
    let among = costs(&site, "among others")?;
    others.end(&site)?;
    // They share the pages of these arguments.
    let long = Imitation::java(&["java", HOME, NAMED]).user(STRANGER).before("pad 2000000\n");
    let crowd = long.crowd(&site, NUMBER, "")?;
    can_be_read(&site, &crowd)?;
    let attacked = costs(&site, "attacked")?;
    crowd.end(&site)?;
    within(without, among, attacked);
    Ok(())
}

/// Sixty javas of the installation's own owner that hang in the kernel cost an action one deadline of about two seconds, not one each, and
/// begun before the JVM that the record names they make no answer doubtful.
#[test]
fn sixty_processes_of_the_owner_that_hang_cost_one_deadline() -> Done {
    const NUMBER: usize = 60;
    let site = site(Kind::Platform).build()?;
    let without = costs(&site, "without")?;
    let (crowd, hung) = many(&site, NUMBER, None)?;
    let jvm = site.start()?;
    crowd.hang(&site)?;
    let calls = [(site.agent(), "monitor"), (recurring(site.agent(), 10), "monitor"), (site.agent(), "stop")];
    for ((call, action), without) in calls.into_iter().zip(without) {
        let ran = limited(call).run(action)?;
        assert_eq!(ran.code(), Some(OK), "{ran}");
        assert!(ran.wall <= without.wall + ONE_DEADLINE, "{without:?} without: {ran}");
    }
    assert!(!site.lives(&jvm)?);
    hung.release();
    Ok(())
}

/// A stop whose parameters and whose record name the same pico of two installations with two owners ends both, and says "stopped" of neither
/// while one lives.
#[test]
fn stop_looks_for_the_pico_of_the_parameters_whoevers_the_recorded_one_is() -> Done {
    let site = site(Kind::Platform).build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let recorded = site.start()?;
    site.sh(&format!("cp -a /opt/mz /opt/second && chown -R {STRANGER}:{STRANGER} /opt/second"))?;
    let argv = ["java", "-Dmz.home=/opt/second", NAMED, CLASS, "platform"];
    let second = Imitation::java(&argv).user(STRANGER).start(&site)?;
    // A third one is neither's.
    let third = Imitation::java(&argv).user(STRANGER + 1).start(&site)?;
    site.agent().param("mz_home", "/opt/second").run("stop")?.answers(OK);
    assert!(!site.lives(&recorded)? && !site.lives(&second)?);
    assert!(site.lives(&third)?);
    Ok(())
}

/// An option of 100 KB, for the shell that starts the imitation.
const LONG: &str = "-Dlong='$(head -c 100000 /dev/zero | tr '\\0' x)'";

/// Of a command line 128 KiB are read: a java of the owner's with more options than that is never taken for none, and one whose main class
/// comes before them is what that says.
#[test]
fn java_with_more_options_than_are_read_is_never_taken_for_none() -> Done {
    check(vec![
        cell("options", Is::Unknown, Imitation::java(&["java", LONG, LONG, HOME, NAMED, CLASS])),
        cell("the pico, then options", Is::Pico, Imitation::java(&["java", HOME, NAMED, CLASS, LONG, LONG])),
        cell(
            "another, then options",
            Is::Ignored,
            Imitation::java(&["java", "-jar", "/opt/x.jar", LONG, LONG, NAMED]),
        ),
    ])
}
