//! The contract with the world: wire types exactly as documented, typed ids, and the tables of
//! facts (operations, permissions, hunting tables, error codes) that everything else is built
//! from.
//!
//! The tables under `generated` are written by `cargo run -p xtask -- generate` from the JSON
//! files in `spec/`. Nothing here does I/O or reads a clock.

pub mod access;
pub mod advanced_hunting;
pub mod api_errors;
pub mod env;
pub mod first_party;
pub mod graph;
pub mod hosts;
pub mod hunting;
pub mod identity_errors;
pub mod ids;
pub mod kql_type;
pub mod mde;
pub mod odata;
pub mod operations;
pub mod permissions;
pub mod remedies;
pub mod route;
pub mod served;
pub mod time;
pub mod value;
pub mod xdr;

mod generated;

pub use ids::{AlertId, AppId, DeviceId, IncidentId, ObjectId, TenantId};
pub use kql_type::KqlType;
pub use operations::{Api, Method, Operation, OperationId};
