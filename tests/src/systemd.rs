//! A node with systemd as process 1: a PID namespace and control groups of its own, within a sandbox.
//!
//! systemd has no unit but the bus and those of the test ([`UNITS`]).

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::{Sandbox, TestkitError, wait_until};

/// The directory of units, in the node.
pub const UNITS: &str = "/run/testkit/units";

const BOOT_TIMEOUT: Duration = Duration::from_secs(120);

/// The shell that has made the control groups.
#[derive(Debug)]
pub(crate) struct Systemd {
    shell: Child,
    /// systemd ends when this closes.
    keepalive_pipe: Option<ChildStdin>,
}

impl Systemd {
    /// Boots it, with the units that are in [`UNITS`] besides the kit's. Returns the pid of its process 1 as seen from outside, too.
    pub(crate) fn boot(node: &Sandbox) -> Result<(Self, u32), TestkitError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let bare = "[Unit]\nDefaultDependencies=no\n";
        for target in ["basic", "sysinit", "sockets", "shutdown", "umount", "final"] {
            node.write(format!("{UNITS}/{target}.target"), bare)?;
        }
        node.write(
            format!("{UNITS}/node.target"),
            format!("{bare}Wants=dbus.service\nAfter=dbus.service\n"),
        )?;
        for unit in ["dbus.service", "dbus.socket"] {
            let path = Path::new("/lib/systemd/system").join(unit);
            let text = fs::read(&path).map_err(TestkitError::io("read", &path))?;
            node.write(format!("{UNITS}/{unit}"), text)?;
        }
        node.exec(["mkdir", "-p", "/run/dbus", "/run/lock"])?;
        let name =
            format!("testkit-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut bash = Command::new("bash");
        bash.args([
            "-c",
            include_str!("systemd.sh"),
            "systemd",
            &name,
            &node.init_pid().to_string(),
        ]);
        bash.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        // It cleans up even where the test's process group is killed.
        bash.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let failed = |said: String| TestkitError::SandboxFailed { said, hint: "" };
        let mut shell = bash.spawn().map_err(|e| failed(format!("bash: {e}")))?;
        let keepalive_pipe = shell.stdin.take();
        let mut line = String::new();
        if let Some(out) = shell.stdout.take() {
            let _ = BufReader::new(out).read_line(&mut line);
        }
        let systemd = Self { shell, keepalive_pipe };
        let nsenter: u32 =
            line.trim().parse().map_err(|_| failed(format!("no control groups: {line:?}")))?;
        let init = wait_until("systemd as process 1", BOOT_TIMEOUT, || {
            // nsenter waits for unshare, and unshare for process 1.
            let init = only_child(nsenter).and_then(only_child).ok_or("no process 1")?;
            let comm =
                fs::read_to_string(format!("/proc/{init}/comm")).map_err(|e| e.to_string())?;
            if comm == "systemd\n" { Ok(init) } else { Err(comm) }
        })?;
        Ok((systemd, init))
    }
}

fn only_child(parent: u32) -> Option<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

impl Drop for Systemd {
    fn drop(&mut self) {
        drop(self.keepalive_pipe.take());
        let _ = self.shell.wait();
    }
}

impl Sandbox {
    /// Boots systemd in this node: from now on everything runs under it, also what [`Sandbox::command`] calls.
    ///
    /// # Errors
    /// [`TestkitError::SandboxFailed`]; the bus is not up in time.
    pub fn boot_systemd(&mut self) -> Result<(), TestkitError> {
        let (systemd, init) = Systemd::boot(self)?;
        self.enter_systemd(systemd, init);
        wait_until("node.target", BOOT_TIMEOUT, || {
            let state = self.command("systemctl").args(["is-active", "node.target"]).run();
            let state = state.map_err(|e| e.to_string())?;
            if state.stdout == "active\n" { Ok(()) } else { Err(state.to_string()) }
        })
    }
}
