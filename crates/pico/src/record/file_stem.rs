//! How the files of a resource are called.

use std::fmt::Write;

/// Bytes of a file's name, on every file system that a record or a dump may be on.
const LONGEST_FILE_NAME: usize = 255;

/// What [`host::private_files::replace_atomically`] adds to a name, at most.
const TEMPORARY_SUFFIX_LEN: usize = ".4194304.new".len();

/// The resource's name, as its call gives it, as the beginning of the name of a file to which `rest` bytes are added: what is not
/// a letter, digit, `_`, `-` or `.` (the `:` of a clone's instance) is written `%XX`, which the call has done already for what is
/// not printable. Of one that is too long the beginning and, behind a `~` that no other has, a hash of all of it.
#[must_use]
pub fn file_stem(resource: &str, rest: usize) -> String {
    let mut name = String::new();
    for byte in resource.bytes() {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'%')
            || (byte == b'.' && !name.is_empty())
        {
            name.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    let longest = LONGEST_FILE_NAME - TEMPORARY_SUFFIX_LEN - rest;
    if name.len() > longest {
        let hash = format!("~{:032x}", fnv1a_128(resource));
        name.truncate(longest - hash.len());
        name += &hash;
    }
    name
}

/// FNV-1a, here with 128 bits. No record is taken for another's by it alone: each names its resource.
fn fnv1a_128(resource: &str) -> u128 {
    resource.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_stem_is_unique_and_stays_in_the_directory() {
        let name = |resource| file_stem(resource, ".json".len());
        assert_eq!(name("mz-platform_1.x"), "mz-platform_1.x");
        assert_eq!(name("ec:0"), "ec%3A0");
        assert_eq!(name("../../etc/x"), "%2E.%2F..%2Fetc%2Fx");
        assert!(!name("a/b").contains('/'));
        // As the call gives them.
        assert_ne!(name("ec%253A0"), name("ec:0"));
    }

    #[test]
    fn file_stem_truncates_long_names_without_collisions() {
        for rest in [".json", ".online", ".0123456789.4194304.threads"] {
            let longest = LONGEST_FILE_NAME - TEMPORARY_SUFFIX_LEN - rest.len();
            // The longest that the version before could write is still called so.
            assert_eq!(file_stem(&"x".repeat(longest), rest.len()), "x".repeat(longest));
            let cut = ["x", "y"].map(|last| file_stem(&("x".repeat(longest) + last), rest.len()));
            assert_ne!(cut[0], cut[1]);
            assert!(cut.iter().all(|name| name.len() == longest && name.contains('~')), "{cut:?}");
        }
    }
}
