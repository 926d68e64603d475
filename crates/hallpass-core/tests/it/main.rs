//! The rules of Hallpass from outside, in one binary.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod code;
mod events;
mod jwt;
mod letters;
mod limits;
mod magic_link;
mod oauth1;
mod outbound;
mod outbox;
mod permissions;
mod profile;
mod providers;
mod providers_page;
mod settings;
mod social_tokens;
mod store;
mod store_faults;
mod texts;
mod tokens;
mod users;
mod ways_in;
