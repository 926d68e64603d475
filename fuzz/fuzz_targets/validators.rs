#![no_main]

use libfuzzer_sys::fuzz_target;
use hallpass_django::validators::{UserAttributes, Validator, validate};

fuzz_target!(|texts: (&str, &str)| {
    let (password, known) = texts;
    let similarity = Validator::from_name("UserAttributeSimilarityValidator", &serde_json::Map::new());
    let all = [similarity.expect("a validator"), Validator::CommonPassword, Validator::NumericPassword];
    let user = UserAttributes { username: known, email: known, ..UserAttributes::default() };
    let _ = validate(&all, password, Some(&user));
});
