//! `login/`

use hallpass_core::domain::User;
use hallpass_core::flows::tokens::{self, Given, LoggedIn, Pair};
use hallpass_core::flows::user_details;
use hallpass_core::settings::LoginBy;
use hallpass_core::{Error, Refusal};
use serde_json::{Map, Value};

use super::answer::Reply;
use super::call::Call;
use super::fields::{Kind, Spec};
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
        Refusal::PasswordMismatch(_) | Refusal::Inactive | Refusal::Required(_) => {
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

/// Deletes both, with the attributes that they were set with: else a browser keeps them.
pub(crate) fn delete_cookies(call: &mut Call) {
    let settings = call.face.hallpass.settings();
    let rest = &settings.rest_auth;
    if let Some(name) = &rest.jwt_auth_cookie {
        cookies::set_token(settings, (name, "/"), None, &mut call.cookies);
    }
    if let Some(name) = &rest.jwt_auth_refresh_cookie {
        let place = (name.as_str(), rest.jwt_auth_refresh_cookie_path.as_str());
        cookies::set_token(settings, place, None, &mut call.cookies);
    }
}
