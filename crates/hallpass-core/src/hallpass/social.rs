//! Accounts at providers, from the handle.

use crate::domain::{User, UserId};
use crate::error::{Error, Failure};
use crate::flows::social::apps::{self, NewApp};
use crate::flows::social::tokens::AccessToken;
use crate::flows::social::{connect, disconnect, tokens};
use crate::hallpass::Hallpass;
use crate::providers::App;
use crate::settings::Secret;
use crate::store::social_account::SocialAccount;

impl Hallpass {
    /// Accounts at providers, their tokens, and the apps by which providers know this site.
    pub fn social(&self) -> Social {
        Social {
            hallpass: self.clone(),
        }
    }
}

/// Accounts at providers.
///
/// ```no_run
/// # async fn run(hallpass: hallpass_core::Hallpass, ann: hallpass_core::domain::User) -> Result<(), hallpass_core::Error> {
/// let social = hallpass.social();
/// for account in social.accounts(&ann).await? {
///     if account.provider == "github" {
///         // Renewed, if it has ended and the provider gave a refresh token.
///         let token = social.access_token(&ann, account.id).await?;
///         let header = format!("Bearer {}", token.token.reveal());
/// #       drop(header);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Social {
    hallpass: Hallpass,
}

impl Social {
    /// A user's accounts, in the order in which they were connected.
    ///
    /// # Errors
    /// A failure.
    pub async fn accounts(&self, user: &User) -> Result<Vec<SocialAccount>, Error> {
        let id = user.id;
        let flow = async |cx: &mut _| Ok(connect::accounts(cx, id).await?);
        self.hallpass.perform(flow).await
    }

    /// The access token that the provider gave for an account, renewed if it has ended; see
    /// SOCIALACCOUNT_STORE_TOKENS.
    ///
    /// # Errors
    /// [`NoSuchSocialAccount`](crate::Refusal::NoSuchSocialAccount);
    /// [`InvalidProviderToken`](crate::Refusal::InvalidProviderToken) if none is kept, or none that is still good: then the
    /// user must sign in by the provider again; [`ProviderUnavailable`](crate::Refusal::ProviderUnavailable).
    pub async fn access_token(&self, user: &User, account: i64) -> Result<AccessToken, Error> {
        let id = user.id;
        let flow = async |cx: &mut _| tokens::access_token(cx, id, account).await;
        self.hallpass.perform(flow).await
    }

    /// Disconnects an account, unless it is the last way in.
    ///
    /// # Errors
    /// [`NoSuchSocialAccount`](crate::Refusal::NoSuchSocialAccount), [`DisconnectLast`](crate::Refusal::DisconnectLast),
    /// [`NoPassword`](crate::Refusal::NoPassword), [`NoVerifiedEmail`](crate::Refusal::NoVerifiedEmail), what the hook
    /// refuses.
    pub async fn disconnect(&self, user: &User, account: i64) -> Result<SocialAccount, Error> {
        let flow = async |cx: &mut _| disconnect::of(cx, user, account).await;
        self.hallpass.perform(flow).await
    }

    /// Whose account this is at a provider.
    ///
    /// # Errors
    /// A failure.
    pub async fn owner(&self, provider: &str, uid: &str) -> Result<Option<UserId>, Failure> {
        let conn = self.hallpass.db().conn();
        let found = crate::store::social_account::find(conn, provider, uid).await?;
        Ok(found.map(|(account, _)| account.user))
    }

    /// The apps by which providers know this site: of the settings, then of the database.
    ///
    /// # Errors
    /// A failure.
    pub async fn apps(&self) -> Result<Vec<App>, Failure> {
        apps::all(&self.hallpass).await
    }

    /// Where a provider sends people back to: what is entered at its console.
    pub fn callback(&self, provider: &str, provider_id: &str) -> String {
        let hallpass = &self.hallpass;
        let app = App {
            id: None,
            provider: provider.to_owned(),
            provider_id: provider_id.to_owned(),
            name: String::new(),
            client_id: String::new(),
            secret: Secret::new(""),
            key: Secret::new(""),
            settings: serde_json::Map::new(),
        };
        let path = match hallpass.providers().get(provider) {
            Some(provider) => apps::path_of(hallpass, provider, &app, "login/callback/"),
            None => String::new(),
        };
        format!(
            "{}{}{path}",
            hallpass.base_url(),
            hallpass.settings().hallpass.mount
        )
    }

    /// Adds an app to the database; its key. It is there for everybody at once.
    ///
    /// # Errors
    /// [`UnknownProvider`](crate::Refusal::UnknownProvider); [`Required`](crate::Refusal::Required) and
    /// [`TooLong`](crate::Refusal::TooLong) with the name of the column.
    pub async fn add_app(&self, app: &NewApp) -> Result<i64, Error> {
        let flow = async |cx: &mut _| apps::add(cx, app).await;
        self.hallpass.perform(flow).await
    }

    /// Removes an app of the database.
    ///
    /// # Errors
    /// [`UnknownProvider`](crate::Refusal::UnknownProvider) if there is none.
    pub async fn remove_app(&self, id: i64) -> Result<(), Error> {
        let flow = async |cx: &mut _| apps::remove(cx, id).await;
        self.hallpass.perform(flow).await
    }
}
