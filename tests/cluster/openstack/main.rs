//! The agents on a real cluster in an OpenStack cloud: its services are real, its hypervisor is the
//! lab. Scenarios share a lab where one does not disturb the next. Each ends with the verdict of the
//! invariant checker.

mod cloud;
mod fencing;
mod network;
mod outages;
mod volume;

use lab::openstack::{CloudProject, OpenStack};
use lab::{Lab, TestkitError};

/// Two nodes without resources in a cloud.
fn cloud_of_two(name: &str) -> Result<(Lab, OpenStack, CloudProject), TestkitError> {
    let lab = Lab::up_with_openstack_root(name, 2)?;
    let cloud = OpenStack::new(lab.controller());
    let project = cloud.up()?;
    Ok((lab, cloud, project))
}
