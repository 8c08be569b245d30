//! What must hold whatever bytes come from outside.
//!
//! An agent runs as root and reads what others wrote: the environment of its caller, /proc of every process, the output of
//! the product's commands, the product's files, its own record. Each function here takes bytes for one of these, gives them
//! to the reader that the agents use, and panics if the answer is one that no bytes may lead to. What is expected is said by
//! a model as simple as possible, never by the reader's own steps.
//!
//! The functions are driven from two sides. `fuzz/` (a workspace of its own, for it needs a nightly compiler) feeds them what
//! libFuzzer makes up: `cargo xtask fuzz`. And `tests/corpus.rs` feeds them, in every run of the tests, what that found worth
//! keeping, so that neither the properties nor the corpus can rot.
//!
//! The product's pid file is not among them: the agents don't read it.

#![forbid(unsafe_code)]

mod assertions;
mod command_output;
mod environment;
mod proc;
mod record;
mod registry;

pub use command_output::{ha, mzsh};
pub use environment::environment;
pub use proc::{command_line, stat};
pub use record::record;
pub use registry::registry;

/// A fuzz target: its name and what it gives the bytes to.
pub type FuzzTarget = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [FuzzTarget; 7] = [
    ("command_line", command_line),
    ("environment", environment),
    ("ha", ha),
    ("mzsh", mzsh),
    ("record", record),
    ("registry", registry),
    ("stat", stat),
];

/// What stands between the parts of an input that has several. No text that the agents read holds it.
const SEPARATOR: u8 = 0x1e;

/// The parts of an input; those that are not there are empty.
fn split_input<const N: usize>(bytes: &[u8]) -> [&[u8]; N] {
    let mut parts = bytes.splitn(N, |&b| b == SEPARATOR);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
