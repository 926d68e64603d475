//! `password/change/`, `password/reset/`, `password/reset/confirm/`

use hallpass_core::domain::Session;
use hallpass_core::flows::{password_change, password_reset};
use hallpass_core::{Error, Refusal};
use http::StatusCode;

use super::answer::Reply;
use super::auth::Proof;
use super::call::Call;
use super::fields::{Errors, Kind, Spec};
use super::openapi::Answer;
use super::say;
use crate::face::Face;

fn new_passwords() -> [Spec; 2] {
    let password = |name: &str| Spec::new(name, Kind::Password).at_most(128);
    [password("new_password1"), password("new_password2")]
}

pub(crate) fn change_fields(face: &Face) -> Vec<Spec> {
    let mut fields = Vec::from(new_passwords());
    let rest = &face.hallpass.settings().rest_auth;
    let old = Spec::new("old_password", Kind::Password);
    fields.insert(
        0,
        match rest.old_password_field_enabled {
            true => old.at_most(128),
            // In a session it may be needed all the same.
            false => old.blank().hidden(),
        },
    );
    fields
}

pub(crate) fn reset_fields(_: &Face) -> Vec<Spec> {
    vec![Spec::new("email", Kind::Email)]
}

pub(crate) fn confirm_fields(_: &Face) -> Vec<Spec> {
    let mut fields = Vec::from(new_passwords());
    fields.push(Spec::new("uid", Kind::Text));
    fields.push(Spec::new("token", Kind::Text));
    fields
}

const DIFFER: &str = "The two password fields didn’t match.";

/// The new password, weighed.
fn weighed() -> Answer {
    let when = "The new password is too weak, or the two are not the same.";
    Answer::wrong(when, ("new_password2", DIFFER), &[])
}

pub(crate) fn change_answers(_: &Face) -> Vec<Answer> {
    let said = Answer::said("The new password holds.", "New password has been saved.");
    let when = "Who asks was proved too long ago, by a session alone, to give the account a new password unseen.";
    let words = "Send old_password, or log in again first.";
    let code = "reauthentication_required";
    let stale = Answer::coded(StatusCode::FORBIDDEN, when, words, code);
    vec![said.cookies(), weighed(), stale, Answer::limited()]
}

pub(crate) fn reset_answers(_: &Face) -> Vec<Answer> {
    let when = "If the address belongs to an account, a letter is on its way.";
    vec![
        Answer::said(when, "Password reset e-mail has been sent."),
        Answer::limited(),
    ]
}

pub(crate) fn confirm_answers(_: &Face) -> Vec<Answer> {
    let when = "The link is spent, too old or of nobody.";
    vec![
        Answer::said(
            "The new password holds.",
            "Password has been reset with the new password.",
        ),
        Answer::wrong(when, ("token", "Invalid value"), &[]),
        weighed(),
        Answer::limited(),
    ]
}

/// `POST password/change/`
pub(crate) async fn change(call: &mut Call) -> Result<Reply, Reply> {
    let Some(user) = call.user.clone() else {
        return Err(Reply::detail(StatusCode::UNAUTHORIZED, "").challenged());
    };
    let rest = &call.face.hallpass.settings().rest_auth;
    let ends_session = rest.logout_on_password_change;
    let asked = rest.old_password_field_enabled || call.proof == Some(Proof::Session);
    let values = call.values.clone();
    let old = Some(values.text("old_password")).filter(|old| asked && !old.is_empty());
    let (first, second) = (values.text("new_password1"), values.text("new_password2"));
    let new = (first.as_str(), second.as_str());
    let done = call
        .run(async |cx| {
            password_change::change_of(cx, &user, old.as_deref(), new, ends_session).await
        })
        .await;
    match done {
        Ok(_) => Ok(Reply::said("New password has been saved.")),
        Err(error) => Err(refused(call, error)),
    }
}

/// `POST password/reset/`
pub(crate) async fn reset(call: &mut Call) -> Result<Reply, Reply> {
    let email = call.values.text("email");
    let done = call
        .run(async |cx| password_reset::begin_by_link(cx, &email).await)
        .await;
    match done {
        Ok(()) => Ok(Reply::said("Password reset e-mail has been sent.")),
        Err(error) => Err(say::error(call, error)),
    }
}

/// `POST password/reset/confirm/`
pub(crate) async fn confirm(call: &mut Call) -> Result<Reply, Reply> {
    let values = call.values.clone();
    let (uid, token) = (values.text("uid"), values.text("token"));
    if call
        .face
        .hallpass
        .db()
        .users()
        .key_from_link(&uid)
        .is_none()
    {
        return Err(Reply::wrong(Errors::of("uid", "Invalid value")));
    }
    let (first, second) = (values.text("new_password1"), values.text("new_password2"));
    let key = format!("{uid}-{token}");
    let (hallpass, client) = (call.face.hallpass.clone(), call.arrival.client.clone());
    // Nobody is signed in by it, so it needs no session of anybody.
    let done = hallpass
        .run(&client, &mut Session::fresh(false), async |cx| {
            password_reset::finish_for_program(cx, &key, &first, &second).await
        })
        .await;
    match done {
        Ok(()) => Ok(Reply::said(
            "Password has been reset with the new password.",
        )),
        Err(Error::Refused(Refusal::InvalidPasswordReset)) => {
            Err(Reply::wrong(Errors::of("token", "Invalid value")))
        }
        Err(error) => Err(refused(call, error)),
    }
}

/// Django's form tells of the two that differ first, and of nothing else then; all of it at the second field.
fn refused(call: &Call, error: Error) -> Reply {
    let faults = match error {
        Error::Refused(Refusal::Several(faults)) => faults,
        error => return say::error(call, error),
    };
    if faults
        .iter()
        .any(|(_, fault)| *fault == Refusal::PasswordsDiffer)
    {
        return Reply::wrong(Errors::of("new_password2", DIFFER));
    }
    Reply::wrong(say::several(&faults, |field, _| {
        let name = match field {
            "oldpassword" => "old_password",
            _ => "new_password2",
        };
        name.to_owned()
    }))
}
