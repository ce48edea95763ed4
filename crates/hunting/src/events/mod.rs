//! The event store: hunting rows, durable before they are acknowledged, in a write-ahead log, in
//! memory, and in Parquet files that a catalogue in SQL lists.
//!
//! 1. [`EventStore::append`] writes a batch to the log, waits for its fdatasync, and shows it in
//!    memory; a batch id that was seen before is recognised ([`Appended::duplicate`]).
//! 2. A flush sorts what is in memory, writes one file per tenant and table, and lists the files in
//!    the catalogue in the same transaction that moves the log's watermark. Only then memory and
//!    log are released.
//! 3. A hunt's snapshot is memory first, then watermark and files in one reading transaction, then
//!    memory without what the watermark covers: each acknowledged row exactly once.
//! 4. Opening replays the log above the watermark, whatever step a crash came between.
//!
//! Files and memory are kept per tenant, so a provider cannot reach another tenant's rows: the
//! tenant predicate is the choice of files, not an expression that a plan could lose.

mod append;
mod background;
mod compact;
mod convert;
mod error;
mod files;
mod flush;
mod log;
mod memory;
mod older_files;
mod predicate;
mod provider;
mod record;
mod scan;
pub mod schema;
mod settings;
mod ticks;
mod writer;

#[cfg(test)]
mod crash_tests;

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use bartizan_contract::TenantId;
use bartizan_contract::hunting::Table;
use bartizan_store::Store;
use bartizan_store::segments::{self, TableTotal};
use datafusion::catalog::TableProvider;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::cache::default_cache::DefaultCache;
use tokio::sync::oneshot;
use uuid::Uuid;

pub use append::NewBatch;
pub use compact::{Compacted, Swept};
pub use error::EventsError;
pub use flush::Flushed;
pub use settings::{Location, Settings};
pub(crate) use ticks::TICKS_FROM_TIMESTAMP;
pub use ticks::ticks_from_timestamp;

pub(crate) use files::CREATED_BY;
use files::{Files, blocking};
use log::Log;
use memory::{Batch, Entry, Memory};
pub(crate) use provider::EventTable;
use writer::{Command, GroupCommit, Reservation, lock};

use crate::terms::KeptTerms;

/// What became of an appended batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Rows of the batch that are durable.
    pub rows: usize,
    /// The batch was there already; nothing was added.
    pub duplicate: bool,
    /// Datetimes outside what files hold (1677-09-21 to 2262-04-11) that became null. Always 0 for
    /// a duplicate.
    pub dates_dropped: usize,
}

/// What is waiting to go to files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unflushed {
    /// Bytes in memory, batches under way included.
    pub bytes: usize,
    /// When the oldest row was appended, microseconds since 1970.
    pub oldest: Option<i64>,
}

/// An open event store. One process at a time has a directory open.
pub struct EventStore {
    settings: Settings,
    store: Store,
    files: Files,
    footers: Arc<FileMetadataCache>,
    terms: KeptTerms,
    log_id: Uuid,
    memory: Arc<Mutex<Memory>>,
    /// Bytes of batches in memory or on their way there.
    reserved: Arc<AtomicUsize>,
    /// `None` after shutdown.
    commands: Mutex<Option<Sender<Command>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// One flush at a time, and one compaction or removal.
    flushing: tokio::sync::Mutex<()>,
    rewriting: tokio::sync::Mutex<()>,
    /// Tenants that were deleted. Read as long as something is appended.
    gone: tokio::sync::RwLock<HashSet<TenantId>>,
    /// Held as long as this lives.
    _lock: File,
    #[cfg(test)]
    crash_at: Mutex<Option<flush::Step>>,
}

impl std::fmt::Debug for EventStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStore")
            .field("dir", &self.settings.dir)
            .finish_non_exhaustive()
    }
}

