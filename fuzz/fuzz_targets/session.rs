#![no_main]

use libfuzzer_sys::fuzz_target;
use hallpass_django::session::{SessionCodec, is_valid_key};
use hallpass_django::signing::SecretKeys;

fuzz_target!(|text: &str| {
    let _ = (SessionCodec::new(&SecretKeys::new("secret", [])).decode(text), is_valid_key(text));
});
