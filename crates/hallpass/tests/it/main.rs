//! Stories of people, told through the real router on both databases.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod accounts;
mod login;
mod login_by_link;
mod pages;
mod rest;
mod safety;
mod sessions;
mod sms_gateway;
