//! What a stage does when it is entered: it sends something, mostly.
//!
//! Where there is nobody, the same happens as where there is somebody: a challenge that nothing fits, and a letter that
//! says to its reader alone how things are.

use serde_json::json;

use crate::cx::Cx;
use crate::delivery::Letter;
use crate::domain::timestamp::spoken_for;
use crate::domain::{Login, Stage, User, UserId, address};
use crate::error::{Error, Failure, Refusal};
use crate::flows::addresses;
use crate::flows::code::{self, Purpose, Recipient, Sent};
use crate::flows::numbers;
use crate::limits::Verdict;
use crate::store;

use super::stages::{EmailOpen, Facts, To};
use super::within;

/// Enters a stage.
///
/// # Errors
/// [`Refusal::RateLimited`], or a failure.
pub(super) async fn enter(
    cx: &mut Cx,
    login: &mut Login,
    stage: &Stage,
    user: Option<&User>,
    facts: &Facts,
) -> Result<(), Error> {
    match stage {
        Stage::LoginByCode => {
            let Some(to) = &facts.code_to else {
                return Err(Refusal::NoWayToConfirm.into());
            };
            login_by_code(cx, login, user, to).await
        }
        Stage::VerifyPhone => {
            let Some((phone, _)) = &facts.phone else {
                return Err(Refusal::NoWayToConfirm.into());
            };
            verify_phone(cx, login, user, phone).await
        }
        Stage::VerifyEmail => {
            let Some(EmailOpen::Address(email)) = &facts.email_open else {
                return Err(Refusal::NoWayToConfirm.into());
            };
            verify_email(cx, login, user, email).await
        }
        Stage::Own(_) => Ok(()),
    }
}

async fn login_by_code(
    cx: &mut Cx,
    login: &mut Login,
    user: Option<&User>,
    to: &To,
) -> Result<(), Error> {
    let (To::Email(recipient) | To::Phone(recipient)) = to;
    let taken = match to {
        To::Email(_) => login.email_taken,
        To::Phone(phone) => {
            // Texts cost money: every one counts, whatever it is for.
            cx.checkpoint().await?;
            within(cx.hit("verify_phone", Some(phone)).await?)?;
            login.phone_taken
        }
    };
    let purpose = match login.by_visitor {
        true => Purpose::Login,
        false => Purpose::LoginDemanded,
    };
    let sent = code::begin(
        cx,
        purpose,
        Recipient {
            user: user.map(|user| user.id),
            to: recipient,
            genuine: is_genuine(login, taken),
        },
    )
    .await?;
    login.challenge = Some(sent.challenge.id.clone());
    Ok(send_login_code(cx, login, user, &sent).await?)
}

/// Sends a sign-in code, or to nobody what nobody gets.
///
/// # Errors
/// A failure.
pub(crate) async fn send_login_code(
    cx: &mut Cx,
    login: &Login,
    user: Option<&User>,
    sent: &Sent,
) -> Result<(), Failure> {
    let by_mail = sent.challenge.by_mail();
    if sent.challenge.code.is_empty() {
        return send_to_nobody(cx, login, sent, by_mail).await;
    }
    let id = user.map(|user| user.id);
    if by_mail {
        let display = user
            .map(|user| cx.hallpass().display(user))
            .or_else(|| login.display.clone());
        let letter = login_letter(cx, display, sent);
        cx.send(&letter).await?;
    } else {
        numbers::send_code(cx, "login_by_code/code", sent).await?;
    }
    cx.note_about("login_code_sent", id, "code", "").await
}

fn login_letter<'a>(cx: &Cx, display: Option<String>, sent: &'a Sent) -> Letter<'a> {
    let link = sent
        .link
        .as_deref()
        .map(|token| cx.url(&format!("login/code/link/{token}/")));
    let context = json!({
        "code": sent.code.reveal(),
        "link": link,
        "valid_for": spoken_for(sent.challenge.expires.since(cx.now)),
        "user": { "display": display.unwrap_or_default() },
        "asked": cx.asked(),
    });
    Letter {
        name: "login_by_code/code",
        to: &sent.challenge.recipient,
        context,
        expires: Some(sent.challenge.expires),
    }
}

