//! The product's pid file: no answer depends on it, and no process is signalled by it.

use testkit::assertions::{AgentAssertions, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, MZ_HOME, describe_processes, fixture};
use testkit::{NodeProcess, TestResult, TestkitError};

const PID_FILE: &str = "/opt/mz/log/platform.pid";

/// Shell commands that replace the pid file.
const UNUSABLE_PID_FILES: [(&str, &str); 8] = [
    ("missing", "true"),
    ("empty", ": >$file"),
    ("garbage", "head -c 4096 /dev/urandom >$file"),
    ("a number that is no process's", "echo 999999999999 >$file"),
    ("a negative number", "echo -1 >$file"),
    ("100 MB of nothing", "truncate -s 100M $file"),
    ("a directory", "mkdir $file"),
    ("a FIFO that nobody writes", "mkfifo $file"),
];

fn replace_pid_file(fixture: &Fixture, line: &str) -> TestResult {
    fixture
        .sh(&format!(
            "file={PID_FILE}; rm -rf $file; {line}; chown --reference=/opt/mz/log $file 2>/dev/null || true"
        ))
        .map(drop)
}

/// Whatever the pid file is or contains, a running Platform is found without it, monitored and stopped, by
/// signals too.
#[test]
fn unusable_pid_file_hides_no_running_pico() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for (what, line) in UNUSABLE_PID_FILES {
        let pid = fixture.start_by_mzsh()?.pid;
        replace_pid_file(&fixture, line)?;
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.recorded_pid()?, Some(pid), "{what}");
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.away")?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        fixture.sh("mv /opt/mz/bin/mzsh.away /opt/mz/bin/mzsh")?;
        replace_pid_file(&fixture, "true")?;
    }
    Ok(())
}

/// Whatever the pid file is or contains, an absent Platform is reported as not running at once, and a stop
/// has nothing to do.
#[test]
fn unusable_pid_file_of_absent_pico_is_ignored_without_delay() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for (what, line) in UNUSABLE_PID_FILES {
        replace_pid_file(&fixture, line)?;
        fixture
            .probe()?
            .assert_exit_code(OCF_NOT_RUNNING)
            .assert_reason(&["platform", "not running"]);
        for level in [0, 10] {
            fixture.monitor(level)?.assert_exit_code(OCF_NOT_RUNNING);
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.mzsh_call_count("")?, 0, "{what}");
    }
    Ok(())
}

/// A live process whose pid is in the pid file of an absent Platform.
fn start_other_process(fixture: &Fixture, who: &str) -> Result<NodeProcess, TestkitError> {
    match who {
        "any process" => fixture.start_unrelated_process(),
        // As on the other node of a shared installation, where that pid is a JVM of this installation.
        "another pico" => {
            fixture.mzsh(&["startup", "ec1"])?.expect_code(0)?;
            fixture.single_pico("ec1")
        }
        "another pico whose name begins alike" => {
            fixture.mzsh(&["startup", "platform2"])?.expect_code(0)?;
            fixture.single_pico("platform2")
        }
        "a root's java" => fixture.start_fake_pico_as(fixture.node.command("sh"), "ec1", ""),
        "the Platform of another installation" => {
            fixture.install_second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
            fixture.mzsh_in("/opt/mz2", &["startup", "platform"])?.expect_code(0)?;
            fixture.single_pico_in("/opt/mz2", "platform")
        }
        _ => {
            let line = format!("{MZ_HOME}/java/bin/java -version; exec -a java sleep 1000000");
            fixture.sh(&format!("setsid bash -c '{line}' </dev/null >/dev/null 2>&1 &"))?;
            fixture.wait_for_process(&["java", "1000000"])
        }
    }
}

