//! Limits. Real files stay below a tenth of each.

/// Longest text of one file, in bytes.
pub const FILE_BYTES: usize = 256 << 10;

/// Nesting depth of objects and lists.
pub const NESTING: usize = 64;

/// Names of a path, with those of the enclosing objects.
pub const PATH_ELEMENTS: usize = 128;

/// Nesting depth of includes.
pub const INCLUDE_DEPTH: usize = 16;

/// Values visited for one query.
pub const STEPS: usize = 100_000;

/// Length of a chain of substitutions.
pub const SUBSTITUTION_DEPTH: usize = 128;

/// Longest text of one value, in bytes.
pub const VALUE_BYTES: usize = 64 << 10;
