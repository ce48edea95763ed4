//! The built binary as people and programs use it: commands, a server's life, and its death at any moment.
#![cfg(feature = "server")]

mod cli;
mod credentials;
mod guide;
mod hints;
mod kill;
mod kql;
mod lifecycle;
mod newcomer;
mod people;
mod place;
mod process;
mod signals;
