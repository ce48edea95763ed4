//! The small texts inside events: times, numbers, addresses, paths, hashes, registry names.

pub mod account;
pub mod address;
pub mod entities;
pub mod hashes;
pub mod json;
pub mod number;
pub mod path;
pub mod process_guid;
pub mod registry;
