//! What Bartizan adds of its own under `/bartizan/v1/`: tenants, detection rules, telemetry.

pub(crate) mod defender_roles;
pub(crate) mod device_groups;
pub(crate) mod explain;
pub(crate) mod ingest;
pub(crate) mod rules;
pub(crate) mod tenants;
