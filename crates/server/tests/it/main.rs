//! Stories through the public door: a real server with its own database, real cryptography and real HTTP.

mod browser;
mod harness;

mod access;
mod activity;
mod administration;
mod consent;
mod credentials;
mod cross_tenant;
mod detection;
mod directory;
mod directory_queries;
mod doors;
mod explain;
mod hunting;
mod identity;
mod incidents;
mod ingest;
mod known_clients;
mod limits;
mod listings;
mod operations;
mod operator;
mod people;
mod people_grants;
mod rules;
mod second_factor;
mod security;
mod sign_in;
mod sign_in_log;
mod signing_keys;
mod token_claims;
mod user_flows;
mod user_grants;
