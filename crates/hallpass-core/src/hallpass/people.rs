//! Users, from the handle: made, found, listed, changed, deleted.

use hallpass_django::validators::UserAttributes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::cx::Cx;
use crate::domain::{User, UserId};
use crate::error::{Error, Failure, Refusal};
use crate::flows::own_fields::typed;
use crate::flows::users::{self, NewPassword, Wanted};
use crate::hallpass::Hallpass;
use crate::store;
use crate::store::email_address::EmailAddress;
use crate::store::phone::PhoneNumber;

impl Hallpass {
    /// The users: to make, find, list, change and delete them.
    pub fn users(&self) -> Users {
        Users {
            hallpass: self.clone(),
        }
    }

    /// What a user's columns of HALLPASS_USER_FIELDS hold, as a struct of the app's own. Only the columns that it names are
    /// read; a column that may be empty needs an `Option`.
    ///
    /// ```no_run
    /// # use hallpass_core::{Error, Hallpass, domain::User};
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Profile {
    ///     gender: String,
    ///     height: Option<i64>,
    /// }
    ///
    /// # async fn run(hallpass: Hallpass, user: User) -> Result<(), Error> {
    /// let mut profile: Profile = hallpass.profile(&user).await?;
    /// profile.height = Some(180);
    /// hallpass.set_profile(&user, &profile).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refusal::Several`] with [`Refusal::NoSuchField`] for members that are no columns; [`Refusal::NoSuchUser`]; a failure
    /// if a member's type does not take what its column holds.
    pub async fn profile<T: DeserializeOwned + Send>(&self, user: &User) -> Result<T, Error> {
        let flow = async |cx: &mut Cx| users::profile(cx, user.id).await;
        self.perform(flow).await
    }

    /// Sets the columns that a profile names, by the rules of a registration, and no other: writers of different columns do
    /// not meet. All of it or nothing.
    ///
    /// # Errors
    /// [`Refusal::Several`] with every fault at its column: [`Refusal::NoSuchField`], [`Refusal::NotUnique`], what a text may
    /// be refused for; [`Refusal::NoSuchUser`].
    pub async fn set_profile<T: Serialize + Sync>(
        &self,
        user: &User,
        profile: &T,
    ) -> Result<(), Error> {
        let members = typed::members(profile)?;
        let flow = async |cx: &mut Cx| users::set_profile(cx, user.id, &members).await;
        self.perform(flow).await
    }
}

/// The users of a site. What holds at a signup holds here too, but for what only keeps strangers out: limits, a closed
/// signup, the shortest user name, names that nobody may have.
///
/// A user that is handed in is only looked up by its key: what it says otherwise may be old.
///
/// ```no_run
/// # async fn run(hallpass: hallpass_core::Hallpass) -> Result<(), hallpass_core::Error> {
/// let users = hallpass.users();
/// let ann = users
///     .create()
///     .username("ann")
///     .email("ann@example.com")
///     .verified()
///     .save()
///     .await?;
/// users.set_password(&ann, "correct-horse-9-battery").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Users {
    hallpass: Hallpass,
}

impl Users {
    /// Begins a new user. A name, an address or a number is needed; where people have user names and none is given, one is
    /// made of what is known.
    pub fn create(&self) -> NewUser {
        NewUser {
            hallpass: self.hallpass.clone(),
            wanted: Wanted::default(),
            profile: None,
        }
    }

    /// The user with this key.
    ///
    /// # Errors
    /// A failure.
    pub async fn get(&self, id: UserId) -> Result<Option<User>, Failure> {
        store::user::by_id(self.hallpass.db().conn(), id).await
    }

    /// The user of this name, whatever its case; the exact one if several differ by case only.
    ///
    /// # Errors
    /// A failure.
    pub async fn by_username(&self, username: &str) -> Result<Option<User>, Error> {
        let flow = async |cx: &mut Cx| Ok(users::by_username(cx, username).await?);
        self.hallpass.perform(flow).await
    }

