//! Letters from templates, compiled once; a folder of the operator's may replace any of them by name.

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
    "layouts/asked.txt",
    "login_by_link/link/subject.txt",
    "login_by_link/link/message.txt",
    "login_by_link/link/message.html",
    "login_by_link/unknown_account/subject.txt",
    "login_by_link/unknown_account/message.txt",
    "login_by_link/unknown_account/message.html",
    "phone/code/sms.txt",
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
    /// Compiles them. `folder` holds `letters/…` of the operator's; one that does not compile is a failure that names it.
    pub fn compile(folder: Option<&Path>) -> Result<Self, Failure> {
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
                None => (*embedded).to_owned(),
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
        let part = |file: &str| {
            let name = format!("{name}/{file}");
            let context = minijinja::Value::from(minijinja::value::Serde(context));
            self.0
                .get_template(&name)
                .and_then(|template| template.render(context))
                .map_err(|error| {
                    Failure::from_source(format!("the letter {name} cannot be written"), error)
                })
        };
        Ok(Rendered {
            subject: part("subject.txt")?
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            text: part("message.txt")?,
            html: Some(part("message.html")?),
        })
    }

    /// Renders a text by its folder: one line.
    pub fn render_text(&self, name: &str, context: &Value) -> Result<String, Failure> {
        let name = format!("{name}/sms.txt");
        let context = minijinja::Value::from(minijinja::value::Serde(context));
        let text = self
            .0
            .get_template(&name)
            .and_then(|template| template.render(context))
            .map_err(|error| {
                Failure::from_source(format!("the text {name} cannot be written"), error)
            })?;
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
