//! Limits at the doors that they belong to, as they are without a setting; what does not evade them.

use hallpass::settings::RateLimits;
use hallpass_testkit::app::rates;

/// Every action that has a limit.
const ACTIONS: [&str; 14] = [
    "login",
    "login_failed",
    "signup",
    "request_login_code",
    "request_login_link",
    "confirm_code",
    "reset_password",
    "reset_password_from_key",
    "change_password",
    "change_phone",
    "manage_email",
    "reauthenticate",
    "confirm_email",
    "verify_phone",
];

/// These rates, and no others.
pub(crate) fn only(given: &[(&str, &str)]) -> RateLimits {
    let all = ACTIONS.map(|action| {
        let rates = given.iter().find(|(name, _)| *name == action);
        let rates = rates.map_or("false".to_owned(), |(_, rates)| format!("\"{rates}\""));
        format!("\"{action}\": {rates}")
    });
    rates(&format!("{{{}}}", all.join(",")))
}
