//! Extensions of a fixture for the fault suite: processes that behave unlike any simulated pico, a
//! defective mzsh, and short names for frequent queries.

use std::thread;

use crate::fixture::{Fixture, FixtureBuilder, MZ_HOME, describe_processes};
use crate::{NodeCommand, NodeCommandOutput, NodeProcess, TestResult, TestkitError};

/// Adopts orphaned descendants as a subreaper, and waits only for its own child.
const NON_REAPING_PARENT: &str = "import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
child = os.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
os.waitpid(child, 0)
while True:
    signal.pause()
";

/// Attaches to all threads and resumes them only to exit.
const DEBUGGER_SCRIPT: &str = "import ctypes, os, sys
for thread in os.listdir(f'/proc/{sys.argv[1]}/task'):
    ctypes.CDLL(None).ptrace(16, int(thread), 0, 0)
while True:
    os.waitpid(-1, 0x40000000)
";

impl FixtureBuilder {
    /// Selects real JVMs or native picos.
    pub fn real_jvm(self, real: bool) -> Self {
        if real { self.jvm() } else { self }
    }
}

impl Fixture {
    /// Starts the pico by mzsh, like a person outside the cluster, and returns its process.
    pub fn start_by_mzsh(&self) -> Result<NodeProcess, TestkitError> {
        self.mzsh(&["startup", self.pico()])?.expect_code(0)?;
        self.single_pico(self.pico())
    }

    /// The pid of the JVM in the record of the resource under test.
    pub fn recorded_pid(&self) -> Result<Option<u32>, TestkitError> {
        let pid = self.read_record()?["jvm"]["pid"].as_u64();
        Ok(pid.and_then(|pid| u32::try_from(pid).ok()))
    }

    /// The pids of all live processes except the node's own init.
    pub fn pids(&self) -> Result<Vec<u32>, TestkitError> {
        Ok(self.processes()?.iter().map(|process| process.pid).collect())
    }

    pub fn is_alive(&self, process: &NodeProcess) -> Result<bool, TestkitError> {
        let now = self.process_without_args(process.pid)?;
        // A dead process may remain until init reaps it.
        Ok(now.is_some_and(|now| now.start_time == process.start_time && !now.is_dead()))
    }

    /// The number of mzsh processes in a startup or a restart.
    pub fn startup_process_count(&self) -> Result<usize, TestkitError> {
        let all = self.processes()?;
        let found = all.iter().filter(|process| {
            let has = |word: &str| process.argv.iter().any(|argument| argument.ends_with(word));
            has("CommandLine") && (has("startup") || has("restart"))
        });
        Ok(found.count())
    }

    /// Waits for the process of the pico under test while it is being started.
    pub fn wait_for_pico(&self) -> Result<NodeProcess, TestkitError> {
        self.wait_until(&format!("a process of {}", self.pico()), |fixture| {
            let found = fixture.pico_processes(fixture.pico())?;
            Ok(found.into_iter().next().ok_or_else(|| {
                fixture.processes().map_or(String::new(), |p| describe_processes(&p))
            }))
        })
    }

    /// Waits for a process with exactly these arguments.
    pub fn wait_for_process(&self, argv: &[&str]) -> Result<NodeProcess, TestkitError> {
        self.wait_until(&format!("a process `{}`", argv.join(" ")), |fixture| {
            let all = fixture.processes()?;
            Ok(all
                .iter()
                .find(|process| process.argv == argv)
                .cloned()
                .ok_or_else(|| describe_processes(&all)))
        })
    }

    /// Waits until mzsh was called this many times with these first arguments.
    pub fn wait_for_mzsh_calls(&self, of: &str, times: usize) -> TestResult {
        self.wait_until(&format!("mzsh {of}"), |fixture| {
            let calls = fixture.mzsh_call_count(of)?;
            Ok(if calls >= times { Ok(()) } else { Err(format!("{calls} calls")) })
        })
    }

    /// Waits until the record of the resource under test names this process.
    pub fn wait_until_recorded(&self, process: &NodeProcess) -> TestResult {
        self.wait_until(&format!("a record that names {}", process.pid), |fixture| {
            let pid = fixture.recorded_pid()?;
            Ok(if pid == Some(process.pid) { Ok(()) } else { Err(format!("it names {pid:?}")) })
        })
    }

    /// Runs `done` during an agent's action; returns the agent's result and that of `done`.
    pub fn run_during<T>(
        &self,
        action: impl FnOnce() -> Result<NodeCommandOutput, TestkitError> + Send,
        done: impl FnOnce(&Self) -> Result<T, TestkitError>,
    ) -> Result<(NodeCommandOutput, T), TestkitError> {
        thread::scope(|scope| {
            let at_work = scope.spawn(action);
            let done = done(self);
            let ran = at_work.join().expect("the thread of the agent's call does not panic");
            // An error of the test itself explains more than the agent's result.
            let done = done?;
            Ok((ran?, done))
        })
    }

    /// Starts a process with the command line of a pico of the installation. It takes these steps
    /// of the imitator, in a session of its own, as the owner.
    pub fn start_fake_pico(&self, pico: &str, steps: &str) -> Result<NodeProcess, TestkitError> {
        self.start_fake_pico_as(self.as_owner("sh"), pico, steps)
    }

