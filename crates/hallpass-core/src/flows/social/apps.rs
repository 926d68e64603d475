//! What apps there are: those of the settings, then those of the database that belong to this site.

use serde_json::{Map, Value};

use crate::cx::Cx;
use crate::error::{Error, Failure, Refusal};
use crate::hallpass::Hallpass;
use crate::providers::{App, Kind, Provider};
use crate::settings::{ProviderSettings, Secret, is_secret};
use crate::store;

/// What secret and key are sealed for.
const PURPOSE: &str = "social_app";

/// All of them whose provider is known.
///
/// # Errors
/// A failure; also if a secret does not open.
pub async fn all(hallpass: &Hallpass) -> Result<Vec<App>, Failure> {
    let mut apps = of_settings(hallpass);
    let site = i64::try_from(hallpass.settings().general.site_id).unwrap_or(1);
    for row in store::social_app::of_site(hallpass.db().conn(), site).await? {
        let mut own = row.settings.as_object().cloned().unwrap_or_default();
        let (secret, key) = match &row.sealed {
            Some(sealed) => {
                let (secret, key, hidden) = open(hallpass, sealed)?;
                own.extend(hidden);
                (secret, key)
            }
            None => (row.secret, row.key),
        };
        apps.push(App {
            id: Some(row.id),
            settings: merged(common(hallpass, &row.provider), own),
            provider: row.provider,
            provider_id: row.provider_id,
            name: row.name,
            client_id: row.client_id,
            secret: Secret::new(secret),
            key: Secret::new(key),
        });
    }
    // The dummy believes what is typed: it is for whoever sits at this machine.
    let local = hallpass.settings().is_local();
    apps.retain(|app| {
        let provider = hallpass.providers().get(&app.provider);
        provider.is_some_and(|provider| local || provider.kind != Kind::Dummy)
    });
    Ok(without_impostors(hallpass, apps))
}

/// Accounts are kept under a name and a uid. Two apps of one name at different places would share them: whoever has a uid at
/// the one would be somebody else at the other. The first counts.
fn without_impostors(hallpass: &Hallpass, apps: Vec<App>) -> Vec<App> {
    let mut kept: Vec<App> = Vec::new();
    for app in apps {
        let named = hallpass.providers().get(app.sub_id());
        let other = named.is_some_and(|named| named.id != app.provider);
        let twin = kept.iter().find(|known| known.sub_id() == app.sub_id());
        if other || twin.is_some_and(|twin| place(hallpass, twin) != place(hallpass, &app)) {
            tracing::error!(
                provider = app.provider,
                provider_id = app.provider_id,
                "this app is left out: its provider_id belongs to another provider, and accounts of both would be mixed"
            );
            continue;
        }
        kept.push(app);
    }
    kept
}

/// Where an app's people are: the provider, and what its settings say of addresses.
fn place<'a>(hallpass: &'a Hallpass, app: &'a App) -> (&'a str, Vec<&'a str>) {
    let parameters = hallpass.providers().get(&app.provider);
    let parameters = parameters.into_iter().flat_map(|it| it.parameters.values());
    let names = parameters.filter_map(|parameter| parameter.setting.as_deref());
    let names = names
        .map(str::to_lowercase)
        .chain(["server_url".to_owned()]);
    let values = names.filter_map(|name| app.settings.get(&name)?.as_str());
    let addresses = values.filter(|value| value.contains('.'));
    (
        &app.provider,
        addresses.map(|it| it.trim_end_matches('/')).collect(),
    )
}

fn of_settings(hallpass: &Hallpass) -> Vec<App> {
    let mut apps = Vec::new();
    for (provider, said) in &hallpass.settings().socialaccount.providers.0 {
        for app in &said.apps {
            apps.push(App {
                id: None,
                provider: provider.clone(),
                provider_id: app.provider_id.clone(),
                name: app.name.clone(),
                client_id: app.client_id.clone(),
                secret: Secret::new(app.secret.clone()),
                key: Secret::new(app.key.clone()),
                settings: merged(Some(said), app.settings.clone()),
            });
        }
        // Those that need no app work as soon as they are named.
        let needs_none = hallpass.providers().get(provider);
        if said.apps.is_empty() && needs_none.is_some_and(|known| !known.needs_app()) {
            apps.push(App {
                id: None,
                provider: provider.clone(),
                provider_id: String::new(),
                name: String::new(),
                client_id: String::new(),
                secret: Secret::new(""),
                key: Secret::new(""),
                settings: merged(Some(said), Map::new()),
            });
        }
    }
    apps
}

