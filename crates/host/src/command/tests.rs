use super::*;
use std::path::Path;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn shell(script: &str) -> Exec {
    Exec {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        environment: vec![("PATH".into(), "/usr/bin:/bin".into()), ("GREETING".into(), "hello".into())],
        directory: "/".into(),
    }
}

fn run(script: &'static str) -> Finished {
    launch(Company::Group, move || Ok(shell(script))).unwrap().run(soon()).unwrap()
}

#[test]
fn code_output_and_environment_are_the_commands() {
    let finished = run("echo $GREETING; echo oops >&2; env | wc -l; umask; pwd; exit 7");
    assert_eq!(finished.end, End::Exited(7));
    // PATH, GREETING, and PWD, which the shell adds.
    assert_eq!(String::from_utf8(finished.output).unwrap(), "hello\noops\n3\n0022\n/\n");
    assert_eq!(finished.refused, None);
}

#[test]
fn a_signal_is_told_from_a_code() {
    assert_eq!(run("kill -9 $$").end, End::Signalled(9));
}

#[test]
fn the_command_leads_a_group_or_a_session() {
    for company in [Company::Group, Company::Session] {
        let running = launch(company, || {
            Ok(shell("read -r a b c d group session e < /proc/$$/stat; echo $group $session"))
        })
        .unwrap();
        let pid = running.id().pid;
        let output = String::from_utf8(running.run(soon()).unwrap().output).unwrap();
        let ids: Vec<i32> = output.split_whitespace().map(|n| n.parse().unwrap()).collect();
        assert_eq!(ids[0], pid.as_raw());
        assert_eq!(ids[1] == pid.as_raw(), company == Company::Session);
    }
}

#[test]
fn nothing_runs_before_go() {
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran");
    let script = format!("touch {}", ran.display());
    let running = launch(Company::Session, || Ok(shell(&script))).unwrap();
    let id = running.id();
    running.kill_group().unwrap();
    assert_eq!(id.stat().unwrap(), None);
    assert!(!ran.exists());
}

#[test]
fn a_descriptor_of_the_callers_does_not_reach_the_command() {
    let file = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    let script = format!("[ -e /proc/$$/fd/{number} ] && echo inherited");
    let ran = launch(Company::Group, || Ok(shell(&script))).unwrap().run(soon()).unwrap();
    assert_eq!(ran.output, b"");
    child::mark_one_by_one();
    assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
}

#[test]
fn a_command_that_hangs_is_ended_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    let script = format!("sleep 1000 & echo $!; mkfifo {0}; cat {0}", fifo.display());
    let mut running = launch(Company::Group, || Ok(shell(&script))).unwrap();
    running.go().unwrap();
    // The FIFO is there: the sleep was started before.
    let until = soon();
    while !fifo.exists() {
        assert!(Instant::now() < until, "the command never came to its FIFO");
        let Event::Time(same) = running.wait(Instant::now() + Duration::from_millis(5), None).unwrap() else {
            panic!("it ended")
        };
        running = same;
    }
    let finished = running.kill_group().unwrap();
    assert_eq!(finished.end, End::TimedOut);
    let sleeper: i32 = String::from_utf8(finished.output).unwrap().trim().parse().unwrap();
    let sleeper = Pid::new(sleeper).unwrap();
    let until = soon();
    while Stat::read(sleeper).unwrap().is_some_and(|s| !s.is_dead()) {
        assert!(Instant::now() < until, "the child of the command lives");
        crate::pause(Duration::from_millis(5), until);
    }
}

#[test]
fn output_is_read_to_the_end_of_the_command_not_of_the_pipe() {
    let begun = Instant::now();
    // The sleeper keeps the pipe open, in a session of its own, beyond the command's end.
    let finished = run("setsid sleep 1000 & echo $!");
    assert_eq!(finished.end, End::Exited(0));
    assert!(begun.elapsed() < Duration::from_secs(15));
    let sleeper: i32 = String::from_utf8(finished.output).unwrap().trim().parse().unwrap();
    if let Some(stat) = Stat::read(Pid::new(sleeper).unwrap()).unwrap() {
        stat.id().open().unwrap().unwrap().signal(Signal::KILL).unwrap();
    }
}

