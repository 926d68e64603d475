//! What accounts settings come to when older names and defaults are taken together.

use super::codes::CodeFormat;
use super::rates::{Per, Rate};
use super::sections::{Account, Hallpass, Settings};
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
            None if !self.has_usernames() => vec![LoginBy::Email],
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
        if self.username_required && self.has_usernames() {
            fields.push(asked(SignupField::Username, true));
        }
        let email = self.email_required || !self.has_usernames();
        fields.push(asked(SignupField::Email, email));
        if self.signup_email_enter_twice {
            fields.push(asked(SignupField::Email2, email));
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

    /// Whether people have user names.
    pub fn has_usernames(&self) -> bool {
        let column = self.user_model_username_field.as_deref();
        column.is_some_and(|column| !column.is_empty())
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

impl Hallpass {
    /// The path below which dj-rest-auth's interface is, if it is on. An empty text is how a file says none.
    pub fn rest_mount(&self) -> Option<&str> {
        self.rest_mount.as_deref().filter(|path| !path.is_empty())
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

#[cfg(test)]
mod tests {
    use super::super::{RateLimits, load};
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let pairs = pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        load(None, pairs)
            .unwrap_or_else(|why| panic!("{why}"))
            .settings
    }

    #[test]
    fn how_a_login_may_name_its_account() {
        use LoginBy::{Email, Phone, Username};
        let older = "ACCOUNT_AUTHENTICATION_METHOD";
        let newer = "ACCOUNT_LOGIN_METHODS";
        for (pairs, wanted) in [
            (vec![], vec![Username]),
            (vec![(older, "username")], vec![Username]),
            (vec![(older, "email")], vec![Email]),
            (vec![(older, "username_email")], vec![Username, Email]),
            (vec![(newer, "email,username")], vec![Email, Username]),
            (
                vec![
                    (newer, "phone"),
                    ("ACCOUNT_SIGNUP_FIELDS", "phone*,password1*"),
                ],
                vec![Phone],
            ),
            (
                vec![(newer, "email,username"), (older, "username_email")],
                vec![Email, Username],
            ),
        ] {
            let account = settings(&pairs).account;
            assert_eq!(account.login_methods(), wanted, "{pairs:?}");
            for method in [Username, Email, Phone] {
                let has = account.has_method(method);
                assert_eq!(has, wanted.contains(&method), "{pairs:?}");
            }
        }
    }

    #[test]
    fn what_a_signup_asks() {
        const NAME: (&str, &str) = ("ACCOUNT_USERNAME_REQUIRED", "0");
        const EMAIL: (&str, &str) = ("ACCOUNT_EMAIL_REQUIRED", "1");
        const EMAIL2: (&str, &str) = ("ACCOUNT_SIGNUP_EMAIL_ENTER_TWICE", "1");
        const PASSWORD: (&str, &str) = ("ACCOUNT_SIGNUP_PASSWORD_ENTER_TWICE", "0");
        for (pairs, wanted) in [
            (vec![], "username* email password1* password2*"),
            (vec![NAME], "email password1* password2*"),
            (vec![EMAIL], "username* email* password1* password2*"),
            (vec![EMAIL2], "username* email email2 password1* password2*"),
            (vec![PASSWORD], "username* email password1*"),
            (
                vec![NAME, EMAIL, EMAIL2, PASSWORD],
                "email* email2* password1*",
            ),
            (
                vec![("ACCOUNT_SIGNUP_FIELDS", "password1*,email*,username")],
                "password1* email* username",
            ),
        ] {
            let account = settings(&pairs).account;
            let star = |asked: &Asked| if asked.required { "*" } else { "" };
            let shown: Vec<_> = account
                .signup_fields()
                .iter()
                .map(|asked| asked.field.name().to_owned() + star(asked))
                .collect();
            assert_eq!(shown.join(" "), wanted, "{pairs:?}");
            assert!(account.has_passwords());
            assert_eq!(account.asks(SignupField::Phone), None);
            let required = wanted.contains("email*");
            assert_eq!(account.asks(SignupField::Email), Some(required));
        }
        let codes = settings(&[
            ("ACCOUNT_SIGNUP_FIELDS", "email*"),
            ("ACCOUNT_LOGIN_BY_CODE_ENABLED", "1"),
        ]);
        assert!(!codes.account.has_passwords());
    }

    #[test]
    fn the_form_of_codes() {
        const WIDE: &str = "ALLAUTH_USER_CODE_FORMAT";
        const LOGIN: &str = "ACCOUNT_LOGIN_BY_CODE_FORMAT";
        const RESET: &str = "ACCOUNT_PASSWORD_RESET_BY_CODE_FORMAT";
        const RESET_READ: &str = "ACCOUNT_PASSWORD_RESET_BY_CODE_CODE_FORMAT";
        for (pairs, of, wanted) in [
            (vec![], CodeUse::Login, (false, true, 8)),
            (
                vec![(WIDE, r#"{"numeric": true}"#)],
                CodeUse::Email,
                (true, true, 9),
            ),
            (
                vec![(WIDE, r#"{"dashed": false, "length": 6}"#)],
                CodeUse::Phone,
                (false, false, 6),
            ),
            (
                vec![(LOGIN, r#"{"numeric": true}"#)],
                CodeUse::Login,
                (true, true, 9),
            ),
            // One use of codes does not change another.
            (
                vec![(LOGIN, r#"{"numeric": true}"#)],
                CodeUse::Email,
                (false, true, 8),
            ),
            // What is not said comes from the wider setting.
            (
                vec![
                    (WIDE, r#"{"numeric": true, "dashed": false}"#),
                    (LOGIN, r#"{"length": 6}"#),
                ],
                CodeUse::Login,
                (true, false, 6),
            ),
            (
                vec![
                    (WIDE, r#"{"numeric": true}"#),
                    (LOGIN, r#"{"numeric": false}"#),
                ],
                CodeUse::Login,
                (false, true, 8),
            ),
            (
                vec![(
                    "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_FORMAT",
                    r#"{"length": 10}"#,
                )],
                CodeUse::Email,
                (false, true, 10),
            ),
            (
                vec![("ACCOUNT_PHONE_VERIFICATION_CODE_FORMAT", r#"{"length": 5}"#)],
                CodeUse::Phone,
                (false, true, 5),
            ),
            (
                vec![(RESET_READ, r#"{"length": 12}"#)],
                CodeUse::PasswordReset,
                (false, true, 12),
            ),
            (
                vec![
                    (RESET, r#"{"length": 10}"#),
                    (RESET_READ, r#"{"length": 12, "dashed": false}"#),
                ],
                CodeUse::PasswordReset,
                (false, false, 10),
            ),
        ] {
            assert_eq!(settings(&pairs).code_format(of), wanted, "{pairs:?}");
        }
    }

    #[test]
    fn older_settings_imply_rates() {
        const LIMIT: &str = "ACCOUNT_LOGIN_ATTEMPTS_LIMIT";
        const TIMEOUT: &str = "ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT";
        const COOLDOWN: &str = "ACCOUNT_EMAIL_CONFIRMATION_COOLDOWN";
        const MANDATORY: (&str, &str) = ("ACCOUNT_EMAIL_VERIFICATION", "mandatory");
        const ASKED: (&str, &str) = ("ACCOUNT_EMAIL_REQUIRED", "1");
        const CODES: (&str, &str) = ("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED", "1");
        const GIVEN: &str = "ACCOUNT_RATE_LIMITS";
        for (pairs, action, wanted) in [
            (vec![], "login_failed", "10/m/ip,5/5m/key"),
            (vec![(LIMIT, "3")], "login_failed", "10/m/ip,3/5m/key"),
            (vec![(TIMEOUT, "60")], "login_failed", "10/m/ip,5/m/key"),
            (vec![(LIMIT, "0")], "login_failed", "10/m/ip"),
            (vec![(LIMIT, "3")], "login", "30/m/ip"),
            (vec![], "confirm_email", "1/3m/key"),
            (vec![(COOLDOWN, "30")], "confirm_email", "1/30s/key"),
            (vec![(COOLDOWN, "0")], "confirm_email", ""),
            (vec![MANDATORY, ASKED, CODES], "confirm_email", "1/10s/key"),
            // The cooldown is of links.
            (
                vec![MANDATORY, ASKED, CODES, (COOLDOWN, "30")],
                "confirm_email",
                "1/10s/key",
            ),
            // What was written by hand wins, switched off included, and for its action alone.
            (
                vec![(LIMIT, "3"), (GIVEN, r#"{"login_failed": "7/h"}"#)],
                "login_failed",
                "7/h/ip",
            ),
            (
                vec![(LIMIT, "3"), (GIVEN, r#"{"login_failed": false}"#)],
                "login_failed",
                "",
            ),
            (
                vec![
                    MANDATORY,
                    ASKED,
                    CODES,
                    (GIVEN, r#"{"confirm_email": "1/3m/key"}"#),
                ],
                "confirm_email",
                "1/3m/key",
            ),
            (
                vec![(LIMIT, "3"), (GIVEN, r#"{"login": "1/m"}"#)],
                "login_failed",
                "10/m/ip,3/5m/key",
            ),
        ] {
            let account = settings(&pairs).account;
            let rates = account.rate_limits.rates(&account);
            let shown: Vec<_> = rates[action].iter().map(Rate::to_string).collect();
            assert_eq!(shown.join(","), wanted, "{action}: {pairs:?}");
        }
        let off = settings(&[(LIMIT, "3"), (GIVEN, "false")]).account;
        assert_eq!(off.rate_limits, RateLimits::none());
        assert!(off.rate_limits.rates(&off).is_empty());
    }
}
