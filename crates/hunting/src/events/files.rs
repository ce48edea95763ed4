//! Parquet files: where they are, and how one is written so that it is whole or not there.
//!
//! One file holds rows of one tenant's one table, sorted by `Timestamp`:
//! `{tenant}/{table}/{uuid}.parquet`. They carry no Arrow schema of ours, so DuckDB, ClickHouse,
//! Spark and Trino read them as plain Parquet. One of many rows has columns for paths in JSON behind those of its table
//! (`shredded/`). Beside one of many rows is a file of its terms, `{uuid}.parquet.terms`,
//! which lives as long and may be missing.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::array::cast::AsArray as _;
use arrow::compute::{max, min};
use arrow::datatypes::TimestampNanosecondType;
use bartizan_contract::hunting::Table;
use bartizan_contract::{KqlType, TenantId};
use bartizan_store::segments::EventFile;
use bytes::Bytes;
use futures::StreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, WriteMultipart};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use uuid::Uuid;

use super::error::EventsError;
use super::log::sync_folder;
use super::schema::{TIMESTAMP, file_schema};
use super::settings::Location;
use crate::read_in_place::ReadInPlace;
use crate::shredded::{KeyPath, SAMPLE_BYTES, SAMPLE_ROWS, ShreddedWriter, choose};
use crate::terms::{FILE_ID, LEAST_ROWS, SUFFIX, TermsWriter, encode, fingerprint};

/// Rows in a row group: what one partition reads at a time, and what statistics describe.
const ROW_GROUP_ROWS: usize = 524_288;
/// Columns that hunts look up by one value get a bloom filter.
const BLOOM_SUFFIXES: [&str; 5] = ["DeviceId", "SHA1", "SHA256", "MD5", "RemoteIP"];
/// Columns whose texts are long and mostly differ: a large dictionary of them, which every search reads, holds few.
const LONG_SUFFIXES: [&str; 2] = ["CommandLine", "AdditionalFields"];
/// Bytes of a page of texts. Of long ones, as command lines, it has about as many rows as a block whose terms are known
/// ([`crate::terms`]), so that a search for a rare term reads few others; of texts that repeat, it has many.
const TEXT_PAGE_BYTES: usize = 256 << 10;
/// How the name of a file's writer begins.
pub(crate) const CREATED_BY: &str = "bartizan";
/// One part of an upload.
const PART: usize = 8 * 1024 * 1024;

/// The place of the files.
#[derive(Debug)]
pub(super) struct Files {
    /// Set when the files are on this machine.
    root: Option<PathBuf>,
    staging: PathBuf,
    store: Arc<dyn ObjectStore>,
    hunted: Arc<dyn ObjectStore>,
}

