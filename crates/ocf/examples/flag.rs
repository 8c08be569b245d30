//! A whole resource agent: the service is a file.

use ocf::{Action, Agent, Definition, Failure, Invocation, Operation, Parameter, State, trace};
use std::{fs, io::ErrorKind, path::Path};

const FLAG: Parameter =
    Parameter::text("flag").default_to("/run/flag").describe("The file", "Up is: it exists.");
static DEFINITION: Definition = Definition {
    name: "flag",
    version: "1.0.0",
    shortdesc: "Keeps a file in one place of the cluster",
    longdesc: "An example of an agent.",
    parameters: &[FLAG, trace::TRACE_RA, trace::TRACE_DIR, trace::TRACE_FILE],
    operations: &[
        Operation::new(Action::Start, 20),
        Operation::new(Action::Stop, 20),
        Operation::monitor(0, 10, 20),
        Operation::new(Action::ValidateAll, 20),
        Operation::new(Action::MetaData, 5),
    ],
};

struct Flag;
impl Agent for Flag {
    fn definition(&self) -> &Definition {
        &DEFINITION
    }
    fn start(&self, call: &Invocation) -> Result<(), Failure> {
        fs::write(path(call)?, "")
            .map_err(|e| Failure::generic(format!("the flag can't be made: {e}")))
    }
    fn stop(&self, call: &Invocation) -> Result<(), Failure> {
        match fs::remove_file(path(call)?) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(Failure::generic(format!("flag: {e}")))
            }
            _ => Ok(()),
        }
    }
    fn monitor(&self, call: &Invocation) -> Result<State, Failure> {
        let flag = path(call)?;
        let missing = || State::NotRunning(Some(format!("{}: no such file", flag.display())));
        Ok(if flag.exists() { State::Running } else { missing() })
    }
}

fn path(call: &Invocation) -> Result<&Path, Failure> {
    Ok(Path::new(call.values().text(&FLAG)?.unwrap_or_default()))
}
fn main() -> std::process::ExitCode {
    ocf::run(&Flag)
}
