//! Letters and text messages from templates, compiled once; a folder of the operator's may replace any of them by name.

use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value;

use crate::error::Failure;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../letters/", $name)))),*] };
}

const EMBEDDED: &[(&str, &str)] = embedded![
    "layouts/letter.html",
    "layouts/letter.txt",
    "layouts/parts.html",
    "layouts/parts.txt",
    "login_by_link/link/subject.txt",
    "login_by_link/link/message.txt",
    "login_by_link/link/message.html",
    "login_by_link/unknown_account/subject.txt",
    "login_by_link/unknown_account/message.txt",
    "login_by_link/unknown_account/message.html",
    "login_by_code/code/subject.txt",
    "login_by_code/code/message.txt",
    "login_by_code/code/message.html",
    "login_by_code/code/sms.txt",
    "login_by_code/unknown_account/subject.txt",
    "login_by_code/unknown_account/message.txt",
    "login_by_code/unknown_account/message.html",
    "login_by_code/unknown_account/sms.txt",
    "signup/account_already_exists/subject.txt",
    "signup/account_already_exists/message.txt",
    "signup/account_already_exists/message.html",
    "signup/account_already_exists/sms.txt",
    "email_verification/link/subject.txt",
    "email_verification/link/message.txt",
    "email_verification/link/message.html",
    "email_verification/code/subject.txt",
    "email_verification/code/message.txt",
    "email_verification/code/message.html",
    "password_reset/link/subject.txt",
    "password_reset/link/message.txt",
    "password_reset/link/message.html",
    "password_reset/code/subject.txt",
    "password_reset/code/message.txt",
    "password_reset/code/message.html",
    "password_reset/unknown_account/subject.txt",
    "password_reset/unknown_account/message.txt",
    "password_reset/unknown_account/message.html",
    "password_reset/done/subject.txt",
    "password_reset/done/message.txt",
    "password_reset/done/message.html",
    "password_change/changed/subject.txt",
    "password_change/changed/message.txt",
    "password_change/changed/message.html",
    "password_change/set/subject.txt",
    "password_change/set/message.txt",
    "password_change/set/message.html",
    "manage_email/changed/subject.txt",
    "manage_email/changed/message.txt",
    "manage_email/changed/message.html",
    "manage_email/removed/subject.txt",
    "manage_email/removed/message.txt",
    "manage_email/removed/message.html",
    "phone/code/sms.txt",
    "social/connected/subject.txt",
    "social/connected/message.txt",
    "social/connected/message.html",
    "social/disconnected/subject.txt",
    "social/disconnected/message.txt",
    "social/disconnected/message.html",
    "social/merged/subject.txt",
    "social/merged/message.txt",
    "social/merged/message.html",
];

/// A letter's three parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, without prefix.
    pub subject: String,
    /// The text half.
    pub text: String,
    /// The HTML half.
    pub html: Option<String>,
}

/// The templates of all letters.
pub struct Letters(Environment<'static>);

impl Letters {
    /// Compiles them. `folder` holds `letters/…` of the operator's, `app` what the app brings, by names that begin with
    /// `letters/` too: the operator's counts first. One that does not compile is a failure that names it.
    pub fn compile(folder: Option<&Path>, app: &[(String, String)]) -> Result<Self, Failure> {
        let unknown = app.iter().map(|(name, _)| name).find(|name| {
            let known = |own: &&str| name.strip_prefix("letters/") == Some(own);
            !EMBEDDED.iter().any(|(name, _)| known(name))
        });
        if let Some(name) = unknown {
            return Err(Failure::new(format!("there is no letter template {name}")));
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        for (name, embedded) in EMBEDDED {
            let own = folder
                .map(|folder| folder.join("letters").join(name))
                .filter(|path| path.is_file());
            let source = match &own {
                Some(path) => std::fs::read_to_string(path).map_err(|error| {
                    Failure::from_source(
                        format!("the letter {} cannot be read", path.display()),
                        error,
                    )
                })?,
                None => {
                    let brought =
                        |(own, _): &&(String, String)| own.strip_prefix("letters/") == Some(*name);
                    let brought = app.iter().rev().find(brought);
                    brought.map_or_else(|| (*embedded).to_owned(), |(_, source)| source.clone())
                }
            };
            environment
                .add_template_owned(*name, source)
                .map_err(|error| {
                    Failure::from_source(format!("the letter {name} has an error"), error)
                })?;
        }
        Ok(Letters(environment))
    }

    /// Renders a letter by its folder.
    pub fn render(&self, name: &str, context: &Value) -> Result<Rendered, Failure> {
        Ok(Rendered {
            subject: self
                .part(name, "subject.txt", context)?
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            text: self.part(name, "message.txt", context)?,
            html: Some(self.part(name, "message.html", context)?),
        })
    }

    /// Renders a text message by its folder: `sms.txt`, without blanks around it.
    pub fn render_text(&self, name: &str, context: &Value) -> Result<String, Failure> {
        Ok(self.part(name, "sms.txt", context)?.trim().to_owned())
    }

    fn part(&self, name: &str, file: &str, context: &Value) -> Result<String, Failure> {
        let name = format!("{name}/{file}");
        let context = minijinja::Value::from(minijinja::value::Serde(context));
        self.0
            .get_template(&name)
            .and_then(|template| template.render(context))
            .map_err(|error| {
                Failure::from_source(format!("the letter {name} cannot be written"), error)
            })
    }
}
