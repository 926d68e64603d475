//! Stories of people, told through the real router on both databases.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod accounts;
mod attempts;
mod login;
mod login_by_link;
mod one_time;
mod pages;
mod quotas;
mod rate_limits;
mod safety;
mod sessions;
mod sms_gateway;
mod waits;
