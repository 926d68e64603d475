//! Refusals in REST framework's words.

use hallpass_core::{Error, Refusal, TokenFault};
use http::StatusCode;

use super::answer::Reply;
use super::call::Call;
use super::fields::Errors;
use crate::say::words as plain;

/// What a key is not taken for.
pub(crate) fn key_fault(fault: TokenFault) -> &'static str {
    match fault {
        TokenFault::UserInactive | TokenFault::UserNotFound => "User inactive or deleted.",
        _ => "Invalid token.",
    }
}

/// What a token is not taken for, and the code.
pub(crate) fn token_fault(fault: TokenFault) -> (&'static str, &'static str) {
    let words = match fault {
        TokenFault::Expired => "Token is expired",
        TokenFault::Blacklisted => "Token is blacklisted",
        TokenFault::WrongType => "Token has wrong type",
        TokenFault::NoUser => "Token contained no recognizable user identification",
        TokenFault::UserNotFound => "User not found",
        TokenFault::UserInactive => "User is inactive",
        TokenFault::PasswordChanged => "The user's password has been changed.",
        TokenFault::NoActiveAccount => "No active account found for the given token.",
        TokenFault::Invalid => "Token is invalid",
    };
    (words, fault.code())
}

/// What a field is refused for.
pub(crate) fn words(refusal: &Refusal) -> String {
    let words = match refusal {
        Refusal::Required(_) => "This field is required.",
        Refusal::InvalidEmail => "Enter a valid email address.",
        Refusal::NullCharacter(_) => "Null characters are not allowed.",
        Refusal::TooLong { limit, .. } => {
            return format!("Ensure this field has no more than {limit} characters.");
        }
        Refusal::TooShort { limit, .. } => {
            return format!("Ensure this field has at least {limit} characters.");
        }
        Refusal::InvalidUsername => {
            "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."
        }
        Refusal::UsernameTaken => "A user with that username already exists.",
        Refusal::UsernameBlacklisted => "Username can not be used. Please use other username.",
        Refusal::NotUnique => "This field must be unique.",
        Refusal::EmailTaken => "User is already registered with this e-mail address.",
        Refusal::WrongCurrentPassword => {
            "Your old password was entered incorrectly. Please enter it again."
        }
        refusal => return plain(refusal),
    };
    words.to_owned()
}

/// What is wrong with several fields, under the names that `rename` gives them; an unnamed one is about the whole.
pub(crate) fn several(
    faults: &[(String, Refusal)],
    rename: impl Fn(&str, &Refusal) -> String,
) -> Errors {
    let mut errors = Errors::default();
    for (field, refusal) in faults {
        errors.add(&rename(field, refusal), words(refusal));
    }
    errors
}

/// The answer to whatever an address has no words of its own for.
pub(crate) fn error(call: &Call, error: Error) -> Reply {
    match error {
        Error::Failed(failure) => {
            tracing::error!(request_id = call.request_id, %failure, "a request failed");
            match failure.is_unavailable() {
                true => unavailable(5),
                false => Reply::detail(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "A server error occurred.",
                )
                .with("request_id", call.request_id.as_str()),
            }
        }
        Error::Refused(refusal) => refused(&refusal),
    }
}

fn unavailable(seconds: u64) -> Reply {
    let words = "Service temporarily unavailable, try again later.";
    Reply {
        retry_after: Some(seconds),
        ..Reply::detail(StatusCode::SERVICE_UNAVAILABLE, words)
    }
}

fn refused(refusal: &Refusal) -> Reply {
    match refusal {
        Refusal::RateLimited { retry_after } => {
            let unit = if *retry_after == 1 {
                "second"
            } else {
                "seconds"
            };
            let words =
                format!("Request was throttled. Expected available in {retry_after} {unit}.");
            Reply {
                retry_after: Some(*retry_after),
                ..Reply::detail(StatusCode::TOO_MANY_REQUESTS, words)
            }
        }
        Refusal::TooManyLoginAttempts => {
            Reply::detail(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.")
        }
        Refusal::Busy { retry_after } => unavailable(*retry_after),
        Refusal::ProviderUnavailable => unavailable(30),
        Refusal::NotAvailable | Refusal::UnknownProvider => Reply::not_found(),
        Refusal::Several(faults) => Reply::wrong(several(faults, |field, _| field.to_owned())),
        Refusal::Denied { code, message } => {
            Reply::coded(StatusCode::FORBIDDEN, message.as_str(), code)
        }
        Refusal::SignupClosed => {
            Reply::coded(StatusCode::FORBIDDEN, plain(refusal), refusal.code())
        }
        Refusal::PermissionDenied => {
            let words = "You do not have permission to perform this action.";
            Reply::detail(StatusCode::FORBIDDEN, words)
        }
        Refusal::StageRequired(stage) => {
            let words = "Signing in takes one more step, on a page of this site.";
            Reply::coded(StatusCode::FORBIDDEN, words, refusal.code()).with("stage", stage.as_str())
        }
        Refusal::ReauthenticationRequired => {
            let words = "Send old_password, or log in again first.";
            Reply::coded(StatusCode::FORBIDDEN, words, refusal.code())
        }
        Refusal::LoginRequired => {
            let words = "Authentication credentials were not provided.";
            Reply::detail(StatusCode::UNAUTHORIZED, words).challenged()
        }
        Refusal::Token(fault) => {
            let (words, code) = token_fault(*fault);
            Reply::coded(StatusCode::UNAUTHORIZED, words, code).challenged()
        }
        refusal => match crate::say::field(refusal) {
            Some(field) => Reply::wrong(Errors::of(field, words(refusal))),
            None => Reply::coded(StatusCode::BAD_REQUEST, words(refusal), refusal.code()),
        },
    }
}
