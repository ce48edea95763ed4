//! Repository tasks: what `cargo run -p xtask` does, as functions that the drift tests call too.

pub mod documents;
pub mod generate;
mod kql;
pub mod workspace;
