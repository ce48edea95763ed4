//! The catalogue of the event store: files of hunting rows, the watermarks of the write-ahead
//! logs, and the ids of ingested batches.
//!
//! Times are microseconds since 1970. A watermark is the highest sequence number of a log whose
//! rows are in files; a snapshot reads watermark and files in one transaction, so that rows are
//! never counted twice or missed between file and memory.

use bartizan_contract::TenantId;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A file of one tenant's rows of one hunting table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFile {
    /// Where it is, relative to the event store's root.
    pub path: String,
    /// Whose rows it holds; of nobody else.
    pub tenant: TenantId,
    /// The hunting table.
    pub table: String,
    /// How many rows.
    pub rows: i64,
    /// The file's size.
    pub bytes: i64,
    /// No row's `Timestamp` is earlier, microseconds. `None` when no row has one.
    pub min_time: Option<i64>,
    /// No row's `Timestamp` is later, microseconds.
    pub max_time: Option<i64>,
    /// The lowest sequence number of its rows' log.
    pub first_seq: i64,
    /// The highest sequence number of its rows' log.
    pub last_seq: i64,
    /// When it was written, microseconds.
    pub created: i64,
}

/// A batch of rows as a client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestedBatch {
    /// Whose rows.
    pub tenant: TenantId,
    /// The client's id for it.
    pub batch_id: Uuid,
    /// How many rows.
    pub rows: i64,
    /// When it was appended, microseconds.
    pub appended: i64,
}

/// What a hunt reads from files: see the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Rows of the log up to here are in `files`.
    pub watermark: i64,
    /// The files.
    pub files: Vec<EventFile>,
}

/// Rows and files of one tenant's hunting table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableTotal {
    /// Whose rows.
    pub tenant: TenantId,
    /// The hunting table.
    pub table: String,
    /// How many rows are in files.
    pub rows: i64,
    /// In how many files.
    pub files: i64,
    /// Their size.
    pub bytes: i64,
}

/// Registers a log and returns its watermark, 0 for a new one.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn open_log(tx: &mut WriteTx, log: Uuid, now: i64) -> Result<i64, StoreError> {
    sqlx::query(
        "insert into event_logs (id, watermark, updated) values ($1, 0, $2)
         on conflict (id) do nothing",
    )
    .bind(log.to_string())
    .bind(now)
    .execute(tx.connection())
    .await?;
    let mut sql = Sql::new("select watermark from event_logs where id = ");
    sql.bind(log.to_string());
    sql.fetch_one(tx).await?.int("watermark")
}

const FILE_COLUMNS: &str = "path, tenant, table_name, row_count, bytes, min_time, max_time,
     first_seq, last_seq, created";

fn select_files() -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(FILE_COLUMNS)
        .push(" from event_files where removed is null");
    sql
}

/// How far a log is in files.
///
/// # Errors
/// [`StoreError::Missing`] when the log was never opened, or [`StoreError::Database`].
pub async fn watermark(tx: &mut ReadTx, log: Uuid) -> Result<i64, StoreError> {
    let mut sql = Sql::new("select watermark from event_logs where id = ");
    sql.bind(log.to_string());
    let rows = sql.fetch_all(tx).await?;
    rows.first()
        .ok_or(StoreError::Missing("event log"))?
        .int("watermark")
}

/// The files of a tenant's table, latest first, and the watermark of a log.
///
/// # Errors
/// [`StoreError::Missing`] when the log was never opened, or [`StoreError::Database`].
pub async fn snapshot(
    tx: &mut ReadTx,
    log: Uuid,
    tenant: TenantId,
    table: &str,
) -> Result<Snapshot, StoreError> {
    let watermark = watermark(tx, log).await?;
    let mut sql = select_files();
    sql.push(" and tenant = ")
        .bind(tenant)
        .push(" and table_name = ")
        .bind(table);
    sql.push(" order by max_time desc, path");
    let files = sql.fetch_all(tx).await?;
    let files = files.iter().map(read_file).collect::<Result<_, _>>()?;
    Ok(Snapshot { watermark, files })
}

