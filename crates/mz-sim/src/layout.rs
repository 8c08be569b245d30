//! Writes the files of an installation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::User;

use crate::registry::{ACTIVE, MASTER};
use crate::settings::{JVM, SimSettings};
use crate::{Installation, PicoKind, SimError, history, jvm, ports};

/// The HA port of the first pico; each next pico gets the next port.
const FIRST_HA_PORT: u16 = 26_000;

/// The description of a pico.
#[derive(Debug, Clone)]
pub struct PicoSpec {
    name: String,
    kind: PicoKind,
    enabled: bool,
    properties: BTreeMap<String, String>,
}

impl PicoSpec {
    /// A pico. The installation adds the default properties: `mz.ha.*` enabled, and its ports.
    pub fn new(name: impl Into<String>, kind: PicoKind) -> Self {
        Self { name: name.into(), kind, enabled: true, properties: BTreeMap::new() }
    }

    /// Sets one of its `config.properties`; an empty value removes a default.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(name.into(), value.into());
        self
    }

    /// Sets `settings.state : disabled`.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// Parses `NAME:TYPE` or `NAME:TYPE:HA_PORT`.
    ///
    /// # Errors
    /// [`SimError::Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Self, SimError> {
        let invalid = || {
            SimError::Invalid(format!(
                "{text}: expected NAME:TYPE[:HA_PORT], TYPE one of platform, ec, sc, ui"
            ))
        };
        let mut parts = text.split(':');
        let (name, kind, port) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let kind = PicoKind::ALL
            .into_iter()
            .find(|known| Some(known.name()) == kind)
            .ok_or_else(invalid)?;
        if name.is_empty()
            || name.contains(['/', '\n'])
            || name.starts_with('-')
            || parts.next().is_some()
        {
            return Err(invalid());
        }
        let spec = Self::new(name, kind);
        match port.map(str::parse::<u16>) {
            None => Ok(spec),
            Some(Ok(port)) if port > 0 => Ok(spec.property("mz.ha.port", port.to_string())),
            Some(_) => Err(invalid()),
        }
    }
}

/// The description of an installation; see [`Installation::builder`].
#[derive(Debug)]
pub struct InstallationBuilder {
    home: PathBuf,
    binary: Option<PathBuf>,
    container: Option<String>,
    picos: Vec<PicoSpec>,
    owner: Option<String>,
    jvm: bool,
    free_ports: bool,
    common: BTreeMap<String, String>,
    settings: Vec<String>,
}

impl InstallationBuilder {
    pub(crate) fn new(home: PathBuf) -> Self {
        Self {
            home,
            binary: None,
            container: None,
            picos: Vec::new(),
            owner: None,
            jvm: false,
            free_ports: false,
            common: BTreeMap::new(),
            settings: Vec::new(),
        }
    }

