//! `user/`

use hallpass_core::domain::User;
use hallpass_core::flows::user_details::{self, Changes, Details};
use hallpass_core::{Error, Refusal};
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::answer::Reply;
use super::call::Call;
use super::fields::{Errors, Kind, Spec};
use super::openapi::{Answer, schema};
use super::say;
use crate::face::Face;

pub(crate) fn fields(face: &Face) -> Vec<Spec> {
    let settings = face.hallpass.settings();
    let help = "150 characters or fewer: letters, digits and @/./+/-/_ only.";
    let name = |name: &str| Spec::new(name, Kind::Text).blank().at_most(150);
    let mut fields = vec![Spec::new("pk", Kind::Integer).read_only().labelled("ID")];
    if settings.account.has_usernames() {
        fields.push(Spec::new("username", Kind::Text).at_most(150).help(help));
    }
    let email = Spec::new("email", Kind::Email);
    fields.push(email.read_only().labelled("Email address"));
    fields.extend([name("first_name"), name("last_name")]);
    let own = settings.hallpass.user_fields.iter();
    for column in own.filter(|column| column.in_user_details) {
        let spec = Spec::column(column);
        fields.push(match column.read_only {
            true => spec.read_only(),
            false => spec,
        });
    }
    fields
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
pub(crate) fn shown(face: &Face, details: &Details) -> Value {
    let Details { user, own } = details;
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("pk", user.id.as_int().into());
    if face.hallpass.settings().account.has_usernames() {
        put("username", user.username.as_str().into());
    }
    put("email", user.email.as_str().into());
    put("first_name", user.first_name.as_str().into());
    put("last_name", user.last_name.as_str().into());
    for column in &face.hallpass.settings().hallpass.user_fields {
        if let Some(value) = own.get(column.name()) {
            put(column.name(), value.clone());
        }
    }
    shown.into()
}

/// `GET`, `PUT`, `PATCH user/`
pub(crate) async fn answer(call: &mut Call) -> Result<Reply, Reply> {
    let Some(user) = call.user.clone() else {
        return Err(Reply::detail(StatusCode::UNAUTHORIZED, "").challenged());
    };
    let done = match call.method {
        Method::PUT | Method::PATCH => change(call, &user).await,
        _ => {
            call.run(async |cx| Ok(user_details::of(cx, &user).await?))
                .await
        }
    };
    match done {
        Ok(details) => Ok(Reply::ok(shown(&call.face, &details))),
        Err(Error::Refused(Refusal::Several(faults))) => {
            Err(Reply::wrong(say::several(&faults, |field, _| {
                field.to_owned()
            })))
        }
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

async fn change(call: &mut Call, user: &User) -> Result<Details, Error> {
    let values = call.values.clone();
    let sent = |name: &str| values.has(name).then(|| values.text(name));
    let own = call.face.hallpass.settings().hallpass.user_fields.iter();
    let own = own.filter_map(|column| Some((column.name().to_owned(), sent(column.name())?)));
    let changes = Changes {
        username: sent("username"),
        first_name: sent("first_name"),
        last_name: sent("last_name"),
        own: own.collect(),
    };
    call.run(async |cx| user_details::change(cx, user, changes).await)
        .await
}
