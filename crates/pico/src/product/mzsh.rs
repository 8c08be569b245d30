//! `mzsh`, the product's command.
//!
//! Its exit code is never trusted alone, and never as evidence of a process: it answers 0 to a startup that came up
//! "with errors" and to one of a pico that does not exist. Codes and words:
//!
//! | command | codes |
//! | --- | --- |
//! | `startup` | 0 started, or already running; 1 the JVM failed; 102 time is up; 103/130 interrupted; 104 critical errors; 255 (-1) an old instance is in the way |
//! | `shutdown` | 0 stopped, or not running; 1 no such pico; 3 interrupted; 4 failed |
//! | `status` | 0 running; 1 not responding but its JVM is running; 2 no such pico, or not running |
//!
//! What its code does not tell, its words do, and those are in English where the product itself says them; what Java and the system say
//! is in the language of the environment. So every question is asked in English ([`Language`]). A startup is not: there the words "started
//! with errors" and "no such server process" beside a code 0 are the product's own. Were they ever translated, that startup would count as
//! up; then the HA Monitor Server and `mzsh status` are what tells.

use super::account::run_as;
use super::command_failure::command_failure;
use super::command_output::{last_text_line, product_words};
use super::inspection::check_executable;
use super::storage::Storage;
use crate::settings::{PicoInstance, Settings};
use host::ExitStatus;
use host::command::{Exec, FinishedCommand, LeaderOf, RunningCommand};
use host::credentials::Credentials;
use std::ffi::OsString;
use std::time::Instant;
use std::{fmt, io};

/// For status and shutdown: mzsh asks the Platform at this address first, and on a refused connection the local
/// pico. Left to itself it waits for two connections to time out when the Platform's address is dead (64 s
/// instead of 4 s). Never for a startup: a pico started so comes up without what the Platform manages.
const LOCAL_PLATFORM: &str = "http://localhost";

/// What mzsh is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `startup -f`
    Startup,
    /// `shutdown`
    Shutdown,
    /// `status`
    Status,
    /// `service restart --publish-only`
    Republish,
}

impl Verb {
    fn arguments(self, pico: &str) -> Vec<OsString> {
        let words: &[&str] = match self {
            Self::Startup => &["startup", "-f", pico],
            Self::Shutdown => &["shutdown", pico],
            Self::Status => &["status", pico],
            Self::Republish => &["service", "restart", "--publish-only"],
        };
        words.iter().map(OsString::from).collect()
    }
}

/// mzsh of one installation, for one pico.
#[derive(Clone, Copy, Debug)]
pub struct Mzsh<'a> {
    settings: &'a Settings,
    target: &'a PicoInstance,
}

impl<'a> Mzsh<'a> {
    /// For the pico `target`.
    #[must_use]
    pub fn new(settings: &'a Settings, target: &'a PicoInstance) -> Self {
        Self { settings, target }
    }

    /// A startup, in a session of its own that outlives this action; not let go yet.
    ///
    /// # Errors
    /// No process or descriptor left.
    pub fn startup(&self) -> io::Result<RunningCommand> {
        self.launch_command(
            LeaderOf::Session,
            Verb::Startup.arguments(self.pico()),
            Language::System,
            false,
        )
    }

    /// A command under way; not let go yet.
    ///
    /// # Errors
    /// No process or descriptor left.
    pub fn launch(&self, verb: Verb) -> io::Result<RunningCommand> {
        let of_local = verb == Verb::Status || verb == Verb::Shutdown;
        self.launch_command(
            LeaderOf::ProcessGroup,
            verb.arguments(self.pico()),
            Language::English,
            of_local,
        )
    }

    /// `topo get`: a value of the registry, as text; until its end or the given instant.
    ///
    /// # Errors
    /// No process or descriptor left.
    pub(super) fn topo_get(&self, path: &str, until: Instant) -> io::Result<FinishedCommand> {
        let words = ["topo", "get", "--allow-disconnected", "--format", "data-only", path]
            .map(OsString::from);
        let running =
            self.launch_command(LeaderOf::ProcessGroup, words.to_vec(), Language::English, false)?;
        Ok(self.record_hung_processes(running.run_until(until)?))
    }

    /// A question, until its end or the given instant.
    ///
    /// # Errors
    /// No process or descriptor left.
    pub fn run_to_end(&self, verb: Verb, until: Instant) -> io::Result<FinishedCommand> {
        Ok(self.record_hung_processes(self.launch(verb)?.run_until(until)?))
    }

    /// A command that was given up: what of it hangs is written down.
    ///
    /// # Errors
    /// What poll(2) and waitpid(2) say.
    pub fn abort(&self, running: RunningCommand) -> io::Result<FinishedCommand> {
        Ok(self.record_hung_processes(running.kill()?))
    }

