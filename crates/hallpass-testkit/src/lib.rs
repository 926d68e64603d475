//! What the tests of Hallpass stand on: throwaway databases, an app in memory, a browser without JavaScript, an SMTP
//! server, an SMS gateway, a Redis, and a real Django.

#![expect(clippy::expect_used, reason = "a test stops where it is wrong")]

pub mod app;
pub mod browser;
pub mod databases;
pub mod django;
pub mod gateway;
pub mod postgres;
pub mod redis;
pub mod smtp;

pub use app::TestApp;
pub use browser::{Answer, Browser};
pub use databases::TestDb;
