//! `createsuperuser`, `changepassword`, `link`

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Result, bail};
use dialoguer::{Confirm, Input, Password};
use hallpass::domain::User;
use hallpass::flows::{login_by_link, users};
use hallpass::settings::Settings;
use hallpass::{Error, Hallpass, Refusal, store};

use super::say;
use crate::start;

async fn open(settings: Settings) -> Result<Hallpass> {
    let db = start::database(&settings)?;
    store::migrate_with(&db, &settings.hallpass.user_fields).await?;
    Ok(Hallpass::builder()
        .settings(settings)
        .database(db)
        .build()
        .await?)
}

/// What the command line says of a superuser.
pub(crate) struct Wanted {
    pub(crate) username: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) noinput: bool,
}

pub(crate) async fn create_superuser(settings: Settings, wanted: Wanted) -> Result<()> {
    let hallpass = open(settings).await?;
    let noinput = wanted.noinput;
    if !noinput && !std::io::stdin().is_terminal() {
        bail!(
            "there is no terminal to ask on: use --noinput with DJANGO_SUPERUSER_USERNAME, _EMAIL and _PASSWORD"
        );
    }
    let settings = hallpass.settings();
    let has_names = settings.account.has_usernames();
    let username = match wanted.username {
        Some(_) if !has_names => bail!("people have no user names here: leave --username out"),
        Some(username) => Some(username),
        None if !has_names => None,
        None if noinput => bail!("--noinput needs --username or DJANGO_SUPERUSER_USERNAME"),
        None => Some(Input::new().with_prompt("User name").interact_text()?),
    };
    let email = match wanted.email {
        Some(email) => email,
        None if noinput && !has_names => bail!("--noinput needs --email or DJANGO_SUPERUSER_EMAIL"),
        None if noinput => String::new(),
        None => Input::new()
            .with_prompt("E-mail address")
            .allow_empty(has_names)
            .interact_text()?,
    };
    let mut fields = wanted.fields;
    for own in settings.hallpass.user_fields.iter().map(|own| &own.field) {
        let given = fields.iter().any(|(name, _)| *name == own.name);
        if own.required && !given && !noinput {
            let text = Input::new().with_prompt(&own.label).interact_text()?;
            fields.push((own.name.clone(), text));
        }
    }
    let name = username.as_deref().unwrap_or_default();
    let password = match noinput {
        true => std::env::var("DJANGO_SUPERUSER_PASSWORD").ok(),
        false => Some(ask_password(&hallpass, name, &email)?),
    };
    let superuser = users::Superuser {
        username: username.as_deref(),
        email: &email,
        password: password.as_deref(),
        own: &fields,
    };
    match users::create_superuser(&hallpass, superuser).await? {
        users::Created::Made(_) => say("Superuser created successfully."),
        users::Created::Taken if !has_names => bail!("That e-mail address is already taken."),
        users::Created::Taken => bail!("That username is already taken."),
        users::Created::BadName => {
            bail!("\"{name}\" is no user name: letters, digits and @/./+/-/_ only, at most 150")
        }
        users::Created::BadEmail => bail!("\"{email}\" is no e-mail address"),
        users::Created::NoField(name) => bail!("HALLPASS_USER_FIELDS declares no \"{name}\""),
        users::Created::BadField(name, refusal) => {
            bail!(
                "{name}: {}. Write it as --field {name}=…",
                fault(&refusal, settings, &name)
            )
        }
    }
}

/// What a column of one's own is refused for.
fn fault(refusal: &Refusal, settings: &Settings, name: &str) -> String {
    match refusal {
        Refusal::Required(_) => "it is required".to_owned(),
        Refusal::NotUnique => "somebody has this already".to_owned(),
        Refusal::TooLong { limit, .. } => format!("at most {limit} characters"),
        Refusal::InvalidChoice(_) => {
            let own = settings.hallpass.user_fields.iter();
            let own = own.filter(|own| own.name() == name);
            let choices = own.flat_map(|own| own.field.choices.iter());
            let choices: Vec<_> = choices.map(|(value, _)| value.as_str()).collect();
            format!("one of {}", choices.join(", "))
        }
        _ => "this does not have the form that is needed".to_owned(),
    }
}

