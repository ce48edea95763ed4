//! The server: one router built from the operation table, the doors that lead to it, and the workers behind it.

pub mod admission;
pub mod app;
pub mod clock;
pub mod data_dir;
pub mod doors;
pub mod error;
pub mod external;
pub mod hunt_budget;
pub mod identity;
pub mod ingest;
pub mod logging;
pub mod rate;
pub mod seed;
pub mod server;
pub mod settings;
pub mod site;
pub mod tenants;
pub mod timespan;
pub mod trail;

mod auth;
mod call;
mod detection;
mod dispatch;
mod handlers;
mod health;
mod operator;
mod outbound;
mod source;
mod workers;

pub use server::{Server, StartError};
