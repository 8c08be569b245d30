//! One node of the lab, and its faults.

use std::fs;
use std::time::Duration;

use testkit::{NodeCommandOutput, TestResult, TestkitError};

use crate::Lab;
use crate::controller::PROGRAMS_DIR;

/// The longest time of a command; commands that wait have shorter limits of their own. A
/// configuration by pcs takes twenty calls of half a second of processor time each, and the machine
/// may be busy.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);

/// A node by its name: `n1` and so on, or `host`, which is on their network but not in the cluster.
#[derive(Debug, Clone, Copy)]
pub struct LabNode<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) name: &'a str,
}

impl<'a> LabNode<'a> {
    #[must_use]
    pub fn name(self) -> &'a str {
        self.name
    }

    /// True if the node has power: its process 1 lives.
    #[must_use]
    pub fn is_on(self) -> bool {
        // Pid and PID namespace as seen in the lab, like live.sh.
        let lab = format!("/proc/{}/root", self.lab.init_pid());
        let file = format!("{lab}{}/fs/{}/pid", self.lab.controller().dir().display(), self.name);
        let text = fs::read_to_string(file).unwrap_or_default();
        let Some((pid, namespace)) = text.trim_end().split_once(' ') else { return false };
        let link = fs::read_link(format!("{lab}/proc/{pid}/ns/pid"));
        link.is_ok_and(|link| link.to_str() == Some(namespace))
    }

    /// Runs a command, which must succeed.
    ///
    /// # Errors
    /// [`TestkitError::Command`] if it does not exit with 0; [`TestkitError::NotExecuted`].
    pub fn exec(self, argv: &[&str]) -> Result<NodeCommandOutput, TestkitError> {
        self.try_exec(argv)?.expect_code(0)
    }

    /// Runs a command. The result is not checked.
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`].
    pub fn try_exec(self, argv: &[&str]) -> Result<NodeCommandOutput, TestkitError> {
        let words: Vec<&str> =
            ["exec", self.name].into_iter().chain(argv.iter().copied()).collect();
        self.lab.controller().run_script(COMMAND_TIMEOUT, &words)
    }

    /// Runs a shell command, which must succeed, and returns its output.
    ///
    /// # Errors
    /// As [`LabNode::exec`].
    pub fn sh(self, line: &str) -> Result<String, TestkitError> {
        Ok(self.exec(&["sh", "-c", line])?.stdout)
    }

    /// Cuts its power: all its processes end at once.
    ///
    /// # Errors
    /// As [`LabNode::exec`]. The same holds for all methods below.
    pub fn cut_power(self) -> TestResult {
        self.run_verb("kill")
    }

    /// Presses the power button.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn power_on(self) -> TestResult {
        self.run_verb("on")
    }

    /// Pulls its network cable, which stays pulled over reboots.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn cut_network(self) -> TestResult {
        self.run_verb("cut")
    }

    /// Plugs the cable in again.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn restore_network(self) -> TestResult {
        self.run_verb("heal")
    }

    /// Sends SIGSTOP to its corosync.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn freeze_corosync(self) -> TestResult {
        self.run_verb("freeze")
    }

    /// Sends SIGCONT to its corosync.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn thaw_corosync(self) -> TestResult {
        self.run_verb("thaw")
    }

    /// Stops its cluster software in an orderly way: its resources move first.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn stop_cluster(self) -> TestResult {
        self.run_verb("stop")
    }

    /// Starts its cluster software.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn start_cluster(self) -> TestResult {
        self.run_verb("start")
    }

    /// Makes this operation on the file or directory hang, in state D, until the storage is
    /// released or the node loses its power. `held` is an argument of the kit's `hung-mount`.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn hang_storage(self, path: &str, held: &str) -> TestResult {
        // The program ends with its standard input, which a tail holds open for ever.
        let (said, holds) = (hung_storage_file(path, "said"), hung_storage_file(path, "holds"));
        self.sh(&format!(
            "mkfifo {said}
            sh -c 'echo $$ >{holds}; exec tail -f /dev/null' 2>/dev/null |
                setsid {PROGRAMS_DIR}/hung-mount {path} {held} >{said} 2>&1 &
            read -r word <{said}
            [ \"$word\" = ready ] || {{ echo \"$word\" >&2; exit 1; }}"
        ))
        .map(drop)
    }

    /// Ends the hang: the covered files are visible again, and waiting operations end, possibly
    /// with an error.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn release_storage(self, path: &str) -> TestResult {
        let (said, holds) = (hung_storage_file(path, "said"), hung_storage_file(path, "holds"));
        self.sh(&format!("kill $(cat {holds}) && rm {said} {holds}"))?;
        self.lab.wait_until(&format!("{path} to be back"), COMMAND_TIMEOUT, |_| {
            let mounts = self.sh("cat /proc/self/mounts")?;
            let hung = mounts.lines().find(|line| line.starts_with(&format!("hung-mount {path} ")));
            Ok(hung.map_or(Ok(()), |line| Err(line.to_owned())))
        })
    }

    fn run_verb(self, verb: &str) -> TestResult {
        self.lab
            .controller()
            .run_script(COMMAND_TIMEOUT, &[verb, self.name])?
            .expect_code(0)
            .map(drop)
    }
}

/// The path of a file that belongs to hung storage.
fn hung_storage_file(path: &str, what: &str) -> String {
    format!("/run/hung{}.{what}", path.replace('/', "-"))
}
