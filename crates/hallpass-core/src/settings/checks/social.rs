//! SOCIALACCOUNT_*, and what of HALLPASS_* is about identity providers.

use super::Checks;
use crate::settings::{SignupField, Verification};

pub(super) fn check(checks: &mut Checks<'_>) {
    let s = &checks.settings.socialaccount;
    checks.within("SOCIALACCOUNT_REQUESTS_TIMEOUT", s.requests_timeout, 1, 120);
    let prefix = &s.openid_connect_url_prefix;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    checks.refuse(
        "SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX",
        !prefix.bytes().all(plain),
        "must be letters, digits, dashes and underscores: it stands in addresses",
    );
    only(checks);
    email(checks);
    apps(checks);
    dummy(checks);
    let h = &checks.settings.hallpass;
    for (name, text) in [
        ("HALLPASS_PROVIDERS", &h.providers),
        ("HALLPASS_OUTBOUND_CA_FILE", &h.outbound_ca_file),
    ] {
        let blank = text.as_deref().is_some_and(|text| text.trim().is_empty());
        checks.refuse(name, blank, "is empty: leave it out instead");
    }
    let host = |text: &String| {
        let url = url::Url::parse(&format!("http://{text}/"));
        let alone =
            |url: url::Url| url.path() == "/" && url.username().is_empty() && url.query().is_none();
        !text.is_empty() && !text.contains(['/', '@', '*', '?', '#']) && url.is_ok_and(alone)
    };
    checks.refuse(
        "HALLPASS_OUTBOUND_PRIVATE",
        !h.outbound_private.iter().all(host),
        "must be hosts alone, each perhaps with its port: keycloak.internal, 127.0.0.1:8080, [::1]",
    );
}

/// With SOCIALACCOUNT_ONLY nothing else may be left that somebody has to come in by.
fn only(checks: &mut Checks<'_>) {
    let s = checks.settings;
    if !s.socialaccount.only {
        return;
    }
    let name = "SOCIALACCOUNT_ONLY";
    let codes = s.account.login_by_code_enabled;
    let both = checks.understood(&[name, "ACCOUNT_LOGIN_BY_CODE_ENABLED"]);
    checks.refuse(
        name,
        both && codes,
        "is on, and so is ACCOUNT_LOGIN_BY_CODE_ENABLED: there is one way in or several",
    );
    let both = checks.understood(&[name, "ACCOUNT_EMAIL_VERIFICATION"]);
    let none = s.account.email_verification == Verification::None
        && s.social_email_verification() == Verification::None;
    checks.refuse(
        name,
        both && !none,
        "is on: ACCOUNT_EMAIL_VERIFICATION must be \"none\" then, and so must SOCIALACCOUNT_EMAIL_VERIFICATION, since \
         there are no pages to confirm an address",
    );
}

fn email(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let social = &s.socialaccount;
    let both = [
        "SOCIALACCOUNT_EMAIL_REQUIRED",
        "SOCIALACCOUNT_EMAIL_VERIFICATION",
    ];
    let mandatory = social.email_verification == Some(Verification::Mandatory);
    checks.refuse(
        "SOCIALACCOUNT_EMAIL_VERIFICATION",
        checks.understood(&both) && mandatory && !s.social_email_required(),
        "is \"mandatory\", but nobody has to have an address: set SOCIALACCOUNT_EMAIL_REQUIRED, or write `email*` in \
         ACCOUNT_SIGNUP_FIELDS",
    );
    let both = [
        "SOCIALACCOUNT_EMAIL_REQUIRED",
        "SOCIALACCOUNT_EMAIL_VERIFICATION",
        "ACCOUNT_EMAIL_VERIFICATION",
    ];
    let follows = social.email_verification.is_none()
        && s.social_email_verification() == Verification::Mandatory;
    checks.refuse(
        "SOCIALACCOUNT_EMAIL_REQUIRED",
        checks.understood(&both) && follows && social.email_required == Some(false),
        "is false, and ACCOUNT_EMAIL_VERIFICATION is \"mandatory\": who comes without an address could never come in. Set \
         SOCIALACCOUNT_EMAIL_VERIFICATION to \"optional\" or \"none\", too",
    );
    let asked = s.account.asks(SignupField::Email).is_some();
    let codes = s.account.email_verification_by_code_enabled;
    let by_code = mandatory && codes && s.account.email_verification != Verification::Mandatory;
    checks.refuse(
        "SOCIALACCOUNT_EMAIL_VERIFICATION",
        asked && by_code,
        "is \"mandatory\" with codes, which need ACCOUNT_EMAIL_VERIFICATION to be \"mandatory\", too",
    );
}

/// The dummy believes what is typed: anybody could be anybody.
fn dummy(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let named = s.socialaccount.providers.0.contains_key("dummy");
    let both = ["SOCIALACCOUNT_PROVIDERS", "ALLOWED_HOSTS"];
    checks.refuse(
        "SOCIALACCOUNT_PROVIDERS",
        checks.understood(&both) && named && !s.is_local(),
        "names \"dummy\", which signs in whoever says to be somebody, and ALLOWED_HOSTS lets others come than who sits at this \
         machine: remove it",
    );
}

/// Two apps that nothing tells apart: nobody could say which of them is meant.
fn apps(checks: &mut Checks<'_>) {
    let name = "SOCIALACCOUNT_PROVIDERS";
    let providers = checks.settings.socialaccount.providers.clone();
    for (id, provider) in &providers.0 {
        let mut seen = std::collections::BTreeSet::new();
        for app in &provider.apps {
            let same = !seen.insert((&app.provider_id, &app.client_id));
            checks.refuse(
                name,
                same,
                format!(
                    "has two apps of \"{}\" with the same provider_id and client_id",
                    id.escape_debug()
                ),
            );
            let nameless = id == "openid_connect" && app.provider_id.is_empty();
            checks.refuse(
                name,
                nameless,
                "has an app of \"openid_connect\" without a provider_id, which says under what its accounts are kept",
            );
        }
    }
}
