//! Refusals in words, for pages.

use hallpass_core::{LoginMethod, Refusal};

/// What the person is told, in one or two sentences.
pub(crate) fn words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Required(_) => "This field is required.".to_owned(),
        Refusal::InvalidEmail => {
            "Enter a valid e-mail address, such as name@example.com.".to_owned()
        }
        Refusal::UnknownEmail => "No account has this e-mail address.".to_owned(),
        Refusal::TooLong { limit, .. } => format!("Use at most {limit} characters."),
        Refusal::NullCharacter(_) => "This holds a character that cannot be used here.".to_owned(),
        Refusal::PasswordMismatch(LoginMethod::Username) => {
            "The user name or the password is not correct.".to_owned()
        }
        Refusal::PasswordMismatch(LoginMethod::Email) => {
            "The e-mail address or the password is not correct.".to_owned()
        }
        Refusal::Inactive => "This account is switched off.".to_owned(),
        Refusal::TooManyLoginAttempts => {
            "Too many attempts to sign in. Try again in a few minutes.".to_owned()
        }
        Refusal::RateLimited { .. } => "Too many requests. Try again a little later.".to_owned(),
        Refusal::InvalidLink => "This link does not work any more.".to_owned(),
        Refusal::Busy { .. } => "The site is busy. Try again in a moment.".to_owned(),
        _ => "That is not possible.".to_owned(),
    }
}

/// The form field that a refusal is about.
pub(crate) fn field(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Required(field)
        | Refusal::NullCharacter(field)
        | Refusal::TooLong { field, .. } => Some(field),
        Refusal::InvalidEmail | Refusal::UnknownEmail => Some("email"),
        _ => None,
    }
}

/// Seconds in words.
pub(crate) fn wait(seconds: u64) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
