//! Secrets among the settings: read like text, shown as a mask.

use std::fmt;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::types::{Setting, mismatch, plain};

/// Text that is never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Zeroizing::new(text.into()))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Setting for Secret {
    const SECRET: bool = true;
    fn kind() -> String {
        "text".to_owned()
    }
    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| mismatch::<Self>(value))?;
        plain(text).map(Secret::new)
    }
    fn show(&self) -> Value {
        let shown = if self.0.is_empty() { "" } else { MASK };
        json!(shown)
    }
    fn read_text(text: &str) -> Result<Self, String> {
        plain(text).map(Secret::new)
    }
}

/// Says neither what the secret is nor how long.
const MASK: &str = "********";

/// A database URL, whose password alone is secret.
pub(super) fn show_url(url: &Secret) -> Value {
    mask_url(url.reveal()).into()
}

/// A gateway's address up to its path: some have their key behind it.
pub(super) fn show_gateway(url: &Option<Secret>) -> Value {
    let Some(url) = url else {
        return Value::Null;
    };
    match url::Url::parse(url.reveal()) {
        Ok(url) if url.has_host() => {
            let bare = url.path() == "/" && url.query().is_none();
            let origin = url.origin().ascii_serialization();
            format!("{origin}/{}", if bare { "" } else { MASK }).into()
        }
        _ => MASK.into(),
    }
}

/// A URL whose password alone is secret, where there may be none.
pub(super) fn show_optional_url(url: &Option<Secret>) -> Value {
    url.as_ref().map_or(Value::Null, show_url)
}

/// A database URL without its password. When in doubt it leaves out more: a password with a bare `/`, `?` or `@` in it
/// is a mistake, but must not be printed for that.
pub(crate) fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return MASK.to_owned();
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, _)) if user.contains(['/', '?', '#']) => return format!("{scheme}://{MASK}"),
        Some((user, rest)) => match user.split_once(':') {
            Some((user, _)) => (format!("{user}:{MASK}@"), rest),
            None => (format!("{user}@"), rest),
        },
        None => (String::new(), rest),
    };
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let query = query.map(|query| {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("pass") => {
                format!("{name}={MASK}")
            }
            _ => pair.to_owned(),
        });
        format!("?{}", pairs.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{user}{place}{}", query.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_without_a_password_stay_as_they_are() {
        for url in [
            "sqlite:///a.sqlite3",
            "sqlite:////var/lib/a.sqlite3",
            "sqlite://:memory:",
            "postgres://db:5432/shop",
            "postgres://shop@db/shop?sslmode=require",
        ] {
            assert_eq!(mask_url(url), url);
        }
    }

    #[test]
    fn a_password_is_masked_however_it_is_written() {
        for (url, shown) in [
            ("postgres://u:swordfish@db/n", "postgres://u:********@db/n"),
            ("postgres://u:sword:fish@db/n", "postgres://u:********@db/n"),
            ("postgres://u:sword@fish@db/n", "postgres://u:********@db/n"),
            (
                "postgres://:swordfish@db/n?a=b",
                "postgres://:********@db/n?a=b",
            ),
            (
                "postgres:///n?password=swordfish&user=u",
                "postgres:///n?password=********&user=u",
            ),
            (
                "postgres:///n?sslPASSWORD=swordfish",
                "postgres:///n?sslPASSWORD=********",
            ),
            (
                "redis://:swordfish@db:6379/0",
                "redis://:********@db:6379/0",
            ),
            (
                "unix:///run/redis.sock?db=1&pass=swordfish",
                "unix:///run/redis.sock?db=1&pass=********",
            ),
            // Not valid; shown in a refusal all the same.
            ("postgres://u:sword/fish@db/n", "postgres://********"),
            ("postgres://u:sword?fish@db/n", "postgres://********"),
            ("postgres://u:sword#fish@db/n", "postgres://********"),
            ("postgres://db/n?password=sword@fish", "postgres://********"),
            ("u:swordfish@db", "********"),
            ("host=db password=swordfish", "********"),
        ] {
            assert_eq!(mask_url(url), shown);
        }
    }
}
