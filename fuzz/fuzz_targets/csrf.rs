#![no_main]

use libfuzzer_sys::fuzz_target;
use hallpass_django::csrf::{Policy, Request, check, secret_of};

fuzz_target!(|texts: (&str, &str, &str)| {
    let (cookie, token, origin) = texts;
    let request = Request {
        method: "POST",
        host: "localhost",
        origin: Some(origin),
        cookie: Some(cookie),
        body_token: Some(token),
        ..Request::default()
    };
    let _ = (check(&request, &Policy::default()), secret_of(cookie));
});
