//! A reader of HOCON (the Human-Optimized Config Object Notation) for programs that must not trust what they read.
//!
//! It reads the whole notation: comments, dotted and quoted names, triple quotes, concatenation, substitutions, `+=`, objects that
//! merge, includes. What sets it apart, and is why it was written:
//!
//! - **Bounded.** A few hundred bytes of substitutions can stand for more text than a machine has memory, a file can include
//!   itself or `/dev/zero`, and a thousand brackets can use up a stack. Length, depth, work and the text of a value each have a
//!   limit ([`limits`]), and what goes beyond is an error with a name.
//! - **Lazy.** Substitutions are followed when a value is asked for, and only those that it needs. One that can't be followed is
//!   the error of the values that need it; all others are still there. So a file can be read of which only a part is known.
//! - **In layers.** Documents are laid over each other, and substitutions looked up in the whole, as the notation wants it.
//! - **No file, no environment.** Included texts come from the caller ([`IncludeLoader`]), and so does what is known besides the
//!   documents ([`Config::with_fallback`]). The process's own environment is not asked.
//! - **Errors have a place**: file, line, what was expected.
//!
//! # How a value is found
//!
//! A [`Document`] is a tree in which a name has not one value but a stack of them, the oldest first. What is told at once is told
//! when the text is read: a plain text hides what lies below it, two objects are merged. A substitution can be told later only;
//! it stays on the stack. To ask for a value is to go down the names of its path, and at each name down the stack until
//! something hides the rest. A substitution that is met on its own way refers to what lies below it in its stack: that is what
//! makes `path = ${path}":/opt/bin"` an addition and no circle.

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
