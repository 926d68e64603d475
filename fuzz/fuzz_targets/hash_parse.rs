//! A password column, as a damaged or hostile database holds it, is read; nothing is hashed but MD5.

#![no_main]

use hallpass_django::hashers::{Hasher, Hashers, Scratch, identify, summary};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|column: &str| {
    let _ = (identify(column), summary(column));
    // Parameters of all hashers are read here.
    let _ = Hashers::hallpass().must_update(column);
    let hashers = Hashers::new(vec![Hasher::Md5]).expect("one hasher");
    let _ = hashers.verify("password", column, &mut Scratch::default());
});
