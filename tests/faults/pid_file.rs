//! The product's pid file, whatever it says: no answer rests on it, and nobody is signalled by it.

use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::site::{HOME, Kind, Site, in_short, site};
use testkit::{Done, Error, Process};

/// Where it is.
const FILE: &str = "/opt/mz/log/platform.pid";

/// What is laid in its place, by a line for the shell.
const NO_NUMBER: [(&str, &str); 8] = [
    ("missing", "true"),
    ("empty", ": >$file"),
    ("garbage", "head -c 4096 /dev/urandom >$file"),
    ("a number that is no process's", "echo 999999999999 >$file"),
    ("a negative number", "echo -1 >$file"),
    ("100 MB of nothing", "truncate -s 100M $file"),
    ("a directory", "mkdir $file"),
    ("a FIFO that nobody writes", "mkfifo $file"),
];

fn lay(site: &Site, line: &str) -> Done {
    site.sh(&format!(
        "file={FILE}; rm -rf $file; {line}; chown --reference=/opt/mz/log $file 2>/dev/null || true"
    ))
    .map(drop)
}

/// Whatever the pid file is or holds, a running Platform is found without it, monitored and stopped, by signals too.
#[test]
fn a_pid_file_of_no_use_hides_no_running_pico() -> Done {
    let site = site(Kind::Platform).build()?;
    for (what, line) in NO_NUMBER {
        let pid = site.start_by_hand()?.pid;
        lay(&site, line)?;
        site.probe()?.answers(OK).silently();
        assert_eq!(site.recorded()?, Some(pid), "{what}");
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        site.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.away")?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
        site.sh("mv /opt/mz/bin/mzsh.away /opt/mz/bin/mzsh")?;
        lay(&site, "true")?;
    }
    Ok(())
}

/// Whatever the pid file is or holds, a Platform that does not run is said not to run, at once, and a stop has nothing to do.
#[test]
fn a_pid_file_of_no_use_makes_no_pico_of_nothing_and_holds_nobody_up() -> Done {
    let site = site(Kind::Platform).build()?;
    for (what, line) in NO_NUMBER {
        lay(&site, line)?;
        site.probe()?.answers(NOT_RUNNING).because(&["platform", "not running"]);
        for level in [0, 10] {
            site.monitor(level)?.answers(NOT_RUNNING);
        }
        site.stop()?.answers(OK).silently();
        assert_eq!(site.calls("")?, 0, "{what}");
    }
    Ok(())
}

/// Somebody who lives, and whose number is in the file of a Platform that does not.
fn somebody_else(site: &Site, who: &str) -> Result<Process, Error> {
    match who {
        "any process" => site.stranger(),
        // As on the other node of a shared installation, where the same number is a JVM of this one.
        "another pico" => {
            site.mzsh(&["startup", "ec1"])?.expect(0)?;
            site.one("ec1")
        }
        "another pico whose name begins alike" => {
            site.mzsh(&["startup", "platform2"])?.expect(0)?;
            site.one("platform2")
        }
        "a root's java" => site.stand_in_by(site.node.command("sh"), "ec1", ""),
        "the Platform of another installation" => {
            site.second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
            site.mzsh_of("/opt/mz2", &["startup", "platform"])?.expect(0)?;
            site.one_of("/opt/mz2", "platform")
        }
        _ => {
            let line = format!("{HOME}/java/bin/java -version; exec -a java sleep 1000000");
            site.sh(&format!("setsid bash -c '{line}' </dev/null >/dev/null 2>&1 &"))?;
            site.until_runs(&["java", "1000000"])
        }
    }
}

