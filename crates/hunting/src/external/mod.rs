//! `externaldata`: the rows of files elsewhere.
//!
//! What may be read and how is the matter of an [`ExternalReader`], which the caller brings; without one every location is
//! refused. From bytes to rows nothing here does I/O: [`format`] says what a file is, `unpack` takes off its
//! compression, `mapping` says which value goes into which column, and `delimited`, `json_records` and
//! `parquet_rows` make batches.
//!
//! Facts: the documentation's pages "externaldata operator", "Data formats supported for ingestion", "Ingestion mappings".

mod delimited;
mod format;
mod json_records;
mod mapping;
mod parquet_rows;
mod texts;
mod unpack;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bartizan_kql::types::Type;
use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use crate::error::HuntError;
use format::Format;
use mapping::Source;

/// Bytes that one location may have, as they are sent and unpacked (documented for reference tables: 100 MB).
pub const MOST_BYTES: usize = 100_000_000;
/// Bytes that one hunt may have from all its locations.
pub const MOST_BYTES_OF_A_HUNT: usize = 200_000_000;
/// Locations that one `externaldata` may name.
const MOST_LOCATIONS: usize = 100;
/// Columns that one `externaldata` may declare, as many as any rows may have.
const MOST_COLUMNS: usize = 2_000;
/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// Why a location was not read. No text has anything of a URL's query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExternalError {
    /// Nobody allowed it.
    #[error(
        "is not among the locations that may be read: name a prefix of it in the server's setting 'external-data' (with bartizan kql run, --external PREFIX), or put the data into a datatable"
    )]
    NotAllowed,
    /// It is allowed, but was not there, or not to be had.
    #[error("{0}")]
    Failed(String),
}

/// Reads what the operator allows.
pub trait ExternalReader: fmt::Debug + Send + Sync {
    /// The bytes at a location, which is as the query has it. More than `most` are an error. Dropping the future ends the
    /// reading.
    ///
    /// # Errors
    /// See [`ExternalError`].
    fn read<'a>(
        &'a self,
        location: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Bytes, ExternalError>>;
}

/// A reader for one hunt: each location is read once, however often the query is planned, and all together are bounded.
#[derive(Debug)]
pub(crate) struct OfOneHunt {
    reader: Arc<dyn ExternalReader>,
    read: Mutex<HashMap<String, Bytes>>,
}

impl OfOneHunt {
    pub(crate) fn new(reader: Arc<dyn ExternalReader>) -> Self {
        Self {
            reader,
            read: Mutex::default(),
        }
    }
}

impl ExternalReader for OfOneHunt {
    fn read<'a>(
        &'a self,
        location: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Bytes, ExternalError>> {
        Box::pin(async move {
            let mut read = self.read.lock().await;
            if let Some(known) = read.get(location) {
                return Ok(known.clone());
            }
            let so_far: usize = read.values().map(Bytes::len).sum();
            let left = MOST_BYTES_OF_A_HUNT.saturating_sub(so_far);
            if left == 0 {
                return Err(ExternalError::Failed(format!(
                    "a hunt reads at most {MOST_BYTES_OF_A_HUNT} bytes from all its locations"
                )));
            }
            let bytes = self.reader.read(location, most.min(left)).await?;
            read.insert(location.to_owned(), bytes.clone());
            Ok(bytes)
        })
    }
}

/// What one `externaldata` wants.
pub(crate) struct Wanted {
    columns: Vec<Type>,
    schema: SchemaRef,
    sources: HashMap<Format, Vec<Source>>,
    files: Vec<(String, Format)>,
    skip_first: bool,
}

/// Batches of one file, or why there are no more.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>;

