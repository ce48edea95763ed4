//! Reading terms: from memory, else from beside the file that they are of, and no other columns than a hunt asks about.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use parquet::file::metadata::ParquetMetaData;

use super::kept::Kept;
use super::stored::{Directory, FILE_ID, SUFFIX, Section, fingerprint};
use super::{ColumnTerms, FileTerms, LEAST_ROWS, TermFilter, WantedRows, wanted_rows};

/// Files whose terms are read at the same time, and are in memory at most besides those that are kept.
const READ_AHEAD: usize = 4;
/// Bytes that are read of a file at first: most directories are shorter.
const FIRST: u64 = 16 << 10;

/// A file: its path, its length, when it was changed in microseconds.
type FileKey = (String, u64, i64);

/// Terms in memory by the file that they are of and its column; `None` where there are none.
pub(crate) type KeptTerms = Kept<(FileKey, String), Option<Arc<ColumnTerms>>>;

/// The key of a file.
fn key_of(object: &ObjectMeta) -> FileKey {
    (
        object.location.to_string(),
        object.size,
        object.last_modified.timestamp_micros(),
    )
}

/// The rows of files, each with its footer, that may pass a filter; none where nothing is known.
pub(crate) async fn load(
    store: &dyn ObjectStore,
    files: Vec<(ObjectMeta, Arc<ParquetMetaData>)>,
    kept: &KeptTerms,
    filter: &TermFilter,
) -> Vec<Option<WantedRows>> {
    futures::stream::iter(files)
        .map(|(object, metadata)| async move {
            let terms = terms_of(store, &object, &metadata, kept, filter).await?;
            // Many alternatives take a while, in which the hunt may be given up.
            tokio::task::yield_now().await;
            Some(wanted_rows(filter, &terms, &metadata))
        })
        .buffered(READ_AHEAD)
        .collect()
        .await
}

async fn terms_of(
    store: &dyn ObjectStore,
    object: &ObjectMeta,
    metadata: &ParquetMetaData,
    kept: &KeptTerms,
    filter: &TermFilter,
) -> Option<FileTerms> {
    if metadata.file_metadata().num_rows() < LEAST_ROWS {
        return None;
    }
    let key = key_of(object);
    let (mut terms, mut missing) = (FileTerms::default(), Vec::new());
    for column in filter.columns() {
        match kept.get(&(key.clone(), column.to_owned())) {
            Some(Some(known)) => {
                terms.columns.insert(column.to_owned(), known);
            }
            Some(None) => {}
            None => missing.push(column),
        }
    }
    if !missing.is_empty()
        && let Some(beside) = Beside::open(store, object, metadata).await
    {
        let found = beside.columns(&missing).await.unwrap_or_default();
        for (column, found) in missing.into_iter().zip(found) {
            let found = found.map(Arc::new);
            // That there is nothing to be known is remembered, too.
            let bytes = found.as_ref().map_or(0, |found| found.size());
            kept.put((key.clone(), column.to_owned()), found.clone(), bytes);
            terms
                .columns
                .extend(found.map(|found| (column.to_owned(), found)));
        }
    }
    (terms.columns() > 0).then_some(terms)
}

/// Whether a file has a number of its own. Of one that has none, another with the same footer may be in its place.
fn has_id(metadata: &ParquetMetaData) -> bool {
    let said = metadata.file_metadata().key_value_metadata();
    said.into_iter().flatten().any(|pair| pair.key == FILE_ID)
}

/// The terms beside a Parquet file.
struct Beside<'a> {
    store: &'a dyn ObjectStore,
    path: ObjectPath,
    /// None when there are none of this file.
    directory: Option<Directory>,
    metadata: &'a ParquetMetaData,
}

impl<'a> Beside<'a> {
    /// None when it cannot be told now.
    async fn open(
        store: &'a dyn ObjectStore,
        object: &ObjectMeta,
        metadata: &'a ParquetMetaData,
    ) -> Option<Self> {
        // What is special in names is encoded in the location already, and is not a second time.
        let path = ObjectPath::parse(format!("{}{SUFFIX}", object.location)).ok()?;
        let directory = match first_bytes(store, &path).await {
            Ok((meta, _)) if meta.last_modified < object.last_modified && !has_id(metadata) => {
                tracing::warn!(%path, "terms that are older than the file beside them are ignored");
                None
            }
            Ok((meta, bytes)) => {
                let print = fingerprint(object.size, metadata);
                let directory = Directory::decode(&bytes, print, meta.size);
                if directory.is_none() {
                    tracing::warn!(%path, "terms of another version or another file are ignored");
                }
                directory
            }
            Err(object_store::Error::NotFound { .. }) => None,
            Err(error) => return unreadable(&path, &error),
        };
        Some(Self {
            store,
            path,
            directory,
            metadata,
        })
    }

    /// The terms of columns, none of those of which there are none; `None` when it cannot be told now.
    async fn columns(&self, columns: &[&str]) -> Option<Vec<Option<ColumnTerms>>> {
        let sections = columns.iter().map(|column| {
            let directory = self.directory.as_ref();
            directory.and_then(|directory| directory.section(column))
        });
        let sections: Vec<Option<&Section>> = sections.collect();
        let ranges = sections.iter().flatten().map(|s| s.bytes.clone());
        let ranges: Vec<_> = ranges.collect();
        let read = match ranges.is_empty() {
            true => Ok(Vec::new()),
            false => self.store.get_ranges(&self.path, &ranges).await,
        };
        let read = match read {
            Ok(read) => read,
            Err(error) => return unreadable(&self.path, &error),
        };
        // A store may read what is between ranges, too: a column alone would keep all of that.
        let is_shared = read.len() > 1;
        let mut read = read.into_iter().map(|bytes| match is_shared {
            true => Bytes::copy_from_slice(&bytes),
            false => bytes,
        });
        let terms = sections.into_iter().map(|section| {
            let terms = section?.decode(&read.next()?, self.metadata);
            if terms.is_none() {
                let path = &self.path;
                tracing::warn!(%path, "terms that are not what was written are ignored");
            }
            terms
        });
        Some(terms.collect())
    }
}

/// The first bytes of a file of terms, with its directory when it is one.
async fn first_bytes(
    store: &dyn ObjectStore,
    path: &ObjectPath,
) -> object_store::Result<(ObjectMeta, Bytes)> {
    let read = async |end| {
        let options = GetOptions {
            range: Some(GetRange::Bounded(0..end)),
            ..GetOptions::default()
        };
        let found = store.get_opts(path, options).await?;
        Ok((found.meta.clone(), found.bytes().await?))
    };
    let (meta, bytes) = read(FIRST).await?;
    match Directory::end(&bytes) {
        Some(end) if end > bytes.len() => read(end as u64).await,
        _ => Ok((meta, bytes)),
    }
}

/// Without them the hunt is slower, no more.
fn unreadable<T>(path: &ObjectPath, error: &object_store::Error) -> Option<T> {
    let error = error as &dyn std::error::Error;
    tracing::warn!(%path, error, "terms cannot be read");
    None
}
