//! Incidents, alerts and machines.

pub(crate) mod alerts;
pub(crate) mod incidents;
pub(crate) mod listing;
pub(crate) mod machines;
pub(crate) mod wire;
