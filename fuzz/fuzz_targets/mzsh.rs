//! What mzsh says.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::mzsh(bytes));
