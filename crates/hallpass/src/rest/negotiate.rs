//! Which form an answer has: `?format=`, else the Accept header.
//!
//! As REST framework does it, the most specific range decides and weights (`q`) are not looked at; of two as specific,
//! JSON comes first. A browser asks for HTML by name and gets it.

use super::answer::Reply;
use http::StatusCode;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// JSON; indented by so many blanks.
    Json(Option<usize>),
    /// A page.
    Page,
}

/// Picks one.
///
/// # Errors
/// 404 for a format that there is not, 406 where nothing fits.
pub(crate) fn pick(accept: &[&str], format: Option<&str>) -> Result<Form, Reply> {
    let offered: &[(&str, &str)] = match format.filter(|format| !format.is_empty()) {
        None => &[("application", "json"), ("text", "html")],
        Some("json") => &[("application", "json")],
        Some("api") => &[("text", "html")],
        Some(_) => return Err(Reply::not_found()),
    };
    let whole = accept.join(",");
    let whole = if whole.trim().is_empty() {
        "*/*"
    } else {
        &whole
    };
    let ranges: Vec<Range<'_>> = whole.split(',').take(100).map(Range::read).collect();
    for rank in (0..=3).rev() {
        for (main, sub) in offered {
            let fitting = ranges.iter().filter(|range| range.rank() == rank);
            if let Some(range) = fitting.into_iter().find(|range| range.fits(main, sub)) {
                return Ok(match *main {
                    "text" => Form::Page,
                    _ => Form::Json(range.indent()),
                });
            }
        }
    }
    Err(Reply::detail(
        StatusCode::NOT_ACCEPTABLE,
        "Could not satisfy the request Accept header.",
    ))
}

/// The first of `offered` that the Accept header wants most, by the same rule.
///
/// # Errors
/// 406 where nothing fits.
pub(crate) fn first<'a>(accept: &[&str], offered: &[&'a str]) -> Result<&'a str, Reply> {
    let whole = accept.join(",");
    let whole = if whole.trim().is_empty() {
        "*/*"
    } else {
        &whole
    };
    let ranges: Vec<Range<'_>> = whole.split(',').take(100).map(Range::read).collect();
    let fits = |rank: u8, offer: &&&str| {
        let bare = offer.split(';').next().unwrap_or_default();
        let (main, sub) = bare.split_once('/').unwrap_or((bare, ""));
        let mut ranges = ranges.iter().filter(|range| range.rank() == rank);
        ranges.any(|range| range.fits(main, sub))
    };
    let mut by_rank = (0..=3).rev();
    by_rank
        .find_map(|rank| offered.iter().find(|offer| fits(rank, offer)).copied())
        .ok_or_else(|| {
            let words = "Could not satisfy the request Accept header.";
            Reply::detail(StatusCode::NOT_ACCEPTABLE, words)
        })
}

struct Range<'a> {
    main: &'a str,
    sub: &'a str,
    params: Vec<(&'a str, &'a str)>,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = text.split(';');
        let full = parts.next().unwrap_or_default().trim();
        let (main, sub) = full.split_once('/').unwrap_or((full, ""));
        let params = parts.filter_map(|part| part.trim().split_once('='));
        Range {
            main,
            sub,
            params: params
                .map(|(name, value)| (name.trim(), value.trim()))
                .collect(),
        }
    }

    fn rank(&self) -> u8 {
        if self.main == "*" {
            0
        } else if self.sub == "*" {
            1
        } else if self.params.iter().all(|(name, _)| *name == "q") {
            2
        } else {
            3
        }
    }

    fn fits(&self, main: &str, sub: &str) -> bool {
        let same = |own: &str, other: &str| own == "*" || own.eq_ignore_ascii_case(other);
        same(self.main, main) && same(self.sub, sub)
    }

    fn indent(&self) -> Option<usize> {
        let (_, value) = self.params.iter().find(|(name, _)| *name == "indent")?;
        let blanks: usize = value.parse().ok()?;
        Some(blanks.min(8)).filter(|blanks| *blanks > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides_and_json_comes_first() {
        for (accept, format, wanted) in [
            ("*/*", None, Some(Form::Json(None))),
            ("", None, Some(Form::Json(None))),
            ("application/*", None, Some(Form::Json(None))),
            ("text/*", None, Some(Form::Page)),
            (
                "text/html,application/xhtml+xml,*/*;q=0.8",
                None,
                Some(Form::Page),
            ),
            (
                "application/json;q=0.1, text/html;q=0.9",
                None,
                Some(Form::Json(None)),
            ),
            (
                "application/json; indent=4",
                None,
                Some(Form::Json(Some(4))),
            ),
            (
                "application/json; indent=99",
                None,
                Some(Form::Json(Some(8))),
            ),
            ("application/json; indent=x", None, Some(Form::Json(None))),
            ("image/png, application/json", None, Some(Form::Json(None))),
            ("text/plain", None, None),
            ("application/xml", None, None),
            ("*/*", Some("json"), Some(Form::Json(None))),
            ("*/*", Some("api"), Some(Form::Page)),
            ("*/*", Some("xml"), None),
            (",;=,/", None, None),
        ] {
            assert_eq!(pick(&[accept], format).ok(), wanted, "{accept} {format:?}");
        }
    }
}
