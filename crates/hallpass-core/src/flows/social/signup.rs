//! Step 3 for somebody new: an account is made at once if the provider said all that is needed, else by a form that waits
//! in this browser.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Came, complete, record};
use crate::cx::Cx;
use crate::domain::session::keys;
use crate::domain::{Login, SocialLogin, User};
use crate::error::{Error, Failure, Refusal};
use crate::flows::login::{Progress, pending, within};
use crate::flows::signup::{self, Form, form, username};
use crate::flows::{addresses, numbers};
use crate::settings::{Asked, ExtraField, SignupField};
use crate::store::{self, Claimed};

const PURPOSE: &str = "social_signup";

#[derive(Serialize, Deserialize)]
struct Waiting {
    social: SocialLogin,
    next: Option<String>,
    /// Microseconds.
    until: i64,
}

/// An account at once, or the form.
///
/// # Errors
/// [`Refusal::SignupClosed`], [`Refusal::RateLimited`], or what the stages and hooks refuse.
pub(super) async fn begin(
    cx: &mut Cx,
    social: SocialLogin,
    next: Option<String>,
) -> Result<Came, Error> {
    // What was written so far stands alone; limits are counted outside.
    cx.checkpoint().await?;
    if !signup::is_open(cx).await? {
        return Err(Refusal::SignupClosed.into());
    }
    if is_wanted(cx, &social)
        && let Some(form) = complete_form(cx, &social).await?
    {
        within(cx.hit("signup", None).await?)?;
        match enter(cx, social.clone(), form, next.clone()).await {
            // A name or an address that was free a moment ago: it can be chosen anew.
            Err(Error::Refused(Refusal::Several(_))) => cx.undo().await,
            entered => return Ok(Came::Progress(entered?)),
        }
    }
    wait(cx, social, next)?;
    Ok(Came::Form)
}

/// The page that asks for what is missing, as allauth calls it.
const PAGE: &str = "provider_signup";

/// What came of a signup without a form.
pub(crate) enum Made {
    /// Somebody made the account a moment ago: it is this user's.
    Before(Box<User>),
    /// Signed up, or it looks so.
    New(Progress),
}

/// An account at once, for whoever has no form to show.
///
/// # Errors
/// [`Refusal::SignupClosed`], [`Refusal::RateLimited`]; [`Refusal::StageRequired`] where the site wants the form to be
/// filled in; [`Refusal::Several`] with what is missing or taken; or what the stages and hooks refuse.
pub(crate) async fn at_once(cx: &mut Cx, social: SocialLogin) -> Result<Made, Error> {
    // What was written so far stands alone; limits are counted outside.
    cx.checkpoint().await?;
    if !signup::is_open(cx).await? {
        return Err(Refusal::SignupClosed.into());
    }
    if !is_wanted(cx, &social) {
        return Err(Refusal::StageRequired(PAGE.to_owned()).into());
    }
    within(cx.hit("signup", None).await?)?;
    // Programs send again what was slow to be answered: of several at once one makes the account, the others find it.
    let claimed = Claimed::SocialAccount(&social.provider, &social.uid);
    store::hold(cx.write().await?, claimed).await?;
    if let Some(user) = complete::owner(cx, &social).await? {
        return Ok(Made::Before(Box::new(user)));
    }
    let form = filled(cx, &social).await?;
    // To whom the provider says it is theirs it may be told, however well addresses are hidden here.
    if let Some(email) = form
        .email
        .as_ref()
        .filter(|email| social.has_verified(email))
        && addresses::is_taken(cx, email, None).await?
    {
        return Err(taken("email", Refusal::EmailTaken));
    }
    Ok(Made::New(enter(cx, social, form, None).await?))
}

/// Whether whoever comes for the first time gets an account without a form.
fn is_wanted(cx: &Cx, social: &SocialLogin) -> bool {
    let hallpass = cx.hallpass();
    hallpass.settings().socialaccount.auto_signup && hallpass.social_hook().may_auto_sign_up(social)
}

/// The form as the provider's word fills it, if nothing is missing and nothing is taken that could be told.
async fn complete_form(cx: &mut Cx, social: &SocialLogin) -> Result<Option<Form>, Error> {
    match filled(cx, social).await {
        Ok(form) => Ok(Some(form)),
        Err(Error::Refused(_)) => Ok(None),
        Err(failed) => Err(failed),
    }
}