impl Files {
    pub(super) fn open(dir: &Path, location: &Location) -> Result<Self, EventsError> {
        let staging = dir.join("staging");
        // Whatever is there is half-written by a process that is gone.
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(EventsError::file(&staging)(error));
            }
            _ => fs::create_dir_all(&staging).map_err(EventsError::file(&staging))?,
        }
        let (root, store, hunted): (_, Arc<dyn ObjectStore>, Arc<dyn ObjectStore>) = match location
        {
            Location::Local => {
                let root = dir.join("files");
                fs::create_dir_all(&root).map_err(EventsError::file(&root))?;
                let store = LocalFileSystem::new_with_prefix(&root)?;
                let hunted = ReadInPlace::new(LocalFileSystem::new_with_prefix(&root)?);
                (Some(root), Arc::new(store), Arc::new(hunted))
            }
            Location::Remote(store) => (None, store.clone(), store.clone()),
        };
        Ok(Self {
            root,
            staging,
            store,
            hunted,
        })
    }

    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        self.store.clone()
    }

    /// The same files for the threads of hunts.
    pub(super) fn hunted(&self) -> Arc<dyn ObjectStore> {
        self.hunted.clone()
    }

    /// Where a tenant's files are, and nobody else's.
    pub(super) fn folder(tenant: TenantId, table: &str) -> String {
        format!("{tenant}/{table}/")
    }

    /// Begins a file of so many rows in the staging folder.
    pub(super) fn begin(
        &self,
        table: &'static Table,
        rows: i64,
    ) -> Result<FileWriter, EventsError> {
        let path = self.staging.join(Uuid::now_v7().to_string());
        FileWriter::create(path, table, rows)
    }

    /// Puts a finished file where hunts find it, durably, and its terms beside it. Returns its path.
    pub(super) async fn publish(
        &self,
        tenant: TenantId,
        table: &str,
        staged: &Staged,
    ) -> Result<String, EventsError> {
        let path = format!("{}{}.parquet", Self::folder(tenant, table), Uuid::now_v7());
        match &self.root {
            Some(root) => {
                let (from, to) = (staged.path.0.clone(), root.join(&path));
                let root = root.clone();
                blocking(move || move_into_place(&from, &to, &root)).await?;
            }
            None => {
                upload(
                    &*self.store,
                    &staged.path.0,
                    &ObjectPath::from(path.as_str()),
                )
                .await?;
            }
        }
        if let Some(terms) = &staged.terms
            && let Err(error) = self.publish_terms(&path, terms).await
        {
            // Hunts read the file without them, only more of it.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(path, error, "the terms of an event file cannot be written");
        }
        Ok(path)
    }

    /// Terms need not be durable: their checksum tells when they are not whole.
    async fn publish_terms(&self, path: &str, terms: &Bytes) -> Result<(), EventsError> {
        let (path, terms) = (format!("{path}{SUFFIX}"), terms.clone());
        let Some(root) = &self.root else {
            self.store
                .put(&ObjectPath::from(path), terms.into())
                .await?;
            return Ok(());
        };
        // Through the staging folder, so that a crash leaves nothing half-written that no sweep finds.
        let (to, staging) = (root.join(path), self.staging.clone());
        blocking(move || {
            let (mut file, staged) = create(staging.join(Uuid::now_v7().to_string()))?;
            file.write_all(&terms)
                .map_err(EventsError::file(&staged.0))?;
            drop(file);
            fs::rename(&staged.0, &to).map_err(EventsError::file(&to))
        })
        .await
    }

    /// Deletes a file, after its terms; that they are gone already is fine.
    pub(super) async fn delete(&self, path: &str) -> Result<(), EventsError> {
        if !path.ends_with(SUFFIX) {
            self.delete_one(&format!("{path}{SUFFIX}")).await?;
        }
        self.delete_one(path).await
    }

    async fn delete_one(&self, path: &str) -> Result<(), EventsError> {
        match self.store.delete(&ObjectPath::from(path)).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Everything that is there.
    pub(super) async fn list(&self) -> Result<Vec<ObjectMeta>, EventsError> {
        let mut objects = self.store.list(None);
        let mut found = Vec::new();
        while let Some(object) = objects.next().await {
            found.push(object?);
        }
        Ok(found)
    }
}

/// Runs work that waits for a disk or computes for long.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EventsError> + Send + 'static,
) -> Result<T, EventsError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(EventsError::Log(format!(
            "a task of the event store died: {error}"
        ))),
    }
}

/// Renames, and makes the new name durable in every folder on the way.
fn move_into_place(from: &Path, to: &Path, root: &Path) -> Result<(), EventsError> {
    let folder = to.parent().unwrap_or(root);
    let is_new = !folder.is_dir();
    fs::create_dir_all(folder).map_err(EventsError::file(folder))?;
    fs::rename(from, to).map_err(EventsError::file(to))?;
    for folder in folder
        .ancestors()
        .take_while(|folder| folder.starts_with(root))
    {
        sync_folder(folder)?;
        if !is_new {
            break;
        }
    }
    Ok(())
}

async fn upload(store: &dyn ObjectStore, from: &Path, to: &ObjectPath) -> Result<(), EventsError> {
    use tokio::io::AsyncReadExt as _;
    let mut file = tokio::fs::File::open(from)
        .await
        .map_err(EventsError::file(from))?;
    let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(to).await?, PART);
    let mut part = vec![0; PART];
    loop {
        let length = file
            .read(&mut part)
            .await
            .map_err(EventsError::file(from))?;
        if length == 0 {
            break;
        }
        upload.wait_for_capacity(2).await?;
        upload.write(&part[..length]);
    }
    // An object appears when its last part is acknowledged, whole.
    upload.finish().await?;
    Ok(())
}

