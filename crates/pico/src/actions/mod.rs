//! The actions of an agent, each under one deadline.

mod deep_checks;
mod explain;
pub mod minimum_timeout;
mod monitor;
mod node_checks;
mod reload;
mod scope;
mod start;
mod stop;
mod stop_escalation;
mod unchecked;
mod validate;
mod wait_for;
mod weigh;

pub use deep_checks::not_listening;
pub use explain::{EvidencePoint, explain};
pub use monitor::{Audience, Cluster, MonitorCall, monitor, monitor_verdict};
pub use node_checks::{KERNEL_PROBLEM, NodeProblem, Severity, TEMPLATE, missing_kernel_feature};
pub use reload::reload;
pub use start::start;
pub use stop::{stop, stop_by_signals};
pub use unchecked::{NotChecked, not_checked};
pub use validate::{ValidationReport, validate};
pub use weigh::NOT_CHECKED;

use crate::record::{InstanceRecord, InstanceRecordFile};
use crate::settings::{PicoInstance, Settings};
use host::descriptors::with_descriptor_limit;
use ocf::Failure;

/// The record of this resource, if it is of `target`.
fn load_record(
    settings: &Settings,
    target: &PicoInstance,
) -> (InstanceRecordFile, Option<InstanceRecord>) {
    let file = InstanceRecordFile::for_resource(settings.resource.as_deref());
    let record = file.read().filter(|record| record.is_for(target));
    (file, record)
}

/// The system's text for a reached limit does not say how high the limit is.
fn with_limit(mut failure: Failure) -> Failure {
    failure.reason = with_descriptor_limit(&failure.reason);
    failure
}