impl Wanted {
    /// Reads the operator: `names` are the declared columns, `schema` has their types as arrays under names of the plan.
    ///
    /// # Errors
    /// A property or a location that does not do.
    pub(crate) fn new(
        columns: &[(&str, Type)],
        schema: SchemaRef,
        locations: &[String],
        properties: &[(String, String)],
    ) -> Result<Self, HuntError> {
        if locations.len() > MOST_LOCATIONS {
            return Err(refusal(format!(
                "at most {MOST_LOCATIONS} locations, not {}",
                locations.len()
            )));
        }
        if columns.len() > MOST_COLUMNS {
            return Err(refusal(format!(
                "at most {MOST_COLUMNS} columns, not {}",
                columns.len()
            )));
        }
        let (mut format, mut skip_first, mut text) = (None, false, None);
        for (name, value) in properties {
            match name.to_ascii_lowercase().as_str() {
                "format" => format = Some(Format::named(value).map_err(refusal)?),
                "ignorefirstrecord" => match value.to_ascii_lowercase().as_str() {
                    "true" | "1" => skip_first = true,
                    "false" | "0" => skip_first = false,
                    _ => {
                        return Err(refusal("ignoreFirstRecord is true or false".to_owned()));
                    }
                },
                "ingestionmapping" => text = Some(value.as_str()),
                _ => {
                    return Err(refusal(format!(
                        "the property '{name}' is not known; there are format, ignoreFirstRecord and ingestionMapping"
                    )));
                }
            }
        }
        let (mut files, mut sources) = (Vec::with_capacity(locations.len()), HashMap::new());
        for location in locations {
            let format = match format {
                Some(format) => format,
                None => Format::of_location(location)
                    .map_err(|why| refusal(format!("{}: {why}", shown(location))))?,
            };
            if let std::collections::hash_map::Entry::Vacant(entry) = sources.entry(format) {
                entry.insert(mapping::sources(columns, format, text).map_err(refusal)?);
            }
            files.push((location.clone(), format));
        }
        Ok(Self {
            columns: columns.iter().map(|(_, ty)| *ty).collect(),
            schema,
            sources,
            files,
            skip_first,
        })
    }

    /// Reads all locations, one after the other, and gives each batch to `keep`, which may refuse it; what is held of the
    /// files meanwhile is told to `hold`.
    ///
    /// # Errors
    /// What a location or its content lacks; whatever `keep` says.
    pub(crate) async fn read(
        &self,
        reader: Option<&dyn ExternalReader>,
        mut keep: impl FnMut(Option<RecordBatch>, usize) -> Result<(), HuntError> + Send,
    ) -> Result<(), HuntError> {
        for (location, format) in &self.files {
            let told = |error: &dyn fmt::Display| refusal(format!("{}: {error}", shown(location)));
            let reader = reader.ok_or_else(|| not_allowed(location))?;
            let read = reader.read(location, MOST_BYTES).await;
            let bytes = read.map_err(|error| match error {
                ExternalError::NotAllowed => not_allowed(location),
                ExternalError::Failed(_) => told(&error),
            })?;
            keep(None, bytes.len())?;
            let files = unpack::Files::new(location, bytes, MOST_BYTES);
            let mut files = files.map_err(|e| told(&e))?;
            while let Some(file) = files.next().await.map_err(|e| told(&e))? {
                keep(None, file.len())?;
                // A file need not have a row.
                tokio::task::yield_now().await;
                let batches = self.batches(*format, file).map_err(|e| told(&e))?;
                for batch in batches {
                    let batch = batch.map_err(|e| told(&e))?;
                    let size = batch.get_array_memory_size();
                    keep(Some(batch), size)?;
                    // A hunt that is given up ends here, and others have their turn.
                    tokio::task::yield_now().await;
                }
            }
        }
        Ok(())
    }

    fn batches(&self, format: Format, file: Bytes) -> Result<Batches, String> {
        let sources = self.sources.get(&format).cloned().unwrap_or_default();
        let table = texts::Table::new(self.schema.clone(), &self.columns, sources)?;
        match format {
            Format::Delimited(rules) => delimited::batches(table, file, rules, self.skip_first),
            Format::Lines => Ok(delimited::lines(table, file, self.skip_first)),
            Format::Whole => delimited::whole(table, file),
            Format::Json => Ok(json_records::batches(table, file, self.skip_first)),
            Format::Parquet => parquet_rows::batches(table, file, self.skip_first),
        }
    }
}

