//! `mz-sim ha-replay` as an operator runs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::rehearsal::{MZ_SIM, Said, said};

/// The two input files of a replay.
struct ReplayFiles(TempDir);

impl ReplayFiles {
    fn new(properties: &str, workload: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ec1.conf"), properties).unwrap();
        fs::write(dir.path().join("day.load"), workload).unwrap();
        Self(dir)
    }

    fn run(&self, options: &[&str]) -> Said {
        let mut command = Command::new(MZ_SIM);
        command
            .args(["ha-replay", "--properties", "ec1.conf", "--workload", "day.load"])
            .args(options);
        said(command.current_dir(self.0.path()).output().unwrap())
    }
}

const STEADY_WORKLOAD: &str = "from 0s consumes 25/40s\n";
const HA_ENABLED: &str = "mz.ha.enabled=true\n";

#[test]
fn replay_exit_code_tells_whether_an_interval_failed() {
    let replay = ReplayFiles::new("mz.ha.enabled=true\nmz.ha.min_consumes=25\n", STEADY_WORKLOAD);
    let good = replay.run(&["--for", "2m"]);
    assert_eq!(
        (good.code, good.text.ends_with("0 of 3 intervals FAILED\n")),
        (0, true),
        "{good:?}"
    );
    fs::write(replay.0.path().join("day.load"), "from 0s to 80s consumes 25/40s\n").unwrap();
    let bad = replay.run(&[]);
    assert_eq!((bad.code, bad.text.ends_with("2 of 4 intervals FAILED\n")), (1, true), "{bad:?}");
    assert!(bad.text.contains("  FAILED min_consumes: 0 of at least 25\n"), "{bad:?}");
}

#[test]
fn properties_are_read_from_registry_file_fragment_or_plain_lines() {
    for properties in [
        "template : \"mz.standard-ec\"\nconfig { properties { mz.ha { enabled : true, max_aborts : 0 } } }",
        "config.properties { \"mz.ha.enabled\" : true, \"mz.ha.max_aborts\" : \"0\" }",
        "properties { mz.ha.enabled : true, mz.ha.max_aborts : 0 }",
        "common { mz.ha.enabled : true, mz.ha.max_aborts : 9 }\nconfig.properties { mz.ha.max_aborts : 0 }",
        "# plain\nmz.ha.enabled=true\nmz.ha.max_aborts=0\nmz.ha.log_file=/var/log/mz/ha\n",
        "mz.ha.enabled=true\nmz.ha.max_aborts=0\npico.rcp.server.host=${host}",
    ] {
        let said = ReplayFiles::new(properties, "at 50s aborts 1").run(&[]);
        assert_eq!((said.code, said.text.contains("note:")), (1, false), "{properties}: {said:?}");
        assert!(said.text.ends_with("FAILED max_aborts: 1 of at most 0\n      80     120            0       0             0         0  OK\n1 of 3 intervals FAILED\n"), "{said:?}");
    }
}

#[test]
fn property_without_effect_is_noted() {
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
        let said = ReplayFiles::new(properties, STEADY_WORKLOAD).run(&[]);
        assert_eq!((said.code, said.text.contains(note)), (0, true), "{properties}: {said:?}");
    }
}

#[test]
fn both_meanings_of_min_activations_can_be_replayed() {
    let replay = ReplayFiles::new(
        "mz.ha.enabled=true\nmz.ha.min_activations=5\nmz.ha.max_aborts=0",
        "at 1s aborts 1",
    );
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
fn json_output_has_one_object_per_interval() {
    let said =
        ReplayFiles::new("mz.ha.enabled=true\nmz.ha.min_consumes=10", "from 40s consumes 10/40s")
            .run(&["--json"]);
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
fn unusable_input_exits_2_and_names_file_and_line() {
    for (properties, workload, options, words) in [
        (
            "a = 1\nmz.ha.max_aborts = \"five\"",
            STEADY_WORKLOAD,
            &[][..],
            "ec1.conf: line 2: mz.ha.max_aborts = \"five\": expected",
        ),
        (
            "# max_aborts\n\nmz.ha { interval : soon }",
            STEADY_WORKLOAD,
            &[],
            "ec1.conf: line 3: mz.ha.interval = \"soon\"",
        ),
        (
            "mz.ha.enabled=true\nmz.ha.min_comsumes=3",
            STEADY_WORKLOAD,
            &[],
            "ec1.conf: line 2: mz.ha.min_comsumes: no such property; there are: enabled, ",
        ),
        (
            "mz.ha.enabled=true\nmz.ha.min_consumes=${least}",
            STEADY_WORKLOAD,
            &[],
            "ec1.conf: line 2: mz.ha.min_consumes: expected a plain value",
        ),
        (
            "mz.ha.min_consumes=[1, 2]",
            STEADY_WORKLOAD,
            &[],
            "ec1.conf: line 1: mz.ha.min_consumes: expected a plain value",
        ),
        ("a {\n  b : 1\n", STEADY_WORKLOAD, &[], "ec1.conf: line "),
        ("settings.state : enabled", STEADY_WORKLOAD, &[], "ec1.conf: no mz.ha.* property in it"),
        (
            HA_ENABLED,
            "at 1s consumes 1\nat 2s eats 1\n",
            &[],
            "day.load: line 2: eats: expected activations",
        ),
        (HA_ENABLED, STEADY_WORKLOAD, &["--for", "soon"], "soon: expected a time"),
        (HA_ENABLED, STEADY_WORKLOAD, &["--for", "0s"], "0 intervals of 40 s"),
        (HA_ENABLED, STEADY_WORKLOAD, &["--for", "99999999h"], "expected 1 to 1000000"),
        (HA_ENABLED, STEADY_WORKLOAD, &["--workload", "/nowhere"], "cannot be used multiple times"),
    ] {
        let said = ReplayFiles::new(properties, workload).run(options);
        assert_eq!(
            (said.code, said.text.contains(words)),
            (2, true),
            "{properties} {workload}: {said:?}"
        );
    }
    let replay = ReplayFiles::new(HA_ENABLED, STEADY_WORKLOAD);
    fs::remove_file(replay.0.path().join("day.load")).unwrap();
    let gone = replay.run(&[]);
    assert_eq!((gone.code, gone.text.contains("can't read day.load")), (2, true), "{gone:?}");
}

/// The operators' page shows two files and the output; the program must print that output.
#[test]
fn thresholds_page_shows_what_replay_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operate/ha-thresholds.md");
    let page = fs::read_to_string(page).unwrap();
    let block = |mark: &str| {
        let begin = page.find(mark).unwrap_or_else(|| panic!("no {mark} in the page")) + mark.len();
        page[begin..].split("```").next().unwrap().trim_start().to_owned()
    };
    let replay = ReplayFiles::new(&block("```hocon"), &block("```workload"));
    let shown = block("```console");
    let (command, output) = shown.split_once('\n').unwrap();
    assert_eq!(command, "$ mz-sim ha-replay --properties ec1.conf --workload day.load");
    let said = replay.run(&[]);
    assert_eq!((said.text.as_str(), said.code), (output, 1));
}
