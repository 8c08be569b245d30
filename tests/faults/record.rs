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

/// What stands in the place of the record, by a line for the shell.
const IN_ITS_PLACE: [(&str, &str); 9] = [
    ("nothing", "true"),
    ("100 MB of nothing", "truncate -s 100M $record"),
    ("noise", "head -c 20000 /dev/urandom >$record"),
    ("brackets", "head -c 60000 /dev/zero | tr '\\0' '[' >$record"),
    ("a FIFO that nobody writes", "mkfifo $record"),
    ("a link to nowhere", "ln -s /opt/nowhere $record"),
    ("a link to itself", "ln -s $record $record"),
    ("a link to a file without end", "ln -s /dev/zero $record"),
    ("a link to a FIFO", "mkfifo /opt/fifo; ln -s /opt/fifo $record"),
];

fn put(site: &Site, line: &str) -> Done {
    site.sh(&format!("record={}; rm -rf $record /opt/fifo; {line}", site.record())).map(drop)
}

/// A record that is gone, huge, noise, a FIFO or a link holds nobody up and makes no answer wrong: what runs is adopted anew, what
/// died is not running, a stop ends it, a start starts.
#[test]
fn whatever_stands_in_the_place_of_the_record_costs_no_answer() -> Done {
    for (what, line) in IN_ITS_PLACE {
        let site = site(Kind::Platform).build()?;
        let pid = site.start()?.pid;
        for level in [0, 10, 20] {
            put(&site, line)?;
            site.monitor(level)?.answers(OK).silently();
            assert_eq!(site.recorded()?, Some(pid), "{what}");
        }
        put(&site, line)?;
        site.probe()?.answers(OK).silently();
        put(&site, line)?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
        put(&site, line)?;
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(0)?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
        put(&site, line)?;
        let pid = site.start()?.pid;
        assert_eq!(site.recorded()?, Some(pid), "{what}");
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A link in the place of the record is replaced, and what it leads to is neither used nor written.
#[test]
fn a_link_in_the_place_of_the_record_is_not_followed_to_write() -> Done {
    let site = site(Kind::Platform).build()?;
    site.node.write("/opt/victim", "as it was")?;
    for action in ["start", "stop"] {
        put(&site, "mkdir -p -m 755 ${record%/*}; ln -s /opt/victim $record")?;
        site.agent().run(action)?.answers(OK);
        assert_eq!(site.node.read("/opt/victim")?, "as it was");
    }
    site.nothing_left()
}

/// A directory in the place of the record fails a start, which could leave no trace for a stop, with its path; monitor, probe and stop
/// are right all the same.
#[test]
fn a_directory_in_the_place_of_the_record_is_named_by_a_start_alone() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    put(&site, "mkdir -p $record/below")?;
    for level in [0, 10] {
        site.monitor(level)?.answers(OK).silently();
    }
    site.probe()?.answers(OK).silently();
    assert_eq!(site.one("platform")?.pid, pid);
    site.stop()?.answers(OK);
    site.nothing_left()?;
    site.probe()?.answers(NOT_RUNNING);
    site.agent().run("start")?.answers(GENERIC).because(&["record", &site.record()]);
    assert_eq!(site.calls("startup")?, 1, "nothing was started");
    site.nothing_left()
}

/// A record that was cut off at any byte, or one of whose values makes no sense, is worth no more than none.
#[test]
fn a_record_cut_anywhere_or_with_values_that_make_no_sense_costs_no_answer() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.start()?;
    let good = site.node.read(site.record())?;
    let stranger = site.stranger()?;
    let mut bad: Vec<String> = (0..good.len() - 1).step_by(23).map(|end| good[..end].to_owned()).collect();
    let pid = format!("\"pid\":{}", jvm.pid);
    for wrong in ["-1", "0", "1", "99999999999", "1e3", "\"x\"", "null", "{}", &stranger.pid.to_string()] {
        bad.push(good.replace(&pid, &format!("\"pid\":{wrong}")));
    }
    for (from, to) in [
        ("\"pico\":\"platform\"", "\"pico\":\"../../etc\""),
        ("\"pico\":\"platform\"", "\"pico\":\"ui\""),
        ("\"mz_home\":\"/opt/mz\"", "\"mz_home\":\"/opt/mz2\""),
        ("\"mz_home\":\"/opt/mz\"", "\"mz_home\":\"\""),
        ("\"process_match\":null", "\"process_match\":\"(\""),
        ("\"phase\":\"running\"", "\"phase\":\"asleep\""),
        ("\"counts\":{}", "\"counts\":{\"-1\":7}"),
    ] {
        assert!(good.contains(from), "{from} is not in {good}");
        bad.push(good.replace(from, to));
    }
    for record in bad {
        site.node.write(site.record(), &record)?;
        site.monitor(0)?.answers(OK).silently();
        assert_eq!(site.recorded()?, Some(jvm.pid), "{record}");
        site.node.write(site.record(), &record)?;
        site.probe()?.answers(OK).silently();
        assert!(site.lives(&jvm)? && site.lives(&stranger)?);
    }
    site.stop()?.answers(OK);
    assert_eq!(site.pids()?, [stranger.pid]);
    Ok(())
}

