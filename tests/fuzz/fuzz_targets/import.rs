#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| otrd_fuzz::targets::import(input));
