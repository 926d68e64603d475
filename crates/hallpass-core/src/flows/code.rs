//! A secret sent and typed back, for every ceremony that has one.
//!
//! 1. A row is made and the code leaves; the session knows the row ([`begin`]).
//! 2. A fresh code may be sent, as often as the settings say; attempts and the clock go on ([`resend`]).
//! 3. What was typed is compared. Each attempt is counted in the row before it is looked at, so that parallel ones
//!    cannot share one. The right code ends the row, for one caller only ([`check`]).
//!
//! A code is bound to its row, its purpose and its recipient; it opens nothing else. Besides the attempts of a row there
//! is a limit by recipient: a fresh row brings fresh attempts, but not without end.

use std::time::Duration;

use crate::cx::Cx;
use crate::domain::{Code, UserId, code, secret};
use crate::error::{Error, Failure, Refusal};
use crate::limits::Verdict;
use crate::settings::{CodeUse, Settings};
use crate::store;
use crate::store::code::Challenge;

/// What a code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in; the first proof.
    Login,
    /// Signing in; after another proof, without which it is worth nothing.
    LoginDemanded,
    /// Confirming the address of a sign-in under way.
    VerifyEmail,
    /// Adding an address to one's account.
    AddEmail,
    /// Confirming the number of a sign-in under way.
    VerifyPhone,
    /// Changing one's number.
    ChangePhone,
    /// Resetting a password.
    PasswordReset,
    /// A fresh proof by somebody without a password.
    Reauthentication,
}

impl Purpose {
    /// All of them, for tests that try each at every other's door.
    pub const ALL: [Purpose; 8] = [
        Purpose::Login,
        Purpose::LoginDemanded,
        Purpose::VerifyEmail,
        Purpose::AddEmail,
        Purpose::VerifyPhone,
        Purpose::ChangePhone,
        Purpose::PasswordReset,
        Purpose::Reauthentication,
    ];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Login => "login",
            Purpose::LoginDemanded => "login_demanded",
            Purpose::VerifyEmail => "verify_email",
            Purpose::AddEmail => "add_email",
            Purpose::VerifyPhone => "verify_phone",
            Purpose::ChangePhone => "change_phone",
            Purpose::PasswordReset => "password_reset",
            Purpose::Reauthentication => "reauthentication",
        }
    }

    fn code_use(self) -> CodeUse {
        match self {
            Purpose::Login | Purpose::LoginDemanded | Purpose::Reauthentication => CodeUse::Login,
            Purpose::VerifyEmail | Purpose::AddEmail => CodeUse::Email,
            Purpose::VerifyPhone | Purpose::ChangePhone => CodeUse::Phone,
            Purpose::PasswordReset => CodeUse::PasswordReset,
        }
    }

    /// How long a code lives.
    pub fn lifetime(self, settings: &Settings) -> Duration {
        let account = &settings.account;
        Duration::from_secs(match self.code_use() {
            CodeUse::Login => account.login_by_code_timeout,
            CodeUse::Email => account.email_verification_by_code_timeout,
            CodeUse::Phone => account.phone_verification_timeout,
            CodeUse::PasswordReset => account.password_reset_by_code_timeout,
        })
    }

    /// Wrong codes until it is over.
    pub fn attempts(self, settings: &Settings) -> u32 {
        let account = &settings.account;
        let attempts = match self.code_use() {
            CodeUse::Login => account.login_by_code_max_attempts,
            CodeUse::Email => account.email_verification_by_code_max_attempts,
            CodeUse::Phone => account.phone_verification_max_attempts,
            CodeUse::PasswordReset => account.password_reset_by_code_max_attempts,
        };
        u32::try_from(attempts).unwrap_or(u32::MAX)
    }

    /// How often a fresh code may be sent.
    pub fn resends(self, settings: &Settings) -> u32 {
        let account = &settings.account;
        match self.code_use() {
            CodeUse::Login => account.login_by_code_supports_resend.0,
            CodeUse::Email => account.email_verification_supports_resend.0,
            CodeUse::Phone => account.phone_verification_supports_resend.0,
            CodeUse::PasswordReset => 0,
        }
    }

    /// How often the recipient may be changed.
    pub fn changes(self, settings: &Settings) -> u32 {
        let account = &settings.account;
        match self {
            Purpose::VerifyEmail => account.email_verification_supports_change.0,
            Purpose::VerifyPhone => account.phone_verification_supports_change.0,
            _ => 0,
        }
    }
}

