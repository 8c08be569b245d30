//! Addresses: those of this node, what names stand for, and whether anything answers there.
//!
//! Three questions with three kinds of trouble. What this node has is asked of the kernel ([`LocalAddresses`]), which answers at once.
//! What a name stands for is asked of the system's resolver, which may take minutes or never come back: [`look_up`] asks in a
//! helper. Whether somebody answers at an address is known by a connection alone, and the one who shall answer may just be
//! coming up: [`wait_until_all_reachable`] tries until a deadline.

mod local_addresses;
mod reachability;
mod resolver;

pub use local_addresses::{AddressState, LocalAddresses};
pub use reachability::{UnreachableEndpoint, connect, wait_until_all_reachable};
pub use resolver::{Lookup, look_up, resolve};