/// The form as the provider's word fills it.
///
/// # Errors
/// [`Refusal::Several`] with what is missing, or taken and may be told.
async fn filled(cx: &mut Cx, social: &SocialLogin) -> Result<Form, Error> {
    let suggested = suggested(cx, social);
    let typed = |name: &str| suggested_for(&suggested, name);
    let mut fields = fields(cx);
    // A name that cannot be had is made up instead.
    let name = typed("username");
    let name = form::username_or_none(cx, &name).await?;
    if name.is_none() {
        fields.retain(|asked| asked.field != SignupField::Username);
    }
    let form = form::read(cx, &fields, &typed).await?;
    if let Some(email) = &form.email
        && addresses::claim(cx, email, None).await? == addresses::Claim::Taken
    {
        return Err(taken("email", Refusal::EmailTaken));
    }
    if let Some(phone) = &form.phone
        && numbers::claim_at_signup(cx, phone).await? == addresses::Claim::Taken
    {
        return Err(taken("phone", Refusal::PhoneTaken));
    }
    Ok(form)
}

fn taken(field: &str, refusal: Refusal) -> Error {
    Refusal::Several(vec![(field.to_owned(), refusal)]).into()
}

/// What the form asks: as a signup, without a password.
fn fields(cx: &Cx) -> Vec<Asked> {
    let settings = cx.hallpass().settings();
    let required = settings.social_email_required();
    let mut fields = settings.account.signup_fields();
    fields.retain(|asked| {
        !matches!(
            asked.field,
            SignupField::Password1 | SignupField::Password2 | SignupField::Email2
        )
    });
    match fields
        .iter_mut()
        .find(|asked| asked.field == SignupField::Email)
    {
        Some(email) => email.required = required,
        None => fields.push(Asked {
            field: SignupField::Email,
            required,
        }),
    }
    fields
}

/// What the provider's word suggests, by field.
fn suggested(cx: &Cx, social: &SocialLogin) -> Vec<(&'static str, String)> {
    let email = social.emails.first().map(|given| given.email.clone());
    let some = |text: &Option<String>| text.clone().unwrap_or_default();
    let asks_phone = cx.hallpass().settings().account.asks(SignupField::Phone);
    vec![
        ("username", some(&social.username)),
        ("email", email.unwrap_or_default()),
        ("first_name", some(&social.first_name)),
        ("last_name", some(&social.last_name)),
        (
            "phone",
            match asks_phone {
                Some(_) => some(&social.phone),
                None => String::new(),
            },
        ),
    ]
}

