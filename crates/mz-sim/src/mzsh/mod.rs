//! mzsh: the product's shell, as far as it controls pico instances.
//!
//! Exit codes and texts are the documented ones. A setting decides where two sources differ or only
//! one observation exists. mzsh finds a running pico by its entry in `tmp/.remote` (pid, start
//! time, RCP port) and asks it over RCP. It uses no other evidence, except that `kill` uses the pid
//! file. All output goes to stdout, as in the product.

mod launch;
mod startup;
mod status;
mod stop;
mod topo;

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use nix::unistd::{Uid, User, geteuid};

use crate::pico::remote::RemoteEntry;
use crate::registry::SimRegistry;
use crate::settings::{MZSH_TIME, RCP_TIMEOUT};
use crate::{SimError, SimSettings, history, rcp};

/// Verbs that only the owner of `MZ_HOME` may use.
const OWNER_ONLY: &[&str] = &["startup", "shutdown", "kill", "restart", "service", "topo"];

#[derive(Debug)]
struct MzshCall {
    home: PathBuf,
    registry: SimRegistry,
    settings: SimSettings,
    options: MzshArguments,
}

/// The arguments after the verb.
#[derive(Debug, Default)]
struct MzshArguments {
    /// The options without a value, as written.
    flags: Vec<String>,
    /// `-r<#>`: how often shutdown checks for the end of the process.
    retries: Option<u32>,
    /// `-e <property=value>`.
    properties: Vec<String>,
    /// `--format data-only` and the like.
    format: String,
    words: Vec<String>,
}

impl MzshArguments {
    fn parse(args: &[String]) -> Self {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-e" => options.properties.extend(args.next().cloned()),
                "--format" => options.format = args.next().cloned().unwrap_or_default(),
                option if option.starts_with('-') => {
                    if let Some(number) = option.strip_prefix("-r") {
                        options.retries = number.parse().ok();
                    }
                    options.flags.push(arg.clone());
                }
                word => options.words.push(word.to_owned()),
            }
        }
        options
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|seen| seen == flag)
    }
}

pub(crate) fn main(home: &Path, args: &[String]) -> ExitCode {
    match run(home, args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            println!("mzsh: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(home: &Path, args: &[String]) -> Result<u8, SimError> {
    let settings = SimSettings::load(home)?;
    history::record(home, "mzsh", "", &args.join(" "));
    std::thread::sleep(settings.duration(&MZSH_TIME, ""));
    let Some((verb, rest)) = args.split_first() else {
        println!("Usage: mzsh startup|shutdown|status|kill|restart|service|topo ...");
        return Ok(1);
    };
    if OWNER_ONLY.contains(&verb.as_str()) {
        let owner = std::fs::metadata(home).map_err(SimError::file("read", home))?.uid();
        if geteuid().as_raw() != owner {
            let user = User::from_uid(Uid::from_raw(owner)).ok().flatten();
            let owner = user.map_or_else(|| format!("uid {owner}"), |user| user.name);
            println!("mzsh {verb} must be run by the owner of {}, {owner}.", home.display());
            return Ok(1);
        }
    }
    let container = std::env::var("MZ_CONTAINER").unwrap_or_default();
    let shell = MzshCall {
        home: home.to_owned(),
        registry: SimRegistry::load(home, &container)?,
        settings,
        options: MzshArguments::parse(rest),
    };
    match verb.as_str() {
        "startup" => shell.for_each_pico(MzshCall::startup),
        "shutdown" => shell.for_each_pico(MzshCall::shutdown),
        "kill" => shell.for_each_pico(MzshCall::kill),
        "status" => shell.status(),
        "restart" => shell.restart(),
        "service" => Ok(shell.service()),
        "topo" => shell.topo(),
        other => {
            println!("{other}: unknown command");
            Ok(1)
        }
    }
}

impl MzshCall {
    /// Handles one pico after the other; returns the first exit code that is not zero.
    fn for_each_pico(
        &self,
        act: impl Fn(&Self, &str) -> Result<u8, SimError>,
    ) -> Result<u8, SimError> {
        let mut code = 0;
        for pico in &self.options.words {
            let one = act(self, pico)?;
            code = if code == 0 { one } else { code };
        }
        Ok(code)
    }

    /// Flushes each line, because a person may wait for it.
    fn print(&self, text: &str) {
        if !self.options.has("-q") {
            let mut out = std::io::stdout();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }

    /// Reports a name that is no pico of the container. The exit code depends on the verb.
    fn report_unknown_pico(&self, pico: &str, code: u8) -> u8 {
        self.print(&format!("{pico}: no such server process\n"));
        code
    }

    /// The entry of a pico, if its process lives.
    fn running_entry(&self, pico: &str) -> Option<RemoteEntry> {
        RemoteEntry::read(&self.home, pico).filter(RemoteEntry::is_alive)
    }

    fn query_pico(
        &self,
        remote: &RemoteEntry,
        pico: &str,
        question: &str,
    ) -> std::io::Result<String> {
        let limit = self.settings.duration(&RCP_TIMEOUT, pico);
        rcp::request(&format!("127.0.0.1:{}", remote.port), question, limit)
    }

    /// `host:port` of the Platform's RCP from mzsh's view: the host of `MZ_PLATFORM`, the
    /// registry's port.
    fn platform_address(&self) -> String {
        let (host, port) = self.registry.platform_rcp();
        let url = std::env::var("MZ_PLATFORM").unwrap_or_default();
        let seen = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let seen = seen.split(['/', ':']).next().filter(|seen| !seen.is_empty()).unwrap_or(host);
        format!("{seen}:{port}")
    }

    fn platform_answers(&self) -> bool {
        rcp::request(&self.platform_address(), "ping", self.settings.duration(&RCP_TIMEOUT, ""))
            .is_ok()
    }

    /// Stops in reverse order and starts in the given one; returns the sum of both codes.
    fn restart(&self) -> Result<u8, SimError> {
        let mut code: u8 = 0;
        for pico in self.options.words.iter().rev() {
            code = code.saturating_add(self.shutdown(pico)?);
        }
        Ok(code.saturating_add(self.for_each_pico(Self::startup)?))
    }

    /// `service restart [--publish-only]`.
    fn service(&self) -> u8 {
        let asked = Instant::now();
        let limit = self.settings.duration(&RCP_TIMEOUT, "");
        match rcp::request(&self.platform_address(), "publish", limit) {
            Ok(_) if self.options.has("--publish-only") => self.print("Services published.\n"),
            Ok(_) => self.print("Services restarted.\n"),
            Err(error) => {
                let (platform, waited) = (self.platform_address(), asked.elapsed().as_millis());
                self.print(&format!(
                    "No open connection to {platform}: {error} after {waited} ms\n"
                ));
                return 1;
            }
        }
        0
    }
}
