//! One node of the lab, and what can be done to it.

use std::fs;
use std::time::Duration;

use testkit::{Done, Error, Ran};

use crate::Lab;
use crate::control::PROGRAMS;

/// Longest time for a command; those that wait themselves wait less. A configuration by pcs takes twenty calls, each half a second of
/// processor time, and the machine may be doing much else.
const LIMIT: Duration = Duration::from_secs(300);

/// A node, by its name: `n1` and on, or `host`, which is on their network and none of them.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) name: &'a str,
}

impl<'a> Node<'a> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.name
    }

    /// It has power: its process 1 lives.
    #[must_use]
    pub fn is_on(self) -> bool {
        // As live.sh has it: number and PID namespace, by the numbers of the lab.
        let lab = format!("/proc/{}/root", self.lab.init());
        let file = format!("{lab}{}/fs/{}/pid", self.lab.control().dir().display(), self.name);
        let text = fs::read_to_string(file).unwrap_or_default();
        let Some((pid, namespace)) = text.trim_end().split_once(' ') else { return false };
        let link = fs::read_link(format!("{lab}/proc/{pid}/ns/pid"));
        link.is_ok_and(|link| link.to_str() == Some(namespace))
    }

    /// Runs a command, which has to succeed.
    ///
    /// # Errors
    /// [`Error::Command`] when it does not end with 0, [`Error::NotRun`].
    pub fn exec(self, argv: &[&str]) -> Result<Ran, Error> {
        self.try_exec(argv)?.expect(0)
    }

    /// Runs a command, however that ends.
    ///
    /// # Errors
    /// [`Error::NotRun`].
    pub fn try_exec(self, argv: &[&str]) -> Result<Ran, Error> {
        let words: Vec<&str> = ["exec", self.name].into_iter().chain(argv.iter().copied()).collect();
        self.lab.control().call(LIMIT, &words)
    }

    /// A line for the shell, which has to succeed; what it wrote.
    ///
    /// # Errors
    /// As [`Node::exec`].
    pub fn sh(self, line: &str) -> Result<String, Error> {
        Ok(self.exec(&["sh", "-c", line])?.stdout)
    }

    /// Its power is cut: all that runs there is gone at once.
    ///
    /// # Errors
    /// As [`Node::exec`]; so it is of all below.
    pub fn kill(self) -> Done {
        self.act("kill")
    }

    /// The power button is pressed.
    ///
    /// # Errors
    /// See [`Node::kill`].
    pub fn on(self) -> Done {
        self.act("on")
    }

    /// Its network cable is pulled; that outlasts reboots.
    ///
    /// # Errors
    /// See [`Node::kill`].
    pub fn cut(self) -> Done {
        self.act("cut")
    }

    /// The cable is plugged in again.
    ///
    /// # Errors
    /// See [`Node::kill`].
    pub fn heal(self) -> Done {
        self.act("heal")
    }

    /// Its corosync gets SIGSTOP.
    ///
    /// # Errors
    /// See [`Node::kill`].
    pub fn freeze(self) -> Done {
        self.act("freeze")
    }

    /// And SIGCONT.
    ///
    /// # Errors
    /// See [`Node::kill`].
    pub fn thaw(self) -> Done {
        self.act("thaw")
    }

    /// Its cluster software is stopped in an orderly way: its resources go elsewhere first.
    ///
    /// # Errors
    /// See [`Node::kill`].
    pub fn stop(self) -> Done {
        self.act("stop")
    }

    /// Its cluster software is started.
    ///
    /// # Errors
    /// See [`Node::kill`].
    pub fn start(self) -> Done {
        self.act("start")
    }

    /// From now on what is held back of this file or directory hangs, in state D, until it is released or the node's power is
    /// cut; `held` in the words of the kit's `hung-mount`.
    ///
    /// # Errors
    /// See [`Node::kill`].
    pub fn hang(self, path: &str, held: &str) -> Done {
        // The program ends with its standard input, which a tail holds open for ever.
        let (said, holds) = (hung_file(path, "said"), hung_file(path, "holds"));
        self.sh(&format!(
            "mkfifo {said}
            sh -c 'echo $$ >{holds}; exec tail -f /dev/null' 2>/dev/null |
                setsid {PROGRAMS}/hung-mount {path} {held} >{said} 2>&1 &
            read -r word <{said}
            [ \"$word\" = ready ] || {{ echo \"$word\" >&2; exit 1; }}"
        ))
        .map(drop)
    }

    /// What hung is back: what lies below shows again, and what waited goes on, if only to an error.
    ///
    /// # Errors
    /// See [`Node::kill`].
    pub fn release(self, path: &str) -> Done {
        let (said, holds) = (hung_file(path, "said"), hung_file(path, "holds"));
        self.sh(&format!("kill $(cat {holds}) && rm {said} {holds}"))?;
        self.lab.until(&format!("{path} to be back"), LIMIT, |_| {
            let mounts = self.sh("cat /proc/self/mounts")?;
            let hung = mounts.lines().find(|line| line.starts_with(&format!("hung-mount {path} ")));
            Ok(hung.map_or(Ok(()), |line| Err(line.to_owned())))
        })
    }

    fn act(self, verb: &str) -> Done {
        self.lab.control().call(LIMIT, &[verb, self.name])?.expect(0).map(drop)
    }
}

/// A file that belongs to storage that hangs.
fn hung_file(path: &str, what: &str) -> String {
    format!("/run/hung{}.{what}", path.replace('/', "-"))
}