/// A name that cannot be had is no suggestion: one like it is.
async fn offer_username(
    cx: &mut Cx,
    suggested: &mut [(&'static str, String)],
) -> Result<(), Error> {
    let wanted = suggested_for(suggested, "username");
    if form::username_or_none(cx, &wanted).await?.is_some() {
        return Ok(());
    }
    let of = |name| suggested_for(suggested, name);
    let (first, last, mailbox) = (of("first_name"), of("last_name"), of("email"));
    let free = username::free(cx, &[&wanted, &first, &last, &mailbox]).await?;
    let own = suggested.iter_mut().find(|(name, _)| *name == "username");
    if let Some((_, text)) = own {
        *text = free;
    }
    Ok(())
}

fn suggested_for(suggested: &[(&'static str, String)], name: &str) -> String {
    let mut all = suggested.iter();
    let found = all.find(|(known, _)| *known == name);
    found.map(|(_, text)| text.clone()).unwrap_or_default()
}

/// Makes the account and goes on with the sign-in.
async fn enter(
    cx: &mut Cx,
    social: SocialLogin,
    mut form: Form,
    next: Option<String>,
) -> Result<Progress, Error> {
    for (name, text) in [
        ("first_name", &social.first_name),
        ("last_name", &social.last_name),
    ] {
        if let Some(text) = text
            && !form.extra.contains_key(name)
        {
            form.extra.insert(name.to_owned(), text.as_str().into());
        }
    }
    let login = Login {
        records: vec![record(&social, cx.now)],
        social: true,
        next,
        ..Login::of_nobody(cx.now)
    };
    form.social = Some(Box::new(social));
    forget(cx);
    pending::abort(cx).await?;
    signup::complete(cx, form, login).await
}

/// Keeps who came until the form is sent.
fn wait(cx: &mut Cx, social: SocialLogin, next: Option<String>) -> Result<(), Failure> {
    let lifetime = cx.hallpass().settings().account.login_timeout;
    let waiting = Waiting {
        social,
        next,
        until: (cx.now + Duration::from_secs(lifetime)).micros(),
    };
    let json = serde_json::to_vec(&waiting)
        .map_err(|error| Failure::from_source("a signup by a provider", error))?;
    let sealed = cx.hallpass().sealer().seal(PURPOSE, &json)?;
    // One browser never stands for two people, and what another page left in it must not come to own this.
    if cx.session.user_id().is_some() {
        cx.session.flush();
    } else {
        cx.session.cycle_key();
    }
    cx.session.set(keys::SOCIAL_SIGNUP, sealed);
    Ok(())
}

/// Whoever came does not wait any more.
pub(super) fn forget(cx: &mut Cx) {
    cx.session.remove(keys::SOCIAL_SIGNUP);
}

fn waiting(cx: &mut Cx) -> Option<Waiting> {
    let sealed = cx.session.get(keys::SOCIAL_SIGNUP)?.as_str()?.to_owned();
    let bytes = cx.hallpass().sealer().open(PURPOSE, &sealed).ok();
    let waiting: Option<Waiting> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let waiting = waiting.filter(|waiting| cx.now.micros() < waiting.until);
    if waiting.is_none() {
        forget(cx);
    }
    waiting
}

/// What the form shows.
#[derive(Debug)]
pub struct Shown {
    /// What people call the provider.
    pub provider: String,
    /// What is asked.
    pub fields: Vec<Asked>,
    /// Extra fields.
    pub extra: Vec<ExtraField>,
    /// What the provider suggests, by field.
    pub suggested: Vec<(&'static str, String)>,
    /// Where to go afterwards.
    pub next: Option<String>,
    /// The suggested address has an account, and that may be told.
    pub email_taken: bool,
}

/// The form that waits.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::SignupClosed`].
pub async fn show(cx: &mut Cx) -> Result<Shown, Error> {
    let waiting = waiting(cx).ok_or(Refusal::NotPending)?;
    if !signup::is_open(cx).await? {
        return Err(Refusal::SignupClosed.into());
    }
    let mut suggested = suggested(cx, &waiting.social);
    let email = suggested_for(&suggested, "email");
    offer_username(cx, &mut suggested).await?;
    let email_taken =
        !email.is_empty() && addresses::claim(cx, &email, None).await? == addresses::Claim::Taken;
    Ok(Shown {
        provider: waiting.social.provider_name,
        fields: fields(cx),
        extra: signup::extra_fields(cx),
        suggested,
        next: waiting.next,
        email_taken,
    })
}

/// The form was sent.
///
/// # Errors
/// [`Refusal::NotPending`], [`Refusal::SignupClosed`], [`Refusal::RateLimited`], [`Refusal::Several`]; or what the stages and
/// the app refuse.
pub async fn finish(
    cx: &mut Cx,
    typed: &(dyn Fn(&str) -> String + Sync),
) -> Result<Progress, Error> {
    let waiting = waiting(cx).ok_or(Refusal::NotPending)?;
    if !signup::is_open(cx).await? {
        return Err(Refusal::SignupClosed.into());
    }
    within(cx.hit("signup", None).await?)?;
    let login_hook = cx.hallpass().login_hook().clone();
    login_hook.may_attempt(cx).await?;
    let form = form::read(cx, &fields(cx), typed).await?;
    let (social, next) = (waiting.social.clone(), waiting.next.clone());
    let before = cx.session.get(keys::SOCIAL_SIGNUP).cloned();
    let entered = enter(cx, social, form, next).await;
    if let (Err(Error::Refused(Refusal::Several(_) | Refusal::Denied { .. })), Some(before)) =
        (&entered, before)
    {
        // What was wrong with the form can be mended: whoever came still waits.
        cx.session.set(keys::SOCIAL_SIGNUP, before);
    }
    entered
}

/// Gives it up.
///
/// # Errors
/// A failure.
pub async fn cancel(cx: &mut Cx) -> Result<(), Failure> {
    forget(cx);
    Ok(())
}
