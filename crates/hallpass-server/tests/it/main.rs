//! The binary over real sockets, and the architecture of the whole repository.

mod tidy;
