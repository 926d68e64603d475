//! Accounts at providers: `<provider>/`, `<provider>/connect/`, `socialaccounts/` and what is below it.
//!
//! dj-rest-auth leaves it to the project which providers have addresses. Here each that has an app has: by its slug, and
//! those of OpenID Connect by the `provider_id` of theirs. An app may come at any time, in the database, so the addresses of
//! all that are known are routed, and where there is no app there is nothing.

use hallpass_core::flows::social::{apps, connect as connecting};
use hallpass_core::flows::tokens::signup::Kept;
use hallpass_core::flows::tokens::social::{self, Brought};
use hallpass_core::providers::{App, Handed, Kind as Protocol};
use hallpass_core::settings::Secret;
use hallpass_core::{Error, Refusal, TokenFault};
use http::StatusCode;
use serde_json::json;

use super::answer::Reply;
use super::call::{Call, number};
use super::fields::{Errors, Kind, Spec};
use super::openapi::{Answer, schema};
use super::{login as by_password, say};
use crate::face::Face;

const NOTHING_SENT: &str = "Incorrect input. access_token or code is required.";
const WRONG: &str = "Incorrect value";
const WRONG_CODE: &str = "Failed to exchange code for access token";
const TAKEN: &str = "User is already registered with this e-mail address.";
const OTHERS: &str = "That account is already connected to another user of this site.";
const STALE: &str = "Sign in on a page of this site, and prove there once more that it is you.";

pub(crate) fn fields(_: &Face) -> Vec<Spec> {
    let text = |name: &str| Spec::new(name, Kind::Text).blank();
    vec![
        text("access_token"),
        text("code"),
        text("id_token"),
        text("code_verifier")
            .hidden()
            .help("What the code's challenge was made of, if it had one (RFC 7636)."),
        text("callback_url").hidden().help(
            "Where the code was sent to: one of the app's `callback_urls`, or this site's own address.",
        ),
        text("redirect_uri").hidden().help("The same."),
        text("token_secret")
            .hidden()
            .help("OAuth 1: the secret of the access token, which must come along."),
        text("accessToken")
            .hidden()
            .help("The same as access_token."),
        text("provider_id")
            .hidden()
            .help("Which of several apps of one provider."),
    ]
}

fn given(face: &Face, when: &str) -> Vec<Answer> {
    let down = "What was brought is not good, or not for this site.";
    let unknown = "The provider has no app here.";
    vec![
        by_password::given(face, StatusCode::OK, when, true),
        Answer::wrong(down, ("non_field_errors", WRONG), &[]),
        Answer::detail(StatusCode::NOT_FOUND, unknown, "Not found."),
        Answer::limited(),
    ]
}

pub(crate) fn login_answers(face: &Face) -> Vec<Answer> {
    let taken = "A user who did not come by this provider has the address.";
    let words = "Signing in takes one more step, on a page of this site.";
    let staged = "The sign-in would have to go through a stage, which takes a person; or the site refuses it.";
    let example = json!({ "detail": words, "code": "stage_required", "stage": "login_by_code" });
    let mut all = given(face, "Logged in, or signed up.");
    all.push(Answer::wrong(taken, ("non_field_errors", TAKEN), &[]));
    all.push(
        Answer::coded(StatusCode::FORBIDDEN, staged, words, "stage_required").such_as(example),
    );
    all
}

/// Where a fresh proof is asked for.
fn stale(face: &Face) -> Option<Answer> {
    let asked = face.hallpass.settings().social_reauthentication_required();
    let when = "Who asks has not proved for a while that it is them.";
    let code = "reauthentication_required";
    asked.then(|| Answer::coded(StatusCode::FORBIDDEN, when, STALE, code))
}

pub(crate) fn connect_answers(face: &Face) -> Vec<Answer> {
    let others = "The account at the provider is somebody else's here.";
    let mut all = given(face, "Connected, now or before.");
    all.push(Answer::wrong(others, ("non_field_errors", OTHERS), &[]));
    all.extend(stale(face));
    all
}

