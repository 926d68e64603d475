//! Recorded answers that ours differ from on purpose, each with its row in docs/deviations.md.

/// A line of a transcript that is answered otherwise.
pub(crate) struct Deviation {
    pub(crate) transcript: &'static str,
    /// Counted from 0, as the file's lines are.
    pub(crate) line: usize,
    pub(crate) status: u16,
    /// None: not looked at.
    pub(crate) json: Option<&'static str>,
    /// The first cell of its row in docs/deviations.md.
    pub(crate) reason: &'static str,
}

const fn otherwise(
    transcript: &'static str,
    line: usize,
    status: u16,
    json: Option<&'static str>,
    reason: &'static str,
) -> Deviation {
    Deviation {
        transcript,
        line,
        status,
        json,
        reason,
    }
}

const OLD_CREDENTIALS: &str = "Logging in with old credentials still attached";
const OWN_NAME: &str = "`PUT user/` with one's own user name";
const PASSWORD_ENDS: &str = "A new password";
const UNKNOWN_UID: &str = "A reset with a `uid` that nobody has";
const UNVERIFIED: &str = "Registering an address that an account has, unconfirmed";
const HIDDEN: &str = "Registering a taken address, where confirming is mandatory";
const CONFIRM_PAGES: &str =
    "The two addresses below `registration/` that a project had to make itself";
const USED_LINK: &str = "The page of a confirmation link that is used up";
const VERIFY_ENDED: &str = "`token/verify/` of a refresh token that was ended";
const DELETED: &str = "A refresh token of a deleted user";
const FORWARDED: &str = "`X-Forwarded-For` and throttles";
const NO_SESSION: &str = "A session out of nowhere";
const UNKNOWN_LETTER: &str = "A reset for an unknown address";
const SAME_ADDRESS: &str = "`registration/resend-email/` in another case";

const CONNECTED: &str = "Connecting an account that is another user's";
const LAST_WAY: &str = "Disconnecting the last way in";
const BAD_ID_TOKEN: &str = "An `id_token` for another audience, or one that came before";
const SOCIAL_SESSION: &str = "Sessions of whoever signs in by a provider";
const OWN_WORDS: &str = "`description` and `help_text` in the answer to OPTIONS";

