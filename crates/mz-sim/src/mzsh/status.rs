//! `status [-q] [-verbose] <server process>...`: 0 running, 1 alive but not responding, 2 not
//! running or unknown.

use super::MzshCall;
use crate::SimError;
use crate::pico::SimPicoState;
use crate::settings::{STATUS_WITHOUT_PLATFORM_CODE, STATUS_WITHOUT_PLATFORM_TIME};

impl MzshCall {
    pub(super) fn status(&self) -> Result<u8, SimError> {
        if !self.platform_answers() {
            std::thread::sleep(self.settings.duration(&STATUS_WITHOUT_PLATFORM_TIME, ""));
        }
        let all;
        let picos = if self.options.words.is_empty() {
            all = self.registry.picos()?;
            &all
        } else {
            &self.options.words
        };
        let mut code = 0;
        for pico in picos {
            code = code.max(self.status_of(pico)?);
        }
        Ok(code)
    }

    fn status_of(&self, pico: &str) -> Result<u8, SimError> {
        if self.registry.pico(pico)?.is_none() {
            return Ok(self.report_unknown_pico(pico, 2));
        }
        let Some(remote) = self.running_entry(pico) else {
            self.print(&format!("{pico} is not running\n"));
            return Ok(2);
        };
        let answer = self.query_pico(&remote, pico, "status").ok();
        let (text, code) = match answer.as_deref().and_then(SimPicoState::parse) {
            Some(SimPicoState::Running) => ("running", 0),
            Some(SimPicoState::WithoutPlatform) => {
                let code =
                    self.settings.text(&STATUS_WITHOUT_PLATFORM_CODE, pico).parse().unwrap_or(0);
                ("running without contact with the platform RCP service", code)
            }
            Some(SimPicoState::Starting | SimPicoState::Stopping) | None => {
                ("not responding but the process is still running", 1)
            }
        };
        self.print(&format!("{pico} is {text}\n"));
        Ok(code)
    }
}
