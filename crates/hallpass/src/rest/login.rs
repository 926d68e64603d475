//! `login/`

use hallpass_core::domain::User;
use hallpass_core::flows::tokens::{self, Given, LoggedIn, Pair};
use hallpass_core::flows::user_details;
use hallpass_core::settings::LoginBy;
use hallpass_core::{Error, Refusal, TokenFault};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::call::Call;
use super::fields::{Kind, Spec};
use super::openapi::{Answer, schema};
use super::{say, user};
use crate::cookies;
use crate::face::Face;

pub(crate) fn fields(_: &Face) -> Vec<Spec> {
    vec![
        Spec::new("username", Kind::Text).blank(),
        Spec::new("email", Kind::Email).blank(),
        Spec::new("password", Kind::Password),
    ]
}

/// What logs in, and what does not.
pub(crate) fn answers(face: &Face) -> Vec<Answer> {
    if face.hallpass.settings().is_passwordless() {
        let when = "Nobody has a password here: a program cannot log in.";
        return vec![Answer::detail(StatusCode::NOT_FOUND, when, "Not found.")];
    }
    let words = "Unable to log in with provided credentials.";
    let when = "The password is wrong, there is no such account, or it does not let itself be logged in to.";
    let stage = "Signing in takes one more step, on a page of this site.";
    let staged = "The sign-in would have to go through a stage, which takes a person; or the site refuses it.";
    let example = json!({ "detail": stage, "code": "stage_required", "stage": "login_by_code" });
    vec![
        given(face, StatusCode::OK, "Logged in.", true),
        Answer::wrong(when, ("non_field_errors", words), &[]),
        Answer::coded(StatusCode::FORBIDDEN, staged, stage, "stage_required").such_as(example),
        Answer::limited(),
    ]
}

/// What [`given_as`] gives, as data.
pub(crate) fn given(face: &Face, status: StatusCode, when: &str, cookies: bool) -> Answer {
    let rest = &face.hallpass.settings().rest_auth;
    if !rest.use_jwt && rest.token_model.is_none() {
        let nothing = Answer::new(
            StatusCode::NO_CONTENT,
            &format!("{when} The session's cookie says who asks from now on."),
        );
        return nothing.cookies();
    }
    let answer = Answer::new(status, when);
    let answer = if rest.use_jwt {
        let (schema, example) = pair_schema(face);
        answer.body("JWT", schema, example)
    } else {
        let key = json!({ "type": "string", "pattern": "^[0-9a-f]{40}$", "description": "The key, the same for every device." });
        let example = json!({ "key": "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b" });
        answer.body("Token", schema::object(&[("key", key)]), example)
    };
    let tokens = cookies
        && rest.use_jwt
        && (rest.jwt_auth_cookie.is_some() || rest.jwt_auth_refresh_cookie.is_some());
    match rest.session_login || tokens {
        true => answer.cookies(),
        false => answer,
    }
}

fn pair_schema(face: &Face) -> (Value, Value) {
    let rest = &face.hallpass.settings().rest_auth;
    let hidden = rest.jwt_auth_httponly && rest.jwt_auth_refresh_cookie.is_some();
    let (refresh, shown) = match hidden {
        true => {
            let words = "The refresh token; empty where it is in its cookie alone.";
            (schema::text(words), "")
        }
        false => (schema::token("The refresh token."), schema::REFRESH),
    };
    // As `user/` tells of it.
    let user = json!({ "$ref": "#/components/schemas/UserDetails" });
    let mut parts = vec![
        ("access", schema::token("The access token.")),
        ("refresh", refresh),
        ("user", user),
    ];
    let mut example =
        json!({ "access": schema::ACCESS, "refresh": shown, "user": user::example(face) });
    if rest.jwt_auth_return_expiration {
        parts.push((
            "access_expiration",
            schema::time("When the access token expires."),
        ));
        parts.push((
            "refresh_expiration",
            schema::time("When the refresh token expires."),
        ));
        example["access_expiration"] = "2026-11-21T10:05:00.000000Z".into();
        example["refresh_expiration"] = "2026-11-22T10:00:00.000000Z".into();
    }
    (schema::object(&parts), example)
}

/// `POST login/`
pub(crate) async fn post(call: &mut Call) -> Result<Reply, Reply> {
    let name = name(call)?;
    let password = call.values.text("password");
    let session = call.may_start_session();
    if session {
        call.load_session().await?;
    }
    let done = call
        .run(async |cx| tokens::login(cx, &name, &password, session).await)
        .await;
    match done {
        Ok(LoggedIn { user, given }) => given_as(call, &user, given, true).await,
        Err(Error::Refused(refusal)) => Err(refused(call, refusal)),
        Err(error) => Err(say::error(call, error)),
    }
}

