//! The command line of `mz-sim`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::ha::replay;
use crate::{Installation, PicoSpec, SimError, settings};

/// A simulated MediationZone, for trials of its cluster agents
#[derive(Debug, Parser)]
#[command(name = "mz-sim", version = crate::VERSION, about)]
struct MzSimCli {
    #[command(subcommand)]
    command: MzSimCommand,
}

#[derive(Debug, Subcommand)]
enum MzSimCommand {
    /// Install an `MZ_HOME` (only the Platform if no pico is given)
    Install {
        /// Target directory, new or empty
        dir: PathBuf,
        /// `MZ_CONTAINER`
        #[arg(long, value_name = "NAME")]
        container: Option<String>,
        /// A pico as NAME:TYPE, or NAME:TYPE:PORT with the port of its HA Monitor Server; TYPE is platform, ec, sc or ui
        #[arg(long = "pico", value_name = "NAME:TYPE[:HA_PORT]")]
        picos: Vec<String>,
        /// A property of one pico, such as ec1:mz.ha.enabled=false
        #[arg(long = "property", value_name = "NAME:KEY=VALUE")]
        properties: Vec<String>,
        /// A property of the whole container, such as pico.rcp.server.host=10.0.0.7
        #[arg(long = "common", value_name = "KEY=VALUE")]
        common: Vec<String>,
        /// User that owns the files (needs root)
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
        /// Use real JVMs (needs a JDK)
        #[arg(long)]
        jvm: bool,
        /// Use free ports instead of the product's ports
        #[arg(long)]
        free_ports: bool,
        /// A setting of the simulator
        #[arg(long = "set", value_name = "[PICO.]KEY=VALUE")]
        settings: Vec<String>,
    },
    /// Change settings of an installation, even while its picos run
    Set {
        /// `MZ_HOME`
        dir: PathBuf,
        /// A new value; a pico's name restricts it to that pico
        #[arg(required = true, value_name = "[PICO.]KEY=VALUE")]
        settings: Vec<String>,
    },
    /// List all settings
    Settings,
    /// Show the effect of HA Monitor Server thresholds on a workload, for each interval
    HaReplay(replay::ReplayOptions),
    /// Show the events of an installation
    History {
        /// `MZ_HOME`
        dir: PathBuf,
    },
}

/// The command line of `mz-sim`, for its manual page and completions.
#[must_use]
pub fn command() -> clap::Command {
    MzSimCli::command()
}

pub(crate) fn run(args: Vec<OsString>) -> ExitCode {
    let cli = match MzSimCli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // ha-replay exits with 1 for a FAILED interval, so an error has another code.
    let failure = if matches!(cli.command, MzSimCommand::HaReplay(_)) { 2 } else { 1 };
    run_command(cli.command).unwrap_or_else(|error| {
        eprintln!("mz-sim: {error}");
        ExitCode::from(failure)
    })
}

fn run_command(task: MzSimCommand) -> Result<ExitCode, SimError> {
    match task {
        MzSimCommand::Install {
            dir,
            container,
            picos,
            properties,
            common,
            owner,
            jvm,
            free_ports,
            settings,
        } => {
            let mut builder = Installation::builder(dir).jvm(jvm).free_ports(free_ports);
            if let Some(container) = container {
                builder = builder.container(container);
            }
            if let Some(owner) = owner {
                builder = builder.owner(owner);
            }
            for pico in &picos {
                let mut spec = PicoSpec::parse(pico)?;
                let prefix = format!("{}:", pico.split(':').next().unwrap_or_default());
                for assignment in
                    properties.iter().filter_map(|property| property.strip_prefix(&prefix))
                {
                    let (name, value) = parse_assignment(assignment)?;
                    spec = spec.property(name, value);
                }
                builder = builder.pico(spec);
            }
            let of =
                |property: &str, pico: &str| pico.split(':').next() == property.split(':').next();
            if let Some(property) =
                properties.iter().find(|property| !picos.iter().any(|pico| of(property, pico)))
            {
                return Err(SimError::Invalid(format!("{property}: no --pico of that name")));
            }
            for assignment in &common {
                let (name, value) = parse_assignment(assignment)?;
                builder = builder.common(name, value);
            }
            let made =
                settings.into_iter().fold(builder, crate::InstallationBuilder::set).install()?;
            println!("{}", made.home().display());
        }
        MzSimCommand::Set { dir, settings } => Installation::open(dir)?.set(settings)?,
        MzSimCommand::HaReplay(options) => return replay::run(&options),
        MzSimCommand::Settings => {
            for key in settings::KEYS {
                println!(
                    "{} = {}\n    {}\n    {}",
                    key.name,
                    key.default,
                    key.about,
                    key.describe_values()
                );
            }
        }
        MzSimCommand::History { dir } => {
            for event in Installation::open(dir)?.history()? {
                println!(
                    "{} {:8} {:12} {} {}",
                    event.time, event.event, event.pico, event.pid, event.reason
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn parse_assignment(assignment: &str) -> Result<(&str, &str), SimError> {
    assignment
        .split_once('=')
        .ok_or_else(|| SimError::Invalid(format!("{assignment}: expected KEY=VALUE")))
}
