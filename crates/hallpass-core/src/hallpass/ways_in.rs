//! Sessions, links, keys and letters for users, from the handle.

use std::fmt;

use crate::cx::Cx;
use crate::domain::session::CookieChange;
use crate::domain::{Client, Session, SessionKey, User};
use crate::error::{Error, Failure};
use crate::flows::login_by_code::Request;
use crate::flows::sessions::{self, Listed};
use crate::flows::tokens::{self, Pair};
use crate::flows::{
    email_verification, login, login_by_code, login_by_link, password_reset, users,
};
use crate::hallpass::Hallpass;

/// A session that was started for a user. Secret: whoever has it is the user.
#[derive(Clone)]
pub struct SessionCookie {
    name: String,
    key: SessionKey,
    max_age: Option<u64>,
}

impl SessionCookie {
    /// The cookie's name: SESSION_COOKIE_NAME.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value.
    pub fn value(&self) -> &str {
        self.key.reveal()
    }

    /// How many seconds it is kept; `None`: until the browser closes.
    pub fn max_age(&self) -> Option<u64> {
        self.max_age
    }

    /// `name=value`, as a browser sends it.
    pub fn pair(&self) -> String {
        format!("{}={}", self.name, self.key.reveal())
    }
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCookie")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Sessions.
impl Hallpass {
    /// Starts a session for a user whom the app knows by a way of its own: in a test, after a single sign-on. Hooks and
    /// events are those of any sign-in; `method` is the app's word for it (`"sso"`), which event and session have. No stage
    /// stands before it.
    ///
    /// With a visitor's own session and address at hand, [`Hallpass::run`] with [`login::vouch`] does the same to it.
    ///
    /// ```no_run
    /// # async fn run(hallpass: hallpass_core::Hallpass, ann: hallpass_core::domain::User) -> Result<(), hallpass_core::Error> {
    /// let cookie = hallpass.sign_in(&ann, "test").await?;
    /// let header = ("cookie", cookie.pair());
    /// # drop(header);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`](crate::Refusal::NoSuchUser), [`Refusal::Inactive`](crate::Refusal::Inactive), what hooks
    /// refuse.
    pub async fn sign_in(&self, user: &User, method: &'static str) -> Result<SessionCookie, Error> {
        let client = Client::nobody(self.base_url());
        let mut session = Session::fresh(false);
        let flow = async |cx: &mut Cx| login::vouch(cx, user.id, method).await;
        self.run(&client, &mut session, flow).await?;
        match session.take_cookie_change() {
            CookieChange::Set { key, max_age } => Ok(SessionCookie {
                name: self.settings().session.cookie_name.clone(),
                key,
                max_age,
            }),
            _ => Err(Failure::new("a session was started and not saved").into()),
        }
    }

    /// The sessions of a user that are under way, the newest first. Those that a Django began are not among them.
    ///
    /// # Errors
    /// A failure.
    pub async fn sessions_of(&self, user: &User) -> Result<Vec<Listed>, Error> {
        let flow = async |cx: &mut Cx| Ok(sessions::list(cx, user.id).await?);
        self.perform(flow).await
    }

    /// Ends one of a user's sessions, by its [`Listed::id`]. `false`: they have no such session; another user's is never
    /// touched.
    ///
    /// # Errors
    /// A failure.
    pub async fn end_session(&self, user: &User, id: i64) -> Result<bool, Error> {
        let flow = async |cx: &mut Cx| Ok(sessions::end_one(cx, user.id, id).await?);
        self.perform(flow).await
    }

    /// Ends every session of a user, but for those that a Django began: these end with the password.
    ///
    /// # Errors
    /// A failure.
    pub async fn end_sessions(&self, user: &User) -> Result<(), Error> {
        let flow = async |cx: &mut Cx| Ok(sessions::end_all(cx, user.id, false).await?);
        self.perform(flow).await
    }

    /// Ends sessions, REST keys, refresh tokens, codes under way, sign-in links and reset links of a user, who may come in
    /// anew. Access tokens live out their minutes; sessions that a Django began end with the password.
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`](crate::Refusal::NoSuchUser).
    pub async fn end_everything(&self, user: &User) -> Result<(), Error> {
        let flow = async |cx: &mut Cx| users::end_everything(cx, user.id).await;
        self.perform(flow).await
    }
}

/// Links and letters. Links begin with [`Hallpass::base_url`]. Letters go to the primary address, if it is confirmed or
/// none is, else to one that is; they leave with the next round of the outbox, and no limit counts them.
impl Hallpass {
    /// A link that signs a user in, once: for a channel of the app's own. Used, it proves no mailbox.
    ///
    /// ```no_run
    /// # async fn run(hallpass: hallpass_core::Hallpass, ann: hallpass_core::domain::User) -> Result<(), hallpass_core::Error> {
    /// let link = hallpass.login_link(&ann).await?;
    /// # drop(link);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`](crate::Refusal::NoSuchUser), [`Refusal::Inactive`](crate::Refusal::Inactive).
    pub async fn login_link(&self, user: &User) -> Result<String, Error> {
        let flow = async |cx: &mut Cx| login_by_link::issue(cx, user.id, None).await;
        self.perform(flow).await
    }

