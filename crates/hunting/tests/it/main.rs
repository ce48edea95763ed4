//! The engine and the event store from outside.

mod events;
mod kql;
mod limits;
mod local;
mod numbers;
mod plans;
