//! A node that has run out of something: room or files in /run, the right to write there, descriptors.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::imitation::Imitation;
use testkit::site::{HOME, Kind, Site, recurring, site};
use testkit::{AgentCall, Done, Error, Held, Ran};

use crate::cells::{STUCK, WRITTEN};

/// Options of a file system that is of no use for records and locks.
const USELESS: [&str; 3] = ["size=4k", "nr_inodes=2", "ro"];

/// Where records and locks are is a file system of its own, with these options, and full where that is what they make possible.
fn records_on(site: &Site, options: &str) -> Done {
    let at = "/run/mediationzone-ra";
    site.sh(&format!("mkdir -p -m 755 {at} && mount -t tmpfs -o mode=755,{options} tmpfs {at}"))?;
    if options != "ro" {
        site.sh(&format!("head -c 4096 /dev/zero >{at}/full"))?;
    }
    Ok(())
}

/// With no room, no file or no right to write in /run a JVM that lives is found and well at each depth, one that is gone is not
/// running, and a stop ends it, whether it was started by the cluster or by hand.
#[test]
fn a_run_that_cant_be_written_costs_no_answer() -> Done {
    for options in USELESS {
        for by_hand in [false, true] {
            let site = site(Kind::Platform).build()?;
            let jvm = if by_hand { site.start_by_hand()? } else { site.start()? };
            records_on(&site, options)?;
            for _ in 0..2 {
                site.probe()?.answers(OK).silently();
                for level in [0, 10, 20] {
                    site.monitor(level)?.answers(OK).silently();
                }
            }
            assert_eq!(site.one("platform")?.pid, jvm.pid);
            site.stop()?.answers(OK);
            site.nothing_left()?;
            site.probe()?.answers(NOT_RUNNING);
            site.monitor(0)?.answers(NOT_RUNNING);
        }
    }
    Ok(())
}

/// A start that can't even make its lock, since no file is left in /run, starts nothing and says what is in the way and where.
#[test]
fn where_no_file_is_left_for_a_lock_nothing_is_started() -> Done {
    let site = site(Kind::Platform).build()?;
    records_on(&site, "nr_inodes=2")?;
    site.agent().run("start")?.answers(GENERIC).because(&["/run/mediationzone-ra", "No space left"]);
    assert_eq!(site.calls("")?, 0, "mzsh was not executed");
    site.nothing_left()?;
    site.stop()?.answers(OK);
    site.sh("umount /run/mediationzone-ra")?;
    site.start()?;
    Ok(())
}

/// A call with no more than this many descriptors.
fn limited(call: &AgentCall<'_>, action: &str, descriptors: u32) -> Result<Ran, Error> {
    call.clone().few_descriptors(descriptors).meta_timeout(Duration::from_secs(8)).run(action)
}

/// With too few descriptors to look at all processes a monitor or a probe never says that a live JVM is not running, nor one that is
/// gone running: it answers what it can know, or 1 and what is missing.
#[test]
fn with_few_descriptors_a_monitor_claims_no_more_than_it_knows() -> Done {
    let site = site(Kind::Platform).build()?;
    let probe = site.agent();
    let mut answers = Vec::new();
    for alive in [true, false] {
        if alive {
            site.start_by_hand()?;
        } else {
            site.stop()?.answers(OK);
        }
        let wrong = if alive { NOT_RUNNING } else { OK };
        for descriptors in 4..16 {
            for call in [&probe, &recurring(site.agent(), 0), &recurring(site.agent(), 10)] {
                let ran = limited(call, "monitor", descriptors)?;
                let code = ran.code();
                assert!(code.is_some() && code != Some(wrong), "{descriptors} descriptors: {ran}");
                if code == Some(GENERIC) {
                    let reason = ran.reason().unwrap_or_default();
                    assert!(
                        reason.contains(&none_left(descriptors)) || alive && reason.contains("platform"),
                        "{ran}"
                    );
                }
                answers.push(code);
            }
            site.sh(&format!("rm -f {}", site.record()))?;
        }
    }
    for seen in [OK, NOT_RUNNING] {
        assert!(answers.contains(&Some(seen)), "{answers:?}");
    }
    Ok(())
}

/// With too few descriptors a start fails, says that it is these, and leaves nothing; with enough it succeeds.
#[test]
fn with_few_descriptors_a_start_fails_and_leaves_nothing() -> Done {
    let site = site(Kind::Platform).build()?;
    let mut failed = 0;
    for descriptors in 4..24 {
        let start = limited(&site.agent(), "start", descriptors)?;
        if start.code() == Some(OK) {
            site.one("platform")?;
            site.stop()?.answers(OK);
        } else {
            start.answers(GENERIC).because(&[&none_left(descriptors)]);
            failed += 1;
        }
        site.nothing_left()?;
    }
    assert!((1..20).contains(&failed), "{failed} starts of 20 failed");
    Ok(())
}

/// What a reason says of the limit that is reached.
fn none_left(limit: u32) -> String {
    format!("no file descriptor left (RLIMIT_NOFILE {limit})")
}

