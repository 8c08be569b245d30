//! The two host names of the product's registry on a node whose names and addresses the test makes: what validate-all finds, and
//! what becomes of a start.
//!
//! The node's hosts file and name servers are its own, and so are its addresses ([`testkit::NameServer`]); the machine's resolver is
//! never asked. Exit codes and lines on stderr are what an administrator sees; whether something was started is told by the
//! simulator's history and /proc.

mod address_case;
mod cloud;
mod host_names;
mod multiple_addresses;
mod virtual_addresses;
mod wait_for;
