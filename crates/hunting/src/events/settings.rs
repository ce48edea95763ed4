//! How an event store is set up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;

/// Where the Parquet files are.
#[derive(Debug, Clone, Default)]
pub enum Location {
    /// In the folder `files` of the store's directory.
    #[default]
    Local,
    /// In an object store, for instance S3-compatible; a prefix is part of it
    /// ([`object_store::prefix::PrefixStore`]).
    Remote(Arc<dyn ObjectStore>),
}

/// Settings of an event store. [`Settings::new`] gives values for a server with some memory.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The store's own directory: write-ahead log, staging, and the files when they are local.
    pub dir: PathBuf,
    /// Where the Parquet files are.
    pub location: Location,
    /// How long a commit waits for more batches to share its fdatasync. 5 ms.
    pub group_commit_delay: Duration,
    /// So many bytes are committed without waiting. 1 MiB.
    pub group_commit_bytes: usize,
    /// The background task flushes when so many bytes are in memory. 64 MiB.
    pub flush_bytes: usize,
    /// The background task flushes rows that have been in memory for so long. 2 minutes.
    pub flush_age: Duration,
    /// Appending waits for a flush beyond so many bytes in memory. 256 MiB.
    pub memory_limit: usize,
    /// One batch may take so many bytes in memory. 64 MiB.
    pub max_batch_bytes: usize,
    /// A retried batch is recognised for so long. 24 hours.
    pub batch_memory: Duration,
    /// Rows older than this, by their `Timestamp`, are dropped by whole files. `None` keeps all,
    /// which is the default: recorded attacks are old on arrival.
    pub retention: Option<Duration>,
    /// The same for single tables, whatever holds for the others; `None` keeps a table's rows.
    pub retention_of: BTreeMap<String, Option<Duration>>,
    /// A file that went out of use stays so long for the hunts that still read it. 1 hour.
    pub removed_grace: Duration,
    /// A file that no catalogue knows is an orphan after so long. 1 hour; longer than any flush or
    /// compaction takes.
    pub orphan_grace: Duration,
    /// Files smaller than this are merged. 32 MiB.
    pub compact_below: u64,
    /// Merging makes files of about this size. 256 MiB.
    pub compact_target: u64,
    /// Merging starts when a table has so many small files of a day. 8.
    pub compact_files: usize,
    /// Bytes of Parquet footers kept in memory. 64 MiB.
    pub footer_cache: usize,
    /// Bytes of terms kept in memory. 128 MiB.
    pub term_cache: usize,
}

impl Settings {
    /// The defaults, in a directory.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        const MIB: usize = 1024 * 1024;
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            dir: dir.into(),
            location: Location::Local,
            group_commit_delay: Duration::from_millis(5),
            group_commit_bytes: MIB,
            flush_bytes: 64 * MIB,
            flush_age: Duration::from_secs(120),
            memory_limit: 256 * MIB,
            max_batch_bytes: 64 * MIB,
            batch_memory: 24 * HOUR,
            retention: None,
            retention_of: BTreeMap::new(),
            removed_grace: HOUR,
            orphan_grace: HOUR,
            compact_below: 32 * MIB as u64,
            compact_target: 256 * MIB as u64,
            compact_files: 8,
            footer_cache: 64 * MIB,
            term_cache: 128 * MIB,
        }
    }
}
