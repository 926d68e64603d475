//! `user/`

use hallpass_core::domain::User;
use hallpass_core::flows::user_details::{self, Changes};
use hallpass_core::{Error, Refusal};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::Reply;
use super::call::Call;
use super::fields::{Errors, Kind, Spec};
use super::openapi::{Answer, schema};
use super::say;
use crate::face::Face;

pub(crate) fn fields(_: &Face) -> Vec<Spec> {
    let help = "150 characters or fewer: letters, digits and @/./+/-/_ only.";
    let name = |name: &str| Spec::new(name, Kind::Text).blank().at_most(150);
    vec![
        Spec::new("pk", Kind::Integer).read_only().labelled("ID"),
        Spec::new("username", Kind::Text).at_most(150).help(help),
        Spec::new("email", Kind::Email)
            .read_only()
            .labelled("Email address"),
        name("first_name"),
        name("last_name"),
    ]
}

static CHANGING: [Method; 2] = [Method::PUT, Method::PATCH];

/// The account; or why it cannot be changed so.
pub(crate) fn answers(face: &Face) -> Vec<Answer> {
    let words = "A user with that username already exists.";
    let shown = Answer::new(StatusCode::OK, "The account.");
    vec![
        shown.body("UserDetails", schema::record(&fields(face)), example(face)),
        Answer::wrong("Somebody else has the user name.", ("username", words), &[]).on(&CHANGING),
    ]
}

/// A user to show.
pub(crate) fn example(face: &Face) -> Value {
    let fields = fields(face);
    let mut all = schema::example_of(&fields);
    all["pk"] = 1.into();
    all
}

/// A user, as answers have them.
pub(crate) fn shown(user: &User) -> Value {
    json!({
        "pk": user.id.as_int(),
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
    })
}

/// `GET`, `PUT`, `PATCH user/`
pub(crate) async fn answer(call: &mut Call) -> Result<Reply, Reply> {
    let Some(user) = call.user.clone() else {
        return Err(Reply::detail(StatusCode::UNAUTHORIZED, "").challenged());
    };
    if !matches!(call.method, Method::PUT | Method::PATCH) {
        return Ok(Reply::ok(shown(&user)));
    }
    let sent = |name: &str| call.values.has(name).then(|| call.values.text(name));
    let changes = Changes {
        username: sent("username"),
        first_name: sent("first_name"),
        last_name: sent("last_name"),
    };
    let changed = call
        .run(async |cx| user_details::change(cx, &user, changes).await)
        .await;
    match changed {
        Ok(user) => Ok(Reply::ok(shown(&user))),
        Err(Error::Refused(
            refusal @ (Refusal::InvalidUsername
            | Refusal::UsernameTaken
            | Refusal::UsernameBlacklisted
            | Refusal::TooLong { .. }
            | Refusal::TooShort { .. }),
        )) => Err(Reply::wrong(Errors::of("username", say::words(&refusal)))),
        Err(error) => Err(say::error(call, error)),
    }
}
