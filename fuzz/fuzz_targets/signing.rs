#![no_main]

use libfuzzer_sys::fuzz_target;
use hallpass_django::signing::{DUMPS_SALT, SecretKeys, Signer};

fuzz_target!(|text: &str| {
    let signer = Signer::new(&SecretKeys::new("secret", []), DUMPS_SALT);
    let _ = signer.loads(text, 0, Some(1));
    let _ = signer.loads(&signer.sign_timed(text, 0), 0, None);
});
