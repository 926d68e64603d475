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
    /// `username_password_mismatch`, `email_password_mismatch`: one answer for an unknown account and a wrong password.
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
    /// `busy`: the hash queue is full; seconds until it is worth trying again.
    Busy {
        /// Seconds to wait.
        retry_after: u64,
    },
}

/// How a login names its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginMethod {
    /// By user name.
    Username,
    /// By e-mail address.
    Email,
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
            Refusal::Inactive => "account_inactive",
            Refusal::TooManyLoginAttempts => "too_many_login_attempts",
            Refusal::RateLimited { .. } => "rate_limited",
            Refusal::InvalidLink => "invalid_link",
            Refusal::Busy { .. } => "busy",
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
