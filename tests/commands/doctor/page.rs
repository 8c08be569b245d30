//! docs/doctor.md shows what it prints.

use testkit::Done;

use super::{CIB, WELL, both, doctor};

/// What the page's node has to be told apart by, and the width of its terminal.
#[test]
fn the_example_of_the_page_is_what_it_prints() -> Done {
    let page = include_str!("../../../docs/doctor.md");
    let mut blocks = page.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    let example = blocks.next().expect("an example");
    let site = both()?;
    let slips = [
        (
            r#"name="stop" interval="0" timeout="360s" on-fail="fence""#,
            r#"name="stop" interval="0" timeout="90s""#,
        ),
        (r#"<node id="3" uname="n3"/>"#, ""),
    ];
    let cib = slips.iter().fold(WELL.to_owned(), |cib, (instead_of, that)| cib.replace(instead_of, that));
    site.node.write(CIB, cib)?;
    site.sh("hostname n1; echo '@reboot mzadmin /opt/mz/bin/mzsh startup ec1' >/etc/cron.d/mediationzone")?;
    let ran = doctor(&site, &[]).run()?.expect(2)?;
    // Three dots stand for lines that are left out.
    let mut printed = ran.stdout.lines();
    for line in example.lines().filter(|line| !line.trim().is_empty() && line.trim() != "...") {
        assert!(printed.any(|other| other == line), "not printed, or not here: {line:?}\n{ran}");
    }
    Ok(())
}
