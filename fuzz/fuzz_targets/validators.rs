//! A password that a visitor chooses, and names that are like it.

#![no_main]

use hallpass_django::validators::{UserAttributes, Validator, validate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| {
    let (password, known) = texts;
    let user = UserAttributes {
        username: known,
        email: known,
        ..UserAttributes::default()
    };
    let _ = validate(&Validator::of_a_new_project(), password, Some(&user));
});
