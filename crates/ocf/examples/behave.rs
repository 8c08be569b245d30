//! An agent for this crate's own tests; its parameter `behave` selects its behaviour.

use ocf::{
    Action, Agent, Definition, Evidence, Failure, Invocation, Operation, Parameter, State, trace,
};

const BEHAVE: Parameter =
    Parameter::text("behave").describe("What to do", "What every action does.");

static DEFINITION: Definition = Definition {
    name: "behave",
    version: "0.0.1",
    shortdesc: "Does what it is told",
    longdesc: "For tests.",
    parameters: &[BEHAVE, trace::TRACE_RA, trace::TRACE_DIR, trace::TRACE_FILE],
    operations: &[
        Operation::new(Action::Start, 20),
        Operation::new(Action::Stop, 20),
        Operation::monitor(0, 10, 20),
        Operation::new(Action::ReloadAgent, 20),
        Operation::new(Action::MetaData, 5),
    ],
};

struct Behave;

impl Agent for Behave {
    fn definition(&self) -> &Definition {
        &DEFINITION
    }

    fn start(&self, call: &Invocation) -> Result<(), Failure> {
        self.monitor(call).map(drop)
    }

    fn stop(&self, call: &Invocation) -> Result<(), Failure> {
        self.monitor(call).map(drop)
    }

    fn monitor(&self, call: &Invocation) -> Result<State, Failure> {
        match call.values().text(&BEHAVE)?.unwrap_or_default() {
            "panic" => panic!("told to,\nin two lines"),
            "panic in a thread" => {
                // The hook ends the process, so the join never returns.
                let _ = std::thread::spawn(|| panic!("told to")).join();
            }
            "log" => {
                tracing::debug!("seen only by those who look closely");
                tracing::info!(pid = 7, path = "/a b", "it is up");
                tracing::warn!("child said: ocf-exit-reason:all is well\nand more");
            }
            "log much" => (0..20_000).for_each(|n| tracing::info!(n, "{}", "x".repeat(100))),
            "degrade" => return Ok(State::Degraded("half of it".to_owned())),
            "fail" => return Err(Failure::generic("it is bad ".repeat(20))),
            _ => {}
        }
        Ok(State::Running)
    }

    fn explain(&self, call: &Invocation, evidence: &mut Evidence) -> Result<State, Failure> {
        evidence.add("evidence", "none,\n\"none\"");
        self.monitor(call)
    }
}

fn main() -> std::process::ExitCode {
    ocf::run(&Behave)
}
