//! Ports: what is in the way of a start before mzsh is asked.

use testkit::Done;
use testkit::answer::{Answer, GENERIC, OK};
use testkit::site::{Kind, site};

#[test]
fn a_port_that_another_process_holds_is_named_with_that_process() -> Done {
    // The web interface alone is the same; everything else of the second one is free.
    for (property, port) in [("mz.webserver.port", 9000), ("mz.ha.port", 26000)] {
        let site = site(Kind::Platform).build()?;
        let pico = format!("platform:{property}={port}");
        let other = ["--free-ports", "--pico", "platform:platform", "--property", &pico];
        site.second("/opt/mz2", &other)?;
        site.mzsh_of("/opt/mz2", &["startup", "platform"])?.expect(0)?;
        let holder = site.one_of("/opt/mz2", "platform")?.pid;
        let (port, holder) = (format!("port {port} ({property})"), format!("pid {holder}"));
        site.agent().run("start")?.answers(GENERIC).because(&["platform", &port, &holder]);
        assert_eq!(site.calls("")?, 0, "mzsh was not asked");
        assert!(site.picos("platform")?.is_empty());

        site.mzsh_of("/opt/mz2", &["shutdown", "platform"])?.expect(0)?;
        site.agent().run("start")?.answers(OK).silently();
    }
    Ok(())
}
