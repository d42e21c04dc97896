//! The fuzzer of [`fuzz::normalisers`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::normalisers(bytes));
