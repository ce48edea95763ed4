//! The tables against each other, and the paths that real clients send.

mod any_input;
mod routes;
mod spec;
mod wire;
