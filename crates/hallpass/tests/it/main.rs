//! Stories of people, told through the real router on both databases.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod account_settings;
mod accounts;
mod attempts;
mod credentials;
mod enumeration;
mod hooks;
mod input;
mod letters;
mod load;
mod ajax;
mod login;
mod login_by_link;
mod one_time;
mod pages;
mod past_flaws;
mod quotas;
mod rate_limits;
mod safety;
mod sessions;
mod sms_gateway;
mod waits;
mod ways_on;