#[test]
fn what_a_question_leaves_in_its_group_ends_with_it() {
    let finished = run("sleep 1000 & echo $!");
    assert_eq!(finished.end, End::Exited(0));
    let sleeper: i32 = String::from_utf8(finished.output).unwrap().trim().parse().unwrap();
    let until = soon();
    while Stat::read(Pid::new(sleeper).unwrap()).unwrap().is_some_and(|stat| !stat.is_dead()) {
        assert!(Instant::now() < until, "it lives");
        crate::pause(Duration::from_millis(5), until);
    }
}

#[test]
fn megabytes_are_read_and_bounded() {
    let finished = run("echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last");
    assert_eq!(finished.end, End::Exited(0));
    let text = String::from_utf8(finished.output).unwrap();
    assert!(text.len() < KEPT + 100, "{}", text.len());
    assert!(text.starts_with("first\n") && text.ends_with("\nlast\n"));
    assert!(text.contains("bytes left out"));
}

#[test]
fn who_wants_more_than_the_usual_is_given_it() {
    let numbers = launch(Company::Group, || Ok(shell("seq 100000"))).unwrap().keeping(1 << 20);
    let text = String::from_utf8(numbers.run(soon()).unwrap().output).unwrap();
    assert!(text.starts_with("1\n2\n") && text.contains("\n50000\n") && text.ends_with("\n100000\n"));
    assert!(!text.contains("left out"));
}

#[test]
fn what_prevents_the_command_is_said() {
    let finished = launch(Company::Group, || Err("mz_home: not there".into())).unwrap().run(soon()).unwrap();
    assert_eq!(finished.refused.as_deref(), Some("mz_home: not there"));

    let missing = Exec { program: "/no/such/program".into(), ..shell("") };
    let finished = launch(Company::Group, || Ok(missing)).unwrap().run(soon()).unwrap();
    assert_eq!(finished.refused.as_deref(), Some("/no/such/program does not exist"));

    let directory = Exec { program: Path::new("/etc").into(), ..shell("") };
    let finished = launch(Company::Group, || Ok(directory)).unwrap().run(soon()).unwrap();
    assert!(finished.refused.unwrap().starts_with("/etc can't be executed: "));
}

#[test]
fn a_preparation_that_hangs_does_not_hold_the_caller() {
    let begun = Instant::now();
    let hung = launch(Company::Group, || {
        loop {
            std::thread::park();
        }
    })
    .unwrap();
    let finished = hung.run(begun + Duration::from_millis(50)).unwrap();
    assert_eq!(finished.end, End::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_was_not_executed_when_its_time_was_over_is_said_to_wait() {
    let hung = launch(Company::Group, || {
        loop {
            std::thread::park();
        }
    })
    .unwrap();
    let finished = hung.run(Instant::now() + Duration::from_millis(50)).unwrap();
    assert_eq!(finished.refused.as_deref(), Some("storage or name service has not answered for 0 s"));
    assert_eq!(finished.left, []);
    // One that was executed has only itself to blame.
    let mut slow = launch(Company::Group, || Ok(shell("echo here; exec tail -f /dev/null"))).unwrap();
    slow.go().unwrap();
    while slow.kept.is_empty() {
        let Event::Time(same) = slow.wait(Instant::now() + Duration::from_millis(5), None).unwrap() else {
            panic!("it ended")
        };
        slow = same;
    }
    let finished = slow.kill_group().unwrap();
    assert_eq!((finished.end, finished.refused), (End::TimedOut, None));
}

#[test]
fn limits_are_the_commands() {
    let who = || {
        let limits = Limits { open_files: Some(77), processes: Some(4711), umask: 0o027 };
        let own = Credentials::of_process(Pid::own()).map_err(|e| e.to_string())?;
        Ok(RunAs { user: own, limits })
    };
    let script = "ulimit -Sn; ulimit -Hn; umask; while read -r l; do case $l in *processes*) echo $l;; esac; done </proc/$$/limits";
    let finished = launch_as(Company::Group, who, |_| Ok(shell(script))).unwrap().run(soon()).unwrap();
    let said = String::from_utf8(finished.output).unwrap();
    assert_eq!(said, "77\n77\n0027\nMax processes 4711 4711 processes\n");
}
