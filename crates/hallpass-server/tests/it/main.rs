//! The binary over real sockets, and the architecture of the whole repository.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test stops where it is wrong"
)]

mod browser;
mod cli;
mod guide;
mod load;
mod mail;
mod program;
mod real_django;
mod rest;
mod server;
mod texts;
mod tidy;