fn ask_password(hallpass: &Hallpass, username: &str, email: &str) -> Result<String> {
    loop {
        let password = Password::new()
            .with_prompt("Password")
            .with_confirmation("Password (again)", "The two differ. Once more.")
            .interact()?;
        let errors = users::password_errors(hallpass, &password, username, email);
        if errors.is_empty() {
            return Ok(password);
        }
        for error in &errors {
            say(error)?;
        }
        if Confirm::new()
            .with_prompt("Use this password anyway?")
            .default(false)
            .interact()?
        {
            return Ok(password);
        }
    }
}

pub(crate) async fn change_password(settings: Settings, username: &str, stdin: bool) -> Result<()> {
    let hallpass = open(settings).await?;
    let user = find(&hallpass, username).await?;
    // The column, even where it is made up; the address, where there is none.
    let name = match user.username.is_empty() {
        true => hallpass.display(&user),
        false => user.username.clone(),
    };
    if stdin {
        let mut text = String::new();
        std::io::stdin().take(8192).read_to_string(&mut text)?;
        let password = text.trim_end_matches(['\r', '\n']);
        let errors = users::password_errors(&hallpass, password, &user.username, &user.email);
        if !errors.is_empty() {
            bail!("{}", errors.join(" "));
        }
        users::set_password(&hallpass, &user, password).await?;
        return say(&format!(
            "Password changed successfully for user \"{name}\"."
        ));
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask on: use --stdin");
    }
    say(&format!("Changing password for user \"{name}\"."))?;
    for _ in 0..3 {
        let password = Password::new()
            .with_prompt("Password")
            .with_confirmation("Password (again)", "The two differ. Once more.")
            .interact()?;
        let errors = users::password_errors(&hallpass, &password, &user.username, &user.email);
        if errors.is_empty() {
            users::set_password(&hallpass, &user, &password).await?;
            return say(&format!(
                "Password changed successfully for user \"{name}\"."
            ));
        }
        for error in &errors {
            say(error)?;
        }
    }
    bail!("the password was not changed after 3 attempts")
}

/// By user name, else by address.
async fn find(hallpass: &Hallpass, name: &str) -> Result<User> {
    if let Some(user) = users::by_username(hallpass, name).await? {
        return Ok(user);
    }
    match users::by_email(hallpass, name).await?.as_slice() {
        [] => bail!("there is no user \"{name}\""),
        [user] => Ok(user.clone()),
        _ => bail!("several users have the address {name}: name one by user name"),
    }
}

/// `page` is a path and the scope that it asks for; without one it is a sign-in link.
pub(crate) async fn link(
    settings: Settings,
    name: &str,
    page: Option<(&str, &str)>,
    base_url: Option<String>,
) -> Result<()> {
    let hallpass = open(settings).await?;
    let user = find(&hallpass, name).await?;
    if !user.is_active {
        bail!("the account is switched off: no link would work");
    }
    let base = base_url.unwrap_or_else(|| hallpass.base_url());
    if let Some((path, scope)) = page {
        let link = hallpass.magic_link(&user).scope(scope).base_url(base);
        return match link.url(path).await {
            Ok(link) => say(&link),
            Err(Error::Failed(failure)) => bail!("{failure}"),
            Err(Error::Refused(refusal)) => bail!("{}", refusal.code()),
        };
    }
    let link = login_by_link::Link::make(&hallpass, &user, hallpass.now());
    say(&format!(
        "{}{}{}",
        base.trim_end_matches('/'),
        hallpass.settings().hallpass.mount,
        link.path()
    ))
}
