//! The product's registry.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::registry(bytes));
