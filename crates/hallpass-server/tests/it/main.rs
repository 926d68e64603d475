//! The binary over real sockets, and the architecture of the whole repository.

#![expect(clippy::expect_used, reason = "a test stops where it is wrong")]

mod tidy;