fn common<'a>(hallpass: &'a Hallpass, provider: &str) -> Option<&'a ProviderSettings> {
    hallpass.settings().socialaccount.providers.0.get(provider)
}

/// The app's own settings, and for what they lack those of the provider, in small letters.
fn merged(said: Option<&ProviderSettings>, own: Map<String, Value>) -> Map<String, Value> {
    let mut all = own;
    for (name, value) in said.map(|said| &said.common).into_iter().flatten() {
        let name = name.to_lowercase();
        if !all.contains_key(&name) {
            all.insert(name, value.clone());
        }
    }
    all
}

/// Which app is meant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The provider's id, or the `provider_id` of one of its apps.
    pub provider: &'a str,
    /// Which of several.
    pub provider_id: Option<&'a str>,
    /// What the provider knows us as.
    pub client_id: Option<&'a str>,
}

/// The one app that is meant. Of several, the only one that is not `hidden`.
///
/// # Errors
/// [`Refusal::UnknownProvider`] if there is none, or nothing says which.
pub async fn one(cx: &mut Cx, wanted: Wanted<'_>) -> Result<App, Error> {
    let hallpass = cx.hallpass().clone();
    let mut found: Vec<App> = all(&hallpass).await?;
    found.retain(|app| {
        let named = app.provider == wanted.provider || app.sub_id() == wanted.provider;
        named
            && wanted.provider_id.is_none_or(|id| app.provider_id == id)
            && wanted.client_id.is_none_or(|id| serves(app, id))
    });
    if found.len() > 1 {
        found.retain(|app| !is_hidden(app));
    }
    if found.len() > 1 {
        tracing::warn!(
            provider = wanted.provider.escape_debug().to_string(),
            "several apps of this provider: their provider_id or client_id must say which is meant, or all but one be \
             hidden"
        );
        found.clear();
    }
    found.pop().ok_or_else(|| Refusal::UnknownProvider.into())
}

/// Whether the provider knows the app by this name; Apple's app may have several.
fn serves(app: &App, client_id: &str) -> bool {
    let mut names = app.client_id.split(',').map(str::trim);
    app.client_id == client_id || names.any(|name| name == client_id)
}

/// Whether it stands on no page.
pub fn is_hidden(app: &App) -> bool {
    app.settings.get("hidden") == Some(&Value::Bool(true))
}

/// What people call it.
pub fn name_of<'a>(app: &'a App, provider: &'a Provider) -> &'a str {
    match app.name.as_str() {
        "" => &provider.name,
        name => name,
    }
}

/// A way in, for pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// What accounts of it are kept under.
    pub id: String,
    /// The provider's id, which may be that of several.
    pub provider: String,
    /// What people read.
    pub name: String,
    /// Its `login/`, below the mount.
    pub path: String,
    /// Which of several at one address.
    pub which: Option<String>,
}

/// Those that pages offer, in the order of their names.
///
/// # Errors
/// A failure.
pub async fn offered(cx: &mut Cx) -> Result<Vec<Offered>, Failure> {
    let hallpass = cx.hallpass().clone();
    let apps = all(&hallpass).await?;
    let mut offered: Vec<Offered> = Vec::new();
    for app in apps.iter().filter(|app| !is_hidden(app)) {
        let Some(provider) = hallpass.providers().get(&app.provider) else {
            continue;
        };
        let alone = apps.iter().filter(|other| other.provider == app.provider);
        let which =
            (!provider.is_named_by_app() && alone.count() > 1 && !app.provider_id.is_empty())
                .then(|| app.provider_id.clone());
        offered.push(Offered {
            id: app.sub_id().to_owned(),
            provider: app.provider.clone(),
            name: name_of(app, provider).to_owned(),
            path: path_of(&hallpass, provider, app, "login/"),
            which,
        });
    }
    offered.sort_by_key(|one| one.name.to_lowercase());
    hallpass.note_offers(!apps.is_empty());
    Ok(offered)
}

