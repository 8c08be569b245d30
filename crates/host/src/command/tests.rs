use super::*;
use std::path::Path;

fn test_deadline() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn shell(script: &str) -> Exec {
    Exec {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        environment: vec![
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("GREETING".into(), "hello".into()),
        ],
        directory: "/".into(),
    }
}

fn run_shell(script: &'static str) -> FinishedCommand {
    launch(LeaderOf::ProcessGroup, move || Ok(shell(script)))
        .unwrap()
        .run_until(test_deadline())
        .unwrap()
}

#[test]
fn command_has_its_exit_code_output_and_environment() {
    let finished = run_shell("echo $GREETING; echo oops >&2; env | wc -l; umask; pwd; exit 7");
    assert_eq!(finished.exit_status, ExitStatus::Exited(7));
    // PATH, GREETING, and PWD, which the shell adds.
    assert_eq!(String::from_utf8(finished.stdout).unwrap(), "hello\n3\n0022\n/\n");
    assert_eq!(String::from_utf8(finished.stderr).unwrap(), "oops\n");
    assert_eq!(finished.launch_error, None);
}

#[test]
fn command_ended_by_signal_is_signalled() {
    assert_eq!(run_shell("kill -9 $$").exit_status, ExitStatus::Signalled(9));
}

#[test]
fn command_leads_a_process_group_or_a_session() {
    for company in [LeaderOf::ProcessGroup, LeaderOf::Session] {
        let running = launch(company, || {
            Ok(shell("read -r a b c d group session e < /proc/$$/stat; echo $group $session"))
        })
        .unwrap();
        let pid = running.id().pid;
        let output = String::from_utf8(running.run_until(test_deadline()).unwrap().stdout).unwrap();
        let ids: Vec<i32> = output.split_whitespace().map(|n| n.parse().unwrap()).collect();
        assert_eq!(ids[0], pid.as_raw());
        assert_eq!(ids[1] == pid.as_raw(), company == LeaderOf::Session);
    }
}

#[test]
fn command_does_not_run_before_release() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran");
    let script = format!("touch {}", ran.display());
    let running = launch(LeaderOf::Session, || Ok(shell(&script))).unwrap();
    let id = running.id();
    running.kill().unwrap();
    assert_eq!(id.stat().unwrap(), None);
    assert!(!ran.exists());
}

#[test]
fn command_inherits_no_descriptor() {
    let file = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    let script = format!("[ -e /proc/$$/fd/{number} ] && echo inherited");
    let ran = launch(LeaderOf::ProcessGroup, || Ok(shell(&script)))
        .unwrap()
        .run_until(test_deadline())
        .unwrap();
    assert_eq!(ran.stdout, b"");
    child::set_cloexec_one_by_one();
    assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
}

#[test]
fn hung_command_is_killed_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    let script = format!("sleep 1000 & echo $!; mkfifo {0}; cat {0}", fifo.display());
    let mut running = launch(LeaderOf::ProcessGroup, || Ok(shell(&script))).unwrap();
    running.release().unwrap();
    // The FIFO is there: the sleep was started before.
    let until = test_deadline();
    while !fifo.exists() {
        assert!(Instant::now() < until, "the command never came to its FIFO");
        let CommandEvent::DeadlineReached(same) =
            running.wait(Instant::now() + Duration::from_millis(5), None).unwrap()
        else {
            panic!("it ended")
        };
        running = same;
    }
    let finished = running.kill().unwrap();
    assert_eq!(finished.exit_status, ExitStatus::TimedOut);
    let sleeper: i32 = String::from_utf8(finished.stdout).unwrap().trim().parse().unwrap();
    let sleeper = Pid::new(sleeper).unwrap();
    let until = test_deadline();
    while Stat::read(sleeper).unwrap().is_some_and(|s| !s.is_dead()) {
        assert!(Instant::now() < until, "the child of the command lives");
        crate::sleep_capped(Duration::from_millis(5), until);
    }
}

#[test]
fn output_is_read_until_the_command_ends_though_the_pipe_is_open() {
    let begun = Instant::now();
    // The sleeper keeps the pipe open, in a session of its own, beyond the command's end.
    let finished = run_shell("setsid sleep 1000 & echo $!");
    assert_eq!(finished.exit_status, ExitStatus::Exited(0));
    assert!(begun.elapsed() < Duration::from_secs(15));
    let sleeper: i32 = String::from_utf8(finished.stdout).unwrap().trim().parse().unwrap();
    if let Some(stat) = Stat::read(Pid::new(sleeper).unwrap()).unwrap() {
        stat.id().open().unwrap().unwrap().signal(Signal::KILL).unwrap();
    }
}

#[test]
fn process_group_is_killed_when_its_command_ends() {
    let finished = run_shell("sleep 1000 & echo $!");
    assert_eq!(finished.exit_status, ExitStatus::Exited(0));
    let sleeper: i32 = String::from_utf8(finished.stdout).unwrap().trim().parse().unwrap();
    let until = test_deadline();
    while Stat::read(Pid::new(sleeper).unwrap()).unwrap().is_some_and(|stat| !stat.is_dead()) {
        assert!(Instant::now() < until, "it lives");
        crate::sleep_capped(Duration::from_millis(5), until);
    }
}

