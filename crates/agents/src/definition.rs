//! The metadata of the agents.

use ocf::{Action, Definition, Operation};
use pico::{PicoType, parameters};

/// The version of the agents. `cargo xtask dist` adds the commit to it, as build metadata of a semantic version; a build of a
/// developer has none, so that a commit alone does not make cargo build again.
pub const VERSION: &str = match option_env!("MEDIATIONZONE_RA_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// The operations, with the advice that pcs and crm adopt. The cluster tells monitors apart by their intervals, so these
/// differ.
const OPERATIONS: [Operation; 8] = [
    Operation::new(Action::Start, 420),
    Operation::new(Action::Stop, 360),
    Operation::monitor(0, 1, 60),
    Operation::monitor(10, 30, 60),
    // Only the Platform's: one mzsh is a JVM, and takes seconds of CPU.
    Operation::monitor(20, 120, 210),
    Operation::new(Action::ValidateAll, 60),
    Operation::new(Action::ReloadAgent, 30),
    Operation::new(Action::MetaData, 5),
];

const WITHOUT_DEPTH_20: [Operation; 7] = [
    OPERATIONS[0],
    OPERATIONS[1],
    OPERATIONS[2],
    OPERATIONS[3],
    OPERATIONS[5],
    OPERATIONS[6],
    OPERATIONS[7],
];

macro_rules! of_all {
    ($special:literal) => {
        concat!(
            $special,
            "\n\nThe agent identifies the process in /proc and does not rely on the output of a command. It distinguishes a hung \
             JVM from a dead one, and never reports a live one as stopped.\n\n",
            "Depth 0 of the monitor watches the process and notices its death at once. Depth 10 asks the HA Monitor Server \
             of the pico instance, which must be enabled in the installation (mz.ha.enabled, mz.ha.port). Depth 20 also \
             runs mzsh status."
        )
    };
}

static PLATFORM: Definition = Definition {
    name: "platform",
    version: VERSION,
    shortdesc: "MediationZone Platform",
    longdesc: of_all!(
        "Manages the Platform of a MediationZone system (SAP Convergent Mediation by \
         DigitalRoute). Only one may be active in the whole cluster. Its storage, its database's \
         listener and its virtual address (pico.rcp.server.host) must be available before it \
         starts."
    ),
    parameters: parameters::for_type(PicoType::Platform),
    operations: &OPERATIONS,
};

static EC: Definition = Definition {
    name: "ec",
    version: VERSION,
    shortdesc: "MediationZone Execution Context",
    longdesc: of_all!(
        "Manages an Execution Context of a MediationZone system (SAP Convergent Mediation by \
         DigitalRoute). It starts only if the Platform runs, and keeps running without the \
         Platform. Add a mandatory order after the Platform with symmetrical=false: the Execution \
         Context then waits for the Platform, and is not restarted with it."
    ),
    parameters: parameters::for_type(PicoType::ExecutionContext),
    operations: &WITHOUT_DEPTH_20,
};

static SC: Definition = Definition {
    name: "sc",
    version: VERSION,
    shortdesc: "MediationZone Service Context",
    longdesc: of_all!(
        "Manages a Service Context of a MediationZone system (SAP Convergent Mediation by \
         DigitalRoute). It starts only if the Platform runs, and keeps running without the \
         Platform. Add a mandatory order after the Platform with symmetrical=false: the Service \
         Context then waits for the Platform, and is not restarted with it."
    ),
    parameters: parameters::for_type(PicoType::ServiceContext),
    operations: &WITHOUT_DEPTH_20,
};

static UI: Definition = Definition {
    name: "ui",
    version: VERSION,
    shortdesc: "MediationZone web UI",
    longdesc: of_all!(
        "Manages the web user interface of a MediationZone system (SAP Convergent Mediation by \
         DigitalRoute). It starts only if the Platform runs, and keeps running without the \
         Platform. Add a mandatory order after the Platform with symmetrical=false: the UI then \
         waits for the Platform, and is not restarted with it. If it uses the Platform's address \
         or storage, also colocate it with these and order it after them."
    ),
    parameters: parameters::for_type(PicoType::Ui),
    operations: &WITHOUT_DEPTH_20,
};

/// The definition of the agent for this kind of pico.
#[must_use]
pub fn definition(kind: PicoType) -> &'static Definition {
    match kind {
        PicoType::Platform => &PLATFORM,
        PicoType::ExecutionContext => &EC,
        PicoType::ServiceContext => &SC,
        PicoType::Ui => &UI,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_follow_the_rules_of_ocf_and_its_tools() {
        for kind in PicoType::ALL {
            assert_eq!(definition(kind).check(), Vec::<String>::new(), "{kind}");
            assert_eq!(definition(kind).name, kind.agent_name());
        }
    }

    #[test]
    fn advised_timeouts_cover_the_default_parameters() {
        use pico::actions::minimum_timeout;
        for kind in PicoType::ALL {
            let name = [("OCF_RESKEY_pico_name".into(), "x".into())];
            let (settings, _) = crate::settings::read(
                kind,
                &ocf::Invocation::new(definition(kind), Action::Monitor, name),
            );
            for operation in definition(kind).operations {
                let needed = match operation.action {
                    Action::Start => minimum_timeout::start(&settings),
                    Action::Stop => minimum_timeout::stop(),
                    Action::Monitor => {
                        minimum_timeout::monitor(&settings, operation.depth.unwrap_or(0))
                    }
                    _ => continue,
                };
                assert!(operation.timeout >= needed, "{kind}: {operation:?} needs {needed:?}");
            }
        }
    }

    #[test]
    fn parameters_of_identity_and_start_are_not_reloadable() {
        let fixed: Vec<&str> = parameters::for_type(PicoType::Platform)
            .iter()
            .filter(|p| !p.reloadable)
            .map(|p| p.name)
            .collect();
        assert_eq!(
            fixed,
            [
                "pico_name",
                "mz_home",
                "os_user",
                "java_home",
                "container",
                "deployment",
                "process_match",
                "limit_nofile",
                "limit_nproc",
                "umask",
                "scope",
                "systemd_properties",
                "pico_port"
            ]
        );
    }
}
