#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chatfold_fuzz::fuzzed::snapshot::check(data));
