//! The environment of mzsh: it runs as the owner, with the owner's variables and with nothing of the agent or
//! of Pacemaker.

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_SUCCESS};
use testkit::fixture::{AgentKind, fixture};

/// The only variables; `PWD`, `OLDPWD`, `SHLVL` and `_` are the shell's own.
const REQUIRED_VARIABLES: [&str; 6] = ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "USER"];

#[test]
fn mzsh_runs_in_owner_environment_and_startup_gets_no_mz_platform() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    // Each call by the agent leaves a file named by its verb.
    fixture.wrap_mzsh(
        "{ env; echo umask=$(umask); echo stdin=$(readlink /proc/$$/fd/0); \
         echo user=$(id -un); echo directory=$(readlink /proc/$$/cwd); } >/tmp/called.$1; ls /proc/$$/fd >/tmp/fds.$1",
    )?;
    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.monitor(20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();

    for (verb, platform) in [
        ("startup", None),
        ("status", Some("http://localhost")),
        ("shutdown", Some("http://localhost")),
    ] {
        let text = fixture.node.read(format!("/tmp/called.{verb}"))?;
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        assert_eq!(value("MZ_PLATFORM"), platform, "{verb}");
        for variable in REQUIRED_VARIABLES {
            assert!(
                value(variable).is_some_and(|value| !value.is_empty()),
                "{verb}: {variable} in {text}"
            );
        }
        assert!(!text.contains("OCF_") && !text.contains("HA_LOG"), "{verb}: {text}");
        assert_eq!(value("USER"), Some(fixture.node.owner()), "{verb}");
        assert_eq!(value("user"), Some(fixture.node.owner()), "{verb}");
        assert_eq!(value("umask"), Some("0022"), "{verb}");
        assert_eq!(value("stdin"), Some("/dev/null"), "{verb}");
        assert_eq!(value("directory"), Some("/opt/mz"), "{verb}");
        // The shell keeps its script open as descriptor 10.
        let descriptors = fixture.node.read(format!("/tmp/fds.{verb}"))?;
        let inherited: Vec<&str> =
            descriptors.lines().filter(|descriptor| descriptor.len() == 1).collect();
        assert_eq!(inherited, ["0", "1", "2"], "{verb}");
    }
    Ok(())
}