    /// Sets the `mz-sim` program; by default the running one.
    #[must_use]
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.binary = Some(path.into());
        self
    }

    /// Sets `MZ_CONTAINER`; by default `main1` with the Platform, `exec1` without it.
    #[must_use]
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// Adds a pico. An installation without any gets the Platform.
    #[must_use]
    pub fn pico(mut self, pico: PicoSpec) -> Self {
        self.picos.push(pico);
        self
    }

    /// Sets the user that owns the files, by name (needs root); by default the caller.
    #[must_use]
    pub fn owner(mut self, user: impl Into<String>) -> Self {
        self.owner = Some(user.into());
        self
    }

    /// Uses real JVMs as picos. This needs a JDK (`JAVA_HOME`, `/usr/lib/jvm/default-java`, or
    /// `javac` on the `PATH`).
    #[must_use]
    pub fn jvm(mut self, real: bool) -> Self {
        self.jvm = real;
        self
    }

    /// Uses free ports instead of the product's ports, which may be in use.
    #[must_use]
    pub fn free_ports(mut self, free: bool) -> Self {
        self.free_ports = free;
        self
    }

    /// Sets a value of the container's `common`, such as `pico.rcp.server.host` or
    /// `pico.rcp.platform.port`.
    #[must_use]
    pub fn common(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.common.insert(name.into(), value.into());
        self
    }

    /// Sets a setting of the simulator, in the syntax of [`SimSettings::set`].
    #[must_use]
    pub fn set(mut self, assignment: impl Into<String>) -> Self {
        self.settings.push(assignment.into());
        self
    }

    /// Writes the installation.
    ///
    /// # Errors
    /// [`SimError`] if the directory holds files, a setting or a user is unknown, a file can't be
    /// written, or the JDK fails.
    pub fn install(mut self) -> Result<Installation, SimError> {
        let mut settings = SimSettings::default();
        for assignment in &self.settings {
            settings.set(assignment)?;
        }
        settings.set(&format!("{}={}", JVM.name, self.jvm))?;
        let owner = self.owner.as_deref().map(find_user).transpose()?;
        if fs::read_dir(&self.home).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(SimError::Invalid(format!(
                "{}: not empty; name a new or empty directory",
                self.home.display()
            )));
        }
        fs::create_dir_all(&self.home).map_err(SimError::file("create", &self.home))?;
        self.home = fs::canonicalize(&self.home).map_err(SimError::file("resolve", &self.home))?;
        if self.picos.is_empty() {
            self.picos.push(PicoSpec::new("platform", PicoKind::Platform));
        }
        let of_platform = self.picos.iter().any(|pico| pico.kind == PicoKind::Platform);
        let container = self
            .container
            .take()
            .unwrap_or_else(|| if of_platform { "main1" } else { "exec1" }.into());
        self.choose_ports()?;

        for dir in ["bin", "java/bin", "lib", "log", "tmp/.remote", "data", "sim"] {
            let path = self.home.join(dir);
            fs::create_dir_all(&path).map_err(SimError::file("create", path))?;
        }
        let binary = match self.binary.take() {
            Some(path) => path,
            None => {
                std::env::current_exe().map_err(SimError::file("find", "the running program"))?
            }
        };
        let java = self.home.join("java/bin/java");
        install_program(&binary, &java)?;
        let java_home = if self.jvm { jvm::compile(&self.home)? } else { self.home.join("java") };
        if !self.jvm {
            for jar in ["ha.jar", "picostart.jar"] {
                self.write_file(
                    format!("lib/{jar}"),
                    "Simulated: the classes are played by java/bin/java.\n",
                )?;
            }
        }
        for (name, text) in [
            ("bin/mzsh", self.mzsh_script(&container, of_platform, &java_home).as_str()),
            ("bin/oom", OOM_SCRIPT),
        ] {
            let draft = format!("{name}.draft");
            self.write_file(&draft, text)?;
            let draft = self.home.join(draft);
            install_program(&draft, &self.home.join(name))?;
            fs::remove_file(&draft).map_err(SimError::file("remove", draft))?;
        }
        self.write_file("sim/container", &format!("{container}\n"))?;
        self.write_file(history::HISTORY_FILE, "")?;
        settings.save(&self.home)?;
        self.write_registry(&container)?;
        if let Some(owner) = owner {
            chown_recursively(&self.home, &owner)?;
        }
        Installation::open(self.home)
    }

    /// Completes the picos' ports; no two of the installation are equal.
    fn choose_ports(&mut self) -> Result<(), SimError> {
        let free = || ports::free_port().map_err(SimError::file("choose a port for", &self.home));
        let mut webs: BTreeMap<u16, u16> = BTreeMap::new();
        for (ha_port, pico) in (FIRST_HA_PORT..).zip(&mut self.picos) {
            let mut defaults =
                vec![("mz.ha.enabled", "true".to_owned()), ("mz.ha.host", "127.0.0.1".to_owned())];
            defaults.push(("mz.ha.interval", "40".to_owned()));
            defaults
                .push(("mz.ha.port", if self.free_ports { free()? } else { ha_port }.to_string()));
            if let Some((property, first)) = pico.kind.web_port_property() {
                let taken = webs.entry(first).or_default();
                let port = if self.free_ports { free()? } else { first + *taken };
                *taken += 1;
                defaults.push((property, port.to_string()));
            }
            for (name, value) in defaults {
                pico.properties.entry(name.to_owned()).or_insert(value);
            }
        }
        if self.free_ports && !self.common.contains_key("pico.rcp.platform.port") {
            self.common.insert("pico.rcp.platform.port".into(), free()?.to_string());
        }
        Ok(())
    }

    fn write_registry(&self, container: &str) -> Result<(), SimError> {
        let mut cell =
            vec![("pico.rcp.platform.host", "localhost"), ("pico.rcp.platform.port", "6790")];
        let (mut shared, mut own) = (Vec::new(), Vec::new());
        for (name, value) in &self.common {
            // Values about the Platform belong to the cell, the others to the container.
            if name.starts_with("pico.rcp.platform.") {
                cell.retain(|(known, _)| known != name);
                shared.push((name.as_str(), value.as_str()));
            } else {
                own.push((name.as_str(), value.as_str()));
            }
        }
        cell.append(&mut shared);
        for registry in [MASTER, ACTIVE] {
            self.write_file(format!("{registry}/cell.conf"), &hocon_block("common", &cell, 0))?;
            let containers = format!("{registry}/containers/{container}");
            self.write_file(
                format!("{containers}/container.conf"),
                &hocon_block("common", &own, 0),
            )?;
            for pico in &self.picos {
                self.write_file(
                    format!("{containers}/picos/{}.conf", pico.name),
                    &pico_config(pico),
                )?;
            }
        }
        for file in ["client", "default", "standard", "custom"] {
            self.write_file(format!("{MASTER}/{file}.conf"), "")?;
        }
        let args: &[&str] = if self.jvm { jvm::JVM_ARGS } else { PRODUCT_JVM_ARGS };
        let args = args.iter().map(|arg| format!("\"{arg}\"")).collect::<Vec<_>>().join(", ");
        for kind in PicoKind::ALL {
            let text = format!("config {{\n    jvmargs {{\n        args : [{args}]\n    }}\n}}\n");
            self.write_file(format!("{MASTER}/templates/mz/picos/standard-{kind}.conf"), &text)?;
        }
        Ok(())
    }

    /// A `sh` script, as in the product. Values of the caller's environment take precedence.
    fn mzsh_script(&self, container: &str, of_platform: bool, java_home: &Path) -> String {
        let web = self.picos.iter().find(|pico| pico.kind == PicoKind::Platform);
        let web = web
            .and_then(|pico| pico.properties.get("mz.webserver.port"))
            .map_or("9000", String::as_str);
        let kind = if of_platform { "platform" } else { "execution" };
        // An execution container is installed with the address of the Platform. A Platform that
        // listens on one address is not reachable at localhost.
        let host = self.common.get(if of_platform {
            "pico.rcp.server.host"
        } else {
            "pico.rcp.platform.host"
        });
        let host = host.map_or("localhost", String::as_str);
        let (home, java_home) = (shell_quoted(&self.home), shell_quoted(java_home));
        format!(
            r#"#!/bin/sh
# mzsh of a simulated MediationZone (mz-sim).
[ -n "$MZ_HOME" ] || MZ_HOME={home}
[ -n "$JAVA_HOME" ] || JAVA_HOME={java_home}
[ -n "$MZ_CONTAINER" ] || MZ_CONTAINER='{container}'
[ -n "$MZ_CONTAINER_TYPE" ] || MZ_CONTAINER_TYPE='{kind}'
[ -n "$MZ_PLATFORM" ] || MZ_PLATFORM='http://{host}:{web}'
export MZ_HOME JAVA_HOME MZ_CONTAINER MZ_CONTAINER_TYPE MZ_PLATFORM
if [ ! -x "$JAVA_HOME/bin/java" ]; then
    echo "$0: $JAVA_HOME/bin/java: not found" >&2
    exit 127
fi
if [ -t 0 ]; then INTERACTIVE=true; else INTERACTIVE=false; fi
SIM_JAVA="$MZ_HOME/java/bin/java"
exec "$SIM_JAVA" -classpath "$MZ_HOME/lib/picostart.jar" -Dmz.home="$MZ_HOME" -Dterm.interactive=$INTERACTIVE \
    com.digitalroute.picostart.cmdline.CommandLine "$@"
"#
        )
    }

    fn write_file(&self, name: impl AsRef<Path>, text: &str) -> Result<(), SimError> {
        let path = self.home.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(SimError::file("create", parent))?;
        }
        fs::write(&path, text).map_err(SimError::file("write", path))
    }
}

