//! Properties that must hold for any bytes from outside.
//!
//! An agent runs as root and reads data of others: the environment of its caller, /proc of every process, the
//! output of the product's commands, the product's files, its own record. Each function here takes bytes for
//! one of these, gives them to the agents' parser, and panics if the result violates a property. The expected
//! result comes from a model that is as simple as possible, never from the parser's own steps.
//!
//! The functions have two callers. `fuzz/` (a workspace of its own, because it needs a nightly compiler)
//! feeds them libFuzzer's inputs: `cargo xtask fuzz`. `tests/corpus.rs` feeds them the committed inputs in
//! every test run, so that neither the properties nor the corpus can rot.
//!
//! The product's pid file is not among them: the agents do not read it.

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

/// A fuzz target: its name, and the function that gets the bytes.
pub type FuzzTarget = (&'static str, fn(&[u8]));

pub const TARGETS: [FuzzTarget; 7] = [
    ("command_line", command_line),
    ("environment", environment),
    ("ha", ha),
    ("mzsh", mzsh),
    ("record", record),
    ("registry", registry),
    ("stat", stat),
];

/// Separates the parts of an input. No text that the agents read contains it.
const SEPARATOR: u8 = 0x1e;

/// The parts of an input; missing ones are empty.
fn split_input<const N: usize>(bytes: &[u8]) -> [&[u8]; N] {
    let mut parts = bytes.splitn(N, |&b| b == SEPARATOR);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