#[test]
fn long_output_is_drained_and_kept_within_its_limit() {
    let finished = run_shell("echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last");
    assert_eq!(finished.exit_status, ExitStatus::Exited(0));
    let text = String::from_utf8(finished.stdout).unwrap();
    assert!(text.len() < DEFAULT_OUTPUT_BYTES + 100, "{}", text.len());
    assert!(text.starts_with("first\n") && text.ends_with("\nlast\n"));
    assert!(text.contains("bytes left out"));
}

#[test]
fn each_stream_has_its_own_limit_and_order() {
    let finished = run_shell(
        "echo warning >&2; printf 17; head -c 5000000 /dev/zero | tr '\\0' x >&2; echo last >&2",
    );
    assert_eq!(finished.stdout, b"17");
    let output = String::from_utf8(finished.output()).unwrap();
    assert!(output.starts_with("17\nwarning\nx") && output.ends_with("xlast\n"));
    assert!(output.contains("bytes left out"));
    assert!(output.len() < DEFAULT_OUTPUT_BYTES + 100, "{}", output.len());
}

#[test]
fn output_limit_can_be_raised() {
    let numbers = launch(LeaderOf::ProcessGroup, || Ok(shell("seq 100000")))
        .unwrap()
        .with_output_limit(1 << 20);
    let text = String::from_utf8(numbers.run_until(test_deadline()).unwrap().stdout).unwrap();
    assert!(
        text.starts_with("1\n2\n") && text.contains("\n50000\n") && text.ends_with("\n100000\n")
    );
    assert!(!text.contains("left out"));
}

#[test]
fn launch_error_says_why_the_command_was_not_executed() {
    let finished = launch(LeaderOf::ProcessGroup, || Err("mz_home: not there".into()))
        .unwrap()
        .run_until(test_deadline())
        .unwrap();
    assert_eq!(finished.launch_error, Some(LaunchError::NotPrepared("mz_home: not there".into())));

    let missing = Exec { program: "/no/such/program".into(), ..shell("") };
    let finished =
        launch(LeaderOf::ProcessGroup, || Ok(missing)).unwrap().run_until(test_deadline()).unwrap();
    assert_eq!(finished.outcome().to_string(), "/no/such/program does not exist");
    assert_eq!(
        finished.launch_error,
        Some(LaunchError::NotFound { program: "/no/such/program".into() })
    );

    let nowhere = Exec { directory: "/no/such/directory".into(), ..shell("") };
    let finished =
        launch(LeaderOf::ProcessGroup, || Ok(nowhere)).unwrap().run_until(test_deadline()).unwrap();
    assert!(
        finished
            .outcome()
            .to_string()
            .starts_with("directory /no/such/directory can't be entered: ")
    );

    let directory = Exec { program: Path::new("/etc").into(), ..shell("") };
    let finished = launch(LeaderOf::ProcessGroup, || Ok(directory))
        .unwrap()
        .run_until(test_deadline())
        .unwrap();
    assert_eq!(
        finished.outcome().to_string(),
        "/etc can't be executed: Permission denied (os error 13)"
    );
}

#[test]
fn hung_prepare_does_not_block_the_caller() {
    let begun = Instant::now();
    let hung = launch(LeaderOf::ProcessGroup, || {
        loop {
            std::thread::park();
        }
    })
    .unwrap();
    let finished = hung.run_until(begun + Duration::from_millis(50)).unwrap();
    assert_eq!(finished.exit_status, ExitStatus::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn command_not_executed_in_time_is_reported_as_waiting() {
    let hung = launch(LeaderOf::ProcessGroup, || {
        loop {
            std::thread::park();
        }
    })
    .unwrap();
    let finished = hung.run_until(Instant::now() + Duration::from_millis(50)).unwrap();
    let not_executed = LaunchError::NotExecutedInTime { seconds: 0, on_storage: false };
    assert_eq!(finished.launch_error, Some(not_executed));
    assert_eq!(finished.survivors, []);
    // One that was executed has only itself to blame.
    let mut slow =
        launch(LeaderOf::ProcessGroup, || Ok(shell("echo here; exec tail -f /dev/null"))).unwrap();
    slow.release().unwrap();
    while slow.stdout.kept.is_empty() {
        let CommandEvent::DeadlineReached(same) =
            slow.wait(Instant::now() + Duration::from_millis(5), None).unwrap()
        else {
            panic!("it ended")
        };
        slow = same;
    }
    let finished = slow.kill().unwrap();
    assert_eq!((finished.exit_status, finished.launch_error), (ExitStatus::TimedOut, None));
}

#[test]
fn command_has_the_given_limits() {
    let who = || {
        let limits = Limits { open_files: Some(77), processes: Some(4711), umask: 0o027 };
        let own = Credentials::from_process(Pid::own()).map_err(|e| e.to_string())?;
        Ok(RunAs { user: own, limits })
    };
    let script = "ulimit -Sn; ulimit -Hn; umask; while read -r l; do case $l in *processes*) echo $l;; esac; done </proc/$$/limits";
    let finished = launch_as(LeaderOf::ProcessGroup, who, |_| Ok(shell(script)))
        .unwrap()
        .run_until(test_deadline())
        .unwrap();
    let said = String::from_utf8(finished.stdout).unwrap();
    assert_eq!(said, "77\n77\n0027\nMax processes 4711 4711 processes\n");
}
