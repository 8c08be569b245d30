//! What an agent does: the actions, one direction each, under one budget.

mod checks;
mod deep;
mod ending;
mod explain;
mod monitor;
pub mod needs;
mod reload;
mod start;
mod stop;
mod unchecked;
mod validate;
mod wait_for;
mod weigh;

pub use checks::{Finding, KERNEL, Severity, TEMPLATE, kernel};
pub use deep::not_listening;
pub use explain::{Point, explain};
pub use monitor::{Cluster, Request, monitor};
pub use reload::reload;
pub use start::start;
pub use stop::{clean, stop};
pub use unchecked::{NotChecked, not_checked};
pub use validate::{Examination, examine};
pub use weigh::NOT_CHECKED;

use crate::record::{Record, RecordFile};
use crate::settings::{Settings, Target};

/// The record of this resource, if it is about `target`.
fn record_of(settings: &Settings, target: &Target) -> (RecordFile, Option<Record>) {
    let file = RecordFile::of(settings.resource.as_deref());
    let record = file.read().filter(|record| record.is_for(target));
    (file, record)
}
