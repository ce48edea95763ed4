//! One suite for both databases: every test runs on SQLite, and on PostgreSQL too when
//! `BARTIZAN_TEST_POSTGRES` holds a `postgres://` URL of a database where schemas may be made.

mod access;
mod directory;
mod directory_lists;
mod filters;
mod fixture;
mod fuzz;
mod hunted;
mod incidents;
mod installation;
mod machines;
mod segments;
mod sign_in;
mod taking_in;
mod tokens;
mod writers;
