//! To a provider: a page with a button, and what the button does.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use hallpass_core::flows::social::{self, Process, Start, apps};
use hallpass_core::{Error, Refusal};
use http::StatusCode;
use serde_json::json;

use crate::face::Face;
use crate::form::{Field, Form};
use crate::pages::reauthentication;
use crate::visit::Visit;

/// Whose address it is.
#[derive(Clone)]
pub(crate) struct Door {
    /// The provider's id.
    pub(crate) provider: Arc<str>,
    /// Which of several, where addresses say so.
    pub(crate) provider_id: Option<String>,
}

impl Door {
    /// The one at a path of ours, if there is one.
    pub(crate) fn at(face: &Face, path: &str) -> Option<Self> {
        let mount = &face.hallpass.settings().hallpass.mount;
        let stem = path.strip_prefix(mount)?.strip_suffix("/login/")?;
        if let Some(provider) = face.hallpass.providers().by_slug(stem)
            && !provider.is_named_by_app()
        {
            return Some(Door::of(&provider.id.as_str().into()));
        }
        let prefix = &face
            .hallpass
            .settings()
            .socialaccount
            .openid_connect_url_prefix;
        let which = match prefix.as_str() {
            "" => stem,
            prefix => stem.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        (!which.is_empty() && !which.contains('/')).then(|| Door {
            provider_id: Some(which.to_owned()),
            ..Door::of(&"openid_connect".into())
        })
    }

    pub(crate) fn of(provider: &Arc<str>) -> Self {
        Door {
            provider: Arc::clone(provider),
            provider_id: None,
        }
    }
}

/// `GET <provider>/login/`
pub(crate) async fn show(mut visit: Visit, door: Door) -> Response {
    let asks = asks(&visit, &door);
    let told = asks.is_none_or(|name| visit.query(name).is_some());
    // A link may sign in where the operator says so. It never connects: any site could have it followed by somebody who is
    // signed in, with an account of its own at the other end.
    let connects = visit.query("process") == Some("connect");
    if visit.face.hallpass.settings().socialaccount.login_on_get && told && !connects {
        return begin(visit, door).await;
    }
    let app = match app(&mut visit, &door).await {
        Ok(app) => app,
        Err(error) => return super::refused(visit, error).await,
    };
    let name = visit.face.hallpass.providers().get(&app.provider);
    let name = name.map(|provider| apps::name_of(&app, provider).to_owned());
    let asked = asks.map(|name| Field {
        value: visit.query(name).map(str::to_owned),
        autocapitalize: Some("none"),
        spellcheck: Some(false),
        maxlength: Some(2000),
        autofocus: true,
        ..Field::new(name, label(name), "text")
    });
    let form = Form::new().field("asked", asked);
    let process = visit.query("process").unwrap_or_default().to_owned();
    let next = visit.next();
    let which = visit.query("provider_id").map(str::to_owned);
    let path = visit.path.clone();
    let connects = Process::read(&process) == Some(Process::Connect);
    let own = json!({
        "provider": name,
        "form": form.into_json(Some(path)),
        "process": Process::read(&process).map(|_| process),
        "next": next,
        "which": which,
        "login_url": (!connects).then(|| visit.face.hallpass.settings().login_url()),
        "connections_url": connects.then(|| visit.face.path("3rdparty/")),
    });
    super::page(visit, StatusCode::OK, "social/login.html", own).await
}

/// This page, for what was meant.
fn page_of(visit: &Visit, given: &dyn Fn(&str) -> Option<String>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in ["process", "provider_id"] {
        if let Some(value) = given(name) {
            query.append_pair(name, &value);
        }
    }
    if let Some(next) = visit.next() {
        query.append_pair("next", &next);
    }
    format!("{}?{}", visit.path, query.finish())
}

/// `POST <provider>/login/`
pub(crate) async fn submit(visit: Visit, door: Door) -> Response {
    begin(visit, door).await
}

async fn app(visit: &mut Visit, door: &Door) -> Result<hallpass_core::providers::App, Error> {
    let posted = |name: &str| {
        let posted = Some(visit.posted(name)).filter(|text| !text.is_empty());
        posted.or_else(|| visit.query(name)).map(str::to_owned)
    };
    let provider_id = door.provider_id.clone().or_else(|| posted("provider_id"));
    let provider = Arc::clone(&door.provider);
    visit
        .run(async |cx| {
            let wanted = apps::Wanted {
                provider: &provider,
                provider_id: provider_id.as_deref(),
                client_id: None,
            };
            apps::one(cx, wanted).await
        })
        .await
}

/// What a few providers have to know beforehand.
fn asks(visit: &Visit, door: &Door) -> Option<&'static str> {
    let provider = visit.face.hallpass.providers().get(&door.provider)?;
    provider.asks()
}

fn label(name: &str) -> &'static str {
    match name {
        "shop" => "Your shop, such as example.myshopify.com",
        _ => "Your OpenID address",
    }
}

async fn begin(mut visit: Visit, door: Door) -> Response {
    let app = match app(&mut visit, &door).await {
        Ok(app) => app,
        Err(error) => return super::refused(visit, error).await,
    };
    let asks = asks(&visit, &door);
    let given = |name: &str| {
        let posted = Some(visit.posted(name)).filter(|text| !text.is_empty());
        posted.or_else(|| visit.query(name)).map(str::to_owned)
    };
    let Some(process) = Process::read(given("process").as_deref().unwrap_or_default()) else {
        return super::refused(visit, Refusal::SocialFailed.into()).await;
    };
    let mut parameters = BTreeMap::new();
    if let Some(name) = asks {
        let Some(value) = given(name).filter(|value| value.len() <= 2000) else {
            // A button elsewhere cannot ask: the page does.
            let to = page_of(&visit, &given);
            return visit.redirect(&to).await;
        };
        parameters.insert(name.to_owned(), value);
    }
    let next = visit.next();
    let begun = visit
        .run(async |cx| {
            let start = Start {
                app: app.clone(),
                process,
                next,
                parameters,
            };
            social::begin::begin(cx, start).await
        })
        .await;
    match begun {
        Ok(to) => visit.redirect(&to).await,
        Err(Error::Refused(Refusal::ReauthenticationRequired)) => {
            reauthentication::suspend(visit).await
        }
        Err(error) => super::refused(visit, error).await,
    }
}
