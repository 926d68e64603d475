//! What every handler shares: the handle, the compiled templates, the policies read off the settings once.

use std::sync::{Arc, OnceLock};

use hallpass_core::{Failure, Hallpass};
use hallpass_django::csrf::Policy;

use crate::render::{Brought, Templates};
use crate::rest::Told;

/// The state of our routes; cheap to clone.
#[derive(Clone)]
pub(crate) struct Face(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) hallpass: Hallpass,
    pub(crate) templates: Templates,
    pub(crate) csrf: Policy,
    /// CSRF_HEADER_NAME as HTTP spells it.
    pub(crate) csrf_header: String,
    pub(crate) content_security_policy: String,
    /// The OpenAPI document of the REST interface.
    pub(crate) told: OnceLock<Told>,
}

impl std::ops::Deref for Face {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Face {
    pub(crate) fn new(hallpass: &Hallpass, app: &Brought) -> Result<Self, Failure> {
        let settings = hallpass.settings();
        let csrf_header = http_name(&settings.csrf.header_name);
        let domain = match settings.csrf.use_sessions {
            true => &settings.session.cookie_domain,
            false => &settings.csrf.cookie_domain,
        };
        Ok(Face(Arc::new(Inner {
            templates: Templates::compile(hallpass, app)?,
            csrf: Policy {
                trusted_origins: settings.csrf.trusted_origins.clone(),
                cookie_domain: domain.clone(),
                header_name: title_case(&csrf_header),
            },
            csrf_header,
            content_security_policy: content_security_policy(hallpass),
            told: OnceLock::new(),
            hallpass: hallpass.clone(),
        })))
    }

    /// Whether it is this very one.
    pub(crate) fn is(&self, other: &Face) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A path below the mount.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.hallpass.settings().hallpass.mount)
    }
}

/// `HTTP_X_CSRFTOKEN` is `x-csrftoken`.
pub(crate) fn http_name(wsgi: &str) -> String {
    wsgi.strip_prefix("HTTP_")
        .unwrap_or(wsgi)
        .replace('_', "-")
        .to_ascii_lowercase()
}

fn title_case(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// Nothing but our own styles and pictures; forms post here or to origins that the operator trusts.
fn content_security_policy(hallpass: &Hallpass) -> String {
    let settings = hallpass.settings();
    let logo = settings
        .hallpass
        .logo_url
        .as_deref()
        .and_then(|url| url::Url::parse(url).ok());
    let logo = logo
        .map(|url| format!(" {}", url.origin().ascii_serialization()))
        .unwrap_or_default();
    let plain = |origin: &&String| {
        origin
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b",;'\"".contains(&b))
    };
    let forms: String = settings
        .csrf
        .trusted_origins
        .iter()
        .filter(plain)
        .map(|origin| format!(" {origin}"))
        .collect();
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self'{logo}; form-action 'self'{forms}; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}
