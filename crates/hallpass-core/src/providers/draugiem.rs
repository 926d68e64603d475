//! Draugiem's passport: a protocol of its own.
//!
//! 1. The visitor is sent there with the address to come back to and a hash of it and the app's key: MD5, as it demands.
//! 2. They come back with a code, which becomes a key for its interface, and with it comes who they are.
//!
//! It carries no state: ours is in the address to come back to, over which the hash goes.

use md5::{Digest as _, Md5};
use serde_json::{Map, Value};

use super::path::Gathered;
use super::template::{self, Known};
use super::{Ask, Begun, Call, Fault, Found, Params, Tokens, grant, profile, quoted};
use crate::outbound::Request;
use crate::settings::Secret;

/// Step 1.
///
/// # Errors
/// [`Fault::Misconfigured`]
pub(super) fn begin(call: &Call<'_>, ask: &Ask) -> Result<Begun, Fault> {
    let nothing = Gathered::default();
    let known = known(call, &nothing);
    let mut parameters = grant::more(&known, ask)?;
    let hashed = format!("{}{}", call.app.secret.reveal(), call.redirect_uri);
    let hash = Md5::digest(hashed.as_bytes());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    parameters.extend([
        ("app".to_owned(), call.app.client_id.clone()),
        ("hash".to_owned(), hash),
        ("redirect".to_owned(), call.redirect_uri.to_owned()),
    ]);
    let authorize = call.provider.authorize.as_ref();
    let url = authorize.and_then(|authorize| authorize.url.as_ref());
    let url = url.ok_or_else(|| wrong("there is no address to send visitors to"))?;
    Ok(Begun {
        url: grant::address(call, &url.address(&known)?, &parameters)?,
        kept: Map::new(),
    })
}

/// Step 2.
///
/// # Errors
/// [`Fault`]
pub(super) async fn finish(call: &Call<'_>, params: &Params) -> Result<Found, Fault> {
    match params.get("dr_auth_status").map(String::as_str) {
        Some("ok") => {}
        Some(other) => return Err(Fault::Denied(format!("Draugiem says {}", quoted(other)))),
        None => return Err(invalid("it does not say how it went")),
    }
    let code = params
        .get(&call.provider.callback.code)
        .map_or("", String::as_str);
    if code.is_empty() || code.len() > 1024 {
        return Err(invalid("no code came back"));
    }
    let nothing = Gathered::default();
    let token = call.provider.token.as_ref();
    let token = token.ok_or_else(|| wrong("there is no address for tokens"))?;
    let request = Request::get(token.url.address(&known(call, &nothing))?)
        .query("action", "authorize")
        .query("app", call.app.secret.reveal())
        .query("code", code);
    let answer = grant::object(&call.outbound.send(request).await?, "Draugiem")?;
    let key = answer
        .get("apikey")
        .and_then(Value::as_str)
        .filter(|key| !key.is_empty());
    let key = Secret::new(key.ok_or_else(|| invalid("no key came"))?);
    let uid = answer.get("uid").and_then(template::scalar);
    let uid = uid.ok_or_else(|| invalid("it does not say who it is"))?;
    // Of all the people in the answer, the one whose key it is.
    let person = answer.get("users").and_then(|users| users.get(&uid));
    let person = person.and_then(Value::as_object);
    let mut whole = person
        .ok_or_else(|| invalid("it does not say who it is"))?
        .clone();
    whole.insert("uid".to_owned(), uid.into());
    let gathered = Gathered {
        whole,
        ..Gathered::default()
    };
    Ok(Found {
        profile: profile::read(call, &gathered)?,
        tokens: Some(Tokens {
            token: key,
            token_secret: None,
            expires_at: None,
        }),
        once: None,
    })
}

fn known<'a>(call: &'a Call<'a>, gathered: &'a Gathered) -> Known<'a> {
    Known {
        call,
        gathered,
        access_token: None,
    }
}

fn invalid(what: &str) -> Fault {
    Fault::Invalid(format!("Draugiem: {what}"))
}

fn wrong(what: &str) -> Fault {
    Fault::Misconfigured(format!("Draugiem: {what}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hallpass_testkit::web::{Said, Web};
    use serde_json::json;

    use super::super::example::Example;
    use super::*;

    async fn setting(answer: Value) -> (Example, Web) {
        let web = Web::start(move |_| Said::json(&answer)).await;
        let description = include_str!("../../providers/draugiem.toml");
        let description = description.replace("https://", &format!("{}/", web.origin()));
        (Example::new(&description), web)
    }

    fn right() -> Value {
        json!({"apikey": "key-9", "uid": "4915063", "users": {
            "4915063": {"uid": 4_915_063, "name": "Zane", "surname": "Ozola", "nick": "zozo"},
            "1": {"uid": 1, "name": "Boss"},
        }})
    }

    fn back(status: &str, code: &str) -> Params {
        Params::from([
            ("dr_auth_status".to_owned(), status.to_owned()),
            ("dr_auth_code".to_owned(), code.to_owned()),
        ])
    }

    #[tokio::test]
    async fn a_visitor_goes_there_and_comes_back_as_somebody() {
        let (example, web) = setting(right()).await;
        let begun = begin(&example.call(), &Ask::default()).unwrap();
        let url = url::Url::parse(&begun.url).unwrap();
        let given: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(given["app"], "client-1");
        assert_eq!(given["redirect"], example.call().redirect_uri);
        // md5sum of "secret-1" and the address.
        assert_eq!(given["hash"], "b8308060597d5b8f39efb534f559525c");
        let found = finish(&example.call(), &back("ok", "code-1"))
            .await
            .unwrap();
        let asked = &web.asked()[0];
        for (name, value) in [
            ("action", "authorize"),
            ("app", "secret-1"),
            ("code", "code-1"),
        ] {
            assert_eq!(asked.field(name).as_deref(), Some(value));
        }
        assert_eq!(found.profile.uid, "4915063");
        assert_eq!(found.profile.first_name.as_deref(), Some("Zane"));
        assert_eq!(found.tokens.unwrap().token.reveal(), "key-9");
    }

    #[tokio::test]
    async fn what_is_not_right_is_refused() {
        let (example, web) = setting(right()).await;
        let denied = finish(&example.call(), &back("failed", "")).await;
        assert!(matches!(denied, Err(Fault::Denied(_))));
        for params in [back("ok", ""), Params::new()] {
            let refused = finish(&example.call(), &params).await;
            assert!(matches!(refused, Err(Fault::Invalid(_))));
        }
        assert!(web.asked().is_empty());
        for (name, value) in [
            ("apikey", json!(null)),
            ("apikey", json!("")),
            ("uid", json!(null)),
            ("uid", json!("2")),
            ("uid", json!({})),
            ("users", json!([])),
            ("users", json!({"4915063": null})),
        ] {
            let mut answer = right();
            answer[name] = value;
            let (example, _web) = setting(answer).await;
            let refused = finish(&example.call(), &back("ok", "code-1")).await;
            assert!(
                matches!(refused, Err(Fault::Invalid(_))),
                "{name}: {refused:?}"
            );
        }
        let (example, _web) = setting(json!({"error": {"code": 1}})).await;
        let denied = finish(&example.call(), &back("ok", "code-1")).await;
        assert!(matches!(denied, Err(Fault::Denied(_))), "{denied:?}");
    }
}