    /// Whose address this is: who confirmed it, else the only one who has it. Of several who have not confirmed it, it is
    /// nobody's.
    ///
    /// # Errors
    /// A failure.
    pub async fn by_email(&self, email: &str) -> Result<Option<User>, Error> {
        let flow = async |cx: &mut Cx| Ok(users::by_email(cx, email).await?);
        self.hallpass.perform(flow).await
    }

    /// Everybody who has this address, those who confirmed it first.
    ///
    /// # Errors
    /// A failure.
    pub async fn with_email(&self, email: &str) -> Result<Vec<User>, Error> {
        let flow = async |cx: &mut Cx| Ok(users::with_email(cx, email).await?);
        self.hallpass.perform(flow).await
    }

    /// At most so many users whose keys come after one, in the order of keys: for jobs that go through all of them.
    ///
    /// ```no_run
    /// # async fn run(hallpass: hallpass_core::Hallpass) -> Result<(), hallpass_core::Error> {
    /// let mut after = None;
    /// loop {
    ///     let page = hallpass.users().page(after, 500).await?;
    ///     let Some(last) = page.last() else { break };
    ///     after = Some(last.id);
    ///     // …
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A failure.
    pub async fn page(&self, after: Option<UserId>, most: u32) -> Result<Vec<User>, Failure> {
        store::people::page(self.hallpass.db().conn(), after, most).await
    }

    /// How many there are.
    ///
    /// # Errors
    /// A failure.
    pub async fn count(&self) -> Result<u64, Failure> {
        store::people::count(self.hallpass.db().conn()).await
    }

    /// What AUTH_PASSWORD_VALIDATORS have against a password for somebody of this name and address. Nothing: it will do.
    ///
    /// # Errors
    /// [`Refusal::Busy`], or a failure.
    pub async fn judge_password(
        &self,
        password: &str,
        username: &str,
        email: &str,
    ) -> Result<Vec<Refusal>, Error> {
        let about = UserAttributes {
            username,
            email,
            ..UserAttributes::default()
        };
        let flow = async |cx: &mut Cx| users::judge_password(cx, password, &about).await;
        self.hallpass.perform(flow).await
    }

    /// Sets a password that the validators do not mind. Sessions, keys, tokens, links and codes that were made from the old
    /// one end. The user as they are then comes back.
    ///
    /// # Errors
    /// [`Refusal::Several`] with what is wrong with it, at `password`; [`Refusal::NoSuchUser`], [`Refusal::Busy`].
    pub async fn set_password(&self, user: &User, password: &str) -> Result<User, Error> {
        let flow = async |cx: &mut Cx| users::set_password(cx, user.id, password, true).await;
        self.hallpass.perform(flow).await
    }

    /// [`Users::set_password`] without asking the validators.
    ///
    /// # Errors
    /// What no password may be: empty, endless, with a NUL; [`Refusal::NoSuchUser`], [`Refusal::Busy`].
    pub async fn set_password_unchecked(&self, user: &User, password: &str) -> Result<User, Error> {
        let flow = async |cx: &mut Cx| users::set_password(cx, user.id, password, false).await;
        self.hallpass.perform(flow).await
    }

