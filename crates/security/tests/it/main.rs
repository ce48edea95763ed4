//! Rules, hits and changes as their callers see them.

mod changes;
mod hits;
