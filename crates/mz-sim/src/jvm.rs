//! Real JVMs: finds a JDK and compiles the Java pico and the HA client at install.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::SimError;

/// Options for a small JVM.
pub(crate) const JVM_ARGS: &[&str] = &[
    "-server",
    "-Xms16M",
    "-Xmx32M",
    "-XX:MaxMetaspaceSize=48M",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    // A killed JVM would leave these files in /tmp.
    "-XX:-UsePerfData",
];

/// Options for the JDK's tools, whose runs are short and frequent.
const TOOL_ARGS: [&str; 3] =
    ["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-J-XX:-UsePerfData"];

/// File and source.
const SOURCES: &[(&str, &str)] = &[
    (
        "com/digitalroute/picostart/PicoStart.java",
        include_str!("../java/com/digitalroute/picostart/PicoStart.java"),
    ),
    (
        "com/digitalroute/codeserver/CodeServerMain.java",
        include_str!("../java/com/digitalroute/codeserver/CodeServerMain.java"),
    ),
    (
        "com/digitalroute/ha/HAClient.java",
        include_str!("../java/com/digitalroute/ha/HAClient.java"),
    ),
];

/// Jar and packages.
const JARS: &[(&str, &[&str])] = &[
    ("picostart.jar", &["com/digitalroute/picostart", "com/digitalroute/codeserver"]),
    ("ha.jar", &["com/digitalroute/ha"]),
];

/// Compiles both jars into `lib` and returns the JDK's `JAVA_HOME`.
pub(crate) fn compile(home: &Path) -> Result<PathBuf, SimError> {
    let java_home = find_jdk()?;
    let work = home.join("sim/java");
    let classes = work.join("classes");
    let mut javac = Command::new(java_home.join("bin/javac"));
    javac.args(TOOL_ARGS).args(["-proc:none", "--release", "11", "-d"]).arg(&classes);
    for (name, source) in SOURCES {
        let path = work.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(SimError::file("create", parent))?;
        }
        fs::write(&path, source).map_err(SimError::file("write", &path))?;
        javac.arg(path);
    }
    run_tool(&mut javac)?;
    for (jar, packages) in JARS {
        let mut pack = Command::new(java_home.join("bin/jar"));
        pack.args(TOOL_ARGS).arg("--create").arg("--file").arg(home.join("lib").join(jar));
        for package in *packages {
            pack.arg("-C").arg(&classes).arg(package);
        }
        run_tool(&mut pack)?;
    }
    fs::remove_dir_all(&work).map_err(SimError::file("remove", work))?;
    Ok(java_home)
}

fn find_jdk() -> Result<PathBuf, SimError> {
    let by_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|dir| dir.join("javac"))
            .find_map(|javac| fs::canonicalize(javac).ok())
    });
    let candidates = std::env::var_os("JAVA_HOME").map(PathBuf::from).into_iter();
    candidates
        .chain([PathBuf::from("/usr/lib/jvm/default-java")])
        .chain(by_path.iter().filter_map(|javac| javac.parent()?.parent().map(Path::to_owned)))
        .find(|home| {
            ["java", "javac", "jar"].iter().all(|tool| home.join("bin").join(tool).exists())
        })
        .ok_or_else(|| {
            SimError::Jdk(
                "no JDK found: install default-jdk-headless, or set JAVA_HOME to one".into(),
            )
        })
}

fn run_tool(command: &mut Command) -> Result<(), SimError> {
    let program = command.get_program().to_owned();
    let failed = |what: String| SimError::Jdk(format!("{}: {what}", program.display()));
    match command.stdin(Stdio::null()).output() {
        Err(error) => Err(failed(error.to_string())),
        Ok(out) if out.status.success() => Ok(()),
        Ok(out) => Err(failed(format!("{}\n{}", out.status, String::from_utf8_lossy(&out.stderr)))),
    }
}
