//! What the agent did not start itself, or does not remember, it finds by /proc.

use std::thread;
use std::time::Duration;

use testkit::Error;

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, site};

/// The pid that the record names.
fn recorded(site: &Site) -> Result<Option<u64>, Error> {
    Ok(site.read_record()?["jvm"]["pid"].as_u64())
}

fn started_by_hand(kind: Kind) -> Result<(Site, u32), Error> {
    let site = site(kind).build()?;
    site.mzsh(&["startup", site.pico()])?.expect(0)?;
    let pid = site.one(site.pico())?.pid;
    Ok((site, pid))
}

#[test]
fn a_pico_that_was_started_by_hand_is_found_and_written_down_by_a_probe() -> Done {
    for kind in [Kind::Platform, Kind::Ec, Kind::Sc, Kind::Ui] {
        let (site, pid) = started_by_hand(kind)?;
        site.probe()?.answers(OK).silently();
        assert_eq!(recorded(&site)?, Some(pid.into()));
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        site.stop()?.answers(OK).silently();
        site.nothing_left()?;
    }
    Ok(())
}

#[test]
fn a_recurring_monitor_and_a_start_adopt_it_too() -> Done {
    let (site, pid) = started_by_hand(Kind::Platform)?;
    site.monitor(0)?.answers(OK).silently();
    assert_eq!(recorded(&site)?, Some(pid.into()));
    let log = site.log()?;
    assert!(log.contains(&format!("pid {pid} ")) && log.contains("adopted"), "{log}");

    site.sh(&format!("rm {}", site.record()))?;
    site.agent().run("start")?.answers(OK).silently();
    assert_eq!((recorded(&site)?, site.one("platform")?.pid), (Some(pid.into()), pid));
    Ok(())
}

/// One that has been restarted behind the cluster's back is running, and is the new one.
#[test]
fn a_restart_by_hand_is_noticed_and_no_failure() -> Done {
    let site = site(Kind::Platform).build()?;
    let old = site.start()?.pid;
    site.mzsh(&["restart", "platform"])?.expect(0)?;
    let new = site.one("platform")?.pid;
    assert_ne!(old, new);
    site.monitor(0)?.answers(OK).silently();
    assert_eq!(recorded(&site)?, Some(new.into()));
    Ok(())
}

/// Each a way in which the record can be of no use; none may make an answer wrong.
#[test]
fn a_record_that_is_lost_torn_or_of_another_boot_costs_no_answer() -> Done {
    let site = site(Kind::Platform).build()?;
    let path = site.record();
    let started = site.start()?;
    let good = site.node.read(&path)?;
    let boot = site.read_record()?["boot"].as_str().unwrap_or_default().to_owned();
    assert!(boot.len() > 30, "{good}");
    // Both name process 1, which lives: this one rightly, but for its boot, and the other with another's start time.
    let init = site.node.processes()?.into_iter().find(|process| process.pid == 1).expect("process 1 lives");
    let number_used_again = good.replace(&format!("\"pid\":{}", started.pid), "\"pid\":1");
    assert_ne!(good, number_used_again);
    let other_boot = number_used_again
        .replace(&format!("\"start\":{}", started.start_time), &format!("\"start\":{}", init.start_time))
        .replace(&boot, "00000000-0000-4000-8000-000000000000");
    let mut records = vec![("torn", good[..good.len() / 2].to_owned()), ("empty", String::new())];
    records.extend([("of another boot", other_boot), ("of a number used again", number_used_again)]);
    records.push(("no record at all", "\u{0}\u{1} not JSON".to_owned()));
    records.push(("of another version", good.replace("\"format\":1", "\"format\":99")));

    let mut pid = started.pid;
    for (what, record) in records {
        for level in [0, 10] {
            site.node.write(&path, &record)?;
            site.monitor(level)?.answers(OK).silently();
            assert_eq!(recorded(&site)?, Some(pid.into()), "{what}");
        }
        site.node.write(&path, &record)?;
        site.probe()?.answers(OK).silently();

        site.signal(pid, "KILL")?;
        site.node.write(&path, &record)?;
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(0)?.answers(NOT_RUNNING);
        site.node.write(&path, &record)?;
        site.stop()?.answers(OK);
        site.node.write(&path, &record)?;
        pid = site.start()?.pid;
        assert_eq!(recorded(&site)?, Some(pid.into()), "{what}");
        site.node.write(&path, &record)?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
        pid = site.start()?.pid;
    }
    Ok(())
}

