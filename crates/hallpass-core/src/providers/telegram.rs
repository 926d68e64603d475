//! Telegram's login: what it says of a person, signed with the bot's token.
//!
//! The visitor comes back with the data behind `#` in the address, `tgAuthResult`, which a script on our page posts; the
//! widget with `data-auth-url` puts the same fields into the query. Either way they pass through the browser, so they are
//! worth what their signature is: it must be Telegram's, of just now, and is taken once.
//!
//! `client_id` is the bot's number, the app's secret the bot's token. The setting `auth_date_validity` says for how many
//! seconds an answer counts.

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use url::Url;

use super::path::Gathered;
use super::template::{self, Known};
use super::{Ask, Begun, Call, Fault, Found, Params, grant, profile};
use crate::domain::{Timestamp, secret};

/// More than Telegram ever says.
const LONGEST: usize = 8192;

/// Seconds by which clocks may differ.
const LEEWAY: i64 = 60;

/// What the widget puts into a query.
const FIELDS: [&str; 6] = [
    "auth_date",
    "first_name",
    "id",
    "last_name",
    "photo_url",
    "username",
];

/// Where the visitor goes.
///
/// # Errors
/// [`Fault::Misconfigured`]
pub(super) fn begin(call: &Call<'_>, ask: &Ask) -> Result<Begun, Fault> {
    let nothing = Gathered::default();
    let known = Known {
        call,
        gathered: &nothing,
        access_token: None,
    };
    let back = Url::parse(call.redirect_uri).map_err(|_| wrong("our own address is none"))?;
    let mut parameters = grant::more(&known, ask)?;
    parameters.extend([
        ("bot_id".to_owned(), call.app.client_id.clone()),
        ("origin".to_owned(), back.origin().ascii_serialization()),
        ("return_to".to_owned(), call.redirect_uri.to_owned()),
    ]);
    let authorize = call.provider.authorize.as_ref();
    let url = authorize.and_then(|authorize| authorize.url.as_ref());
    let url = url.ok_or_else(|| wrong("there is no address to send visitors to"))?;
    Ok(Begun {
        url: grant::address(call, &url.address(&known)?, &parameters)?,
        kept: Map::new(),
    })
}

/// Who came back.
///
/// # Errors
/// [`Fault`]
pub(super) fn finish(call: &Call<'_>, params: &Params) -> Result<Found, Fault> {
    let mut said = match params.get("tgAuthResult").map(String::as_str) {
        // What the page says when the visitor closed the window.
        Some("" | "false") => return Err(Fault::Cancelled),
        Some(packed) => unpacked(packed)?,
        None => {
            let names = FIELDS.iter().chain(&["hash"]);
            let found = names.filter_map(|name| Some((name, params.get(*name)?)));
            found
                .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
                .collect()
        }
    };
    let signature = match said.shift_remove("hash") {
        Some(Value::String(signature)) => signature,
        _ => return Err(invalid("it is not signed")),
    };
    check_signature(call, &said, &signature)?;
    let made = said.shift_remove("auth_date");
    let made = made.as_ref().and_then(template::scalar);
    let made: Option<i64> = made.and_then(|made| made.parse().ok());
    let end = check_time(
        call,
        made.ok_or_else(|| invalid("it does not say when it was made"))?,
    )?;
    let gathered = Gathered {
        whole: said,
        ..Gathered::default()
    };
    Ok(Found {
        profile: profile::read(call, &gathered)?,
        tokens: None,
        once: Some((secret::digest(&format!("telegram\n{signature}")), end)),
    })
}

fn unpacked(packed: &str) -> Result<Map<String, Value>, Fault> {
    let none = || invalid("it is no answer of Telegram's");
    if packed.len() > LONGEST {
        return Err(none());
    }
    let bare = packed.trim_end_matches('=');
    let bytes = STANDARD_NO_PAD
        .decode(bare)
        .or_else(|_| URL_SAFE_NO_PAD.decode(bare));
    serde_json::from_slice(&bytes.map_err(|_| none())?).map_err(|_| none())
}

