//! One node of the lab, and what can be done to it.

use std::fs;
use std::time::Duration;

use testkit::{NodeCommandOutput, TestResult, TestkitError};

use crate::Lab;
use crate::controller::PROGRAMS_DIR;

/// Longest time for a command; those that wait themselves wait less. A configuration by pcs takes twenty calls, each half a second of
/// processor time, and the machine may be doing much else.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(300);

/// A node, by its name: `n1` and on, or `host`, which is on their network and none of them.
#[derive(Debug, Clone, Copy)]
pub struct LabNode<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) name: &'a str,
}

impl<'a> LabNode<'a> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.name
    }

    /// It has power: its process 1 lives.
    #[must_use]
    pub fn is_on(self) -> bool {
        // As live.sh has it: number and PID namespace, by the numbers of the lab.
        let lab = format!("/proc/{}/root", self.lab.init_pid());
        let file = format!("{lab}{}/fs/{}/pid", self.lab.controller().dir().display(), self.name);
        let text = fs::read_to_string(file).unwrap_or_default();
        let Some((pid, namespace)) = text.trim_end().split_once(' ') else { return false };
        let link = fs::read_link(format!("{lab}/proc/{pid}/ns/pid"));
        link.is_ok_and(|link| link.to_str() == Some(namespace))
    }

    /// Runs a command, which has to succeed.
    ///
    /// # Errors
    /// [`TestkitError::Command`] when it does not end with 0, [`TestkitError::NotExecuted`].
    pub fn exec(self, argv: &[&str]) -> Result<NodeCommandOutput, TestkitError> {
        self.try_exec(argv)?.expect_code(0)
    }

    /// Runs a command, however that ends.
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`].
    pub fn try_exec(self, argv: &[&str]) -> Result<NodeCommandOutput, TestkitError> {
        let words: Vec<&str> = ["exec", self.name].into_iter().chain(argv.iter().copied()).collect();
        self.lab.controller().run_script(COMMAND_TIMEOUT, &words)
    }

    /// A line for the shell, which has to succeed; what it wrote.
    ///
    /// # Errors
    /// As [`LabNode::exec`].
    pub fn sh(self, line: &str) -> Result<String, TestkitError> {
        Ok(self.exec(&["sh", "-c", line])?.stdout)
    }

    /// Its power is cut: all that runs there is gone at once.
    ///
    /// # Errors
    /// As [`LabNode::exec`]; so it is of all below.
    pub fn cut_power(self) -> TestResult {
        self.run_verb("kill")
    }

    /// The power button is pressed.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn power_on(self) -> TestResult {
        self.run_verb("on")
    }

    /// Its network cable is pulled; that outlasts reboots.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn cut_network(self) -> TestResult {
        self.run_verb("cut")
    }

    /// The cable is plugged in again.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn restore_network(self) -> TestResult {
        self.run_verb("heal")
    }

    /// Its corosync gets SIGSTOP.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn freeze_corosync(self) -> TestResult {
        self.run_verb("freeze")
    }

    /// And SIGCONT.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn thaw_corosync(self) -> TestResult {
        self.run_verb("thaw")
    }

    /// Its cluster software is stopped in an orderly way: its resources go elsewhere first.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn stop_cluster(self) -> TestResult {
        self.run_verb("stop")
    }

    /// Its cluster software is started.
    ///
    /// # Errors
    /// See [`LabNode::cut_power`].
    pub fn start_cluster(self) -> TestResult {
        self.run_verb("start")
    }

    /// From now on what is held back of this file or directory hangs, in state D, until it is released or the node's power is
    /// cut; `held` in the words of the kit's `hung-mount`.
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

    /// What hung is back: what lies below shows again, and what waited goes on, if only to an error.
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
        self.lab.controller().run_script(COMMAND_TIMEOUT, &[verb, self.name])?.expect_code(0).map(drop)
    }
}

/// A file that belongs to storage that hangs.
fn hung_storage_file(path: &str, what: &str) -> String {
    format!("/run/hung{}.{what}", path.replace('/', "-"))
}
