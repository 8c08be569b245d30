//! What a fault needs beyond a site: processes that behave as no simulated pico does, an mzsh that is no good, and short
//! words for what is looked at again and again.

use std::thread;

use crate::site::{Builder, HOME, Site, in_short};
use crate::{Done, Error, NodeCommand, Process, Ran};

/// Adopts what its descendants leave behind (it is a subreaper), and waits for its own child alone.
const NEVER_WAITS: &str = "import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
child = os.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
os.waitpid(child, 0)
while True:
    signal.pause()
";

/// Attaches to all threads, and lets them go on only to their end.
const DEBUGGER: &str = "import ctypes, os, sys
for thread in os.listdir(f'/proc/{sys.argv[1]}/task'):
    ctypes.CDLL(None).ptrace(16, int(thread), 0, 0)
while True:
    os.waitpid(-1, 0x40000000)
";

impl Builder {
    /// Real JVMs, or native picos.
    pub fn real(self, real: bool) -> Self {
        if real { self.jvm() } else { self }
    }
}

impl Site {
    /// Starts the pico by mzsh, as a person does who does not think of the cluster; the process.
    pub fn start_by_hand(&self) -> Result<Process, Error> {
        self.mzsh(&["startup", self.pico()])?.expect(0)?;
        self.one(self.pico())
    }

    /// The number of the JVM that the record of the resource under test names.
    pub fn recorded(&self) -> Result<Option<u32>, Error> {
        let pid = self.read_record()?["jvm"]["pid"].as_u64();
        Ok(pid.and_then(|pid| u32::try_from(pid).ok()))
    }

    /// The numbers of all live processes but the node's own first one.
    pub fn pids(&self) -> Result<Vec<u32>, Error> {
        Ok(self.processes()?.iter().map(|process| process.pid).collect())
    }

    /// True while this process lives.
    pub fn lives(&self, process: &Process) -> Result<bool, Error> {
        let now = self.brief(process.pid)?;
        // One that is dead may wait for a while until init reaps it.
        Ok(now.is_some_and(|now| now.start_time == process.start_time && !now.is_dead()))
    }

    /// Processes that are an mzsh at its startup, or at a restart.
    pub fn startups(&self) -> Result<usize, Error> {
        let all = self.processes()?;
        let found = all.iter().filter(|process| {
            let has = |word: &str| process.argv.iter().any(|argument| argument.ends_with(word));
            has("CommandLine") && (has("startup") || has("restart"))
        });
        Ok(found.count())
    }

    /// Waits for the process of the pico under test, which somebody is starting.
    pub fn until_there(&self) -> Result<Process, Error> {
        self.until(&format!("a process of {}", self.pico()), |site| {
            let found = site.picos(site.pico())?;
            Ok(found
                .into_iter()
                .next()
                .ok_or_else(|| site.processes().map_or(String::new(), |p| in_short(&p))))
        })
    }

    /// Waits for a process with exactly these arguments.
    pub fn until_runs(&self, argv: &[&str]) -> Result<Process, Error> {
        self.until(&format!("a process `{}`", argv.join(" ")), |site| {
            let all = site.processes()?;
            Ok(all.iter().find(|process| process.argv == argv).cloned().ok_or_else(|| in_short(&all)))
        })
    }

    /// Waits until mzsh was called so often with these first words.
    pub fn until_calls(&self, of: &str, times: usize) -> Done {
        self.until(&format!("mzsh {of}"), |site| {
            let calls = site.calls(of)?;
            Ok(if calls >= times { Ok(()) } else { Err(format!("{calls} calls")) })
        })
    }

    /// Waits until the record of the resource under test names this process.
    pub fn until_recorded(&self, process: &Process) -> Done {
        self.until(&format!("a record that names {}", process.pid), |site| {
            let pid = site.recorded()?;
            Ok(if pid == Some(process.pid) { Ok(()) } else { Err(format!("it names {pid:?}")) })
        })
    }

    /// Does something while an agent is at work on an action; what the agent answered, and what was done.
    pub fn meanwhile<T>(
        &self,
        action: impl FnOnce() -> Result<Ran, Error> + Send,
        done: impl FnOnce(&Self) -> Result<T, Error>,
    ) -> Result<(Ran, T), Error> {
        thread::scope(|scope| {
            let at_work = scope.spawn(action);
            let done = done(self);
            let ran = at_work.join().expect("the thread of the agent's call does not panic");
            // What went wrong on our side is the better story.
            let done = done?;
            Ok((ran?, done))
        })
    }

    /// A process that has the command line of a pico of the installation and takes these steps of the imitator's, in a session of
    /// its own, run by the owner.
    pub fn stand_in(&self, pico: &str, steps: &str) -> Result<Process, Error> {
        self.stand_in_by(self.as_owner("sh"), pico, steps)
    }

