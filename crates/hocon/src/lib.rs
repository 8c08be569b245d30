//! A parser of HOCON (the Human-Optimized Config Object Notation) for untrusted input.
//!
//! It supports the whole notation: comments, dotted and quoted names, triple quotes, concatenation,
//! substitutions, `+=`, merged objects, includes. It differs from other parsers in these points:
//!
//! - **Bounded.** A few hundred bytes of substitutions can expand to more text than a machine has
//!   memory. A file can include itself or `/dev/zero`, and a thousand brackets can exhaust a stack.
//!   Length, depth, work and the text of a value each have a limit ([`limits`]). An excess is an
//!   error that names the limit.
//! - **Lazy.** A query resolves only the substitutions that its value needs. An unresolvable one is
//!   an error only of the values that need it. So a program can read a file of which it knows only
//!   a part.
//! - **Layered.** Documents are laid over each other, and substitutions are searched in all of
//!   them, as the notation requires.
//! - **No file, no environment.** The caller supplies included texts ([`IncludeLoader`]) and values
//!   from outside the documents ([`Config::with_fallback`]). The parser never reads the process's
//!   environment.
//! - **Errors have a location**: file, line and the expected text.
//!
//! # How a value is found
//!
//! A [`Document`] is a tree in which a name has a stack of values, the oldest first. The parser
//! merges what it can. A plain text hides the values below it, and two objects are merged. A
//! substitution is resolved later, so it stays on the stack. A query walks the names of its path.
//! At each name it walks down the stack until a value hides the rest. A substitution that leads to
//! itself refers to the values below it in its stack. So `path = ${path}":/opt/bin"` appends and is
//! no cycle.

#![forbid(unsafe_code)]

mod config;
mod error;
mod include;
mod lexer;
pub mod limits;
mod parser;
mod path;
mod resolve;
mod tree;

pub use config::{Config, LocatedText, Value};
pub use error::{Error, Location};
pub use include::{Include, IncludeLoader, IncludeTarget, IncludedText, RejectIncludes};
pub use tree::Document;