/// The same cut or senseless records while nothing runs: monitor and probe say "not running", a stop succeeds and touches no process
/// that such a record names.
#[test]
fn a_senseless_record_makes_no_pico_of_nothing() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.start()?;
    let good = site.node.read(site.record())?;
    site.stop()?.answers(OK);
    let stranger = site.stranger()?;
    let pid = format!("\"pid\":{}", jvm.pid);
    let mut bad = vec![good.clone(), good[..good.len() / 2].to_owned(), String::new()];
    for wrong in ["-1", "0", "1", &stranger.pid.to_string()] {
        bad.push(good.replace(&pid, &format!("\"pid\":{wrong}")));
    }
    for phase in ["starting", "running"] {
        let other = format!("\"mzsh\":{{\"pid\":{},\"start\":7}}", stranger.pid);
        let mut record: serde_json::Value = serde_json::from_str(&good).expect("JSON");
        record["phase"] = phase.into();
        record["mzsh"] = serde_json::from_str(&other[7..]).expect("JSON");
        bad.push(record.to_string());
    }
    for record in bad {
        for action in ["monitor", "probe", "stop"] {
            site.node.write(site.record(), &record)?;
            match action {
                "monitor" => drop(site.monitor(0)?.answers(NOT_RUNNING)),
                "probe" => drop(site.probe()?.answers(NOT_RUNNING)),
                _ => drop(site.stop()?.answers(OK)),
            }
            assert!(site.lives(&stranger)?, "{action}: {record}");
        }
    }
    Ok(())
}

/// What another resource's record says is that one's: whatever process it names, also for a pico of our name, is neither reported nor
/// ended by ours.
#[test]
fn the_record_of_another_resource_is_not_ours() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    let mut record = site.read_record()?;
    site.stop()?.answers(OK);
    let stranger = site.stranger()?;
    for pico in ["platform", "ec1"] {
        record["pico"] = pico.into();
        record["jvm"] = serde_json::json!({"pid": stranger.pid, "start": stranger.start_time});
        for name in ["other", "platform.old", "platform:0"] {
            site.node.write(format!("/run/mediationzone-ra/{name}.json"), record.to_string())?;
        }
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(0)?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
        assert!(site.lives(&stranger)?);
    }
    Ok(())
}

/// A real JVM that runs since before the record was written by an agent of another boot is adopted; after a reboot that ended it
/// nothing is running, whoever has its number now.
#[test]
fn a_record_from_before_a_reboot_names_nobody() -> Done {
    let site = site(Kind::Platform).jvm().build()?;
    let jvm = site.start()?;
    let mut record = site.read_record()?;
    record["boot"] = "00000000-0000-4000-8000-000000000000".into();
    site.node.write(site.record(), record.to_string())?;
    site.monitor(0)?.answers(OK).silently();
    assert_ne!(site.read_record()?["boot"], record["boot"]);
    site.stop()?.answers(OK);
    // The number and even the start time may be a stranger's after a reboot.
    let stranger = site.stranger()?;
    record["jvm"] = serde_json::json!({"pid": stranger.pid, "start": stranger.start_time});
    for action in ["monitor", "stop"] {
        site.node.write(site.record(), record.to_string())?;
        match action {
            "monitor" => site.monitor(0)?.answers(NOT_RUNNING),
            _ => site.stop()?.answers(OK),
        };
    }
    assert!(site.lives(&stranger)? && !site.lives(&jvm)?);
    Ok(())
}
