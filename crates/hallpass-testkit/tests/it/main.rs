//! The kit itself, our formats before a real Django, and the OpenID provider that others' tests sign in with.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod kit;
mod oidc_provider;
mod real_django;
