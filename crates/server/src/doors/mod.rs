//! The ways in: HTTPS and HTTP on the own origin, and the interception proxy for hard-coded hosts.

mod activity;
pub(crate) mod body;
pub mod ca;
pub(crate) mod listener;
pub mod proxy;

pub use listener::Door;
