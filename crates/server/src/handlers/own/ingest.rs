//! `POST /bartizan/v1/ingest`: one file of telemetry, of any kind that is understood.
//!
//! The body goes to a file first: archives have their table of contents at the end, and recordings are read twice,
//! once to learn who is who. Rows are durable when the answer leaves. A body that was sent before is recognised batch
//! by batch for a day, so a client that lost the answer may simply send it again.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::response::Response;
use bartizan_contract::value::Row;
use bartizan_contract::{TenantId, hunting, time};
use bartizan_hunting::events::EventsError;
use bartizan_store::machines;
use bartizan_telemetry::{Limits, MapperSettings, RejectReason, Tally, ndjson};
use futures::TryStreamExt as _;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use crate::app::App;
use crate::call::{self, Call, json as answer};
use crate::error::{ApiError, Kind};
use crate::ingest::feed::{Fed, FeedSettings, feed_path};
use crate::ingest::sightings::Sightings;
use crate::ingest::{ReadReport, RejectWriter, Step, read_path};

/// The largest body, in bytes.
const BODY_LIMIT: u64 = 4 << 30;
/// Bytes of rejected lines that are kept and returned.
const REJECTS_LIMIT: u64 = 1 << 20;
/// Rows of one durable batch.
const BATCH: usize = 5_000;

/// What the query string asks.
struct Options {
    name: String,
    table: Option<&'static hunting::Table>,
    end_at: Option<i64>,
    /// `end` as it was sent: the same file moved otherwise in time is another upload.
    end: String,
    upload: Option<Uuid>,
}

/// Takes a file in.
pub(crate) async fn post(mut call: Call) -> Result<Response, ApiError> {
    let options = options(&call)?;
    // From here on: also a body that is only being sent takes room on the disk.
    let place = call.app.lanes.uploads.enter(call.tenant()).await?;
    let folder = spool_folder(&call.app).map_err(ApiError::internal)?;
    // A folder of its own: no name that is sent can be that of the server's own files beside it.
    let body = folder.path().join("body");
    std::fs::create_dir(&body).map_err(ApiError::internal)?;
    let path = body.join(&options.name);
    let digest = spool(&mut call, &path).await?;
    let upload = options
        .upload
        .unwrap_or_else(|| upload_id(&options, &digest));
    let app = Arc::clone(&call.app);
    let tenant = call.tenant();
    let span = tracing::Span::current();
    let work = move || {
        let _entered = span.enter();
        // Folder and place are held as long as the work, also when the caller goes away meanwhile.
        let (_folder, _place) = (&folder, &place);
        take_in(&app, tenant, &path, &options, upload)
    };
    let report = tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)??;
    answer(StatusCode::OK, &report)
}

fn options(call: &Call) -> Result<Options, ApiError> {
    let invalid = |text: String| ApiError::new(Kind::InvalidInput, text);
    let table = match call.query_param("table") {
        None => None,
        Some(name) => Some(hunting::table(name).ok_or_else(|| {
            invalid(format!(
                "There is no hunting table '{name}' (names are case-sensitive)."
            ))
        })?),
    };
    let end_at = match call.query_param("end") {
        None => None,
        Some("now") => Some(call.app.clock.ticks()),
        Some(text) => Some(time::parse_iso8601(text).ok_or_else(|| {
            invalid(format!(
                "end='{text}' is neither 'now' nor an ISO 8601 time."
            ))
        })?),
    };
    let upload = match call.query_param("upload") {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| invalid(format!("upload='{text}' is not a GUID.")))?,
        ),
    };
    Ok(Options {
        name: file_name(call.query_param("name").unwrap_or("body")),
        table,
        end_at,
        end: call.query_param("end").unwrap_or_default().to_owned(),
        upload,
    })
}

/// A name that stays inside its folder, whatever was sent.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = last.chars().map(safe).take(128).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() {
        "body".to_owned()
    } else {
        name.to_owned()
    }
}

/// A folder below the data directory that is removed with its guard.
struct SpoolFolder(PathBuf);

impl SpoolFolder {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SpoolFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "a spool folder could not be removed");
        }
    }
}

fn spool_folder(app: &App) -> std::io::Result<SpoolFolder> {
    let path = app
        .settings
        .data
        .join("spool")
        .join(Uuid::new_v4().simple().to_string());
    std::fs::create_dir_all(&path)?;
    Ok(SpoolFolder(path))
}

