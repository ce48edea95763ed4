//! The public interface of the crate, end to end.

mod bind;
mod complete;
mod fuzz;
