//! hallpass