/// A pid file whose number is somebody else's now (another pico, the same pico of another installation, a java of root's, any
/// process) makes no running Platform of it: monitor and probe say "not running", a stop succeeds, a start starts, and the other
/// is never touched.
#[test]
fn a_pid_file_whose_number_is_anothers_makes_no_pico_of_that_one() -> Done {
    for who in [
        "any process",
        "another pico",
        "another pico whose name begins alike",
        "a root's java",
        "the Platform of another installation",
        "a java that is no pico",
    ] {
        let site =
            site(Kind::Platform).pico("ec1:ec").pico("platform2:sc").set("ec_startup_without_platform=start");
        let site = site.build()?;
        let other = somebody_else(&site, who)?;
        let calls = site.calls("")?;
        lay(&site, &format!("echo {} >$file", other.pid))?;
        site.probe()?.answers(NOT_RUNNING);
        for level in [0, 10] {
            site.monitor(level)?.answers(NOT_RUNNING);
        }
        site.stop()?.answers(OK).silently();
        assert_eq!(site.calls("")?, calls, "{who}: mzsh is not asked to end it");
        assert!(site.lives(&other)?, "{who}");

        let pid = site.start()?.pid;
        assert_ne!(pid, other.pid);
        lay(&site, &format!("echo {} >$file", other.pid))?;
        site.monitor(10)?.answers(OK).silently();
        site.signal(pid, "KILL")?;
        site.monitor(0)?.answers(NOT_RUNNING).because(&[&format!("pid {pid} ")]);
        site.stop()?.answers(OK);
        assert!(site.lives(&other)?, "{who}");
        assert_eq!((site.calls("kill")?, site.picos("platform")?.len()), (0, 0), "{who}");
    }
    Ok(())
}

/// A Platform that runs while its pid file names another process is ended by a stop without mzsh, and the other lives on.
#[test]
fn a_stop_goes_by_the_process_and_not_by_the_number_in_the_file() -> Done {
    for real in [true, false] {
        let site = site(Kind::Platform).real(real).build()?;
        let jvm = site.start_by_hand()?;
        let other = site.stranger()?;
        lay(&site, &format!("echo {} >$file", other.pid))?;
        site.mzsh_does("shutdown", "exit 4")?;
        site.stop()?.answers(OK);
        assert!(!site.lives(&jvm)?);
        assert_eq!(site.pids()?, [other.pid], "{}", in_short(&site.processes()?));
        assert_eq!(site.calls("kill")?, 0);
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

/// An EC whose stale pid file carries the number of another EC's JVM: each is monitored and stopped for itself.
#[test]
fn a_stale_pid_file_that_names_another_picos_jvm_misleads_nobody() -> Done {
    let site = site(Kind::Ec).jvm().pico("ec2:ec").build()?;
    site.mzsh(&["startup", "ec2"])?.expect(0)?;
    let other = site.one("ec2")?;
    let lie = || {
        site.sh(&format!("rm -f $f; echo {} >$f; chown --reference=/opt/mz/log $f", other.pid)
            .replace("$f", "/opt/mz/log/ec1.pid"))
    };
    lie()?;
    let ec2 = || site.agent().param("pico_name", "ec2").instance("ec2");
    site.probe()?.answers(NOT_RUNNING);
    ec2().run("monitor")?.answers(OK).silently();
    site.stop()?.answers(OK).silently();
    assert!(site.lives(&other)?);
    let ec1 = site.start()?;
    lie()?;
    ec2().run("stop")?.answers(OK);
    assert!(!site.lives(&other)? && site.lives(&ec1)?);
    site.monitor(10)?.answers(OK).silently();
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// No agent so much as opens a pid file: a probe, a monitor of any depth and a stop leave the time of its last reading alone.
#[test]
fn no_agent_reads_the_pid_file() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    // On a file system of its own, which keeps the time of every reading.
    site.sh(&format!(
        "cp {FILE} /opt/pid && mount -t tmpfs -o strictatime tmpfs /opt/mz/log && cp /opt/pid {FILE} \
         && chmod 777 /opt/mz/log && touch -a -d 2001-01-01 {FILE}"
    ))?;
    let read = || site.sh(&format!("stat -c %X {FILE}"));
    let before = read()?;
    site.probe()?.answers(OK);
    for level in [0, 10] {
        site.monitor(level)?.answers(OK);
    }
    assert_eq!(read()?, before);
    site.sh(&format!("cat {FILE}"))?;
    assert_ne!(read()?, before, "a reading would have been seen");
    site.stop()?.answers(OK);
    site.nothing_left()
}