/// What names the account, by ACCOUNT_LOGIN_METHODS; an address before a name.
fn name(call: &Call) -> Result<String, Reply> {
    let (name, email) = (call.values.text("username"), call.values.text("email"));
    let methods = call.face.hallpass.settings().account.login_methods();
    let must = |which: &str| {
        Err(Reply::refused(format!(
            "Must include {which} and \"password\"."
        )))
    };
    match methods.as_slice() {
        [LoginBy::Email] if email.is_empty() => must("\"email\""),
        [LoginBy::Email] => Ok(email),
        [LoginBy::Username | LoginBy::Phone] if name.is_empty() => must("\"username\""),
        [LoginBy::Username | LoginBy::Phone] => Ok(name),
        _ if !email.is_empty() => Ok(email),
        _ if !name.is_empty() => Ok(name),
        _ => must("either \"username\" or \"email\""),
    }
}

fn refused(call: &Call, refusal: Refusal) -> Reply {
    match refusal {
        // The last one: it was changed between the comparison and now.
        Refusal::PasswordMismatch(_)
        | Refusal::Inactive
        | Refusal::Required(_)
        | Refusal::Token(TokenFault::PasswordChanged) => {
            Reply::refused("Unable to log in with provided credentials.")
        }
        Refusal::EmailNotVerified => Reply::refused("E-mail is not verified."),
        refusal => say::error(call, refusal.into()),
    }
}

/// What a login or a signup gives. `cookies`: tokens may travel in theirs, if there are any, and if no other site sent
/// this request.
pub(crate) async fn given_as(
    call: &mut Call,
    user: &User,
    given: Given,
    cookies: bool,
) -> Result<Reply, Reply> {
    call.forget_who_asked();
    Ok(match given {
        Given::Nothing => Reply::nothing(),
        Given::Key(key) => {
            let mut body = Map::new();
            body.insert("key".to_owned(), key.into());
            body.into()
        }
        Given::Pair(pair) => {
            let details = call.run(async |cx| Ok(user_details::of(cx, user).await?));
            let details = details.await.map_err(|error| say::error(call, error))?;
            let shown = user::shown(&call.face, &details);
            pair_as(call, &shown, pair, cookies)
        }
    })
}

fn pair_as(call: &mut Call, user: &Value, pair: Pair, cookies: bool) -> Reply {
    let face = call.face.clone();
    let rest = &face.hallpass.settings().rest_auth;
    let cookies = cookies && !call.is_foreign();
    if cookies {
        set_access(call, &pair.access);
        set_refresh(call, &pair.refresh);
    }
    let hidden = cookies && rest.jwt_auth_httponly && rest.jwt_auth_refresh_cookie.is_some();
    let mut body = Map::new();
    body.insert("access".to_owned(), pair.access.into());
    let refresh = if hidden { String::new() } else { pair.refresh };
    body.insert("refresh".to_owned(), refresh.into());
    body.insert("user".to_owned(), user.clone());
    if rest.jwt_auth_return_expiration {
        body.insert(
            "access_expiration".to_owned(),
            pair.access_expires.iso().into(),
        );
        body.insert(
            "refresh_expiration".to_owned(),
            pair.refresh_expires.iso().into(),
        );
    }
    body.into()
}

/// The access token's cookie, if it has one.
pub(crate) fn set_access(call: &mut Call, token: &str) {
    let settings = call.face.hallpass.settings();
    if let Some(name) = &settings.rest_auth.jwt_auth_cookie {
        let age = settings.simple_jwt.access_token_lifetime;
        cookies::set_token(settings, (name, "/"), Some((token, age)), &mut call.cookies);
    }
}

/// The refresh token's cookie, if it has one.
pub(crate) fn set_refresh(call: &mut Call, token: &str) {
    let settings = call.face.hallpass.settings();
    let rest = &settings.rest_auth;
    if let Some(name) = &rest.jwt_auth_refresh_cookie {
        let age = settings.simple_jwt.refresh_token_lifetime;
        let place = (name.as_str(), rest.jwt_auth_refresh_cookie_path.as_str());
        cookies::set_token(settings, place, Some((token, age)), &mut call.cookies);
    }
}
