//! The Java launcher: finds the main class among its arguments and runs its simulation.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::ha::client;
use crate::pico::ha_server;
use crate::{mzsh, pico};

/// mzsh.
pub(crate) const MZSH_CLASS: &str = "com.digitalroute.picostart.cmdline.CommandLine";
/// EC, SC and Web UI.
pub(crate) const PICO_START_CLASS: &str = "com.digitalroute.picostart.PicoStart";
/// The Platform.
pub(crate) const PLATFORM_CLASS: &str = "com.digitalroute.codeserver.CodeServerMain";
const HA_CLIENT_CLASS: &str = "com.digitalroute.ha.HAClient";
/// Not a class of the product. It calls setsid and executes the program that follows, because a JVM
/// can't leave its session itself. Pid and start time stay, so an observer sees the pico
/// throughout.
pub(crate) const DETACH_CLASS: &str = "mz-sim.Detach";

/// Not a class of the product. It answers for the HA Monitor Server of a Java pico.
const HA_SERVER_CLASS: &str = "mz-sim.HaMonitorServer";

#[derive(Debug, Default)]
struct JavaArguments {
    home: Option<PathBuf>,
    class_path: Vec<PathBuf>,
    main: String,
    args: Vec<String>,
}

impl JavaArguments {
    fn parse(args: &[OsString]) -> Self {
        let mut launch = Self::default();
        let mut args = args.iter().map(|arg| arg.to_string_lossy().into_owned());
        while let Some(arg) = args.next() {
            if arg == "-cp" || arg == "-classpath" || arg == "--class-path" {
                launch.class_path = args
                    .next()
                    .iter()
                    .flat_map(|path| path.split(':'))
                    .map(PathBuf::from)
                    .collect();
            } else if let Some(home) = arg.strip_prefix("-Dmz.home=") {
                launch.home = Some(PathBuf::from(home));
            } else if !arg.starts_with('-') {
                launch.main = arg;
                launch.args = args.collect();
                break;
            }
        }
        launch
    }
}

pub(crate) fn run_java(args: &[OsString]) -> ExitCode {
    if args.first().is_some_and(|arg| arg == DETACH_CLASS) {
        return detach(&args[1..]);
    }
    if args.first().is_some_and(|arg| arg == HA_SERVER_CLASS) {
        let args: Vec<String> =
            args[1..].iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        return ha_server::answer_for_java(&args);
    }
    if args.iter().any(|arg| arg == "-version") {
        eprintln!("openjdk version \"17.0.0\" (simulated by mz-sim {})", crate::VERSION);
        return ExitCode::SUCCESS;
    }
    let launch = JavaArguments::parse(args);
    let known = [MZSH_CLASS, PICO_START_CLASS, PLATFORM_CLASS, HA_CLIENT_CLASS]
        .contains(&launch.main.as_str());
    if !known || !launch.class_path.iter().any(|path| path.exists()) {
        eprintln!("Error: Could not find or load main class {}", launch.main);
        eprintln!("Caused by: java.lang.ClassNotFoundException: {}", launch.main);
        return ExitCode::FAILURE;
    }
    match (launch.main.as_str(), launch.home) {
        (HA_CLIENT_CLASS, _) => client::run_client(&launch.args),
        (MZSH_CLASS, Some(home)) => mzsh::main(&home, &launch.args),
        (_, Some(_)) => pico::main(),
        (main, None) => {
            eprintln!("{main}: mz.home is not set");
            ExitCode::FAILURE
        }
    }
}

/// Executes `PROGRAM ARGV0 ARGS...` in a session of its own.
fn detach(args: &[OsString]) -> ExitCode {
    let [program, name, args @ ..] = args else { return ExitCode::FAILURE };
    let error = match rustix::process::setsid() {
        Ok(_) => Command::new(program).arg0(name).args(args).exec(),
        Err(error) => error.into(),
    };
    eprintln!("can't start {}: {error}", Path::new(program).display());
    ExitCode::FAILURE
}
