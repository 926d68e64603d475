//! Out of what a provider answered, who somebody is.
//!
//! The one thing that must be right is the uid: whoever has it is that person. What else is missing or of another type
//! than expected is left out.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::description::{Account, Condition, Emails, Source, Truth};
use super::path::{Gathered, Path, Root};
use super::template::{self, Known};
use super::{Call, Fault, Profile, ProfileEmail};

/// As long as the column is.
const LONGEST_UID: usize = 191;
/// As many addresses as are taken.
const MOST_EMAILS: usize = 50;
/// As long as an address can be (RFC 5321).
const LONGEST_EMAIL: usize = 254;
/// As long as a name is taken.
const LONGEST_NAME: usize = 255;

/// Who it is.
///
/// # Errors
/// [`Fault::Invalid`] if that is not said; [`Fault::Misconfigured`] if it could be somebody else next year and the operator
/// has not allowed that.
pub fn read(call: &Call<'_>, gathered: &Gathered) -> Result<Profile, Fault> {
    let account = account(call)?;
    let gathered = &with_kept(account, gathered);
    let known = Known {
        call,
        gathered,
        access_token: None,
    };
    let uid = uid(account, &known)?;
    let text = |path: &Option<Path>| path.as_ref().and_then(|path| name(path.find(gathered)));
    let phone = text(&account.phone);
    Ok(Profile {
        uid,
        extra_data: extra_data(account, gathered),
        emails: emails(account, &known),
        username: username(account, text(&account.username)),
        name: text(&account.name),
        first_name: text(&account.first_name),
        last_name: text(&account.last_name),
        phone: phone.map(|phone| (phone, is_so(&account.phone_verified, &known))),
    })
}

/// The part of the description that says where things are, if the provider may be used at all.
///
/// # Errors
/// [`Fault::Misconfigured`]
pub fn account<'a>(call: &Call<'a>) -> Result<&'a Account, Fault> {
    let account = call.provider.account.as_ref();
    let account = account.ok_or_else(|| {
        Fault::Misconfigured("the provider's description has no [account]".to_owned())
    })?;
    if account.is_mutable() && !call.permits.mutable_uids {
        return Err(Fault::Misconfigured(
            "the provider names people by what may come to belong to somebody else, \
             which HALLPASS_SOCIAL_MUTABLE_UIDS does not allow"
                .to_owned(),
        ));
    }
    uid_of_setting(call, account)?;
    Ok(account)
}

/// Members that name one person for good, wherever they are. Of others that a setting names (addresses, logins, names, in
/// any spelling) nobody knows who has them next year, and then has the account.
const LASTING: [&str; 5] = ["sub", "oid", "id", "user_id", "uid"];

/// What the app's settings name as the uid, in the place of the description's.
fn uid_of_setting(call: &Call<'_>, account: &Account) -> Result<Option<Path>, Fault> {
    let wrong = |what: &str| Fault::Misconfigured(format!("the setting for the uid {what}"));
    let setting = account.uid_setting.as_ref();
    let said = setting.and_then(|setting| call.app.settings.get(setting));
    let Some(said) = said.filter(|said| !said.is_null()) else {
        return Ok(None);
    };
    let path = said.as_str().map(Path::parse).and_then(Result::ok);
    let path = path.filter(|path| path.roots().all(|root| root == Root::Whole));
    let path = path.ok_or_else(|| wrong("is no path"))?;
    let described = match &account.uid {
        Source::Path(path) if !account.is_mutable() => path.ends().collect(),
        _ => Vec::new(),
    };
    let lasts = |end: Option<&str>| {
        end.is_some_and(|end| LASTING.contains(&end)) || end.is_some() && described.contains(&end)
    };
    match call.permits.mutable_uids || path.ends().all(lasts) {
        true => Ok(Some(path)),
        false => Err(wrong(
            "names what may come to belong to somebody else, which HALLPASS_SOCIAL_MUTABLE_UIDS does not allow",
        )),
    }
}

fn with_kept(account: &Account, gathered: &Gathered) -> Gathered {
    let mut gathered = gathered.clone();
    let found = account.keep.iter().filter_map(|(name, path)| {
        let value = path.find(&gathered)?.clone();
        Some((name.clone(), value))
    });
    let found: Vec<_> = found.collect();
    gathered.whole.extend(found);
    gathered
}

fn username(account: &Account, text: Option<String>) -> Option<String> {
    let text = text?;
    let end = account.username_until.as_ref();
    let end = end.and_then(|end| text.find(end.as_str()));
    let text = &text[..end.unwrap_or(text.len())];
    (!text.is_empty()).then(|| text.to_owned())
}

/// A null that became the text "None" once let everybody in as the same person.
const NOBODY: [&str; 6] = ["null", "none", "nil", "undefined", "nan", "0"];