/// A file in the staging folder, deleted on drop: by then it has moved or is of no use.
#[derive(Debug)]
struct StagedPath(PathBuf);

impl Drop for StagedPath {
    fn drop(&mut self) {
        // What cannot be deleted now goes when the store opens next.
        let _ = fs::remove_file(&self.0);
    }
}

/// Begins a file in the staging folder, for nobody else to read.
fn create(path: PathBuf) -> Result<(File, StagedPath), EventsError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(EventsError::file(&path))?;
    Ok((file, StagedPath(path)))
}

/// A Parquet file under way.
pub(super) struct FileWriter {
    path: StagedPath,
    table: &'static Table,
    body: Body,
    rows: i64,
    /// Of `Timestamp`, nanoseconds.
    times: Option<(i64, i64)>,
    /// In files that are worth it.
    terms: Option<TermsWriter>,
}

/// The rows of a file under way.
enum Body {
    /// The first rows of a large file, until they tell which paths it keeps.
    Waiting {
        file: File,
        first: Vec<RecordBatch>,
        rows: usize,
        bytes: usize,
    },
    /// Rows are written.
    Writing(Box<Writing>),
}

struct Writing {
    writer: ArrowWriter<File>,
    paths: ShreddedWriter,
}

/// A finished, durable file in the staging folder.
#[derive(Debug)]
pub(super) struct Staged {
    path: StagedPath,
    rows: i64,
    bytes: i64,
    times: Option<(i64, i64)>,
    /// What goes beside it.
    terms: Option<Bytes>,
}

impl FileWriter {
    fn create(path: PathBuf, table: &'static Table, rows: i64) -> Result<Self, EventsError> {
        let (file, path) = create(path)?;
        let is_large = rows >= LEAST_ROWS;
        let body = if is_large {
            Body::Waiting {
                file,
                first: Vec::new(),
                rows: 0,
                bytes: 0,
            }
        } else {
            Body::Writing(Box::new(Writing::begin(file, table, &[])?))
        };
        Ok(Self {
            path,
            table,
            body,
            rows: 0,
            times: None,
            terms: is_large.then(|| terms_writer(table)),
        })
    }

    /// Adds rows in a file's types, not earlier than those before.
    pub(super) fn write(mut self, batch: &RecordBatch) -> Result<Self, EventsError> {
        self.rows += batch.num_rows() as i64;
        let times = batch
            .column_by_name(TIMESTAMP)
            .and_then(|column| column.as_primitive_opt::<TimestampNanosecondType>());
        if let Some((from, to)) = times.and_then(|times| Some((min(times)?, max(times)?))) {
            self.times = Some(match self.times {
                Some((first, last)) => (first.min(from), last.max(to)),
                None => (from, to),
            });
        }
        if let Some(terms) = &mut self.terms {
            terms.write(batch)?;
        }
        self.body = self.body.write(batch, self.table)?;
        Ok(self)
    }

    /// Ends the file and makes it durable.
    pub(super) fn finish(self) -> Result<Staged, EventsError> {
        let Self {
            path,
            table,
            body,
            rows,
            times,
            terms,
        } = self;
        let mut writer = body.begun(table)?.writer;
        let metadata = writer.finish()?;
        let file = writer.inner();
        file.sync_all().map_err(EventsError::file(&path.0))?;
        let bytes = file.metadata().map_err(EventsError::file(&path.0))?.len() as i64;
        let terms = terms.map(|terms| {
            let print = fingerprint(bytes as u64, &metadata);
            Bytes::from(encode(&terms.finish(), print))
        });
        Ok(Staged {
            path,
            rows,
            bytes,
            times,
            terms,
        })
    }
}