/// Puts flushed files and their batches into the catalogue and moves the log's watermark.
///
/// # Errors
/// [`StoreError::Changed`] when the watermark is not at `from`: somebody else flushed this log.
pub async fn commit_flush(
    tx: &mut WriteTx,
    log: Uuid,
    from: i64,
    to: i64,
    files: &[EventFile],
    batches: &[IngestedBatch],
    now: i64,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("update event_logs set watermark = ");
    sql.bind(to).push(", updated = ").bind(now);
    sql.push(" where id = ")
        .bind(log.to_string())
        .push(" and watermark = ")
        .bind(from);
    if sql.execute(tx).await?.rows_affected() != 1 {
        return Err(StoreError::Changed("event log"));
    }
    for file in files {
        insert_file(tx, file).await?;
    }
    for batch in batches {
        sqlx::query(
            "insert into event_batches (tenant, batch_id, row_count, appended)
             values ($1, $2, $3, $4) on conflict (tenant, batch_id) do nothing",
        )
        .bind(batch.tenant.to_string())
        .bind(batch.batch_id.to_string())
        .bind(batch.rows)
        .bind(batch.appended)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// Swaps files for others that hold the same rows.
///
/// # Errors
/// [`StoreError::Changed`] when one of the old files was taken out meanwhile.
pub async fn replace_files(
    tx: &mut WriteTx,
    old: &[EventFile],
    new: &[EventFile],
    now: i64,
) -> Result<(), StoreError> {
    for file in old {
        let mut sql = Sql::new("update event_files set removed = ");
        sql.bind(now)
            .push(" where removed is null and path = ")
            .bind(file.path.as_str());
        if sql.execute(tx).await?.rows_affected() != 1 {
            return Err(StoreError::Changed("event file"));
        }
    }
    for file in new {
        insert_file(tx, file).await?;
    }
    Ok(())
}

async fn insert_file(tx: &mut WriteTx, file: &EventFile) -> Result<(), StoreError> {
    sqlx::query(
        "insert into event_files (path, tenant, table_name, row_count, bytes, min_time, max_time,
         first_seq, last_seq, created) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&file.path)
    .bind(file.tenant.to_string())
    .bind(&file.table)
    .bind(file.rows)
    .bind(file.bytes)
    .bind(file.min_time)
    .bind(file.max_time)
    .bind(file.first_seq)
    .bind(file.last_seq)
    .bind(file.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "event file"))?;
    Ok(())
}

/// The rows of a batch that is in files; `None` when no such batch is known.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn find_batch(
    tx: &mut ReadTx,
    tenant: TenantId,
    batch_id: Uuid,
) -> Result<Option<i64>, StoreError> {
    let mut sql = Sql::new("select row_count from event_batches where tenant = ");
    sql.bind(tenant)
        .push(" and batch_id = ")
        .bind(batch_id.to_string());
    sql.fetch_all(tx)
        .await?
        .first()
        .map(|row| row.int("row_count"))
        .transpose()
}

/// Forgets batches appended before a moment; a retry after that would be taken for a new batch.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn forget_batches(tx: &mut WriteTx, before: i64) -> Result<u64, StoreError> {
    let mut sql = Sql::new("delete from event_batches where appended < ");
    sql.bind(before);
    Ok(sql.execute(tx).await?.rows_affected())
}

/// Every file in use that is smaller than a size, by tenant, table and time.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn small_files(tx: &mut ReadTx, below: i64) -> Result<Vec<EventFile>, StoreError> {
    let mut sql = select_files();
    sql.push(" and bytes < ").bind(below);
    sql.push(" order by tenant, table_name, max_time, path");
    sql.fetch_all(tx).await?.iter().map(read_file).collect()
}

/// Of which tables files are taken out of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables<'a> {
    /// Of this one.
    Only(&'a str),
    /// Of all but these.
    AllBut(&'a [&'a str]),
}

