//! A sandbox is private, complete, and leaves nothing behind.

use std::fs;
use std::io::BufRead;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{Programs, Sandbox, TestkitError, wait_until};

const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

fn new_sandbox() -> Result<Sandbox, TestkitError> {
    Sandbox::with_programs(&Programs::kit_only()?)
}

/// True while a process with this argument is alive anywhere on the machine.
fn is_alive_on_host(word: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("/proc can be listed").flatten();
    processes.map(|entry| entry.path().join("cmdline")).any(|cmdline| {
        fs::read(cmdline)
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|arg| arg == word.as_bytes()))
    })
}

/// A number of seconds to sleep that no other test and no other run uses.
fn unique_sleep(test: u32) -> String {
    (100_000 + std::process::id() * 10 + test).to_string()
}

#[test]
fn directories_are_private() -> Result<(), TestkitError> {
    let node = new_sandbox()?;
    for dir in ["/run", "/tmp", "/opt", "/var/lib", "/var/log", "/dev/shm"] {
        let file = format!("{dir}/testkit-was-here-{}", std::process::id());
        node.write(&file, "x")?;
        node.exec(["test", "-f", &file])?;
        assert!(!Path::new(&file).exists(), "{file} was written on the machine itself");
    }
    Ok(())
}

#[test]
fn host_disk_is_read_only() -> Result<(), TestkitError> {
    let ran = new_sandbox()?.command("touch").arg("/etc/testkit-was-here").run()?;
    assert_eq!(ran.code(), Some(1), "{ran}");
    assert!(ran.stderr.contains("Read-only file system"), "{ran}");
    Ok(())
}

#[test]
fn sandbox_has_loopback_and_mzadmin_user() -> Result<(), TestkitError> {
    let node = new_sandbox()?;
    let link = node.exec(["ip", "-brief", "address", "show", "lo"])?;
    assert!(link.stdout.contains("127.0.0.1"), "{link}");
    let user = node.exec(["id", "mzadmin"])?;
    assert!(user.stdout.starts_with("uid=4711(mzadmin) gid=4711(mzadmin)"), "{user}");
    Ok(())
}

#[test]
fn processes_have_pids_of_the_sandbox() -> Result<(), TestkitError> {
    let node = new_sandbox()?;
    let sleep = unique_sleep(1);
    node.exec(["sh", "-c", &format!("setsid sleep {sleep} >/dev/null 2>&1 & ")])?;
    let found = wait_until("the sleeper in a session of its own", WAIT_TIMEOUT, || {
        let all = node.processes().map_err(|e| e.to_string())?;
        let sleeper = all.iter().find(|p| p.argv == ["sleep", &sleep]).cloned();
        sleeper.ok_or_else(|| format!("{all:?}"))
    })?;
    assert_eq!((found.session, found.group), (found.pid, found.pid));
    assert_eq!(found.ppid, 1, "an orphan belongs to process 1");
    let my_uid = fs::metadata("/proc/self").expect("/proc is there").uid();
    assert_eq!(found.uid, my_uid, "root of the node is the user of the test");
    assert_eq!(node.exec(["pgrep", "-x", "sleep"])?.stdout.trim(), found.pid.to_string());
    Ok(())
}

#[test]
fn orphans_are_reaped() -> Result<(), TestkitError> {
    let node = new_sandbox()?;
    node.exec(["sh", "-c", "true & exec sleep 0"])?;
    wait_until("no process but the first", WAIT_TIMEOUT, || {
        let all = node.processes().map_err(|e| e.to_string())?;
        if all.len() == 1 { Ok(()) } else { Err(format!("{all:?}")) }
    })
}

#[test]
fn dropped_sandbox_ends_all_processes() -> Result<(), TestkitError> {
    let node = new_sandbox()?;
    let sleep = unique_sleep(2);
    node.exec(["sh", "-c", &format!("setsid sleep {sleep} >/dev/null 2>&1 & ")])?;
    wait_until("the sleeper", WAIT_TIMEOUT, || {
        if is_alive_on_host(&sleep) { Ok(()) } else { Err("none".into()) }
    })?;
    drop(node);
    assert!(!is_alive_on_host(&sleep), "a process outlived its sandbox");
    Ok(())
}

/// The test runs itself again, in a process that it kills while that process has a sandbox.
#[test]
fn killed_test_leaves_nothing_behind() -> Result<(), TestkitError> {
    const VICTIM_VARIABLE: &str = "TESTKIT_VICTIM_SLEEP";
    if let Ok(sleep) = std::env::var(VICTIM_VARIABLE) {
        let node = new_sandbox()?;
        node.exec(["sh", "-c", &format!("setsid sleep {sleep} >/dev/null 2>&1 & ")])?;
        println!("\nready to be killed");
        loop {
            std::thread::park();
        }
    }
    let sleep = unique_sleep(3);
    let mut victim = Command::new(std::env::current_exe().expect("a test knows its own path"))
        .args(["--exact", "isolation::killed_test_leaves_nothing_behind", "--nocapture"])
        .env(VICTIM_VARIABLE, &sleep)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a test can run itself");
    let mut lines = std::io::BufReader::new(victim.stdout.take().expect("piped")).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line == "ready to be killed"));
    let sleeper = wait_until("the victim's sleeper", WAIT_TIMEOUT, || {
        if is_alive_on_host(&sleep) { Ok(()) } else { Err("none".into()) }
    });
    victim.kill().expect("it is our child");
    assert_eq!(victim.wait().expect("it is our child").signal(), Some(9));
    sleeper?;
    wait_until("the end of the victim's sandbox", WAIT_TIMEOUT, || {
        if is_alive_on_host(&sleep) { Err("its sleeper lives on".into()) } else { Ok(()) }
    })
}
