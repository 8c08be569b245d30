//! The limits. Real files stay below a tenth of each.

/// Maximum length of one file, in bytes.
pub const FILE_BYTES: usize = 256 << 10;

/// Maximum nesting depth of objects and lists.
pub const NESTING: usize = 64;

/// Maximum number of names in a path, including those of the enclosing objects.
pub const PATH_ELEMENTS: usize = 128;

/// Maximum nesting depth of includes.
pub const INCLUDE_DEPTH: usize = 16;

/// Maximum number of values that one query visits.
pub const STEPS: usize = 100_000;

/// Maximum length of a chain of substitutions.
pub const SUBSTITUTION_DEPTH: usize = 128;

/// Maximum length of the text of one value, in bytes.
pub const VALUE_BYTES: usize = 64 << 10;