/// The product's defaults.
const PRODUCT_JVM_ARGS: &[&str] = &[
    "-server",
    "-XX:MaxDirectMemorySize=4096M",
    "-XX:MaxMetaspaceSize=196M",
    "-Xms64M",
    "-Xmx256M",
];

/// A JVM that is out of memory runs this and continues.
const OOM_SCRIPT: &str = r#"#!/bin/sh
# oom PICO LOG CRITICAL_LOG
echo "OutOfMemoryError in $1" >>"$3"
"#;

fn pico_config(pico: &PicoSpec) -> String {
    let state = if pico.enabled { "enabled" } else { "disabled" };
    let mut text =
        format!("template : \"mz.standard-{}\"\nsettings {{\n    state : {state}\n}}\n", pico.kind);
    let properties: Vec<(&str, &str)> =
        pico.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let _ = writeln!(
        text,
        "config {{\n    classpath {{\n        jars : [\"lib/picostart.jar\"]\n    }}"
    );
    text.push_str(&hocon_block("properties", &properties, 1));
    text.push_str("}\n");
    text
}

fn hocon_block(name: &str, values: &[(&str, &str)], depth: usize) -> String {
    let indent = "    ".repeat(depth);
    let mut text = format!("{indent}{name} {{\n");
    for (key, value) in values {
        let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let value = if plain { (*value).to_owned() } else { format!("{value:?}") };
        let _ = writeln!(text, "{indent}    {key} : {value}");
    }
    let _ = writeln!(text, "{indent}}}");
    text
}

fn shell_quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Runs install(1) as a process of its own. A child that another thread forks while this process
/// writes a program inherits the open descriptor. Until that child closes it, nobody can execute
/// the program ("Text file busy").
fn install_program(from: &Path, to: &Path) -> Result<(), SimError> {
    let output = Command::new("install")
        .args(["-m", "0755"])
        .args([from, to])
        .output()
        .map_err(SimError::file("run install(1) for", to))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(SimError::file("install", to)(io::Error::other(said)))
}

fn find_user(name: &str) -> Result<User, SimError> {
    match User::from_name(name) {
        Ok(Some(user)) => Ok(user),
        Ok(None) => Err(SimError::Invalid(format!("{name}: unknown user"))),
        Err(error) => Err(SimError::Invalid(format!("{name}: user lookup failed ({error})"))),
    }
}

fn chown_recursively(path: &Path, owner: &User) -> Result<(), SimError> {
    lchown(path, Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))
        .map_err(SimError::file("change the owner of", path))?;
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).map_err(SimError::file("read", path))? {
            chown_recursively(&entry.map_err(SimError::file("read", path))?.path(), owner)?;
        }
    }
    Ok(())
}
