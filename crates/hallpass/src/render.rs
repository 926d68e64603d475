//! Pages from templates, compiled once; a folder of the operator's may replace any of them by name.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Value, json};

use hallpass_core::{Failure, Hallpass};

use crate::assets::Assets;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../templates/", $name)))),*] };
}

const EMBEDDED: &[(&str, &str)] = embedded![
    "layouts/page.html",
    "layouts/entrance.html",
    "layouts/account.html",
    "layouts/brand.html",
    "elements/form.html",
    "elements/notes.html",
    "elements/providers.html",
    "login/login.html",
    "login/inactive.html",
    "login_by_link/request.html",
    "login_by_link/sent.html",
    "login_by_link/confirm.html",
    "login_by_link/invalid.html",
    "login_by_code/request.html",
    "login_by_code/confirm.html",
    "login_by_code/link.html",
    "login_by_code/invalid.html",
    "logout/confirm.html",
    "magic_link/confirm.html",
    "magic_link/invalid.html",
    "signup/signup.html",
    "signup/closed.html",
    "email_verification/sent.html",
    "email_verification/code.html",
    "email_verification/confirm.html",
    "email_verification/invalid.html",
    "password_reset/request.html",
    "password_reset/sent.html",
    "password_reset/code.html",
    "password_reset/choose.html",
    "password_reset/done.html",
    "password_reset/invalid.html",
    "password_change/change.html",
    "password_change/set.html",
    "manage_email/manage.html",
    "phone/verify.html",
    "phone/change.html",
    "social/login.html",
    "social/once_more.html",
    "social/signup.html",
    "social/connections.html",
    "social/merge.html",
    "social/trouble.html",
    "social/dummy.html",
    "social/telegram.html",
    "reauthentication/reauthenticate.html",
    "profile/profile.html",
    "rest/browsable.html",
    "rest/docs.html",
    "errors/error.html",
    "index.html",
];

/// The templates, and what every page is given alike.
pub(crate) struct Templates {
    environment: Environment<'static>,
    pub(crate) assets: Assets,
    shared: Value,
}

impl Templates {
    /// Compiles them; one of the operator's that does not compile is a failure that names it.
    pub(crate) fn compile(hallpass: &Hallpass, app: &Brought) -> Result<Self, Failure> {
        let settings = hallpass.settings();
        let folder = settings.hallpass.templates.as_deref().map(Path::new);
        let environment = environment(folder, app)?;
        let assets = Assets::new(settings);
        let mount = &settings.hallpass.mount;
        let (style, brand) = assets.names();
        let shared = json!({
            "site": {
                "name": hallpass.site().name,
                "logo_url": settings.hallpass.logo_url,
                "accent": settings.hallpass.accent,
                "support_address": settings.hallpass.support_address,
                "terms_url": settings.hallpass.terms_url,
                "privacy_url": settings.hallpass.privacy_url,
            },
            "css_url": format!("{mount}static/{style}"),
            "brand_css_url": brand.map(|brand| format!("{mount}static/{brand}")),
            "lang": settings.general.language_code,
            "dir": "ltr",
            "csrf_token": "",
            "messages": [],
            "user": null,
            "request_id": null,
            "form": null,
            "urls": {
                "home": "/",
                "login": settings.login_url(),
                "logout": format!("{mount}logout/"),
                "login_link": (!settings.socialaccount.only).then(|| format!("{mount}login/link/")),
                "signup": (settings.hallpass.signup_open && !settings.socialaccount.only).then(|| format!("{mount}signup/")),
                "profile": format!("{mount}profile/"),
            },
        });
        Ok(Templates {
            environment,
            assets,
            shared,
        })
    }

    /// Renders a page; `own` is laid over what every page is given.
    pub(crate) fn render(&self, name: &str, own: Value) -> Result<String, Failure> {
        let mut context = self.shared.clone();
        if let (Value::Object(context), Value::Object(own)) = (&mut context, own) {
            context.extend(own);
        }
        let context = minijinja::Value::from(minijinja::value::Serde(&context));
        self.environment
            .get_template(name)
            .and_then(|template| template.render(context))
            .map_err(|error| {
                Failure::from_source(format!("the page {name} cannot be written"), error)
            })
    }
}

/// Templates that the app brings: name and source.
pub(crate) type Brought = [(String, String)];

/// Where an app and an operator may put templates under names of their own, for theirs to include.
const OWN: &str = "own/";

/// All templates, each from `folder` if it is there, else as the app brings it, else ours. What is not given to one is an
/// error, not a gap.
fn environment(folder: Option<&Path>, app: &Brought) -> Result<Environment<'static>, Failure> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, _) in app {
        if !name.starts_with(OWN) && !EMBEDDED.iter().any(|(known, _)| known == name) {
            let what = format!(
                "there is no template {name} to replace; one of your own has a name that begins with {OWN}"
            );
            return Err(Failure::new(what));
        }
    }
    let mut sources: BTreeMap<String, String> = EMBEDDED
        .iter()
        .map(|(name, source)| ((*name).to_owned(), (*source).to_owned()))
        .collect();
    sources.extend(app.iter().cloned());
    if let Some(folder) = folder {
        for name in sources.keys().cloned().collect::<Vec<_>>() {
            let path = folder.join(&name);
            if path.is_file() {
                sources.insert(name, read(&path)?);
            }
        }
        for name in own_names(&folder.join(OWN))? {
            let source = read(&folder.join(OWN).join(&name))?;
            sources.insert(format!("{OWN}{name}"), source);
        }
    }
    for (name, source) in sources {
        let what = format!("the template {name} has an error");
        environment
            .add_template_owned(name, source)
            .map_err(|error| Failure::from_source(what, error))?;
    }
    Ok(environment)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let what = format!("the template {} cannot be read", path.display());
        Failure::from_source(what, error)
    })
}

/// The HTML files right in a folder, which need not be there.
fn own_names(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let what = format!("the folder {} cannot be read", folder.display());
            return Err(Failure::from_source(what, error));
        }
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name.ends_with(".html")).collect())
}

#[cfg(test)]
mod tests;
