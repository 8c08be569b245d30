//! Prints fuzz/dictionaries/environment.dict: the names of all variables, and words that are in values.

use ocf::ParameterKind;
use pico::{PicoType, parameters};

const HEAD: &str = "\
# Made by `cargo xtask gen` from crates/agents/examples/environment_dictionary.rs and the table of parameters.
";

const OTHER_NAMES: &str = r#""OCF_RESKEY_CRM_meta_timeout="
"OCF_RESKEY_CRM_meta_interval="
"OCF_RESKEY_CRM_meta_on_node="
"OCF_RESKEY_CRM_meta_name="
"OCF_RESKEY_crm_feature_set="
"OCF_RESOURCE_INSTANCE="
"OCF_RESOURCE_TYPE="
"OCF_RESOURCE_PROVIDER="
"OCF_CHECK_LEVEL="
"OCF_OUTPUT_FORMAT="
"OCF_EXIT_REASON_PREFIX="
"OCF_TESTER_FAIL_HAVE_BINARY="
"HA_LOGFACILITY="
"HA_LOGFILE="
"HA_DEBUGLOG="
"HA_debug="
"OCF_TRACE_RA="
"OCF_TRACE_FILE="
"#;

const OTHER_VALUES: &str = r#""platform"
"ec"
"sc"
"ui"
"yes"
"no"
"90s"
"0022"
"65536"
"2m"
"1500ms"
"1h"
"/opt/mz"
"db1:1521"
"[fd00::1]:1"
"ocf-exit-reason:"
"18446744073709551615"
"-1"
"\x00"
"\xff"
"\xc3\xa4"
"a{1000}"
"(?i)"
"\\p{L}"
"xml"
"none"
"#;

fn main() {
    println!("{HEAD}# Names.");
    for parameter in parameters::for_type(PicoType::Platform) {
        println!("\"OCF_RESKEY_{}=\"", parameter.name);
    }
    println!("{OTHER_NAMES}# Values.");
    for parameter in parameters::for_type(PicoType::Platform) {
        let ParameterKind::Select(words) = parameter.kind else { continue };
        // Those of a boolean are below.
        for word in words.iter().filter(|word| !["yes", "no"].contains(word)) {
            println!("\"{word}\"");
        }
    }
    print!("{OTHER_VALUES}");
}
