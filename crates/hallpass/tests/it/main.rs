//! Stories of people, told through the real router on both databases.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod account_settings;
mod accounts;
mod credentials;
mod enumeration;
mod hooks;
mod input;
mod letters;
mod load;
mod login;
mod login_by_link;
mod pages;
mod past_flaws;
mod safety;
mod sessions;
mod sms_gateway;