/// An address of an app's, below the mount.
pub(crate) fn path_of(hallpass: &Hallpass, provider: &Provider, app: &App, rest: &str) -> String {
    if !provider.is_named_by_app() {
        return format!("{}/{rest}", provider.slug);
    }
    match hallpass
        .settings()
        .socialaccount
        .openid_connect_url_prefix
        .as_str()
    {
        "" => format!("{}/{rest}", app.provider_id),
        prefix => format!("{prefix}/{}/{rest}", app.provider_id),
    }
}

/// An app to be added to the database.
#[derive(Clone)]
pub struct NewApp {
    /// The provider's id.
    pub provider: String,
    /// Which of several.
    pub provider_id: String,
    /// What people read.
    pub name: String,
    /// What the provider knows us as.
    pub client_id: String,
    /// A secret.
    pub secret: Secret,
    /// Another.
    pub key: Secret,
    /// Lower-case names.
    pub settings: Map<String, Value>,
}

/// Adds an app to this site. Its secrets rest sealed, unless a Django runs beside us.
///
/// # Errors
/// [`Refusal::UnknownProvider`]; [`Refusal::TooLong`], [`Refusal::Required`] with the name of the column.
pub async fn add(cx: &mut Cx, app: &NewApp) -> Result<i64, Error> {
    let hallpass = cx.hallpass().clone();
    let provider = hallpass.providers().get(&app.provider);
    let provider = provider.ok_or(Refusal::UnknownProvider)?;
    let name = match app.name.as_str() {
        "" => &provider.name,
        name => name,
    };
    if provider.needs_app() && app.client_id.is_empty() {
        return Err(Refusal::Required("client_id").into());
    }
    if provider.is_named_by_app() && app.provider_id.is_empty() {
        return Err(Refusal::Required("provider_id").into());
    }
    let named = hallpass.providers().get(&app.provider_id);
    if named.is_some_and(|named| named.id != app.provider) {
        return Err(Refusal::Invalid("provider_id").into());
    }
    let share = hallpass.settings().hallpass.share_with_django;
    let clear = |text: &Secret| match share {
        true => text.reveal().to_owned(),
        false => String::new(),
    };
    let (secret, key) = (clear(&app.secret), clear(&app.key));
    for (field, text, limit) in [
        ("provider", app.provider.as_str(), 30),
        ("provider_id", &app.provider_id, 200),
        ("name", name, 40),
        ("client_id", &app.client_id, 191),
        ("secret", &secret, 191),
        ("key", &key, 191),
    ] {
        if text.chars().count() > limit {
            return Err(Refusal::TooLong { field, limit }.into());
        }
    }
    let (mut shown, mut hidden) = (app.settings.clone(), Map::new());
    if !share {
        let secrets = app.settings.iter().filter(|(name, _)| is_secret(name));
        hidden = secrets
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        shown.retain(|name, _| !is_secret(name));
    }
    let sealed = match share {
        true => None,
        false => Some(seal(&hallpass, app, &hidden)?),
    };
    let new = store::social_app::NewApp {
        provider: &app.provider,
        provider_id: &app.provider_id,
        name,
        client_id: &app.client_id,
        secret: &secret,
        key: &key,
        settings: &Value::Object(shown),
        sealed: sealed.as_deref(),
    };
    let site = i64::try_from(hallpass.settings().general.site_id).unwrap_or(1);
    Ok(store::social_app::insert(cx.write().await?, site, &new).await?)
}

/// Removes an app of the database. Accounts that came by it stay, for another app of the same provider.
///
/// # Errors
/// [`Refusal::UnknownProvider`] if there is none.
pub async fn remove(cx: &mut Cx, id: i64) -> Result<(), Error> {
    match store::social_app::remove(cx.write().await?, id).await? {
        true => Ok(()),
        false => Err(Refusal::UnknownProvider.into()),
    }
}

/// What is sealed of an app: secret, key, and members of its settings.
type Opened = (String, String, Map<String, Value>);

fn seal(hallpass: &Hallpass, app: &NewApp, hidden: &Map<String, Value>) -> Result<String, Failure> {
    let all = serde_json::to_vec(&(app.secret.reveal(), app.key.reveal(), hidden))
        .map_err(|error| Failure::from_source("the secret of an app", error))?;
    hallpass.sealer().seal(PURPOSE, &all)
}

fn open(hallpass: &Hallpass, sealed: &str) -> Result<Opened, Failure> {
    let all = hallpass.sealer().open(PURPOSE, sealed)?;
    serde_json::from_slice(&all)
        .map_err(|error| Failure::from_source("the secret of an app", error))
}
