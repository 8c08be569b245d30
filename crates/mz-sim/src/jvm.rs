//! Real JVMs: finds a JDK, and compiles the Java pico and the HA client at install.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// The smallest JVM that still is one.
pub(crate) const ARGS: &[&str] = &[
    "-server",
    "-Xms16M",
    "-Xmx32M",
    "-XX:MaxMetaspaceSize=48M",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    // No files in /tmp, which would outlive a JVM that is killed.
    "-XX:-UsePerfData",
];

/// Jar, file and source.
const SOURCES: &[(&str, &str, &str)] = &[
    (
        "picostart.jar",
        "com/digitalroute/picostart/PicoStart.java",
        include_str!("../java/com/digitalroute/picostart/PicoStart.java"),
    ),
    (
        "picostart.jar",
        "com/digitalroute/codeserver/CodeServerMain.java",
        include_str!("../java/com/digitalroute/codeserver/CodeServerMain.java"),
    ),
    (
        "ha.jar",
        "com/digitalroute/ha/HAClient.java",
        include_str!("../java/com/digitalroute/ha/HAClient.java"),
    ),
];

/// Compiles both jars into `lib` and returns the JDK's `JAVA_HOME`.
pub(crate) fn compile(home: &Path) -> Result<PathBuf, Error> {
    let java_home = find()?;
    let work = home.join("sim/java");
    for jar in ["picostart.jar", "ha.jar"] {
        let classes = work.join(jar);
        let mut javac = Command::new(java_home.join("bin/javac"));
        javac.args(["-J-XX:-UsePerfData", "--release", "11", "-d"]).arg(&classes);
        for (_, name, source) in SOURCES.iter().filter(|(target, ..)| *target == jar) {
            let path = work.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(Error::file("create", parent))?;
            }
            fs::write(&path, source).map_err(Error::file("write", &path))?;
            javac.arg(path);
        }
        run(&mut javac)?;
        let mut pack = Command::new(java_home.join("bin/jar"));
        run(pack
            .arg("-J-XX:-UsePerfData")
            .arg("--create")
            .arg("--file")
            .arg(home.join("lib").join(jar))
            .arg("-C")
            .arg(&classes)
            .arg("."))?;
    }
    fs::remove_dir_all(&work).map_err(Error::file("remove", work))?;
    Ok(java_home)
}

fn find() -> Result<PathBuf, Error> {
    let by_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|dir| dir.join("javac"))
            .find_map(|javac| fs::canonicalize(javac).ok())
    });
    let candidates = std::env::var_os("JAVA_HOME").map(PathBuf::from).into_iter();
    candidates
        .chain([PathBuf::from("/usr/lib/jvm/default-java")])
        .chain(by_path.iter().filter_map(|javac| javac.parent()?.parent().map(Path::to_owned)))
        .find(|home| ["java", "javac", "jar"].iter().all(|tool| home.join("bin").join(tool).exists()))
        .ok_or_else(|| {
            Error::Jdk("no JDK found: install default-jdk-headless, or set JAVA_HOME to one".into())
        })
}

fn run(command: &mut Command) -> Result<(), Error> {
    let program = command.get_program().to_owned();
    let failed = |what: String| Error::Jdk(format!("{}: {what}", program.display()));
    match command.stdin(Stdio::null()).output() {
        Err(error) => Err(failed(error.to_string())),
        Ok(out) if out.status.success() => Ok(()),
        Ok(out) => Err(failed(format!("{}\n{}", out.status, String::from_utf8_lossy(&out.stderr)))),
    }
}
