//! The kit itself, and our formats before a real Django.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod kit;
mod real_django;
