//! Each check fails where it should: agents that are broken on purpose.

use crate::agent_fixture::{AgentFixture, PLATFORM};
use crate::{CheckOutcome, command_line, crmsh, metadata, ocf_tester, pacemaker, pcs};

/// A check, a script around our Platform agent that it must reject, and text of the failure.
macro_rules! caught {
    ($($name:ident: $check:path, $script:expr, $why:expr;)+) => {
        $(#[test]
        fn $name() -> CheckOutcome {
            let stage = AgentFixture::with_broken_agent(&PLATFORM, $script)?;
            match $check(&stage) {
                Ok(()) => Err("the check let a broken agent pass".into()),
                Err(error) if error.to_string().contains($why) => Ok(()),
                Err(error) => Err(format!("it failed for another reason than {:?}: {error}", $why).into()),
            }
        })+
    };
}

/// Metadata changed by a sed command; everything else is unchanged.
macro_rules! metadata_through {
    ($sed:literal) => {
        concat!("[ \"$1\" = meta-data ] || exec $agent \"$@\"; $agent meta-data | sed '", $sed, "'")
    };
}

caught! {
    agent_always_running_fails_ocf_tester: ocf_tester::passes,
        "[ \"$1\" = monitor ] && exit 0; exec $agent \"$@\"", "failed";
    ineffective_stop_fails_ocf_tester: ocf_tester::passes,
        "[ \"$1\" = stop ] && exit 0; exec $agent \"$@\"", "failed";
    misspelt_element_fails_dtd: metadata::is_valid,
        metadata_through!("s/\\(<\\/\\?\\)shortdesc/\\1shortdesk/g"), "shortdesk";
    unknown_attribute_fails_schema: metadata::follows_schema,
        metadata_through!("s/<parameter /<parameter private=\"1\" /"), "private";
    caller_dependent_metadata_is_found: metadata::is_independent_of_caller,
        "$agent \"$@\" && echo \"<!-- $(id -un) -->\"", "as nobody the metadata differ";
    writing_meta_data_action_is_found: metadata::is_independent_of_caller,
        "[ $UID != 0 ] || touch /tmp/x || exit 1; exec $agent \"$@\"", "Read-only file system";
    success_of_unknown_action_is_found: command_line::unknown_action_is_unimplemented,
        "$agent \"$@\" || [ $? -eq 3 ]", "exit code 0";
    failure_on_closed_descriptor_is_found: command_line::closed_descriptors_change_nothing,
        "[ -e /proc/$$/fd/0 ] || exit 101; exec $agent \"$@\"", "exit code 101";
    metadata_unreadable_for_pcs_is_found: pcs::creates_resource,
        metadata_through!("s/<content/<kontent/"), "pcs";
    failing_validation_is_found_by_pcs: pcs::creates_resource_with_validation,
        "[ \"$1\" = validate-all ] || exec $agent \"$@\"; echo 'mz_home: not so' >&2; exit 6", "not so";
    missing_parameter_is_found_by_pcs: pcs::describes_agent,
        metadata_through!("s/name=\"mz_home\"/name=\"other\"/"), "mz_home is not described";
    missing_parameter_is_found_by_crm: crmsh::configures_primitive,
        metadata_through!("s/name=\"mz_home\"/name=\"other\"/"), "mz_home";
    xml_encoding_is_found_by_crm: crmsh::shows_info,
        metadata_through!("s/<?xml version=\"1.0\"/& encoding=\"UTF-8\"/"), "meta-data";
    failing_meta_data_action_is_found_by_crm_resource: pacemaker::shows_metadata,
        "[ \"$1\" = meta-data ] && exit 1; exec $agent \"$@\"", "exit code";
    failing_validation_is_found_by_crm_resource: pacemaker::validates_resource,
        "[ \"$1\" = validate-all ] && exit 5; exec $agent \"$@\"", "exit code 5";
    ineffective_stop_is_found_by_crm_resource: pacemaker::forces_actions,
        "[ \"$1\" = stop ] && exit 0; exec $agent \"$@\"", "--force-check: 7 expected";
}