/// A challenge, and what has to be sent for it. Secret.
pub struct Sent {
    /// The row.
    pub challenge: Challenge,
    /// The code in the clear.
    pub code: Code,
    /// The token of the link that does the same, if there is one. A secret.
    pub link: Option<String>,
}

/// Whom a code is for.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// Whom it is about, when known.
    pub user: Option<UserId>,
    /// Address or number.
    pub to: &'a str,
    /// Whether a right code exists at all. Where somebody else's account must not be told of, none does.
    pub genuine: bool,
}

/// Step 1. The caller sends what comes back.
///
/// # Errors
/// A failure.
pub async fn begin(
    cx: &mut Cx,
    purpose: Purpose,
    recipient: Recipient<'_>,
) -> Result<Sent, Failure> {
    let lifetime = purpose.lifetime(cx.hallpass().settings());
    let id = secret::random_text(secret::ALPHANUMERIC, 32);
    let challenge = Challenge {
        user: recipient.user,
        recipient: recipient.to.to_owned(),
        ..blank(cx, id, purpose.name(), lifetime)
    };
    let sent = arm(cx, purpose, challenge, recipient.genuine);
    store::code::insert(cx.write().await?, &sent.challenge).await?;
    Ok(sent)
}

/// A challenge of nobody that no code fits.
pub(crate) fn blank(cx: &Cx, id: String, purpose: &str, lifetime: Duration) -> Challenge {
    Challenge {
        id,
        purpose: purpose.to_owned(),
        user: None,
        recipient: String::new(),
        code: String::new(),
        link: None,
        attempts: 0,
        resends: 0,
        changes: 0,
        created: cx.now,
        expires: cx.now + lifetime,
    }
}

/// Draws the secrets of a challenge.
fn arm(cx: &Cx, purpose: Purpose, mut challenge: Challenge, genuine: bool) -> Sent {
    let settings = cx.hallpass().settings();
    let (numeric, dashed, length) = settings.code_format(purpose.code_use());
    let code = Code::random(numeric, dashed, length);
    let kept = code::kept(cx.hallpass().keys(), &ceremony(&challenge), &code);
    let login = matches!(purpose, Purpose::Login | Purpose::LoginDemanded);
    let with_link = login && settings.hallpass.code_and_link;
    let link = with_link.then(|| secret::random_text(secret::ALPHANUMERIC, 43));
    let digest = link.as_deref().map(link_digest);
    challenge.code = if genuine { kept } else { String::new() };
    challenge.link = digest.filter(|_| genuine);
    Sent {
        challenge,
        code,
        link,
    }
}

/// What a code is bound to.
fn ceremony(challenge: &Challenge) -> String {
    let user = challenge.user.map(|id| id.to_string()).unwrap_or_default();
    format!(
        "{}\0{}\0{user}\0{}",
        challenge.purpose, challenge.id, challenge.recipient
    )
}

fn link_digest(token: &str) -> String {
    secret::digest(&format!("login_code_link\0{token}"))
}

/// The key of the challenge that a session remembers under `name`.
pub(crate) fn id_in(cx: &Cx, name: &str) -> Option<String> {
    let id = cx.session.get(name)?;
    id.as_str().map(str::to_owned)
}

/// The challenge of this key, if it still waits.
///
/// # Errors
/// A failure.
pub async fn pending(
    cx: &mut Cx,
    purpose: Purpose,
    id: Option<&str>,
) -> Result<Option<Challenge>, Failure> {
    let Some(id) = id else {
        return Ok(None);
    };
    let now = cx.now;
    store::code::get(cx.read(), id, purpose.name(), now).await
}

/// The challenge whose link has this token. Changes nothing.
///
/// # Errors
/// A failure.
pub async fn by_link(
    cx: &mut Cx,
    purpose: Purpose,
    token: &str,
) -> Result<Option<Challenge>, Failure> {
    let now = cx.now;
    store::code::by_link(cx.read(), &link_digest(token), purpose.name(), now).await
}

/// Whether a fresh code may still be sent.
pub fn can_resend(cx: &Cx, purpose: Purpose, challenge: &Challenge) -> bool {
    challenge.resends < purpose.resends(cx.hallpass().settings())
}

/// Whether the recipient may still be changed.
pub fn can_change(cx: &Cx, purpose: Purpose, challenge: &Challenge) -> bool {
    challenge.changes < purpose.changes(cx.hallpass().settings())
}

