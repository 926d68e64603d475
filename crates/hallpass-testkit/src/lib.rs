//! hallpass-testkit
