//! `createsuperuser`, `changepassword`, `link`

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Result, bail};
use dialoguer::{Confirm, Input, Password};
use hallpass::domain::{Client, Session, User};
use hallpass::flows::login_by_link;
use hallpass::settings::Settings;
use hallpass::{Cx, Error, Hallpass, Refusal, store};

use super::say;
use crate::start;

pub(super) async fn open(settings: Settings) -> Result<Hallpass> {
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
        false => Some(ask_password(&hallpass, name, &email).await?),
    };
    let mut new = hallpass.users().create().staff().superuser();
    if let Some(username) = &username {
        new = new.username(username);
    }
    if !email.is_empty() {
        new = new.email(&email);
    }
    // What validators have against it was said above, and may be overruled.
    if let Some(password) = &password {
        new = new.password_unchecked(password);
    }
    for (name, text) in &fields {
        new = new.field(name, text.as_str());
    }
    match new.save().await {
        Ok(_) => say("Superuser created successfully."),
        Err(Error::Refused(Refusal::Several(faults))) => {
            let faults = faults.iter();
            let words: Vec<_> = faults
                .map(|(field, refusal)| why_not(field, refusal, settings))
                .collect();
            bail!("{}", words.join(" "))
        }
        Err(error) => Err(error.into()),
    }
}

/// What a superuser is refused for.
fn why_not(field: &str, refusal: &Refusal, settings: &Settings) -> String {
    match (field, refusal) {
        ("username", Refusal::UsernameTaken) => "That username is already taken.".to_owned(),
        ("username", _) => {
            "That is no user name: letters, digits and @/./+/-/_ only, at most 150.".to_owned()
        }
        ("email", Refusal::EmailTaken) => "That e-mail address is already taken.".to_owned(),
        ("email", Refusal::Required(_)) => "An e-mail address is needed.".to_owned(),
        ("email", _) => "That is no e-mail address.".to_owned(),
        ("password", _) => format!("That is no password: {refusal}."),
        (name, Refusal::NoSuchField) => format!("HALLPASS_USER_FIELDS declares no \"{name}\"."),
        (name, refusal) => format!(
            "{name}: {}. Write it as --field {name}=….",
            fault(refusal, settings, name)
        ),
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

async fn ask_password(hallpass: &Hallpass, username: &str, email: &str) -> Result<String> {
    loop {
        let password = Password::new()
            .with_prompt("Password")
            .with_confirmation("Password (again)", "The two differ. Once more.")
            .interact()?;
        let users = hallpass.users();
        let faults = users.judge_password(&password, username, email).await?;
        if faults.is_empty() {
            return Ok(password);
        }
        for fault in &faults {
            say(&password_fault(fault))?;
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

/// In the validator's words.
fn password_fault(refusal: &Refusal) -> String {
    match refusal {
        Refusal::WeakPassword { message, .. } => message.clone(),
        Refusal::Required(_) => "There is no password.".to_owned(),
        other => format!("That is no password: {other}."),
    }
}

/// Sets a password, or says what is wrong with it.
async fn try_password(hallpass: &Hallpass, user: &User, password: &str) -> Result<Vec<String>> {
    match hallpass.users().set_password(user, password).await {
        Ok(_) => Ok(Vec::new()),
        Err(Error::Refused(Refusal::Several(faults))) => {
            let faults = faults.iter();
            Ok(faults.map(|(_, fault)| password_fault(fault)).collect())
        }
        Err(Error::Refused(refusal)) => Ok(vec![password_fault(&refusal)]),
        Err(failed) => Err(failed.into()),
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
    let done = || {
        say(&format!(
            "Password changed successfully for user \"{name}\"."
        ))
    };
    if stdin {
        let mut text = String::new();
        std::io::stdin().take(8192).read_to_string(&mut text)?;
        let password = text.trim_end_matches(['\r', '\n']);
        let errors = try_password(&hallpass, &user, password).await?;
        return match errors.is_empty() {
            true => done(),
            false => bail!("{}", errors.join(" ")),
        };
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
        let errors = try_password(&hallpass, &user, &password).await?;
        if errors.is_empty() {
            return done();
        }
        for error in &errors {
            say(error)?;
        }
    }
    bail!("the password was not changed after 3 attempts")
}

/// By user name, else by address.
async fn find(hallpass: &Hallpass, name: &str) -> Result<User> {
    let users = hallpass.users();
    if let Some(user) = users.by_username(name).await? {
        return Ok(user);
    }
    match users.with_email(name).await?.as_slice() {
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
    let client = Client::nobody(base.trim_end_matches('/'));
    let mut session = Session::fresh(false);
    let flow = async |cx: &mut Cx| login_by_link::issue(cx, user.id, None).await;
    say(&hallpass.run(&client, &mut session, flow).await?)
}