/// Writes the body to `path` and gives its SHA-256.
async fn spool(call: &mut Call, path: &Path) -> Result<Vec<u8>, ApiError> {
    let mut stream = call.take_body().into_data_stream();
    let mut file = tokio::fs::File::create(path)
        .await
        .map_err(ApiError::internal)?;
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut size = 0u64;
    while let Some(chunk) = stream.try_next().await.map_err(call::unread)? {
        size += chunk.len() as u64;
        if size > BODY_LIMIT {
            let text = format!("The body is larger than {BODY_LIMIT} bytes; send it in parts.");
            return Err(ApiError::new(Kind::TooLarge, text));
        }
        digest.update(&chunk);
        file.write_all(&chunk).await.map_err(ApiError::internal)?;
    }
    file.flush().await.map_err(ApiError::internal)?;
    if size == 0 {
        return Err(ApiError::new(
            Kind::InvalidBody,
            "The request body is empty.",
        ));
    }
    Ok(digest.finish().as_ref().to_vec())
}

/// The same content asked for in the same way is the same upload.
fn upload_id(options: &Options, digest: &[u8]) -> Uuid {
    let mut name = digest.to_vec();
    name.extend_from_slice(options.table.map_or("", |table| table.name).as_bytes());
    name.push(0);
    name.extend_from_slice(options.end.as_bytes());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &name)
}

/// Rows on their way into the event store.
struct Intake<'a> {
    app: &'a Arc<App>,
    tenant: TenantId,
    upload: Uuid,
    batches: u32,
    rows: u64,
    duplicates: u64,
    dates_dropped: u64,
    sightings: Sightings,
    failure: Option<EventsError>,
}

