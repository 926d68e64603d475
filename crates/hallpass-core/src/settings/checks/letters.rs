//! Letters: where they go, who sends them.

use super::Checks;
use crate::delivery::{is_address, is_sender};
use crate::settings::Backend;

pub(super) fn check(checks: &mut Checks<'_>) {
    let s = checks.settings;
    checks.refuse(
        "EMAIL_USE_TLS",
        s.email.use_tls && s.email.use_ssl,
        "and EMAIL_USE_SSL exclude each other: keep the first for port 587, the second for port 465",
    );
    checks.within("EMAIL_PORT", s.email.port, 1, 65_535);
    checks.within("EMAIL_TIMEOUT", s.email.timeout, 1, 3_600);
    let smtp = s.email.backend == Backend::Smtp;
    checks.refuse(
        "EMAIL_HOST",
        smtp && s.email.host.is_empty(),
        "is empty: name the mail server",
    );
    checks.refuse(
        "EMAIL_HOST_PASSWORD",
        !s.email.host_password.reveal().is_empty() && s.email.host_user.is_empty(),
        "is set, but EMAIL_HOST_USER is not, so that nobody would sign in with it: set both or neither",
    );
    let folder = s.email.file_path.as_deref().unwrap_or_default();
    checks.refuse(
        "EMAIL_FILE_PATH",
        s.email.backend == Backend::File && folder.is_empty(),
        "must name a folder when EMAIL_BACKEND is \"file\"",
    );
    checks.refuse(
        "DEFAULT_FROM_EMAIL",
        !is_sender(&s.general.default_from_email),
        "is no address: write name@example.com or Name <name@example.com>",
    );
    let support = s.hallpass.support_address.as_deref();
    checks.refuse(
        "HALLPASS_SUPPORT_ADDRESS",
        support.is_some_and(|text| !is_address(text)),
        "is no address: write one such as help@example.com",
    );
    checks.within("HALLPASS_MAIL_WORKERS", s.hallpass.mail_workers, 1, 256);
    checks.within("HALLPASS_MAIL_ATTEMPTS", s.hallpass.mail_attempts, 1, 1_000);
}