    /// [`Hallpass::login_link`] that leads to a path of this site.
    ///
    /// # Errors
    /// As [`Hallpass::login_link`].
    pub async fn login_link_to(&self, user: &User, next: &str) -> Result<String, Error> {
        let flow = async |cx: &mut Cx| login_by_link::issue(cx, user.id, Some(next)).await;
        self.perform(flow).await
    }

    /// Sends a user the letter with a sign-in link.
    ///
    /// # Errors
    /// As [`Hallpass::login_link`]; [`Refusal::NoWayToConfirm`](crate::Refusal::NoWayToConfirm) if there is no address.
    pub async fn send_login_link(&self, user: &User) -> Result<(), Error> {
        let flow = async |cx: &mut Cx| login_by_link::send(cx, user.id, None).await;
        self.perform(flow).await
    }

    /// Sends a sign-in code to whoever owns an address, for the visitor whose session this is: the code is worth something
    /// there and nowhere else, so that none can be given without a session. It is counted and answered as on the page, and
    /// does not tell whether there is an account.
    ///
    /// # Errors
    /// As [`login_by_code::begin`].
    pub async fn send_login_code(
        &self,
        client: &Client,
        session: &mut Session,
        email: &str,
    ) -> Result<(), Error> {
        let flow = async |cx: &mut Cx| {
            let request = Request {
                email,
                ..Request::default()
            };
            login_by_code::begin(cx, request).await
        };
        self.run(client, session, flow).await.map(drop)
    }

    /// A link by which a user chooses a new password: for a channel of the app's own. Used, it proves no mailbox.
    ///
    /// # Errors
    /// [`Refusal::NotAvailable`](crate::Refusal::NotAvailable) where nobody has a password;
    /// [`Refusal::NoSuchUser`](crate::Refusal::NoSuchUser), [`Refusal::Inactive`](crate::Refusal::Inactive).
    pub async fn password_reset_link(&self, user: &User) -> Result<String, Error> {
        let flow = async |cx: &mut Cx| password_reset::issue(cx, user.id).await;
        self.perform(flow).await
    }

    /// Sends a user the letter with the link for a new password.
    ///
    /// # Errors
    /// As [`Hallpass::password_reset_link`]; [`Refusal::NoWayToConfirm`](crate::Refusal::NoWayToConfirm) if there is no
    /// address.
    pub async fn send_password_reset(&self, user: &User) -> Result<(), Error> {
        let flow = async |cx: &mut Cx| password_reset::send(cx, user.id).await;
        self.perform(flow).await
    }

    /// A link that confirms an address of a user. Send it to that mailbox alone: whoever opens it says that the mailbox is
    /// the user's.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAddress`](crate::Refusal::NoSuchAddress); [`Refusal::NotPending`](crate::Refusal::NotPending) if it
    /// is confirmed; [`Refusal::NoSuchUser`](crate::Refusal::NoSuchUser), [`Refusal::Inactive`](crate::Refusal::Inactive).
    pub async fn email_confirmation_link(&self, user: &User, email: &str) -> Result<String, Error> {
        let flow = async |cx: &mut Cx| email_verification::issue(cx, user.id, email).await;
        self.perform(flow).await
    }

    /// Sends the letter with the link that confirms an address of a user, to that address.
    ///
    /// # Errors
    /// As [`Hallpass::email_confirmation_link`].
    pub async fn send_email_confirmation(&self, user: &User, email: &str) -> Result<(), Error> {
        let flow = async |cx: &mut Cx| email_verification::send(cx, user.id, email).await;
        self.perform(flow).await
    }
}

/// For programs.
impl Hallpass {
    /// A user's key for the REST interface, made if there is none.
    ///
    /// # Errors
    /// [`Refusal::NotAvailable`](crate::Refusal::NotAvailable) where REST_AUTH_TOKEN_MODEL is off;
    /// [`Refusal::NoSuchUser`](crate::Refusal::NoSuchUser), [`Refusal::Inactive`](crate::Refusal::Inactive).
    pub async fn rest_key(&self, user: &User) -> Result<String, Error> {
        let flow = async |cx: &mut Cx| tokens::issue_key(cx, user.id).await;
        self.perform(flow).await
    }

    /// A pair of JSON Web Tokens for a user.
    ///
    /// # Errors
    /// [`Refusal::NotAvailable`](crate::Refusal::NotAvailable) where REST_AUTH_USE_JWT is off;
    /// [`Refusal::NoSuchUser`](crate::Refusal::NoSuchUser), [`Refusal::Inactive`](crate::Refusal::Inactive).
    pub async fn jwt_pair(&self, user: &User) -> Result<Pair, Error> {
        let flow = async |cx: &mut Cx| tokens::issue_pair(cx, user.id).await;
        self.perform(flow).await
    }
}