const EMPTY_TOKEN: Option<&str> = Some(r#"{"token":["Invalid value"]}"#);
const TAKEN: Option<&str> =
    Some(r#"{"email":["User is already registered with this e-mail address."]}"#);
const SENT: Option<&str> = Some(r#"{"detail":"Verification e-mail sent."}"#);
const OTHERS: Option<&str> = Some(
    r#"{"non_field_errors":["That account is already connected to another user of this site."]}"#,
);
const WRONG: Option<&str> = Some(r#"{"non_field_errors":["Incorrect value"]}"#);
const NO_PASSWORD: Option<&str> =
    Some(r#"{"detail":"Your account has no password yet. Set one first.","code":"no_password"}"#);
const INVALID: Option<&str> = Some(r#"{"detail":"Invalid token."}"#);

#[rustfmt::skip]
pub(crate) const DEVIATIONS: &[Deviation] = &[
    otherwise("browsable", 11, 200, None, OWN_WORDS),
    otherwise("token", 31, 200, None, OLD_CREDENTIALS),
    otherwise("token", 38, 200, None, OLD_CREDENTIALS),
    otherwise("token", 40, 200, None, OWN_NAME),
    otherwise("token", 60, 401, INVALID, PASSWORD_ENDS),
    otherwise("token", 69, 400, EMPTY_TOKEN, UNKNOWN_UID),
    otherwise("token", 94, 400, TAKEN, UNVERIFIED),
    otherwise("token", 110, 302, None, CONFIRM_PAGES),
    otherwise("token", 111, 200, SENT, CONFIRM_PAGES),
    otherwise("token", 112, 403, None, USED_LINK),
    otherwise("token_options", 10, 401, INVALID, PASSWORD_ENDS),
    otherwise("jwt", 34, 200, None, OLD_CREDENTIALS),
    otherwise("jwt", 36, 200, None, OWN_NAME),
    otherwise("jwt", 76, 400, EMPTY_TOKEN, UNKNOWN_UID),
    otherwise("jwt", 101, 400, TAKEN, UNVERIFIED),
    otherwise("jwt", 117, 302, None, CONFIRM_PAGES),
    otherwise("jwt", 118, 200, SENT, CONFIRM_PAGES),
    otherwise("jwt", 119, 403, None, USED_LINK),
    otherwise("jwt", 122, 401, Some(r#"{"detail":"Token is blacklisted"}"#), PASSWORD_ENDS),
    otherwise("jwt", 125, 400, Some(r#"{"non_field_errors":["Token is blacklisted"]}"#), VERIFY_ENDED),
    otherwise("jwt", 145, 401, Some(r#"{"detail":"No active account found for the given token."}"#), DELETED),
    otherwise("jwt_cookie", 11, 200, None, OLD_CREDENTIALS),
    otherwise("jwt_cookie_csrf", 10, 200, None, OLD_CREDENTIALS),
    otherwise("mandatory_token", 7, 201, SENT, HIDDEN),
    otherwise("mandatory_token", 8, 201, SENT, HIDDEN),
    otherwise("mandatory_token", 31, 302, None, CONFIRM_PAGES),
    otherwise("mandatory_token", 32, 200, SENT, CONFIRM_PAGES),
    otherwise("mandatory_token", 33, 403, None, USED_LINK),
    otherwise("social_jwt", 11, 400, NO_PASSWORD, LAST_WAY),
    otherwise("social_jwt", 17, 400, OTHERS, LAST_WAY),
    otherwise("social_jwt", 18, 400, OTHERS, CONNECTED),
    otherwise("social_jwt", 19, 200, None, LAST_WAY),
    otherwise("social_jwt", 23, 400, WRONG, BAD_ID_TOKEN),
    otherwise("social_jwt", 25, 400, WRONG, BAD_ID_TOKEN),
    otherwise("throttle", 6, 429, None, FORWARDED),
];

/// Letters that are sent here and not there, or the other way round: transcript, line after which, how many letters are
/// sent here, reason.
#[rustfmt::skip]
pub(crate) const LETTERS: &[(&str, usize, usize, &str)] = &[
    ("token", 64, 1, UNKNOWN_LETTER),
    ("token", 94, 0, UNVERIFIED),
    ("token", 105, 1, SAME_ADDRESS),
    ("token", 127, 1, UNKNOWN_LETTER),
    ("jwt", 71, 1, UNKNOWN_LETTER),
    ("jwt", 101, 0, UNVERIFIED),
    ("jwt", 112, 1, SAME_ADDRESS),
    ("mandatory_token", 7, 1, HIDDEN),
    ("mandatory_token", 8, 1, HIDDEN),
    ("mandatory_token", 26, 1, SAME_ADDRESS),
];

/// Headers that differ: transcript, line, header (of `set-cookie`, the names), ours, reason.
#[rustfmt::skip]
pub(crate) const HEADERS: &[(&str, usize, &str, &str, &str)] = &[
    ("token", 59, "vary", "Accept", NO_SESSION),
    ("token", 59, "set-cookie", "", NO_SESSION),
    ("jwt", 66, "vary", "Accept", NO_SESSION),
    ("jwt", 66, "set-cookie", "", NO_SESSION),
    ("jwt", 99, "set-cookie", "", NO_SESSION),
    ("jwt_cookie", 12, "set-cookie", "", NO_SESSION),
    ("social_jwt", 4, "set-cookie", "", SOCIAL_SESSION),
    ("social_jwt", 5, "set-cookie", "", SOCIAL_SESSION),
    ("social_jwt", 6, "set-cookie", "", SOCIAL_SESSION),
    ("social_jwt", 7, "set-cookie", "", SOCIAL_SESSION),
    ("social_jwt", 16, "vary", "Accept", SOCIAL_SESSION),
    ("social_jwt", 22, "set-cookie", "", SOCIAL_SESSION),
    ("social_jwt", 24, "set-cookie", "", SOCIAL_SESSION),
    ("social_jwt", 26, "set-cookie", "", SOCIAL_SESSION),
    ("social_jwt", 27, "set-cookie", "", SOCIAL_SESSION),
];

/// Addresses that a reference site mounts and that are not built yet.
pub(crate) const NOT_BUILT: &[&str] = &["/api/token/", "/api-token-auth/", "/dj-rest-auth/mfa/"];

#[test]
fn every_deviation_is_told() {
    let told = include_str!("../../../../../docs/deviations.md");
    let answers = DEVIATIONS.iter().map(|it| it.reason);
    let letters = LETTERS.iter().map(|it| it.3);
    let headers = HEADERS.iter().map(|it| it.4);
    for reason in answers.chain(letters).chain(headers) {
        assert!(told.contains(&format!("\n| {reason} |")), "{reason}");
    }
    for path in NOT_BUILT {
        assert!(told.contains(&format!("`{path}`")), "{path}");
    }
}