/// A location without what may be secret: user, query, fragment, and what follows a semicolon. Where it is not clear what
/// is a user and what a path, less is shown than could be.
pub fn shown(location: &str) -> String {
    let unclear = || "a location".to_owned();
    let end = location.find(['?', '#', ';']).unwrap_or(location.len());
    let Some((scheme, rest)) = location[..end].split_once("://") else {
        return unclear();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, path, more) = match (authority.rsplit_once('@'), path.rsplit_once('@')) {
        // No user stands before the host: the sign is the path's own.
        (None, Some(_)) if is_host(authority) => (authority, path, ""),
        // A password may have a slash that nobody encoded.
        (_, Some((_, after))) => ("", after, "..."),
        (Some((_, host)), None) => (host, path, ""),
        // It may have what else ends an authority, too.
        (None, None) if path.is_empty() && location[end..].contains('@') => return unclear(),
        (None, None) if !has_port(authority) => return unclear(),
        (None, None) => (authority, path, ""),
    };
    format!("'{scheme}://{more}{host}{path}'")
}

/// Whether an authority is a host beyond doubt, and not the name before a password: a name with a dot, or an address. What
/// looks like a port may be how a password begins.
fn is_host(authority: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let dotted = authority.contains('.') && authority.chars().all(plain);
    has_port(authority) && (dotted || authority == "localhost" || authority.starts_with('['))
}

/// Whether what follows the last colon of an authority, if it has one, may be a port.
fn has_port(authority: &str) -> bool {
    match authority.rsplit_once(':') {
        Some((_, port)) => {
            authority.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => true,
    }
}

fn not_allowed(location: &str) -> HuntError {
    refusal(format!("{} {}", shown(location), ExternalError::NotAllowed))
}

fn refusal(why: String) -> HuntError {
    HuntError::Evaluation(format!("externaldata: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_location_has_no_secret() {
        for (location, wanted) in [
            (
                "https://feeds.example/a.csv?sig=hidden",
                "'https://feeds.example/a.csv'",
            ),
            (
                "https://feeds.example:8443/a.csv#hidden",
                "'https://feeds.example:8443/a.csv'",
            ),
            (
                "https://[fd00::1]:8443/a.csv;hidden",
                "'https://[fd00::1]:8443/a.csv'",
            ),
            ("https://[fd00::1]/a.csv", "'https://[fd00::1]/a.csv'"),
            (
                "https://feeds.example?mail=a%40b",
                "'https://feeds.example'",
            ),
            (
                "https://user:hidden@feeds.example/a.csv",
                "'https://feeds.example/a.csv'",
            ),
            (
                "https://user:hid@den@feeds.example/a.csv",
                "'https://feeds.example/a.csv'",
            ),
            (
                "https://user:hid/den@feeds.example/a.csv",
                "'https://...feeds.example/a.csv'",
            ),
            (
                "https://u@x:hid/den@feeds.example/a.csv",
                "'https://...feeds.example/a.csv'",
            ),
            (
                "https://feeds.example/@scope/list@2/a.csv",
                "'https://feeds.example/@scope/list@2/a.csv'",
            ),
            (
                "https://user:p@hid.den/den@feeds.example/a.csv",
                "'https://...feeds.example/a.csv'",
            ),
            (
                "https://[fd00::1]:8443/list@2/a.csv",
                "'https://[fd00::1]:8443/list@2/a.csv'",
            ),
            (
                "https://user:1/hidden@feeds.example/a.csv",
                "'https://...feeds.example/a.csv'",
            ),
            (
                "https://anna.k:12/hidden@feeds.example/a.csv",
                "'https://...feeds.example/a.csv'",
            ),
            (
                "https://hidden/den@feeds.example/a.csv",
                "'https://...feeds.example/a.csv'",
            ),
            ("https://user:hid?den@feeds.example/a.csv", "a location"),
            ("https://hid#den@feeds.example/a.csv", "a location"),
            ("https://user:hid/d?en@feeds.example/a.csv", "a location"),
            ("hidden", "a location"),
        ] {
            assert_eq!(shown(location), wanted, "{location}");
        }
    }
}