/// A pid file names a process that is not the Platform: another pico, the same pico of another installation,
/// a java of root, or any other process. Monitor and probe answer "not running", a stop succeeds, a start
/// starts, and that process is never touched.
#[test]
fn pid_file_naming_unrelated_process_is_ignored() -> TestResult {
    for who in [
        "any process",
        "another pico",
        "another pico whose name begins alike",
        "a root's java",
        "the Platform of another installation",
        "a java that is no pico",
    ] {
        let fixture = fixture(AgentKind::Platform)
            .pico("ec1:ec")
            .pico("platform2:sc")
            .set("ec_startup_without_platform=start");
        let fixture = fixture.build()?;
        let other = start_other_process(&fixture, who)?;
        let calls = fixture.mzsh_call_count("")?;
        replace_pid_file(&fixture, &format!("echo {} >$file", other.pid))?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        for level in [0, 10] {
            fixture.monitor(level)?.assert_exit_code(OCF_NOT_RUNNING);
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.mzsh_call_count("")?, calls, "{who}: mzsh is not asked to end it");
        assert!(fixture.is_alive(&other)?, "{who}");

        let pid = fixture.start()?.pid;
        assert_ne!(pid, other.pid);
        replace_pid_file(&fixture, &format!("echo {} >$file", other.pid))?;
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.signal(pid, "KILL")?;
        fixture
            .monitor(0)?
            .assert_exit_code(OCF_NOT_RUNNING)
            .assert_reason(&[&format!("pid {pid} ")]);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(fixture.is_alive(&other)?, "{who}");
        assert_eq!(
            (fixture.mzsh_call_count("kill")?, fixture.pico_processes("platform")?.len()),
            (0, 0),
            "{who}"
        );
    }
    Ok(())
}

/// A running Platform whose pid file names another process is ended by a stop without mzsh. The other process
/// lives on.
#[test]
fn stop_ends_running_pico_and_not_process_named_in_pid_file() -> TestResult {
    for real in [true, false] {
        let fixture = fixture(AgentKind::Platform).real_jvm(real).build()?;
        let jvm = fixture.start_by_mzsh()?;
        let other = fixture.start_unrelated_process()?;
        replace_pid_file(&fixture, &format!("echo {} >$file", other.pid))?;
        fixture.override_mzsh_verb("shutdown", "exit 4")?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&jvm)?);
        assert_eq!(fixture.pids()?, [other.pid], "{}", describe_processes(&fixture.processes()?));
        assert_eq!(fixture.mzsh_call_count("kill")?, 0);
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// The stale pid file of an EC has the pid of another EC's JVM: each is monitored and stopped separately.
#[test]
fn stale_pid_file_naming_other_ec_is_ignored() -> TestResult {
    let fixture = fixture(AgentKind::Ec).jvm().pico("ec2:ec").build()?;
    fixture.mzsh(&["startup", "ec2"])?.expect_code(0)?;
    let other = fixture.single_pico("ec2")?;
    let lie = || {
        fixture.sh(&format!("rm -f $f; echo {} >$f; chown --reference=/opt/mz/log $f", other.pid)
            .replace("$f", "/opt/mz/log/ec1.pid"))
    };
    lie()?;
    let ec2 = || fixture.agent().param("pico_name", "ec2").instance("ec2");
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    ec2().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(fixture.is_alive(&other)?);
    let ec1 = fixture.start()?;
    lie()?;
    ec2().run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&other)? && fixture.is_alive(&ec1)?);
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// No agent opens a pid file: a probe, a monitor of any depth and a stop leave its access time unchanged.
#[test]
fn pid_file_is_never_read() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    // The file is on a file system of its own, which updates the access time at every read.
    fixture.sh(&format!(
        "cp {PID_FILE} /opt/pid && mount -t tmpfs -o strictatime tmpfs /opt/mz/log && cp /opt/pid {PID_FILE} \
         && chmod 777 /opt/mz/log && touch -a -d 2001-01-01 {PID_FILE}"
    ))?;
    let read = || fixture.sh(&format!("stat -c %X {PID_FILE}"));
    let before = read()?;
    fixture.probe()?.assert_exit_code(OCF_SUCCESS);
    for level in [0, 10] {
        fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS);
    }
    assert_eq!(read()?, before);
    fixture.sh(&format!("cat {PID_FILE}"))?;
    assert_ne!(read()?, before, "a reading would have been seen");
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}
