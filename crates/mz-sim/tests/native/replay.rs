//! `mz-sim ha-replay`, as an operator runs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::rehearsal::{MZ_SIM, Said, said};

/// Two files, and what the replay makes of them.
struct Replay(TempDir);

impl Replay {
    fn new(properties: &str, workload: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ec1.conf"), properties).unwrap();
        fs::write(dir.path().join("day.load"), workload).unwrap();
        Self(dir)
    }

    fn run(&self, options: &[&str]) -> Said {
        let mut command = Command::new(MZ_SIM);
        command.args(["ha-replay", "--properties", "ec1.conf", "--workload", "day.load"]).args(options);
        said(command.current_dir(self.0.path()).output().unwrap())
    }
}

const STEADY: &str = "from 0s consumes 25/40s\n";
const ON: &str = "mz.ha.enabled=true\n";

#[test]
fn the_exit_code_says_whether_an_interval_failed() {
    let replay = Replay::new("mz.ha.enabled=true\nmz.ha.min_consumes=25\n", STEADY);
    let good = replay.run(&["--for", "2m"]);
    assert_eq!((good.code, good.text.ends_with("0 of 3 intervals FAILED\n")), (0, true), "{good:?}");
    fs::write(replay.0.path().join("day.load"), "from 0s to 80s consumes 25/40s\n").unwrap();
    let bad = replay.run(&[]);
    assert_eq!((bad.code, bad.text.ends_with("2 of 4 intervals FAILED\n")), (1, true), "{bad:?}");
    assert!(bad.text.contains("  FAILED min_consumes: 0 of at least 25\n"), "{bad:?}");
}

#[test]
fn properties_come_as_a_registry_file_a_piece_of_one_or_plain_lines() {
    for properties in [
        "template : \"mz.standard-ec\"\nconfig { properties { mz.ha { enabled : true, max_aborts : 0 } } }",
        "config.properties { \"mz.ha.enabled\" : true, \"mz.ha.max_aborts\" : \"0\" }",
        "properties { mz.ha.enabled : true, mz.ha.max_aborts : 0 }",
        "common { mz.ha.enabled : true, mz.ha.max_aborts : 9 }\nconfig.properties { mz.ha.max_aborts : 0 }",
        "# plain\nmz.ha.enabled=true\nmz.ha.max_aborts=0\nmz.ha.log_file=/var/log/mz/ha\n",
        "mz.ha.enabled=true\nmz.ha.max_aborts=0\npico.rcp.server.host=${host}",
    ] {
        let said = Replay::new(properties, "at 50s aborts 1").run(&[]);
        assert_eq!((said.code, said.text.contains("note:")), (1, false), "{properties}: {said:?}");
        assert!(said.text.ends_with("FAILED max_aborts: 1 of at most 0\n      80     120            0       0             0         0  OK\n1 of 3 intervals FAILED\n"), "{said:?}");
    }
}

#[test]
fn what_has_no_effect_is_noted() {
    for (properties, note) in [
        ("mz.ha.min_consumes=1", "note: mz.ha.enabled is not true here"),
        ("mz.ha.enabled=true\nmz.ha.interval=10", "note: mz.ha.interval = 10 is raised to 40"),
        (
            "template=\"mz.standard-sc\"\nconfig.properties { mz.ha.enabled=true\nmz.ha.min_consumes=1 }",
            "note: this is a pico of type sc",
        ),
        (
            "mz.ha.enabled=true\nmz.ha.min_activations_for_aborts=10",
            "note: mz.ha.min_activations_for_aborts has no effect",
        ),
    ] {
        let said = Replay::new(properties, STEADY).run(&[]);
        assert_eq!((said.code, said.text.contains(note)), (0, true), "{properties}: {said:?}");
    }
}

