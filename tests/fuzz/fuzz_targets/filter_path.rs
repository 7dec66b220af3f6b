//! A filter and its input: see `checks::filter_path`.

#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::filter_path(input));
