//! The command `hallpass`.
fn main() {}
