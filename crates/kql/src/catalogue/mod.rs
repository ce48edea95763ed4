//! The catalogue of functions: one table for the binder, the documentation and completion.

mod aggregate_fn;
mod scalar_fn;

pub use aggregate_fn::AggregateFn;
pub use scalar_fn::{ScalarFn, WindowFn};
