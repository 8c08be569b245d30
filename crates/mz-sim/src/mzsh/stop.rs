//! `shutdown` and `kill`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

use super::MzshCall;
use crate::pico::launch_spec::pid_file_path;
use crate::pico::remote::RemoteEntry;
use crate::settings::{SHUTDOWN_FAILED, SHUTDOWN_RETRY};
use crate::{SimError, process};

/// The retries of `shutdown` without `-r`.
const DEFAULT_RETRIES: u32 = 20;
/// The maximum time until a killed process is gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

impl MzshCall {
    /// Returns 0 ended or not running, 1 no such pico, 4 failed. It escalates to a kill, as
    /// observed in the product.
    pub(super) fn shutdown(&self, pico: &str) -> Result<u8, SimError> {
        let Some(defined) = self.registry.pico(pico)? else {
            return Ok(self.report_unknown_pico(pico, 1));
        };
        let Some(remote) = self.running_entry(pico) else {
            self.print(&format!("{pico} is not running\n"));
            return Ok(0);
        };
        self.print(&format!("Shutting down {pico}..."));
        if self.query_pico(&remote, pico, "shutdown").is_ok() {
            let retry = self.settings.duration(&SHUTDOWN_RETRY, pico);
            for _ in 0..self.options.retries.unwrap_or(DEFAULT_RETRIES) {
                if process::wait_for_end(remote.pid, retry) {
                    self.print("done.\n");
                    return Ok(0);
                }
                self.print(".");
            }
        }
        if self.settings.text(&SHUTDOWN_FAILED, pico) == "code-4" {
            self.print("\nShutdown failed.\n");
            return Ok(4);
        }
        self.print("\nShutdown failed. Trying kill instead.\n");
        match process::kill_pico(remote.pid, &self.home) {
            Ok(()) | Err(Errno::SRCH) if process::wait_for_end(remote.pid, KILL_TIMEOUT) => {
                self.remove_stale_files(
                    pico,
                    remote.pid,
                    &pid_file_path(&self.home, &self.registry, &defined),
                );
                Ok(0)
            }
            _ => Ok(4),
        }
    }

    /// Uses the pid in the pid file. Returns 0 killed, 1 no pid file or not permitted, 2 no such
    /// process.
    pub(super) fn kill(&self, pico: &str) -> Result<u8, SimError> {
        let Some(defined) = self.registry.pico(pico)? else {
            return Ok(self.report_unknown_pico(pico, 1));
        };
        let path = pid_file_path(&self.home, &self.registry, &defined);
        let Some(pid) = read_pid(&path) else {
            self.print(&format!("{pico}: no pid file {}\n", path.display()));
            return Ok(1);
        };
        match process::kill_pico(pid, &self.home) {
            Ok(()) if process::wait_for_end(pid, KILL_TIMEOUT) => {
                self.remove_stale_files(pico, pid, &path);
                self.print(&format!("{pico} killed\n"));
                Ok(0)
            }
            Err(Errno::SRCH) => {
                self.print(&format!("{pico}: target process is not running\n"));
                Ok(2)
            }
            Ok(()) | Err(_) => {
                self.print(&format!("{pico}: can't kill process {pid}\n"));
                Ok(1)
            }
        }
    }

    /// Removes the files that a killed process could not remove.
    fn remove_stale_files(&self, pico: &str, pid: u32, pid_file: &Path) {
        RemoteEntry::remove(&self.home, pico, pid);
        if read_pid(pid_file) == Some(pid) {
            let _ = fs::remove_file(pid_file);
        }
    }
}

fn read_pid(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