/// Takes out of use the files whose every row is older than a moment; files without times go by
/// when they were written. Returns how many.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn expire_files(
    tx: &mut WriteTx,
    tables: Tables<'_>,
    before: i64,
    now: i64,
) -> Result<u64, StoreError> {
    let mut sql = Sql::new("update event_files set removed = ");
    sql.bind(now)
        .push(" where removed is null and (max_time < ")
        .bind(before);
    sql.push(" or (max_time is null and created < ")
        .bind(before)
        .push("))");
    match tables {
        Tables::Only(table) => {
            sql.push(" and table_name = ").bind(table);
        }
        Tables::AllBut([]) => {}
        Tables::AllBut(tables) => {
            sql.push(" and table_name not in (")
                .bind_list(tables.iter().copied())
                .push(")");
        }
    }
    Ok(sql.execute(tx).await?.rows_affected())
}

/// Takes all of a tenant's files out of use and forgets its batches. Returns how many files.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn remove_tenant(
    tx: &mut WriteTx,
    tenant: TenantId,
    now: i64,
) -> Result<u64, StoreError> {
    let mut sql = Sql::new("delete from event_batches where tenant = ");
    sql.bind(tenant);
    sql.execute(tx).await?;
    let mut sql = Sql::new("update event_files set removed = ");
    sql.bind(now)
        .push(" where removed is null and tenant = ")
        .bind(tenant);
    Ok(sql.execute(tx).await?.rows_affected())
}

/// Paths of files that went out of use before a moment.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn removed_paths(tx: &mut ReadTx, before: i64) -> Result<Vec<String>, StoreError> {
    let mut sql = Sql::new("select path from event_files where removed < ");
    sql.bind(before).push(" order by path");
    sql.fetch_all(tx)
        .await?
        .iter()
        .map(|row| row.text("path"))
        .collect()
}

/// Forgets a file that is out of use, once it is deleted.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn forget_file(tx: &mut WriteTx, path: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("delete from event_files where removed is not null and path = ");
    sql.bind(path);
    sql.execute(tx).await?;
    Ok(())
}

/// Paths of every file that the catalogue knows, in use or not.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn all_paths(tx: &mut ReadTx) -> Result<Vec<String>, StoreError> {
    let sql = Sql::new("select path from event_files");
    sql.fetch_all(tx)
        .await?
        .iter()
        .map(|row| row.text("path"))
        .collect()
}

/// Rows and files per tenant and table, of one tenant or of all, by tenant and table.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn totals(
    tx: &mut ReadTx,
    tenant: Option<TenantId>,
) -> Result<Vec<TableTotal>, StoreError> {
    // sum() of bigint is numeric on PostgreSQL.
    let mut sql = Sql::new(
        "select tenant, table_name, cast(sum(row_count) as bigint) as row_count,
         count(*) as files, cast(sum(bytes) as bigint) as bytes
         from event_files where removed is null",
    );
    if let Some(tenant) = tenant {
        sql.push(" and tenant = ").bind(tenant);
    }
    sql.push(" group by tenant, table_name order by tenant, table_name");
    sql.fetch_all(tx)
        .await?
        .iter()
        .map(|row| {
            Ok(TableTotal {
                tenant: row.parsed("tenant")?,
                table: row.text("table_name")?,
                rows: row.int("row_count")?,
                files: row.int("files")?,
                bytes: row.int("bytes")?,
            })
        })
        .collect()
}

fn read_file(row: &AnyRow) -> Result<EventFile, StoreError> {
    Ok(EventFile {
        path: row.text("path")?,
        tenant: row.parsed("tenant")?,
        table: row.text("table_name")?,
        rows: row.int("row_count")?,
        bytes: row.int("bytes")?,
        min_time: row.maybe_int("min_time")?,
        max_time: row.maybe_int("max_time")?,
        first_seq: row.int("first_seq")?,
        last_seq: row.int("last_seq")?,
        created: row.int("created")?,
    })
}
