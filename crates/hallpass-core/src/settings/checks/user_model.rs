//! AUTH_USER_MODEL and what goes with it: one meaning for the user's table, and no flow that needs a column it lacks.

use std::collections::BTreeSet;

use super::Checks;
use crate::settings::{Enumeration, UserColumn, UserKey, Verification};

const MODEL: &str = "AUTH_USER_MODEL";
const TABLE: &str = "HALLPASS_USER_TABLE";
const KEY: &str = "HALLPASS_USER_KEY";
const KEY_COLUMN: &str = "HALLPASS_USER_KEY_COLUMN";
const WITHOUT: &str = "HALLPASS_USER_WITHOUT";
const UNIQUE: &str = "HALLPASS_USER_UNIQUE_EMAIL";
const NAME: &str = "ACCOUNT_USER_MODEL_USERNAME_FIELD";
const EMAIL: &str = "ACCOUNT_USER_MODEL_EMAIL_FIELD";

/// The longest name of the user's table: PostgreSQL's names end after 63 bytes, and `_user_permissions` is added.
const LONGEST: usize = 46;

pub(super) fn check(checks: &mut Checks<'_>) {
    names(checks);
    if checks.settings.has_own_user() {
        agreement(checks);
        unique_addresses(checks);
    } else {
        djangos_own(checks);
    }
}

/// Letters, digits and underscores, not a digit first: what Python has as a name, and SQL in quotes.
fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= LONGEST
        && text.bytes().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn names(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let (app, model) = s.user_model();
    let named = is_name(app) && is_name(model);
    checks.refuse(
        MODEL,
        !named,
        "must name an app and a model, such as accounts.Person",
    );
    let what = format!(
        "is no plain name: write letters, digits and underscores, at most {LONGEST} together"
    );
    let table = s.hallpass.user_table.as_deref();
    checks.refuse(TABLE, table.is_some_and(|name| !is_name(name)), &*what);
    checks.refuse(
        MODEL,
        named && table.is_none() && s.user_table().len() > LONGEST,
        format!("gives its table a name of more than {LONGEST} characters: set {TABLE}"),
    );
    checks.refuse(KEY_COLUMN, !is_name(&s.hallpass.user_key_column), &*what);
    for (name, column) in [
        (NAME, &s.account.user_model_username_field),
        (EMAIL, &s.account.user_model_email_field),
    ] {
        let column = column.as_deref().unwrap_or_default();
        checks.refuse(name, !column.is_empty() && !is_name(column), &*what);
    }
    let mut seen = BTreeSet::new();
    let twice = s
        .hallpass
        .user_without
        .iter()
        .find(|column| !seen.insert(column.name()));
    if let Some(twice) = twice {
        let what = format!("names \"{}\" more than once: keep one", twice.name());
        checks.refuse(WITHOUT, true, what);
    }
}

/// Django's own table is as Django made it.
fn djangos_own(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let what = format!(
        "is of a model of your own, but {MODEL} is Django's auth.User: set that too, or leave this out"
    );
    checks.refuse(TABLE, s.hallpass.user_table.is_some(), &*what);
    checks.refuse(KEY, s.hallpass.user_key != UserKey::Integer, &*what);
    checks.refuse(KEY_COLUMN, s.hallpass.user_key_column != "id", &*what);
    checks.refuse(WITHOUT, !s.hallpass.user_without.is_empty(), &*what);
    checks.refuse(UNIQUE, s.hallpass.user_unique_email, &*what);
    let name = s.account.user_model_username_field.as_deref();
    checks.refuse(
        NAME,
        name.is_some_and(|column| !matches!(column, "username" | "")),
        format!(
            "must be \"username\", which is the column of auth_user, or empty where people have no user names; \
             another one needs {MODEL}"
        ),
    );
    checks.refuse(
        EMAIL,
        s.account.user_model_email_field.as_deref() != Some("email"),
        format!("must be \"email\", which is the column of auth_user; anything else needs {MODEL}"),
    );
}

fn agreement(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let lacks = |column| s.hallpass.user_without.contains(&column);
    checks.refuse(
        WITHOUT,
        checks.understood(&[NAME])
            && lacks(UserColumn::Username)
            && s.account.has_usernames(),
        format!("has \"username\", but {NAME} says that people have user names: set that to an empty text"),
    );
    let email = s
        .account
        .user_model_email_field
        .as_deref()
        .unwrap_or_default();
    checks.refuse(
        WITHOUT,
        lacks(UserColumn::Email) && !matches!(email, "email" | ""),
        format!("has \"email\", but {EMAIL} names the column \"{email}\": keep one of the two"),
    );
    // One column with two meanings.
    let fixed = [
        UserColumn::FirstName,
        UserColumn::LastName,
        UserColumn::IsStaff,
        UserColumn::IsSuperuser,
        UserColumn::IsActive,
        UserColumn::DateJoined,
    ];
    let mut seen: BTreeSet<&str> = fixed.map(UserColumn::name).into();
    seen.extend(["password", "last_login"]);
    let own = s.hallpass.user_fields.iter();
    seen.extend(own.map(|field| field.name()));
    for (name, column) in [
        (KEY_COLUMN, Some(s.hallpass.user_key_column.as_str())),
        (NAME, s.user_column(UserColumn::Username)),
        (EMAIL, s.user_column(UserColumn::Email)),
    ] {
        if let Some(column) = column.filter(|column| !seen.insert(column)) {
            let what =
                format!("is \"{column}\", which is another column of the user's: name its own");
            checks.refuse(name, true, what);
        }
    }
}

/// A table without user names tells people apart by their addresses: Django wants that column unique. Others may have it so.
fn unique_addresses(checks: &mut Checks<'_>) {
    let s = checks.settings;
    let unique = s.addresses_are_unique() && s.user_column(UserColumn::Email).is_some();
    let why = match s.hallpass.user_unique_email {
        true => "HALLPASS_USER_UNIQUE_EMAIL".to_owned(),
        false => format!("\"username\" in {WITHOUT}"),
    };
    if !unique {
        return;
    }
    let account = &s.account;
    checks.refuse(
        "ACCOUNT_UNIQUE_EMAIL",
        !account.unique_email,
        format!("is off, but with {why} the user's table has every address once: switch it on"),
    );
    let strict = account.prevent_enumeration == Enumeration::Strict
        && account.email_verification != Verification::Mandatory;
    checks.refuse(
        "ACCOUNT_PREVENT_ENUMERATION",
        account.unique_email && strict,
        format!(
            "is \"strict\", so that an address may be signed up twice, but with {why} the user's \
             table has every address once: set ACCOUNT_EMAIL_VERIFICATION to \"mandatory\", or this to true"
        ),
    );
}
