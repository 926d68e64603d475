//! hallpass-testkit

pub mod django;
