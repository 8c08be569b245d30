//! Occupied ports fail a start before mzsh is run.

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::{AgentKind, fixture};

#[test]
fn port_held_by_other_process_is_named_with_its_pid() -> TestResult {
    // Only this port conflicts; all others of the second installation are free.
    for (property, port) in [("mz.webserver.port", 9000), ("mz.ha.port", 26000)] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let pico = format!("platform:{property}={port}");
        let other = ["--free-ports", "--pico", "platform:platform", "--property", &pico];
        fixture.install_second("/opt/mz2", &other)?;
        fixture.mzsh_in("/opt/mz2", &["startup", "platform"])?.expect_code(0)?;
        let holder = fixture.single_pico_in("/opt/mz2", "platform")?.pid;
        let (port, holder) = (format!("port {port} ({property})"), format!("pid {holder}"));
        fixture
            .agent()
            .run("start")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["platform", &port, &holder]);
        assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was not asked");
        assert!(fixture.pico_processes("platform")?.is_empty());

        fixture.mzsh_in("/opt/mz2", &["shutdown", "platform"])?.expect_code(0)?;
        fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    Ok(())
}
