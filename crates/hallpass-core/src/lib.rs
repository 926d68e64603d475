//! hallpass-core
