//! Signing in with an account at somebody else's.

mod oidc_provider;