/// There is no account, or the signup that led here was for an address with one. A letter of the same size goes through
/// the same hands; a resend sends nothing.
async fn send_to_nobody(
    cx: &mut Cx,
    login: &Login,
    sent: &Sent,
    by_mail: bool,
) -> Result<(), Failure> {
    let first = sent.challenge.resends == 0;
    if !by_mail {
        let name = match login.signup {
            true => "signup/account_already_exists",
            false => "login_by_code/unknown_account",
        };
        if first && cx.hallpass().settings().account.email_unknown_accounts {
            numbers::send_plain(cx, name, &sent.challenge.recipient).await?;
        } else {
            numbers::send_nothing(cx, &sent.challenge.recipient).await?;
        }
    } else if login.signup && first {
        addresses::send_already_exists(cx, &sent.challenge.recipient).await?;
    } else {
        let letter = Letter {
            name: "login_by_code/unknown_account",
            context: json!({
                "email": sent.challenge.recipient,
                "signup_url": cx.signup_url(),
                "asked": cx.asked(),
            }),
            ..login_letter(cx, None, sent)
        };
        match first {
            true => addresses::send_or_pretend(cx, &letter).await?,
            false => cx.send_nothing(&letter).await?,
        }
    }
    cx.note_about("login_code_sent", None, "code", "").await
}

/// Whether there is a right code. A signup that comes to nothing because of its address still has a number that is the
/// visitor's own, or the other way round: what is sent to that one is what any signup would send, or the visitor could
/// read there what nobody is told.
fn is_genuine(login: &Login, taken: bool) -> bool {
    login.user.is_some() || (login.signup && !taken)
}

async fn verify_phone(
    cx: &mut Cx,
    login: &mut Login,
    user: Option<&User>,
    phone: &str,
) -> Result<(), Error> {
    cx.checkpoint().await?;
    within(cx.hit("verify_phone", Some(phone)).await?)?;
    let genuine = is_genuine(login, login.phone_taken);
    let sent = code::begin(
        cx,
        Purpose::VerifyPhone,
        Recipient {
            user: user.map(|user| user.id),
            to: phone,
            genuine,
        },
    )
    .await?;
    login.challenge = Some(sent.challenge.id.clone());
    match genuine {
        true => numbers::send_code(cx, "phone/code", &sent).await?,
        false => numbers::send_already_exists(cx, phone).await?,
    }
    Ok(())
}

async fn verify_email(
    cx: &mut Cx,
    login: &mut Login,
    user: Option<&User>,
    email: &str,
) -> Result<(), Error> {
    let by_code = cx
        .hallpass()
        .settings()
        .account
        .email_verification_by_code_enabled;
    cx.checkpoint().await?;
    let verdict = cx.hit("confirm_email", Some(email)).await?;
    login.email = Some(email.to_owned());
    if by_code {
        within(verdict)?;
        let sent = code::begin(
            cx,
            Purpose::VerifyEmail,
            Recipient {
                user: user.map(|user| user.id),
                to: email,
                genuine: user.is_some(),
            },
        )
        .await?;
        login.challenge = Some(sent.challenge.id.clone());
        match user {
            Some(_) => addresses::send_code(cx, user, &sent, login.signup).await?,
            None => addresses::send_already_exists(cx, email).await?,
        }
        return Ok(());
    }
    // The link of a moment ago still works: nothing is said, and nothing is sent.
    if matches!(verdict, Verdict::Exceeded { .. }) {
        return Ok(());
    }
    Ok(send_stage_link(cx, login, user, email).await?)
}

/// The link that a sign-in waits for, or the letter to the owner of an address that somebody else wanted.
///
/// # Errors
/// A failure.
pub(crate) async fn send_stage_link(
    cx: &mut Cx,
    login: &Login,
    user: Option<&User>,
    email: &str,
) -> Result<(), Failure> {
    let Some(user) = user else {
        store::email_address::of_user(cx.read(), UserId::NOBODY).await?;
        return addresses::send_already_exists(cx, email).await;
    };
    let rows = addresses::of(cx, user).await?;
    let row = match rows
        .into_iter()
        .find(|row| address::same(&row.email, email))
    {
        Some(row) => Some(row),
        None if !address::same(&user.email, email) => None,
        None => {
            let conn = cx.write().await?;
            let id = store::email_address::insert(conn, user.id, email, false, false).await?;
            match id {
                Some(id) => store::email_address::by_id(cx.read(), id).await?,
                None => None,
            }
        }
    };
    match row {
        Some(row) => addresses::send_link(cx, user, &row, login.signup).await,
        None => Ok(()),
    }
}
