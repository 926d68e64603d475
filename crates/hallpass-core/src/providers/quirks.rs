//! What data cannot say of a provider: signatures of their own, and a shop that is part of the address.

use aws_lc_rs::hmac;
use md5::{Digest, Md5};
use serde_json::{Map, Value};

use super::path::Gathered;
use super::template::{self, Known};
use super::{App, Ask, Call, Fault, Params};

/// The names that a description may use. `pocket` is the one in `oauth1`.
const KNOWN: &[&str] = &["facebook", "mailru", "odnoklassniki", "pocket", "shopify"];

/// Whether a description may name it.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// Before the visitor is sent off.
pub(super) fn begin(
    name: &str,
    ask: &Ask,
    gathered: &mut Gathered,
    kept: &mut Map<String, Value>,
) -> Result<(), Fault> {
    if name == "shopify" {
        let shop = ask.parameters.get("shop").map(String::as_str);
        let shop = Value::String(shop_domain(shop.unwrap_or_default())?);
        gathered.callback.insert("shop".to_owned(), shop.clone());
        kept.insert("shop".to_owned(), shop);
    }
    Ok(())
}

/// When they are back.
pub(super) fn check_callback(
    name: &str,
    call: &Call<'_>,
    kept: &Map<String, Value>,
    params: &Params,
) -> Result<(), Fault> {
    if name == "shopify" {
        let shop = params.get("shop").map(String::as_str);
        // Another shop would answer for people of its own.
        if shop.is_none() || kept.get("shop").and_then(Value::as_str) != shop {
            return Err(Fault::Invalid("the callback is of another shop".to_owned()));
        }
        check_shopify(call.app, params)?;
    }
    Ok(())
}

/// When the token endpoint has answered.
pub(super) fn check_token(name: &str, call: &Call<'_>, answer: &Value) -> Result<(), Fault> {
    if name == "shopify" {
        // Whether the person or the shop is meant is the settings' to choose. A visitor could take it out of the address
        // of the redirect, and be the whole shop.
        let user = answer.get("associated_user").filter(|user| !user.is_null());
        let id = user
            .and_then(|user| user.get("id"))
            .and_then(template::scalar);
        let nobody = user.is_some() && id.is_none_or(|id| id.is_empty());
        if nobody || user.is_some() != is_per_user(call.app) {
            return Err(Fault::Invalid(
                "the token is for a shop instead of a person, or the other way round".to_owned(),
            ));
        }
    }
    Ok(())
}

/// Before the profile is asked.
pub(super) fn on_lookup(name: &str, query: &mut Vec<(String, String)>, known: &Known<'_>) {
    let app = known.call.app;
    let token = known.access_token.unwrap_or_default();
    match name {
        "facebook" => query.push(("appsecret_proof".to_owned(), appsecret_proof(app, token))),
        "mailru" => query.push(("sig".to_owned(), signed(query, app.secret.reveal()))),
        "odnoklassniki" => {
            let secret = md5(&format!("{token}{}", app.secret.reveal()));
            query.push(("sig".to_owned(), signed(query, &secret)));
        }
        _ => {}
    }
}

/// That we, who know the secret, ask with this token: HMAC-SHA256 of it.
fn appsecret_proof(app: &App, token: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, app.secret.reveal().as_bytes());
    hex(hmac::sign(&key, token.as_bytes()).as_ref())
}

/// How Mail.ru and Odnoklassniki sign: MD5 over the parameters in order, and the secret. Weak, and theirs.
fn signed(query: &[(String, String)], secret: &str) -> String {
    let mut pairs: Vec<String> = query
        .iter()
        .filter(|(name, _)| name != "access_token")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.sort();
    md5(&format!("{}{secret}", pairs.concat()))
}