/// Whether there is an app for the address that was asked; what people call it.
pub(crate) async fn is_set_up(call: &mut Call) -> Result<bool, Reply> {
    let hallpass = call.face.hallpass.clone();
    let all = apps::all(&hallpass).await;
    let all = all.map_err(|failure| say::error(call, failure.into()))?;
    let found = all.iter().find(|app| call.is_of(app));
    call.title = found.and_then(|app| {
        let provider = hallpass.providers().get(&app.provider)?;
        Some(apps::name_of(app, provider).to_owned())
    });
    Ok(found.is_some())
}

/// The app that is meant, of several by `provider_id`.
async fn app(call: &mut Call) -> Result<App, Reply> {
    let (provider, by_path) = match &call.door {
        Some(door) => (door.to_string(), call.param("provider_id")),
        None => return Err(Reply::not_found()),
    };
    let which = by_path.or_else(|| sent(call, "provider_id"));
    let wanted = apps::Wanted {
        provider: &provider,
        provider_id: which.as_deref(),
        client_id: None,
    };
    let found = call.run(async |cx| apps::one(cx, wanted).await).await;
    found.map_err(|error| say::error(call, error))
}

fn sent(call: &Call, name: &str) -> Option<String> {
    Some(call.values.text(name)).filter(|text| !text.is_empty())
}

/// What was brought; an access token goes before a code.
fn handed(call: &Call, app: &App) -> Result<Handed, Reply> {
    let token = sent(call, "access_token").or_else(|| sent(call, "accessToken"));
    let secret = sent(call, "token_secret");
    let provider = call.face.hallpass.providers().get(&app.provider);
    if provider.is_some_and(|provider| provider.kind == Protocol::OAuth1) {
        let mut errors = Errors::default();
        for (name, text) in [("access_token", &token), ("token_secret", &secret)] {
            if text.is_none() {
                errors.add(name, "This field is required.");
            }
        }
        if !errors.0.is_empty() {
            return Err(Reply::wrong(errors));
        }
    }
    let code = sent(call, "code").filter(|_| token.is_none());
    let id_token = sent(call, "id_token");
    if token.is_none() && code.is_none() && id_token.is_none() {
        return Err(Reply::refused(NOTHING_SENT));
    }
    let secret_of = |text: Option<String>| text.map(Secret::new);
    Ok(Handed {
        access_token: secret_of(token),
        id_token: secret_of(id_token),
        token_secret: secret_of(secret),
        code_verifier: secret_of(sent(call, "code_verifier").filter(|_| code.is_some())),
        code: secret_of(code),
    })
}

/// `POST <provider>/`
pub(crate) async fn login(call: &mut Call) -> Result<Reply, Reply> {
    let app = app(call).await?;
    let handed = handed(call, &app)?;
    let callback = sent(call, "callback_url").or_else(|| sent(call, "redirect_uri"));
    let done = call
        .run_keeping(async |cx, kept: Kept| {
            let brought = Brought {
                app: &app,
                handed: &handed,
                callback_url: callback.as_deref(),
            };
            social::login(cx, &brought, kept).await
        })
        .await?;
    match done {
        Ok(done) => by_password::given_as(call, &done.user, done.given, true).await,
        Err(error) => Err(refused(call, &handed, error)),
    }
}

/// `POST <provider>/connect/`
pub(crate) async fn connect(call: &mut Call) -> Result<Reply, Reply> {
    let user = call.known()?;
    let app = app(call).await?;
    let handed = handed(call, &app)?;
    let callback = sent(call, "callback_url").or_else(|| sent(call, "redirect_uri"));
    let done = call
        .run(async |cx| {
            let brought = Brought {
                app: &app,
                handed: &handed,
                callback_url: callback.as_deref(),
            };
            social::connect(cx, &user, &brought).await
        })
        .await;
    match done {
        Ok(done) => by_password::given_as(call, &done.user, done.given, true).await,
        Err(error) => Err(refused(call, &handed, error)),
    }
}

