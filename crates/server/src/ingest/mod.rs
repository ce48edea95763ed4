//! Reading telemetry: files, archives and folders as a stream of lines, and lines as rows.
//!
//! [`archive`] opens whatever it is given (plain text, `.gz`, `.tar.gz`, `.zip`, a folder of these)
//! and hands out one line at a time with the name of its source, under limits that a hostile archive
//! cannot get around; [`lines`] cuts text into records; [`feed`] maps them; [`batch`] cuts rows into
//! batches; `intake` makes those durable; [`rejects`] writes what was refused, and why, to a file.
//! [`spool`] holds a body until it is read.
//!
//! Everything here blocks: async callers run it on a blocking thread. Memory is bounded by the
//! longest line, one batch of rows and the facts of two sources, whatever the size of the input.

pub mod archive;
pub mod batch;
pub mod feed;
mod guards;
pub(crate) mod intake;
pub mod lines;
pub mod rejects;
pub mod sightings;
pub mod spool;

#[cfg(test)]
mod tests;

pub use archive::{Problem, ProblemKind, ReadLimits, ReadReport, Step, read_path, read_stream};
pub use feed::{FeedReport, FeedSettings, feed_path};
pub use rejects::RejectWriter;
