//! What can go wrong, told apart by who must hear of it.
//!
//! A [`Refusal`] is for the person: bad input, a spent link, too many attempts. It has a stable code, the ecosystem's
//! where the ecosystem has one. A [`Failure`] is for the operator: the database is gone, a template is broken. It is
//! opaque to the outside, logged once with an id, and only the id is shown.

use std::fmt;

/// The result's error in every flow.
#[derive(Debug)]
pub enum Error {
    /// The person is told.
    Refused(Refusal),
    /// The operator is told.
    Failed(Failure),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Error::Failed(failure)
    }
}

/// For logs and jobs: the code of a refusal, or the failure. People are told by a face, in its words.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => write!(f, "refused: {refusal}"),
            Error::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// Why nothing started: told before anybody is served.
#[derive(Debug)]
pub enum StartError {
    /// The settings are wrong or missing; the text says what to change.
    Misconfigured(String),
    /// Something else went wrong: the database does not answer, a template does not compile.
    Failed(Failure),
}

impl From<Failure> for StartError {
    fn from(failure: Failure) -> Self {
        StartError::Failed(failure)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Misconfigured(what) => f.write_str(what),
            StartError::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

/// What a flow may refuse. Codes are frozen by a test and listed in docs/src/reference/errors.md.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// `required`: the named field is empty.
    Required(&'static str),
    /// `invalid`: the text is no e-mail address.
    InvalidEmail,
    /// `unknown_email`: nobody owns the address; only told where ACCOUNT_PREVENT_ENUMERATION is off.
    UnknownEmail,
    /// `max_length`: the named field holds more than so many characters.
    TooLong {
        /// The form field.
        field: &'static str,
        /// The most that it takes, in characters.
        limit: usize,
    },
    /// `null_characters_not_allowed`: the named field holds a NUL.
    NullCharacter(&'static str),
    /// `username_password_mismatch`, `email_password_mismatch`, `phone_password_mismatch`: one answer for an unknown account and a wrong password.
    PasswordMismatch(LoginMethod),
    /// `account_inactive`: the right proof, but the account is switched off.
    Inactive,
    /// `too_many_login_attempts`: the login's own limit, shown in the form.
    TooManyLoginAttempts,
    /// `rate_limited`: any other limit; seconds until it is worth trying again.
    RateLimited {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// `invalid_link`: the sign-in link is mistyped, used, expired or of another account. Which of these is not said.
    InvalidLink,
    /// Several at once, each about a field: a form with more than one fault.
    Several(Vec<(String, Refusal)>),
    /// `unknown_phone`: nobody has the number; only told where ACCOUNT_PREVENT_ENUMERATION is off.
    UnknownPhone,
    /// `invalid_phone`: the text is no phone number.
    InvalidPhone,
    /// `invalid`: the text does not have the form that the named field takes.
    Invalid(&'static str),
    /// `min_length`: the named field holds fewer than so many characters.
    TooShort {
        /// The form field.
        field: &'static str,
        /// The fewest that it takes.
        limit: usize,
    },
    /// `invalid_choice`: the named field holds none of its choices.
    InvalidChoice(&'static str),
    /// `invalid_username`: the user name has letters that it must not have.
    InvalidUsername,
    /// `username_blacklisted`: nobody may have this name.
    UsernameBlacklisted,
    /// `username_taken`
    UsernameTaken,
    /// `email_taken`
    EmailTaken,
    /// `phone_taken`
    PhoneTaken,
    /// `unique`: somebody has this value of a field of which no two users may have the same.
    NotUnique,
    /// `email_mismatch`: the two addresses differ.
    EmailMismatch,
    /// `password_mismatch`: the two passwords differ.
    PasswordsDiffer,
    /// What a validator has against a new password, with the validator's own code.
    WeakPassword {
        /// `password_too_short` …
        code: &'static str,
        /// In words.
        message: String,
    },
    /// `enter_current_password`: the current password is not the one that was given.
    WrongCurrentPassword,
    /// `incorrect_password`: the password given as a fresh proof is not the user's.
    IncorrectPassword,
    /// `incorrect_code`
    IncorrectCode,
    /// `not_pending`: there is nothing under way that this could be a step of; it was finished, given up or took too long.
    NotPending,
    /// `signup_closed`
    SignupClosed,
    /// `invalid_or_expired_key`: the confirmation link is mistyped, used, too old or for an address that is gone.
    InvalidKey,
    /// `invalid_password_reset`: the reset link is mistyped, used, too old or overtaken by events.
    InvalidPasswordReset,
    /// `duplicate_email`: the account has the address already.
    DuplicateEmail,
    /// `max_email_addresses`: an account has so many addresses at most.
    TooManyEmails {
        /// The most.
        limit: usize,
    },
    /// `unverified_primary_email`: only a confirmed address can be the primary one.
    UnverifiedPrimary,
    /// `cannot_remove_primary_email`
    PrimaryNotRemovable,
    /// `unknown_address`: the account has no such address.
    NoSuchAddress,
    /// `same_as_current`: the number is the one that the account has.
    SameAsCurrent,
    /// `resend_exhausted`: no more codes are sent.
    ResendExhausted,
    /// `change_exhausted`: the recipient cannot be changed, or not any more.
    ChangeExhausted,
    /// `reauthentication_required`
    ReauthenticationRequired,
    /// `login_required`: nobody is signed in.
    LoginRequired,
    /// `password_already_set`: the account has a password, which must be changed instead.
    PasswordAlreadySet,
    /// `no_password`: the account has no password to change.
    NoPassword,
    /// `no_way_to_confirm`: the account has neither the address nor the number that a step needs.
    NoWayToConfirm,
    /// `not_available`: this site is set up without it.
    NotAvailable,
    /// `select_only_one`: either the one field or the other.
    SelectOnlyOne,
    /// What a hook of the app refuses, with a code and words of its own.
    Denied {
        /// For programs.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// `email_not_verified`: no program gets in before the address is confirmed.
    EmailNotVerified,
    /// `stage_required`: the sign-in would have to go through this stage, which needs a person.
    StageRequired(String),
    /// A key or token is not taken.
    Token(TokenFault),
    /// `permission_denied`: whoever asks may not.
    PermissionDenied,
    /// `unknown_user`: the user is gone.
    NoSuchUser,
    /// `unknown_permission`: nobody has declared it.
    NoSuchPermission(String),
    /// `unknown_group`
    NoSuchGroup(String),
    /// `unknown_field`: HALLPASS_USER_FIELDS declares no such column.
    NoSuchField,
    /// `referred_to`: rows of the app's own refer to the user, who cannot be deleted before they are.
    ReferredTo {
        /// What the database says of it: a constraint, where it names one.
        by: String,
    },
    /// `cancelled`: the visitor said no at the provider.
    SocialCancelled,
    /// `denied`: the provider says that something is wrong.
    SocialDenied,
    /// `unknown`: what came from the provider is not what it should be, or the visitor did not set out from here.
    SocialFailed,
    /// `provider_unavailable`: the provider does not answer, or not in time.
    ProviderUnavailable,
    /// `unknown_provider`: nothing of the kind is set up here.
    UnknownProvider,
    /// `connected_other`: the account at the provider belongs to somebody else here.
    ConnectedOther,
    /// `account_not_found`: the user has no such account at a provider.
    NoSuchSocialAccount,
    /// `disconnect_last`: there is no other way in.
    DisconnectLast,
    /// `no_verified_email`: without this account there would be no way in, since no address was ever confirmed.
    NoVerifiedEmail,
    /// `invalid_token`: the provider's token is not taken.
    InvalidProviderToken,
    /// `busy`: the hash queue is full; seconds until it is worth trying again.
    Busy {
        /// Seconds to wait.
        retry_after: u64,
    },
}

/// Why a key or token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFault {
    /// `token_not_valid`: malformed, forged, or of a kind that says too little.
    Invalid,
    /// `token_not_valid`: it was good once.
    Expired,
    /// `token_not_valid`: its family ended, or somebody else used it.
    Blacklisted,
    /// `token_not_valid`: a token of another kind.
    WrongType,
    /// `token_not_valid`: it names no user.
    NoUser,
    /// `user_not_found`
    UserNotFound,
    /// `user_inactive`
    UserInactive,
    /// `password_changed`
    PasswordChanged,
    /// `no_active_account`: a refresh token of somebody who is gone or switched off.
    NoActiveAccount,
}

impl TokenFault {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            TokenFault::Invalid
            | TokenFault::Expired
            | TokenFault::Blacklisted
            | TokenFault::WrongType
            | TokenFault::NoUser => "token_not_valid",
            TokenFault::UserNotFound => "user_not_found",
            TokenFault::UserInactive => "user_inactive",
            TokenFault::PasswordChanged => "password_changed",
            TokenFault::NoActiveAccount => "no_active_account",
        }
    }
}

/// How a login names its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginMethod {
    /// By user name.
    Username,
    /// By e-mail address.
    Email,
    /// By phone number.
    Phone,
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Required(_) => "required",
            Refusal::InvalidEmail => "invalid",
            Refusal::UnknownEmail => "unknown_email",
            Refusal::TooLong { .. } => "max_length",
            Refusal::NullCharacter(_) => "null_characters_not_allowed",
            Refusal::PasswordMismatch(LoginMethod::Username) => "username_password_mismatch",
            Refusal::PasswordMismatch(LoginMethod::Email) => "email_password_mismatch",
            Refusal::PasswordMismatch(LoginMethod::Phone) => "phone_password_mismatch",
            Refusal::Inactive => "account_inactive",
            Refusal::TooManyLoginAttempts => "too_many_login_attempts",
            Refusal::RateLimited { .. } => "rate_limited",
            Refusal::InvalidLink => "invalid_link",
            Refusal::Several(_) => "invalid",
            Refusal::UnknownPhone => "unknown_phone",
            Refusal::InvalidPhone => "invalid_phone",
            Refusal::Invalid(_) => "invalid",
            Refusal::TooShort { .. } => "min_length",
            Refusal::InvalidChoice(_) => "invalid_choice",
            Refusal::InvalidUsername => "invalid_username",
            Refusal::UsernameBlacklisted => "username_blacklisted",
            Refusal::UsernameTaken => "username_taken",
            Refusal::EmailTaken => "email_taken",
            Refusal::PhoneTaken => "phone_taken",
            Refusal::NotUnique => "unique",
            Refusal::EmailMismatch => "email_mismatch",
            Refusal::PasswordsDiffer => "password_mismatch",
            Refusal::WeakPassword { code, .. } | Refusal::Denied { code, .. } => code,
            Refusal::WrongCurrentPassword => "enter_current_password",
            Refusal::IncorrectPassword => "incorrect_password",
            Refusal::IncorrectCode => "incorrect_code",
            Refusal::NotPending => "not_pending",
            Refusal::SignupClosed => "signup_closed",
            Refusal::InvalidKey => "invalid_or_expired_key",
            Refusal::InvalidPasswordReset => "invalid_password_reset",
            Refusal::DuplicateEmail => "duplicate_email",
            Refusal::TooManyEmails { .. } => "max_email_addresses",
            Refusal::UnverifiedPrimary => "unverified_primary_email",
            Refusal::PrimaryNotRemovable => "cannot_remove_primary_email",
            Refusal::NoSuchAddress => "unknown_address",
            Refusal::SameAsCurrent => "same_as_current",
            Refusal::ResendExhausted => "resend_exhausted",
            Refusal::ChangeExhausted => "change_exhausted",
            Refusal::ReauthenticationRequired => "reauthentication_required",
            Refusal::LoginRequired => "login_required",
            Refusal::PasswordAlreadySet => "password_already_set",
            Refusal::NoPassword => "no_password",
            Refusal::NoWayToConfirm => "no_way_to_confirm",
            Refusal::NotAvailable => "not_available",
            Refusal::SelectOnlyOne => "select_only_one",
            Refusal::EmailNotVerified => "email_not_verified",
            Refusal::StageRequired(_) => "stage_required",
            Refusal::Token(fault) => fault.code(),
            Refusal::PermissionDenied => "permission_denied",
            Refusal::NoSuchUser => "unknown_user",
            Refusal::NoSuchPermission(_) => "unknown_permission",
            Refusal::NoSuchGroup(_) => "unknown_group",
            Refusal::NoSuchField => "unknown_field",
            Refusal::ReferredTo { .. } => "referred_to",
            Refusal::SocialCancelled => "cancelled",
            Refusal::SocialDenied => "denied",
            Refusal::SocialFailed => "unknown",
            Refusal::ProviderUnavailable => "provider_unavailable",
            Refusal::UnknownProvider => "unknown_provider",
            Refusal::ConnectedOther => "connected_other",
            Refusal::NoSuchSocialAccount => "account_not_found",
            Refusal::DisconnectLast => "disconnect_last",
            Refusal::NoVerifiedEmail => "no_verified_email",
            Refusal::InvalidProviderToken => "invalid_token",
            Refusal::Busy { .. } => "busy",
        }
    }
}

/// The code, and what it is about, for whoever writes a program: `username: username_taken`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Several(faults) => {
                for (index, (field, refusal)) in faults.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{field}: {refusal}")?;
                }
                Ok(())
            }
            Refusal::WeakPassword { code, message } | Refusal::Denied { code, message } => {
                write!(f, "{code} ({message})")
            }
            Refusal::NoSuchPermission(name) | Refusal::NoSuchGroup(name) => {
                let short: String = name.chars().take(150).collect();
                write!(f, "{} ({})", self.code(), short.escape_debug())
            }
            Refusal::ReferredTo { by } => write!(f, "{} ({by})", self.code()),
            other => f.write_str(other.code()),
        }
    }
}

/// Something broke. What is inside is for the log, never for an answer.
pub struct Failure {
    what: String,
    unavailable: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    /// A failure in words for the operator.
    pub fn new(what: impl Into<String>) -> Self {
        Failure {
            what: what.into(),
            unavailable: false,
            source: None,
        }
    }

    /// A failure with its cause.
    pub fn from_source(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Failure {
            what: what.into(),
            unavailable: false,
            source: Some(source.into()),
        }
    }

    /// Marks it as passing: what was needed is away for the moment, and the answer is 503 instead of 500.
    #[must_use]
    pub fn unavailable(mut self) -> Self {
        self.unavailable = true;
        self
    }

    /// Whether trying again later may help.
    pub fn is_unavailable(&self) -> bool {
        self.unavailable
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut next = self.source.as_deref().map(|e| e as &dyn std::error::Error);
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({self})")
    }
}

impl std::error::Error for Failure {}
