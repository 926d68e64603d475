use hallpass_django::csrf::{self, Policy, Request};

use crate::{text, vectors};

#[test]
fn masks() {
    let file = vectors(include_str!("../data/csrf.json"));
    assert_eq!(text(&file, "alphabet").as_bytes(), csrf::ALPHABET);
    for case in file["masked"].as_array().unwrap() {
        let token = text(case, "token");
        assert_eq!(csrf::mask(text(case, "secret"), text(case, "mask")), token);
        assert_eq!(
            csrf::secret_of(token).as_deref(),
            Some(text(case, "secret"))
        );
    }
}

#[test]
fn every_check_in_its_order() {
    let file = vectors(include_str!("../data/csrf.json"));
    let checks = file["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 33);
    for case in checks {
        let given = &case["request"];
        let conf = &given["conf"];
        let cookie = match given.get("cookie") {
            None => Some("abcdefghijklmnopqrstuvwxyz012345"),
            Some(cookie) => cookie.as_str(),
        };
        let request = Request {
            method: given["method"].as_str().unwrap_or("POST"),
            is_secure: given["secure"].as_bool().unwrap_or(false),
            host: "testserver",
            port: if given["secure"].as_bool() == Some(true) {
                443
            } else {
                80
            },
            origin: given["origin"].as_str(),
            referer: given["referer"].as_str(),
            cookie,
            body_token: given["body"].as_str(),
            header_token: given["header"].as_str(),
        };
        let policy = Policy {
            trusted_origins: conf["CSRF_TRUSTED_ORIGINS"]
                .as_array()
                .map(|all| {
                    all.iter()
                        .map(|one| one.as_str().unwrap().to_owned())
                        .collect()
                })
                .unwrap_or_default(),
            cookie_domain: conf["CSRF_COOKIE_DOMAIN"].as_str().map(str::to_owned),
            header_name: "X-Csrftoken".to_owned(),
        };
        assert_eq!(
            csrf::check(&request, &policy).err().as_deref(),
            case["rejected"].as_str(),
            "{case}"
        );
    }
}