fn refused(call: &Call, handed: &Handed, error: Error) -> Reply {
    let refusal = match error {
        Error::Refused(refusal) => refusal,
        failed => return say::error(call, failed),
    };
    match refusal {
        Refusal::InvalidProviderToken if handed.code.is_some() => Reply::refused(WRONG_CODE),
        // The others: somebody else was quicker, with the account or its password.
        Refusal::InvalidProviderToken
        | Refusal::NotPending
        | Refusal::PasswordMismatch(_)
        | Refusal::Token(TokenFault::PasswordChanged) => Reply::refused(WRONG),
        Refusal::Inactive => Reply::refused("User account is disabled."),
        Refusal::EmailNotVerified => Reply::refused("E-mail is not verified."),
        Refusal::EmailTaken => Reply::refused(TAKEN),
        Refusal::ConnectedOther => Reply::refused(OTHERS),
        Refusal::Several(faults) => Reply::refused(lacking(&faults)),
        Refusal::ReauthenticationRequired => {
            Reply::coded(StatusCode::FORBIDDEN, STALE, refusal.code())
        }
        refusal => say::error(call, refusal.into()),
    }
}

/// Why there is no account: something of it is taken, or the provider does not say it.
fn lacking(faults: &[(String, Refusal)]) -> String {
    let mut all = faults.iter();
    if all.any(|(_, fault)| *fault == Refusal::EmailTaken) {
        return TAKEN.to_owned();
    }
    let taken = faults.iter().find(|(_, fault)| {
        matches!(
            fault,
            Refusal::PhoneTaken | Refusal::UsernameTaken | Refusal::NotUnique
        )
    });
    if let Some((_, fault)) = taken {
        return say::words(fault);
    }
    let names: Vec<&str> = faults.iter().map(|(name, _)| name.as_str()).collect();
    format!(
        "The provider does not say all that an account here takes: {}. Sign up on a page of this site first.",
        names.join(", ")
    )
}

pub(crate) fn list_answers(_: &Face) -> Vec<Answer> {
    let account = schema::object(&[
        ("id", json!({ "type": "integer" })),
        (
            "provider",
            schema::text("Under what its accounts are kept."),
        ),
        ("uid", schema::text("Who it is there.")),
        ("last_login", schema::time("When it was last used here.")),
        ("date_joined", schema::time("When it was connected.")),
    ]);
    let time = "2026-11-21T10:00:00.000000Z";
    let example = json!([{ "id": 1, "provider": "github", "uid": "41", "last_login": time, "date_joined": time }]);
    let list = json!({ "type": "array", "items": account });
    let found = Answer::new(StatusCode::OK, "The accounts, as they were connected.");
    vec![found.body("SocialAccounts", list, example)]
}

/// `GET socialaccounts/`
pub(crate) async fn list(call: &mut Call) -> Result<Reply, Reply> {
    let user = call.known()?.id;
    let found = call.run(async |cx| Ok(connecting::accounts(cx, user).await?));
    match found.await {
        Ok(accounts) => {
            let shown = accounts.into_iter().map(|account| {
                json!({
                    "id": account.id,
                    "provider": account.provider,
                    "uid": account.uid,
                    "last_login": account.last_login.iso(),
                    "date_joined": account.date_joined.iso(),
                })
            });
            Ok(Reply::ok(shown.collect()))
        }
        Err(error) => Err(say::error(call, error)),
    }
}

pub(crate) fn disconnect_answers(face: &Face) -> Vec<Answer> {
    let last = "It is the last way in.";
    let words = "Your account has no password yet. Set one first.";
    let mut all = vec![
        Answer::new(StatusCode::OK, "Let go.").body("Disconnected", schema::object(&[]), json!({})),
        Answer::coded(StatusCode::BAD_REQUEST, last, words, "no_password"),
        Answer::detail(
            StatusCode::NOT_FOUND,
            "Whoever asks has no such account.",
            "Not found.",
        ),
    ];
    all.extend(stale(face));
    all
}

/// `POST socialaccounts/<id>/disconnect/`
pub(crate) async fn disconnect(call: &mut Call) -> Result<Reply, Reply> {
    let user = call.known()?;
    let id = call.param("id");
    let Some(id) = id.as_deref().and_then(number) else {
        return Err(Reply::not_found());
    };
    let done = call.run(async |cx| social::disconnect(cx, &user, id).await);
    match done.await {
        Ok(_) => Ok(Reply::ok(json!({}))),
        Err(Error::Refused(Refusal::NoSuchSocialAccount)) => Err(Reply::not_found()),
        Err(Error::Refused(refusal @ Refusal::ReauthenticationRequired)) => {
            Err(Reply::coded(StatusCode::FORBIDDEN, STALE, refusal.code()))
        }
        Err(error) => Err(say::error(call, error)),
    }
}
