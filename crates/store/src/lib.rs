//! Everything Bartizan keeps in SQL: tenants, the directory, signing keys, audit events, alerts,
//! incidents, machines, rule states and the catalogue of event files; and OData queries to SQL.
//!
//! The only crate that names SQL. One dialect-portable statement serves SQLite and PostgreSQL:
//! ids and JSON are TEXT, times BIGINT microseconds since 1970, flags INTEGER, parameters `$1`.
//! Functions work on a transaction ([`ReadTx`], [`WriteTx`]) and take the [`TenantId`] wherever
//! the data is a tenant's; the tenant predicate is written here and nowhere else.
//!
//! [`TenantId`]: bartizan_contract::TenantId

pub mod alert_outbox;
pub mod alerts;
pub mod arrivals;
pub mod audit;
pub mod audit_outbox;
pub mod defender_roles;
pub mod detections;
pub mod device_groups;
pub mod directory;
pub mod hunting_functions;
pub mod incidents;
pub mod keys;
pub mod listing;
pub mod machines;
pub mod odata;
pub mod outbox;
pub mod refusals;
pub mod revision;
pub mod rules;
pub mod segments;
pub mod settings;
pub mod sign_in;
pub mod tenant_policies;
pub mod tenants;
pub mod tokens;

mod error;
mod migrations;
mod row;
mod sql;
mod transaction;

pub use error::StoreError;
pub use listing::{Listing, Page};
pub use transaction::{Backend, ReadTx, Store, WriteTx};