/// All that was said, a line each in order of their names, under the hash of the bot's token.
fn check_signature(
    call: &Call<'_>,
    said: &Map<String, Value>,
    signature: &str,
) -> Result<(), Fault> {
    let token = call.app.secret.reveal();
    // With an empty key anybody could sign.
    if token.is_empty() {
        return Err(wrong("the app needs the bot's token as its secret"));
    }
    let mut lines = BTreeMap::new();
    for (name, value) in said {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            _ => return Err(invalid("it says more than texts and numbers")),
        };
        // A line end in a value would make of one field two.
        if name.contains(['\n', '=']) || text.contains('\n') {
            return Err(invalid("a field has a line end"));
        }
        lines.insert(name.as_str(), text);
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|(name, text)| format!("{name}={text}"))
        .collect();
    let key = digest::digest(&digest::SHA256, token.as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_ref());
    let expected = hmac::sign(&key, lines.join("\n").as_bytes());
    let expected: String = expected
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    verify_slices_are_equal(expected.as_bytes(), signature.as_bytes())
        .map_err(|_| invalid("its signature is not the bot's"))
}

/// When it is over.
fn check_time(call: &Call<'_>, made: i64) -> Result<Timestamp, Fault> {
    let nothing = Gathered::default();
    let known = Known {
        call,
        gathered: &nothing,
        access_token: None,
    };
    let life = template::parameter(&known, "auth_date_validity", 0)?;
    let life: i64 = life
        .parse()
        .ok()
        .filter(|life| (1..=86_400).contains(life))
        .ok_or_else(|| wrong("auth_date_validity is a number of seconds, a day at most"))?;
    let now = call.now.seconds();
    if made > now.saturating_add(LEEWAY) {
        return Err(invalid("it is of the future"));
    }
    if made < now - life {
        return Err(invalid("it is too old"));
    }
    Ok(Timestamp::from_seconds(made + life + 1))
}

fn invalid(what: &str) -> Fault {
    Fault::Invalid(format!("Telegram: {what}"))
}