    /// Takes the password away: what is left is the sign-in by link or code. All ends as with a new one.
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`].
    pub async fn set_unusable_password(&self, user: &User) -> Result<User, Error> {
        let flow = async |cx: &mut Cx| users::set_unusable_password(cx, user.id).await;
        self.hallpass.perform(flow).await
    }

    /// Sets the user name.
    ///
    /// # Errors
    /// What a name may be refused for, [`Refusal::UsernameTaken`] included; [`Refusal::NoSuchUser`].
    pub async fn set_username(&self, user: &User, username: &str) -> Result<User, Error> {
        let flow = async |cx: &mut Cx| users::set_username(cx, user.id, username).await;
        self.hallpass.perform(flow).await
    }

    /// Sets given name and family name; either may be empty.
    ///
    /// # Errors
    /// [`Refusal::Several`] with what is wrong with them; [`Refusal::NoSuchUser`].
    pub async fn set_names(&self, user: &User, first: &str, last: &str) -> Result<User, Error> {
        let flow = async |cx: &mut Cx| users::set_names(cx, user.id, first, last).await;
        self.hallpass.perform(flow).await
    }

    /// Switches an account on. `false`: it was.
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`].
    pub async fn activate(&self, user: &User) -> Result<bool, Error> {
        let flow = async |cx: &mut Cx| users::activate(cx, user.id).await;
        self.hallpass.perform(flow).await
    }

    /// Switches an account off, and ends everything that was begun with it or given to it, as
    /// [`Hallpass::end_everything`] does. `false`: it was off.
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`].
    pub async fn deactivate(&self, user: &User) -> Result<bool, Error> {
        let flow = async |cx: &mut Cx| users::deactivate(cx, user.id).await;
        self.hallpass.perform(flow).await
    }

    /// Deletes a user, with every row of ours, of Django's and of allauth's that is about them. What happened
    /// (`hallpass_event`) stays until its time is over.
    ///
    /// # Errors
    /// [`Refusal::ReferredTo`] if a table of the app's own refers to the user: nothing is changed then. Delete these rows
    /// first, or have the database do it (`ON DELETE CASCADE`). [`Refusal::NoSuchUser`].
    pub async fn delete(&self, user: &User) -> Result<(), Error> {
        let flow = async |cx: &mut Cx| users::remove(cx, user.id).await;
        self.hallpass.perform(flow).await
    }

    /// The addresses of a user, the primary one first.
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`].
    pub async fn addresses(&self, user: &User) -> Result<Vec<EmailAddress>, Error> {
        let flow = async |cx: &mut Cx| users::addresses(cx, user.id).await;
        self.hallpass.perform(flow).await
    }

    /// Adds an address, unconfirmed; the first one is the primary one. No letter is sent:
    /// [`Hallpass::send_email_confirmation`] sends it.
    ///
    /// # Errors
    /// [`Refusal::DuplicateEmail`], [`Refusal::EmailTaken`], what an address may be refused for; [`Refusal::NoSuchUser`].
    pub async fn add_address(&self, user: &User, email: &str) -> Result<EmailAddress, Error> {
        let flow = async |cx: &mut Cx| users::add_address(cx, user.id, email).await;
        self.hallpass.perform(flow).await
    }

    /// Counts an address of the user as confirmed, with everything that follows from it. `false`: it was.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAddress`], [`Refusal::EmailTaken`] if somebody else confirmed it, [`Refusal::NoSuchUser`].
    pub async fn confirm_address(&self, user: &User, email: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut Cx| users::confirm_address(cx, user.id, email).await;
        self.hallpass.perform(flow).await
    }

    /// Makes an address the primary one, and tells the old one's mailbox. `false`: it was.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAddress`]; [`Refusal::UnverifiedPrimary`] if others are confirmed and this one is not;
    /// [`Refusal::NoSuchUser`].
    pub async fn make_primary(&self, user: &User, email: &str) -> Result<bool, Error> {
        let flow = async |cx: &mut Cx| users::make_primary(cx, user.id, email).await;
        self.hallpass.perform(flow).await
    }

    /// Takes an address off the account. Codes under way and links that lead in end, and the owner is told.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAddress`]; [`Refusal::PrimaryNotRemovable`] if it is the primary one while there are others, or the
    /// last way in; [`Refusal::NoSuchUser`].
    pub async fn remove_address(&self, user: &User, email: &str) -> Result<(), Error> {
        let flow = async |cx: &mut Cx| users::remove_address(cx, user.id, email).await;
        self.hallpass.perform(flow).await
    }

    /// The number on file.
    ///
    /// # Errors
    /// A failure.
    pub async fn phone(&self, user: &User) -> Result<Option<PhoneNumber>, Error> {
        let flow = async |cx: &mut Cx| users::phone(cx, user.id).await;
        self.hallpass.perform(flow).await
    }

    /// Sets the number. `verified`: it counts as confirmed. What it was before goes.
    ///
    /// # Errors
    /// [`Refusal::PhoneTaken`], what a number may be refused for; [`Refusal::NoSuchUser`].
    pub async fn set_phone(
        &self,
        user: &User,
        phone: &str,
        verified: bool,
    ) -> Result<PhoneNumber, Error> {
        let flow = async |cx: &mut Cx| users::set_phone(cx, user.id, phone, verified).await;
        self.hallpass.perform(flow).await
    }

    /// Takes the number off the account. `false`: there was none.
    ///
    /// # Errors
    /// A failure.
    pub async fn remove_phone(&self, user: &User) -> Result<bool, Error> {
        let flow = async |cx: &mut Cx| users::remove_phone(cx, user.id).await;
        self.hallpass.perform(flow).await
    }
}

