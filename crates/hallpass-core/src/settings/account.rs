//! What accounts settings come to when older names and defaults are taken together.

use super::codes::CodeFormat;
use super::rates::{Per, Rate};
use super::sections::{Account, Settings};
use super::signup_fields::{Asked, SignupField};
use super::words::{LegacyMethod, LoginBy};

impl Account {
    /// How a login may name its account.
    pub fn login_methods(&self) -> Vec<LoginBy> {
        if let Some(methods) = &self.login_methods {
            return methods.clone();
        }
        match self.authentication_method {
            Some(LegacyMethod::Email) => vec![LoginBy::Email],
            Some(LegacyMethod::UsernameEmail) => vec![LoginBy::Username, LoginBy::Email],
            Some(LegacyMethod::Username) | None => vec![LoginBy::Username],
        }
    }

    /// Whether a login may name its account so.
    pub fn has_method(&self, method: LoginBy) -> bool {
        self.login_methods().contains(&method)
    }

    /// What a signup asks, in order.
    pub fn signup_fields(&self) -> Vec<Asked> {
        if let Some(fields) = &self.signup_fields {
            return fields.clone();
        }
        let asked = |field, required| Asked { field, required };
        let mut fields = Vec::new();
        if self.username_required {
            fields.push(asked(SignupField::Username, true));
        }
        fields.push(asked(SignupField::Email, self.email_required));
        if self.signup_email_enter_twice {
            fields.push(asked(SignupField::Email2, self.email_required));
        }
        fields.push(asked(SignupField::Password1, true));
        if self.signup_password_enter_twice {
            fields.push(asked(SignupField::Password2, true));
        }
        fields
    }

    /// Whether a signup asks for this, and whether it must be filled.
    pub fn asks(&self, field: SignupField) -> Option<bool> {
        let fields = self.signup_fields();
        let asked = fields.iter().find(|asked| asked.field == field)?;
        Some(asked.required)
    }

    /// Whether people sign in with passwords at all: a site that asks for none at signup has none.
    pub fn has_passwords(&self) -> bool {
        self.asks(SignupField::Password1).is_some()
    }

    /// Rates that older settings imply, for actions that ACCOUNT_RATE_LIMITS leaves alone.
    pub(super) fn implied_rate(&self, action: &str) -> Option<Vec<Rate>> {
        let rate = |amount: u64, period: u64, per| Rate {
            amount: u32::try_from(amount).unwrap_or(u32::MAX),
            period,
            per,
        };
        match action {
            "login_failed"
                if self.login_attempts_limit != 5 || self.login_attempts_timeout != 300 =>
            {
                let mut rates = vec![rate(10, 60, Per::Ip)];
                if self.login_attempts_limit > 0 {
                    rates.push(rate(
                        self.login_attempts_limit,
                        self.login_attempts_timeout,
                        Per::Key,
                    ));
                }
                Some(rates)
            }
            "confirm_email" if self.email_verification_by_code_enabled => {
                Some(vec![rate(1, 10, Per::Key)])
            }
            "confirm_email" if self.email_confirmation_cooldown == 0 => Some(Vec::new()),
            "confirm_email" => Some(vec![rate(1, self.email_confirmation_cooldown, Per::Key)]),
            _ => None,
        }
    }
}

/// What a code is for; each kind has its setting for the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeUse {
    /// Signing in.
    Login,
    /// Confirming an address.
    Email,
    /// Confirming a phone number.
    Phone,
    /// Resetting a password.
    PasswordReset,
}

impl Settings {
    /// The form of a code: numeric, dashed, length.
    pub fn code_format(&self, of: CodeUse) -> (bool, bool, usize) {
        let account = &self.account;
        let own = match of {
            CodeUse::Login => account.login_by_code_format,
            CodeUse::Email => account.email_verification_by_code_format,
            CodeUse::Phone => account.phone_verification_code_format,
            CodeUse::PasswordReset => account
                .password_reset_by_code_format
                .or(account.password_reset_by_code_code_format),
        };
        let CodeFormat {
            numeric,
            dashed,
            length,
        } = own.or(self.allauth.user_code_format);
        let numeric = numeric.unwrap_or(false);
        let length = length.unwrap_or(if numeric { 9 } else { 8 });
        (numeric, dashed.unwrap_or(true), length)
    }
}
