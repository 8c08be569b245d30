//! docs/operate/doctor.md shows the doctor's output.

use testkit::TestResult;

use super::{CIB, VALID_CIB, doctor_command, fixture_with_platform_and_ec};

/// The changes of the page's node that its output shows, and the width of its terminal.
#[test]
fn doctor_page_example_is_printed() -> TestResult {
    let page = include_str!("../../../docs/operate/doctor.md");
    let mut blocks = page.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    let example = blocks.next().expect("an example");
    let fixture = fixture_with_platform_and_ec()?;
    let slips = [
        (
            r#"name="stop" interval="0" timeout="360s" on-fail="fence""#,
            r#"name="stop" interval="0" timeout="90s""#,
        ),
        (r#"<node id="3" uname="n3"/>"#, ""),
    ];
    let cib = slips
        .iter()
        .fold(VALID_CIB.to_owned(), |cib, (instead_of, that)| cib.replace(instead_of, that));
    fixture.node.write(CIB, cib)?;
    fixture
        .sh("hostname n1; echo '@reboot mzadmin /opt/mz/bin/mzsh startup ec1' >/etc/cron.d/mediationzone")?;
    let ran = doctor_command(&fixture, &[]).run()?.expect_code(2)?;
    // Three dots stand for omitted lines.
    let mut printed = ran.stdout.lines();
    for line in example.lines().filter(|line| !line.trim().is_empty() && line.trim() != "...") {
        assert!(printed.any(|other| other == line), "not printed, or not here: {line:?}\n{ran}");
    }
    Ok(())
}
