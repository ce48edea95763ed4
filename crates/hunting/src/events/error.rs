//! What can go wrong in the event store.

use std::path::{Path, PathBuf};

use bartizan_store::StoreError;

/// A failed operation of the event store.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// A file of the log or of the store could not be read or written.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has this directory open.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// A log segment is damaged before its end, where no crash of ours can have left damage.
    #[error("{path} is damaged at byte {offset}: {reason}")]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Where its last whole record ends.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// Too much is waiting to be written to files; try again later.
    #[error("the event store is busy")]
    Busy,
    /// The batch is larger than one batch may be.
    #[error("a batch of {bytes} bytes is too large; at most {limit} bytes")]
    TooLarge {
        /// Its size in memory.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A row does not fit its table's columns.
    #[error("row {row} of the batch does not fit {table}: {reason}")]
    Row {
        /// Its place in the batch, from 0.
        row: usize,
        /// The table.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The write-ahead log failed earlier and takes nothing more until it is opened again.
    #[error("the write-ahead log failed: {0}")]
    Log(String),
    /// The tenant was deleted.
    #[error("the tenant was deleted")]
    Gone,
    /// The store was shut down.
    #[error("the event store is shut down")]
    Closed,
    /// The catalogue failed.
    #[error("the catalogue of event files failed")]
    Store(#[from] StoreError),
    /// Columns could not be made, merged or read.
    #[error("event columns could not be processed")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Parquet file could not be read or written.
    #[error("an event file could not be processed")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The object store failed.
    #[error("the object store failed")]
    Object(#[from] object_store::Error),
    /// Merging files failed.
    #[error("event files could not be merged")]
    Merge(#[from] datafusion::error::DataFusionError),
    /// A step was made to fail by a test.
    #[cfg(test)]
    #[error("made to fail at {0}")]
    Injected(String),
}

impl EventsError {
    /// For `map_err` on an I/O result that concerns a file.
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
