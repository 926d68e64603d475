//! New passwords: judged, hashed, set; and everything that dies with the old one.

use hallpass_django::validators::{UserAttributes, Validator};

use crate::cx::Cx;
use crate::domain::User;
use crate::error::{Error, Failure, Refusal};
use crate::store;

/// The longest password that is hashed, in bytes: more would only be work for us.
pub const PASSWORD_LIMIT: usize = 4096;

/// What is wrong with a new password. Judged by the hashing threads: one of the validators thinks for milliseconds, and
/// strangers may ask it.
///
/// # Errors
/// [`Refusal::Busy`], or a failure.
pub async fn faults(
    cx: &mut Cx,
    password: &str,
    user: &UserAttributes<'_>,
) -> Result<Vec<Refusal>, Error> {
    let settings = cx.hallpass().settings();
    let configured = &settings.general.auth_password_validators;
    let mut validators: Vec<Validator> = configured
        .iter()
        .filter_map(|validator| Validator::from_name(&validator.name, &validator.options).ok())
        .collect();
    if configured.is_empty() {
        validators.push(Validator::MinimumLength(
            settings.account.password_min_length,
        ));
    }
    let errors = cx.judge_password(validators, password, user).await?;
    Ok(errors
        .into_iter()
        .map(|error| Refusal::WeakPassword {
            code: error.code,
            message: error.message,
        })
        .collect())
}

/// A new password typed twice, for `user`, under the names of their form fields.
///
/// # Errors
/// [`Refusal::Several`] with all that is wrong.
pub async fn choose(
    cx: &mut Cx,
    user: &User,
    first: &str,
    second: Option<&str>,
) -> Result<(), Error> {
    let mut found = Vec::new();
    if let Err(refusal) = check_field("password1", first, PASSWORD_LIMIT) {
        found.push(("password1".to_owned(), refusal));
    } else {
        let about = UserAttributes {
            username: &user.username,
            first_name: &user.first_name,
            last_name: &user.last_name,
            email: &user.email,
        };
        for fault in faults(cx, first, &about).await? {
            found.push(("password1".to_owned(), fault));
        }
        match second {
            Some("") => found.push(("password2".to_owned(), Refusal::Required("password2"))),
            Some(second) if second != first => {
                found.push(("password2".to_owned(), Refusal::PasswordsDiffer));
            }
            _ => {}
        }
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Several(found).into()),
    }
}

/// Sets it. Sessions and links made from the old one end by themselves; codes under way, rows of sessions but this one's,
/// keys and refresh tokens are ended here. In the same order everywhere, codes, the user's row, keys, tokens, sessions, so that
/// two who do it at once wait for each other instead of standing in each other's way. `None`: somebody else changed the
/// password at the same moment.
///
/// # Errors
/// A failure.
pub async fn set(cx: &mut Cx, user: &User, encoded: String) -> Result<Option<User>, Failure> {
    let id = user.id;
    let keep = match cx.session.user_id() == Some(id) {
        true => cx.session.row_key().map(str::to_owned),
        false => None,
    };
    store::credentials::end_begun(cx.write().await?, id).await?;
    if !store::user::replace_password(cx.write().await?, id, &user.password, &encoded).await? {
        return Ok(None);
    }
    let now = cx.now;
    store::credentials::end_issued(cx.write().await?, id, keep.as_deref(), now).await?;
    Ok(Some(User {
        password: encoded,
        ..user.clone()
    }))
}

/// What a program may mean by a password. dj-rest-auth takes blanks off its ends, before it hashes and before it compares;
/// pages do not. How many forms there are depends on what was typed alone, and so does the work.
pub(crate) fn forms(typed: &str) -> Vec<&str> {
    let bare = typed.trim();
    match bare.is_empty() || bare == typed {
        true => vec![typed],
        false => vec![typed, bare],
    }
}

/// Refuses what is empty, too long or holds a NUL.
pub(crate) fn check_field(field: &'static str, text: &str, limit: usize) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::Required(field));
    }
    if text.contains('\0') {
        return Err(Refusal::NullCharacter(field));
    }
    if text.len() > limit && text.chars().count() > limit {
        return Err(Refusal::TooLong { field, limit });
    }
    Ok(())
}
