//! Runs a program in a sandbox, with argv, environment, user and time limit, and describes its end.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::executor::ExecutorReport;
use crate::sandbox::KIT_DIR;
use crate::{Sandbox, TestkitError};

/// Ends what hangs, also on a machine that is very busy: a compiler of Java alone was seen to take a minute.
const DEFAULT_LIMIT: Duration = Duration::from_secs(300);

/// The `PATH` that systemd gives to Pacemaker and Pacemaker gives to its agents.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeExitStatus {
    /// The program exited with this code.
    Code(i32),
    /// A signal that the executor did not send killed the program.
    Signal(i32),
    /// The program exceeded its time limit, and its process group got SIGKILL.
    TimedOut,
}

impl fmt::Display for NodeExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::TimedOut => f.write_str("killed at its timeout"),
        }
    }
}

/// The result of a program. `Display` shows all of it, for the message of an assertion.
#[derive(Debug, Clone)]
pub struct NodeCommandOutput {
    /// The command as a shell line.
    pub argv: String,
    pub exit_status: NodeExitStatus,
    /// Its stdout until its end.
    pub stdout: String,
    /// Its stderr until its end.
    pub stderr: String,
    /// From its fork to its end.
    pub wall_time: Duration,
    /// The largest resident set size, in KiB, of the program or of any child that it has waited
    /// for.
    pub peak_rss_kib: u64,
}

impl NodeCommandOutput {
    /// The exit code; `None` if a signal or the time limit ended the program.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        match self.exit_status {
            NodeExitStatus::Code(code) => Some(code),
            NodeExitStatus::Signal(_) | NodeExitStatus::TimedOut => None,
        }
    }

    /// The exit reason as Pacemaker reads it (`lib/services/services_linux.c` of Pacemaker 2.1.5).
    /// It is the text after the last `ocf-exit-reason:` on stderr, up to the end of the line, at
    /// most 128 bytes.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let (_, after) = self.stderr.rsplit_once("ocf-exit-reason:")?;
        let line = after.lines().next().unwrap_or_default();
        Some(String::from_utf8_lossy(&line.as_bytes()[..line.len().min(128)]).into_owned())
    }

    /// Returns the result if the program exited with `code`, else an error that shows all of it.
    ///
    /// # Errors
    /// [`TestkitError::Command`].
    pub fn expect_code(self, code: i32) -> Result<Self, TestkitError> {
        if self.exit_status == NodeExitStatus::Code(code) {
            Ok(self)
        } else {
            Err(TestkitError::Command(Box::new(self)))
        }
    }
}

impl fmt::Display for NodeCommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {} after {:.1?}", self.argv, self.exit_status, self.wall_time)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.trim().is_empty() {
                write!(f, "\n--- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// A program to execute in a sandbox.
#[derive(Debug, Clone)]
#[must_use = "nothing runs before run()"]
pub struct NodeCommand<'a> {
    node: &'a Sandbox,
    argv: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    limit: Duration,
    umask: u32,
    directory: OsString,
    user: Option<u32>,
}

impl<'a> NodeCommand<'a> {
    pub(crate) fn new(node: &'a Sandbox, program: &OsStr) -> Self {
        Self {
            node,
            argv: vec![program.to_owned()],
            environment: vec![("PATH".into(), PATH.into())],
            limit: DEFAULT_LIMIT,
            umask: 0o022,
            directory: "/".into(),
            user: None,
        }
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.argv.push(argument.as_ref().to_owned());
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.argv.extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable. The default environment has only `PATH`; a later value
    /// replaces an earlier one.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.retain(|(n, _)| n != name.as_ref());
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Removes a variable; `PATH` can be removed, too.
    pub fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.retain(|(n, _)| n != name.as_ref());
        self
    }

    /// Sets the time after which the process group gets SIGKILL; the default is 300 s.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the umask; the default is 0022.
    pub fn umask(mut self, umask: u32) -> Self {
        self.umask = umask;
        self
    }

    /// Sets the working directory; the default is `/`.
    pub fn directory(mut self, directory: impl AsRef<OsStr>) -> Self {
        directory.as_ref().clone_into(&mut self.directory);
        self
    }

    /// Runs as this user and the group of the same number.
    pub fn user(mut self, uid: u32) -> Self {
        self.user = Some(uid);
        self
    }

    /// Runs the program through another one, which gets the command as its last arguments.
    pub fn wrap_with<A: AsRef<OsStr>>(mut self, runner: impl IntoIterator<Item = A>) -> Self {
        let mut argv: Vec<OsString> =
            runner.into_iter().map(|word| word.as_ref().to_owned()).collect();
        argv.append(&mut self.argv);
        Self { argv, ..self }
    }

    /// Runs the program as on an older kernel; see
    /// [`AgentCall::on_old_kernel`](crate::AgentCall::on_old_kernel).
    pub fn on_old_kernel(self, refusal: &str) -> Self {
        self.wrap_with([&format!("{KIT_DIR}/bin/old-kernel"), refusal])
    }

    /// The argv and the environment, as text.
    pub(crate) fn argv_and_environment(&self) -> (Vec<String>, Vec<(String, String)>) {
        let text = |word: &OsString| word.to_string_lossy().into_owned();
        let environment = self.environment.iter().map(|(name, value)| (text(name), text(value)));
        (self.argv.iter().map(text).collect(), environment.collect())
    }

    /// Runs the program to its end. The result is not checked; see
    /// [`NodeCommandOutput::expect_code`].
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`] if the program could not be executed.
    pub fn run(self) -> Result<NodeCommandOutput, TestkitError> {
        let argv = shell_quoted(&self.argv);
        let not_run = |said: String| TestkitError::NotExecuted { argv: argv.clone(), said };
        let output = Command::new("/usr/bin/nsenter")
            .args(self.node.nsenter_args())
            .arg(format!("{KIT_DIR}/bin/executor"))
            .arg(self.limit.as_millis().to_string())
            .arg(format!("{:o}", self.umask))
            .arg(&self.directory)
            .arg(self.user.map_or_else(|| "-".to_owned(), |uid| uid.to_string()))
            .args(&self.argv)
            .env_clear()
            .envs(self.environment)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| not_run(format!("nsenter: {e}")))?;
        let report: ExecutorReport = serde_json::from_slice(&output.stdout).map_err(|_| {
            not_run(format!(
                "{} ({})",
                String::from_utf8_lossy(&output.stderr).trim(),
                output.status
            ))
        })?;
        let end = match (report.timed_out, report.code, report.signal) {
            (true, ..) => NodeExitStatus::TimedOut,
            (false, Some(code), _) => NodeExitStatus::Code(code),
            (false, None, signal) => NodeExitStatus::Signal(signal.unwrap_or_default()),
        };
        let wall = Duration::from_micros(report.wall_us);
        Ok(NodeCommandOutput {
            argv,
            exit_status: end,
            stdout: report.stdout,
            stderr: report.stderr,
            wall_time: wall,
            peak_rss_kib: report.most_kib,
        })
    }
}

fn shell_quoted(argv: &[OsString]) -> String {
    let quoted = argv.iter().map(|word| {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+%@".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
