//! Reading sketches: from memory, else from beside the file that they are of.

use std::sync::Arc;

use futures::StreamExt as _;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use parquet::file::metadata::ParquetMetaData;

use super::kept::Kept;
use super::stored::{FILE_ID, SUFFIX, decode, fingerprint};
use super::{FileTerms, LEAST_ROWS, TermCondition, WantedRows, wanted_rows};

/// Files whose sketches are read at the same time, and are in memory at most besides those that are kept.
const READ_AHEAD: usize = 4;

/// Sketches in memory by the file that they are of: its path, its length, when it was changed in microseconds.
pub(crate) type KeptTerms = Kept<(String, u64, i64), Arc<FileTerms>>;

/// The key of a file.
fn key_of(object: &ObjectMeta) -> (String, u64, i64) {
    (
        object.location.to_string(),
        object.size,
        object.last_modified.timestamp_micros(),
    )
}

/// The rows of files, each with its footer, that may meet a condition; none where nothing is known.
pub(crate) async fn load(
    store: &dyn ObjectStore,
    files: Vec<(ObjectMeta, Arc<ParquetMetaData>)>,
    kept: &KeptTerms,
    condition: &TermCondition,
) -> Vec<Option<WantedRows>> {
    futures::stream::iter(files)
        .map(|(object, metadata)| async move {
            let terms = terms_of(store, &object, &metadata, kept).await?;
            Some(wanted_rows(condition, &terms, &metadata))
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
) -> Option<Arc<FileTerms>> {
    if metadata.file_metadata().num_rows() < LEAST_ROWS {
        return None;
    }
    let key = key_of(object);
    let terms = match kept.get(&key) {
        Some(terms) => terms,
        None => {
            // That there is nothing to be known is remembered, too.
            let terms = Arc::new(read(store, object, metadata).await?.unwrap_or_default());
            kept.put(key, terms.clone(), terms.size());
            terms
        }
    };
    (!terms.is_empty()).then_some(terms)
}

/// Whether a file has a number of its own. Of one that has none, another with the same footer may be in its place.
fn has_id(metadata: &ParquetMetaData) -> bool {
    let said = metadata.file_metadata().key_value_metadata();
    said.into_iter().flatten().any(|pair| pair.key == FILE_ID)
}

/// The sketches beside a file, `Some(None)` when there are none of it; `None` when it cannot be told now.
async fn read(
    store: &dyn ObjectStore,
    object: &ObjectMeta,
    metadata: &ParquetMetaData,
) -> Option<Option<FileTerms>> {
    // What is special in names is encoded in the location already, and is not a second time.
    let path = ObjectPath::parse(format!("{}{SUFFIX}", object.location)).ok()?;
    let bytes = match store.get(&path).await {
        Ok(found) if found.meta.last_modified < object.last_modified && !has_id(metadata) => {
            tracing::warn!(%path, "terms that are older than the file beside them are ignored");
            return Some(None);
        }
        Ok(found) => found.bytes().await,
        Err(error) => Err(error),
    };
    match bytes {
        Ok(bytes) => {
            let print = fingerprint(object.size, metadata);
            let terms = decode(&bytes, print, metadata);
            if terms.is_none() {
                tracing::warn!(%path, "terms that are not those of the file beside them are ignored");
            }
            Some(terms)
        }
        Err(object_store::Error::NotFound { .. }) => Some(None),
        Err(error) => {
            // Without them the hunt is slower, no more.
            tracing::warn!(%path, error = &error as &dyn std::error::Error, "terms cannot be read");
            None
        }
    }
}
