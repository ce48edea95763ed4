//! Names of incidents.
