//! The two host names of the product's registry on a node with test names and addresses: findings of
//! validate-all, and results of a start.
//!
//! The node has its own hosts file, name servers and addresses ([`testkit::NameServer`]); the machine's
//! resolver is never queried. The tests check exit codes and lines on stderr, which an administrator sees.
//! The simulator's history and /proc show whether anything was started.

mod address_case;
mod cloud;
mod host_names;
mod multiple_addresses;
mod virtual_addresses;
mod wait_for;
