//! Single links are taken back.
//!
//! A digest is kept of what is the same in every spelling of the token. It is kept for as long as any link could be good:
//! no page takes one that is older than [`longest`], where links can be revoked, and none is dated further ahead.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hallpass_django::sesame;
use hallpass_django::signing::unpadded;

use crate::cx::Cx;
use crate::domain::secret;
use crate::error::{Error, Failure, Refusal};
use crate::hallpass::Hallpass;
use crate::store;

/// 400 days, in seconds.
const LONG: u64 = 400 * 86_400;

/// The longest that a link may be good for by an age of its own.
pub(super) fn longest(hallpass: &Hallpass) -> u64 {
    hallpass
        .settings()
        .sesame
        .max_age
        .map_or(LONG, |usual| usual.max(LONG))
}

/// The age that a page asks for; no more than what is kept of revoked links covers.
pub(super) fn bounded(cx: &Cx, wanted: u64) -> u64 {
    let hallpass = cx.hallpass();
    match hallpass.settings().hallpass.magic_link_revocable {
        true => wanted.min(longest(hallpass)),
        false => wanted,
    }
}

/// What stands for a link where it is to be revoked: a digest, so it may be kept and shown, and opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LinkId(String);

impl LinkId {
    /// Of a token. `None`: that is no token.
    pub fn of(token: &str) -> Option<Self> {
        let bytes = sesame::identity(token)?;
        let digest = secret::digest(&format!("magic_link\0{}", unpadded(&bytes)));
        Some(LinkId(digest))
    }

    /// As text, 43 letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As [`LinkId::as_str`] gave it.
impl FromStr for LinkId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        match text.len() == 43 && text.bytes().all(letter) {
            true => Ok(LinkId(text.to_owned())),
            false => Err(()),
        }
    }
}

impl Hallpass {
    /// Takes a magic link back: it opens nothing from now on, whether it did before or not. With it go links that were made
    /// in the same second for the same user and scope, since those are the same link.
    ///
    /// # Errors
    /// [`Refusal::NotAvailable`] without HALLPASS_MAGIC_LINK_REVOCABLE, or a failure.
    pub async fn revoke_magic_link(&self, link: &LinkId) -> Result<(), Error> {
        if !self.settings().hallpass.magic_link_revocable {
            return Err(Refusal::NotAvailable.into());
        }
        let kept = Duration::from_secs(longest(self).saturating_mul(2));
        let conn = self.db().conn();
        Ok(store::revoked_link::insert(conn, link.as_str(), self.now() + kept).await?)
    }
}

pub(super) async fn is_revoked(cx: &mut Cx, link: Option<&LinkId>) -> Result<bool, Failure> {
    match link {
        Some(link) => store::revoked_link::is_revoked(cx.read(), link.as_str()).await,
        None => Ok(true),
    }
}
