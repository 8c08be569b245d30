//! A process's command line and environment.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::command_line(bytes));
