//! Tokens against simplejwt's own.

use hallpass_core::domain::Timestamp;
use hallpass_core::domain::jwt::{Claims, Jwts, Rejected, Terms};
use serde_json::{Value, json};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../data/simplejwt.json")).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn claims(value: &Value) -> Claims {
    value.as_object().unwrap().clone()
}

fn hs256(secret: &str) -> Jwts {
    Jwts::new("HS256", secret, "", Terms::default()).unwrap()
}

#[test]
fn tokens_are_made_to_the_byte_and_read_back() {
    let vectors = vectors();
    let now = Timestamp::from_seconds(vectors["time"].as_i64().unwrap());
    for vector in vectors["tokens"].as_array().unwrap() {
        let jwts = hs256(text(vector, "key"));
        let payload = claims(&vector["payload"]);
        assert_eq!(jwts.encode(&payload).unwrap(), text(vector, "token"));
        assert_eq!(jwts.decode(text(vector, "token"), now).unwrap(), payload);
    }
}

#[test]
fn every_algorithm_agrees() {
    let vectors = vectors();
    let now = Timestamp::from_seconds(vectors["time"].as_i64().unwrap());
    for vector in vectors["backends"].as_array().unwrap() {
        let algorithm = text(vector, "algorithm");
        let signing = match vector.get("key") {
            Some(key) => key.as_str().unwrap(),
            None => text(vector, "private_key"),
        };
        let terms = Terms {
            audience: vector.get("audience").cloned(),
            issuer: vector["issuer"].as_str().map(str::to_owned),
            leeway: 0,
        };
        let jwts = Jwts::new(algorithm, signing, text(vector, "public_key"), terms).unwrap();
        let token = text(vector, "token");
        let read = jwts.decode(token, now).unwrap();
        for (name, value) in &claims(&vector["payload"]) {
            assert_eq!(read.get(name), Some(value), "{algorithm} {name}");
        }
        let made = jwts.encode(&claims(&vector["payload"])).unwrap();
        if algorithm.starts_with("ES") {
            assert_eq!(
                made.rsplit_once('.').unwrap().0,
                token.rsplit_once('.').unwrap().0
            );
            jwts.decode(&made, now).unwrap();
        } else {
            assert_eq!(made, token, "{algorithm}");
        }
        assert_eq!(
            jwts.key_set().unwrap()["keys"].as_array().unwrap().len(),
            usize::from(!algorithm.starts_with("HS"))
        );
    }
}

#[test]
fn what_simplejwt_rejects_is_rejected() {
    let vectors = vectors();
    let jwts = hs256(text(&vectors, "secret"));
    let now = Timestamp::from_seconds(vectors["time"].as_i64().unwrap());
    for check in vectors["checks"].as_array().unwrap() {
        let case = text(check, "case");
        // What a kind of token must have beside is the flow's business: there these are asked again.
        if ["access as refresh", "no exp", "no jti", "no token_type"].contains(&case) {
            continue;
        }
        let read = jwts.decode(text(check, "token"), now);
        assert_eq!(read.is_ok(), check["accepted"].as_bool().unwrap(), "{case}");
        let expired = read == Err(Rejected::Expired);
        assert_eq!(expired, case == "expired", "{case}");
    }
}

#[test]
fn edges_of_time_and_terms() {
    let token = |jwts: &Jwts, claims: Value| jwts.encode(&self::claims(&claims)).unwrap();
    let jwts = hs256("secret");
    let at = Timestamp::from_seconds;
    let short = token(&jwts, json!({ "exp": 1000, "iat": 900 }));
    assert!(jwts.decode(&short, at(999)).is_ok());
    assert_eq!(jwts.decode(&short, at(1000)), Err(Rejected::Expired));
    assert_eq!(jwts.decode(&short, at(899)), Err(Rejected::Invalid));
    let terms = Terms {
        audience: Some(json!(["a", "b"])),
        issuer: Some("me".to_owned()),
        leeway: 10,
    };
    let strict = Jwts::new("HS256", "secret", "", terms).unwrap();
    assert_eq!(strict.decode(&short, at(950)), Err(Rejected::Invalid));
    let mine = token(&strict, json!({ "exp": 1000, "iat": 900 }));
    assert!(strict.decode(&mine, at(1009)).is_ok() && strict.decode(&mine, at(890)).is_ok());
    assert_eq!(strict.decode(&mine, at(1010)), Err(Rejected::Expired));
    for bad in [
        "",
        ".",
        "..",
        "a.b.c",
        &mine[..mine.len() - 1],
        &format!("{mine}a"),
    ] {
        assert_eq!(strict.decode(bad, at(950)), Err(Rejected::Invalid), "{bad}");
    }
    assert!(Jwts::new("none", "", "", Terms::default()).is_err());
    assert!(Jwts::new("RS256", "no pem", "no pem", Terms::default()).is_err());
}
