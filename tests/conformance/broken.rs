//! Each check fails where it should: agents broken on purpose.

use crate::stage::{PLATFORM, Stage};
use crate::{Verdict, command_line, crmsh, metadata, ocf_tester, pacemaker, pcs};

/// A check, a script around our Platform agent that it must not let pass, and a word of why it fails.
macro_rules! caught {
    ($($name:ident: $check:path, $script:expr, $why:expr;)+) => {
        $(#[test]
        fn $name() -> Verdict {
            let stage = Stage::set_broken(&PLATFORM, $script)?;
            match $check(&stage) {
                Ok(()) => Err("the check let a broken agent pass".into()),
                Err(error) if error.to_string().contains($why) => Ok(()),
                Err(error) => Err(format!("it failed for another reason than {:?}: {error}", $why).into()),
            }
        })+
    };
}

/// Metadata changed by a sed command, all else as it was.
macro_rules! metadata_through {
    ($sed:literal) => {
        concat!("[ \"$1\" = meta-data ] || exec $agent \"$@\"; $agent meta-data | sed '", $sed, "'")
    };
}

caught! {
    one_that_runs_for_ever: ocf_tester::passes,
        "[ \"$1\" = monitor ] && exit 0; exec $agent \"$@\"", "failed";
    one_whose_stop_does_nothing: ocf_tester::passes,
        "[ \"$1\" = stop ] && exit 0; exec $agent \"$@\"", "failed";
    one_with_an_element_misspelt: metadata::is_valid,
        metadata_through!("s/\\(<\\/\\?\\)shortdesc/\\1shortdesk/g"), "shortdesk";
    one_with_an_attribute_of_its_own: metadata::follows_the_schema,
        metadata_through!("s/<parameter /<parameter private=\"1\" /"), "private";
    one_that_asks_who_calls: metadata::is_the_same_for_everybody,
        "$agent \"$@\" && echo \"<!-- $(id -un) -->\"", "as nobody the metadata differ";
    one_that_writes_when_asked_for_metadata: metadata::is_the_same_for_everybody,
        "[ $UID != 0 ] || touch /tmp/x || exit 1; exec $agent \"$@\"", "Read-only file system";
    one_that_agrees_to_everything: command_line::unknown_is_unimplemented,
        "$agent \"$@\" || [ $? -eq 3 ]", "exit code 0";
    one_that_minds_a_closed_descriptor: command_line::closed_descriptors_are_no_matter,
        "[ -e /proc/$$/fd/0 ] || exit 101; exec $agent \"$@\"", "exit code 101";
    one_that_pcs_can_not_read: pcs::creates_a_resource,
        metadata_through!("s/<content/<kontent/"), "pcs";
    one_whose_validation_complains: pcs::creates_it_with_validation,
        "[ \"$1\" = validate-all ] || exec $agent \"$@\"; echo 'mz_home: not so' >&2; exit 6", "not so";
    one_with_a_parameter_lost: pcs::describes_it,
        metadata_through!("s/name=\"mz_home\"/name=\"other\"/"), "mz_home is not described";
    one_whose_advice_crm_can_not_read: crmsh::configures_a_primitive,
        metadata_through!("s/name=\"mz_home\"/name=\"other\"/"), "mz_home";
    one_with_an_encoding: crmsh::tells_about_it,
        metadata_through!("s/<?xml version=\"1.0\"/& encoding=\"UTF-8\"/"), "meta-data";
    one_whose_metadata_pacemaker_can_not_get: pacemaker::shows_its_metadata,
        "[ \"$1\" = meta-data ] && exit 1; exec $agent \"$@\"", "exit code";
    one_that_does_not_validate: pacemaker::validates_it,
        "[ \"$1\" = validate-all ] && exit 5; exec $agent \"$@\"", "exit code 5";
    one_that_is_never_stopped: pacemaker::forces_its_actions,
        "[ \"$1\" = stop ] && exit 0; exec $agent \"$@\"", "--force-check: 7 expected";
}
