//! The instance record: written by an earlier action, perhaps of another version, boot or resource, perhaps
//! torn.

use pico::identity::MzHome;
use pico::record::InstanceRecord;
use pico::{PicoInstance, PicoName};
use serde_json::Value;
use std::path::Path;

/// The boot id of the seeds.
const BOOT: &str = "8f2c1a3e-0000-4000-8000-000000000001";

/// `bytes` are the content of the file.
///
/// - Nothing panics.
/// - A record of another boot, or of another format, is never used.
/// - It counts for a pico only if both name and installation are that pico's.
/// - A record that is used is the same after it was written and parsed again.
pub fn record(bytes: &[u8]) {
    let Ok(Some(record)) = InstanceRecord::parse(bytes, BOOT) else { return };
    assert!(!matches!(
        InstanceRecord::parse(bytes, "8f2c1a3e-0000-4000-8000-000000000002"),
        Ok(Some(_))
    ));
    assert!(!matches!(InstanceRecord::parse(bytes, ""), Ok(Some(_))));

    // Another reader's view of the same bytes. It also takes apart what has no meaning here, where anything may stand. (What
    // has names could also be a list without them.)
    if let Ok(other @ Value::Object(_)) = serde_json::from_slice(bytes) {
        assert_matches_json(&record, &other);
        assert_for_one_pico(&record, &other);
    }
    if let Some(target) = record.target() {
        assert_eq!(target.name.as_str(), record.pico);
        assert!(record.is_for(&target));
    }

    let written = serde_json::to_vec(&record).expect("what was read can be written");
    let again = InstanceRecord::parse(&written, BOOT).expect("what was written can be read");
    let again = again.expect("it is of the same boot");
    assert_eq!(written, serde_json::to_vec(&again).expect("what was read can be written"));
    assert_eq!(
        (again.jvm(), again.mzsh(), again.phase),
        (record.jvm(), record.mzsh(), record.phase)
    );
}

fn assert_matches_json(record: &InstanceRecord, other: &Value) {
    assert_eq!((&other["boot"], &other["format"]), (&Value::from(BOOT), &Value::from(1)));
    assert_eq!(other["pico"], record.pico);
    for (process, name) in [(record.jvm(), "jvm"), (record.mzsh(), "mzsh")] {
        if let (Some(process), Value::Object(_)) = (process, &other[name]) {
            assert_eq!(other[name]["pid"], process.pid.as_raw());
            assert!(process.pid.as_raw() > 0);
            assert_eq!(other[name]["start"], process.start);
        }
    }
}

fn assert_for_one_pico(record: &InstanceRecord, other: &Value) {
    for name in ["ec1", "ec10", "platform"] {
        for home in ["/opt/mz", "/opt/mz2"] {
            let target = PicoInstance {
                name: name.parse::<PicoName>().expect("a name"),
                home: MzHome::new(Path::new(home)),
                process_match: None,
            };
            if record.is_for(&target) {
                assert_eq!(other["pico"], name);
                assert!(
                    is_same_path(other["mz_home"].as_str().unwrap_or_default(), home),
                    "{other}"
                );
            }
        }
    }
}

/// The same names in the same order, from the root.
fn is_same_path(path: &str, home: &str) -> bool {
    let names = |path: &str| -> Vec<String> {
        path.split('/').filter(|name| !name.is_empty() && *name != ".").map(str::to_owned).collect()
    };
    path.starts_with('/') && names(path) == names(home)
}
