//! Where an app has its say: small traits, one a flow, every method with a default.
//!
//! `may_…` decides and can refuse; `after_…` reacts. They run inside the flow that calls them: `may_…` before anything is
//! written, `after_…` in its transaction, so that what they write commits with it and what they refuse undoes nothing of
//! theirs alone. What must only happen once the flow is done belongs behind [`crate::Hallpass::subscribe`] or into a
//! letter.
//!
//! A hook is put in by [`crate::hallpass::Builder::on_signup`] and [`crate::hallpass::Builder::on_login`].

use async_trait::async_trait;

use crate::cx::Cx;
use crate::domain::{Login as PendingLogin, SocialLogin, User};
use crate::error::{Error, Refusal};
use crate::flows::signup::Form;
use crate::settings::ExtraField;
use crate::store::social_account::SocialAccount;

/// What an app may want to say about signing up.
#[async_trait]
pub trait Signup: Send + Sync {
    /// Whether this visitor may sign up at all: invitations, opening hours. Asked for the page and again for the form.
    ///
    /// # Errors
    /// A failure.
    async fn is_open(&self, cx: &mut Cx) -> Result<bool, Error> {
        Ok(cx.hallpass().settings().hallpass.signup_open)
    }

    /// More fields, besides HALLPASS_SIGNUP_EXTRA_FIELDS.
    fn extra_fields(&self) -> Vec<ExtraField> {
        Vec::new()
    }

    /// The user name as it is to be stored; it has been normalised and has passed our own checks.
    ///
    /// # Errors
    /// A refusal, shown at the field.
    fn clean_username(&self, username: String) -> Result<String, Refusal> {
        Ok(username)
    }

    /// The address as it is to be stored; likewise.
    ///
    /// # Errors
    /// A refusal, shown at the field.
    fn clean_email(&self, email: String) -> Result<String, Refusal> {
        Ok(email)
    }

    /// Judges the whole form before anything is written. Called whether or not the address is taken, so that its answer
    /// tells nothing about that.
    ///
    /// # Errors
    /// A refusal, shown at the form.
    async fn may_sign_up(&self, _cx: &mut Cx, _form: &Form) -> Result<(), Error> {
        Ok(())
    }

    /// The user was saved, in this transaction. Groups, profiles, the invitation that is now used.
    ///
    /// # Errors
    /// A refusal or a failure; either undoes the signup.
    async fn after_sign_up(&self, _cx: &mut Cx, _user: &User, _form: &Form) -> Result<(), Error> {
        Ok(())
    }
}

/// A stage of the app's own between the proof and the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnStage {
    /// Its key, in the app's words: `accept_terms`.
    pub key: String,
    /// The page where the visitor takes it, a path of the app.
    pub page: String,
    /// Before ours instead of after them; but after a code that the visitor asked for, without which nothing is proved,
    /// and after all of ours where somebody signs up: until then nobody knows whether there is an account.
    pub first: bool,
}

/// What an app may want to say about signing in.
#[async_trait]
pub trait Login: Send + Sync {
    /// Before anything is looked at: IP bans. Every way of signing in asks it.
    ///
    /// # Errors
    /// A refusal.
    async fn may_attempt(&self, _cx: &mut Cx) -> Result<(), Error> {
        Ok(())
    }

    /// The proof was right, the user is active: may they come in?
    ///
    /// # Errors
    /// A refusal.
    async fn may_sign_in(&self, _cx: &mut Cx, _user: &User) -> Result<(), Error> {
        Ok(())
    }

    /// Stages of the app's own, in order.
    fn stages(&self) -> Vec<OwnStage> {
        Vec::new()
    }

    /// Whether this sign-in has to go through the stage.
    ///
    /// # Errors
    /// A failure.
    async fn needs_stage(
        &self,
        _cx: &mut Cx,
        _key: &str,
        _user: &User,
        _login: &PendingLogin,
    ) -> Result<bool, Error> {
        Ok(false)
    }

    /// The session has started, in this transaction.
    ///
    /// # Errors
    /// A refusal or a failure; either undoes the sign-in.
    async fn after_sign_in(&self, _cx: &mut Cx, _user: &User) -> Result<(), Error> {
        Ok(())
    }

    /// Where the user goes when nothing asked for a page: by role, for instance. `None`: as the settings say.
    fn redirect(&self, _user: &User, _after_signup: bool) -> Option<String> {
        None
    }
}

/// What an app may want to say about accounts at providers.
#[async_trait]
pub trait Social: Send + Sync {
    /// Somebody came from a provider; nothing was written yet. Whose account it is, is not known.
    ///
    /// # Errors
    /// A refusal.
    async fn may_enter(&self, _cx: &mut Cx, _social: &SocialLogin) -> Result<(), Error> {
        Ok(())
    }

    /// Whether somebody new gets an account without a form, if the provider said all that is needed.
    fn may_auto_sign_up(&self, _social: &SocialLogin) -> bool {
        true
    }

    /// Whether the provider's word on this address, which it vouches for, opens an account here that has it.
    ///
    /// # Errors
    /// A failure.
    async fn may_open_by_email(
        &self,
        _cx: &mut Cx,
        social: &SocialLogin,
        _email: &str,
    ) -> Result<bool, Error> {
        Ok(social.opens_by_email)
    }

    /// Whether this account may be let go. What would leave no way in is refused besides.
    ///
    /// # Errors
    /// A refusal.
    async fn may_disconnect(
        &self,
        _cx: &mut Cx,
        _user: &User,
        _account: &SocialAccount,
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Two users become one, in this transaction: moves what the app keeps of `from` to `into`. Only called where
    /// HALLPASS_SOCIAL_MERGE is on.
    ///
    /// # Errors
    /// A refusal or a failure; either leaves both as they are.
    async fn merge(&self, _cx: &mut Cx, _from: &User, _into: &User) -> Result<(), Error> {
        Ok(())
    }
}

/// Nothing of an app's own.
pub(crate) struct Plain;

impl Signup for Plain {}
impl Login for Plain {}
impl Social for Plain {}