fn uid(account: &Account, known: &Known<'_>) -> Result<String, Fault> {
    let invalid = |what: &str| Fault::Invalid(format!("the provider's uid {what}"));
    let other = uid_of_setting(known.call, account)?.map(Source::Path);
    let uid = match other.as_ref().unwrap_or(&account.uid) {
        Source::Text(text) => text.fill(known)?,
        Source::Path(path) => match path.find(known.gathered) {
            None => return Err(invalid("is missing")),
            Some(Value::String(text)) => text.clone(),
            // What is larger than 64 bits was rounded when it was read: somebody else's.
            Some(Value::Number(number)) if !number.is_f64() => number.to_string(),
            Some(_) => return Err(invalid("is neither a text nor a whole number")),
        },
    };
    let uid = match &account.uid_after {
        Some(before) => {
            let rest = uid.strip_prefix(before.as_str());
            let rest = rest.filter(|rest| !rest.contains('/'));
            rest.ok_or_else(|| invalid("is not where it was"))?
                .to_owned()
        }
        None => uid,
    };
    if uid.trim().is_empty() || NOBODY.contains(&uid.trim().to_lowercase().as_str()) {
        return Err(invalid("names nobody"));
    }
    if uid.chars().count() > LONGEST_UID {
        return Err(invalid("is too long"));
    }
    if uid.contains(char::is_control) {
        return Err(invalid("has control characters"));
    }
    Ok(uid)
}

/// What is kept of the answers.
fn extra_data(account: &Account, gathered: &Gathered) -> Value {
    let kept = gathered.whole.iter();
    let kept = kept.filter(|(name, _)| !account.without.contains(name));
    members_to_keep(kept)
}

/// Tokens are kept elsewhere, encrypted, or not at all. PostgreSQL has no NUL in its JSON.
pub(super) fn to_keep(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(places) => places.iter().map(to_keep).collect(),
        Value::Object(members) => members_to_keep(members.iter()),
        other => other.clone(),
    }
}

fn members_to_keep<'a>(members: impl Iterator<Item = (&'a String, &'a Value)>) -> Value {
    let tokens = ["access_token", "refresh_token", "id_token"];
    let kept = members.filter(|(name, _)| !tokens.contains(&name.as_str()));
    let kept: Map<String, Value> = kept
        .map(|(name, value)| (without_nul(name), to_keep(value)))
        .collect();
    Value::Object(kept)
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

/// A text on one line, if it is one and no book.
fn name(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= LONGEST_NAME;
    fits.then(|| text.to_owned())
}

/// The list as it came, and before it the main address if it is not in there. What the list says of an address counts
/// more than what is said of the main one in passing.
fn emails(account: &Account, known: &Known<'_>) -> Vec<ProfileEmail> {
    let gathered = known.gathered;
    let mut emails: Vec<ProfileEmail> = Vec::new();
    let mut seen = BTreeSet::new();
    if let Some(emails_of) = &account.emails
        && let Some(Value::Array(places)) = emails_of.list.find(gathered)
    {
        for place in places {
            if emails.len() == MOST_EMAILS {
                break;
            }
            if let Some(email) = listed(emails_of, place, known)
                && seen.insert(email.email.to_lowercase())
            {
                emails.push(email);
            }
        }
    }
    let main = account.email.as_ref().and_then(|path| path.find(gathered));
    if let Some(email) = main.and_then(address)
        && seen.insert(email.to_lowercase())
    {
        let verified = is_so(&account.email_verified, known);
        let primary = !emails.iter().any(|email| email.primary);
        let main = ProfileEmail {
            email,
            verified,
            primary,
        };
        emails.truncate(MOST_EMAILS - 1);
        emails.insert(0, main);
    }
    let mut one = false;
    for email in &mut emails {
        email.primary &= !one;
        one |= email.primary;
    }
    emails
}

fn listed(emails: &Emails, place: &Value, known: &Known<'_>) -> Option<ProfileEmail> {
    let value = match &emails.email {
        Some(path) => path.find_in(place)?,
        None => place,
    };
    Some(ProfileEmail {
        email: address(value)?,
        verified: is_so_in(&emails.verified, place, known),
        primary: is_so_in(&emails.primary, place, known),
    })
}

/// An address that could be one. Whether it is, the flow judges.
fn address(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let fits = text.contains('@') && text.len() <= LONGEST_EMAIL && !text.contains(odd);
    fits.then(|| text.to_owned())
}

fn is_so(truth: &Truth, known: &Known<'_>) -> bool {
    judged(truth, known, |path| path.find(known.gathered))
}

fn is_so_in(truth: &Truth, answer: &Value, known: &Known<'_>) -> bool {
    judged(truth, known, |path| path.find_in(answer))
}

fn judged<'v>(truth: &Truth, known: &Known<'_>, find: impl Fn(&Path) -> Option<&'v Value>) -> bool {
    match truth {
        Truth::Always(so) => *so,
        Truth::Path(path) => find(path).is_some_and(is_true),
        Truth::All { all } => {
            !all.is_empty() && all.iter().all(|path| find(path).is_some_and(is_true))
        }
        Truth::Is(condition) => holds(condition, find(&condition.path), known),
    }
}

/// Whether a value is what a condition asks for. A number and its text are the same.
pub(super) fn holds(condition: &Condition, value: Option<&Value>, known: &Known<'_>) -> bool {
    match (value, &condition.value) {
        (Some(value), Some(expected)) => {
            let expected = expected.fill(known).ok();
            expected.is_some() && template::scalar(value) == expected
        }
        (Some(value), None) => is_true(value),
        (None, _) => false,
    }
}

/// True, 1, or what some write for it. Anything else is no.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(so) => *so,
        Value::Number(number) => number.as_u64() == Some(1),
        Value::String(text) => text.eq_ignore_ascii_case("true") || text == "1",
        _ => false,
    }
}

#[cfg(test)]
mod tests;
