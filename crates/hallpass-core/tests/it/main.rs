//! The rules of Hallpass from outside, in one binary.

mod settings;
