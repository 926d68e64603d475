//! Delivery to a mail server.

use std::time::Duration;

use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::mailer::{Mailer, Rejection, Sending};
use super::message::Message;
use crate::error::Failure;
use crate::settings::{Email, Hallpass};

/// A mail server and how to speak to it.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    whole: Duration,
}

impl Smtp {
    /// By the EMAIL_* settings. Certificates are checked against the web's roots and HALLPASS_MAIL_CA_FILE.
    pub fn new(email: &Email, hallpass: &Hallpass) -> Result<Self, Failure> {
        let step = Duration::from_secs(email.timeout.unwrap_or(30));
        let tls = match (email.use_tls, email.use_ssl) {
            (true, _) => Tls::Required(tls(email, hallpass)?),
            (false, true) => Tls::Wrapper(tls(email, hallpass)?),
            (false, false) => Tls::None,
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(email.host.as_str())
                .port(u16::try_from(email.port).unwrap_or(25))
                .timeout(Some(step))
                .tls(tls)
                .pool_config(
                    PoolConfig::new().max_size(u32::try_from(hallpass.mail_workers).unwrap_or(4)),
                );
        if !email.host_user.is_empty() {
            let password = email.host_password.reveal().to_owned();
            builder = builder.credentials(Credentials::new(email.host_user.clone(), password));
        }
        // A server may drip one byte within every step's time: the whole has a bound too.
        Ok(Smtp {
            transport: builder.build(),
            whole: step * 4,
        })
    }
}

fn tls(email: &Email, hallpass: &Hallpass) -> Result<TlsParameters, Failure> {
    let mut builder = TlsParameters::builder(email.host.clone());
    if let Some(path) = &hallpass.mail_ca_file {
        let wrong = |error| {
            Failure::from_source(
                format!("HALLPASS_MAIL_CA_FILE {path} cannot be read"),
                error,
            )
        };
        let pem = std::fs::read(path).map_err(wrong)?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| {
            Failure::from_source("HALLPASS_MAIL_CA_FILE holds no certificate", error)
        })?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build_rustls()
        .map_err(|error| Failure::from_source("TLS for mail", error))
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(async move {
            let built = message
                .build()
                .map_err(|failure| Rejection::Final(failure.to_string()))?;
            match tokio::time::timeout(self.whole, self.transport.send(built)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) if error.is_permanent() => Err(Rejection::Final(spell(&error))),
                Ok(Err(error)) => Err(Rejection::Passing(spell(&error))),
                Err(_) => Err(Rejection::Passing("the mail server is too slow".to_owned())),
            }
        })
    }
}

fn spell(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(500)
        .collect()
}
