//! `createsuperuser`, `changepassword`, `link`

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Result, bail};
use dialoguer::{Confirm, Input, Password};
use hallpass::flows::{login_by_link, users};
use hallpass::settings::Settings;
use hallpass::{Hallpass, store};

use super::say;
use crate::start;

async fn open(settings: Settings) -> Result<Hallpass> {
    let db = start::database(&settings)?;
    store::migrate(&db).await?;
    Ok(hallpass::builder(settings)?.database(db).build().await?)
}

pub(crate) async fn create_superuser(
    settings: Settings,
    username: Option<String>,
    email: Option<String>,
    noinput: bool,
) -> Result<()> {
    let hallpass = open(settings).await?;
    if !noinput && !std::io::stdin().is_terminal() {
        bail!(
            "there is no terminal to ask on: use --noinput with DJANGO_SUPERUSER_USERNAME, _EMAIL and _PASSWORD"
        );
    }
    let username = match username {
        Some(username) => username,
        None if noinput => bail!("--noinput needs --username or DJANGO_SUPERUSER_USERNAME"),
        None => Input::new().with_prompt("User name").interact_text()?,
    };
    let email = match email {
        Some(email) => email,
        None if noinput => String::new(),
        None => Input::new()
            .with_prompt("E-mail address")
            .allow_empty(true)
            .interact_text()?,
    };
    let password = match noinput {
        true => std::env::var("DJANGO_SUPERUSER_PASSWORD").ok(),
        false => Some(ask_password(&hallpass, &username, &email)?),
    };
    match users::create_superuser(&hallpass, &username, &email, password.as_deref()).await? {
        users::Created::Made(_) => say("Superuser created successfully."),
        users::Created::Taken => bail!("That username is already taken."),
        users::Created::BadName => {
            bail!("\"{username}\" is no user name: letters, digits and @/./+/-/_ only, at most 150")
        }
        users::Created::BadEmail => bail!("\"{email}\" is no e-mail address"),
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
    let Some(user) = users::by_username(&hallpass, username).await? else {
        bail!("there is no user \"{username}\"");
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
            "Password changed successfully for user \"{}\".",
            user.username
        ));
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask on: use --stdin");
    }
    say(&format!(
        "Changing password for user \"{}\".",
        user.username
    ))?;
    for _ in 0..3 {
        let password = Password::new()
            .with_prompt("Password")
            .with_confirmation("Password (again)", "The two differ. Once more.")
            .interact()?;
        let errors = users::password_errors(&hallpass, &password, &user.username, &user.email);
        if errors.is_empty() {
            users::set_password(&hallpass, &user, &password).await?;
            return say(&format!(
                "Password changed successfully for user \"{}\".",
                user.username
            ));
        }
        for error in &errors {
            say(error)?;
        }
    }
    bail!("the password was not changed after 3 attempts")
}

pub(crate) async fn link(settings: Settings, name: &str, base_url: Option<String>) -> Result<()> {
    let hallpass = open(settings).await?;
    let user = match users::by_username(&hallpass, name).await? {
        Some(user) => user,
        None => match users::by_email(&hallpass, name).await?.as_mut_slice() {
            [] => bail!("there is no user \"{name}\""),
            [user] => user.clone(),
            _ => bail!("several users have the address {name}: name one by user name"),
        },
    };
    if !user.is_active {
        bail!("the account is switched off: no link would work");
    }
    let base = base_url.unwrap_or_else(|| hallpass.base_url());
    let link = login_by_link::Link::make(&hallpass, &user, hallpass.now());
    say(&format!(
        "{}{}{}",
        base.trim_end_matches('/'),
        hallpass.settings().hallpass.mount,
        link.path()
    ))
}
