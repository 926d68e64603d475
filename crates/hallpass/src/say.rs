//! Refusals in words, for pages.

use hallpass_core::{LoginMethod, Refusal};

/// Where the last attempt at a code was wrong.
pub(crate) const CODES_USED_UP: &str = "Too many wrong codes. Start again.";

/// What the person is told, in one or two sentences.
pub(crate) fn words(refusal: &Refusal) -> String {
    let words = match refusal {
        Refusal::TooLong { limit, .. } => return format!("Use at most {limit} characters."),
        Refusal::TooShort { limit, .. } => return format!("Use at least {limit} characters."),
        Refusal::TooManyEmails { limit } => {
            return format!("An account can have at most {limit} addresses.");
        }
        Refusal::WeakPassword { message, .. } | Refusal::Denied { message, .. } => {
            return message.clone();
        }
        Refusal::Several(_) => "Some fields need another look.",
        Refusal::Required(_) => "This field is required.",
        Refusal::InvalidEmail => "Enter a valid e-mail address, such as name@example.com.",
        Refusal::UnknownEmail => "No account has this e-mail address.",
        Refusal::UnknownPhone => "No account has this phone number.",
        Refusal::InvalidPhone => {
            "Enter a phone number with its country’s code, such as +49 170 1234567."
        }
        Refusal::Invalid(_) => "This does not have the form that is needed here.",
        Refusal::InvalidChoice(_) => "Choose one of the list.",
        Refusal::NullCharacter(_) => "This holds a character that cannot be used here.",
        Refusal::InvalidUsername => "A user name has letters, digits and the signs @ . + - _ only.",
        Refusal::UsernameBlacklisted => "This user name cannot be used. Choose another one.",
        Refusal::UsernameTaken => "Somebody has this user name already. Choose another one.",
        Refusal::EmailTaken => "An account has this e-mail address already.",
        Refusal::PhoneTaken => "An account has this phone number already.",
        Refusal::NotUnique => "Somebody has this already.",
        Refusal::EmailMismatch => "The two addresses are not the same.",
        Refusal::PasswordsDiffer => "The two passwords are not the same.",
        Refusal::WrongCurrentPassword => "This is not your current password.",
        Refusal::IncorrectPassword => "The password is not correct.",
        Refusal::IncorrectCode => "The code is not correct.",
        Refusal::PasswordMismatch(LoginMethod::Username) => {
            "The user name or the password is not correct."
        }
        Refusal::PasswordMismatch(LoginMethod::Email) => {
            "The e-mail address or the password is not correct."
        }
        Refusal::PasswordMismatch(LoginMethod::Phone) => {
            "The phone number or the password is not correct."
        }
        Refusal::Inactive => "This account is switched off.",
        Refusal::TooManyLoginAttempts => {
            "Too many attempts to sign in. Try again in a few minutes."
        }
        Refusal::RateLimited { .. } => "Too many requests. Try again a little later.",
        Refusal::InvalidLink | Refusal::InvalidKey | Refusal::InvalidPasswordReset => {
            "This link does not work any more."
        }
        Refusal::Busy { .. } => "The site is busy. Try again in a moment.",
        Refusal::NotPending => "That took too long, or it was finished elsewhere. Start again.",
        Refusal::NoWayToConfirm => {
            "Your account has neither an address nor a number that we could send a code to."
        }
        Refusal::SignupClosed => "Signing up is closed.",
        Refusal::DuplicateEmail => "Your account has this address already.",
        Refusal::UnverifiedPrimary => "Confirm the address first; then it can be the primary one.",
        Refusal::PrimaryNotRemovable => "The primary address cannot be removed.",
        Refusal::NoSuchAddress => "Your account has no such address.",
        Refusal::SameAsCurrent => "This is the number that your account has already.",
        Refusal::ResendExhausted => "No more codes can be sent. Start again.",
        Refusal::ChangeExhausted => "It cannot be changed here any more. Start again.",
        Refusal::ReauthenticationRequired => "Confirm that it is you first.",
        Refusal::LoginRequired => "Sign in first.",
        Refusal::PasswordAlreadySet => "Your account has a password already.",
        Refusal::NoPassword => "Your account has no password yet. Set one first.",
        Refusal::SelectOnlyOne => "Fill in one of the two, not both.",
        Refusal::SocialCancelled => "You did not sign in there. Nothing has changed.",
        Refusal::SocialDenied => {
            "The provider did not let you through. Try again, or sign in another way."
        }
        Refusal::SocialFailed => {
            "The sign-in could not be completed: it took too long, or it was begun elsewhere. Try again, or sign in \
             another way."
        }
        Refusal::ProviderUnavailable => {
            "The provider does not answer at the moment. Try again in a few minutes, or sign in another way."
        }
        Refusal::UnknownProvider => "This site does not know that provider.",
        Refusal::ConnectedOther => {
            "That account is connected to another user of this site. Sign in with it and disconnect it there first."
        }
        Refusal::NoSuchSocialAccount => "Your account has no such connection.",
        Refusal::DisconnectLast => "This is your last way in. Connect another account first.",
        Refusal::NoVerifiedEmail => {
            "Without it you could not come in any more. Confirm an e-mail address first."
        }
        Refusal::InvalidProviderToken => "What the provider gave you is not valid here.",
        _ => "That is not possible.",
    };
    words.to_owned()
}

/// The form field that a refusal is about.
pub(crate) fn field(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Required(field)
        | Refusal::NullCharacter(field)
        | Refusal::Invalid(field)
        | Refusal::InvalidChoice(field)
        | Refusal::TooShort { field, .. }
        | Refusal::TooLong { field, .. } => Some(field),
        Refusal::InvalidEmail
        | Refusal::UnknownEmail
        | Refusal::EmailTaken
        | Refusal::DuplicateEmail
        | Refusal::TooManyEmails { .. } => Some("email"),
        Refusal::UnknownPhone
        | Refusal::InvalidPhone
        | Refusal::PhoneTaken
        | Refusal::SameAsCurrent => Some("phone"),
        Refusal::InvalidUsername | Refusal::UsernameBlacklisted | Refusal::UsernameTaken => {
            Some("username")
        }
        Refusal::EmailMismatch => Some("email2"),
        Refusal::WeakPassword { .. } => Some("password1"),
        Refusal::PasswordsDiffer => Some("password2"),
        Refusal::WrongCurrentPassword => Some("oldpassword"),
        Refusal::IncorrectPassword => Some("password"),
        Refusal::IncorrectCode => Some("code"),
        _ => None,
    }
}

/// Whether a form can show it. Limits and what is out of service have pages of their own.
pub(crate) fn is_for_form(refusal: &Refusal) -> bool {
    !matches!(
        refusal,
        Refusal::RateLimited { .. }
            | Refusal::Busy { .. }
            | Refusal::NotAvailable
            | Refusal::LoginRequired
            | Refusal::ReauthenticationRequired
            | Refusal::NotPending
            | Refusal::Inactive
            | Refusal::SignupClosed
            | Refusal::InvalidLink
            | Refusal::InvalidKey
            | Refusal::InvalidPasswordReset
    )
}

/// Seconds in words.
pub(crate) fn wait(seconds: u64) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
