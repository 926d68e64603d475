//! The stylesheet, and the operator's accent as a second, tiny one: both under names that hold their hash, so that they may
//! be kept for ever.

use axum::response::{IntoResponse as _, Response};
use hallpass_core::hallpass::on_accent;
use hallpass_core::settings::Settings;
use http::header;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("../assets/hallpass.css");

/// The sheets of one site.
pub(crate) struct Assets {
    style_name: String,
    brand: Option<(String, String)>,
}

impl Assets {
    pub(crate) fn new(settings: &Settings) -> Self {
        let brand = settings.hallpass.accent.as_deref().map(|accent| {
            let on = on_accent(accent);
            let sheet = format!(":root {{ --hp-accent: {accent}; --hp-on-accent: {on}; }}\n");
            (name("brand", &sheet), sheet)
        });
        Assets {
            style_name: name("hallpass", STYLE),
            brand,
        }
    }

    /// The file names of style and brand.
    pub(crate) fn names(&self) -> (&str, Option<&str>) {
        (
            &self.style_name,
            self.brand.as_ref().map(|(name, _)| name.as_str()),
        )
    }

    /// A sheet by its file name.
    pub(crate) fn serve(&self, wanted: &str) -> Option<Response> {
        let sheet = match &self.brand {
            _ if wanted == self.style_name => STYLE.to_owned(),
            Some((name, sheet)) if wanted == name => sheet.clone(),
            _ => return None,
        };
        let headers = [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        Some((headers, sheet).into_response())
    }
}

fn name(stem: &str, sheet: &str) -> String {
    let digest = hallpass_django::signing::hex(&Sha256::digest(sheet)[..6]);
    format!("{stem}.{digest}.css")
}
