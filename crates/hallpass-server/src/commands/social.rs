//! `social`: the apps by which identity providers know this site.

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Result, bail};
use hallpass::flows::social::apps::NewApp;
use hallpass::settings::{Secret, Settings};
use hallpass::{Error, Refusal};
use serde_json::{Map, Value, json};

use super::{accounts, say};
use crate::cli::{AddApp, Social};

pub(crate) async fn run(settings: Settings, what: Social) -> Result<()> {
    match what {
        Social::List { json } => list(settings, json).await,
        Social::Add(app) => add(settings, *app).await,
        Social::Remove { id } => remove(settings, id).await,
        Social::Providers { json } => providers(settings, json).await,
    }
}

async fn list(settings: Settings, as_json: bool) -> Result<()> {
    let hallpass = accounts::open(settings).await?;
    let apps = hallpass.social().apps().await?;
    if as_json {
        let rows: Vec<Value> = apps
            .iter()
            .map(|app| {
                json!({ "id": app.id, "provider": app.provider, "provider_id": app.provider_id, "name": app.name,
                    "client_id": app.client_id })
            })
            .collect();
        return say(&serde_json::to_string_pretty(&rows)?);
    }
    if apps.is_empty() {
        return say(
            "There is no app yet: name one in SOCIALACCOUNT_PROVIDERS, or with `hallpass social add`.",
        );
    }
    for app in apps {
        let place = match app.id {
            Some(id) => format!("database, {id}"),
            None => "settings".to_owned(),
        };
        say(&format!("{}\t{}\t({place})", app.sub_id(), app.client_id))?;
    }
    Ok(())
}

async fn add(settings: Settings, given: AddApp) -> Result<()> {
    let secret = match (given.secret, given.secret_stdin) {
        (Some(secret), _) => secret,
        (None, true) => {
            let mut text = String::new();
            std::io::stdin().take(64 * 1024).read_to_string(&mut text)?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        }
        (None, false) if std::io::stdin().is_terminal() => dialoguer::Password::new()
            .with_prompt("Secret")
            .allow_empty_password(true)
            .interact()?,
        (None, false) => String::new(),
    };
    let own: Map<String, Value> = match given.app_settings.as_deref() {
        None => Map::new(),
        Some(text) => match serde_json::from_str(text) {
            Ok(Value::Object(map)) => map,
            _ => bail!("--app-settings must be a map, written as JSON"),
        },
    };
    let provider = given.provider;
    let app = NewApp {
        provider: provider.clone(),
        provider_id: given.provider_id.unwrap_or_default(),
        name: given.name.unwrap_or_default(),
        client_id: given.client_id.unwrap_or_default(),
        secret: Secret::new(secret),
        key: Secret::new(given.key.unwrap_or_default()),
        settings: own,
    };
    let hallpass = accounts::open(settings).await?;
    match hallpass.social().add_app(&app).await {
        Ok(id) => say(&format!(
            "App {id} is added. Tell the provider to send people back to {}",
            hallpass.social().callback(&app.provider, &app.provider_id)
        )),
        Err(Error::Refused(refusal)) => bail!(words(&refusal, &provider)),
        Err(Error::Failed(failure)) => Err(failure.into()),
    }
}

async fn remove(settings: Settings, id: i64) -> Result<()> {
    let hallpass = accounts::open(settings).await?;
    match hallpass.social().remove_app(id).await {
        Ok(()) => say("The app is removed. Accounts that came by it stay."),
        Err(Error::Refused(_)) => bail!("there is no app {id} in the database"),
        Err(Error::Failed(failure)) => Err(failure.into()),
    }
}

async fn providers(settings: Settings, as_json: bool) -> Result<()> {
    let hallpass = accounts::open(settings).await?;
    let all = hallpass.providers().all();
    if as_json {
        let rows: Vec<Value> = all
            .map(|one| json!({ "id": one.id, "name": one.name, "slug": one.slug, "docs": one.docs, "status": one.status }))
            .collect();
        return say(&serde_json::to_string_pretty(&rows)?);
    }
    for one in all {
        let status = one.status.as_deref().map(|it| format!(" ({it})"));
        say(&format!(
            "{}\t{}{}",
            one.id,
            one.name,
            status.unwrap_or_default()
        ))?;
    }
    Ok(())
}

fn words(refusal: &Refusal, provider: &str) -> String {
    match refusal {
        Refusal::UnknownProvider => format!(
            "\"{}\" is no provider that is known here: `hallpass social providers` lists them",
            provider.escape_debug()
        ),
        Refusal::Required(what) => format!("--{} is needed", what.replace('_', "-")),
        Refusal::TooLong { field, limit } => {
            format!(
                "--{} takes {limit} characters at most",
                field.replace('_', "-")
            )
        }
        other => other.to_string(),
    }
}
