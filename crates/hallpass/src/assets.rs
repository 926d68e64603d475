//! The stylesheet, the operator's accent as a second, tiny one, and a script: under names that hold their hash, so that they
//! may be kept for ever.

use axum::response::{IntoResponse as _, Response};
use hallpass_core::hallpass::on_accent;
use hallpass_core::settings::Settings;
use http::header;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("../assets/hallpass.css");

/// The one script there is, on the one page that needs it.
const SCRIPT: &str = include_str!("../assets/telegram.js");

/// The sheets of one site.
pub(crate) struct Assets {
    style_name: String,
    script_name: String,
    brand: Option<(String, String)>,
}

impl Assets {
    pub(crate) fn new(settings: &Settings) -> Self {
        let brand = settings.hallpass.accent.as_deref().map(|accent| {
            let on = on_accent(accent);
            let sheet = format!(":root {{ --hp-accent: {accent}; --hp-on-accent: {on}; }}\n");
            (name("brand", "css", &sheet), sheet)
        });
        Assets {
            style_name: name("hallpass", "css", STYLE),
            script_name: name("telegram", "js", SCRIPT),
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

    /// The file name of the script that reads Telegram's answer.
    pub(crate) fn script(&self) -> &str {
        &self.script_name
    }

    /// A file by its name.
    pub(crate) fn serve(&self, wanted: &str) -> Option<Response> {
        const CSS: &str = "text/css; charset=utf-8";
        let (kind, sheet) = match &self.brand {
            _ if wanted == self.style_name => (CSS, STYLE.to_owned()),
            _ if wanted == self.script_name => {
                ("text/javascript; charset=utf-8", SCRIPT.to_owned())
            }
            Some((name, sheet)) if wanted == name => (CSS, sheet.clone()),
            _ => return None,
        };
        let headers = [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        Some((headers, sheet).into_response())
    }
}

fn name(stem: &str, kind: &str, sheet: &str) -> String {
    let digest = hallpass_django::signing::hex(&Sha256::digest(sheet)[..6]);
    format!("{stem}.{digest}.{kind}")
}
