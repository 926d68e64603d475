//! `user/`

use hallpass_core::domain::User;
use hallpass_core::flows::user_details::{self, Changes, Details};
use hallpass_core::settings::{UserColumn, UserKey};
use hallpass_core::{Error, Refusal};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::call::Call;
use super::fields::{Errors, Kind, Spec};
use super::openapi::{Answer, schema};
use super::say;
use crate::face::Face;

const NAMES: [UserColumn; 2] = [UserColumn::FirstName, UserColumn::LastName];

pub(crate) fn fields(face: &Face) -> Vec<Spec> {
    let settings = face.hallpass.settings();
    let help = "150 characters or fewer: letters, digits and @/./+/-/_ only.";
    let users = face.hallpass.db().users();
    let pk = match users.key_kind() {
        UserKey::Uuid => Kind::Uuid,
        UserKey::Integer | UserKey::Bigint => Kind::Integer,
    };
    let mut fields = vec![Spec::new("pk", pk).read_only().labelled("ID")];
    if settings.account.has_usernames() {
        fields.push(Spec::new("username", Kind::Text).at_most(150).help(help));
    }
    let email = Spec::new("email", Kind::Email);
    fields.push(email.read_only().labelled("Email address"));
    for column in NAMES.into_iter().filter(|column| users.has(*column)) {
        let spec = Spec::new(column.name(), Kind::Text);
        fields.push(spec.blank().at_most(150));
    }
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
    all["pk"] = match face.hallpass.db().users().key_kind() {
        UserKey::Uuid => "6f1c0c52-9a0b-4c7e-8d12-00aa10bb20cc".into(),
        UserKey::Integer | UserKey::Bigint => 1.into(),
    };
    all
}

/// A user, as answers have them.
pub(crate) fn shown(face: &Face, details: &Details) -> Value {
    let Details { user, own } = details;
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("pk", json!(user.id));
    if face.hallpass.settings().account.has_usernames() {
        put("username", user.username.as_str().into());
    }
    put("email", user.email.as_str().into());
    let names = [&user.first_name, &user.last_name];
    for (column, name) in NAMES.into_iter().zip(names) {
        if face.hallpass.db().users().has(column) {
            put(column.name(), name.as_str().into());
        }
    }
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
