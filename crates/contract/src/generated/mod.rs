//! Tables written by `cargo run -p xtask -- generate` from `spec/*.json`; do not edit by hand.

pub(crate) mod hunting;
pub(crate) mod identity_errors;
pub(crate) mod operations;
pub(crate) mod permissions;
