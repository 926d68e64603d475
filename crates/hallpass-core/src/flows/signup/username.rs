//! A user name for somebody who was not asked for one.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use super::form::{Form, is_taken};
use crate::cx::Cx;
use crate::domain::secret;
use crate::error::{Error, Failure};

const LONGEST: usize = 150;

/// A free name, made of what is known of the person.
///
/// # Errors
/// A failure; also if chance never finds a free one.
pub(super) async fn generate(cx: &mut Cx, form: &Form) -> Result<String, Error> {
    let text = |name: &str| form.extra.get(name).and_then(Value::as_str).unwrap_or("");
    let mailbox = form.email.as_deref().unwrap_or_default();
    free(cx, &[text("first_name"), text("last_name"), mailbox]).await
}

/// A free name, like one of `sources` if that is possible, the first before all.
///
/// # Errors
/// As [`generate`].
pub(crate) async fn free(cx: &mut Cx, sources: &[&str]) -> Result<String, Error> {
    let shortest = usize::try_from(cx.hallpass().settings().account.username_min_length);
    let shortest = shortest.unwrap_or(1).clamp(1, LONGEST - 10);
    let candidates = sources.iter().copied().chain(["user"]).map(plain);
    let wanted = candidates.filter(|name| name.len() >= shortest);
    let mut stem = "user".to_owned();
    for (index, candidate) in wanted.enumerate() {
        if index == 0 {
            stem.clone_from(&candidate);
        }
        if !is_taken(cx, &candidate, None).await? && !is_refused(cx, &candidate) {
            return Ok(candidate);
        }
    }
    stem.truncate(LONGEST - 10);
    for attempt in 0..30 {
        let suffix = match attempt {
            0..4 => secret::random_text(b"0123456789", attempt + 1),
            _ => secret::random_text(b"abcdefghijklmnopqrstuvwxyz", (attempt / 2).clamp(4, 8)),
        };
        let name = format!(
            "{stem}{suffix:0>width$}",
            width = shortest.saturating_sub(stem.len())
        );
        if !is_taken(cx, &name, None).await? && !is_refused(cx, &name) {
            return Ok(name);
        }
    }
    Err(Failure::new("no free user name was found").into())
}

fn is_refused(cx: &Cx, name: &str) -> bool {
    let refused = &cx.hallpass().settings().account.username_blacklist;
    refused
        .iter()
        .any(|known| hallpass_django::text::fold(known) == name)
}

/// Small ASCII letters of a text, up to an `@`.
fn plain(text: &str) -> String {
    let letters: String = text
        .nfkd()
        .filter(|c| c.is_ascii_alphanumeric() || "_@+-. ".contains(*c))
        .collect();
    let lower = letters.to_lowercase();
    let head = lower.split('@').next().unwrap_or_default().trim();
    let mut name = head.split_whitespace().collect::<Vec<_>>().join("_");
    name.truncate(LONGEST);
    name
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_are_plain() {
        for (text, name) in [
            ("Ann.Bee+news@example.com", "ann.bee+news"),
            ("Jürgen  Groß", "jurgen_gro"),
            ("李", ""),
            ("  Zoë ", "zoe"),
            ("a\0b!c", "abc"),
        ] {
            assert_eq!(plain(text), name, "{text}");
        }
    }
}