#[test]
fn the_two_readings_of_min_activations_can_be_compared() {
    let replay =
        Replay::new("mz.ha.enabled=true\nmz.ha.min_activations=5\nmz.ha.max_aborts=0", "at 1s aborts 1");
    let threshold = replay.run(&[]);
    assert_eq!(
        (threshold.code, threshold.text.matches("FAILED min_activations").count()),
        (1, 3),
        "{threshold:?}"
    );
    let gate = replay.run(&["--min-activations", "gate"]);
    assert_eq!(gate.code, 0, "{gate:?}");
}

#[test]
fn json_is_an_object_for_each_interval() {
    let said =
        Replay::new("mz.ha.enabled=true\nmz.ha.min_consumes=10", "from 40s consumes 10/40s").run(&["--json"]);
    let lines: Vec<serde_json::Value> =
        said.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((said.code, lines.len()), (1, 3));
    assert_eq!(
        (&lines[0]["from"], &lines[0]["failed"], &lines[0]["misses"][0]["limit"]),
        (&0.into(), &true.into(), &10.into())
    );
    assert_eq!((&lines[1]["consumes"], &lines[1]["failed"]), (&10.into(), &false.into()));
}

#[test]
fn input_that_can_not_be_used_names_file_and_line_and_has_code_2() {
    for (properties, workload, options, words) in [
        (
            "a = 1\nmz.ha.max_aborts = \"five\"",
            STEADY,
            &[][..],
            "ec1.conf: line 2: mz.ha.max_aborts = \"five\": expected",
        ),
        (
            "# max_aborts\n\nmz.ha { interval : soon }",
            STEADY,
            &[],
            "ec1.conf: line 3: mz.ha.interval = \"soon\"",
        ),
        (
            "mz.ha.enabled=true\nmz.ha.min_comsumes=3",
            STEADY,
            &[],
            "ec1.conf: line 2: mz.ha.min_comsumes: no such property; there are: enabled, ",
        ),
        (
            "mz.ha.enabled=true\nmz.ha.min_consumes=${least}",
            STEADY,
            &[],
            "ec1.conf: line 2: mz.ha.min_consumes: expected a plain value",
        ),
        (
            "mz.ha.min_consumes=[1, 2]",
            STEADY,
            &[],
            "ec1.conf: line 1: mz.ha.min_consumes: expected a plain value",
        ),
        ("a {\n  b : 1\n", STEADY, &[], "ec1.conf: line "),
        ("settings.state : enabled", STEADY, &[], "ec1.conf: no mz.ha.* property in it"),
        (ON, "at 1s consumes 1\nat 2s eats 1\n", &[], "day.load: line 2: eats: expected activations"),
        (ON, STEADY, &["--for", "soon"], "soon: expected a time"),
        (ON, STEADY, &["--for", "0s"], "0 intervals of 40 s"),
        (ON, STEADY, &["--for", "99999999h"], "expected 1 to 1000000"),
        (ON, STEADY, &["--workload", "/nowhere"], "cannot be used multiple times"),
    ] {
        let said = Replay::new(properties, workload).run(options);
        assert_eq!((said.code, said.text.contains(words)), (2, true), "{properties} {workload}: {said:?}");
    }
    let replay = Replay::new(ON, STEADY);
    fs::remove_file(replay.0.path().join("day.load")).unwrap();
    let gone = replay.run(&[]);
    assert_eq!((gone.code, gone.text.contains("can't read day.load")), (2, true), "{gone:?}");
}

/// The page for operators shows two files and what comes out: it shall come out.
#[test]
fn the_page_on_thresholds_shows_what_is_printed() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ha-thresholds.md");
    let page = fs::read_to_string(page).unwrap();
    let block = |mark: &str| {
        let begin = page.find(mark).unwrap_or_else(|| panic!("no {mark} in the page")) + mark.len();
        page[begin..].split("```").next().unwrap().trim_start().to_owned()
    };
    let replay = Replay::new(&block("```hocon"), &block("```workload"));
    let shown = block("```console");
    let (command, output) = shown.split_once('\n').unwrap();
    assert_eq!(command, "$ mz-sim ha-replay --properties ec1.conf --workload day.load");
    let said = replay.run(&[]);
    assert_eq!((said.text.as_str(), said.code), (output, 1));
}