/// Step 2. The old code is worth nothing from now on.
///
/// # Errors
/// [`Refusal::ResendExhausted`], or a failure.
pub async fn resend(cx: &mut Cx, purpose: Purpose, challenge: &Challenge) -> Result<Sent, Error> {
    if !can_resend(cx, purpose, challenge) {
        return Err(Refusal::ResendExhausted.into());
    }
    let genuine = !challenge.code.is_empty();
    let renewed = Challenge {
        resends: challenge.resends + 1,
        ..challenge.clone()
    };
    renew(cx, purpose, challenge, renewed, genuine).await
}

/// Step 2, to somebody else.
///
/// # Errors
/// [`Refusal::ChangeExhausted`], or a failure.
pub async fn change(
    cx: &mut Cx,
    purpose: Purpose,
    challenge: &Challenge,
    recipient: Recipient<'_>,
) -> Result<Sent, Error> {
    if !can_change(cx, purpose, challenge) {
        return Err(Refusal::ChangeExhausted.into());
    }
    let renewed = Challenge {
        changes: challenge.changes + 1,
        user: recipient.user,
        recipient: recipient.to.to_owned(),
        ..challenge.clone()
    };
    renew(cx, purpose, challenge, renewed, recipient.genuine).await
}

async fn renew(
    cx: &mut Cx,
    purpose: Purpose,
    before: &Challenge,
    renewed: Challenge,
    genuine: bool,
) -> Result<Sent, Error> {
    let sent = arm(cx, purpose, renewed, genuine);
    if !store::code::renew(cx.write().await?, &sent.challenge, before).await? {
        return Err(Refusal::NotPending.into());
    }
    Ok(sent)
}

/// What was typed.
#[derive(Debug)]
#[must_use]
pub enum Checked {
    /// Right; the challenge is over and this caller is the only one to hear so.
    Right(Challenge),
    /// Wrong, and there is another attempt.
    Wrong,
    /// Wrong, and that was the last: the challenge is over.
    Over,
    /// There is no such challenge, or not any more.
    Gone,
}

/// Step 3. Before the first write: it counts against a limit.
///
/// # Errors
/// [`Refusal::Required`] without counting if nothing was typed, [`Refusal::RateLimited`], or a failure.
pub async fn check(
    cx: &mut Cx,
    purpose: Purpose,
    id: Option<&str>,
    text: &str,
) -> Result<Checked, Error> {
    if text.trim().is_empty() {
        return Err(Refusal::Required("code").into());
    }
    let Some(challenge) = pending(cx, purpose, id).await? else {
        return Ok(Checked::Gone);
    };
    let hits = match cx
        .hit("confirm_code", Some(&limited(cx, purpose, &challenge)))
        .await?
    {
        Verdict::Within(hits) => hits,
        Verdict::Exceeded { retry_after } => {
            return Err(Refusal::RateLimited { retry_after }.into());
        }
    };
    let fits = |cx: &Cx, challenge: &Challenge| {
        code::matches(
            cx.hallpass().keys(),
            &ceremony(challenge),
            &challenge.code,
            text,
        )
    };
    if fits(cx, &challenge) {
        cx.take_back(hits).await?;
    }
    let (now, most) = (cx.now, purpose.attempts(cx.hallpass().settings()));
    let held =
        store::code::attempt(cx.write().await?, &challenge.id, purpose.name(), most, now).await?;
    let Some(held) = held else {
        return Ok(Checked::Gone);
    };
    if fits(cx, &held) {
        return Ok(
            match store::code::take(cx.write().await?, &held.id).await? {
                true => Checked::Right(held),
                false => Checked::Gone,
            },
        );
    }
    if held.attempts >= most {
        end(cx, Some(&held.id)).await?;
        return Ok(Checked::Over);
    }
    Ok(Checked::Wrong)
}

/// What attempts are counted by. Where a stranger can begin the ceremony, his network counts with the recipient: else
/// anybody could lock anybody out by typing wrong codes. How often codes are sent to one recipient is limited besides.
fn limited(cx: &Cx, purpose: Purpose, challenge: &Challenge) -> String {
    let network = match purpose {
        Purpose::Login | Purpose::PasswordReset => cx.network(),
        _ => String::new(),
    };
    format!("{}\0{}\0{network}", purpose.name(), challenge.recipient)
}

/// Spends the challenge of a link. `false`: somebody was quicker.
///
/// # Errors
/// A failure.
pub async fn spend(cx: &mut Cx, challenge: &Challenge) -> Result<bool, Failure> {
    store::code::take(cx.write().await?, &challenge.id).await
}

/// Gives it up.
///
/// # Errors
/// A failure.
pub async fn end(cx: &mut Cx, id: Option<&str>) -> Result<(), Failure> {
    if let Some(id) = id {
        store::code::take(cx.write().await?, id).await?;
    }
    Ok(())
}
