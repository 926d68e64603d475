#![no_main]

use libfuzzer_sys::fuzz_target;
use hallpass_django::hashers::{Hasher, Hashers, Scratch, identify, summary};

fuzz_target!(|column: &str| {
    let _ = (identify(column), summary(column));
    let hashers = Hashers::new(vec![Hasher::Md5]).expect("one hasher");
    let _ = hashers.verify("password", column, &mut Scratch::default());
});