/// With five descriptors each answer is right: of a pico that lives a recurring monitor and a probe say so, with
/// and without a record, and a stop ends it; of one that is gone they say that. A start fails, names the limit, and leaves nothing.
#[test]
fn with_five_descriptors_monitors_and_probes_are_right_and_a_stop_ends_it() -> Done {
    for (kind, real) in [(Kind::Platform, true), (Kind::Ec, false)] {
        let site = site(kind).real(real).build()?;
        for by_hand in [false, true] {
            let jvm = if by_hand { site.start_by_hand()? } else { site.start()? };
            for level in [0, 10] {
                limited(&recurring(site.agent(), level), "monitor", 5)?.answers(OK).silently();
            }
            limited(&site.agent(), "monitor", 5)?.answers(OK).silently();
            assert!(site.lives(&jvm)?);
            let stop = limited(&site.agent(), "stop", 5)?.answers(OK);
            assert!(!site.lives(&jvm)?, "{stop}");
            site.nothing_left()?;
            limited(&site.agent(), "monitor", 5)?.answers(NOT_RUNNING);
            limited(&recurring(site.agent(), 0), "monitor", 5)?.answers(NOT_RUNNING);
            limited(&site.agent(), "start", 5)?.answers(GENERIC).because(&[&none_left(5)]);
            site.nothing_left()?;
        }
    }
    Ok(())
}

/// With too few descriptors for a worker process, or for more than one question of it at a time, a java of the owner's that hangs in the
/// kernel holds no action up: a probe does not say "not running", and a stop ends the recorded JVM; without a worker process it answers 1 and
/// says why.
#[test]
fn with_few_descriptors_a_java_that_hangs_holds_nothing_up() -> Done {
    for descriptors in [4, 5] {
        let site = site(Kind::Platform).build()?;
        site.sh(&format!("truncate -s 4096 {WRITTEN} && chmod 666 {WRITTEN}"))?;
        let hung = site.node.hang(WRITTEN, Held::Write)?;
        let jvm = site.start()?;
        Imitation::java(&["java", "-jar", "/opt/tool.jar"]).state(STUCK).start(&site)?;
        limited(&recurring(site.agent(), 0), "monitor", descriptors)?.answers(OK).silently();
        site.sh(&format!("mv {0} {0}.away", site.record()))?;
        let probe = limited(&site.agent(), "monitor", descriptors)?;
        assert!(matches!(probe.code(), Some(OK | GENERIC)), "{probe}");
        site.sh(&format!("mv {0}.away {0}", site.record()))?;
        let stop = limited(&site.agent(), "stop", descriptors)?;
        assert!(!site.lives(&jvm)?, "{stop}");
        if descriptors == 4 {
            probe.answers(GENERIC).because(&["no file descriptor left"]);
            stop.answers(GENERIC).because(&["no file descriptor left"]);
        } else {
            // That java has nothing of ours open, if there is a descriptor to see it.
            let reason = stop.reason().unwrap_or_default();
            let is_told = ["no file descriptor left", "hangs"].iter().any(|why| reason.contains(why));
            assert!(stop.code() == Some(OK) || stop.code() == Some(GENERIC) && is_told, "{stop}");
        }
        hung.release();
    }
    Ok(())
}

/// With too few descriptors to look at the node validate-all fails for that, and names the limit.
#[test]
fn with_few_descriptors_validate_all_says_why_it_can_say_nothing() -> Done {
    let site = site(Kind::Platform).build()?;
    let validate = |descriptors| limited(&site.agent().level(10), "validate-all", descriptors);
    validate(4)?.answers(GENERIC).because(&["mz_home: no helper process", &none_left(4)]);
    validate(64)?.answers(OK);
    Ok(())
}

/// With few descriptors, too, a helper that can't be ended keeps nothing of the agent's: a caller that reads the agent's output to the end
/// gets it when the agent ends.
#[test]
fn with_few_descriptors_a_helper_that_hangs_keeps_no_output_open() -> Done {
    let site = site(Kind::Platform).build()?;
    let hung = site.node.hang(HOME, Held::Everything)?;
    let call = site.agent().level(10).few_descriptors(5).meta_timeout(Duration::from_secs(8));
    let (argv, environment) = call.spelled_out("validate-all");
    let line = format!("said=$({} 2>&1); code=$?; echo \"$said\"; exit $code", argv.join(" "));
    let shell = site.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
    let shell = environment.into_iter().fold(shell, |call, (name, value)| call.env(name, value));
    let ran = shell.run()?.expect(GENERIC)?;
    assert!(ran.stdout.contains("storage has not answered"), "{ran}");
    hung.release();
    Ok(())
}

/// With five descriptors, where the hard limit allows more, nothing fails.
#[test]
fn five_descriptors_that_can_be_more_are_made_more() -> Done {
    for limit in ["--nofile=5:64", "--nofile=5:"] {
        let site = site(Kind::Platform).build()?;
        let agent = || site.agent().through(["prlimit", limit]);
        agent().run("monitor")?.answers(NOT_RUNNING);
        agent().run("start")?.answers(OK);
        site.one("platform")?;
        for level in [0, 10, 20] {
            recurring(agent(), level).run("monitor")?.answers(OK).silently();
        }
        agent().run("stop")?.answers(OK);
        assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
        site.nothing_left()?;
    }
    Ok(())
}
