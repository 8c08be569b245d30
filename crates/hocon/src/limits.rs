//! What is too much. Real files stay below a tenth of each.

/// Longest text of one file, in bytes.
pub const FILE_BYTES: usize = 256 << 10;

/// Objects and lists inside each other.
pub const NESTING: usize = 64;

/// Names of a path, with those of the objects around it.
pub const PATH_ELEMENTS: usize = 128;

/// Files that include each other.
pub const INCLUDE_DEPTH: usize = 16;

/// Values that are looked at for one that was asked for.
pub const STEPS: usize = 100_000;

/// Substitutions that lead to one another.
pub const SUBSTITUTION_DEPTH: usize = 128;

/// Longest text of one value, in bytes.
pub const VALUE_BYTES: usize = 64 << 10;