    fn launch_command(
        &self,
        company: LeaderOf,
        arguments: Vec<OsString>,
        language: Language,
        of_local_platform: bool,
    ) -> io::Result<RunningCommand> {
        let who = || run_as(self.settings, self.target);
        let prepare =
            |user: &Credentials| self.prepare_exec(user, arguments, language, of_local_platform);
        match company {
            LeaderOf::ProcessGroup => self.storage().launch_query(who, prepare),
            LeaderOf::Session => self.storage().launch_as(company, who, prepare),
        }
    }

    fn record_hung_processes(&self, finished: FinishedCommand) -> FinishedCommand {
        self.storage().record_hung_processes(&finished.survivors);
        finished
    }

    fn storage(&self) -> Storage<'a> {
        Storage::for_target(self.target)
    }

    /// `post_start`: an administrator's program, in the same surroundings as mzsh.
    ///
    /// # Errors
    /// No process or descriptor left.
    pub fn run_post_start(
        &self,
        program: &std::path::Path,
        until: Instant,
    ) -> io::Result<FinishedCommand> {
        let prepare = |user: &Credentials| {
            check_executable(self.target, program, user)?;
            let mut environment = command_environment(self.settings, user, Language::System);
            environment.push(("MZ_HOME".into(), self.target.home.path().into()));
            environment.push(("PICO_NAME".into(), self.target.name.as_str().into()));
            Ok(Exec {
                program: program.into(),
                arguments: Vec::new(),
                environment,
                directory: "/".into(),
            })
        };
        // What it may hang on is its own affair, and says nothing of the pico's storage.
        let who = || run_as(self.settings, self.target);
        self.storage().launch_as(LeaderOf::ProcessGroup, who, prepare)?.run_until(until)
    }

    fn pico(&self) -> &str {
        self.target.name.as_str()
    }

    /// Everything that touches storage: for the child, once it is `user`.
    fn prepare_exec(
        &self,
        user: &Credentials,
        arguments: Vec<OsString>,
        language: Language,
        of_local_platform: bool,
    ) -> Result<Exec, String> {
        let program = self.target.home.join("bin/mzsh");
        if self.settings.pretend_not_installed {
            return Err(format!("{} does not exist", program.display()));
        }
        check_executable(self.target, &program, user)?;
        let mut environment = command_environment(self.settings, user, language);
        if of_local_platform {
            environment.push(("MZ_PLATFORM".into(), LOCAL_PLATFORM.into()));
        }
        Ok(Exec { program, arguments, environment, directory: self.target.home.path().into() })
    }
}

/// What a command's language, and with it its encoding and its formats of numbers and dates, is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// The caller's `LANG`, which the node sets for its services. For what starts the pico's JVM or is the administrator's own: the pico's
    /// data is read and written in the encoding and the formats that it gets here.
    System,
    /// English, for what is asked and whose words are read. As `C.UTF-8` and not as `C`, with which a JVM can't open a file whose
    /// path is not ASCII; where the C library does not know it, it is taken for `C`.
    English,
}

const ENGLISH_LOCALE: &str = "C.UTF-8";

/// What a login of the user would have, and nothing of the caller's but the language: Pacemaker sets hardly
/// anything, and a person's shell could set anything.
pub(super) fn command_environment(
    settings: &Settings,
    user: &Credentials,
    language: Language,
) -> Vec<(OsString, OsString)> {
    let of_caller = match language {
        Language::System => std::env::var_os("LANG").filter(|lang| !lang.is_empty()),
        Language::English => None,
    };
    let mut variables: Vec<(OsString, OsString)> = vec![
        ("HOME".into(), user.home.clone().into()),
        ("USER".into(), user.name.clone().into()),
        ("LOGNAME".into(), user.name.clone().into()),
        ("SHELL".into(), user.shell.clone().into()),
        ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
        ("LANG".into(), of_caller.unwrap_or_else(|| ENGLISH_LOCALE.into())),
    ];
    if language == Language::English {
        // A login script of the user, or mzsh, may set LANG anew; this one stands above that.
        variables.push(("LC_ALL".into(), ENGLISH_LOCALE.into()));
    }
    if let Some(java_home) = &settings.java_home {
        variables.push(("JAVA_HOME".into(), java_home.into()));
    }
    if let Some(container) = &settings.container {
        variables.push(("MZ_CONTAINER".into(), (**container).into()));
    }
    variables
}

/// What a startup came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartupResult {
    /// mzsh says that the pico is up.
    Up,
    /// Code 104: critical errors; another try after an eviction is due.
    Critical(String),
    /// It is not up, or not as it should be; why.
    Failed(String),
}