impl Body {
    fn write(mut self, batch: &RecordBatch, table: &'static Table) -> Result<Self, EventsError> {
        match &mut self {
            Self::Writing(writing) => writing.write(batch)?,
            Self::Waiting {
                first, rows, bytes, ..
            } => {
                *rows += batch.num_rows();
                *bytes += batch.get_array_memory_size();
                first.push(batch.clone());
                if *rows >= SAMPLE_ROWS || *bytes >= SAMPLE_BYTES {
                    return Ok(Self::Writing(self.begun(table)?));
                }
            }
        }
        Ok(self)
    }

    /// Writes the rows that waited.
    fn begun(self, table: &'static Table) -> Result<Box<Writing>, EventsError> {
        match self {
            Self::Writing(writing) => Ok(writing),
            Self::Waiting { file, first, .. } => {
                let mut writing = Writing::begin(file, table, &choose(table, &first))?;
                for batch in &first {
                    writing.write(batch)?;
                }
                Ok(Box::new(writing))
            }
        }
    }
}

impl Writing {
    fn begin(file: File, table: &Table, paths: &[KeyPath]) -> Result<Self, EventsError> {
        let paths = ShreddedWriter::new(table, &file_schema(table), paths);
        let options = ArrowWriterOptions::new()
            .with_properties(properties(table)?)
            .with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(file, paths.schema(), options)?;
        let id = Uuid::now_v7().to_string();
        writer.append_key_value_metadata(KeyValue::new(FILE_ID.to_owned(), id));
        Ok(Self { writer, paths })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), EventsError> {
        self.writer.write(&self.paths.add(batch)?)?;
        Ok(())
    }
}

impl Staged {
    /// The catalogue's row for the file.
    pub(super) fn entry(
        &self,
        path: String,
        tenant: TenantId,
        table: &str,
        seqs: (i64, i64),
        created: i64,
    ) -> EventFile {
        EventFile {
            path,
            tenant,
            table: table.to_owned(),
            rows: self.rows,
            bytes: self.bytes,
            min_time: self.times.map(|(from, _)| from.div_euclid(1000)),
            // Rounded up.
            max_time: self
                .times
                .map(|(_, to)| to.div_euclid(1000) + i64::from(to % 1000 != 0)),
            first_seq: seqs.0,
            last_seq: seqs.1,
            created,
        }
    }
}

/// Whether hunts look a column up by one value.
fn has_bloom_filter(column: &str) -> bool {
    let mut suffixes = BLOOM_SUFFIXES.iter();
    suffixes.any(|suffix| column.ends_with(suffix))
}

/// Whether a column's texts are long and mostly differ.
fn is_long(column: &str) -> bool {
    let mut suffixes = LONG_SUFFIXES.iter();
    suffixes.any(|suffix| column.ends_with(suffix))
}

/// What follows the terms of a table's texts; those that are one term have a bloom filter of their own.
fn terms_writer(table: &Table) -> TermsWriter {
    let columns = table.columns.iter();
    let texts = columns.filter(|c| c.ty == KqlType::String && !has_bloom_filter(c.name));
    TermsWriter::new(texts.map(|c| c.name.to_owned()), ROW_GROUP_ROWS)
}

fn properties(table: &Table) -> Result<WriterProperties, EventsError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(format!("{CREATED_BY} {}", env!("CARGO_PKG_VERSION")));
    if let Some(index) = table.column_index(TIMESTAMP) {
        properties = properties.set_sorting_columns(Some(vec![SortingColumn {
            column_idx: index as i32,
            descending: false,
            nulls_first: true,
        }]));
    }
    for column in table.columns {
        let path = ColumnPath::from(column.name);
        if has_bloom_filter(column.name) {
            properties = properties.set_column_bloom_filter_enabled(path, true);
        } else if column.ty == KqlType::String {
            if is_long(column.name) {
                let path = path.clone();
                properties =
                    properties.set_column_dictionary_page_size_limit(path, TEXT_PAGE_BYTES);
            }
            properties = properties.set_column_data_page_size_limit(path, TEXT_PAGE_BYTES);
        }
    }
    Ok(properties.build())
}
