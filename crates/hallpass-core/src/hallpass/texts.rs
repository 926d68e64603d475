//! Texts: written and sealed for the outbox.

use serde_json::{Value, json};

use super::Hallpass;
use crate::delivery::{Channel, Composed, TEXT_PURPOSE, Text};
use crate::domain::{Phone, Timestamp, secret};
use crate::error::Failure;

impl Hallpass {
    /// Writes a text and seals it.
    pub(crate) fn compose_text(
        &self,
        name: &'static str,
        to: &Phone,
        mut context: Value,
        expires: Option<Timestamp>,
    ) -> Result<Composed, Failure> {
        context["site"] = json!({ "name": self.0.site.name, "url": self.base_url() });
        let variables = &self.0.settings.hallpass.letter_variables;
        context["extra"] = variables.0.clone().into();
        let text = Text {
            to: to.to_string(),
            text: self.0.letters.render_text(name, &context)?,
            id: secret::random_text(secret::LOWER_ALPHANUMERIC, 24),
        };
        let json =
            serde_json::to_vec(&text).map_err(|error| Failure::from_source("the text", error))?;
        Ok(Composed {
            channel: Channel::Text,
            letter: name,
            recipient: text.to,
            sealed: self.0.sealer.seal(TEXT_PURPOSE, &json)?,
            expires,
        })
    }
}