impl EventStore {
    /// Opens or makes the store in `settings.dir`: reads the log's rows above its watermark into
    /// memory, cuts off what a crash left half-written, and removes orphaned files. Nothing runs in
    /// the background until [`EventStore::start`].
    ///
    /// # Errors
    /// [`EventsError::InUse`], [`EventsError::Corrupt`] for damage that no crash explains, or what
    /// the disk, the catalogue or the object store reports.
    pub async fn open(settings: Settings, store: Store) -> Result<Arc<Self>, EventsError> {
        let wal = settings.dir.join("wal");
        fs::create_dir_all(&wal).map_err(EventsError::file(&wal))?;
        let lock = take_lock(&settings.dir)?;
        let files = Files::open(&settings.dir, &settings.location)?;
        let log_id = log_id(&wal)?;
        // The folders themselves must survive what the log in them survives.
        log::sync_folder(&settings.dir)?;
        let mut tx = store.write_aside().await?;
        let watermark = segments::open_log(&mut tx, log_id, now_micros()).await?;
        tx.commit().await?;
        let (log, records) = blocking(move || Log::open(&wal, watermark)).await?;
        let (memory, bytes) = replay(records)?;
        let memory = Arc::new(Mutex::new(memory));
        let group = GroupCommit {
            delay: settings.group_commit_delay,
            bytes: settings.group_commit_bytes,
        };
        let (commands, receiver) = mpsc::channel();
        let shared = memory.clone();
        let writer = std::thread::Builder::new()
            .name("event-log".to_owned())
            .spawn(move || writer::run(&receiver, log, &shared, group))
            .map_err(EventsError::file(&settings.dir))?;
        let events = Arc::new(Self {
            files,
            footers: Arc::new(DefaultCache::new(settings.footer_cache)),
            terms: KeptTerms::new(settings.term_cache),
            log_id,
            memory,
            reserved: Arc::new(AtomicUsize::new(bytes)),
            commands: Mutex::new(Some(commands)),
            writer: Mutex::new(Some(writer)),
            flushing: tokio::sync::Mutex::default(),
            rewriting: tokio::sync::Mutex::default(),
            gone: tokio::sync::RwLock::default(),
            _lock: lock,
            #[cfg(test)]
            crash_at: Mutex::default(),
            settings,
            store,
        });
        events.sweep(now_micros()).await?;
        Ok(events)
    }

    /// One tenant's table for the engine, in [`schema::engine_schema`]'s types. The first scan fixes
    /// what this provider shows: what was acknowledged before it. Later scans of the same provider
    /// show the same, so that a query that reads a table twice reads one state; take a new one for
    /// each query.
    #[must_use]
    pub fn provider(
        self: &Arc<Self>,
        tenant: TenantId,
        table: &'static Table,
    ) -> Arc<dyn TableProvider> {
        Arc::new(EventTable::new(self.clone(), tenant, table))
    }

    /// Rows per tenant and table, in files and in memory, of one tenant or of all; files and bytes
    /// count files alone. Tables without rows are left out.
    ///
    /// # Errors
    /// [`EventsError::Store`].
    pub async fn totals(&self, tenant: Option<TenantId>) -> Result<Vec<TableTotal>, EventsError> {
        let in_memory = lock(&self.memory).counts();
        let mut tx = self.store.read().await?;
        let watermark = segments::watermark(&mut tx, self.log_id).await?;
        let mut totals = segments::totals(&mut tx, tenant).await?;
        for (owner, table, seq, rows) in in_memory {
            if seq <= watermark || tenant.is_some_and(|tenant| tenant != owner) {
                continue;
            }
            let key = |total: &TableTotal| (total.tenant, total.table.clone());
            let found = totals.binary_search_by_key(&(owner, table.to_owned()), key);
            let at = found.unwrap_or_else(|at| {
                let table = table.to_owned();
                totals.insert(
                    at,
                    TableTotal {
                        tenant: owner,
                        table,
                        rows: 0,
                        files: 0,
                        bytes: 0,
                    },
                );
                at
            });
            totals[at].rows += rows as i64;
        }
        Ok(totals)
    }

    /// What is waiting to go to files.
    #[must_use]
    pub fn unflushed(&self) -> Unflushed {
        let oldest = lock(&self.memory).load().map(|(_, oldest)| oldest);
        Unflushed {
            bytes: self.reserved(),
            oldest,
        }
    }

    /// Flushes, ends the writer's thread and refuses everything afterwards. Whatever the flush did
    /// not manage is in the log.
    ///
    /// # Errors
    /// What [`EventStore::flush`] reports; the store is shut down all the same.
    pub async fn shutdown(self: &Arc<Self>) -> Result<(), EventsError> {
        let flushed = self.flush().await;
        lock_plain(&self.commands).take();
        let writer = lock_plain(&self.writer).take();
        if let Some(writer) = writer {
            blocking(move || writer.join().map_err(|_| EventsError::Closed)).await?;
        }
        flushed.map(drop)
    }

