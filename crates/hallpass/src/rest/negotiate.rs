//! Which form an answer has: `?format=`, else the Accept header.
//!
//! As REST framework does it, the most specific range decides and weights (`q`) are not looked at; of two as specific, the
//! first of REST_FRAMEWORK_DEFAULT_RENDERER_CLASSES, which is JSON unless set. A browser asks for HTML by name and gets it.

use super::answer::Reply;
use hallpass_core::settings::Renderer;
use http::StatusCode;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// JSON; indented by so many blanks.
    Json(Option<usize>),
    /// A page.
    Page,
}

/// The media type of a form.
pub(crate) fn media_type(renderer: &Renderer) -> &'static str {
    match renderer {
        Renderer::Json => "application/json",
        Renderer::Page => "text/html",
    }
}

/// Picks one of those that there are.
///
/// # Errors
/// 404 for a format that there is not, 406 where nothing fits.
pub(crate) fn pick(
    renderers: &[Renderer],
    accept: &[&str],
    format: Option<&str>,
) -> Result<Form, Reply> {
    let wanted = match format.filter(|format| !format.is_empty()) {
        None => None,
        Some("json") => Some(Renderer::Json),
        Some("api") => Some(Renderer::Page),
        Some(_) => return Err(Reply::not_found()),
    };
    let offered = renderers
        .iter()
        .filter(|it| wanted.is_none_or(|wanted| wanted == **it));
    let offered: Vec<&str> = offered.map(media_type).collect();
    if offered.is_empty() {
        return Err(Reply::not_found());
    }
    let whole = accept.join(",");
    let whole = if whole.trim().is_empty() {
        "*/*"
    } else {
        &whole
    };
    let ranges: Vec<Range<'_>> = whole.split(',').take(100).map(Range::read).collect();
    for rank in (0..=3).rev() {
        for (main, sub) in offered.iter().filter_map(|it| it.split_once('/')) {
            let fitting = ranges.iter().filter(|range| range.rank() == rank);
            if let Some(range) = fitting.into_iter().find(|range| range.fits(main, sub)) {
                return Ok(match main {
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
            let both = [Renderer::Json, Renderer::Page];
            let picked = pick(&both, &[accept], format).ok();
            assert_eq!(picked, wanted, "{accept} {format:?}");
        }
    }

    #[test]
    fn what_the_site_does_not_have_is_not_picked_and_the_first_of_its_list_comes_first() {
        let json = [Renderer::Json];
        assert_eq!(pick(&json, &["*/*"], None).ok(), Some(Form::Json(None)));
        let refused = |accept, format| pick(&json, &[accept], format).err().map(|it| it.status);
        assert_eq!(refused("text/html", None), Some(StatusCode::NOT_ACCEPTABLE));
        assert_eq!(refused("*/*", Some("api")), Some(StatusCode::NOT_FOUND));
        let pages = [Renderer::Page, Renderer::Json];
        assert_eq!(pick(&pages, &["*/*"], None).ok(), Some(Form::Page));
        let named = pick(&pages, &["application/json"], None);
        assert_eq!(named.ok(), Some(Form::Json(None)));
    }
}
