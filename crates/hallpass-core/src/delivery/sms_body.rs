//! What a gateway is sent: HALLPASS_SMS_BODY with its places filled.
//!
//! The attacker chooses the number, and the site's templates the text. Whatever they are, they stay inside their place:
//! filled in one pass, escaped as the body's format asks. That places stand where values belong is checked at the start.

use super::sms::Text;
use crate::settings::SmsContentType;

/// A body with places for `{to}`, or `{digits}` where a gateway wants the number without its plus, `{text}` and `{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsBody {
    template: String,
    format: SmsContentType,
}

impl SmsBody {
    /// The operator's template, or the plainest one of the format. What is wrong with it is said so that it reads on
    /// after the setting's name.
    pub fn new(template: Option<&str>, format: SmsContentType) -> Result<Self, String> {
        let plainest = match format {
            SmsContentType::Json => r#"{"to": "{to}", "text": "{text}"}"#,
            SmsContentType::Form => "to={to}&text={text}",
        };
        let body = SmsBody {
            template: template.unwrap_or(plainest).to_owned(),
            format,
        };
        body.check()?;
        Ok(body)
    }

    /// The body for one text.
    pub fn fill(&self, text: &Text) -> String {
        self.fill_with(&text.to, &text.text, &text.id)
    }

    fn fill_with(&self, to: &str, text: &str, id: &str) -> String {
        let mut body = String::with_capacity(self.template.len() + text.len() + 64);
        let mut rest = self.template.as_str();
        while let Some(at) = rest.find('{') {
            let (before, place) = rest.split_at(at);
            body.push_str(before);
            let values = [
                ("{to}", to),
                ("{digits}", to.trim_start_matches('+')),
                ("{text}", text),
                ("{id}", id),
            ];
            let found = values
                .iter()
                .find_map(|(name, value)| Some((place.strip_prefix(name)?, value)));
            rest = match found {
                Some((after, value)) => {
                    body.push_str(&self.escape(value));
                    after
                }
                None => {
                    body.push('{');
                    &place[1..]
                }
            };
        }
        body.push_str(rest);
        body
    }

    fn escape(&self, value: &str) -> String {
        match self.format {
            SmsContentType::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            SmsContentType::Form => {
                url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let has = |place| self.template.contains(place);
        if !has("{to}") && !has("{digits}") {
            return Err("has no {to}, and no {digits}: whom would a text reach?".to_owned());
        }
        if !has("{text}") {
            return Err("has no {text}: what would a text say?".to_owned());
        }
        match self.format {
            SmsContentType::Json => {
                // Values that are no JSON on their own: it is JSON only if every place stands between quotes.
                let sample = self.fill_with("+x", "\"a\\", "id");
                serde_json::from_str::<serde_json::Value>(&sample)
                    .map(drop)
                    .map_err(|_| {
                        "is no JSON once its places are filled: put them between double quotes, as in \
                         {\"to\": \"{to}\", \"text\": \"{text}\"}"
                            .to_owned()
                    })
            }
            SmsContentType::Form => self.check_form(),
        }
    }

    fn check_form(&self) -> Result<(), String> {
        let filled = self.fill_with("1", "1", "1");
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~*%+=&!$'(),;:@/?[]".contains(&b);
        if !filled.bytes().all(plain) {
            return Err(
                "holds characters that a form must spell as %XX: a blank is +, a bracket {} is %7B or %7D"
                    .to_owned(),
            );
        }
        let bytes = filled.as_bytes();
        let number = |w: &[u8]| w[0] == b'=' && w[1] == b'+' && w[2].is_ascii_digit();
        if bytes.windows(3).any(number) {
            return Err(
                "has a number after a bare +, which means a blank in a form: write %2B".to_owned(),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text {
            to: "+491701234567".to_owned(),
            text: text.to_owned(),
            id: "id-1".to_owned(),
        }
    }

    #[test]
    fn values_stay_in_their_place() {
        let json = SmsBody::new(None, SmsContentType::Json).unwrap();
        let form = SmsBody::new(
            Some("From=%2B15550100&To={to}&Body={text}&Id={id}"),
            SmsContentType::Form,
        )
        .unwrap();
        for said in [
            "123456 is your code",
            "\", \"to\": \"+1900",
            "a\\\"b\n\u{2028}\u{0}",
            "&To=+1900",
            "{to} {digits} {text} {id} {",
            "Grüße 👋",
            "",
        ] {
            let value: serde_json::Value = serde_json::from_str(&json.fill(&text(said))).unwrap();
            assert_eq!(
                value,
                serde_json::json!({"to": "+491701234567", "text": said})
            );
            let filled = form.fill(&text(said));
            let pairs: Vec<(String, String)> = url::form_urlencoded::parse(filled.as_bytes())
                .into_owned()
                .collect();
            let wanted = [
                ("From", "+15550100"),
                ("To", "+491701234567"),
                ("Body", said),
                ("Id", "id-1"),
            ];
            assert_eq!(pairs, wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
        }
    }

    #[test]
    fn nested_json_and_places_within_words() {
        let template = r#"{"messages": [{"to": "tel:{to}", "content": {"text": "{text}", "ref": "{id}"}, "n": {}}]}"#;
        let body = SmsBody::new(Some(template), SmsContentType::Json).unwrap();
        let value: serde_json::Value = serde_json::from_str(&body.fill(&text("hi"))).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"messages": [
                {"to": "tel:+491701234567", "content": {"text": "hi", "ref": "id-1"}, "n": {}}
            ]})
        );
    }

    #[test]
    fn a_number_without_its_plus() {
        for (template, format, filled) in [
            (
                r#"["{digits}", "{text}"]"#,
                SmsContentType::Json,
                r#"["491701234567", "hi"]"#,
            ),
            (
                "to={digits}&text={text}",
                SmsContentType::Form,
                "to=491701234567&text=hi",
            ),
        ] {
            let body = SmsBody::new(Some(template), format).unwrap();
            assert_eq!(body.fill(&text("hi")), filled);
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        use SmsContentType::{Form, Json};
        for (template, format, words) in [
            ("", Json, "has no {to}"),
            (r#"{"to": "{to}"}"#, Json, "has no {text}"),
            (
                r#"{"to": {to}, "text": "{text}"}"#,
                Json,
                "between double quotes",
            ),
            (
                r#"{"to": "{to}", "text": {text}}"#,
                Json,
                "between double quotes",
            ),
            (r#"{"to": "{to}", "text": "{text}""#, Json, "is no JSON"),
            ("to={to}&text={text}", Json, "is no JSON"),
            ("to={to}", Form, "has no {text}"),
            ("from=My Shop&to={to}&text={text}", Form, "%XX"),
            (r#"{"to": "{to}", "text": "{text}"}"#, Form, "%XX"),
            ("from=+15550100&to={to}&text={text}", Form, "%2B"),
        ] {
            let what = SmsBody::new(Some(template), format).unwrap_err();
            assert!(what.contains(words), "{template}: {what}");
        }
        for (template, format) in [
            ("from=My+Shop&to={to}&text={text}", Form),
            ("to=00{to}&text={text}", Form),
            (r#"["{to}", "{text}"]"#, Json),
            (r#"["{digits}", "{text}"]"#, Json),
            ("to={digits}&text={text}", Form),
        ] {
            assert!(SmsBody::new(Some(template), format).is_ok(), "{template}");
        }
    }
}
