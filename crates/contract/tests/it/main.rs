//! The tables against each other, and the paths that real clients send.

mod routes;
mod spec;
mod wire;
