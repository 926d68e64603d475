#![no_main]

use libfuzzer_sys::fuzz_target;
use hallpass_django::reset_token::{ResetTokens, TokenUser, decode_uid, decode_uid_base36};
use hallpass_django::signing::SecretKeys;

fuzz_target!(|text: &str| {
    let tokens = ResetTokens::new(&SecretKeys::new("secret", []), jiff::tz::TimeZone::UTC, 60);
    let user = TokenUser { pk: "1", password: "x", last_login: Some(1), email: "a@b.c" };
    assert!(!tokens.check(user, text, 0));
    let _ = (decode_uid(text), decode_uid_base36(text));
});
