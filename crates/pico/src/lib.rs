//! A pico instance of MediationZone on this node.
//!
//! What the product is stands in [`product`]: its files, its registry, its commands `mzsh` and `HAClient`. What a
//! running pico is stands in [`identity`]: processes, by /proc alone. [`verdict`] puts both together: it observes
//! first and judges afterwards, and the judgement is a pure function. [`actions`] is what an OCF agent does with
//! it. [`addresses`] are what the product's host names must stand for. [`record`] is what one action leaves for the next.
//! [`parameters`] are what a resource is configured with.
//!
//! The rule above all others: "not running" is said only after a look at every process of the node found neither
//! the pico nor a startup of it; what could not be looked at is never taken for absent.
//!
//! An action has a [`Deadline`](ocf::Deadline) and ends in a [`State`](ocf::State) or a [`Failure`](ocf::Failure): the words of
//! the resource agent API. Nothing here reads the environment of an agent or knows the numbers of exit codes.

#![forbid(unsafe_code)]

pub mod actions;
pub mod addresses;
mod boot_clock;
pub mod identity;
pub mod log_worker;
mod monitor_schedule;
pub mod parameters;
mod pico_users;
mod process_list;
pub mod product;
pub mod record;
mod reports;
mod ruled_out;
mod settings;
mod time_of_day;
pub mod verdict;

pub use host::command::Limits;
pub use host::inherited::reset_signals_and_limits as reset_inherited;
pub use host::local_time::offset as local_time_offset;
pub use pico_users::PicoUsers;
pub use reports::LastFailure;
pub use settings::{
    ContainerName, Deployment, Endpoint, EndpointList, HaCheck, OnHaFailed, PicoInstance, PicoName,
    PicoType, Scope, Settings, SystemdProperties, Umask, UnreadableTarget,
};
