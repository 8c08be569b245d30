//! What an agent is called with.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::environment(bytes));
