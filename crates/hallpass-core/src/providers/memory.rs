//! What is remembered of providers between requests: their keys, and what their discovery documents say.

use serde_json::{Map, Value};

use super::kept::Kept;
use super::keys::KeySet;

/// Held by the handle, one for all.
#[derive(Default)]
pub struct Memory {
    pub(super) keys: Kept<KeySet>,
    pub(super) discovery: Kept<Map<String, Value>>,
}
