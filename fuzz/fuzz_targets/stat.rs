//! A line of /proc/PID/stat.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::stat(bytes));
