//! The URL of a request, with and without what is about the link. What stays, stays byte for byte.

use http::request::Parts;
use http::uri::{PathAndQuery, Uri};

use crate::face::Face;
use crate::safety;

/// The last value of a parameter.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut values = pairs.filter(|(known, _)| known == name);
    let last = values.next()?.1;
    Some(values.last().map_or(last, |(_, value)| value).into_owned())
}

/// A query without these parameters, in whatever spelling.
pub(super) fn without(query: &str, names: &[&str]) -> String {
    let stays = |pair: &&str| {
        let mut parsed = form_urlencoded::parse(pair.as_bytes());
        parsed
            .next()
            .is_none_or(|(name, _)| !names.contains(&&*name))
    };
    query.split('&').filter(stays).collect::<Vec<_>>().join("&")
}

/// Says that the button was pressed.
pub(super) fn pressed(face: &Face) -> String {
    format!("{}_confirm", face.hallpass.settings().sesame.token_name)
}

/// Path and query as they came, without the token: where to go once it has done its work.
pub(super) fn bare(parts: &Parts, face: &Face) -> String {
    let uri = safety::whole_uri(parts);
    let (token, pressed) = (
        face.hallpass.settings().sesame.token_name.as_str(),
        pressed(face),
    );
    let query = without(uri.query().unwrap_or_default(), &[token, &pressed]);
    // Two slashes at the front would be another site, and browsers take a backslash for one.
    let path = format!("/{}", uri.path().trim_start_matches(['/', '\\']));
    match query.as_str() {
        "" => path,
        query => format!("{path}?{query}"),
    }
}

/// The same URI with another query.
pub(super) fn with_query(uri: &Uri, query: &str) -> Uri {
    let joint = if query.is_empty() { "" } else { "?" };
    let mut parts = uri.clone().into_parts();
    let changed = PathAndQuery::try_from(format!("{}{joint}{query}", uri.path()));
    match changed {
        Ok(changed) => {
            parts.path_and_query = Some(changed);
            Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
        }
        Err(_) => uri.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_counts() {
        for (query, value) in [
            ("", None),
            ("a=1", None),
            ("t=1&t=2", Some("2")),
            ("t=1&t=", Some("")),
            ("t", Some("")),
            ("%74=%41", Some("A")),
            ("t=a+b", Some("a b")),
        ] {
            assert_eq!(parameter(query, "t").as_deref(), value, "{query}");
        }
    }

    #[test]
    fn the_others_stay_as_they_are() {
        for (query, left) in [
            ("t=x", ""),
            ("", ""),
            ("a=1&t=x&b=2", "a=1&b=2"),
            ("t=x&a=%7e+%20&&c", "a=%7e+%20&&c"),
            ("%74=x&a", "a"),
            ("t&a=t", "a=t"),
            ("b=2&a=1&b=1", "b=2&a=1&b=1"),
        ] {
            assert_eq!(without(query, &["t"]), left, "{query}");
        }
    }

    #[test]
    fn a_uri_keeps_its_path() {
        let uri: Uri = "/a%20b?t=1".parse().unwrap();
        assert_eq!(with_query(&uri, "x=1").to_string(), "/a%20b?x=1");
        assert_eq!(with_query(&uri, "").to_string(), "/a%20b");
    }
}
