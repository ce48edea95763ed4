//! The engine and the event store from outside.

mod dictionaries;
mod engine;
mod equal;
mod events;
mod external;
mod external_time;
mod fuzz;
#[path = "../../../../tests/fuzz/engine.rs"]
mod fuzz_engine;
mod fuzz_functions;
mod json_conditions;
mod kql;
mod limits;
mod local;
mod numbers;
mod plans;
mod range;
mod tables;
mod time_used;
