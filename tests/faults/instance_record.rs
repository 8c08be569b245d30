//! The instance record in /run/mediationzone-ra: lost, damaged or foreign it costs a scan of all processes,
//! never an answer.

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};

/// A record that is torn, empty, of another boot, of another version, or whose pid was reused makes no answer
/// of monitor, probe, start or stop wrong.
#[test]
fn lost_torn_or_outdated_record_changes_no_answer() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let path = fixture.record_path();
    let started = fixture.start()?;
    let good = fixture.node.read(&path)?;
    let boot = fixture.read_record()?["boot"].as_str().unwrap_or_default().to_owned();
    assert!(boot.len() > 30, "{good}");
    // Both name pid 1, which lives: the first with its start time but another boot, the second with another
    // start time.
    let init = fixture
        .node
        .processes()?
        .into_iter()
        .find(|process| process.pid == 1)
        .expect("process 1 lives");
    let number_used_again = good.replace(&format!("\"pid\":{}", started.pid), "\"pid\":1");
    assert_ne!(good, number_used_again);
    let other_boot = number_used_again
        .replace(
            &format!("\"start\":{}", started.start_time),
            &format!("\"start\":{}", init.start_time),
        )
        .replace(&boot, "00000000-0000-4000-8000-000000000000");
    let mut records = vec![("torn", good[..good.len() / 2].to_owned()), ("empty", String::new())];
    records
        .extend([("of another boot", other_boot), ("of a number used again", number_used_again)]);
    records.push(("no record at all", "\u{0}\u{1} not JSON".to_owned()));
    records.push(("of another version", good.replace("\"format\":1", "\"format\":99")));

    let mut pid = started.pid;
    for (what, record) in records {
        for level in [0, 10] {
            fixture.node.write(&path, &record)?;
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert_eq!(fixture.recorded_pid()?, Some(pid), "{what}");
        }
        fixture.node.write(&path, &record)?;
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();

        fixture.signal(pid, "KILL")?;
        fixture.node.write(&path, &record)?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.node.write(&path, &record)?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.node.write(&path, &record)?;
        pid = fixture.start()?.pid;
        assert_eq!(fixture.recorded_pid()?, Some(pid), "{what}");
        fixture.node.write(&path, &record)?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        pid = fixture.start()?.pid;
    }
    Ok(())
}

/// A record directory that other users can write is not used. Probe, monitor and stop are right without it.
#[test]
fn record_directory_writable_by_others_is_not_used() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh("mkdir -m 777 /run/mediationzone-ra")?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.mzsh(&["startup", "platform"])?.expect_code(0)?;
    for level in [0, 10] {
        fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    assert_eq!(fixture.sh("ls -A /run/mediationzone-ra")?, "");
    Ok(())
}

/// Manual calls that name no resource share no record: a stop of the EC does not stop the Platform that
/// another call has found.
#[test]
fn calls_without_resource_name_share_no_record() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    let by_hand = |kind| {
        let call = fixture.agent_for(kind).without_env("OCF_RESOURCE_INSTANCE");
        call.without_env("OCF_RESKEY_CRM_meta_on_node")
            .without_env("OCF_RESKEY_CRM_meta_on_node_uuid")
    };
    let platform = fixture.single_pico("platform")?.pid;
    fixture.mzsh(&["startup", "ec1"])?.expect_code(0)?;
    by_hand(AgentKind::Platform).run("status")?.expect_code(OCF_SUCCESS)?;
    by_hand(AgentKind::Ec).run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.single_pico("platform")?.pid, platform);
    assert!(fixture.pico_processes("ec1")?.is_empty());
    by_hand(AgentKind::Ec).run("start")?.assert_exit_code(OCF_SUCCESS);
    by_hand(AgentKind::Platform).run("monitor")?.assert_exit_code(OCF_SUCCESS);
    by_hand(AgentKind::Ec).run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.single_pico("platform")?.pid, platform);
    fixture.assert_nothing_left()
}

/// Mounts a file system of its own for records and locks.
fn mount_run_directory(fixture: &Fixture, options: &str) -> TestResult {
    let mount = "mkdir -m 755 /run/mediationzone-ra && mount -t tmpfs tmpfs /run/mediationzone-ra";
    fixture.sh(&format!("{mount} -o mode=755,{options}")).map(drop)
}

/// The start is refused before mzsh is executed, and works again once the directory is as it was.
fn assert_start_refused_without_record(fixture: &Fixture, words: &[&str]) -> TestResult {
    fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(words);
    assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was not executed");
    fixture.assert_nothing_left()?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.sh("umount /run/mediationzone-ra")?;
    fixture.start()?;
    Ok(())
}

/// With /run full nothing is started, because a later stop could not know of it. The reason names the record,
/// and a start works once there is room.
#[test]
fn start_without_room_for_record_starts_nothing() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    mount_run_directory(&fixture, "size=4k")?;
    // There is room left for a lock, which is empty.
    fixture.sh("head -c 4096 /dev/zero >/run/mediationzone-ra/full")?;
    assert_start_refused_without_record(
        &fixture,
        &["record", "/run/mediationzone-ra/platform.json"],
    )
}

/// With /run read-only nothing is started, and the reason names the directory. A start works once the
/// directory is writable.
#[test]
fn start_with_read_only_run_starts_nothing_and_names_directory() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    mount_run_directory(&fixture, "ro")?;
    assert_start_refused_without_record(
        &fixture,
        &["Read-only file system", "/run/mediationzone-ra"],
    )
}

