//! `registration/` and what is below it.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hallpass_core::domain::{Session, Stage};
use hallpass_core::flows::email_verification;
use hallpass_core::flows::tokens::signup::{self, SignedUp};
use hallpass_core::settings::SignupField;
use hallpass_core::{Error, Refusal};
use http::{StatusCode, header};
use serde_json::json;

use super::answer::Reply;
use super::call::Call;
use super::fields::{Errors, Kind, Spec};
use super::openapi::{Answer, Plain};
use super::{login, say};
use crate::face::Face;

const SENT: &str = "Verification e-mail sent.";

pub(crate) fn fields(face: &Face) -> Vec<Spec> {
    let account = &face.hallpass.settings().account;
    let shortest = usize::try_from(account.username_min_length).unwrap_or(1);
    let mut fields = Vec::new();
    for asked in account.signup_fields() {
        let spec = match asked.field {
            SignupField::Username => Spec::new("username", Kind::Text)
                .at_most(150)
                .at_least(shortest),
            SignupField::Email => Spec::new("email", Kind::Email),
            SignupField::Email2 => Spec::new("email2", Kind::Email),
            SignupField::Phone => Spec::new("phone", Kind::Text),
            SignupField::Password1 => Spec::new("password1", Kind::Password),
            SignupField::Password2 => Spec::new("password2", Kind::Password),
        };
        fields.push(if asked.required { spec } else { spec.blank() });
    }
    let ours = &face.hallpass.settings().hallpass;
    let columns = ours.user_fields.iter().filter(|own| own.at_registration);
    fields.extend(columns.map(Spec::column));
    fields.extend(ours.signup_extra_fields.iter().map(Spec::extra));
    if let Some(trap) = &account.signup_form_honeypot_field {
        fields.push(Spec::new(trap, Kind::Text).blank().hidden());
    }
    let own = face.hallpass.signup_hook().extra_fields();
    fields.extend(own.iter().map(Spec::extra));
    fields
}

const MORE_STAGE: &str =
    "The account was made. The first sign-in has one more step, which is taken in a browser.";

pub(crate) fn answers(face: &Face) -> Vec<Answer> {
    let taken = "User is already registered with this e-mail address.";
    let when = "What was given is taken, or does not do.";
    let closed = "Registration is closed, or the site refuses it for a reason of its own.";
    let step = json!({ "detail": MORE_STAGE, "code": "stage_required", "stage": "login_by_code" });
    vec![
        login::given(
            face,
            StatusCode::CREATED,
            "The account was made, and is logged in.",
            false,
        ),
        Answer::detail(
            StatusCode::CREATED,
            "A letter is on its way, to confirm the address.",
            SENT,
        )
        .cookies(),
        Answer::coded(
            StatusCode::CREATED,
            "The account was made; it signs in on a page first.",
            "",
            "",
        )
        .such_as(step),
        Answer::wrong(when, ("email", taken), &[]),
        Answer::coded(
            StatusCode::BAD_REQUEST,
            "A step of the first sign-in would need an address or a number.",
            "Your account has neither an address nor a number that we could send a code to.",
            "no_way_to_confirm",
        ),
        Answer::coded(
            StatusCode::FORBIDDEN,
            closed,
            "Signing up is closed.",
            "signup_closed",
        ),
        Answer::limited(),
    ]
}

/// `POST registration/`
pub(crate) async fn post(call: &mut Call) -> Result<Reply, Reply> {
    let values = call.values.clone();
    let typed = |name: &str| values.text(name);
    let done = call
        .run_keeping(async |cx, kept| signup::finish(cx, &typed, kept).await)
        .await?;
    let reply = match done {
        Ok(SignedUp::In(done)) => login::given_as(call, &done.user, done.given, false).await?,
        Ok(SignedUp::Waiting(Stage::VerifyEmail)) => Reply::said(SENT),
        Ok(SignedUp::Waiting(stage)) => {
            Reply::coded(StatusCode::OK, MORE_STAGE, "stage_required").with("stage", stage.key())
        }
        Err(error) => return Err(refused(call, error)),
    };
    Ok(match reply.body {
        Some(_) => Reply {
            status: StatusCode::CREATED,
            ..reply
        },
        None => reply,
    })
}

/// REST framework tells of single fields first; of what is wrong with them together only then, at none of them.
fn refused(call: &Call, error: Error) -> Reply {
    let faults = match error {
        Error::Refused(Refusal::Several(faults)) => faults,
        error => return say::error(call, error),
    };
    let together = |fault: &Refusal| {
        let similar = "password_too_similar";
        matches!(fault, Refusal::PasswordsDiffer)
            || matches!(fault, Refusal::WeakPassword { code, .. } if *code == similar)
    };
    let (whole, single): (Vec<_>, Vec<_>) =
        faults.into_iter().partition(|(_, fault)| together(fault));
    if !single.is_empty() {
        return Reply::wrong(say::several(&single, |field, _| field.to_owned()));
    }
    if whole
        .iter()
        .any(|(_, fault)| *fault == Refusal::PasswordsDiffer)
    {
        return Reply::refused("The two password fields didn't match.");
    }
    Reply::wrong(say::several(&whole, |_, _| "non_field_errors".to_owned()))
}