fn wrong(what: &str) -> Fault {
    Fault::Misconfigured(format!("Telegram: {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::{Example, members};
    use super::*;
    use crate::settings::Secret;

    const DESCRIPTION: &str = include_str!("../../providers/telegram.toml");
    const NOW: i64 = 1_800_000_000;

    fn example() -> Example {
        let mut example = Example::new(DESCRIPTION);
        example.app.client_id = "12345".to_owned();
        example.app.secret = Secret::new("12345:bot-token");
        example
    }

    fn said() -> Value {
        json!({"id": 5_108_842_719_i64, "first_name": "Dafina", "username": "dafinak", "auth_date": NOW})
    }

    /// As Telegram signs it, by a way of the test's own.
    fn sign(said: &Value, token: &str) -> Value {
        let mut lines: Vec<String> = members(said.clone())
            .iter()
            .map(|(name, value)| format!("{name}={}", template::scalar(value).unwrap_or_default()))
            .collect();
        lines.sort();
        let key = digest::digest(&digest::SHA256, token.as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_ref());
        let signature = hmac::sign(&key, lines.join("\n").as_bytes());
        let hex: Vec<String> = signature
            .as_ref()
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        let mut said = said.clone();
        said["hash"] = hex.concat().into();
        said
    }

    fn packed(said: &Value) -> Params {
        let packed = STANDARD_NO_PAD.encode(said.to_string());
        Params::from([
            ("tgAuthResult".to_owned(), packed),
            ("state".to_owned(), "state-1".to_owned()),
        ])
    }

    fn invalid(example: &Example, params: &Params) {
        let refused = finish(&example.call(), params);
        assert!(matches!(refused, Err(Fault::Invalid(_))), "{refused:?}");
    }

    #[test]
    fn a_visitor_goes_there_and_comes_back_as_somebody() {
        let example = example();
        let begun = begin(&example.call(), &Ask::default()).unwrap();
        let url = Url::parse(&begun.url).unwrap();
        let given: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(given["bot_id"], "12345");
        assert_eq!(given["origin"], "https://app.example");
        assert_eq!(given["return_to"], example.call().redirect_uri);
        assert_eq!(given["request_access"], "write");
        let signed = sign(&said(), "12345:bot-token");
        let found = finish(&example.call(), &packed(&signed)).unwrap();
        assert_eq!(found.profile.uid, "5108842719");
        assert_eq!(found.profile.username.as_deref(), Some("dafinak"));
        assert_eq!(found.profile.extra_data.get("hash"), None);
        // Taken once, and for as long as it could come again.
        let (mark, end) = found.once.unwrap();
        assert_eq!(end.seconds(), NOW + 31);
        assert_eq!(
            finish(&example.call(), &packed(&signed))
                .unwrap()
                .once
                .unwrap()
                .0,
            mark
        );
    }

    #[test]
    fn the_widget_puts_it_into_the_query() {
        let example = example();
        let signed = members(sign(&said(), "12345:bot-token"));
        let text = |value: &Value| template::scalar(value).unwrap();
        let mut params: Params = signed
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        params.insert("state".to_owned(), "state-1".to_owned());
        assert_eq!(
            finish(&example.call(), &params).unwrap().profile.uid,
            "5108842719"
        );
        params.insert("id".to_owned(), "1".to_owned());
        invalid(&example, &params);
    }

    #[test]
    fn a_known_answer() {
        // Signed by Python's hmac, as allauth does it.
        let mut example = example();
        example.app.secret = Secret::new("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw");
        let said = json!({
            "id": 1, "first_name": "Ä b", "auth_date": NOW,
            "hash": "40f6e6ebffbf1a5eb3e7a5f7796d76ae71520a16145f4ace74bd49b117f2e847",
        });
        assert!(finish(&example.call(), &packed(&said)).is_ok());
    }

    #[test]
    fn whatever_is_changed_breaks_the_signature() {
        let example = example();
        let good = sign(&said(), "12345:bot-token");
        for (name, value) in [
            ("id", json!(1)),
            ("id", json!([5_108_842_719_i64])),
            ("username", json!("boss")),
            ("username", json!(null)),
            ("more", json!("x")),
            ("auth_date", json!(NOW + 1)),
            ("hash", json!("")),
            ("hash", json!(null)),
            ("hash", json!(good["hash"].as_str().unwrap().to_uppercase())),
        ] {
            let mut said = good.clone();
            said[name] = value;
            invalid(&example, &packed(&said));
        }
        invalid(&example, &packed(&sign(&said(), "54321:other")));
        invalid(&example, &packed(&sign(&said(), "")));
        // Who calls himself so has two fields in one, which could be told apart otherwise: with another id.
        let name = json!({"auth_date": NOW, "first_name": "x\nid=5\nlast_name=y", "id": 1});
        let signed = sign(&name, "12345:bot-token");
        let forged = json!({"auth_date": NOW, "first_name": "x", "id": 5,
            "last_name": "y\nid=1", "hash": signed["hash"]});
        invalid(&example, &packed(&forged));
        for text in ["!", "e30", "bnVsbA", &"A".repeat(9000)] {
            let params = Params::from([("tgAuthResult".to_owned(), text.to_owned())]);
            invalid(&example, &params);
        }
        invalid(&example, &Params::new());
    }

    #[test]
    fn it_is_of_just_now() {
        let mut example = example();
        let at = |seconds: i64| {
            let mut said = said();
            said["auth_date"] = json!(seconds);
            packed(&sign(&said, "12345:bot-token"))
        };
        for good in [NOW - 30, NOW, NOW + 60] {
            assert!(finish(&example.call(), &at(good)).is_ok(), "{good}");
        }
        for bad in [NOW - 31, NOW + 61, 0, i64::MAX, i64::MIN] {
            invalid(&example, &at(bad));
        }
        example.app.settings = members(json!({"auth_date_validity": 100}));
        assert!(finish(&example.call(), &at(NOW - 100)).is_ok());
        for wrong in [json!(0), json!("x"), json!(-1), json!(90_000)] {
            example.app.settings = members(json!({"auth_date_validity": wrong}));
            let fault = finish(&example.call(), &at(NOW)).unwrap_err();
            assert!(matches!(fault, Fault::Misconfigured(_)));
        }
    }

    #[test]
    fn without_a_bots_token_nobody_comes_in() {
        let mut example = example();
        example.app.secret = Secret::new("");
        let fault = finish(&example.call(), &packed(&sign(&said(), ""))).unwrap_err();
        assert!(matches!(fault, Fault::Misconfigured(_)));
        let closed = Params::from([("tgAuthResult".to_owned(), "false".to_owned())]);
        assert_eq!(
            finish(&example.call(), &closed).unwrap_err(),
            Fault::Cancelled
        );
    }
}
