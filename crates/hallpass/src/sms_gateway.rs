//! Texts by an HTTP gateway: one POST a text, as the HALLPASS_SMS_* settings say.
//!
//! The gateway is another's program. Its answer is read up to a bound and never repeated: it may hold the number, the
//! code or our key. Of a refusal the log gets the status and the gateway's own number for it. Redirects are not followed:
//! they would carry the key and the code to where nobody sent them.

use std::fmt;
use std::time::Duration;

use hallpass_core::delivery::{Rejection, Sending, SmsAddress, SmsBody, Text, Texter};
use hallpass_core::error::Failure;
use hallpass_core::settings::{Settings, SmsContentType};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{StatusCode, header::ACCEPT};
use reqwest::{Client, Response};

/// As much of an answer as is read.
const LONGEST_ANSWER: usize = 16 * 1024;

/// A gateway and how to speak to it.
pub struct SmsGateway {
    client: Client,
    address: SmsAddress,
    headers: HeaderMap,
    body: SmsBody,
}

impl SmsGateway {
    /// By the HALLPASS_SMS_* settings. Certificates are checked against the system's roots.
    pub fn new(settings: &Settings) -> Result<Self, Failure> {
        let s = &settings.hallpass;
        let wrong = |name: &str, what: &str| Failure::new(format!("{name} {what}"));
        let address = s.sms_url.as_ref().map_or("", |url| url.reveal());
        let address = SmsAddress::new(address).map_err(|what| wrong("HALLPASS_SMS_URL", what))?;
        let body = SmsBody::new(s.sms_body.as_deref(), s.sms_content_type)
            .map_err(|what| wrong("HALLPASS_SMS_BODY", &what))?;
        let mut headers = HeaderMap::new();
        let format = match s.sms_content_type {
            SmsContentType::Json => "application/json",
            SmsContentType::Form => "application/x-www-form-urlencoded",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(format));
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, */*;q=0.5"),
        );
        if let Some(secret) = &s.sms_authorization {
            // The error would not name the secret, but it says nothing either.
            let mut value = HeaderValue::from_str(secret.reveal())
                .map_err(|_| wrong("HALLPASS_SMS_AUTHORIZATION", "cannot stand in a header"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(SmsGateway {
            client: client(&address, Duration::from_secs(s.sms_timeout))?,
            address,
            headers,
            body,
        })
    }

    async fn post(&self, text: &Text) -> Result<(), Rejection> {
        let request = self
            .client
            .post(self.address.url().clone())
            .headers(self.headers.clone())
            .body(self.body.fill(text));
        let answer = request
            .send()
            .await
            .map_err(|error| Rejection::Passing(spell(error)))?;
        let status = answer.status();
        tracing::debug!(
            to = text.masked(),
            id = text.id,
            status = status.as_u16(),
            "the SMS gateway answered"
        );
        if status.is_success() {
            return Ok(());
        }
        let number = match own_number(answer).await {
            Some(number) => format!(" (its number for it: {number})"),
            None => String::new(),
        };
        let what = format!("the SMS gateway answered {}{number}", status.as_u16());
        Err(match is_passing(status) {
            true => Rejection::Passing(what),
            false if status.is_redirection() => Rejection::Final(format!(
                "{what}, a redirect, which is not followed: HALLPASS_SMS_URL must be where it leads"
            )),
            false => Rejection::Final(what),
        })
    }
}

impl Texter for SmsGateway {
    fn send<'a>(&'a self, text: &'a Text) -> Sending<'a> {
        Box::pin(self.post(text))
    }
}

impl fmt::Debug for SmsGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmsGateway({:?})", self.address)
    }
}

fn client(address: &SmsAddress, timeout: Duration) -> Result<Client, Failure> {
    // The app may have chosen its provider already; then that one is used.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("hallpass/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .timeout(timeout);
    // A proxy of the environment is for what is elsewhere; in the clear it would see the key.
    builder = match address.is_local() {
        true => builder.no_proxy(),
        false => builder.https_only(true),
    };
    builder.build().map_err(|error| {
        Failure::from_source("the client for the SMS gateway", error.without_url())
    })
}

/// Whether trying again may help.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        )
}

/// The gateway's number for what went wrong, which its documentation explains: `code` or `error_code` at the top of a
/// JSON answer, or `code` of the first of its `errors`. Too short to be anything secret.
async fn own_number(mut answer: Response) -> Option<u64> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    let answer: serde_json::Value = serde_json::from_slice(&body).ok()?;
    let code = answer
        .get("code")
        .or_else(|| answer.get("error_code"))
        .or_else(|| answer.pointer("/errors/0/code"))?;
    code.as_u64().filter(|number| *number < 100_000)
}

/// An error and its causes, without the address and bounded.
fn spell(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "the SMS gateway is too slow".to_owned();
    }
    let error = error.without_url();
    let mut text = format!("the SMS gateway cannot be reached: {error}");
    let mut next = std::error::Error::source(&error);
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(500)
        .collect()
}