/// Shell commands that replace the record.
const RECORD_REPLACEMENTS: [(&str, &str); 9] = [
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

fn replace_record(fixture: &Fixture, line: &str) -> TestResult {
    fixture
        .sh(&format!("record={}; rm -rf $record /opt/fifo; {line}", fixture.record_path()))
        .map(drop)
}

/// A record that is gone, huge, noise, a FIFO or a link delays no action and makes no answer wrong. A running
/// pico is adopted anew, a dead one is not running, a stop ends it, and a start starts it.
#[test]
fn unusable_file_in_place_of_record_changes_no_answer() -> TestResult {
    for (what, line) in RECORD_REPLACEMENTS {
        let fixture = fixture(AgentKind::Platform).build()?;
        let pid = fixture.start()?.pid;
        for level in [0, 10, 20] {
            replace_record(&fixture, line)?;
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert_eq!(fixture.recorded_pid()?, Some(pid), "{what}");
        }
        replace_record(&fixture, line)?;
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        replace_record(&fixture, line)?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        replace_record(&fixture, line)?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        replace_record(&fixture, line)?;
        let pid = fixture.start()?.pid;
        assert_eq!(fixture.recorded_pid()?, Some(pid), "{what}");
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A link in place of the record is replaced. Its target is neither read nor written.
#[test]
fn link_in_place_of_record_is_not_followed() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.node.write("/opt/victim", "as it was")?;
    for action in ["start", "stop"] {
        replace_record(&fixture, "mkdir -p -m 755 ${record%/*}; ln -s /opt/victim $record")?;
        fixture.agent().run(action)?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.node.read("/opt/victim")?, "as it was");
    }
    fixture.assert_nothing_left()
}

/// A directory in place of the record fails a start, which could leave no record for a stop; the reason names
/// the path. Monitor, probe and stop are right all the same.
#[test]
fn directory_in_place_of_record_fails_only_start() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    replace_record(&fixture, "mkdir -p $record/below")?;
    for level in [0, 10] {
        fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.single_pico("platform")?.pid, pid);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture
        .agent()
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["record", &fixture.record_path()]);
    assert_eq!(fixture.mzsh_call_count("startup")?, 1, "nothing was started");
    fixture.assert_nothing_left()
}

/// A record truncated at any byte, or with a senseless value, changes no more answers than a missing one.
#[test]
fn truncated_or_senseless_record_changes_no_answer() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start()?;
    let good = fixture.node.read(fixture.record_path())?;
    let stranger = fixture.start_unrelated_process()?;
    let mut bad: Vec<String> =
        (0..good.len() - 1).step_by(23).map(|end| good[..end].to_owned()).collect();
    let pid = format!("\"pid\":{}", jvm.pid);
    for wrong in
        ["-1", "0", "1", "99999999999", "1e3", "\"x\"", "null", "{}", &stranger.pid.to_string()]
    {
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
        fixture.node.write(fixture.record_path(), &record)?;
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.recorded_pid()?, Some(jvm.pid), "{record}");
        fixture.node.write(fixture.record_path(), &record)?;
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert!(fixture.is_alive(&jvm)? && fixture.is_alive(&stranger)?);
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.pids()?, [stranger.pid]);
    Ok(())
}

/// A truncated or senseless record while nothing runs: monitor and probe answer "not running". A stop
/// succeeds and touches no process that such a record names.
#[test]
fn senseless_record_of_absent_pico_is_ignored() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start()?;
    let good = fixture.node.read(fixture.record_path())?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    let stranger = fixture.start_unrelated_process()?;
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
            fixture.node.write(fixture.record_path(), &record)?;
            match action {
                "monitor" => drop(fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING)),
                "probe" => drop(fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING)),
                _ => drop(fixture.stop()?.assert_exit_code(OCF_SUCCESS)),
            }
            assert!(fixture.is_alive(&stranger)?, "{action}: {record}");
        }
    }
    Ok(())
}

/// A process that another resource's record names is neither reported nor ended by ours, even for a pico of
/// the same name.
#[test]
fn process_in_record_of_another_resource_is_left_alone() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    let mut record = fixture.read_record()?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    let stranger = fixture.start_unrelated_process()?;
    for pico in ["platform", "ec1"] {
        record["pico"] = pico.into();
        record["jvm"] = serde_json::json!({"pid": stranger.pid, "start": stranger.start_time});
        for name in ["other", "platform.old", "platform:0"] {
            fixture.node.write(format!("/run/mediationzone-ra/{name}.json"), record.to_string())?;
        }
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(fixture.is_alive(&stranger)?);
    }
    Ok(())
}

/// A real JVM that runs since before an agent of another boot wrote the record is adopted. After a reboot
/// that ended it nothing is running, whichever process has its pid now.
#[test]
fn record_from_before_reboot_names_no_process() -> TestResult {
    let fixture = fixture(AgentKind::Platform).jvm().build()?;
    let jvm = fixture.start()?;
    let mut record = fixture.read_record()?;
    record["boot"] = "00000000-0000-4000-8000-000000000000".into();
    fixture.node.write(fixture.record_path(), record.to_string())?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_ne!(fixture.read_record()?["boot"], record["boot"]);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    // After a reboot an unrelated process may have the pid and even the start time.
    let stranger = fixture.start_unrelated_process()?;
    record["jvm"] = serde_json::json!({"pid": stranger.pid, "start": stranger.start_time});
    for action in ["monitor", "stop"] {
        fixture.node.write(fixture.record_path(), record.to_string())?;
        match action {
            "monitor" => fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING),
            _ => fixture.stop()?.assert_exit_code(OCF_SUCCESS),
        };
    }
    assert!(fixture.is_alive(&stranger)? && !fixture.is_alive(&jvm)?);
    Ok(())
}