impl Intake<'_> {
    /// Appends a batch; its id follows from the upload and its number, so a retry finds it there.
    fn append(&mut self, rows: Vec<Row>) -> ControlFlow<()> {
        for row in &rows {
            self.sightings.add(row);
        }
        let id = Uuid::new_v5(&self.upload, &self.batches.to_be_bytes());
        self.batches += 1;
        let append = self.app.events.append(self.tenant, id, rows);
        match tokio::runtime::Handle::current().block_on(append) {
            Ok(appended) if appended.duplicate => self.duplicates += appended.rows as u64,
            Ok(appended) => {
                self.rows += appended.rows as u64;
                self.dates_dropped += appended.dates_dropped as u64;
            }
            Err(error) => {
                self.failure = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

fn take_in(
    app: &Arc<App>,
    tenant: TenantId,
    path: &Path,
    options: &Options,
    upload: Uuid,
) -> Result<Value, ApiError> {
    let mut intake = Intake {
        app,
        tenant,
        upload,
        batches: 0,
        rows: 0,
        duplicates: 0,
        dates_dropped: 0,
        sightings: Sightings::default(),
        failure: None,
    };
    let beside = path.parent().and_then(Path::parent).unwrap_or(path);
    let rejects_path = beside.join("rejects.ndjson");
    let mut rejects = RejectWriter::new(&rejects_path, REJECTS_LIMIT);
    let (read, tally) = match options.table {
        Some(table) => rows_of(table, path, &mut rejects, &mut intake),
        None => {
            let mut settings = FeedSettings::new(MapperSettings::new(tenant));
            settings.batch = BATCH;
            settings.end_at = options.end_at;
            let report = feed_path(path, &settings, Some(&mut rejects), &mut |fed| match fed {
                Fed::Rows(rows) => intake.append(rows),
                Fed::Progress { .. } => ControlFlow::Continue(()),
            });
            (report.read, report.tally)
        }
    };
    let seen = std::mem::take(&mut intake.sightings).into_vec();
    tokio::runtime::Handle::current().block_on(remember(app, tenant, &seen))?;
    if let Some(failure) = intake.failure {
        return Err(refused(failure));
    }
    let written = rejects.finish().map_err(ApiError::internal)?;
    let rejected_lines = written.map(|path| read_rejects(&path)).unwrap_or_default();
    metrics::counter!("bartizan_ingested_rows_total").increment(intake.rows);
    report(&intake, &read, &tally, rejected_lines)
}

/// The body's lines are rows of one table.
fn rows_of(
    table: &'static hunting::Table,
    path: &Path,
    rejects: &mut RejectWriter,
    intake: &mut Intake<'_>,
) -> (ReadReport, Tally) {
    let limits = Limits::default();
    let mut tally = Tally::default();
    let mut rows = Vec::new();
    let read = read_path(path, &crate::ingest::ReadLimits::default(), &mut |step| {
        if let Step::Record {
            source,
            line,
            bytes,
        } = step
        {
            let mut outcome = bartizan_telemetry::MapOutcome::default();
            match ndjson::row(table.name, bytes, &limits) {
                Ok(row) => outcome.rows.push(row),
                Err(reason) => note(rejects, source, line, bytes, &reason, &mut outcome),
            }
            tally.add(&outcome);
            rows.append(&mut outcome.rows);
            if rows.len() >= BATCH {
                return intake.append(std::mem::take(&mut rows));
            }
        }
        ControlFlow::Continue(())
    });
    if !rows.is_empty() && intake.failure.is_none() {
        // The flow has nothing left to stop; a failure is kept in the intake.
        let _ = intake.append(rows);
    }
    (read, tally)
}

fn note(
    rejects: &mut RejectWriter,
    source: &str,
    line: u64,
    bytes: &[u8],
    reason: &RejectReason,
    outcome: &mut bartizan_telemetry::MapOutcome,
) {
    rejects.write(source, line, bytes, reason);
    outcome.rejected = Some(reason.clone());
}

async fn remember(
    app: &App,
    tenant: TenantId,
    seen: &[(
        bartizan_contract::DeviceId,
        bartizan_security::machine::Sighting,
    )],
) -> Result<(), ApiError> {
    if seen.is_empty() {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    machines::see(&mut tx, tenant, seen).await?;
    tx.commit().await?;
    Ok(())
}

fn refused(error: EventsError) -> ApiError {
    match error {
        EventsError::Busy => ApiError::new(
            Kind::TooManyRequests,
            "The server is still writing earlier telemetry; send this again. What was taken in already is recognised.",
        )
        .retry_after(std::time::Duration::from_secs(2))
        .because(error),
        EventsError::Row { .. } | EventsError::TooLarge { .. } => {
            ApiError::new(Kind::InvalidInput, error.to_string())
        }
        other => ApiError::internal(other),
    }
}

fn read_rejects(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn report(
    intake: &Intake<'_>,
    read: &ReadReport,
    tally: &Tally,
    rejects: Vec<Value>,
) -> Result<Value, ApiError> {
    let problem =
        |problem: &crate::ingest::Problem| format!("{}: {}", problem.source, problem.text);
    let mut warnings: Vec<String> = read.problems.iter().map(problem).collect();
    if intake.dates_dropped > 0 {
        warnings.push(format!(
            "{} times lie outside 1677-09-21 to 2262-04-11 and became null",
            intake.dates_dropped
        ));
    }
    if intake.rows + intake.duplicates == 0 && tally.lines == 0 {
        let why = warnings
            .first()
            .cloned()
            .unwrap_or_else(|| "it holds no record".to_owned());
        return Err(ApiError::new(
            Kind::InvalidBody,
            format!("Nothing in the body can be read: {why}."),
        ));
    }
    let skipped: BTreeMap<&str, u64> = tally
        .skipped
        .iter()
        .map(|(reason, count)| (reason.as_str(), *count))
        .collect();
    let rejected: BTreeMap<&str, u64> = tally
        .rejected
        .iter()
        .map(|(code, count)| (code.as_str(), *count))
        .collect();
    Ok(json!({
        "events": tally.lines,
        "rows": tally.tables,
        "acceptedRows": intake.rows,
        "duplicateRows": intake.duplicates,
        "skipped": skipped,
        "rejected": rejected,
        "rejects": rejects,
        "sources": read.sources,
        "warnings": warnings,
        "complete": read.problems.is_empty(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_their_folder() {
        assert_eq!(file_name("../../etc/passwd"), "passwd");
        assert_eq!(file_name("..\\x.zip"), "x.zip");
        assert_eq!(file_name(".."), "body");
        assert_eq!(file_name("a b.json"), "a_b.json");
    }
}
