//! The agents on a real cluster in an OpenStack cloud: its services are real, its hypervisor is the
//! lab. Scenarios share a lab where one does not disturb the next. Each ends with the verdict of the
//! invariant checker.

mod cloud;
mod fencing;
mod network;
mod outages;
