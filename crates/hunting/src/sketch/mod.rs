//! Small summaries of many values that can be kept as dynamic values and put together later: `hll` of distinct values,
//! `tdigest` of a distribution, and the schema of dynamic values.

mod digest;
mod distinct;
mod schema;

pub(crate) use digest::{Digest, push_value};
pub(crate) use distinct::Distinct;
pub(crate) use schema::Schema;

/// A summary that can be written as JSON and read again.
pub(crate) trait Summary: Clone + Default + Send + Sync {
    /// Adds what another summary has seen; a text that is none changes nothing.
    fn merge(&mut self, json: &str);

    /// The JSON text; none when nothing was seen.
    fn json(&self) -> Option<String>;

    /// Bytes in memory, about.
    fn size(&self) -> usize;
}