pub(crate) fn verify_fields(_: &Face) -> Vec<Spec> {
    vec![Spec::new("key", Kind::Text)]
}

pub(crate) fn verify_answers(_: &Face) -> Vec<Answer> {
    let when = "The key is no key, or not any more.";
    vec![
        Answer::said("The address is confirmed.", "ok"),
        Answer::detail(StatusCode::NOT_FOUND, when, "Not found."),
    ]
}

/// `POST registration/verify-email/`
pub(crate) async fn verify(call: &mut Call) -> Result<Reply, Reply> {
    let key = call.values.text("key");
    let (hallpass, client) = (call.face.hallpass.clone(), call.arrival.client.clone());
    // Not in the session of this browser: whoever posts a key here signs nobody in, and nobody out.
    let done = hallpass
        .run(&client, &mut Session::fresh(false), async |cx| {
            email_verification::finish(cx, &key).await
        })
        .await;
    match done {
        Ok(_) => Ok(Reply::said("ok")),
        Err(Error::Refused(Refusal::InvalidKey | Refusal::EmailTaken)) => Err(Reply::not_found()),
        Err(error) => Err(say::error(call, error)),
    }
}

pub(crate) fn resend_fields(_: &Face) -> Vec<Spec> {
    vec![Spec::new("email", Kind::Email)]
}

pub(crate) fn resend_answers(_: &Face) -> Vec<Answer> {
    let when = "If there is an address to confirm, a letter is on its way.";
    vec![Answer::said(when, "ok")]
}

/// `POST registration/resend-email/`
pub(crate) async fn resend(call: &mut Call) -> Result<Reply, Reply> {
    let email = call.values.text("email");
    let done = call
        .run(async |cx| email_verification::ask_again(cx, &email).await)
        .await;
    match done {
        Ok(()) => Ok(Reply::said("ok")),
        Err(Error::Refused(refusal @ Refusal::TooLong { .. })) => {
            Err(Reply::wrong(Errors::of("email", say::words(&refusal))))
        }
        Err(error) => Err(say::error(call, error)),
    }
}

pub(crate) fn sent_answers(_: &Face) -> Vec<Answer> {
    vec![Answer::said("What a program may show.", SENT)]
}

/// `GET registration/account-email-verification-sent/`
pub(crate) async fn sent(_: &mut Call) -> Result<Reply, Reply> {
    Ok(Reply::said(SENT))
}

/// Where links of letters lead that a dj-rest-auth sent; not where there are codes instead.
pub(crate) fn addresses(face: &Face) -> Vec<Plain> {
    let settings = face.hallpass.settings();
    if settings.account.email_verification_by_code_enabled {
        return Vec::new();
    }
    let mount = settings
        .hallpass
        .rest_mount()
        .unwrap_or_default()
        .to_owned();
    let key = json!({
        "name": "key", "in": "path", "required": true, "description": "The key of the letter.",
        "schema": { "type": "string", "pattern": "^[A-Za-z0-9:_-]+$" },
    });
    let found = Answer::new(
        StatusCode::FOUND,
        "To the page with the button that confirms it.",
    );
    vec![Plain {
        path: format!("{mount}registration/account-confirm-email/{{key}}/"),
        handler: get(to_confirm_page),
        name: "Confirm Email",
        description: "Leads to the page that confirms an address; looking at it confirms nothing.",
        parameters: vec![key],
        answers: vec![
            found.leads(),
            Answer::page(StatusCode::NOT_FOUND, "No key looks like this."),
        ],
        media: &[],
    }]
}

/// `GET registration/account-confirm-email/<key>/`: to the page with the button.
async fn to_confirm_page(
    State(face): State<Face>,
    key: Result<Path<String>, PathRejection>,
) -> Response {
    // What is no text is no key.
    let key = key.map_or_else(|_| " ".to_owned(), |Path(key)| key);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '_');
    if !key.chars().all(plain) {
        let page = crate::errors::Page::new(StatusCode::NOT_FOUND);
        return crate::errors::respond(&face, &page, "");
    }
    let to = match &face.hallpass.settings().hallpass.email_confirm_url {
        Some(template) => template.replace("{key}", &key),
        None => face.path(&format!("confirm-email/{key}/")),
    };
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}