/// On storage that is shared it can be another node's.
#[test]
fn a_pid_file_that_is_lost_or_names_another_process_is_no_matter() -> Done {
    let innocent = "the number of another process";
    for content in [None, Some(innocent), Some("not a number"), Some("999999999999")] {
        let (site, pid) = started_by_hand(Kind::Platform)?;
        let other = site.sh("setsid sleep 1000000 >/dev/null 2>&1 & echo $!")?;
        let path = "/opt/mz/log/platform.pid";
        match content {
            None => site.sh(&format!("rm {path}")).map(drop)?,
            Some(content) if content == innocent => site.node.write(path, &other)?,
            Some(content) => site.node.write(path, content)?,
        }
        site.probe()?.answers(OK).silently();
        assert_eq!(recorded(&site)?, Some(pid.into()), "{content:?}");
        site.stop()?.answers(OK);
        assert!(site.picos("platform")?.is_empty(), "{content:?}");
        site.probe()?.answers(NOT_RUNNING);
        let left: Vec<u32> = site.processes()?.iter().map(|process| process.pid).collect();
        assert_eq!(left, [other.trim().parse::<u32>().expect("a number")], "{content:?}");
    }
    Ok(())
}

#[test]
fn a_directory_of_records_that_others_can_write_is_not_used_and_the_answers_are_right() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("mkdir -m 777 /run/mediationzone-ra")?;
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK);
    site.mzsh(&["startup", "platform"])?.expect(0)?;
    for level in [0, 10] {
        site.monitor(level)?.answers(OK).silently();
    }
    site.stop()?.answers(OK);
    site.nothing_left()?;
    assert_eq!(site.sh("ls -A /run/mediationzone-ra")?, "");
    Ok(())
}

/// An SC, which has no port that would keep a second one from starting.
fn twice() -> Result<(Site, [u32; 2]), Error> {
    let site = site(Kind::Sc).build()?;
    let first = site.start()?.pid;
    site.signal(first, "STOP")?;
    // It can't be asked now, and -f passes over it.
    site.mzsh(&["startup", "-f", "sc1"])?.expect(0)?;
    site.signal(first, "CONT")?;
    let mut pids: Vec<u32> = site.picos("sc1")?.iter().map(|process| process.pid).collect();
    pids.retain(|&pid| pid != first);
    let [second] = pids.as_slice() else { panic!("not a second one: {pids:?}") };
    Ok((site, [first, *second]))
}

#[test]
fn a_pico_that_runs_twice_has_failed_and_a_stop_ends_both() -> Done {
    let (site, pids) = twice()?;
    let [first, second] = pids.map(|pid| pid.to_string());
    site.monitor(10)?.answers(GENERIC).because(&["sc1", "more than once", &first, &second]);
    site.probe()?.answers(GENERIC).because(&["more than once", &first, &second]);
    site.stop()?.answers(OK);
    site.nothing_left()
}

#[test]
fn a_start_makes_one_of_a_pico_that_runs_twice() -> Done {
    let (site, pids) = twice()?;
    site.agent().run("start")?.answers(OK);
    assert!(!pids.contains(&site.one("sc1")?.pid));
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}

/// Its JVM is there and its HA Monitor Server not yet: that looks like one that hangs.
#[test]
fn a_pico_that_an_administrator_is_just_starting_is_waited_for() -> Done {
    let site = site(Kind::Platform).set("start_time=3s").build()?;
    let (pid, by_hand) = thread::scope(|scope| {
        let by_hand = scope.spawn(|| site.mzsh(&["startup", "platform"]));
        let pid = site.until("the JVM of the administrator's startup", |site| {
            let found = site.picos("platform")?;
            Ok(found.first().map(|process| process.pid).ok_or_else(|| "no such process".to_owned()))
        })?;
        let start = site.agent().meta_timeout(Duration::from_secs(60)).run("start")?;
        start.answers(OK).silently();
        Ok::<_, Error>((pid, by_hand.join().expect("the startup's thread does not panic")?))
    })?;
    by_hand.expect(0)?;
    assert_eq!((site.one("platform")?.pid, recorded(&site)?), (pid, Some(pid.into())));
    assert_eq!((site.calls("startup")?, site.calls("shutdown")?), (1, 0));
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}