impl StartupResult {
    /// From what mzsh did.
    #[must_use]
    pub fn from_finished(finished: &FinishedCommand) -> Self {
        if let Some(why) = &finished.launch_error {
            return Self::Failed(why.to_string());
        }
        let words = product_words(finished);
        let lower = words.to_lowercase();
        let code = match finished.exit_status {
            ExitStatus::Exited(code) => code,
            end => return Self::Failed(format!("mzsh startup: {end}")),
        };
        let said = last_text_line(&words).map_or_else(String::new, |line| format!(": {line}"));
        match code {
            0 if lower.contains("started with errors") => Self::Failed(
                "mzsh startup: started with errors, only the code server runs: is the Platform's address up?"
                    .into(),
            ),
            0 if lower.contains("no such server process") => {
                Self::Failed("mzsh startup: no such server process: is pico_name right?".into())
            }
            0 => Self::Up,
            1 => Self::Failed(format!("mzsh startup: 1, the JVM failed{said}")),
            102 => Self::Failed(format!("mzsh startup: 102, no call back from the JVM in time{said}")),
            103 | 130 => Self::Failed(format!("mzsh startup: {code}, interrupted{said}")),
            104 => Self::Critical(format!("mzsh startup: 104, critical errors{said}")),
            255 => Self::Failed(format!("mzsh startup: -1, an old instance is in the way{said}")),
            other => Self::Failed(format!("mzsh startup: {other}{said}")),
        }
    }
}

/// What `mzsh status` says. It is evidence of health, never of absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusAnswer {
    /// 0: running.
    Running,
    /// Running, without contact with the Platform's RCP service.
    WithoutPlatform,
    /// 1: not responding, but its JVM is running.
    NotResponding,
    /// 2: not running, or unknown.
    NotRunning,
    /// It did not end in time.
    NoAnswer,
    /// It could not be run.
    NotAsked(String),
    /// Another code or a signal.
    Unexpected(String),
}

impl StatusAnswer {
    /// From what mzsh did.
    #[must_use]
    pub fn from_finished(finished: &FinishedCommand) -> Self {
        if let Some(why) = &finished.launch_error {
            return Self::NotAsked(why.to_string());
        }
        if let Some(why) = command_failure(finished) {
            return Self::NotAsked(format!("mzsh {why}"));
        }
        let words = product_words(finished).to_lowercase();
        match finished.exit_status {
            ExitStatus::TimedOut => Self::NoAnswer,
            _ if words.contains("without contact with the platform") => Self::WithoutPlatform,
            ExitStatus::Exited(0) => Self::Running,
            ExitStatus::Exited(1) => Self::NotResponding,
            ExitStatus::Exited(2) => Self::NotRunning,
            end => Self::Unexpected(end.to_string()),
        }
    }
}

impl fmt::Display for StatusAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::WithoutPlatform => {
                f.write_str("running without contact with the Platform's RCP service")
            }
            Self::NotResponding => f.write_str("not responding"),
            Self::NotRunning => f.write_str("not running"),
            Self::NoAnswer => f.write_str("no answer before its timeout"),
            Self::NotAsked(why) => write!(f, "could not be run: {why}"),
            Self::Unexpected(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn finished(end: ExitStatus, output: &str) -> FinishedCommand {
        FinishedCommand::new(end, output, Duration::from_secs(1))
    }

    #[test]
    fn startup_result_is_up_only_by_exit_code_and_output() {
        let up =
            |code, words| StartupResult::from_finished(&finished(ExitStatus::Exited(code), words));
        assert_eq!(up(0, "Starting platform...done.\n"), StartupResult::Up);
        assert_eq!(up(0, "platform is already running\n"), StartupResult::Up);
        for (code, words) in [
            (
                0,
                "Starting platform...\nStarted with errors, Only Codeserver service is guaranteed to be running.\n",
            ),
            (0, "platfoam: no such server process\n"),
            (1, "Starting ui...FAILED\nStartable platform exited unexpectedly\n"),
            (102, ""),
            (103, ""),
            (130, ""),
            (255, ""),
            (77, ""),
        ] {
            assert!(matches!(up(code, words), StartupResult::Failed(_)), "{code} {words}");
        }
        assert!(matches!(up(104, ""), StartupResult::Critical(_)));
        assert!(matches!(
            StartupResult::from_finished(&finished(ExitStatus::Signalled(9), "done.")),
            StartupResult::Failed(_)
        ));
    }

    #[test]
    fn status_answer_is_read_from_exit_code_and_output() {
        let of = |end, words| StatusAnswer::from_finished(&finished(end, words));
        assert_eq!(of(ExitStatus::Exited(0), "platform is running"), StatusAnswer::Running);
        assert_eq!(
            of(
                ExitStatus::Exited(0),
                "ec1 is running without contact with the platform RCP service"
            ),
            StatusAnswer::WithoutPlatform
        );
        assert_eq!(of(ExitStatus::Exited(1), ""), StatusAnswer::NotResponding);
        assert_eq!(of(ExitStatus::Exited(2), "platform is not running"), StatusAnswer::NotRunning);
        assert_eq!(of(ExitStatus::TimedOut, ""), StatusAnswer::NoAnswer);
        assert!(matches!(of(ExitStatus::Exited(124), ""), StatusAnswer::Unexpected(_)));
        let on_stderr = FinishedCommand {
            stderr: "ec1 is running without contact with the platform RCP service".into(),
            ..finished(ExitStatus::Exited(0), "")
        };
        assert_eq!(StatusAnswer::from_finished(&on_stderr), StatusAnswer::WithoutPlatform);
    }
}
