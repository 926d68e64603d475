//! Links are made.

use std::fmt;
use std::time::Duration;

use hallpass_django::sesame::{MakeError, UserFields};
use url::form_urlencoded;

use super::{LinkId, key, revoke};
use crate::domain::{Timestamp, User};
use crate::error::{Error, Failure};
use crate::hallpass::Hallpass;

impl Hallpass {
    /// Begins to make a magic link for `user`, as their row is now: `hallpass.magic_link(&user).scope("report:7").url("/reports/7/")`.
    pub fn magic_link<'a>(&'a self, user: &'a User) -> Issue<'a> {
        Issue {
            hallpass: self,
            user,
            scope: String::new(),
            max_age: None,
            base: None,
        }
    }
}

/// A magic link in the making.
#[must_use]
pub struct Issue<'a> {
    hallpass: &'a Hallpass,
    user: &'a User,
    scope: String,
    max_age: Option<Duration>,
    base: Option<String>,
}

impl Issue<'_> {
    /// What the link is for. It opens pages of the same scope alone, to the letter.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// How long this link is good for, shorter or longer than SESAME_MAX_AGE, which must be set; in whole seconds, at
    /// least one and at most 400 days (or SESAME_MAX_AGE, if that is more). The link is dated so that it is as old as
    /// SESAME_MAX_AGE when its time is over, so a Django goes by it too. A page that has an age of its own measures
    /// from that date.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// What the link begins with, `https://example.com`, instead of what all links that no request asked for begin with.
    pub fn base_url(mut self, base: impl Into<String>) -> Self {
        self.base = Some(base.into());
        self
    }

    /// Makes it.
    ///
    /// # Errors
    /// A failure: a scope where SESAME_TOKENS begins with version 1, an age where none can be, or a user whose key
    /// SESAME_PACKER cannot write. [`Refusal::Busy`](crate::Refusal::Busy) for version 1.
    pub async fn issue(self) -> Result<Issued, Error> {
        let hallpass = self.hallpass;
        let now = self.dated()?;
        let base = self.base.unwrap_or_else(|| hallpass.base_url());
        let make = {
            let (sesame, scope, user) = (hallpass.sesame().clone(), self.scope, self.user.clone());
            let pk = key::of(&user, key::field(hallpass));
            move || {
                let fields = UserFields {
                    pk: &pk,
                    password: &user.password,
                    email: &user.email,
                    last_login: user.last_login.map(Timestamp::micros),
                };
                sesame.make(fields, &scope, now)
            }
        };
        let slow = hallpass.sesame().settings().makes_v1();
        let made: Result<String, MakeError> = match slow {
            true => hallpass.hashing().think(make).await?,
            false => make(),
        };
        let token = made.map_err(|error| Failure::from_source("a magic link", error))?;
        Ok(Issued {
            name: hallpass.settings().sesame.token_name.clone(),
            base: base.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// The date of the token.
    fn dated(&self) -> Result<i64, Failure> {
        let now = self.hallpass.now().seconds();
        let Some(wanted) = self.max_age else {
            return Ok(now);
        };
        let Some(usual) = self.hallpass.settings().sesame.max_age else {
            let what = "a magic link can only have an age of its own where SESAME_MAX_AGE is set";
            return Err(Failure::new(what));
        };
        let most = revoke::longest(self.hallpass);
        let seconds = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        match wanted.as_secs() {
            0 => Err(Failure::new(
                "a magic link must be good for a second or more",
            )),
            wanted if wanted > most => Err(Failure::new(format!(
                "a magic link can be good for {most} seconds at most"
            ))),
            wanted => Ok(now
                .saturating_add(seconds(wanted))
                .saturating_sub(seconds(usual))),
        }
    }

    /// The link to a path of this site, whole: scheme, host, path, the path's own parameters, and the token.
    ///
    /// # Errors
    /// As [`Issue::issue`] and [`Issued::url`].
    pub async fn url(self, path: &str) -> Result<String, Error> {
        Ok(self.issue().await?.url(path)?)
    }

    /// The bare token.
    ///
    /// # Errors
    /// As [`Issue::issue`].
    pub async fn token(self) -> Result<String, Error> {
        Ok(self.issue().await?.token)
    }
}

/// A magic link. Secret: whoever has it is its user.
#[derive(Clone)]
pub struct Issued {
    name: String,
    base: String,
    token: String,
}

impl Issued {
    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The parameter of the URL: its name, and the token.
    pub fn parameters(&self) -> (&str, &str) {
        (&self.name, &self.token)
    }

    /// The same as the query of a URL, with its question mark.
    pub fn query_string(&self) -> String {
        format!("?{}", self.query())
    }

    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair(&self.name, &self.token).finish()
    }

    /// The link to a path of this site: HALLPASS_PUBLIC_URL, or what stands for it, then the path with its own parameters
    /// and the token, then the path's own fragment.
    ///
    /// # Errors
    /// A failure, if it is no path of this site: it must begin with one slash, and be written as it stands in a URL.
    pub fn url(&self, path: &str) -> Result<String, Failure> {
        let plain = |byte: u8| (0x21..0x7f).contains(&byte) && byte != b'\\';
        if !path.starts_with('/') || path.starts_with("//") || !path.bytes().all(plain) {
            let what = "a magic link leads to a path of this site: begin with one slash, and encode what is no ASCII";
            return Err(Failure::new(what));
        }
        let (path, fragment) = match path.split_once('#') {
            Some((path, fragment)) => (path, Some(fragment)),
            None => (path, None),
        };
        let joint = match path.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, query)) if query.ends_with('&') => "",
            Some(_) => "&",
        };
        let fragment = fragment.map_or(String::new(), |fragment| format!("#{fragment}"));
        Ok(format!(
            "{}{path}{joint}{}{fragment}",
            self.base,
            self.query()
        ))
    }

    /// What to keep of it, to revoke it later.
    pub fn id(&self) -> Option<LinkId> {
        LinkId::of(&self.token)
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued(…)")
    }
}
