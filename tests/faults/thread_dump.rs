//! Thread dumps of a JVM that had to be killed.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, MZADMIN_UID, fixture};
use testkit::{TestResult, TestkitError};

use crate::process_cases::FOREIGN_UID;

const DUMP_DIRECTORY: &str = "/var/log/mediationzone-ra";

/// File names, oldest first.
fn dump_files(fixture: &Fixture) -> Result<Vec<String>, TestkitError> {
    Ok(fixture
        .sh(&format!("ls {DUMP_DIRECTORY} 2>/dev/null || :"))?
        .lines()
        .map(str::to_owned)
        .collect())
}

/// A Platform that mzsh cannot shut down.
fn fixture_without_mzsh() -> Result<Fixture, TestkitError> {
    let fixture = fixture(AgentKind::Platform).jvm().build()?;
    fixture.start()?;
    fixture.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.true")?;
    Ok(fixture)
}

/// Before a JVM that does not obey mzsh is killed, the stacks of all its threads are stored on local disk.
/// Only root can read the dump, and the log names the file.
#[test]
fn thread_dump_is_kept_before_kill() -> TestResult {
    let fixture = fixture_without_mzsh()?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    let [name] = dump_files(&fixture)?
        .try_into()
        .unwrap_or_else(|all| panic!("{all:?}: {:?}", fixture.log()));
    let dump = fixture.node.read(format!("{DUMP_DIRECTORY}/{name}"))?;
    assert!(dump.contains("Full thread dump") && dump.contains("\"main\""), "{dump}");
    assert!(name.starts_with("platform."), "{name}");
    assert_eq!(
        fixture.sh(&format!("stat -c '%a %U' {DUMP_DIRECTORY} {DUMP_DIRECTORY}/{name}"))?,
        "700 root\n600 root\n"
    );
    let log = fixture.log()?;
    assert!(log.contains(&format!("{DUMP_DIRECTORY}/{name}")), "{log}");
    assert_eq!(
        fixture.sh("ls -A /tmp | grep -v hsperfdata || :")?,
        "",
        "nothing of the question is left"
    );
    Ok(())
}

/// With `thread_dump=no` a stop makes no thread dump.
#[test]
fn thread_dump_no_takes_none() -> TestResult {
    let fixture = fixture_without_mzsh()?;
    fixture.agent().param("thread_dump", "no").run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    assert_eq!(dump_files(&fixture)?, Vec::<String>::new());
    Ok(())
}

/// However often a JVM has to be killed, a resource keeps only its last ten dumps. Dumps of other resources
/// are not touched.
#[test]
fn thread_dumps_are_limited_to_last_ten_per_resource() -> TestResult {
    let fixture = fixture_without_mzsh()?;
    fixture.sh(&format!("mkdir -m 700 {DUMP_DIRECTORY}"))?;
    let old: Vec<String> = (0..12).map(|n| format!("platform.17000000{n:02}.44.threads")).collect();
    let others = [
        "platform.1.1700000000.44.threads",
        "platform.1700000000.44.hprof",
        "platform2.1700000000.44.threads",
    ];
    for name in old.iter().map(String::as_str).chain(others) {
        fixture.node.write(format!("{DUMP_DIRECTORY}/{name}"), "old")?;
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    let all = dump_files(&fixture)?;
    let (kept, rest): (Vec<String>, Vec<String>) =
        all.into_iter().partition(|name| !others.contains(&name.as_str()));
    assert_eq!(kept.len(), 10, "{kept:?}");
    assert_eq!(kept[..9], old[3..]);
    assert_eq!(rest, others);
    Ok(())
}

/// If no dump can be stored, the JVM is asked to write one to its own log, and the stop goes on.
#[test]
fn thread_dump_goes_to_jvm_log_when_directory_is_unusable() -> TestResult {
    let fixture = fixture_without_mzsh()?;
    fixture.node.write(DUMP_DIRECTORY, "no directory")?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    let log = fixture.node.read("/opt/mz/log/platform_current.log")?;
    assert_eq!(log.matches("Full thread dump").count(), 1, "{log}");
    Ok(())
}

/// Listens on the JVM's socket; `$answer` handles each connection.
const ATTACH_LISTENER: &str = "import socket,os,time
path='/tmp/.java_pid$pid'
s=socket.socket(socket.AF_UNIX)
s.bind(path)
os.chmod(path,0o777)
s.listen(5)
while True:
    c,_=s.accept()
    open('/opt/asked','w').close()
    try:
        $answer
    except Exception: pass
    c.close()
";

/// Another process answers on the JVM's attach socket, of another user or of the JVM's user, or another
/// user's file blocks the request. It is named, gets no data, and delays nothing. None of its output is kept,
/// and the JVM writes its threads to its own log.
#[test]
fn thread_dump_socket_of_other_process_is_named_and_not_used() -> TestResult {
    let forges = "c.recv(100); c.sendall(b'0\\nFORGED'+b'x'*2000000)";
    for (user, answer, why) in [
        (FOREIGN_UID, forges, "has laid /tmp/.java_pid"),
        (FOREIGN_UID, "time.sleep(100)", "has laid /tmp/.java_pid"),
        (FOREIGN_UID, "", "has laid /tmp/.attach_pid"),
        (MZADMIN_UID, forges, " listens there"),
    ] {
        let fixture = fixture_without_mzsh()?;
        if fixture.node.owner() == "root" {
            return Ok(());
        }
        let pid = fixture.recorded_pid()?.expect("it runs").to_string();
        fixture.sh("install -m 777 -d /opt/asked.d")?;
        let script = ATTACH_LISTENER
            .replace("$pid", &pid)
            .replace("$answer", answer)
            .replace("/opt/asked", "/opt/asked.d/by");
        fixture.node.write("/opt/listen.py", script)?;
        let line = if answer.is_empty() {
            format!("touch /tmp/.attach_pid{pid}")
        } else {
            "python3 /opt/listen.py </dev/null >/dev/null 2>&1 & sleep 0.5".to_owned()
        };
        fixture.sh(&format!(
            "setpriv --reuid {user} --regid {user} --clear-groups setsid sh -c '{line}'"
        ))?;
        let ran = fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(ran.wall_time < Duration::from_secs(3), "{ran}");
        let log = fixture.log()?;
        assert!(log.contains("no thread dump of ") && log.contains(why), "{why}: {log}");
        assert_eq!(dump_files(&fixture)?, Vec::<String>::new());
        if user == FOREIGN_UID {
            assert_eq!(fixture.sh("ls /opt/asked.d")?, "", "nobody has come to the stranger");
        }
        let log = fixture.node.read("/opt/mz/log/platform_current.log")?;
        assert!(log.contains("Full thread dump"), "{log}");
    }
    Ok(())
}
