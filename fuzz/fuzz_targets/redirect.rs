#![no_main]

use libfuzzer_sys::fuzz_target;
use hallpass_django::redirect::{is_safe, split_host};

fuzz_target!(|url: &str| {
    let _ = (is_safe(url, false, |host| host == "localhost"), split_host(url));
});
