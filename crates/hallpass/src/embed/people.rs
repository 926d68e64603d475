//! Extractors of who asks: each names what a handler needs, and a request that has it not is led there or turned away.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use hallpass_core::domain::User;
use hallpass_core::flows::permissions::Permissions;
use hallpass_core::flows::{addresses, reauthentication};
use hallpass_core::{Error, Failure, Refusal};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Proof;
use super::here::Here;
use super::rejection::{Kind, Rejection};

/// Whoever is signed in: by a session, or by a key or a token of the REST interface. Nobody is: a browser goes to the
/// sign-in page and comes back, a program gets 401.
///
/// ```no_run
/// # use hallpass::CurrentUser;
/// async fn hello(user: CurrentUser) -> String {
///     format!("Hello {}", user.display())
/// }
/// ```
///
/// `Option<CurrentUser>` is [`MaybeUser`] by another name; both are cheap to ask for beside others, since the session is
/// read once a request.
#[derive(Clone)]
pub struct CurrentUser {
    here: Here,
    user: User,
    proof: Proof,
}

impl CurrentUser {
    pub(crate) fn new(here: Here, user: User, proof: Proof) -> Self {
        CurrentUser { here, user, proof }
    }

    /// What to call them on a page: user name, address or key, as the settings have it. Plain text, not HTML.
    pub fn display(&self) -> String {
        self.here.face().hallpass.display(&self.user)
    }

    /// What proved who asks.
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// The handle, for what else there is to know or do about them.
    pub fn hallpass(&self) -> &hallpass_core::Hallpass {
        &self.here.face().hallpass
    }

    /// What they may do in the app, read now. Handlers that ask for nothing else take [`super::Permissions`].
    ///
    /// # Errors
    /// A failure.
    pub async fn permissions(&self) -> Result<Permissions, Failure> {
        self.hallpass().permissions(&self.user).await
    }

    /// Their columns of HALLPASS_USER_FIELDS, as far as `T` names them.
    ///
    /// # Errors
    /// As [`hallpass_core::Hallpass::profile`].
    pub async fn profile<T: DeserializeOwned + Send>(&self) -> Result<T, Error> {
        self.hallpass().profile(&self.user).await
    }

    /// Sets the columns that `profile` names.
    ///
    /// # Errors
    /// As [`hallpass_core::Hallpass::set_profile`].
    pub async fn set_profile<T: Serialize + Sync>(&self, profile: &T) -> Result<(), Error> {
        self.hallpass().set_profile(&self.user, profile).await
    }

    /// The user alone.
    pub fn into_user(self) -> User {
        self.user
    }

    pub(crate) fn here(&self) -> &Here {
        &self.here
    }
}

impl Deref for CurrentUser {
    type Target = User;
    fn deref(&self) -> &User {
        &self.user
    }
}

/// As a [`User`]: nothing secret.
impl std::fmt::Debug for CurrentUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.user.fmt(f)
    }
}

impl<S: Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Rejection;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        signed_in(parts).await
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for CurrentUser {
    type Rejection = Rejection;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Here::of(parts)?.user(parts).await
    }
}

pub(super) async fn signed_in(parts: &Parts) -> Result<CurrentUser, Rejection> {
    let here = Here::of(parts)?;
    let user = here.user(parts).await?;
    user.ok_or_else(|| Rejection::new(here.face(), parts, Kind::SignIn))
}

/// Whoever is signed in, or nobody.
#[derive(Debug, Clone)]
pub struct MaybeUser(pub Option<CurrentUser>);

impl<S: Sync> FromRequestParts<S> for MaybeUser {
    type Rejection = Rejection;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(MaybeUser(Here::of(parts)?.user(parts).await?))
    }
}

/// Somebody who proved a short while ago who they are, by signing in or anew (ACCOUNT_REAUTHENTICATION_TIMEOUT): for
/// what a borrowed browser must not do. Else a browser goes to the page that asks for the proof, and comes back; a
/// program gets 401 with `reauthentication_required`. Whoever comes by a key or a token has no session to prove anything
/// in, and is turned away.
#[derive(Debug, Clone)]
pub struct Fresh(pub CurrentUser);

impl<S: Sync> FromRequestParts<S> for Fresh {
    type Rejection = Rejection;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        fresh(parts).await.map(Fresh)
    }
}

pub(super) async fn fresh(parts: &Parts) -> Result<CurrentUser, Rejection> {
    let user = signed_in(parts).await?;
    let here = user.here().clone();
    let reject = |kind| Rejection::new(here.face(), parts, kind);
    if user.proof() != Proof::Session {
        return Err(reject(Kind::Stale));
    }
    let visitor = here.visitor(parts).await?;
    let proved = visitor.run(here.face(), async |cx| {
        reauthentication::require_recent(cx).await
    });
    match proved.await {
        Ok(()) => Ok(user),
        Err(Error::Refused(Refusal::ReauthenticationRequired)) => Err(reject(Kind::Stale)),
        Err(error) => Err(reject(Kind::Failed(error))),
    }
}

/// Somebody with a verified e-mail address. Else a browser goes to the page of addresses, where the letter can be asked
/// for; a program gets 403 with `email_not_verified`.
#[derive(Debug, Clone)]
pub struct Verified(pub CurrentUser);

impl<S: Sync> FromRequestParts<S> for Verified {
    type Rejection = Rejection;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        verified(parts).await.map(Verified)
    }
}

pub(super) async fn verified(parts: &Parts) -> Result<CurrentUser, Rejection> {
    let user = signed_in(parts).await?;
    let reject = |kind| Rejection::new(user.here().face(), parts, kind);
    match addresses::has_verified(user.hallpass(), &user).await {
        Ok(true) => Ok(user),
        Ok(false) => Err(reject(Kind::Unverified)),
        Err(failure) => Err(reject(Kind::Failed(failure.into()))),
    }
}

macro_rules! is_a_user {
    ($($type:ident),*) => {$(
        impl Deref for $type {
            type Target = CurrentUser;
            fn deref(&self) -> &CurrentUser {
                &self.0
            }
        }
    )*};
}

is_a_user!(Fresh, Verified);
