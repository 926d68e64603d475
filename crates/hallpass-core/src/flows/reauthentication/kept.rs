//! A form that was sent before its proof: kept, so that nobody types it twice.
//!
//! It rests in the session, so passwords in it are not kept, nor is more than a form of ours can be. It is worth nothing
//! to another user, or when the proof would have aged.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cx::Cx;
use crate::domain::session::keys;

/// What was posted: names and values.
pub type Posted = Vec<(String, String)>;

#[derive(Serialize, Deserialize)]
struct Suspended {
    user: String,
    path: String,
    posted: Posted,
    /// Microseconds.
    until: i64,
}

/// More than this of a form, in bytes, is not kept: then it must be sent again.
const MOST: usize = 8 * 1024;

/// It waits this long at least.
const AT_LEAST: u64 = 600;

/// Keeps what was posted to `path`, in the place of what was kept before.
pub fn keep(cx: &mut Cx, path: &str, mut posted: Posted) {
    // One form at a time: an older one must not go on in the place of this.
    cx.session.remove(keys::SUSPENDED);
    posted.retain(|(name, _)| !name.to_ascii_lowercase().contains("password"));
    let parts = posted.iter();
    let size: usize = parts.map(|(name, value)| name.len() + value.len()).sum();
    let Some(user) = cx.session.user_id().filter(|_| size <= MOST) else {
        return;
    };
    let account = &cx.hallpass().settings().account;
    let seconds = account.reauthentication_timeout.max(AT_LEAST);
    let until = cx.now + Duration::from_secs(seconds);
    let suspended = Suspended {
        user: user.to_string(),
        path: path.to_owned(),
        posted,
        until: until.micros(),
    };
    cx.session.set(keys::SUSPENDED, json!(suspended));
}

/// Takes what was kept: its path, and what was posted there.
pub fn take(cx: &mut Cx) -> Option<(String, Posted)> {
    let value = cx.session.remove(keys::SUSPENDED)?;
    let suspended: Suspended = serde_json::from_value(value).ok()?;
    let user = cx.session.user_id()?.to_string();
    let in_time = cx.now.micros() < suspended.until;
    (suspended.user == user && in_time).then_some((suspended.path, suspended.posted))
}
