//! The instance record in /run/mediationzone-ra: lost, damaged or foreign it costs a look at all processes, never an answer.

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, site};

/// A record that is torn, empty, of another boot, of another version, or whose process number was used again
/// makes no answer of monitor, probe, start or stop wrong.
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
            assert_eq!(site.recorded()?, Some(pid), "{what}");
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
        assert_eq!(site.recorded()?, Some(pid), "{what}");
        site.node.write(&path, &record)?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
        pid = site.start()?.pid;
    }
    Ok(())
}

/// A directory of records that other users can write is not trusted and not used, and probe, monitor and stop
/// are right without it.
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

/// Calls typed by a person, which name no resource, share no record: a stop of the EC does not stop the
/// Platform that another call has found.
#[test]
fn two_calls_that_name_no_resource_do_not_share_a_record() -> Done {
    let site = site(Kind::Ec).build()?;
    let by_hand = |kind| {
        let call = site.agent_for(kind).without("OCF_RESOURCE_INSTANCE");
        call.without("OCF_RESKEY_CRM_meta_on_node").without("OCF_RESKEY_CRM_meta_on_node_uuid")
    };
    let platform = site.one("platform")?.pid;
    site.mzsh(&["startup", "ec1"])?.expect(0)?;
    by_hand(Kind::Platform).run("status")?.expect(OK)?;
    by_hand(Kind::Ec).run("stop")?.answers(OK);
    assert_eq!(site.one("platform")?.pid, platform);
    assert!(site.picos("ec1")?.is_empty());
    by_hand(Kind::Ec).run("start")?.answers(OK);
    by_hand(Kind::Platform).run("monitor")?.answers(OK);
    by_hand(Kind::Ec).run("stop")?.answers(OK);
    assert_eq!(site.one("platform")?.pid, platform);
    site.nothing_left()
}

/// Where records and locks are is a file system of its own, mounted so.
fn records_on(site: &Site, options: &str) -> Done {
    let mount = "mkdir -m 755 /run/mediationzone-ra && mount -t tmpfs tmpfs /run/mediationzone-ra";
    site.sh(&format!("{mount} -o mode=755,{options}")).map(drop)
}

/// It is refused before mzsh is executed, and possible again once the directory is as it was.
fn refused_without_a_record(site: &Site, words: &[&str]) -> Done {
    site.agent().run("start")?.answers(GENERIC).because(words);
    assert_eq!(site.calls("")?, 0, "mzsh was not executed");
    site.nothing_left()?;
    site.stop()?.answers(OK);
    site.sh("umount /run/mediationzone-ra")?;
    site.start()?;
    Ok(())
}

/// With /run full nothing is started, for a later stop could not know of it; the reason names the record, and
/// a start works once there is room.
#[test]
fn without_room_for_a_record_nothing_is_started() -> Done {
    let site = site(Kind::Platform).build()?;
    records_on(&site, "size=4k")?;
    // Room for a lock, which is empty, is left.
    site.sh("head -c 4096 /dev/zero >/run/mediationzone-ra/full")?;
    refused_without_a_record(&site, &["record", "/run/mediationzone-ra/platform.json"])
}

/// With /run read-only nothing is started and the reason names the directory; a start works once it can be
/// written.
#[test]
fn where_nothing_can_be_written_nothing_is_started_and_the_directory_is_named() -> Done {
    let site = site(Kind::Platform).build()?;
    records_on(&site, "ro")?;
    refused_without_a_record(&site, &["Read-only file system", "/run/mediationzone-ra"])
}