    /// The same under the user of this shell.
    pub fn start_fake_pico_as(
        &self,
        shell: NodeCommand<'_>,
        pico: &str,
        steps: &str,
    ) -> Result<NodeProcess, TestkitError> {
        let before = self.pids()?;
        let line =
            format!("setsid {} </dev/null >/dev/null 2>&1 &", self.fake_pico_command(pico, steps)?);
        shell.args(["-c", &line]).run()?.expect_code(0)?;
        self.wait_until(&format!("the stand-in for {pico}"), |fixture| {
            let mut found = fixture.pico_processes(pico)?;
            // Ignore forks of it.
            found
                .retain(|process| !before.contains(&process.pid) && process.session == process.pid);
            // A process in these states has taken its steps.
            found.retain(|process| matches!(process.state, 'S' | 'D'));
            Ok(found.pop().ok_or_else(|| {
                fixture.processes().map_or(String::new(), |p| describe_processes(&p))
            }))
        })
    }

    /// Starts a process of the owner that is unrelated to any pico.
    pub fn start_unrelated_process(&self) -> Result<NodeProcess, TestkitError> {
        let line = "setsid sleep 1000000 </dev/null >/dev/null 2>&1 & echo $!";
        let said = self.as_owner("sh").args(["-c", line]).run()?.expect_code(0)?;
        let pid: u32 = said.stdout.trim().parse().expect("a number");
        self.wait_until("the stranger to be what it is", |fixture| {
            let all = fixture.processes()?;
            let found =
                all.iter().find(|p| p.pid == pid && p.argv.first().is_some_and(|a| a == "sleep"));
            Ok(found.cloned().ok_or_else(|| describe_processes(&all)))
        })
    }

    /// Starts the pico by mzsh below a process that becomes its parent and never reaps it. A JVM
    /// that dies there stays a zombie.
    pub fn start_under_non_reaping_parent(&self) -> Result<NodeProcess, TestkitError> {
        let script = "/opt/mz/tmp/never_waits.py";
        self.node.write(script, NON_REAPING_PARENT)?;
        let line = format!(
            "setsid python3 {script} {MZ_HOME}/bin/mzsh startup {} </dev/null >/dev/null 2>&1 &",
            self.pico()
        );
        self.as_owner("sh").args(["-c", &line]).run()?.expect_code(0)?;
        self.wait_until("the pico below one that never waits", |fixture| {
            let all = fixture.processes()?;
            let parent =
                all.iter().find(|process| process.argv.get(1).is_some_and(|word| word == script));
            let found = fixture
                .pico_processes(fixture.pico())?
                .into_iter()
                .find(|p| parent.is_some_and(|q| q.pid == p.ppid));
            Ok(found
                .filter(|_| fixture.startup_process_count().is_ok_and(|n| n == 0))
                .ok_or_else(|| describe_processes(&all)))
        })
    }

    /// Attaches a debugger to every thread of a process, for the rest of its life; returns once it
    /// is attached.
    pub fn attach_debugger(&self, process: &NodeProcess) -> TestResult {
        self.node.write("/opt/debugger.py", DEBUGGER_SCRIPT)?;
        self.sh(&format!(
            "setsid python3 /opt/debugger.py {} </dev/null >/dev/null 2>&1 &",
            process.pid
        ))?;
        self.wait_until("the debugger to hold the process", |fixture| {
            let all = fixture.processes()?;
            let held = all.iter().any(|p| p.pid == process.pid && p.state == 't');
            Ok(if held { Ok(()) } else { Err(describe_processes(&all)) })
        })
    }

    /// Makes mzsh run this instead when it is called with this verb.
    pub fn override_mzsh_verb(&self, verb: &str, instead: &str) -> TestResult {
        self.wrap_mzsh(&format!("[ \"$1\" != {verb} ] || {{\n{instead}\n}}"))
    }

    /// Installs a `java` that runs this script in place of the HA client; returns the directory for
    /// the parameter `java_home`.
    pub fn install_fake_java(&self, script: &str) -> Result<&'static str, TestkitError> {
        let program = "/opt/jdk/bin/java";
        self.node.write(program, format!("#!/bin/bash\n{script}\n"))?;
        self.sh(&format!("chmod 755 {program}"))?;
        Ok("/opt/jdk")
    }

    /// Makes the HA Monitor Server of the pico under test close its port at this address. The JVM
    /// lives on.
    pub fn close_ha(&self, address: &str, port: u16) -> TestResult {
        self.set(&[&format!("{}.ha_answer=closed", self.pico())])?;
        let ping = format!("exec 3<>/dev/tcp/{address}/{port}; echo ping >&3; cat <&3");
        self.sh(&format!("bash -c '{ping}'"))?;
        self.set(&[&format!("{}.ha_answer=OK", self.pico())])
    }

    /// Replaces text in the registry file of the pico under test.
    pub fn change_registry(&self, from: &str, to: &str) -> TestResult {
        let path = format!(
            "{MZ_HOME}/common/config/cell/default/.active/containers/main1/picos/{}.conf",
            self.pico()
        );
        let text = self.node.read(&path)?;
        assert!(text.contains(from), "{from}: {text}");
        self.node.write(&path, text.replace(from, to))
    }
}
