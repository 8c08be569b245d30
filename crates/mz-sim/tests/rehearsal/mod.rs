//! An installation in a directory of its own. A drop ends its processes, also when a test panics.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mz_sim::{Installation, PicoKind, PicoSpec};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// The simulator under test.
pub(crate) const MZ_SIM: &str = env!("CARGO_BIN_EXE_mz-sim");
/// Longer than any event takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// See the module.
pub(crate) struct Rehearsal {
    pub(crate) mz: Installation,
    _dir: TempDir,
}

/// The result of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Rehearsal {
    /// An installation with the Platform, `ec1`, `ec10`, `sc1` and `ui`, on free ports and with
    /// short times.
    pub(crate) fn new(jvm: bool, settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut builder =
            Installation::builder(dir.path().join("mz")).binary(MZ_SIM).free_ports(true).jvm(jvm);
        let picos = [
            ("platform", PicoKind::Platform),
            ("ec1", PicoKind::Ec),
            ("ec10", PicoKind::Ec),
            ("sc1", PicoKind::Sc),
            ("ui", PicoKind::Ui),
        ];
        for (name, kind) in picos {
            builder = builder.pico(PicoSpec::new(name, kind));
        }
        let short = [
            "start_time=20ms",
            "stop_time=10ms",
            "mzsh_time=0ms",
            "status_without_platform_time=0ms",
        ];
        for setting in short.iter().chain(settings) {
            builder = builder.set(*setting);
        }
        Self { mz: builder.install().unwrap(), _dir: dir }
    }

    pub(crate) fn mzsh(&self, line: &str) -> Said {
        let mut command = Command::new(self.mz.mzsh());
        said(command.args(line.split(' ')).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs `mzsh startup`, which must succeed.
    pub(crate) fn up(&self, picos: &str) {
        let said = self.mzsh(&format!("startup {picos}"));
        assert_eq!(said.code, 0, "{said:?}, {:?}", self.mz.history());
        assert!(said.text.contains("done."), "{said:?}");
    }

    /// Runs `java -cp lib/ha.jar com.digitalroute.ha.HAClient PORT ...` with the port from the
    /// registry.
    pub(crate) fn ha(&self, pico: &str, rest: &[&str]) -> Said {
        let registry = self.mz.registry().unwrap();
        let pico = registry.pico(pico).unwrap().unwrap();
        let java = self.mzsh("topo env").text;
        let java =
            java.lines().find_map(|line| line.strip_prefix("JAVA_HOME=")).unwrap().to_owned();
        let mut client = Command::new(Path::new(&java).join("bin/java"));
        client
            .args(["-XX:-UsePerfData", "-cp"])
            .arg(self.mz.ha_jar())
            .arg("com.digitalroute.ha.HAClient");
        said(client.arg(pico.property("mz.ha.port").unwrap()).args(rest).output().unwrap())
    }

    /// The only process of this pico, found in /proc.
    pub(crate) fn pid(&self, pico: &str) -> Pid {
        let found = self.processes(pico);
        assert_eq!(found.len(), 1, "processes of {pico}: {found:?}");
        found[0]
    }

    /// The processes of this installation whose last argument is `pico` and whose main class is a
    /// pico's.
    pub(crate) fn processes(&self, pico: &str) -> Vec<Pid> {
        of_home(self.mz.home())
            .into_iter()
            .filter(|pid| {
                let args = arguments(*pid);
                let main = args.iter().rev().nth(1);
                args.last().is_some_and(|last| last == pico)
                    && main.is_some_and(|main| {
                        main.ends_with("PicoStart") || main.ends_with("CodeServerMain")
                    })
            })
            .collect()
    }

    pub(crate) fn signal(&self, pico: &str, signal: Signal) -> Pid {
        let pid = self.pid(pico);
        kill(pid, signal).unwrap();
        pid
    }

    /// Sets properties of a pico in the registry, as a HOCON object.
    pub(crate) fn properties(&self, pico: &str, properties: &str) {
        let path = self.mz.pico_config_path(pico);
        let conf = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{conf}config.properties {{ {properties} }}\n")).unwrap();
    }

    pub(crate) fn set(&self, setting: &str) {
        self.mz.set([setting]).unwrap();
    }

    /// The events of a pico, in order.
    pub(crate) fn events(&self, pico: &str) -> Vec<String> {
        let history = self.mz.history().unwrap();
        history.iter().filter(|event| event.pico == pico).map(|event| event.event.clone()).collect()
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        // Repeat until a scan finds none, because a new pico is not in /proc at once.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = of_home(self.mz.home());
            if left.is_empty() || Instant::now() > deadline {
                break;
            }
            for pid in left {
                let _ = kill(pid, Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

pub(crate) fn said(output: Output) -> Said {
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    Said { code: output.status.code().unwrap_or(-1), text }
}

/// The command line of a process; empty if it is gone.
pub(crate) fn arguments(pid: Pid) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = line.strip_suffix(b"\0").unwrap_or(&line);
    line.split(|byte| *byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
}

/// Fields of `/proc/PID/stat`, from the state (0) on: 2 is the process group, 3 the session.
pub(crate) fn stat(pid: Pid) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .map(|(_, rest)| rest.split(' ').map(str::to_owned).collect())
        .unwrap_or_default()
}

fn of_home(home: &Path) -> Vec<Pid> {
    let marker = format!("-Dmz.home={}", home.display());
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .filter(|pid| arguments(*pid).contains(&marker))
        .collect()
}

/// Waits for a condition; panics with the last state.
pub(crate) fn wait_until<T: std::fmt::Debug>(
    what: &str,
    mut look: impl FnMut() -> T,
    good: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if good(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} until {what}; last seen: {seen:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The lifecycle of a Platform and an EC, for native picos and for real JVMs.
pub(crate) fn whole_life(jvm: bool) {
    let mz = Rehearsal::new(jvm, &["rcp_timeout=500ms"]);
    assert_eq!(
        mz.mzsh("status platform"),
        Said { code: 2, text: "platform is not running\n".into() }
    );
    mz.up("platform ec1");
    assert_eq!(mz.mzsh("startup ec1"), Said { code: 0, text: "ec1 is already running\n".into() });
    assert_eq!(mz.mzsh("status platform ec1").code, 0);
    assert_eq!(mz.ha("ec1", &[]), Said { code: 0, text: "OK\n".into() });

    mz.set("ec1.ha_answer=FAILED too many \"aborts\"");
    assert_eq!(
        mz.ha("ec1", &["127.0.0.1", "5"]),
        Said { code: 1, text: "FAILED too many \"aborts\"\n".into() }
    );
    assert_eq!(mz.ha("platform", &[]).code, 0, "only ec1 was set");

    // A hung server: the kernel still accepts, but nothing answers.
    let pid = mz.signal("ec1", Signal::SIGSTOP);
    let hung =
        Said { code: 1, text: "ec1 is not responding but the process is still running\n".into() };
    assert_eq!(mz.mzsh("status ec1"), hung);
    assert_eq!(mz.ha("ec1", &["127.0.0.1", "1"]).code, 1);
    assert_eq!(mz.mzsh("startup ec1").code, 255);
    let forced = mz.mzsh("startup -f ec1");
    assert_eq!((forced.code, forced.text.contains("is in use")), (104, true), "{forced:?}");
    assert_eq!(mz.pid("ec1"), pid, "the old instance lives, and is the only one");
    let shutdown = mz.mzsh("shutdown ec1");
    assert_eq!(
        (shutdown.code, shutdown.text.contains("Trying kill instead.")),
        (0, true),
        "{shutdown:?}"
    );
    assert_eq!(mz.processes("ec1"), []);

    // SIGTERM stops the pico in order.
    mz.up("ec1");
    mz.signal("ec1", Signal::SIGTERM);
    wait_until("ec1 is gone", || mz.processes("ec1"), Vec::is_empty);
    assert!(!mz.mz.pid_file("ec1").exists());
    assert_eq!(mz.events("ec1").last().unwrap(), "end");

    mz.up("ec1");
    assert_eq!(mz.mzsh("kill platform").code, 0);
    let alone = "ec1 is running without contact with the platform RCP service\n";
    wait_until("ec1 misses the Platform", || mz.mzsh("status ec1").text, |text| text == alone);
    mz.up("platform");
    wait_until(
        "ec1 finds it again",
        || mz.mzsh("status ec1").text,
        |text| text == "ec1 is running\n",
    );

    assert_eq!(
        mz.mzsh("shutdown ec1 platform").text,
        "Shutting down ec1...done.\nShutting down platform...done.\n"
    );
    assert_eq!(
        mz.mzsh("shutdown platform"),
        Said { code: 0, text: "platform is not running\n".into() }
    );
    assert_eq!(mz.processes("platform"), []);
}

/// Heartbeats of native picos and of real JVMs: they stop and continue with the process.
pub(crate) fn heartbeats(jvm: bool) {
    let dir = tempfile::tempdir().unwrap();
    let mz = Rehearsal::new(jvm, &[&format!("heartbeats={}", dir.path().display())]);
    mz.up("platform ec1");
    let beats = |pid: Pid| {
        let hearts = mz_sim::heartbeat::read_all(dir.path()).unwrap();
        let number = u32::try_from(pid.as_raw()).unwrap();
        hearts
            .into_iter()
            .find(|heart| heart.pid == number)
            .map(|heart| heart.beats)
            .unwrap_or_default()
    };
    let platform = mz.pid("platform");
    wait_until("ec1 beats", || beats(mz.pid("ec1")), |beats| !beats.is_empty());
    let ec = mz.signal("ec1", Signal::SIGSTOP);
    wait_until("ec1 has stopped", || stat(ec), |stat| stat[0] == "T");
    let before = beats(ec);
    let stopped = before.last().copied();
    // By the clock of the heartbeats: their number grows in bursts where a JVM catches up.
    wait_until(
        "the Platform beats for 1.5 s longer",
        || beats(platform).last().copied(),
        |last| *last >= stopped.map(|time| time + 1500),
    );
    assert_eq!(beats(ec), before);
    mz.signal("ec1", Signal::SIGCONT);
    let beats = wait_until("ec1 goes on", || beats(ec), |now| now.len() > before.len() + 2);
    let longest = beats.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(longest >= Some(1000), "the time that it was stopped is to be seen: {beats:?}");
    assert_eq!(mz.mzsh("shutdown ec1 platform").code, 0, "a heart holds nobody up");
}

/// The thresholds of a running EC, for native picos and for real JVMs. The test sets the clock and
/// never waits.
pub(crate) fn thresholds(jvm: bool) {
    let mz = Rehearsal::new(jvm, &["ec_startup_without_platform=start", "ec1.ha_clock=0s"]);
    mz.properties(
        "ec1",
        "mz.ha.min_consumes : 10, mz.ha.max_aborts : 5, mz.ha.interval : 39, mz.ha.log_file : ha",
    );
    mz.up("ec1");
    assert_eq!(
        mz.ha("ec1", &[]),
        ha_answer("FAILED min_consumes: 0 of at least 10"),
        "nothing is counted yet"
    );
    mz.set("ec1.ha_first_interval=ok");
    assert_eq!(mz.ha("ec1", &[]), ha_answer("OK"));

    mz.set(
        "ec1.workload=from 0s to 80s consumes 25/40s; at 85s aborts 6; from 120s consumes 10/40s",
    );
    for (clock, answer) in [
        ("39999ms", "OK"),
        ("40s", "OK"),
        ("119s", "OK"),
        ("120s", "FAILED max_aborts: 6 of at most 5, min_consumes: 0 of at least 10"),
        ("159s", "FAILED max_aborts: 6 of at most 5, min_consumes: 0 of at least 10"),
        ("160s", "OK"),
    ] {
        mz.set(&format!("ec1.ha_clock={clock}"));
        assert_eq!(mz.ha("ec1", &[]), ha_answer(answer), "at {clock}");
    }

    // A fast clock: a millisecond is a hundred thousand intervals, and none of them has consumes.
    mz.set("ec1.workload=");
    mz.set("ec1.ha_clock=x4000000000");
    assert_eq!(mz.ha("ec1", &[]), ha_answer("FAILED min_consumes: 0 of at least 10"));
    mz.set("ec1.ha_answer=FAILED as told");
    assert_eq!(mz.ha("ec1", &[]), ha_answer("FAILED as told"));

    assert_workload_file_is_read_again(&mz);
    assert_ha_log_shows_judgements(&mz);
    assert_invalid_threshold_keeps_server_down(&mz);
    assert_thresholds_apply_to_ecs_only(&mz);
}

fn ha_answer(answer: &str) -> Said {
    Said { code: i32::from(answer != "OK"), text: format!("{answer}\n") }
}

fn assert_workload_file_is_read_again(mz: &Rehearsal) {
    let file = mz.mz.home().join("sim/day.load");
    mz.set("ec1.ha_answer=OK");
    mz.set("ec1.ha_clock=80s");
    mz.set(&format!("ec1.workload={}", file.display()));
    let missing = mz.ha("ec1", &[]).text;
    assert!(missing.contains("FAILED workload") && missing.contains("sim/day.load"), "{missing}");
    fs::write(&file, "from 0s consumes 10/40s\n").unwrap();
    assert_eq!(mz.ha("ec1", &[]), ha_answer("OK"));
    fs::write(&file, "from 0s consumes 9/40s\n").unwrap();
    assert_eq!(mz.ha("ec1", &[]), ha_answer("FAILED min_consumes: 9 of at least 10"));
}

fn assert_ha_log_shows_judgements(mz: &Rehearsal) {
    let log = fs::read_to_string(mz.mz.home().join("ha/ec1_ha.log")).unwrap();
    for words in [
        " ec1 property mz.ha.min_consumes = 10\n",
        " ec1 mz.ha.interval = 39 is raised to 40, the least that there is\n",
        " ec1 in force: interval 40 s, max_aborts 5, min_consumes 10\n",
        " ec1 statistics of 0 s to 40 s: activations 0, aborts 0, transactions 0, consumes 25: OK\n",
        " ec1 statistics of 80 s to 120 s: activations 0, aborts 6, transactions 0, consumes 0: FAILED max_aborts: 6 of at most 5",
        " intervals are left out\n",
        " ec1 debug: ping at 119 s, judged on 40 s to 80 s: OK\n",
    ] {
        assert!(log.contains(words), "{words:?} is not in the HA log: {log}");
    }
    let first =
        " statistics of 0 s to 40 s: activations 0, aborts 0, transactions 0, consumes 25: OK\n";
    assert_eq!(log.matches(first).count(), 1, "told once: {log}");
}

fn assert_invalid_threshold_keeps_server_down(mz: &Rehearsal) {
    assert_eq!(mz.mzsh("shutdown ec1").code, 0);
    mz.properties("ec1", "mz.ha.max_aborts : five");
    let bad = mz.mzsh("startup ec1");
    assert_eq!((bad.code, bad.text.contains("Started with errors")), (0, true), "{bad:?}");
    assert_eq!(mz.ha("ec1", &[]).code, 1);
    let history = mz.mz.history().unwrap();
    let why =
        history.iter().rfind(|event| event.event == "errors").map(|event| event.reason.as_str());
    let named =
        "HA Monitor Server: mz.ha.max_aborts = \"five\": expected a whole number, or -1 for off";
    assert_eq!(why, Some(named));
}

fn assert_thresholds_apply_to_ecs_only(mz: &Rehearsal) {
    mz.properties("sc1", "mz.ha.min_consumes : 10, mz.ha.min_consume : 1");
    mz.up("sc1");
    assert_eq!(mz.ha("sc1", &[]), ha_answer("OK"));
    let log = fs::read_to_string(mz.mz.log_path("sc1")).unwrap();
    for words in [
        "thresholds have no effect on a pico of type sc",
        "mz.ha.min_consume: there is no such property",
    ] {
        assert!(log.contains(words), "{log}");
    }
}