fn md5(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The shop that somebody wants to come in by. It becomes a host, so only what Shopify gives as one.
fn shop_domain(shop: &str) -> Result<String, Fault> {
    let bare = shop.strip_suffix(".myshopify.com").unwrap_or(shop);
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if bare.is_empty() || bare.len() > 63 || bare.starts_with('-') || !bare.chars().all(letters) {
        return Err(Fault::Invalid("the shop is no name of one".to_owned()));
    }
    Ok(format!("{bare}.myshopify.com"))
}

fn is_per_user(app: &App) -> bool {
    let params = app.settings.get("auth_params");
    let option = params.and_then(|params| params.get("grant_options[]"));
    let option = option.and_then(Value::as_str).unwrap_or_default();
    option.trim().eq_ignore_ascii_case("per-user")
}

/// Shopify signs its callbacks: HMAC-SHA256, by the secret, of all other parameters in order.
fn check_shopify(app: &App, params: &Params) -> Result<(), Fault> {
    let invalid = || Fault::Invalid("the callback is not signed by Shopify".to_owned());
    let given = params.get("hmac").ok_or_else(invalid)?;
    let others = params.iter().filter(|(name, _)| *name != "hmac");
    let pairs: Vec<String> = others
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, app.secret.reveal().as_bytes());
    let given = unhex(given).ok_or_else(invalid)?;
    hmac::verify(&key, pairs.join("&").as_bytes(), &given).map_err(|_| invalid())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let pairs = (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok());
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::{Example, LEAST};
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_shop_is_a_name_or_shopifys_host_for_it() {
        for (shop, domain) in [
            ("my-shop", "my-shop.myshopify.com"),
            ("my-shop.myshopify.com", "my-shop.myshopify.com"),
        ] {
            assert_eq!(shop_domain(shop).unwrap(), domain);
        }
        for shop in [
            "",
            ".myshopify.com",
            "evil.example",
            "evil.example/.myshopify.com",
            "a.b.myshopify.com",
            "a.myshopify.com.evil.example",
            "a.myshopify.com\n",
            "A.myshopify.com",
            "a@b.myshopify.com",
            "-a",
            "ü",
        ] {
            assert!(shop_domain(shop).is_err(), "{shop}");
        }
    }

    #[test]
    fn a_callback_is_shopifys_own_and_of_the_same_shop() {
        let example = Example::new(LEAST);
        let kept = json!({"shop": "a.myshopify.com"});
        let kept = kept.as_object().unwrap();
        let signed = |pairs: &[(&str, &str)]| {
            let mut params = params(pairs);
            let text: Vec<String> = params.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret-1");
            let tag = hmac::sign(&key, text.join("&").as_bytes());
            params.insert("hmac".to_owned(), hex(tag.as_ref()));
            params
        };
        let check = |params: &Params| check_callback("shopify", &example.call(), kept, params);
        let good = signed(&[("code", "c"), ("shop", "a.myshopify.com"), ("state", "s")]);
        assert!(check(&good).is_ok());
        let mut other = good.clone();
        other.insert("code".to_owned(), "another".to_owned());
        assert!(check(&other).is_err());
        for hmac in ["", "00", &"0".repeat(64), &"z".repeat(64), &"ü".repeat(32)] {
            let mut forged = good.clone();
            forged.insert("hmac".to_owned(), hmac.to_owned());
            assert!(check(&forged).is_err(), "{hmac}");
        }
        assert!(check(&signed(&[("code", "c"), ("shop", "b.myshopify.com")])).is_err());
        assert!(check(&signed(&[("code", "c")])).is_err());
        assert!(check(&params(&[("shop", "a.myshopify.com")])).is_err());
    }

    #[test]
    fn nobody_becomes_the_shop_by_taking_a_word_out_of_the_redirect() {
        let per_user = json!({"auth_params": {"grant_options[]": "per-user"}});
        for (settings, answer, good) in [
            (json!({}), json!({}), true),
            (json!({}), json!({"associated_user": null}), true),
            (json!({}), json!({"associated_user": {"id": 7}}), false),
            (
                per_user.clone(),
                json!({"associated_user": {"id": 7}}),
                true,
            ),
            (per_user.clone(), json!({}), false),
            (
                per_user.clone(),
                json!({"associated_user": {"id": null}}),
                false,
            ),
            (
                per_user.clone(),
                json!({"associated_user": {"id": ""}}),
                false,
            ),
            (per_user.clone(), json!({"associated_user": {}}), false),
            (per_user, json!({"associated_user": 7}), false),
        ] {
            let example = Example::with(LEAST, settings);
            let checked = check_token("shopify", &example.call(), &answer);
            assert_eq!(checked.is_ok(), good, "{answer}");
        }
    }
}
