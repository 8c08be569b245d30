//! A node with a Debian of its own, for one test; see node.sh.

use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use testkit::{DebianRoot, packages_dir};

const NAMESPACES: [&str; 5] = ["--mount", "--net", "--pid", "--ipc", "--uts"];

pub(crate) struct PackageNode {
    unshare: Child,
    /// The node lives as long as this is open.
    keepalive_pipe: Option<ChildStdin>,
    init_pid: String,
}

/// What a script of the node printed, on both channels, and how it ended.
pub(crate) struct ScriptResult {
    pub(crate) success: bool,
    pub(crate) output: String,
}

impl fmt::Display for ScriptResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "success: {}\n{}", self.success, self.output)
    }
}

impl PackageNode {
    pub(crate) fn start(root: DebianRoot) -> Self {
        let mut unshare = Command::new("unshare");
        unshare.args(NAMESPACES).args(["--fork", "--kill-child", "--propagation", "private"]);
        unshare
            .args(["bash", "-c", include_str!("node.sh"), "node.sh"])
            .arg(root.folder())
            .arg(packages_dir());
        unshare.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let mut unshare =
            unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare");
        let keepalive_pipe = unshare.stdin.take();
        let mut line = String::new();
        let output = unshare.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n", "node.sh failed, see its error output");
        let parent = unshare.id();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let init_pid = children.expect("/proc").trim().to_owned();
        Self { unshare, keepalive_pipe, init_pid }
    }

    /// Runs a script of bash, which fails at the first command that does.
    pub(crate) fn run(&self, script: &str) -> ScriptResult {
        let output = self.command(script).output().expect("nsenter");
        let output_text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        ScriptResult {
            success: output.status.success(),
            output: String::from_utf8_lossy(&output_text).into_owned(),
        }
    }

    pub(crate) fn command(&self, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(&self.init_pid).args(NAMESPACES).args(["--root", "--wd"]);
        command.args(["bash", "-euo", "pipefail", "-c", script]).stdin(Stdio::null()).env_clear();
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs([
            ("HOME", "/root"),
            ("LC_ALL", "C.UTF-8"),
            ("DEBIAN_FRONTEND", "noninteractive"),
        ]);
        command
    }

    /// A script that has to succeed; returns its output.
    pub(crate) fn ok(&self, script: &str) -> String {
        let result = self.run(script);
        assert!(result.success, "{script}\n{result}");
        result.output
    }

    /// A script that has to fail, with each of these texts in its output.
    pub(crate) fn refused(&self, script: &str, reasons: &[&str]) {
        let result = self.run(script);
        assert!(!result.success, "{script}\n{result}");
        for reason in reasons {
            assert!(result.output.contains(reason), "no {reason:?}: {script}\n{result}");
        }
    }

    /// Copies a file of this machine into the node.
    pub(crate) fn put(&self, file: &Path, to: &str) {
        let input = File::open(file).expect("a file");
        let status = self.command(&format!("cat >{to}")).stdin(input).status();
        assert!(status.is_ok_and(|status| status.success()), "{to}");
    }

    /// A program of the node, for root and before all others of its name.
    pub(crate) fn stub(&self, name: &str, body: &str) {
        self.ok(&format!(
            "cat >/usr/local/sbin/{name} <<'END'\n#!/bin/sh\n{body}\nEND\nchmod 755 /usr/local/sbin/{name}"
        ));
    }
}

impl Drop for PackageNode {
    fn drop(&mut self) {
        self.keepalive_pipe = None;
        let _ = self.unshare.wait();
    }
}
