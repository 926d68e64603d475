//! Whoever comes types who they are, and is believed: for development and tests, and for nothing else.
//!
//! The visitor is sent to a page of ours, `<provider>/authenticate/`, whose form has the fields of [`FIELDS`] and comes
//! back as any callback does. A program hands the same over as JSON in the place of an id token.

use serde_json::{Map, Value};
use url::Url;

use super::path::Gathered;
use super::template;
use super::{Ask, Begun, Call, Fault, Found, Handed, Params, profile};
use crate::settings::Secret;

/// What is typed.
pub const FIELDS: [&str; 8] = [
    "id",
    "email",
    "email_verified",
    "username",
    "first_name",
    "last_name",
    "phone",
    "phone_verified",
];

/// More is nobody.
const LONGEST: usize = 4096;

/// Where the visitor goes: no further than to us.
///
/// # Errors
/// [`Fault::Misconfigured`]
pub(super) fn begin(call: &Call<'_>, ask: &Ask) -> Result<Begun, Fault> {
    let door = call.redirect_uri.strip_suffix("login/callback/");
    let url = door.map(|door| Url::parse(&format!("{door}authenticate/")));
    let mut url = match url {
        Some(Ok(url)) => url,
        _ => return Err(Fault::Misconfigured("our own address is none".to_owned())),
    };
    url.query_pairs_mut().append_pair("state", &ask.state);
    Ok(Begun {
        url: url.into(),
        kept: Map::new(),
    })
}

/// Who came back.
///
/// # Errors
/// [`Fault`]
pub(super) fn finish(call: &Call<'_>, params: &Params) -> Result<Found, Fault> {
    if params
        .get("action")
        .is_some_and(|action| action == "cancel")
        || params.contains_key("error")
    {
        return Err(Fault::Cancelled);
    }
    let typed = params
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    found(call, &typed.collect())
}

/// Who a client says that it is.
///
/// # Errors
/// [`Fault`]
pub(super) fn by_token(call: &Call<'_>, handed: &Handed) -> Result<Found, Fault> {
    let token = handed.id_token.as_ref().map(Secret::reveal);
    let token = token.filter(|token| token.len() <= LONGEST);
    let typed = token.and_then(|token| serde_json::from_str(token).ok());
    let typed = typed.ok_or_else(|| Fault::Invalid("it is nobody".to_owned()))?;
    found(call, &typed)
}

fn found(call: &Call<'_>, typed: &Map<String, Value>) -> Result<Found, Fault> {
    let mut whole = Map::new();
    for name in FIELDS {
        let text = typed
            .get(name)
            .and_then(template::scalar)
            .unwrap_or_default();
        let text = text.trim();
        let value = match name {
            // A number, and one spelling of it.
            "id" => match text.parse::<i64>() {
                Ok(number) => number.into(),
                Err(_) => return Err(Fault::Invalid("the id is no number".to_owned())),
            },
            "email_verified" | "phone_verified" => {
                let no = ["", "0", "false", "off"];
                Value::Bool(!no.contains(&text.to_lowercase().as_str()))
            }
            _ => text.into(),
        };
        whole.insert(name.to_owned(), value);
    }
    let gathered = Gathered {
        whole,
        ..Gathered::default()
    };
    Ok(Found {
        profile: profile::read(call, &gathered)?,
        tokens: None,
        once: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::Example;
    use super::*;

    const DESCRIPTION: &str = include_str!("../../providers/dummy.toml");

    fn typed(fields: &[(&str, &str)]) -> Params {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(own).collect()
    }

    #[test]
    fn whoever_is_typed_comes_back() {
        let example = Example::new(DESCRIPTION);
        let ask = Ask {
            state: "state-1".to_owned(),
            ..Ask::default()
        };
        let begun = begin(&example.call(), &ask).unwrap();
        assert_eq!(
            begun.url,
            "https://app.example/accounts/example/authenticate/?state=state-1"
        );
        let fields = [
            ("id", " 1001 "),
            ("email", "mallory@example.com"),
            ("email_verified", "on"),
            ("first_name", "Mallory"),
            ("phone", "+4740612345"),
            ("state", "state-1"),
        ];
        let profile = finish(&example.call(), &typed(&fields)).unwrap().profile;
        assert_eq!(profile.uid, "1001");
        assert!(profile.emails[0].verified);
        assert_eq!(profile.phone, Some(("+4740612345".to_owned(), false)));
        assert_eq!(profile.username, None);
        assert_eq!(profile.extra_data.get("state"), None);
        let unverified = [
            ("id", "1"),
            ("email", "a@example.com"),
            ("email_verified", "false"),
        ];
        let profile = finish(&example.call(), &typed(&unverified))
            .unwrap()
            .profile;
        assert!(!profile.emails[0].verified);
    }

    #[test]
    fn nobody_is_nobody() {
        let example = Example::new(DESCRIPTION);
        for id in ["", "x", "1.5", "99999999999999999999", "0"] {
            let refused = finish(&example.call(), &typed(&[("id", id)]));
            assert!(matches!(refused, Err(Fault::Invalid(_))), "{id}");
        }
        let cancelled = finish(
            &example.call(),
            &typed(&[("id", "1"), ("action", "cancel")]),
        );
        assert_eq!(cancelled.unwrap_err(), Fault::Cancelled);
    }

    #[test]
    fn a_program_hands_it_over_as_json() {
        let example = Example::new(DESCRIPTION);
        let by = |token: &str| {
            let handed = Handed {
                id_token: Some(Secret::new(token)),
                ..Handed::default()
            };
            by_token(&example.call(), &handed)
        };
        let found =
            by("{\"id\": 7, \"email\": \"a@example.com\", \"email_verified\": true}").unwrap();
        assert_eq!(found.profile.uid, "7");
        assert!(found.profile.emails[0].verified);
        for token in ["", "7", "{}", "{\"id\": null}", "{\"id\": [1]}"] {
            assert!(matches!(by(token), Err(Fault::Invalid(_))), "{token}");
        }
        assert!(by_token(&example.call(), &Handed::default()).is_err());
    }
}
