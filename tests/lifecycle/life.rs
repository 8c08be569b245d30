//! A whole life, of each kind of pico, natively with each value of the simulator's switches and on real JVMs.

use testkit::Done;
use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::site::{Builder, Kind, Site, site};

/// From the first probe to the second stop.
fn whole_life(site: &Site) -> Done {
    let pico = site.pico();
    site.probe()?.answers(NOT_RUNNING).because(&[pico, "not running"]);
    site.nothing_left()?;

    site.agent().run("start")?.answers(OK).silently();
    let first = site.one(pico)?;
    assert_eq!(first.uid, site.owner(), "the owner's process");
    // What comes from outside the node, as the agent's session does, is seen as 0.
    assert!(first.session != 0 && first.group != 0, "the agent's session or group: {first:?}");
    let others = site.processes()?;
    let company: Vec<_> = others.iter().filter(|p| p.session == first.session).map(|p| p.pid).collect();
    assert_eq!(company, [first.pid], "nobody else is left in its session");

    for level in [0, 10, 20] {
        site.monitor(level)?.answers(OK).silently();
    }
    site.probe()?.answers(OK).silently();

    site.agent().run("start")?.answers(OK).silently();
    assert_eq!(site.one(pico)?.pid, first.pid, "a second start leaves it alone");
    assert_eq!(site.calls(&format!("startup -f {pico}"))?, 1);

    site.signal(first.pid, "KILL")?;
    let named = format!("pid {} ", first.pid);
    for level in [0, 10, 20] {
        site.monitor(level)?.answers(NOT_RUNNING).because(&[pico, &named]);
    }
    site.probe()?.answers(NOT_RUNNING);

    let second = site.start()?;
    assert_ne!(second.pid, first.pid);
    site.monitor(0)?.answers(OK).silently();

    site.stop()?.answers(OK).silently();
    site.nothing_left()?;
    assert_eq!(site.last_end(pico)?.as_deref(), Some("shutdown"), "in order, by mzsh");
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    assert_eq!(site.calls(&format!("shutdown {pico}"))?, 1, "with nothing to stop mzsh is left alone");
    site.nothing_left()
}

fn lives(builder: Builder) -> Done {
    whole_life(&builder.build()?)
}

macro_rules! lives {
    ($($kind:ident: $of:expr;)*) => {$(
        mod $kind {
            use super::*;

            #[test]
            fn lives_a_whole_life() -> Done {
                lives(site($of))
            }

            #[test]
            fn lives_a_whole_life_in_the_session_of_its_mzsh() -> Done {
                lives(site($of).set("jvm_detached=false"))
            }

            #[test]
            fn is_known_by_its_configname_alone() -> Done {
                lives(site($of).set("marker=configname"))
            }

            #[test]
            fn is_known_by_its_oom_option_alone() -> Done {
                lives(site($of).set("marker=oom"))
            }

            #[test]
            fn is_known_by_its_last_argument_alone() -> Done {
                lives(site($of).set("marker=none-but-last-argument"))
            }
        }
    )*};
}

lives! {
    platform: Kind::Platform;
    ec: Kind::Ec;
    sc: Kind::Sc;
    ui: Kind::Ui;
}

#[test]
fn an_sc_and_a_web_ui_need_no_pid_file() -> Done {
    lives(site(Kind::Sc).set("pid_file_sc=false"))?;
    lives(site(Kind::Ui).set("pid_file_ui=false"))
}

/// One installation for all four, because compiling it takes seconds.
fn four_lives_on_real_jvms(setting: &str) -> Done {
    let builder = site(Kind::Platform).jvm().set(setting);
    let mut site = builder.pico("ec1:ec").pico("sc1:sc").pico("ui:ui").build()?;
    whole_life(&site)?;
    site.mzsh(&["startup", "platform"])?.expect(0)?;
    for kind in [Kind::Ec, Kind::Sc, Kind::Ui] {
        site.kind = kind;
        whole_life(&site)?;
    }
    Ok(())
}

#[test]
fn all_four_live_a_whole_life_on_real_jvms() -> Done {
    four_lives_on_real_jvms("jvm_detached=true")
}

#[test]
fn all_four_live_a_whole_life_on_real_jvms_in_the_session_of_mzsh() -> Done {
    four_lives_on_real_jvms("jvm_detached=false")
}
