//! The name of a resource as text and as a part of a file name. The name may be any bytes of any
//! length. Both forms differ for any two names that differ.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

/// The name as [`Invocation::instance`](crate::Invocation::instance) returns it: printable ASCII
/// unchanged, `%` and every other byte as `%XX`.
#[must_use]
pub fn encode_instance_name(name: &OsStr) -> String {
    let mut text = String::new();
    for &byte in name.as_bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            text.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// An encoded name for a file: without `/`, and at most `longest` bytes. A longer name becomes its
/// beginning, `~` and a hash of the whole name. A short name never contains `~`.
pub(crate) fn instance_file_name(instance: &str, longest: usize) -> String {
    let mut name = instance.replace('/', "%2F").replace('~', "%7E");
    if name.len() > longest {
        let hash = format!("~{:032x}", fnv1a_128(instance.as_bytes()));
        name.truncate(longest.saturating_sub(hash.len()));
        name += &hash;
    }
    name
}

/// FNV-1a with 128 bits. Its value is the same in every version and build; std's hashers do not
/// promise that. It need not resist an attack: only root of the cluster can name a resource.
fn fnv1a_128(bytes: &[u8]) -> u128 {
    let step = |hash: u128, byte: &u8| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    };
    bytes.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn instance_name_is_kept_if_printable_else_percent_encoded() {
        assert_eq!(encode_instance_name(OsStr::new("mz-ec1:0")), "mz-ec1:0");
        assert_eq!(encode_instance_name(OsStr::from_bytes(b"mz-\xe4\n%")), "mz-%E4%0A%25");
        assert_eq!(instance_file_name("mz-ec1:0", 200), "mz-ec1:0");
    }

    #[test]
    fn fnv1a_128_matches_published_vectors() {
        assert_eq!(fnv1a_128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a_128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    proptest! {
        #[test]
        fn instance_names_stay_distinct_as_text_and_as_file_name(
            one in prop::collection::vec(1u8.., 1..60), other in prop::collection::vec(1u8.., 1..60),
            longest in 40usize..80,
        ) {
            let names = [one.as_slice(), other.as_slice()].map(|name| encode_instance_name(OsStr::from_bytes(name)));
            let files = names.clone().map(|name| instance_file_name(&name, longest));
            prop_assert!(names.iter().all(|name| name.bytes().all(|b| (b' '..=b'~').contains(&b))));
            prop_assert!(files.iter().all(|file| file.len() <= longest && !file.contains('/')));
            prop_assert_eq!(one == other, names[0] == names[1]);
            prop_assert_eq!(one == other, files[0] == files[1]);
        }
    }
}
