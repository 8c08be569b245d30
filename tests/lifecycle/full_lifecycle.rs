//! A full lifecycle of each kind of pico, natively with each value of the simulator's switches and on real
//! JVMs.

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, FixtureBuilder, fixture};

/// From the first probe to the second stop.
fn check_full_lifecycle(fixture: &Fixture) -> TestResult {
    let pico = fixture.pico();
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&[pico, "not running"]);
    fixture.assert_nothing_left()?;

    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let first = fixture.single_pico(pico)?;
    assert_eq!(first.uid, fixture.owner_uid(), "the owner's process");
    // An id from outside the node, like the agent's session, is shown as 0.
    assert!(first.session != 0 && first.group != 0, "the agent's session or group: {first:?}");
    let others = fixture.processes()?;
    let company: Vec<_> =
        others.iter().filter(|p| p.session == first.session).map(|p| p.pid).collect();
    assert_eq!(company, [first.pid], "nobody else is left in its session");

    for level in [0, 10, 20] {
        fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();

    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.single_pico(pico)?.pid, first.pid, "a second start leaves it alone");
    assert_eq!(fixture.mzsh_call_count(&format!("startup -f {pico}"))?, 1);

    fixture.signal(first.pid, "KILL")?;
    let named = format!("pid {} ", first.pid);
    for level in [0, 10, 20] {
        fixture.monitor(level)?.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&[pico, &named]);
    }
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);

    let second = fixture.start()?;
    assert_ne!(second.pid, first.pid);
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();

    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.assert_nothing_left()?;
    assert_eq!(fixture.last_end_reason(pico)?.as_deref(), Some("shutdown"), "in order, by mzsh");
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(
        fixture.mzsh_call_count(&format!("shutdown {pico}"))?,
        1,
        "with nothing to stop mzsh is left alone"
    );
    fixture.assert_nothing_left()
}

fn check_lifecycle_of(builder: FixtureBuilder) -> TestResult {
    check_full_lifecycle(&builder.build()?)
}

macro_rules! lifecycle_tests {
    ($($kind:ident: $of:expr;)*) => {$(
        mod $kind {
            use super::*;

            #[test]
            fn completes_full_lifecycle() -> TestResult {
                check_lifecycle_of(fixture($of))
            }

            #[test]
            fn completes_full_lifecycle_in_mzsh_session() -> TestResult {
                check_lifecycle_of(fixture($of).set("jvm_detached=false"))
            }

            #[test]
            fn is_identified_by_configname_alone() -> TestResult {
                check_lifecycle_of(fixture($of).set("marker=configname"))
            }

            #[test]
            fn is_identified_by_oom_option_alone() -> TestResult {
                check_lifecycle_of(fixture($of).set("marker=oom"))
            }

            #[test]
            fn is_identified_by_last_argument_alone() -> TestResult {
                check_lifecycle_of(fixture($of).set("marker=none-but-last-argument"))
            }
        }
    )*};
}

lifecycle_tests! {
    platform: AgentKind::Platform;
    ec: AgentKind::Ec;
    sc: AgentKind::Sc;
    ui: AgentKind::Ui;
}

#[test]
fn sc_and_ui_need_no_pid_file() -> TestResult {
    check_lifecycle_of(fixture(AgentKind::Sc).set("pid_file_sc=false"))?;
    check_lifecycle_of(fixture(AgentKind::Ui).set("pid_file_ui=false"))
}

/// One installation for all four, because compiling it takes seconds.
fn check_four_lifecycles_on_real_jvms(setting: &str) -> TestResult {
    let builder = fixture(AgentKind::Platform).jvm().set(setting);
    let mut fixture = builder.pico("ec1:ec").pico("sc1:sc").pico("ui:ui").build()?;
    check_full_lifecycle(&fixture)?;
    fixture.mzsh(&["startup", "platform"])?.expect_code(0)?;
    for kind in [AgentKind::Ec, AgentKind::Sc, AgentKind::Ui] {
        fixture.kind = kind;
        check_full_lifecycle(&fixture)?;
    }
    Ok(())
}

#[test]
fn all_types_complete_full_lifecycle_on_real_jvms() -> TestResult {
    check_four_lifecycles_on_real_jvms("jvm_detached=true")
}

#[test]
fn all_types_complete_full_lifecycle_on_real_jvms_in_mzsh_session() -> TestResult {
    check_four_lifecycles_on_real_jvms("jvm_detached=false")
}
