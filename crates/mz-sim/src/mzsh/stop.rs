//! `shutdown` and `kill`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

use super::Shell;
use crate::pico::remote::Remote;
use crate::pico::run::pid_file;
use crate::settings::{SHUTDOWN_FAILED, SHUTDOWN_RETRY};
use crate::{Error, process};

/// Retries of `shutdown` unless `-r` says otherwise.
const RETRIES: u32 = 20;
/// How long a killed process may take to be gone.
const DEATH: Duration = Duration::from_secs(10);

impl Shell {
    /// 0 ended or not running, 1 no such pico, 4 failed. Escalates to a kill, as the product was seen to.
    pub(super) fn shutdown(&self, pico: &str) -> Result<u8, Error> {
        let Some(defined) = self.registry.pico(pico)? else { return Ok(self.unknown(pico, 1)) };
        let Some(remote) = self.running(pico) else {
            self.say(&format!("{pico} is not running\n"));
            return Ok(0);
        };
        self.say(&format!("Shutting down {pico}..."));
        if self.ask(&remote, pico, "shutdown").is_ok() {
            let retry = self.settings.duration(&SHUTDOWN_RETRY, pico);
            for _ in 0..self.options.retries.unwrap_or(RETRIES) {
                if process::wait_for_end(remote.pid, retry) {
                    self.say("done.\n");
                    return Ok(0);
                }
                self.say(".");
            }
        }
        if self.settings.text(&SHUTDOWN_FAILED, pico) == "code-4" {
            self.say("\nShutdown failed.\n");
            return Ok(4);
        }
        self.say("\nShutdown failed. Trying kill instead.\n");
        match process::kill(remote.pid, &self.home) {
            Ok(()) | Err(Errno::SRCH) if process::wait_for_end(remote.pid, DEATH) => {
                self.clear(pico, remote.pid, &pid_file(&self.home, &self.registry, &defined));
                Ok(0)
            }
            _ => Ok(4),
        }
    }

    /// By the number in the pid file: 0 killed, 1 no pid file or not allowed, 2 no such process.
    pub(super) fn kill(&self, pico: &str) -> Result<u8, Error> {
        let Some(defined) = self.registry.pico(pico)? else { return Ok(self.unknown(pico, 1)) };
        let path = pid_file(&self.home, &self.registry, &defined);
        let Some(pid) = read_pid(&path) else {
            self.say(&format!("{pico}: no pid file {}\n", path.display()));
            return Ok(1);
        };
        match process::kill(pid, &self.home) {
            Ok(()) if process::wait_for_end(pid, DEATH) => {
                self.clear(pico, pid, &path);
                self.say(&format!("{pico} killed\n"));
                Ok(0)
            }
            Err(Errno::SRCH) => {
                self.say(&format!("{pico}: target process is not running\n"));
                Ok(2)
            }
            Ok(()) | Err(_) => {
                self.say(&format!("{pico}: can't kill process {pid}\n"));
                Ok(1)
            }
        }
    }

    /// Removes what a killed process could not remove itself.
    fn clear(&self, pico: &str, pid: u32, pid_file: &Path) {
        Remote::remove(&self.home, pico, pid);
        if read_pid(pid_file) == Some(pid) {
            let _ = fs::remove_file(pid_file);
        }
    }
}

fn read_pid(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
