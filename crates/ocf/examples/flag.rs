//! A whole resource agent: the service is a file.

use ocf::{Action, Agent, Definition, Failure, Invocation, Operation, Parameter, State, trace};
use std::fs;
use std::io::ErrorKind::NotFound;

const FLAG: Parameter = Parameter::text("flag").default_to("/run/flag").unique_group("flag").describe(
    "File that is the service",
    "The service is up while this file exists. It should be a local file.",
);

static FLAG_AGENT: Definition = Definition {
    name: "flag",
    version: "1.0.0",
    shortdesc: "Keeps a file in one place of the cluster",
    longdesc: "An example: the service is a file. It shows what an agent has to say, and what it need not.",
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
        &FLAG_AGENT
    }

    fn start(&self, call: &Invocation) -> Result<(), Failure> {
        let flag = path(call)?;
        fs::write(flag, "").map_err(|error| Failure::generic(format!("{flag}: can't be made: {error}")))?;
        tracing::info!(flag, "it is up");
        Ok(())
    }

    fn stop(&self, call: &Invocation) -> Result<(), Failure> {
        let flag = path(call)?;
        match fs::remove_file(flag) {
            Err(error) if error.kind() != NotFound => {
                Err(Failure::generic(format!("{flag}: can't be removed: {error}")))
            }
            _ => Ok(()),
        }
    }

    fn monitor(&self, call: &Invocation) -> Result<State, Failure> {
        let flag = path(call)?;
        match fs::metadata(flag) {
            Ok(_) => Ok(State::Running),
            Err(error) if error.kind() == NotFound => {
                Ok(State::NotRunning(Some(format!("{flag}: no such file"))))
            }
            Err(error) => Err(Failure::generic(format!("{flag}: can't be looked at: {error}"))),
        }
    }
}

fn path(call: &Invocation) -> Result<&str, Failure> {
    Ok(call.values().text(&FLAG)?.unwrap_or_default())
}

fn main() -> std::process::ExitCode {
    ocf::run(&Flag)
}
