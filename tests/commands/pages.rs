//! What the pages in docs/other-managers show is run as it stands there.

use serde_json::Value;
use std::path::Path;
use testkit::site::{HOME, Kind, Site, site};
use testkit::{Done, Error, Ran};

const JAVA: &str = "/opt/mz/java";
const PROGRAM: &str = "/run/testkit/bin/mz-ha-scripts";

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/other-managers").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The blocks of this kind.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let opening = format!("```{kind}\n");
    let blocks = page.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}

/// The script of a page, put into the node.
fn script(site: &Site, name: &str, to: &str) -> Done {
    let scripts: Vec<String> =
        blocks(&page(name), "sh").into_iter().filter(|block| block.starts_with("#!")).collect();
    let [script] = scripts.as_slice() else { panic!("{name}: {} scripts", scripts.len()) };
    site.node.write(to, script)?;
    site.sh(&format!("chmod 755 {to} && bash -n {to} && sh -n {to}")).map(drop)
}

#[test]
fn the_programs_of_the_veritas_page_do_what_their_attributes_need() -> Done {
    let site = site(Kind::Ec).without_platform().commands().build()?;
    let main_cf = blocks(&page("veritas.md"), "text").pop().expect("main.cf is the last block");
    let run = |attribute: &str, of: &str| -> Result<Ran, Error> {
        let mut lines =
            main_cf.lines().filter_map(|line| line.trim().strip_prefix(attribute)?.strip_prefix(" = \""));
        let line = lines.find(|line| line.contains(of)).expect("the attribute");
        // The paths of the simulated installation: that is all that is changed.
        let line = line.trim_end_matches('"').replace("/usr/sbin/mz-ha-scripts", PROGRAM);
        let line = line.replace("/usr/lib/jvm/java-17", JAVA).replace("/opt/mzec", HOME);
        let line = line.replace("mzadmin", site.node.owner());
        site.node.command("sh").args(["-c", &line]).run()
    };
    for (pico, port) in [(" platform", " 26000"), (" ec1", " 26001")] {
        run("MonitorProgram", port)?.expect(100)?;
        run("StartProgram", pico)?.expect(0)?;
        run("MonitorProgram", port)?.expect(110)?;
        site.one(pico.trim())?;
    }
    for (pico, port, attribute) in
        [(" ec1", " 26001", "StopProgram"), (" platform", " 26000", "CleanProgram")]
    {
        run(attribute, pico)?.expect(0)?;
        run("MonitorProgram", port)?.expect(100)?;
        assert!(site.picos(pico.trim())?.is_empty());
    }
    site.nothing_left()
}

#[test]
fn the_package_script_of_the_serviceguard_page_starts_watches_and_stops() -> Done {
    let site = site(Kind::Platform).commands().build()?;
    let package = "/opt/mz-platform.sh";
    script(&site, "serviceguard.md", package)?;
    let run = |word: &str| {
        let call = site.node.command(package).arg(word).env("JAVA_HOME", JAVA).env("PAUSE", "0.1");
        call.env("MZ_USER", site.node.owner()).env("SCRIPTS", PROGRAM).run()
    };
    run("validate")?.expect(0)?;
    run("start")?.expect(0)?;
    let jvm = site.one("platform")?;
    let (ended, ()) = site.meanwhile(
        || run("loop"),
        |site| {
            site.until("the loop between two looks", |site| {
                let all = site.processes()?;
                let sleeps = all.iter().any(|process| process.argv == ["sleep", "0.1"]);
                Ok(if sleeps && site.lives(&jvm)? { Ok(()) } else { Err("no pause".to_owned()) })
            })?;
            site.signal(jvm.pid, "KILL")
        },
    )?;
    let ended = ended.expect(1)?;
    let said: Vec<&str> = ended.stdout.lines().collect();
    assert!(said.iter().filter(|line| **line == "FAILED").count() == 2 && said.len() == 4, "{ended}");
    run("stop")?.expect(0)?;
    run("restart")?.expect(1)?;
    // A start that fails and leaves nothing: another node may try.
    site.set(&["startup_outcome=dies"])?;
    run("start")?.expect(2)?;
    site.nothing_left()
}

/// Keeps what it is called with, a word a line.
const KEEPS: &str = "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done >>/opt/called/${0##*/}\n";

#[test]
fn the_check_of_the_amazon_page_sends_the_line_and_reports_only_what_stays_bad() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    let check = "/opt/mz-health-to-aws";
    script(&site, "amazon.md", check)?;
    site.node.write("/opt/fake/aws", KEEPS)?;
    site.node.write("/opt/fake/curl", format!("{KEEPS}echo i-0123456789abcdef0\n"))?;
    site.sh("mkdir /opt/called && chmod 755 /opt/fake/*")?;
    let run = |code: i32| -> Result<Vec<String>, Error> {
        site.sh("rm -f /opt/called/*")?;
        let path = "/opt/fake:/run/testkit/bin:/usr/bin:/bin";
        site.node.command(check).env("PATH", path).run()?.expect(code)?;
        let said = site.node.read("/opt/called/aws")?;
        Ok(said.lines().map(str::to_owned).collect())
    };
    let sent = |called: &[String]| {
        let at = called.iter().position(|word| word == "--log-events").expect("put-log-events");
        let events: Value = serde_json::from_str(&called[at + 1]).expect("JSON");
        assert!(events[0]["timestamp"].as_u64().is_some_and(|ms| ms > 1_600_000_000_000), "{events}");
        let message = events[0]["message"].as_str().expect("text");
        serde_json::from_str::<Value>(message).expect("the message is the line")
    };
    let reported = |called: &[String]| called.iter().any(|word| word == "Unhealthy");

    let jvm = site.start()?;
    let called = run(0)?;
    assert_eq!(sent(&called)["Healthy"], 1);
    assert!(!reported(&called) && called.iter().filter(|word| *word == "i-0123456789abcdef0").count() == 2);
    let metadata = site.node.read("/opt/called/curl")?;
    assert!(metadata.contains("X-aws-ec2-metadata-token: i-0123456789abcdef0\n"), "{metadata}");

    site.signal(jvm.pid, "KILL")?;
    for (failures, expected) in [(1, false), (2, false), (3, true)] {
        let called = run(0)?;
        assert_eq!(sent(&called)["Healthy"], 0);
        assert_eq!(reported(&called), expected, "{failures}: {called:?}");
    }
    site.start()?;
    assert!(!reported(&run(0)?));
    site.signal(site.one("ec1")?.pid, "STOP")?;
    assert!(!reported(&run(0)?), "the count begins anew");

    // What can't be told (here: which pico) is no failure, however often.
    site.sh("rm -f /opt/called/aws")?;
    for _ in 0..4 {
        let path = "/opt/fake:/run/testkit/bin:/usr/bin:/bin";
        site.node.command(check).env("PATH", path).env("PICO", "-").run()?.expect(2)?;
    }
    assert!(!site.node.path("/opt/called/aws").exists());
    Ok(())
}
