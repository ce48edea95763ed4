//! The server: one router built from the operation table, the doors that lead to it, and the workers behind it.

pub mod clock;
pub mod data_dir;
pub mod doors;
pub mod settings;
