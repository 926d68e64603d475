//! Stories of people, told through the real router on both databases.

#![expect(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod account_settings;
mod accounts;
mod ajax;
mod attempts;
mod credentials;
mod embed;
mod enumeration;
mod hooks;
mod input;
mod letters;
mod linking;
mod load;
mod login;
mod login_by_link;
mod login_methods;
mod magic_link;
mod one_time;
mod own_user;
mod pages;
mod past_flaws;
mod quotas;
mod rate_limits;
mod reauthentication;
mod rest;
mod safety;
mod sessions;
mod sms_gateway;
mod social;
mod stages;
mod token_pages;
mod urls;
mod waits;
mod walk;
mod ways_on;
