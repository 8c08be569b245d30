//! Builds the command line of a pico and starts it.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::MzshCall;
use crate::installation::{critical_log_path, log_path};
use crate::java::{DETACH_CLASS, PICO_START_CLASS, PLATFORM_CLASS};
use crate::pico::launch_spec::LaunchSpec;
use crate::registry::SimPicoDefinition;
use crate::settings::{JVM, JVM_DETACHED, MARKER, SimStartupOutcome};
use crate::{PicoKind, SimError};

impl MzshCall {
    pub(super) fn launch(
        &self,
        pico: &SimPicoDefinition,
        outcome: SimStartupOutcome,
        callback: &TcpListener,
    ) -> Result<Child, SimError> {
        let name = &pico.name;
        let port = callback
            .local_addr()
            .map_err(SimError::file("read the port of", "the callback"))?
            .port();
        let run = LaunchSpec::new(&self.home, &self.registry, pico, &self.settings, outcome, port);
        let java_home = PathBuf::from(std::env::var_os("JAVA_HOME").unwrap_or_default());
        let shown = java_home.join("bin/java");
        let native = self.home.join("java/bin/java");
        let program = if self.settings.is_on(&JVM, "") { &shown } else { &native };

        let mut command = Command::new(&native);
        command.arg(DETACH_CLASS).arg(program).arg(&shown);
        if !self.settings.is_on(&JVM_DETACHED, name) {
            command = Command::new(program);
            std::os::unix::process::CommandExt::arg0(&mut command, &shown);
        }
        command
            .args(self.arguments(pico))
            .env("MZ_HOME", &self.home)
            .env(LaunchSpec::VARIABLE, run.encode());
        // The JVM looks for `oom` on this path.
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", self.home.join("bin").display()))
            .current_dir(&self.home);
        if self.settings.is_on(&JVM_DETACHED, name) {
            let path = log_path(&self.home, name);
            let open = || {
                File::options()
                    .append(true)
                    .create(true)
                    .open(&path)
                    .map_err(SimError::file("open", &path))
            };
            command.stdin(Stdio::null()).stdout(open()?).stderr(open()?);
        }
        command.spawn().map_err(SimError::file("run", program))
    }

    fn arguments(&self, pico: &SimPicoDefinition) -> Vec<String> {
        let name = &pico.name;
        let shown = |path: &Path| path.display().to_string();
        let marker = self.settings.text(&MARKER, name);
        let mut args: Vec<String> = pico.jvm_args().map(str::to_owned).collect();
        if matches!(marker, "both" | "oom") {
            // One argument with spaces: the JVM passes it to a shell.
            let (log, critical) = (log_path(&self.home, name), critical_log_path(&self.home, name));
            args.push(format!(
                "-XX:OnOutOfMemoryError=oom {name} {} {}",
                shown(&log),
                shown(&critical)
            ));
        }
        args.push(format!("-Dmz.home={}", shown(&self.home)));
        if matches!(marker, "both" | "configname") {
            args.push(format!("-Dpico.configname={name}"));
            args.push(format!("-Dpico.name={name}"));
        }
        args.push(format!("-Dpico.type={}", pico.kind));
        args.extend(self.options.properties.iter().map(|property| format!("-D{property}")));
        args.push("-classpath".into());
        args.push(shown(&self.home.join("lib/picostart.jar")));
        args.push(
            if pico.kind == PicoKind::Platform { PLATFORM_CLASS } else { PICO_START_CLASS }.into(),
        );
        args.push(name.clone());
        args
    }
}
