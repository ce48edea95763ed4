//! Reading telemetry: files, archives and folders as a stream of lines, and lines as rows.
//!
//! [`archive`] opens whatever it is given (plain text, `.gz`, `.tar.gz`, `.zip`, a folder of these)
//! and hands out one line at a time with the name of its source, under limits that a hostile archive
//! cannot get around; [`lines`] cuts text into records; [`feed`] maps them; [`rejects`] writes what
//! was refused, and why, to a file.
//!
//! Everything here blocks: async callers run it on a blocking thread. Memory is bounded by the
//! longest line and one batch of rows, whatever the size of the input.

pub mod archive;
pub mod feed;
mod guards;
pub mod lines;
pub mod rejects;
pub mod sightings;

#[cfg(test)]
mod tests;

pub use archive::{Problem, ProblemKind, ReadLimits, ReadReport, Step, read_path, read_stream};
pub use feed::{FeedReport, FeedSettings, feed_path};
pub use rejects::RejectWriter;