/// A user who is yet to be saved.
#[derive(Clone)]
#[must_use = "nobody is made before save()"]
pub struct NewUser {
    hallpass: Hallpass,
    wanted: Wanted,
    profile: Option<Result<Map<String, Value>, String>>,
}

impl NewUser {
    fn with(mut self, change: impl FnOnce(&mut Wanted)) -> Self {
        change(&mut self.wanted);
        self
    }

    /// The user name.
    pub fn username(self, username: impl Into<String>) -> Self {
        self.with(|wanted| wanted.username = Some(username.into()))
    }

    /// The address, which becomes the primary one. It counts as unconfirmed.
    pub fn email(self, email: impl Into<String>) -> Self {
        self.with(|wanted| wanted.email = Some(email.into()))
    }

    /// The address counts as confirmed.
    pub fn verified(self) -> Self {
        self.with(|wanted| wanted.verified = true)
    }

    /// The phone number. It counts as unconfirmed.
    pub fn phone(self, phone: impl Into<String>) -> Self {
        self.with(|wanted| wanted.phone = Some(phone.into()))
    }

    /// The number counts as confirmed.
    pub fn phone_verified(self) -> Self {
        self.with(|wanted| wanted.phone_verified = true)
    }

    /// A password that the validators do not mind. Without any, the ways in are link and code.
    pub fn password(self, password: impl Into<String>) -> Self {
        self.with(|wanted| wanted.password = Some(NewPassword::Judged(password.into())))
    }

    /// A password about which the validators are not asked.
    pub fn password_unchecked(self, password: impl Into<String>) -> Self {
        self.with(|wanted| wanted.password = Some(NewPassword::AsItIs(password.into())))
    }

    /// A hash that is there already, in one of Django's forms: for those who come from elsewhere.
    pub fn password_hash(self, encoded: impl Into<String>) -> Self {
        self.with(|wanted| wanted.password = Some(NewPassword::Encoded(encoded.into())))
    }

    /// Given name.
    pub fn first_name(self, name: impl Into<String>) -> Self {
        self.with(|wanted| wanted.first_name = name.into())
    }

    /// Family name.
    pub fn last_name(self, name: impl Into<String>) -> Self {
        self.with(|wanted| wanted.last_name = name.into())
    }

    /// May open the admin.
    pub fn staff(self) -> Self {
        self.with(|wanted| wanted.is_staff = true)
    }

    /// Has every permission.
    pub fn superuser(self) -> Self {
        self.with(|wanted| wanted.is_superuser = true)
    }

    /// Switched off from the beginning.
    pub fn inactive(self) -> Self {
        self.with(|wanted| wanted.is_inactive = true)
    }

    /// A column of HALLPASS_USER_FIELDS.
    pub fn field(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.with(|wanted| {
            wanted.own.insert(name.into(), value.into());
        })
    }

    /// The columns of HALLPASS_USER_FIELDS that a struct names.
    pub fn profile<T: Serialize>(mut self, profile: &T) -> Self {
        self.profile = Some(typed::members(profile).map_err(|failure| failure.to_string()));
        self
    }

    /// Makes the user. Nothing is written if anything is refused.
    ///
    /// # Errors
    /// [`Refusal::Several`] with every fault at its field: `username`, `email`, `phone`, `password`, `first_name`,
    /// `last_name`, or the column's name. [`Refusal::Busy`].
    pub async fn save(self) -> Result<User, Error> {
        let NewUser {
            hallpass,
            mut wanted,
            profile,
        } = self;
        match profile {
            Some(Ok(members)) => wanted.own.extend(members),
            Some(Err(words)) => return Err(Failure::new(words).into()),
            None => {}
        }
        let flow = async move |cx: &mut Cx| users::create(cx, wanted).await;
        hallpass.perform(flow).await
    }
}