    /// The same, run by the user of this shell.
    pub fn stand_in_by(&self, shell: NodeCommand<'_>, pico: &str, steps: &str) -> Result<Process, Error> {
        let before = self.pids()?;
        let line = format!("setsid {} </dev/null >/dev/null 2>&1 &", self.as_pico(pico, steps)?);
        shell.args(["-c", &line]).run()?.expect(0)?;
        self.until(&format!("the stand-in for {pico}"), |site| {
            let mut found = site.picos(pico)?;
            // Not a fork of it.
            found.retain(|process| !before.contains(&process.pid) && process.session == process.pid);
            // It has taken its steps.
            found.retain(|process| matches!(process.state, 'S' | 'D'));
            Ok(found.pop().ok_or_else(|| site.processes().map_or(String::new(), |p| in_short(&p))))
        })
    }

    /// A process that has nothing to do with any pico, run by the owner.
    pub fn stranger(&self) -> Result<Process, Error> {
        let line = "setsid sleep 1000000 </dev/null >/dev/null 2>&1 & echo $!";
        let said = self.as_owner("sh").args(["-c", line]).run()?.expect(0)?;
        let pid: u32 = said.stdout.trim().parse().expect("a number");
        self.until("the stranger to be what it is", |site| {
            let all = site.processes()?;
            let found = all.iter().find(|p| p.pid == pid && p.argv.first().is_some_and(|a| a == "sleep"));
            Ok(found.cloned().ok_or_else(|| in_short(&all)))
        })
    }

    /// Starts the pico by hand below a process that becomes its parent and never asks how its children ended: a JVM that
    /// dies there stays a zombie.
    pub fn start_below_one_that_never_waits(&self) -> Result<Process, Error> {
        let script = "/opt/mz/tmp/never_waits.py";
        self.node.write(script, NEVER_WAITS)?;
        let line = format!(
            "setsid python3 {script} {HOME}/bin/mzsh startup {} </dev/null >/dev/null 2>&1 &",
            self.pico()
        );
        self.as_owner("sh").args(["-c", &line]).run()?.expect(0)?;
        self.until("the pico below one that never waits", |site| {
            let all = site.processes()?;
            let parent = all.iter().find(|process| process.argv.get(1).is_some_and(|word| word == script));
            let found =
                site.picos(site.pico())?.into_iter().find(|p| parent.is_some_and(|q| q.pid == p.ppid));
            Ok(found.filter(|_| site.startups().is_ok_and(|n| n == 0)).ok_or_else(|| in_short(&all)))
        })
    }

    /// Attaches a debugger to every thread of a process, for as long as that lives; once it is held.
    pub fn debug(&self, process: &Process) -> Done {
        self.node.write("/opt/debugger.py", DEBUGGER)?;
        self.sh(&format!("setsid python3 /opt/debugger.py {} </dev/null >/dev/null 2>&1 &", process.pid))?;
        self.until("the debugger to hold the process", |site| {
            let all = site.processes()?;
            let held = all.iter().any(|p| p.pid == process.pid && p.state == 't');
            Ok(if held { Ok(()) } else { Err(in_short(&all)) })
        })
    }

    /// From now on mzsh does this instead, when it is called with this verb.
    pub fn mzsh_does(&self, verb: &str, instead: &str) -> Done {
        self.wrap_mzsh(&format!("[ \"$1\" != {verb} ] || {{\n{instead}\n}}"))
    }

    /// A `java` for the parameter `java_home` that does this when it is to ask the HA Monitor Server; the directory.
    pub fn ha_client(&self, script: &str) -> Result<&'static str, Error> {
        let program = "/opt/jdk/bin/java";
        self.node.write(program, format!("#!/bin/bash\n{script}\n"))?;
        self.sh(&format!("chmod 755 {program}"))?;
        Ok("/opt/jdk")
    }

    /// The HA Monitor Server of the pico under test, which listens there, closes its port and listens no more; the JVM lives on.
    pub fn close_ha(&self, address: &str, port: u16) -> Done {
        self.set(&[&format!("{}.ha_answer=closed", self.pico())])?;
        let ping = format!("exec 3<>/dev/tcp/{address}/{port}; echo ping >&3; cat <&3");
        self.sh(&format!("bash -c '{ping}'"))?;
        self.set(&[&format!("{}.ha_answer=OK", self.pico())])
    }

    /// Replaces text in the registry's file of the pico under test.
    pub fn change_registry(&self, from: &str, to: &str) -> Done {
        let path =
            format!("{HOME}/common/config/cell/default/.active/containers/main1/picos/{}.conf", self.pico());
        let text = self.node.read(&path)?;
        assert!(text.contains(from), "{from}: {text}");
        self.node.write(&path, text.replace(from, to))
    }
}