    async fn watermark(&self) -> Result<i64, EventsError> {
        let mut tx = self.store.read().await?;
        Ok(segments::watermark(&mut tx, self.log_id).await?)
    }

    /// Sends the writer a command and waits for its answer.
    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, EventsError> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply))?;
        answer.await.map_err(|_| EventsError::Closed)
    }

    /// Sends the writer a command.
    fn tell(&self, command: Command) -> Result<(), EventsError> {
        let sender = lock_plain(&self.commands)
            .clone()
            .ok_or(EventsError::Closed)?;
        sender.send(command).map_err(|_| EventsError::Closed)
    }

    fn is_closed(&self) -> bool {
        lock_plain(&self.commands).is_none()
    }

    fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Relaxed)
    }

    fn unreserve(&self, bytes: usize) {
        self.reserved.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Makes room in memory for a batch, flushing first when there is none.
    async fn reserve(self: &Arc<Self>, bytes: usize) -> Result<Reservation, EventsError> {
        let limit = self.settings.memory_limit;
        if self.reserved() > limit
            && let Err(error) = self.flush_above(limit).await
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "memory is full, flush failed"
            );
            return Err(EventsError::Busy);
        }
        Ok(Reservation::new(&self.reserved, bytes))
    }

    /// Where tests stop a flush.
    #[cfg(test)]
    fn step(&self, step: flush::Step) -> Result<(), EventsError> {
        match *lock_plain(&self.crash_at) {
            Some(at) if at == step => Err(EventsError::Injected(format!("{step:?}"))),
            _ => Ok(()),
        }
    }

    #[cfg(not(test))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the tests' twin uses them"
    )]
    const fn step(&self, _step: flush::Step) -> Result<(), EventsError> {
        Ok(())
    }
}

impl Drop for EventStore {
    /// Waits for the writer, so that nothing writes to the log once its lock is free. Batches that
    /// were acknowledged are durable; memory needs no flush.
    fn drop(&mut self) {
        lock_plain(&self.commands).take();
        if let Some(writer) = lock_plain(&self.writer).take() {
            // A writer that panicked has nothing more to say here.
            let _ = writer.join();
        }
    }
}

/// Microseconds since 1970 now.
fn now_micros() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_micros() as i64
}

fn lock_plain<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Two processes on one log would number records alike.
fn take_lock(dir: &Path) -> Result<File, EventsError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(EventsError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EventsError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(EventsError::File { path, source }),
    }
}

/// The log's name in the catalogue, made once.
fn log_id(wal: &Path) -> Result<Uuid, EventsError> {
    let path = wal.join("id");
    let read = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(EventsError::file(&path))?,
    };
    if let Ok(id) = Uuid::parse_str(read.trim()) {
        return Ok(id);
    }
    // Empty or cut short: a crash before the first record, which needs the id on disk.
    let id = Uuid::new_v4();
    File::create(&path)
        .and_then(|mut file| {
            std::io::Write::write_all(&mut file, id.to_string().as_bytes())?;
            file.sync_all()
        })
        .map_err(EventsError::file(&path))?;
    log::sync_folder(wal)?;
    Ok(id)
}

/// Memory with the log's records, and the bytes they take.
fn replay(records: Vec<record::Record>) -> Result<(Memory, usize), EventsError> {
    let mut memory = Memory::default();
    let mut total = 0;
    for record in records {
        let mut tables = Vec::with_capacity(record.tables.len());
        let mut rows = 0;
        for (name, batch) in record.tables {
            rows += batch.num_rows() as i64;
            let Some(table) = bartizan_contract::hunting::table(&name) else {
                tracing::warn!(table = name, "rows of a table that is no more are left out");
                continue;
            };
            tables.push((
                table,
                convert::adapt(&batch, &schema::engine_schema(table))?,
            ));
        }
        total += record.bytes;
        memory.insert(Entry {
            seq: record.seq,
            batch: Batch {
                tenant: record.tenant,
                id: record.batch_id,
                rows,
                appended: record.appended,
            },
            tables,
            bytes: record.bytes,
        });
    }
    Ok((memory, total))
}
