//! Repository rules as ordinary tests: generated files are fresh, sources are tidy, links lead
//! somewhere, crates name only what they may.

mod dependencies;
mod drift;
mod files;
mod links;
mod security;
mod sources;
